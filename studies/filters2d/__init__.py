"""Convolutional layers and 2-D signal processing (Breuel, notebook of the summer school in Genoa, 2018)."""

from __future__ import annotations

from repro.study import Metric, Outcome, Run, Study, grid
from studies.filters2d.cases import (
    BLOBS,
    CHANNELS,
    CIRCLES,
    GENERATORS,
    INVERSES,
    LAWS,
    NETWORKS,
    RECTANGLES,
    VIEWS,
    Approximation,
    Backgrounds,
    Channel,
    Colour,
    Dense,
    Filter,
    Generator,
    Inverse,
    Law,
    Listing,
    Matrix,
    Median,
    Mode,
    Network,
    Outline,
    Passes,
    Sampling,
    Smoother,
    Topology,
    Wave,
)
from studies.filters2d.profiles import LITE, PAPER, SMOKE

TRAINED = (Metric("train_loss", judged=False), Metric("rate", judged=False))
# Over seeds errors spread by factors: their logarithms are judged.
ERRORS = (*TRAINED, Metric("mse", judged=False), Metric("log10_mse", "log10", useful=0.1))
BESIDE_LINEAR = (*ERRORS, Metric("linear_mse", judged=False), Metric("log10_ratio", "log10", useful=0.1))
OUTLINES = (
    *TRAINED,
    Metric("log10_train_loss", "log10 nats", useful=0.1),
    Metric("batch_error", "%", counted=True, useful=5.0),
    Metric("error", "%", judged=False),  # after few updates running statistics lag by chance
    Metric("lowest_error", "%", judged=False),
    Metric("train_error", "%", judged=False),
    Metric("images", judged=False),
)

study = Study(
    "filters2d",
    title="Convolutional layers and 2-D signal processing (Breuel 2018)",
    smoke=SMOKE,
    lite=LITE,
    paper=PAPER,
)


# Without training


@study.experiment(grid(Law, law=LAWS), metrics=("apart",), deterministic=True)
def laws_stated(law: Law, _run: Run) -> dict[str, float]:
    """Relative distance of the two sides of a law; 0 is rounding (sections 2 to 6, 10, 14, 15)."""
    from studies.filters2d.measured.laws import law_figures

    return law_figures(law.law)


@study.experiment(
    (Filter("full"),),
    metrics=("rows", "columns", Metric("mass", "%"), Metric("mass_in_kernel", "%"), "largest"),
    deterministic=True,
)
def impulse(_filter: Filter, _run: Run) -> dict[str, float]:
    """Support of the Gaussian's impulse response, and its share that a 15 x 15 kernel holds (section 2)."""
    from studies.filters2d.measured.filters import impulse_figures

    return impulse_figures()


@study.experiment(
    grid(Network, network=NETWORKS),
    metrics=("parameters", "modules", "outputs", "kernel_products"),
    deterministic=True,
)
def network_sizes(network: Network, _run: Run) -> dict[str, float]:
    """Parameters and layers of each network, and products of its kernels for a pixel (sections 3 to 16)."""
    from studies.filters2d.measured.sizes import network_figures

    return network_figures(network.network)


@study.experiment(grid(Network, network=VIEWS), metrics=("seen", "of"), deterministic=True)
def fields_of_view(network: Network, _run: Run) -> dict[str, float]:
    """How many of the input's values reach the middle of a network's answer (sections 3, 4, 12, 13 and 16)."""
    from studies.filters2d.measured.sizes import view_figures

    return view_figures(network.network)


@study.experiment(
    (*grid(Wave, dimensions=(1,), panel=range(1, 7)), *grid(Wave, dimensions=(2,), panel=range(1, 10))),
    metrics=("lowest", "highest", "off_odd"),
    deterministic=True,
)
def waves(wave: Wave, _run: Run) -> dict[str, float]:
    """Range of each panel of localised waves, and how far it is from odd (section 10)."""
    from studies.filters2d.measured.filters import panel_figures

    return panel_figures(wave.dimensions, wave.panel)


@study.experiment(
    (*grid(Approximation, of=("identity",), within=(1.0, 2.0, 4.0)), Approximation("softplus", 5.0)),
    metrics=("largest", "rms"),
    deterministic=True,
)
def sigmoids(approximation: Approximation, _run: Run) -> dict[str, float]:
    """By how much a scaled sigmoid misses the identity and softplus (section 13.2)."""
    from studies.filters2d.measured.filters import approximation_figures

    return approximation_figures(approximation.of, approximation.within)


@study.experiment(
    grid(Matrix, matrix=("learned", "srgb", "printed")),
    metrics=("row_1", "row_2", "row_3", "off_learned", "off_srgb", "off_printed"),
    deterministic=True,
)
def colour_matrices(matrix: Matrix, _run: Run) -> dict[str, float]:
    """Sums of rows of the learned, the right and the printed matrix, and their distances (section 5)."""
    from studies.filters2d.measured.filters import matrix_figures

    return matrix_figures(matrix.matrix)


