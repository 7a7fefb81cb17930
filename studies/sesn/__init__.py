"""Scale-equivariant steerable networks, as reproduced by Lukacs and Petrescu (project blog, TU Delft, 2021)."""

from __future__ import annotations

from repro.study import Metric, Outcome, Run, Study, grid
from studies.sesn.cases import (
    COLUMNS,
    FACTORS,
    PLAIN,
    REALISATIONS,
    SMALL,
    STEERABLE,
    Cell,
    Column,
    Factors,
    Layers,
    Network,
    Probes,
    Published,
    Realisation,
    Shown,
    Wide,
)
from studies.sesn.profiles import LITE, OFFERED, PAPER, SHORT, SMOKE

TRAINED = (
    Metric("error", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("train_loss", "nats", judged=False),
)
ON_MNIST = (*TRAINED, Metric("validation_error", "%", judged=False), Metric("best_epoch", "epoch", judged=False))
MILLISECONDS = {  # of one CPU core per training image, roughly; it only orders the runs
    "cnn_28": 2, "cnn_56": 8, "scalar_28": 3, "scalar_28p": 3, "scalar_56": 10, "scalar_56p": 13,
    "vector_28": 2.5, "vector_28p": 3, "vector_56": 15, "vector_56p": 13,
}  # fmt: skip


study = Study(
    "sesn",
    title="Scale-equivariant steerable networks, reproduced (Lukacs and Petrescu 2021)",
    data=OFFERED,
    smoke=SMOKE,
    lite=LITE,
    short=SHORT,
    paper=PAPER,
)


def cost(cell: Cell) -> float:
    """Return about the milliseconds of one CPU core per training image."""
    return MILLISECONDS.get(cell.model, 1.0) + cell.realisation / 100


@study.experiment(
    grid(Cell, model=(*STEERABLE, *SMALL), factor=FACTORS, realisation=REALISATIONS),
    metrics=ON_MNIST,
    axes=("model", "factor"),
    cost=cost,
    portable=False,  # the fast augmentation's last grey level hangs on more than the processor
    resumes=True,
)
def scaled_mnist(cell: Cell, run: Run) -> Outcome:
    """Test error of the steerable networks on scaled MNIST, without and with scale augmentation (Table 1)."""
    from studies.sesn.training.mnist import train_scaled_mnist

    return train_scaled_mnist(cell.model, cell.factor, run)


@study.experiment(
    grid(Cell, model=(*PLAIN, "cnn_small"), factor=FACTORS, realisation=REALISATIONS),
    metrics=ON_MNIST,
    axes=("model", "factor"),
    cost=cost,
    portable=False,  # the fast augmentation's last grey level hangs on more than the processor
    resumes=True,
)
def plain_cnn(cell: Cell, run: Run) -> Outcome:
    """Test error of plain CNNs of equal size under the same protocol: is it equivariance, or augmentation? (ours)."""
    from studies.sesn.training.mnist import train_scaled_mnist

    return train_scaled_mnist(cell.model, cell.factor, run)


@study.experiment(
    grid(Wide, variant=("wrn", "a", "b", "c")),
    # In `smoke`, errors on 20 images after one epoch are chance; the loss of training is what seeds agree on.
    metrics=(*TRAINED[:-1], Metric("train_loss", "nats"), Metric("seconds_per_image", "s", judged=False)),
    cost=lambda wide: 100.0 if wide.variant == "wrn" else 1000.0,
    resumes=True,
)
def stl10(wide: Wide, run: Run) -> Outcome:
    """Test error on STL-10 of WRN-16-8 and its scale-equivariant variants, and what training costs (STL-10 section)."""
    from studies.sesn.training.stl10 import train_stl10

    return train_stl10(wide.variant, run)


@study.experiment(
    grid(Layers, layer=("steerable", "interacting", "ordinary"), depth=(1, 2, 3), padded=(False, True)),
    metrics=[Metric(f"log10_error{where}", useful=0.1) for where in ("", "_centre", "_projected")],
)
def equivariance(layers: Layers, run: Run) -> dict[str, float]:
    """Scale equivariance error of random layers against depth and padding (ours)."""
    from studies.sesn.measured.equivariance import stack_errors

    return stack_errors(layers.layer, layers.depth, layers.padded, run.seed)


@study.experiment(
    grid(Network, model=(*STEERABLE, *SMALL)),
    metrics=(
        "functions", "rank_smallest", "rank_largest", "odd_functions", "norm_last", "even_sum",
        "error_best", "error_worst", "fixed_best", "fixed_worst",
    ),
    deterministic=True,
)  # fmt: skip
def kernels(network: Network, _run: Run) -> dict[str, float]:
    """Rank, norms and scale equivariance error of the networks' basis functions (algorithm section)."""
    from studies.sesn.measured.equivariance import basis_figures
    from studies.sesn.model.mnist import ARCHITECTURES

    return basis_figures(ARCHITECTURES[network.model].basis)


@study.experiment(
    grid(Network, model=(*STEERABLE, *PLAIN, *SMALL, "cnn_small", *(f"stl10_{one}" for one in ("wrn", "a", "b", "c")))),
    metrics=("parameters", "logit_norm", Metric("loss", "nats"), "gradient_norm"),
    deterministic=True,
)
def forward(network: Network, _run: Run) -> dict[str, float]:
    """Number of parameters of each network, and its output and gradient for fixed ones (results section)."""
    from studies.sesn.measured.fixed import forward_figures

    return forward_figures(network.model)


@study.experiment(
    (Probes(count=4000, seed=0),),
    metrics=(
        Metric("hole_side", "px"), Metric("hole_area", "px"), "full_hole_share", "flip_share",
        *(Metric(f"shift_{what}", "px") for what in ("lowest", "highest", "mean", "sd")),
        "padding_red", "padding_green", "padding_blue",
    ),
    deterministic=True,
)  # fmt: skip
def transforms(probes: Probes, _run: Run) -> dict[str, float]:
    """Crop, flip, padding and hole of STL-10's training images, read off images that went through (STL-10 section)."""
    from studies.common.rounding import significant
    from studies.sesn.measured.probes import transform_statistics

    return {name: significant(value) for name, value in transform_statistics(probes.seed, probes.count).items()}


@study.experiment(
    (Factors(count=61, low=0.5),),
    metrics=(Metric("grey", "level"), Metric("centre_down", "px"), Metric("centre_across", "px")),
    deterministic=True,
)
def scaling(factors: Factors, _run: Run) -> dict[str, float]:
    """Grey level and place of a blob after the scale augmentation of training (MNIST section)."""
    from studies.common.rounding import significant
    from studies.sesn.measured.scaling import scaling_figures

    # Four digits: in float32, a pixel in a hundred thousand may fall one grey level beside.
    return {name: significant(value, 4) for name, value in scaling_figures(factors.count, factors.low).items()}


@study.experiment(
    (Shown("train", 1.0), Shown("train", 0.5), Shown("test", 0.5)),
    metrics=("images", "mean", "sd"),
    deterministic=True,
)
def shown_images(shown: Shown, run: Run) -> dict[str, float]:
    """Images that a network is shown in training and in the test, which is never augmented (MNIST section)."""
    from studies.common.rounding import significant
    from studies.sesn.measured.shown import shown_figures

    return {name: significant(value, 4) for name, value in shown_figures(shown.part, shown.factor, run).items()}


@study.experiment(
    grid(Realisation, realisation=REALISATIONS),
    metrics=(
        "equal_parts",
        Metric("equal_files", judged=False),
        "train_images",
        "val_images",
        "test_images",
        "mean",
        "sd",
    ),
    deterministic=True,
)
def published_data(realisation: Realisation, run: Run) -> dict[str, float]:
    """Scaled MNIST beside its published hashes, its sizes, and the moments of its training pixels (MNIST section)."""
    from studies.sesn.measured.realisations import realisation_figures

    return realisation_figures(run.dataset.load(), realisation.realisation)


@study.experiment(
    grid(Column, column=COLUMNS),
    metrics=(
        *(Metric(f"{what}_{figure}", "%") for what in ("pooled", "matched") for figure in ("mean", "sd")),
        "n_pooled", "n_matched", "welch_p_printed", "welch_p_pooled", "welch_p_matched", "tost_p_matched",
        Metric("equivalent_within", "%"),
    ),
    deterministic=True,
)  # fmt: skip
def blog_table(column: Column, _run: Run) -> dict[str, float]:
    """Table 1 computed again from the blog's runs, as printed and with like compared with like (Table 1)."""
    from studies.sesn.measured.reanalysis import cell_metrics

    return cell_metrics(column.column)


@study.experiment(
    (Published(runs=94),),
    metrics=(
        "runs", "missing", "in_first_version", "multiples_of_50000", "multiples_of_48000", "smallest_test_set",
        "figures_cut_off", "figures_rounded", "realisation_F", "realisation_p", Metric("realisation_share", "%"),
        *(Metric(name, "%") for name in ("realisation_0", "residual_sd", "factor_gain", "model_gain")),
        Metric("gpu_hours", "h"),
    ),
    deterministic=True,
)  # fmt: skip
def blog_runs(_published: Published, _run: Run) -> dict[str, float]:
    """The published runs as a whole: number, test images, printing, what explains their spread (Table 1)."""
    from studies.sesn.measured.reanalysis import run_metrics

    return run_metrics()


study.figures_from(
    "studies.sesn.figures",
    table1="Table 1 as printed, pooled and with like compared with like, from the published runs.",
    gains='What augmentation and what the "+" models gain, from the published runs.',
)
