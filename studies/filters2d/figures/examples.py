"""Networks trained for the study's pictures with a fixed seed, each once, and images side by side.

Shape legend: N images, C channels, H height, W width.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.data import DataSet
from repro.errors import InfrastructureError, UsageError
from repro.study import Figure, Run
from studies.common.datasets import DIGITS
from studies.common.photographs import TILES
from studies.common.plotting import show
from studies.common.randomness import stream
from studies.common.training import answers, reproducible
from studies.filters2d import model
from studies.filters2d.cases import Channel, Colour, Filter, Inverse, Median, Search, Smoother, Topology
from studies.filters2d.measured import blobs, sequences, transforms
from studies.filters2d.profiles import SMOKE
from studies.filters2d.training.search import Problem, search, squared_error

SEED = 18
SETTINGS = SMOKE.settings  # of their trainings
WORST = 0.3  # white, where errors are shown
LINEAR, SIGMOID, RELU = "linear", "sigmoid", "ReLU"
MOSAIC = {LINEAR: Inverse("linear", "sgd"), SIGMOID: Inverse("sigmoid", "adam"), RELU: Inverse("relu", "adam")}
CHANNEL = {LINEAR: Channel("linear", "sgd"), SIGMOID: Channel("sigmoid", "adam"), RELU: Channel("relu", "adam")}
# The rate that the search of `smoke` ends with from the seed above, which is the only one that trains here, and for how
# many of the search's segments: fewer where what the picture shows is there by then.
TRAINED: dict[Any, tuple[float, int]] = {
    Filter("full"): (0.03, 2), Filter("separable"): (0.003, 8), Filter("dense"): (0.003, 4),
    Colour("linear"): (0.3, 10), Colour("relu"): (0.3, 5), Median("notebook"): (0.03, 4),
    MOSAIC[LINEAR]: (0.1, 10), MOSAIC[SIGMOID]: (0.001, 10), MOSAIC[RELU]: (0.003, 10),
    CHANNEL[LINEAR]: (0.01, 5), CHANNEL[SIGMOID]: (0.0003, 5), CHANNEL[RELU]: (0.001, 5),
    Topology("boundary", "convolutional"): (0.1, 3), Topology("shape", "convolutional"): (0.1, 3),
    Topology("shape", "lstm2"): (0.03, 2), Smoother("lstm"): (0.03, 4), Smoother("fir"): (0.03, 4),
}  # fmt: skip
BY = {"sgd": "gradient descent", "adam": "Adam"}


@dataclass(frozen=True)
class Learnt:
    """A network that a case of the study trained, the problem it learned, and how."""

    network: nn.Module
    problem: Problem
    how: str

    @reproducible()
    def answer(self, x: Tensor) -> Tensor:
        """Return the network's answers (N, ...), in evaluation mode."""
        return answers(self.network, x)

    @property
    @reproducible()
    def mse(self) -> float:
        """Return the mean squared error on the test images."""
        return squared_error(self.network, self.problem.test)


def run_of(data: DataSet | None = None) -> Run:
    """Return the run that the pictures' networks are trained in."""
    return Run("filters2d", "pictures", "smoke", "{}", 0, SEED, SETTINGS, data)


def task(case: Any) -> tuple[Problem, Search, str]:
    """Return what a case of the study learns, by what search and which optimiser, with the settings of `smoke`."""
    match case:
        case Filter():
            plan = SETTINGS.dense if case.model == "dense" else SETTINGS.filter
            return transforms.filter_problem(case, plan, run_of()), plan.search, "adam"
        case Colour():
            return transforms.colour_problem(case, run_of(TILES)), SETTINGS.colour.search, "sgd"
        case Median():
            plan = SETTINGS.median
            return transforms.image_problem("median", model.median_network, plan, run_of(TILES)), plan.search, "adam"
        case Smoother():
            return sequences.smoother_problem(case, SETTINGS.smoother, run_of()), SETTINGS.smoother.search, "adam"
        case Topology():
            plan = SETTINGS.crossed if case.network == "lstm2" else SETTINGS.topology
            return blobs.topology_problem(case, plan, run_of()), plan.search, "adam"
        case Inverse():
            what, channels, data = ("channel", 1, DIGITS) if isinstance(case, Channel) else ("mosaic", 3, TILES)
            plan = getattr(SETTINGS, "mosaic_linear" if what == "mosaic" and case.hidden == "linear" else what)
            make = partial(model.image_to_image, channels, transforms.KERNELS[what], case.hidden)
            problem = transforms.image_problem(what, make, plan, run_of(data))
            return problem, transforms.chosen(plan, case.optimiser), case.optimiser
    raise UsageError(f"no training for the pictures of {case}; choose a case that trains")