@study.experiment(grid(Passes, passes=(1, 2, 3, 4, 6)), metrics=("decay", "off"), deterministic=True)
def recursive_gaussian(passes: Passes, _run: Run) -> dict[str, float]:
    """Relative distance of a recursive filter, run both ways so often, from the Gaussian filter (section 15)."""
    from studies.filters2d.measured.filters import recursive_gaussian_figures

    return recursive_gaussian_figures(passes.passes)


@study.experiment(
    grid(Sampling, before=("nothing", "gaussian")),
    metrics=(Metric("above", "%"), Metric("folded", "%")),
    deterministic=True,
)
def subsampling(sampling: Sampling, _run: Run) -> dict[str, float]:
    """Power that every fourth pixel cannot carry, and how much of it is folded back, on rings (section 10)."""
    from studies.filters2d.measured.filters import sampling_figures

    return sampling_figures(sampling.before)


@study.experiment(
    grid(Generator, generator=GENERATORS),
    metrics=("mean", "deviation", "placed", "target_mean", "target_deviation", "target_placed", "together"),
    deterministic=True,
)
def shown_data(generator: Generator, run: Run) -> dict[str, float]:
    """Moments of what the networks are shown and should answer, and where its values stand (sections 2 to 16)."""
    from studies.filters2d.measured.inputs import shown_figures

    return shown_figures(generator.generator, run)


@study.experiment(
    grid(Mode, mode=("running", "batch")),
    metrics=(Metric("error", "%"), "logit", "spread", "unchanged"),
    deterministic=True,
)
def evaluation_modes(mode: Mode, _run: Run) -> dict[str, float]:
    """A fixed classifier by running statistics and by those of each batch, which the notebook used (section 11)."""
    from studies.filters2d.measured.outlines import mode_figures

    return mode_figures(mode.mode)


@study.experiment(grid(Listing, listing=("bayer_index", "conv2d_name")), metrics=("raised",), deterministic=True)
def broken_listings(listing: Listing, _run: Run) -> dict[str, float]:
    """Whether lines of the text that cannot run raise the error they must: negative controls (sections 7 and 16)."""
    from studies.filters2d.measured.listings import listing_figures

    return listing_figures(listing.listing)


@study.experiment(
    grid(Backgrounds, strength=(0.5, 0.2, 0.1)),
    metrics=(Metric("hits", "%", counted=True, useful=5.0), Metric("margin", judged=False)),
)
def matched_filter(backgrounds: Backgrounds, run: Run) -> Outcome:
    """In how many noisy backgrounds a matched filter finds a digit of some strength (section 9)."""
    from studies.filters2d.measured.digits import matched_figures

    return Outcome(matched_figures(backgrounds.strength, run), n_test=run.settings.backgrounds)


# With training


@study.experiment(
    grid(Filter, model=("full", "separable")), metrics=(*BESIDE_LINEAR, "correlation"), cost=lambda _: 5.0, resumes=True
)
def learned_filter(case: Filter, run: Run) -> Outcome:
    """Error and kernel of one 15 x 15 and of two 1-D convolutions that learn a Gaussian filter (section 3)."""
    from studies.filters2d.measured.transforms import run_filter

    return run_filter(case, run)


@study.experiment(
    (Dense("all_weights"),),
    metrics=(*BESIDE_LINEAR, "correlation", Metric("outside", "%", judged=False)),
    resumes=True,
)
def dense_layer(_dense: Dense, run: Run) -> Outcome:
    """Error and weights of a fully connected layer that learns the same filter (section 4)."""
    from studies.filters2d.measured.transforms import run_dense

    return run_dense(run)


@study.experiment(
    (Colour("linear"),), metrics=(*BESIDE_LINEAR, "off_least_squares", "off_learned", "off_printed"), resumes=True
)
def colour_matrix(_colour: Colour, run: Run) -> Outcome:
    """Error of a learned matrix from RGB to XYZ, and its distance from the best and the printed ones (section 5)."""
    from studies.filters2d.measured.transforms import run_matrix

    return run_matrix(run)


@study.experiment(grid(Colour, hidden=("sigmoid", "relu")), metrics=BESIDE_LINEAR, resumes=True)
def network_in_network(colour: Colour, run: Run) -> Outcome:
    """Error of a network at every pixel from RGB to XYZ, over that of the best matrix (section 6)."""
    from studies.filters2d.measured.transforms import run_per_pixel

    return run_per_pixel(colour, run)


