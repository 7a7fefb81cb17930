"""How much faster many samples at once are than one by one (sections 4.3 and 7.2): ratios, with their spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from studies.common.choosing import check_known
from studies.common.training import reproducible
from studies.dagnets.measured.conversion import LARGER, STEP, crops, image
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize

What = Literal["batch", "batch_on_device", "dense"]
SAME = 1e-4  # sums of 1,000 products in float32, in another order; outputs near 20


def measure(one: Callable[[], Tensor], many: Callable[[], Tensor], repeats: int, device: str) -> dict[str, float]:
    """Return how many times longer `one` takes than `many`: median, lowest and highest of the pairs, and whether equal.

    The two take turns, so that a machine that slows down slows both; the first pair only warms up.
    """
    ratios = []
    for _ in range(repeats + 1):
        slow, first = _timed(one, device)
        quick, second = _timed(many, device)
        ratios.append(slow / quick)
    apart = (first.to(second.device) - second).abs().max() / second.abs().max()
    return {
        "ratio": statistics.median(ratios[1:]),
        "lowest": min(ratios[1:]),
        "highest": max(ratios[1:]),
        "equal": float(apart < SAME),
    }


def _timed(action: Callable[[], Tensor], device: str) -> tuple[float, Tensor]:
    """Return an action's seconds, its work on the device included, and its result."""
    start = time.perf_counter()
    result = action()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start, result


def linear_ratio(samples: int, repeats: int, device: str, *, on_device: bool) -> dict[str, float]:
    """Measure a 1500 x 1000 matrix times samples: vector by vector against all at once.

    The slides collect the results on the CPU, so that each vector is copied there from a GPU; `on_device` does not.
    """
    generator = torch.Generator().manual_seed(0)
    vectors, matrix = (torch.randn(rows, 1000, generator=generator).to(device) for rows in (samples, 1500))
    kept_on = device if on_device else "cpu"
    with reproducible():
        return measure(
            lambda: torch.stack([(matrix @ vector).to(kept_on) for vector in vectors.unbind()]),
            lambda: F.linear(vectors, matrix),
            repeats,
            device,
        )


@torch.no_grad()
def dense_ratio(repeats: int, device: str) -> dict[str, float]:
    """Measure LeNet5 on the 12 windows of a larger image: window by window against made fully convolutional."""
    network = networks.lenet5().eval()
    networks.initialise(network, 0)
    network.to(device)
    converted = convolutionize(list(network), network.size)
    large = image((1, *LARGER["lenet5"])).to(device)
    windows = crops(large, network.size[1], STEP["lenet5"])
    with reproducible():
        return measure(
            lambda: torch.cat([network(window[None]) for window in windows]),
            lambda: converted(large)[0].flatten(1).T,
            repeats,
            device,
        )


def speed_figures(what: What, samples: int, repeats: int, device: str) -> dict[str, float]:
    """Return the ratio of a comparison and its spread."""
    check_known("speed-up", "comparison", what, get_args(What))
    if what == "dense":
        return dense_ratio(repeats, device)
    return linear_ratio(samples, repeats, device, on_device=what == "batch_on_device")
