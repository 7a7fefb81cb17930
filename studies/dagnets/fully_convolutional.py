"""Turn a classifier into a fully convolutional network (section 7.2) and see what is gained.

Shape legend: B images, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.randomness import stream
from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.dagnets import networks
from studies.dagnets.counting import count_layers, totals

SAME = 1e-6  # two ways through float32, outputs near 0.1
LARGER = {"alexnet": (288, 320), "lenet5": (36, 40)}  # pixels
STEP = {"alexnet": 32, "lenet5": 4}  # pixels of the input to one cell of the output


def convolution_of(linear: nn.Linear, size_CHW: Sequence[int]) -> nn.Conv2d:
    """Return the convolution that computes a linear layer on maps of a size, whatever the extent of its input."""
    channels, height, width = size_CHW
    weight = linear.weight.detach()
    made = nn.Conv2d(
        channels, linear.out_features, (height, width), bias=linear.bias is not None, device=weight.device,
        dtype=weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        made.weight.copy_(weight.view_as(made.weight))
        if made.bias is not None:
            made.bias.copy_(linear.bias)
    return made


@torch.no_grad()
def convolutionize(layers: Sequence[nn.Module], size_CHW: Sequence[int]) -> nn.Sequential:
    """Return layers that take larger images too, for layers that take images of one size; linear ones are converted.

    The others are shared, not copied, and run once on zeros, in evaluation mode; a Flatten goes. Raise UsageError where
    the images do not fit a layer, and for a BatchNorm1d, which takes no maps.
    """
    made: list[nn.Module] = []
    weight = next((parameter for layer in layers for parameter in layer.parameters()), torch.zeros(()))
    x = torch.zeros(1, *size_CHW, device=weight.device, dtype=weight.dtype)
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.Flatten):
            continue
        size = tuple(x.shape[1:])
        if isinstance(layer, nn.Conv2d) and layer.in_channels != size[0]:
            raise UsageError(f"convolutionize: layer {number} takes {layer.in_channels} channels, got maps {size}")
        if isinstance(layer, nn.BatchNorm1d):
            raise UsageError(f"convolutionize: layer {number} is a BatchNorm1d, which takes no maps; leave it out")
        if isinstance(layer, nn.Linear) and layer.in_features != x[0].numel():
            raise UsageError(
                f"convolutionize: linear layer {number} takes {layer.in_features} numbers, got maps {size}, "
                f"{x[0].numel()} numbers; give the size of the images that the network was made for"
            )
        made.append(convolution_of(layer, size) if isinstance(layer, nn.Linear) else layer)
        x = _evaluated(made[-1], x)
    return nn.Sequential(*made)


def _evaluated(layer: nn.Module, x_BCHW: Tensor) -> Tensor:
    """Return a layer's answer in evaluation mode; mode and running statistics are left as they were."""
    modes = [(module, module.training) for module in layer.modules()]
    answer: Tensor = layer.eval()(x_BCHW)
    for module, training in modes:
        module.training = training
    return answer


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
