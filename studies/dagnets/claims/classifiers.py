"""Evidence on networks for classification (section 7.2), by the slides' own lists, computed when it is asked for."""

from __future__ import annotations

import re
from itertools import count

from repro.audit.evidence import Shown, exact, published
from repro.printed import parse
from studies.dagnets.claims.evidence import about
from studies.dagnets.measured.printed import resnet as residual
from studies.dagnets.measured.printed.comparison import agreement
from studies.dagnets.published import layers as lists
from studies.dagnets.published.items import published_named

LAYER = re.compile(
    r"Conv2d\((?P<before>\d+), (?P<after>\d+), kernel_size=\((?P<h>\d+), (?P<w>\d+)\)|"
    r"Linear \((?P<inputs>\d+) -> (?P<outputs>\d+)\)"
)
POOLING = re.compile(r"MaxPool2d \(size=\((\d+), \d+\), stride=\((\d+), \d+\)")


def layers_of_lenet5() -> list[float]:
    """Count the printed layers of LeNet5 that are built so, one less if others are."""
    found = agreement(published_named("architectures", "lenet5_layers"))
    return [found["equal"] if found["equal"] == found["parts"] else found["equal"] - 1]


def ends_of_lenet5() -> list[float]:
    """Return what LeNet5's printed layers give and take: classes, channels, and the least sides that fit them."""
    layers = [found for found in map(LAYER.search, lists.LENET5) if found]
    first, last = layers[0], layers[-1]
    joint = next(layer for layer in layers if layer["inputs"])
    channels = next(layer["after"] for layer in reversed(layers) if layer["after"])
    side = next(side for side in count(1) if int(channels) * _side_after_lenet5(side) ** 2 == int(joint["inputs"]))
    return [float(last["outputs"]), float(first["before"]), float(side), float(side)]


def _side_after_lenet5(side: int) -> int:
    """Return the side of the map that the printed convolutions and poolings make of an image, 0 where none is left."""
    for line in lists.LENET5:
        layer, pooling = LAYER.search(line), POOLING.search(line)
        if pooling:
            side = (side - int(pooling[1])) // int(pooling[2]) + 1
        elif layer and layer["h"]:
            side -= int(layer["h"]) - 1
    return max(side, 0)


def _parameters_of(lines: tuple[str, ...]) -> list[float]:
    """Count the parameters of layers by their printed sizes alone, offsets included."""
    total = 0
    for found in filter(None, map(LAYER.search, lines)):
        sizes = {key: int(value) for key, value in found.groupdict().items() if value}
        if "inputs" in sizes:
            total += (sizes["inputs"] + 1) * sizes["outputs"]
        else:
            total += (sizes["before"] * sizes["h"] * sizes["w"] + 1) * sizes["after"]
    return [float(total)]


def parameters_in_the_list_of_lenet5() -> list[float]:
    """Count LeNet5's parameters by the printed list."""
    return _parameters_of(lists.LENET5)


def parameters_in_the_list_of_alexnet() -> list[float]:
    """Count AlexNet's parameters by the printed list."""
    return _parameters_of(lists.ALEXNET)


def parameters_in_the_list_of_vgg19() -> list[float]:
    """Count VGGNet19's parameters by the printed list, whose end repeats: four more of its last convolutions."""
    repeated = [line for line in lists.VGG19 if "Conv2d(512" in line]
    return _parameters_of((*lists.VGG19, *repeated[-1:] * 4))


def scores_of_the_dog() -> list[float]:
    """Count the printed scores."""
    return [float(len(published("dagnets", "alexnet-dog")))]


def scores_descend() -> Shown:
    """Ask whether the printed scores stand in descending order."""
    values = [parse(score).value for score in published("dagnets", "alexnet-dog")]
    return values == sorted(values, reverse=True), f"{values[0]} to {values[-1]}"


# Fully convolutional


def lenet5_made_convolutional() -> Shown:
    """Compare LeNet5's answers to one image of its size and to a larger one with those of the converted network."""
    names = ("equal", "height", "width", "cells_gap")
    equal, height, width, gap = exact("dagnets", "convolutionized", *names, network="lenet5")
    words = f"equal for one cell: {equal == 1}; {height:g}x{width:g} cells of a larger image are the answers to crops "
    return equal == 1 and gap == 0, words + f"to {gap:g}"


def shares_of_products() -> Shown:
    """Count the products that dense answers save over crops."""
    words, saved = [], []
    for name in ("lenet5", "alexnet"):
        products, height, width = exact("dagnets", "convolutionized", "products_saved", "height", "width", network=name)
        saved.append(products)
        words.append(f"{name} {products:g} times fewer products for {height * width:g} windows")
    return min(saved) > 1, ", ".join(words)


# Residual networks


def plain_block() -> Shown:
    """Hold the parameters of the block of 64 channels, by the slide's formula, against the approximate print."""
    found, (text,) = residual.block()[0], published("dagnets", "resnet-block64")
    names = ("block_weights", "block_parameters")
    weights, every = exact("dagnets", "torchvision_residual", *names, depth=18, paths=1)
    words = f"{found:,.0f} by the formula; torchvision's block has {weights:,.0f} without offsets"
    return about(found / 1e3, text), f"{words}, {every:,.0f} with its normalisation"


def wide_block_in_millions() -> list[float]:
    """Count the parameters of the block of 256 channels, in millions."""
    return [residual.wide_block()[0] / 1e6]


def bottleneck_in_thousands() -> list[float]:
    """Count the parameters of the bottleneck as the slide sums them, in thousands."""
    return [residual.bottleneck()[0] / 1e3]


def best_of_the_ensembles() -> list[float]:
    """Return the lowest of the printed errors."""
    return [float(min(parse(error).value for error in published("dagnets", "resnet-error-table")))]


def _aggregated(paths: int) -> int:
    """Count the weights of a block from 256 to 256 channels with 128 inside, its 3x3 split into paths."""
    weights = residual.weights
    outside = weights(256, 128, 1, bias=False) + weights(128, 256, 1, bias=False)
    return outside + paths * weights(128 // paths, 128 // paths, 3, bias=False)


def aggregation_saves() -> Shown:
    """Compare the weights of 32 paths with those of one path of the same width."""
    return _aggregated(32) < _aggregated(1), f"{_aggregated(32):,} in 32 paths, {_aggregated(1):,} in one"


def bottleneck_saves() -> Shown:
    """Compare the parameters of the bottleneck with those of the plain block on 256 channels."""
    narrow, wide = residual.bottleneck()[0], residual.wide_block()[0]
    return narrow < wide, f"{narrow:,.0f} and {wide:,.0f} parameters"
