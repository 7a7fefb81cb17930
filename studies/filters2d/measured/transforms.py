"""Networks that turn images into images, each beside the best linear answer: sections 2 to 8 and 13.

Shape legend: N images, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common.images import enlarged
from studies.common.randomness import stream
from studies.common.training import Labelled, answers
from studies.filters2d import model
from studies.filters2d.cases import Colour, Filter, Inverse, Optimiser, Plan, Search
from studies.filters2d.data import signals
from studies.filters2d.data.signals import LEARNED_XYZ, PRINTED_XYZ
from studies.filters2d.measured.filters import FILTER_KERNEL, true_kernel, true_matrix
from studies.filters2d.training.least_squares import best_convolution
from studies.filters2d.training.search import Candidate, Problem, Values, pairs, squared_error, trained

KERNELS = {"colour": 1, "mosaic": 5, "channel": 11, "median": 7}  # of the linear answer beside each
BAND = 1e-3  # of the largest weight: where the matrix of the filter is smaller, a dense layer should hold nothing


def images_of(run: Run, part: str, plan: Plan) -> Tensor:
    """Return the run's images of a part in [0, 1]: colour (N, 3, H, W), cut to the plan's side; grey enlarged to it."""
    count = plan.train if part == "train" else plan.test
    images = torch.tensor(run.dataset.load()[f"{part}_images"])
    images = images[: count or None]
    if images.dim() == 3:
        grey = enlarged(images, run.dataset.peak, plan.side)
        return grey.unsqueeze(1).float() / (run.dataset.peak if grey is images else 255)
    return images[:, :, : plan.side, : plan.side].float() / run.dataset.peak


def beside_linear(network: nn.Module, problem: Problem, kernel: int) -> Values:
    """Return test errors of a network and of the linear answer of a kernel's size, and log10 of their ratio."""
    linear = best_convolution(problem.train.images.cpu(), problem.train.labels_N.cpu(), kernel)
    mse = squared_error(network, problem.test)
    floor = squared_error(linear.to(problem.test.images.device), problem.test)
    return {
        "mse": mse,
        "log10_mse": math.log10(mse),
        "linear_mse": floor,
        "log10_ratio": math.log10(mse / floor),
    }


# Section 2 to 4: the Gaussian filter


def filter_problem(case: Filter, plan: Plan, run: Run) -> Problem:
    """Return dots and what the Gaussian filter makes of them."""

    def part(name: str, count: int) -> Labelled:
        images = signals.dots(count, plan.side, stream(run.seed, f"dots/{name}"))
        return pairs(images, signals.gaussian(images, signals.SIGMAS), run)

    make = partial(model.filter_layer, case.model, plan.side)
    return Problem(part("train", plan.train), part("test", plan.test), make)


