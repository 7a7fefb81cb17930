"""What is gained by a fully convolutional network (section 7.2).

Shape legend: B images, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studies.common.choosing import check_known
from studies.common.randomness import stream
from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize
from studies.dagnets.model.counting import count_layers, totals

SAME = 1e-6  # two ways through float32, outputs near 0.1
LARGER = {"alexnet": (288, 320), "lenet5": (36, 40)}  # pixels
STEP = {"alexnet": 32, "lenet5": 4}  # pixels of the input to one cell of the output


def image(size_CHW: Sequence[int]) -> Tensor:
    """Return one image of noise from U(-1, 1), the same each time."""
    return 2 * torch.rand(1, *size_CHW, generator=stream(0, "image")) - 1


def crops(x_BCHW: Tensor, side: int, step: int) -> Tensor:
    """Return the windows of a side and a step of one image, row by row."""
    windows = x_BCHW[0].unfold(1, side, step).unfold(2, side, step)
    return windows.flatten(1, 2).transpose(0, 1)


@torch.no_grad()
def conversion_figures(name: str) -> dict[str, float]:
    """Return how the converted network answers: to one image of its size, and to a larger one, cell by cell.

    `cells_gap` is the relative distance between the cells of the large map and the answers to the crops they see, 0
    where it is rounding.
    """
    check_known("conversion", "network", name, LARGER)
    network = networks.CLASSIFIERS[name]().eval()
    networks.initialise(network, 0)
    converted = convolutionize(list(network), network.size)
    with reproducible():
        x, large = image(network.size), image((network.size[0], *LARGER[name]))
        gap = float((converted(x).flatten() - network(x).flatten()).abs().max())
        cells_BKHW = converted(large)
        one_by_one = network(crops(large, network.size[1], STEP[name]))
    cells = cells_BKHW[0].flatten(1).T
    apart = float((cells - one_by_one).norm() / one_by_one.norm())
    return {
        "modules": float(len(converted)),
        "equal": float(gap < SAME),
        "height": float(cells_BKHW.shape[2]),
        "width": float(cells_BKHW.shape[3]),
        "cells_gap": significant(apart, 3) if apart > SAME * 10 else 0.0,
        "products_saved": products_saved(name, windows=len(one_by_one)),
    }


def products_saved(name: str, *, windows: int) -> float:
    """Return the products of answering window by window over those of the large map, to three digits."""
    network = networks.on_meta(networks.CLASSIFIERS[name])
    single = totals(count_layers(network, network.size))["products"]
    converted = convolutionize(list(network), network.size)
    whole = totals(count_layers(converted, (network.size[0], *LARGER[name])))["products"]
    return significant(windows * single / whole, 3)
