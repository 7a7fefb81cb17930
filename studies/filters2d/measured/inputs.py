"""Data as the networks are shown them, in small numbers and from one seed."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from repro.study import Run
from studies.common.drawn import drawn
from studies.common.rounding import significant
from studies.filters2d.cases import SEED, UNTRAINED, Filter, Outline, Plan, Smoother, Topology
from studies.filters2d.measured import blobs, outlines, sequences, transforms
from studies.filters2d.measured.outlines import DIGITS
from studies.filters2d.training.search import Problem, Values


def shown_problem(name: str, run: Run) -> Problem:
    """Return the data of a training, in small numbers and from one seed."""
    seeded = Run(run.study, run.experiment, run.profile, run.case, 0, SEED, run.settings, run.data, "cpu")
    pictures = Plan(60, 20, 28, UNTRAINED)
    square = Plan(60, 20, 64, UNTRAINED)
    few = Outline(64, 0.1, "dense")
    made: dict[str, Callable[[], Problem]] = {
        "dots": lambda: transforms.filter_problem(Filter("full"), pictures, seeded),
        "pulses": lambda: sequences.smoother_problem(Smoother("fir"), Plan(60, 20, 200, UNTRAINED), seeded),
        "boundary": lambda: blobs.topology_problem(Topology("boundary", "convolutional"), square, seeded),
        "shape": lambda: blobs.topology_problem(Topology("shape", "convolutional"), square, seeded),
        "circle_square": lambda: outlines.outline_problem("circle_square", square, few, seeded),
        "square_rectangle": lambda: outlines.outline_problem("square_rectangle", square, few, seeded),
    }
    if name in made:
        return made[name]()
    return transforms.image_problem(name, nn.Identity, pictures, seeded)


def shown_figures(name: str, run: Run) -> Values:
    """Return moments of training inputs and targets, and sums that tell where values stand and what goes together."""
    data = shown_problem(name, run).train
    inputs, targets = (one.double().reshape(len(data), -1) for one in (data.images, data.labels_N))
    values = {
        "mean": inputs.mean(),
        "deviation": inputs.std(),
        "placed": (inputs * drawn("places", inputs.shape[1])).sum(dim=1).square().mean().sqrt(),
        "target_mean": targets.mean(),
        "target_deviation": targets.std(),
        "target_placed": (targets * drawn("places", targets.shape[1])).sum(dim=1).square().mean().sqrt(),
        "together": ((inputs @ drawn("in", inputs.shape[1])) * (targets @ drawn("out", targets.shape[1]))).mean(),
    }
    return {key: significant(float(value), DIGITS) for key, value in values.items()}