def kernel_of(network: nn.Module) -> Tensor:
    """Return the 15 x 15 kernel that a filter layer comes to, by its answer to one pixel."""
    side = 2 * FILTER_KERNEL - 1
    pixel = torch.zeros(1, 1, side, side, device=next(network.parameters()).device)
    pixel[..., side // 2, side // 2] = 1
    with torch.no_grad():
        found: Tensor = network(pixel) - network(torch.zeros_like(pixel))
    reach = FILTER_KERNEL // 2
    return found[0, 0, side // 2 - reach : side // 2 + reach + 1, side // 2 - reach : side // 2 + reach + 1]


def correlation(found: Tensor, wanted: Tensor) -> float:
    """Return the correlation coefficient of the entries of two arrays of one shape."""
    pair = torch.stack([found.detach().double().flatten().cpu(), wanted.double().flatten().cpu()])
    return float(torch.corrcoef(pair)[0, 1])


def run_filter(case: Filter, run: Run) -> Outcome:
    """Learn the Gaussian filter by a layer of kernels."""
    plan: Plan = run.settings.filter
    problem = filter_problem(case, plan, run)

    def more(found: Candidate) -> Values:
        alike = {"correlation": correlation(kernel_of(found.network), true_kernel())}
        return beside_linear(found.network, problem, FILTER_KERNEL) | alike

    return trained(problem, plan.search, run, optimiser="adam", more=more)


def run_dense(run: Run) -> Outcome:
    """Learn the Gaussian filter by a layer with a weight for each pair of pixels."""
    plan: Plan = run.settings.dense
    problem = filter_problem(Filter("dense"), plan, run)

    def more(found: Candidate) -> Values:
        wanted = true_matrix(plan.side)
        weights = found.network.get_parameter("1.weight").detach().cpu().double()
        outside = wanted.abs() < BAND * wanted.abs().max()
        return beside_linear(found.network, problem, FILTER_KERNEL) | {
            "correlation": correlation(weights, wanted),
            "outside": 100 * float(weights[outside].square().sum() / weights.square().sum()),
        }

    return trained(problem, plan.search, run, optimiser="adam", more=more)


# Sections 5 to 8 and 13: what has a linear answer beside it


def degrade(what: str, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return inputs and targets of one of the inverse problems."""
    if what == "mosaic":
        return signals.mosaic(images), images
    if what == "channel":
        return signals.degraded(images, generator), images
    if what == "colour":
        return images, signals.xyz(images)
    if what == "median":
        return signals.grey(images), signals.median(signals.grey(images))
    raise UsageError(f"unknown problem {what!r}; choose mosaic, channel, colour or median")


def image_problem(what: str, make: Callable[[], nn.Module], plan: Plan, run: Run) -> Problem:
    """Return the run's images as inputs and targets of a problem."""

    def part(name: str) -> Labelled:
        return pairs(*degrade(what, images_of(run, name, plan), stream(run.seed, f"{what}/{name}")), run)

    return Problem(part("train"), part("test"), make)


def run_inverse(what: str, case: Inverse, run: Run) -> Outcome:
    """Learn to undo the mosaic or the channel, linearly or through a hidden layer, by one of the optimisers."""
    linear_mosaic = what == "mosaic" and case.hidden == "linear"
    plan: Plan = run.settings.mosaic_linear if linear_mosaic else getattr(run.settings, what)
    kernel = KERNELS[what]
    channels = 3 if what == "mosaic" else 1
    problem = image_problem(what, partial(model.image_to_image, channels, kernel, case.hidden), plan, run)
    return trained(
        problem, chosen(plan, case.optimiser), run, optimiser=case.optimiser,
        more=lambda found: beside_linear(found.network, problem, kernel),
    )  # fmt: skip


def chosen(plan: Plan, optimiser: Optimiser) -> Search:
    """Return the plan's search with the rates of an optimiser."""
    rates = plan.adam if optimiser == "adam" else plan.search.rates
    return Search(rates, plan.search.trial, plan.search.samples, plan.search.batch)


def colour_problem(case: Colour, run: Run) -> Problem:
    """Return RGB and XYZ images, and the per-pixel network of a case."""
    make = partial(model.image_to_image, 3, 1, case.hidden, model.PER_PIXEL_WIDTH)
    return image_problem("colour", make, run.settings.colour, run)


def run_per_pixel(case: Colour, run: Run) -> Outcome:
    """Learn RGB to XYZ through a hidden layer at each pixel."""
    problem = colour_problem(case, run)
    return trained(
        problem, run.settings.colour.search, run, optimiser="sgd",
        more=lambda found: beside_linear(found.network, problem, KERNELS["colour"]),
    )  # fmt: skip


def run_matrix(run: Run) -> Outcome:
    """Learn RGB to XYZ as one matrix, and hold it against the best one and the printed ones."""
    problem = colour_problem(Colour("linear"), run)

    def more(found: Candidate) -> Values:
        weights = found.network.get_parameter("weight").detach().cpu().flatten(1)
        best = best_convolution(problem.train.images.cpu(), problem.train.labels_N.cpu(), 1).weight.flatten(1)
        others = {"least_squares": best, "learned": torch.tensor(LEARNED_XYZ), "printed": torch.tensor(PRINTED_XYZ)}
        off = {f"off_{name}": float((weights - other).abs().max()) for name, other in others.items()}
        return beside_linear(found.network, problem, KERNELS["colour"]) | off

    return trained(problem, run.settings.colour.search, run, optimiser="sgd", more=more)


# Section 13: the median


def dotted(side: int, seed: int) -> Tensor:
    """Return an image (1, 1, side, side) of isolated dots, as section 13 tries."""
    return signals.dots(1, side, stream(seed, "dots"))


def median_values(network: nn.Module, problem: Problem, run: Run) -> Values:
    """Return the errors of a learned median beside those of simple filters, and what it makes of dots."""
    values = beside_linear(network, problem, KERNELS["median"])
    inputs, targets = problem.test.images.cpu(), problem.test.labels_N.cpu()
    dots = dotted(64, run.seed)
    response = answers(network, dots.to(run.device)).cpu()
    box = float(F.mse_loss(signals.box_mean(inputs), targets))
    return values | {
        "box_mse": box,
        "log10_over_box": values["log10_mse"] - math.log10(box),
        "identity_mse": float(F.mse_loss(inputs, targets)),
        "dots_median": float(signals.median(dots).max()),
        "dots_mean": float(response.mean()),
        "dots_at": float(response[dots == 1].mean()),
    }


def run_median(run: Run) -> Outcome:
    """Learn the 4 x 4 median of grey images."""
    plan: Plan = run.settings.median
    problem = image_problem("median", model.median_network, plan, run)
    return trained(
        problem, plan.search, run, optimiser="adam", more=lambda found: median_values(found.network, problem, run)
    )
