"""Receptive Fields Neural Networks (Schlimbach, bachelor thesis, University of Amsterdam, 2018), chapter 4."""

from __future__ import annotations

from repro.study import Metric, Outcome, Run, Study
from studies.rfnn.cases import AXES, CONTROLS, PAIRS, STARTS, Kernels, Pair, Start
from studies.rfnn.profiles import LITE, PAPER, SMOKE

METRICS = (
    Metric("accuracy", "%", counted=True, useful=5.0),
    Metric("loss", "nats", judged=False),
    Metric("log10_loss", "log10 nats", useful=0.1),  # judged in its place: over seeds, losses spread by factors
    Metric("best_accuracy", "%", judged=False, counted=True),
    Metric("best_epoch", "epoch", judged=False),
)

study = Study("rfnn", title="Receptive Fields Neural Networks (Schlimbach 2018)", smoke=SMOKE, lite=LITE, paper=PAPER)


def pair_cost(pair: Pair) -> float:
    """Return about the milliseconds of one CPU core per training image of 28x28 pixels."""
    return 0.8 if pair.reading == "as_listed" else 1.1 + 0.25 * pair.second


def kernel_cost(kernels: Kernels) -> float:
    """Return about the milliseconds of one CPU core per training image of 28x28 pixels."""
    return 0.7 + 0.003 * kernels.first**2 + 0.035 * kernels.second**2


@study.experiment(CONTROLS, metrics=METRICS, axes=AXES, cost=kernel_cost, resumes=True)
def cnn_baseline(kernels: Kernels, run: Run) -> Outcome:
    """Test accuracy of the control CNN for each pair of kernel sizes (section 4.5, figure 4.5)."""
    from studies.rfnn.measured.accuracies import of_control

    return of_control(kernels, run)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost, resumes=True)
def scale_grid(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales (experiment 1, section 4.6, figure 4.6)."""
    from studies.rfnn.measured.accuracies import of_pair

    return of_pair(pair, run)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=lambda pair: 4 * pair_cost(pair), resumes=True)
def upscaled(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales on images upscaled by 2 (experiment 2, section 4.7, figure 4.7)."""
    from studies.rfnn.measured.accuracies import of_pair

    return of_pair(pair, run, upsample="bilinear")


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost, resumes=True)
def without_bias(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales without biases of the sums (experiment 3, section 4.8, figure 4.8)."""
    from studies.rfnn.measured.accuracies import of_pair

    return of_pair(pair, run, bias=False)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=lambda pair: 4 * pair_cost(pair), resumes=True)
def upscaled_without_bias(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales, upscaled and without biases (experiment 4, section 4.9, figure 4.9)."""
    from studies.rfnn.measured.accuracies import of_pair

    return of_pair(pair, run, upsample="bilinear", bias=False)


@study.experiment(PAIRS, metrics=METRICS, axes=AXES, cost=pair_cost, resumes=True)
def normalised(pair: Pair, run: Run) -> Outcome:
    """Test accuracy of each pair of scales with derivatives times scale**n: is it scale, or gain? (ours; eq. 2.18)."""
    from studies.rfnn.measured.accuracies import of_pair

    return of_pair(pair, run, norm="sigma^n")


@study.experiment(
    STARTS,
    metrics=(Metric("loss", "nats"), "rms_first", "rms_second", "gradient_norm", "sharpness"),
    axes=AXES,
    cost=pair_cost,
)
def start_of_training(case: Start, run: Run) -> dict[str, float]:
    """Activations, gradient and sharpness before the first update, batch-norm scale 1 (ours; section 4.6)."""
    from studies.rfnn.measured.start import of_start

    return of_start(case, run)


study.figures_from(
    "studies.rfnn.figures",
    grids="Mean test accuracy over the grid of scales or kernel sizes, as heat maps (figures 4.5 to 4.9).",
    equal_scales="Test accuracy by epoch for equal scales of both layers, with the range over the runs (section 4.6).",
)