@study.experiment(
    INVERSES,
    metrics=BESIDE_LINEAR,
    cost=lambda case: 1.0 if case.hidden == "linear" else 4.0,
    resumes=True,
)
def demosaicking(inverse: Inverse, run: Run) -> Outcome:
    """Error of linear and non-linear networks that undo a Bayer mosaic, over the best linear one's (section 7)."""
    from studies.filters2d.measured.transforms import run_inverse

    return run_inverse("mosaic", inverse, run)


@study.experiment(
    CHANNELS,
    metrics=BESIDE_LINEAR,
    cost=lambda case: 1.0 if case.hidden == "linear" else 8.0,
    resumes=True,
)
def channel_inverse(inverse: Channel, run: Run) -> Outcome:
    """Error of linear and non-linear networks that undo blur and noise, over the best linear one's (section 8)."""
    from studies.filters2d.measured.transforms import run_inverse

    return run_inverse("channel", inverse, run)


@study.experiment(CIRCLES, metrics=OUTLINES, cost=lambda _: 4.0, resumes=True)
def circle_or_square(outline: Outline, run: Run) -> Outcome:
    """Test error of the network that tells circles from squares (section 11.1)."""
    from studies.filters2d.measured.outlines import run_outlines

    return run_outlines("circle_square", outline, run)


@study.experiment(RECTANGLES, metrics=OUTLINES, cost=lambda case: 10.0 * (case.side / 64) ** 2, resumes=True)
def square_or_rectangle(outline: Outline, run: Run) -> Outcome:
    """Test error of the same network on squares and rectangles, by images for each position (section 11.2)."""
    from studies.filters2d.measured.outlines import run_outlines

    return run_outlines("square_rectangle", outline, run)


@study.experiment(
    BLOBS,
    metrics=(
        *TRAINED, Metric("overlap", "%", useful=5.0),
        *(Metric(name, judged=False) for name in ("mse", "batch_mse", "variance")),
        *(Metric(name, "%", judged=False) for name in ("explained", "classical_overlap", "filled")),
    ),
    cost=lambda case: 8.0 if case.network == "lstm2" else 2.0,
    resumes=True,
)  # fmt: skip
def blob_boundaries(topology: Topology, run: Run) -> Outcome:
    """Overlap of learned boundaries of blobs, and of learned blobs from their boundaries (section 12)."""
    from studies.filters2d.measured.blobs import run_topology

    return run_topology(topology, run)


@study.experiment(
    (Median("notebook"),),
    metrics=(
        *BESIDE_LINEAR, Metric("box_mse", judged=False), Metric("log10_over_box", "log10", useful=0.1),
        Metric("identity_mse", judged=False), Metric("dots_median", judged=False), "dots_mean",
        Metric("dots_at", judged=False),
    ),
    cost=lambda _: 5.0,
    resumes=True,
)  # fmt: skip
def learned_median(_median: Median, run: Run) -> Outcome:
    """Error of a learned median beside simple filters', and what it makes of isolated dots (section 13)."""
    from studies.filters2d.measured.transforms import run_median

    return run_median(run)


@study.experiment(
    grid(Smoother, model=("lstm", "fir")),
    metrics=(*ERRORS, Metric("explained", "%", judged=False)),
    cost=lambda _: 4.0,
    resumes=True,
)
def smoothing(smoother: Smoother, run: Run) -> Outcome:
    """Error of an LSTM and of a linear filter that learn to smooth pulses (section 16)."""
    from studies.filters2d.measured.sequences import run_smoother

    return run_smoother(smoother, run)


study.figures_from(
    "studies.filters2d.figures.pictures", dots_filtered="Dots, the Gaussian filter, its impulse response (section 2)",
    learned_kernels="Learned kernels, a dense layer's matrix; trains (sections 3, 4)",
    colour_images="RGB, XYZ, learned XYZ; trains (sections 5, 6)", mosaic_images="Mosaics undone; trains (section 7)",
    channel_images="Blur and noise undone; trains (section 8)", matched_digit="A digit found in noise (section 9)",
    localised_waves="Localised waves (section 10)", aliased_rings="Rings that alias, and not (section 10)",
    outline_samples="Outlines of both tasks (section 11)", blob_images="Blobs and boundaries; trains (section 12)",
    median_images="A learned median; trains (section 13)", activation_curves="Activations, approximated (section 13.2)",
    smoothed_pulses="Pulses, filtered by recursions and by weights; trains (sections 14 to 16)",
)  # fmt: skip
study.figures_from("studies.filters2d.figures.happens", beside="What is said, and what happens (sections 2 to 16)")
study.figures_from(
    "studies.filters2d.figures.headlines", against_linear="Networks over the best linear filter (sections 7, 8)",
    samples_per_position="Errors by images for each position (section 11.2)",
    topology_overlaps="Overlaps of learned boundaries and shapes (section 12)",
)  # fmt: skip
