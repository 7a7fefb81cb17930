"""Data as the networks are shown them, evaluation modes, the matched filter, and lines that cannot run.

Shape legend: N images, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import signal
from torch import Tensor, nn

from repro.errors import UsageError
from repro.study import Run
from studies.common.drawn import drawn
from studies.common.randomness import stream
from studies.common.rounding import significant
from studies.common.training import Labelled, answers, reproducible
from studies.filters2d import learned, networks, sequences, shapes, shapes_learned
from studies.filters2d.cases import Filter, Outline, Plan, Search, Smoother, Topology
from studies.filters2d.search import Problem, Values

DIGITS = 5  # significant: sums of float32 values, which filters round differently on other machines
SEED = 30  # of the data whose figures are exact


# Data as the networks are shown them


SMALL = Search((1e-3,), 10, 10, 10)


def shown_problem(name: str, run: Run) -> Problem:
    """Return the data of a training, in small numbers and from one seed."""
    seeded = Run(run.study, run.experiment, run.profile, run.case, 0, SEED, run.settings, run.data, "cpu")
    images = Plan(60, 20, 28, SMALL)
    square = Plan(60, 20, 64, SMALL)
    few = Outline(64, 0.1, "dense")
    made: dict[str, Callable[[], Problem]] = {
        "dots": lambda: learned.filter_problem(Filter("full"), images, seeded),
        "pulses": lambda: sequences.smoother_problem(Smoother("fir"), Plan(60, 20, 200, SMALL), seeded),
        "boundary": lambda: shapes_learned.topology_problem(Topology("boundary", "convolutional"), square, seeded),
        "shape": lambda: shapes_learned.topology_problem(Topology("shape", "convolutional"), square, seeded),
        "circle_square": lambda: shapes_learned.outline_problem("circle_square", square, few, seeded),
        "square_rectangle": lambda: shapes_learned.outline_problem("square_rectangle", square, few, seeded),
    }
    if name in made:
        return made[name]()
    return learned.image_problem(name, nn.Identity, images, seeded)


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


def mode_figures(mode: str) -> Values:
    """Return the error and the mean first logit of a fixed classifier of outlines in one mode of its batch norm.

    Its running statistics are not those of the images, so that the two modes differ.
    """
    network = networks.made(lambda: networks.shape_classifier(64), SEED, "modes").double()
    images, labels = shapes.outlines("circle_square", 100, 64, stream(SEED, "modes"))
    before = [value.clone() for value in network.state_dict().values()]
    with reproducible():
        found = answers(network, images.double(), batch_statistics=mode == "batch")
        wrong = shapes_learned.error(network, Labelled(images.double(), labels), batch_statistics=mode == "batch")
    same = all(torch.equal(one, other) for one, other in zip(before, network.state_dict().values(), strict=True))
    return {
        "error": wrong,
        "logit": significant(float(found[:, 0].mean()), DIGITS),
        "spread": significant(float(found.std()), DIGITS),
        "unchanged": float(same),
    }


# The matched filter


def hidden_digit(run: Run) -> Tensor:
    """Return the first training digit in [0, 1], 28 x 28."""
    return learned.images_of(run, "train", Plan(1, 1, 28, SMALL))[0, 0]


def matched_figures(strength: float, run: Run) -> Values:
    """Return in how many backgrounds the largest correlation is where the digit was added (section 9)."""
    digit = hidden_digit(run).double().numpy()
    draw = np.random.default_rng(stream(run.seed, "backgrounds").initial_seed())
    hits, margins = 0, []
    for _ in range(run.settings.backgrounds):
        image = draw.random((256, 256))
        image[100:128, 100:128] += strength * digit
        found = signal.correlate(image, digit, method="fft")
        hits += np.unravel_index(found.argmax(), found.shape) == (127, 127)
        peak = found[127, 127]
        found[120:135, 120:135] = 0
        margins.append(float((peak - found.max()) / peak))
    return {"hits": 100 * hits / run.settings.backgrounds, "margin": min(margins)}


# Lines that cannot run


def bayer_index() -> None:
    """Index a picture of three axes by four, as the transcribed mosaic does (section 7)."""
    np.zeros((4, 4, 3))[:, :, 2, :] = 0


def conv2d_name() -> None:
    """Ask torch for a layer under a name that it does not have (section 16)."""
    getattr(nn, "Conv" + "2D")(8, 1, 1)


LISTINGS: dict[str, tuple[Callable[[], None], type[Exception]]] = {
    "bayer_index": (bayer_index, IndexError),
    "conv2d_name": (conv2d_name, AttributeError),
}


def listing_figures(name: str) -> Values:
    """Return 1 where a line raises the error that it must. Raise UsageError for an unknown line."""
    if name not in LISTINGS:
        raise UsageError(f"unknown listing {name!r}; choose one of {', '.join(LISTINGS)}")
    action, wanted = LISTINGS[name]
    try:
        action()
    except Exception as error:
        return {"raised": float(type(error) is wanted)}
    return {"raised": 0.0}
