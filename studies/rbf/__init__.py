"""Radial basis function networks: exercise 12 of a course on deep learning (Günther, University of Zurich, 2021)."""

from __future__ import annotations

from repro.study import Metric, Outcome, Run, Study
from studies.rbf.cases import CHOICES, LAYERS, PARTS, QUICK, RECIPES, SIZES, Choice, Layer, Recipe, Shown, Size
from studies.rbf.profiles import LITE, PAPER, SMOKE

TRAINED = (
    Metric("error", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("neighbour_error", "%", counted=True, useful=5.0),
    Metric("train_loss", "nats", judged=False),
    Metric("validation_error", "%", judged=False),
    Metric("best_epoch", "epoch", judged=False),
    Metric("reached_90", judged=False),
    Metric("epochs_to_90", "epoch", judged=False),
    Metric("centres_inside", "%", judged=False),
    Metric("smallest_width", judged=False),
    Metric("largest_width", judged=False),
)

study = Study(
    "rbf", title="Radial basis function networks (exercise 12, Günther 2021)", smoke=SMOKE, lite=LITE, paper=PAPER
)


@study.experiment(CHOICES, metrics=TRAINED, cost=lambda choice: 1.0 if choice.kernel == 3 else 2.0, resumes=True)
def open_choices(choice: Choice, run: Run) -> Outcome:
    """Test error under what the document leaves open: the start of the RBF layer, activation, kernel (Task 1)."""
    from studies.rbf.measured.trained import train_network

    return train_network(run, QUICK, choice, epochs=run.settings.choice_epochs)


@study.experiment(RECIPES, metrics=TRAINED, cost=lambda _recipe: 10.0, resumes=True)
def learning_rates(recipe: Recipe, run: Run) -> Outcome:
    """Test error and epochs to 90 % at the advised learning rate of 1e-4 and at larger ones, 100 epochs (Task 2)."""
    from studies.rbf.measured.trained import train_network

    return train_network(run, recipe, Choice(), epochs=run.settings.epochs)


@study.experiment(
    LAYERS,
    metrics=(
        "mean", "smallest", "largest", "at_centres", "x_gradient", "w_gradient", "sigma_gradient", "squared_twice",
        "forms_agree", "gradcheck", "copy_stride", Metric("copy_bytes", "byte"),
    ),
    deterministic=True,
)  # fmt: skip
def layer_algebra(case: Layer, _run: Run) -> dict[str, float]:
    """Activations and gradients of the layer in three forms, its laws, and its logical copies (RBF layer slides)."""
    from studies.rbf.measured.fixed import layer_figures

    return layer_figures(case)


@study.experiment(
    SIZES,
    metrics=(
        "parameters", "rbf_parameters", "output_parameters", "feature_norm", "logit_norm", Metric("loss", "nats"),
        "gradient_norm",
    ),
    deterministic=True,
)  # fmt: skip
def architecture(size: Size, _run: Run) -> dict[str, float]:
    """Numbers of parameters of the deep RBF network, and its output and gradient for fixed ones (Task 1)."""
    from studies.rbf.measured.fixed import network_figures

    return network_figures(size)


@study.experiment(SIZES, metrics=("entries", "numbers", "restored", "refused"), deterministic=True)
def round_trip(size: Size, _run: Run) -> dict[str, float]:
    """A saved network gives the same logits once restored, and another network's checkpoint is refused (Task 2)."""
    from studies.rbf.measured.fixed import round_trip_figures

    return round_trip_figures(size)


@study.experiment(
    PARTS,
    metrics=(
        "images", "mean", "mean_square", "by_label", "by_place", Metric("network_error", "%"),
        Metric("network_loss", "nats"), "network_feature_norm",
    ),
    deterministic=True,
)  # fmt: skip
def shown_images(shown: Shown, run: Run) -> dict[str, float]:
    """Images as the network is shown them, with their labels, and a fixed network evaluated on them (Task 2)."""
    from studies.rbf.measured.shown import part_figures

    return part_figures(shown, run)


study.figures_from(
    "studies.rbf.figures.happens", beside="What the exercise says, and what happens (layer, start, Tasks 1 to 4)."
)
study.figures_from(
    "studies.rbf.figures.plane",
    features="Test images in the plane of the two features, by class, and the centres; trains for a few seconds "
    "(Task 3).",
    centres="The 100 centres of the RBF layer, sized by their widths; trains for a few seconds (Task 4).",
)
study.figures_from(
    "studies.rbf.figures.rates",
    learning="Validation accuracy by epoch at each learning rate, and what it comes to (Task 2).",
    choices="What comes of what the document leaves open: start, activation, kernel (Task 1).",
)
