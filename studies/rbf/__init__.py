"""Radial basis function networks: exercise 12 of a course on deep learning (Günther, University of Zurich, 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.study import Figure, Metric, Outcome, Profile, Run, Study, grid
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.rbf.cases import QUICK, Choice, Layer, Recipe, Shown, Size, Training

ADVISED = Recipe("sgd", 1e-4)  # Task 2: "low learning rate", plain gradient descent
RECIPES = (ADVISED, Recipe("sgd", 1e-2), Recipe("sgd", 1e-1), Recipe("momentum", 1e-2), Recipe("adam", 1e-3))
CHOICES = (
    Choice(),
    Choice(start="linear"),
    Choice(start="features"),
    Choice(activation="sigmoid"),
    Choice(kernel=3),
)
SIZES = (Size(8, 32, 32, "relu"), Size(8, 32, 32, "sigmoid"), Size(28, 8, 16, "relu"), Size(28, 32, 32, "relu"))

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
    "rbf",
    title="Radial basis function networks (exercise 12, Günther 2021)",
    smoke=Profile(
        Training(epochs=100, choice_epochs=20, batch=32, channels=(32, 32)),
        DIGITS,
        golden_seeds=20,
        cannot_answer="8x8 digits stand in for MNIST, and 100 epochs of them are 3,800 updates in place of 156,300; "
        "`nox -s reproduce-rbf -- --profile paper` trains on MNIST",
    ),
    lite=Profile(
        Training(epochs=100, choice_epochs=100, batch=32, channels=(8, 16)),
        MNIST_10K,
        golden_seeds=5,
        experiments={"learning_rates": {"optimiser": ("sgd", "momentum")}},
        cannot_answer="a sixth of MNIST makes 26,100 updates in 100 epochs in place of 156,300; "
        "`nox -s reproduce-rbf -- --profile paper` trains on all of it",
    ),
    paper=Profile(
        Training(epochs=100, choice_epochs=100, batch=32, channels=(32, 32)),
        MNIST,
        replicates=5,
        golden_seeds=5,
        device="cuda",
        faithful=True,
        cannot_answer="the document gives no accuracy of its own, only what it calls good: above 90 %",
    ),
)


@study.experiment(CHOICES, metrics=TRAINED, cost=lambda choice: 1.0 if choice.kernel == 3 else 2.0)
def open_choices(choice: Choice, run: Run) -> Outcome:
    """Test error under what the document leaves open: the start of the RBF layer, activation, kernel (Task 1)."""
    from studies.rbf.train import train_network

    return train_network(run, QUICK, choice, epochs=run.settings.choice_epochs)


@study.experiment(RECIPES, metrics=TRAINED, cost=lambda _recipe: 10.0)
def learning_rates(recipe: Recipe, run: Run) -> Outcome:
    """Test error and epochs to 90 % at the advised learning rate of 1e-4 and at larger ones, 100 epochs (Task 2)."""
    from studies.rbf.train import train_network

    return train_network(run, recipe, Choice(), epochs=run.settings.epochs)


@study.experiment(
    grid(Layer, features=(1, 2, 5), centres=(3, 100), form=("norm", "copies", "product")),
    metrics=(
        "mean", "smallest", "largest", "at_centres", "x_gradient", "w_gradient", "sigma_gradient", "squared_twice",
        "forms_agree", "gradcheck", "copy_stride", Metric("copy_bytes", "byte"),
    ),
    deterministic=True,
)  # fmt: skip
def layer_algebra(case: Layer, _run: Run) -> dict[str, float]:
    """Activations and gradients of the layer in three forms, its laws, and its logical copies (RBF layer slides)."""
    from studies.rbf.fixed import layer_figures

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
    from studies.rbf.fixed import network_figures

    return network_figures(size)


@study.experiment(SIZES, metrics=("entries", "numbers", "restored", "refused"), deterministic=True)
def round_trip(size: Size, _run: Run) -> dict[str, float]:
    """A saved network gives the same logits once restored, and another network's checkpoint is refused (Task 2)."""
    from studies.rbf.fixed import round_trip_figures

    return round_trip_figures(size)


@study.experiment(
    grid(Shown, part=("train", "validation", "test")),
    metrics=(
        "images", "mean", "mean_square", "by_label", "by_place", Metric("network_error", "%"),
        Metric("network_loss", "nats"), "network_feature_norm",
    ),
    deterministic=True,
)  # fmt: skip
def shown_images(shown: Shown, run: Run) -> dict[str, float]:
    """Images as the network is shown them, with their labels, and a fixed network evaluated on them (Task 2)."""
    from studies.rbf.shown import part_figures

    return part_figures(shown, run)


Rows = Sequence[Mapping[str, Any]]


@study.figure
def beside(rows: Rows) -> Figure:
    """What the exercise says, and what happens (layer, start, Tasks 1 to 4)."""
    from studies.rbf import statements

    return statements.beside(rows)


@study.figure
def features(_rows: Rows) -> Figure:
    """Test images in the plane of the two features, by class, and the centres; trains for a few seconds (Task 3)."""
    from studies.rbf import pictures

    return pictures.features()


@study.figure
def centres(_rows: Rows) -> Figure:
    """The 100 centres of the RBF layer, sized by their widths; trains for a few seconds (Task 4)."""
    from studies.rbf import pictures

    return pictures.centres()


@study.figure
def learning(rows: Rows) -> Figure:
    """Validation accuracy by epoch at each learning rate, and what it comes to (Task 2)."""
    from studies.rbf import rates

    return rates.learning(rows)


@study.figure
def choices(rows: Rows) -> Figure:
    """What comes of what the document leaves open: start, activation, kernel (Task 1)."""
    from studies.rbf import rates

    return rates.choices(rows)