def short(plan: Search, rate: float, segments: int) -> Search:
    """Return a plan's search at one rate, for its first segments."""
    return replace(plan, rates=(rate,), samples=min(plan.samples, segments * plan.trial))


def quick(network: nn.Module) -> nn.Module:
    """Return a network whose kernels lie channel by channel, by which convolutions of few channels train sooner."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@functools.cache
@reproducible()
def learnt(case: Any) -> Learnt:
    """Train what a case of the study says, at one rate and once. Raise InfrastructureError where it left the reals."""
    problem, plan, optimiser = task(case)
    plan = short(plan, *TRAINED[case])
    found = search(replace(problem, make=lambda: quick(problem.make())), plan, optimiser=optimiser, seed=SEED)
    if found.failed:
        raise InfrastructureError(f"a network for the pictures did not train ({found.failed}); run the study's tests")
    how = f"{plan.samples} samples, {BY[optimiser]}, rate {found.rate:g}"
    return Learnt(found.network.eval(), problem, how)


# Panels


@dataclass(frozen=True)
class Panel:
    """An image (H, W) in grey, black at `low` and white at `high`; or one in colour (3, H, W), from 0 to 1."""

    title: str
    image: Tensor
    low: float | None = None
    high: float | None = None

    def row(self) -> list[Any]:
        """Return title, lowest and highest value; rounding about 0 is 0."""
        return [self.title, *(f"{round(float(value), 6) + 0.0:.3g}" for value in (self.image.min(), self.image.max()))]


def draw_panels(canvas: Any, panels: Sequence[Panel], columns: int) -> list[Any]:
    """Draw images in rows on an empty matplotlib figure, and return their axes."""
    rows = math.ceil(len(panels) / columns)
    canvas.set_size_inches(7.6, 0.3 + 8.0 / columns * rows)
    every = []
    for number, panel in enumerate(panels, 1):
        axes = canvas.add_subplot(rows, columns, number)
        image = panel.image.clip(0, 1).permute(1, 2, 0) if panel.image.dim() == 3 else panel.image
        show(axes, image, panel.title, panel.low, panel.high)
        axes.locator_params(nbins=5, integer=True)
        every.append(axes)
    return every


def drawing(panels: Sequence[Panel], columns: int) -> Callable[[Any], None]:
    """Return what draws images in rows on an empty matplotlib figure."""

    def draw(canvas: Any) -> None:
        draw_panels(canvas, panels, columns)

    return draw


def units(name: str, image: Tensor) -> Panel:
    """Return a panel whose black is 0 and whose white is 1."""
    return Panel(name, image, 0.0, 1.0)


def seeded(what: str) -> str:
    """Return notes that end with how the networks were trained."""
    return (
        f"{what} Settings of `smoke`, seed {SEED}, but for how long: each network trains at one rate, which a search "
        "among those of `smoke` chose, for as many samples as are said, at most those of `smoke`."
    )


@reproducible()
def inverse(what: str, cases: Mapping[str, Inverse], image: Tensor, notes: str) -> Figure:
    """Return an image (1, C, H, W), what is given of it, and what networks make of that, with errors in grey."""
    given, wanted = transforms.degrade(what, image, stream(SEED, "shown"))
    found = {name: learnt(case) for name, case in cases.items()}
    answered = {name: one.answer(given)[0] for name, one in found.items()}
    off = {name: (one - wanted[0]).abs().mean(dim=0) for name, one in answered.items()}

    def panel(name: str, one: Tensor) -> Panel:
        return Panel(name, one) if len(one) == 3 else units(name, one[0])

    panels = [
        panel("image", wanted[0]), *(panel(name, one) for name, one in answered.items()),
        panel(what, given[0]), *(Panel(f"{name}, error", one, 0.0, WORST) for name, one in off.items()),
    ]  # fmt: skip
    kernel = transforms.KERNELS[what]
    rows: list[list[Any]] = [
        [name, f"{one.mse:.3g}", f"{float(F.mse_loss(answered[name], wanted[0])):.3g}", one.how]
        for name, one in found.items()
    ]
    best = transforms.beside_linear(found[LINEAR].network, found[LINEAR].problem, kernel)["linear_mse"]
    rows.append(["best linear filter", f"{best:.3g}", None, "least squares"])
    headers = ["network", "mean squared error, test images", "of the image shown", "trained"]
    notes = seeded(
        f"{notes} Kernels of {kernel} x {kernel}. An error is that of a pixel, black 0, white {WORST:g} and above."
    )
    return Figure(headers, rows, notes, drawing(panels, 4))
