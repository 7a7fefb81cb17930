"""Receptive Fields Neural Networks (Schlimbach, bachelor thesis, University of Amsterdam, 2018), chapter 4."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from repro.study import Metric, Outcome, Profile, Run, Study, grid
from studies.common.datasets import DIGITS, MNIST, MNIST_10K

SCALES = tuple(0.5 * 4 ** (step / 4) for step in range(5))  # eq. 4.4
KERNELS = (3, 5, 7, 9)  # section 4.4
READINGS = ("as_listed", "as_described")
AXES = ("first", "second")


@dataclass(frozen=True)
class Training:
    """Section 4.2; a smaller profile changes these and nothing else.

    `image_size` is in pixels, before upscaling. `gain` is the initial scale of the input batch-norm.
    """

    epochs: int
    control_epochs: int
    batch: int
    learning_rate: float
    image_size: int = 28
    gain: Literal["uniform", "ones"] = "uniform"


@dataclass(frozen=True)
class Pair:
    """Scales of the two Gaussian layers, in pixels.

    `reading` is how the kernels meet the channels of the second layer: as appendix A.1 lists it (a channel sees one or
    two of the 15 derivatives) or as equation 2.15 describes it (a channel sees them all).
    """

    reading: Literal["as_listed", "as_described"]
    first: float
    second: float


@dataclass(frozen=True)
class Start(Pair):
    """A pair whose n-th derivatives are raw, as in the thesis, or multiplied by scale**n, as in Jacobsen's code."""

    norm: Literal["raw", "sigma^n"]


@dataclass(frozen=True)
class Kernels:
    """Kernel sizes of the two layers of the control CNN, in pixels."""

    first: int
    second: int


METRICS = (
    Metric("accuracy", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("best_accuracy", "%", judged=False, counted=True),
    Metric("best_epoch", "epoch", judged=False),
)
PAIRS = grid(Pair, reading=READINGS, first=SCALES, second=SCALES)
STARTS = grid(Start, reading=READINGS, first=SCALES, second=SCALES, norm=("raw", "sigma^n"))
LISTED = {"reading": ("as_listed",)}

study = Study(
    "rfnn",
    title="Receptive Fields Neural Networks (Schlimbach 2018)",
    smoke=Profile(
        # No random input gain: it alone would spread the seeds of a short training over tens of points.
        # At a rate of 0.01 the pairs (0.5, 0.707) and (0.707, 0.5) stand at the edge of stability: 4 of 40 runs as
        # listed diverged or fell far behind, and no useful band can be drawn around that.
        Training(epochs=4, control_epochs=4, batch=50, learning_rate=0.005, image_size=16, gain="ones"),
        DIGITS,
        replicates=1,
        golden_seeds=20,
        experiments={"scale_grid": {}},
        cannot_answer="8x8 digits stand in for MNIST, so no claim of the thesis is answered; "
        "`nox -s reproduce-rfnn -- --profile paper` trains on MNIST and does",
    ),
    lite=Profile(
        # A batch of 100 makes 100 updates an epoch, near the thesis' 120, so that starting each epoch with zero
        # velocity acts here as it does there.
        Training(epochs=3, control_epochs=3, batch=100, learning_rate=0.001),
        MNIST_10K,
        replicates=1,
        golden_seeds=5,
        experiments={"scale_grid": LISTED, "without_bias": LISTED, "cnn_baseline": {}},
        cannot_answer="a sixth of MNIST for 3 epochs answers no claim of the thesis; "
        "`nox -s reproduce-rfnn -- --profile paper` follows its protocol and does",
    ),
    paper=Profile(
        Training(epochs=20, control_epochs=30, batch=500, learning_rate=0.001),
        MNIST,
        replicates=5,
        golden_seeds=5,
        device="cuda",
        faithful=True,
        cannot_answer="the 116 accuracies of figures 4.5 to 4.9 are lost; no command recovers them",
    ),
)


def pair_cost(pair: Pair) -> float:
    """Return about the milliseconds of one CPU core per training image of 28x28 pixels."""
    return 0.8 if pair.reading == "as_listed" else 1.1 + 0.25 * pair.second


def kernel_cost(kernels: Kernels) -> float:
    """Return about the milliseconds of one CPU core per training image of 28x28 pixels."""
    return 0.7 + 0.003 * kernels.first**2 + 0.035 * kernels.second**2


@study.experiment(grid(Kernels, first=KERNELS, second=KERNELS), metrics=METRICS, axes=AXES, cost=kernel_cost)
def cnn_baseline(kernels: Kernels, run: Run) -> Outcome:
    """Test accuracy of the control CNN for each pair of kernel sizes (section 4.5, figure 4.5)."""
    from studies.rfnn.network import ControlCNN, Switches
    from studies.rfnn.training import run_network

    network = ControlCNN(kernels.first, kernels.second, image_size=run.settings.image_size)
    return run_network(network, run, Switches(gain=run.settings.gain), epochs=run.settings.control_epochs)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost)
def scale_grid(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales (experiment 1, section 4.6, figure 4.6)."""
    return _train_pair(pair, run)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=lambda pair: 4 * pair_cost(pair))
def upscaled(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales on images upscaled by 2 (experiment 2, section 4.7, figure 4.7)."""
    return _train_pair(pair, run, upsample="bilinear")


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost)
def without_bias(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales without biases of the sums (experiment 3, section 4.8, figure 4.8)."""
    return _train_pair(pair, run, bias=False)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=lambda pair: 4 * pair_cost(pair))
def upscaled_without_bias(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales, upscaled and without biases (experiment 4, section 4.9, figure 4.9)."""
    return _train_pair(pair, run, upsample="bilinear", bias=False)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost)
def normalised(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales with derivatives times scale**n: is it scale, or gain? (ours; eq. 2.18)."""
    return _train_pair(pair, run, norm="sigma^n")


@study.experiment(
    STARTS,
    metrics=(Metric("loss", "nats"), "rms_first", "rms_second", "gradient_norm", "sharpness"),
    axes=AXES,
    cost=pair_cost,
)
def start_of_training(case: Start, run: Run) -> dict[str, float]:
    """Activations, gradient and sharpness before the first update, batch-norm scale 1 (ours; section 4.6)."""
    from studies.rfnn.diagnostics import run_start
    from studies.rfnn.network import RFNN, Switches

    switches = Switches(layout=case.reading, norm=case.norm, gain="ones")
    network = RFNN(case.first, case.second, switches, image_size=run.settings.image_size)
    return run_start(network, run, switches)


def _train_pair(pair: Pair, run: Run, **changed: Any) -> Outcome:
    from studies.rfnn.network import RFNN, Switches
    from studies.rfnn.training import run_network

    switches = Switches(layout=pair.reading, gain=run.settings.gain, **changed)
    network = RFNN(pair.first, pair.second, switches, image_size=run.settings.image_size)
    return run_network(network, run, switches, epochs=run.settings.epochs)


study.figures_from(
    "studies.rfnn.pictures",
    grids="Mean test accuracy over the grid of scales or kernel sizes, as heat maps (figures 4.5 to 4.9).",
    equal_scales="Test accuracy by epoch for equal scales of both layers, with the range over the runs (section 4.6).",
)
