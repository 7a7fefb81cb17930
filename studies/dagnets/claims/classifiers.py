"""Evidence on networks for classification (section 7.2), computed when it is asked for."""

from __future__ import annotations

import re
import warnings
from typing import Any

import torch
from torch import nn

from repro.audit.evidence import Shown, published
from repro.printed import parse
from studies.common.torchvision_import import import_torchvision
from studies.dagnets.measured import conversion
from studies.dagnets.measured.printed import resnet as residual
from studies.dagnets.measured.printed.comparison import agreement
from studies.dagnets.model import networks, resnets
from studies.dagnets.model.counting import count_layers
from studies.dagnets.published import layers as lists
from studies.dagnets.published.items import published_named

LAYER = re.compile(
    r"Conv2d\((?P<before>\d+), (?P<after>\d+), kernel_size=\((?P<h>\d+), (?P<w>\d+)\)|"
    r"Linear \((?P<inputs>\d+) -> (?P<outputs>\d+)\)"
)


def _agreeing(name: str) -> list[float]:
    """Return how many printed layers of a network are those that are built, and are all that are."""
    found = agreement(published_named("architectures", name))
    return [found["equal"] if found["equal"] == found["parts"] else found["equal"] - 1]


def layers_of_lenet5() -> list[float]:
    """Count the printed layers of LeNet5 that are built so."""
    return _agreeing("lenet5_layers")


def layers_of_alexnet() -> list[float]:
    """Count the printed layers of AlexNet that are built so."""
    return _agreeing("alexnet_layers")


def layers_of_vgg19() -> list[float]:
    """Count the printed layers of VGGNet19 that are built so."""
    return _agreeing("vgg19_layers")


def layers_of_the_converted_alexnet() -> list[float]:
    """Count the printed layers of the fully convolutional AlexNet that the conversion makes."""
    return _agreeing("convolutionized_layers")


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


def _classes_and_input(name: str) -> list[float]:
    """Run a network once; return its number of classes and the size of its input."""
    network = networks.on_meta(networks.CLASSIFIERS[name])
    scores = network(torch.empty(1, *network.size, device="meta"))
    return [float(scores.shape[1]), *map(float, network.size)]


def ends_of_lenet5() -> list[float]:
    """Return classes and input of LeNet5."""
    return _classes_and_input("lenet5")


def ends_of_alexnet() -> list[float]:
    """Return classes and input of AlexNet."""
    return _classes_and_input("alexnet")


def ends_of_vgg19() -> list[float]:
    """Return classes and input of VGGNet19."""
    return _classes_and_input("vgg19")


def weight_layers_of_vgg19() -> list[float]:
    """Count the convolutions and the fully connected layers of VGGNet19."""
    layers = list(networks.on_meta(networks.vgg19))
    return [float(sum(isinstance(layer, kind) for layer in layers)) for kind in (nn.Conv2d, nn.Linear)]


def convolutions_come_first() -> Shown:
    """Read the order of the layers with weights of the standard networks."""
    orders = {}
    for name in ("lenet5", "alexnet", "vgg19"):
        kinds = [type(layer) for layer in networks.on_meta(networks.CLASSIFIERS[name])]
        orders[name] = [kind is nn.Linear for kind in kinds if kind in (nn.Conv2d, nn.Linear)]
    ok = all(order == sorted(order) and len(set(order)) == 2 for order in orders.values())
    counts = ", ".join(f"{name} {order.count(False)} + {order.count(True)}" for name, order in orders.items())
    return ok, f"convolutions, then fully connected layers: {counts}"


def _torchvision() -> Any:
    """Return torchvision's models."""
    return import_torchvision().models


def alexnet_of_torchvision() -> Shown:
    """Compare the listed AlexNet with torchvision's, parameter by parameter."""
    sizes = [[tuple(one.shape) for one in networks.on_meta(build).parameters()]
             for build in (networks.alexnet, _torchvision().alexnet)]  # fmt: skip
    return sizes[0] == sizes[
        1
    ], f"{len(sizes[0])} and {len(sizes[1])} parameters, the sizes equal: {sizes[0] == sizes[1]}"


def pretrained_keyword() -> Shown:
    """Ask torchvision for an AlexNet by the keyword of the slides, without weights."""
    models = _torchvision()
    with warnings.catch_warnings(record=True) as caught, torch.device("meta"):
        warnings.simplefilter("always")
        made = models.alexnet(pretrained=False)
    old = any("pretrained" in str(one.message) for one in caught)
    return isinstance(made, nn.Module), "it is taken" + (", with a warning that it is deprecated" if old else "")


def scores_of_the_dog() -> list[float]:
    """Count the printed scores."""
    return [float(len(published("dagnets", "alexnet-dog")))]


def scores_descend() -> Shown:
    """Ask whether the printed scores stand in descending order."""
    values = [parse(score).value for score in published("dagnets", "alexnet-dog")]
    return values == sorted(values, reverse=True), f"{values[0]} to {values[-1]}"


# Fully convolutional


def lenet5_made_convolutional() -> Shown:
    """Convert LeNet5 and compare the answers to one image of its size and to a larger one."""
    found = conversion.conversion_figures("lenet5")
    cells = f"{found['height']:g}x{found['width']:g}"
    words = f"equal for one cell: {bool(found['equal'])}; {cells} cells of a larger image are the answers to crops to "
    return found["equal"] == 1 and found["cells_gap"] == 0, words + f"{found['cells_gap']:g}"


def shares_of_products() -> Shown:
    """Count the products that dense answers save over crops."""
    saved = {name: conversion.products_saved(name, windows=12) for name in ("lenet5", "alexnet")}
    words = ", ".join(f"{name} {value:g} times fewer products for 12 windows" for name, value in saved.items())
    return min(saved.values()) > 1, words


# Residual networks


def block_in_thousands() -> list[float]:
    """Count the parameters of the block of 64 channels, in thousands."""
    return [residual.block()[0] / 1e3]


def wide_block_in_millions() -> list[float]:
    """Count the parameters of the block of 256 channels, in millions."""
    return [residual.wide_block()[0] / 1e6]


def bottleneck_in_thousands() -> list[float]:
    """Count the parameters of the bottleneck as the slide sums them, in thousands."""
    return [residual.bottleneck()[0] / 1e3]


def _stage_lengths(depth: int) -> list[float]:
    """Return how many blocks the four stages of torchvision's network have."""
    network = networks.on_meta(getattr(_torchvision(), f"resnet{depth}"))
    return [float(len(getattr(network, f"layer{number}"))) for number in range(1, 5)]


def blocks_of_18() -> list[float]:
    """Count the blocks of the 18-layer network's stages."""
    return _stage_lengths(18)


def blocks_of_34() -> list[float]:
    """Count the blocks of the 34-layer network's stages."""
    return _stage_lengths(34)


def blocks_of_50() -> list[float]:
    """Count the blocks of the 50-layer network's stages."""
    return _stage_lengths(50)


def blocks_of_101() -> list[float]:
    """Count the blocks of the 101-layer network's stages."""
    return _stage_lengths(101)


def blocks_of_152() -> list[float]:
    """Count the blocks of the 152-layer network's stages."""
    return _stage_lengths(152)


def depths_by_blocks() -> list[float]:
    """Count stem, convolutions in blocks and head of each column."""
    return [float(2 + sum(blocks) * (3 if depth >= resnets.DEEP else 2)) for depth, blocks in resnets.BLOCKS.items()]


def first_layers_of_a_resnet() -> list[float]:
    """Read kernel, channels and stride of the first convolution, kernel and stride of the first pooling."""
    stem, pooling = list(resnets.resnet(18))[:2]
    first = next(layer for layer in stem.modules() if isinstance(layer, nn.Conv2d))
    assert isinstance(pooling, nn.MaxPool2d)
    side, step = pooling.kernel_size, pooling.stride
    assert isinstance(side, int)
    assert isinstance(step, int)
    return [float(one) for one in (first.kernel_size[0], first.out_channels, first.stride[0], side, step)]


def _channels(depth: int) -> list[float]:
    """Read the channels after each convolution of the last block of each stage."""
    found = []
    for stage in list(networks.on_meta(lambda: resnets.resnet(depth)))[2:6]:
        *_, block = stage.children()
        assert isinstance(block, resnets.Residual)
        found += [float(layer.out_channels) for layer in block.path if isinstance(layer, nn.Conv2d)]
    return found


def channels_of_a_bottleneck_network() -> list[float]:
    """Read the channels before, inside and after the last block of each stage of the 50-layer network."""
    return _channels(50)


def channels_of_a_basic_network() -> list[float]:
    """Read the channels of the last block of each stage of the 18-layer network."""
    return _channels(18)


def end_of_a_resnet() -> list[float]:
    """Read the side of the pooled map and the number of scores."""
    network = networks.on_meta(lambda: resnets.resnet(50))
    layers = count_layers(network, (3, resnets.SIDE, resnets.SIDE))
    pooled = next(layer for layer in layers if layer.kind == "AdaptiveAvgPool2d")
    return [*map(float, pooled.size[1:]), float(layers[-1].size[0])]


def best_of_the_ensembles() -> list[float]:
    """Return the lowest of the printed errors."""
    return [float(min(parse(error).value for error in published("dagnets", "resnet-error-table")))]


def _aggregated(paths: int) -> int:
    """Count the weights of a block from 256 to 256 channels with 128 inside, its 3x3 split into paths."""
    weights = residual.weights
    outside = weights(256, 128, 1, bias=False) + weights(128, 256, 1, bias=False)
    return outside + paths * weights(128 // paths, 128 // paths, 3, bias=False)


def aggregated_block() -> Shown:
    """Compare the weights of 32 paths of 4 channels with those of the bottleneck."""
    ours, plain = _aggregated(32), 2 * 256 * 64 + residual.weights(64, 64, 3, bias=False)
    return abs(ours / plain - 1) < 0.05, f"{ours:,} and {plain:,} weights"


def aggregation_saves() -> Shown:
    """Compare the weights of 32 paths with those of one path of the same width."""
    return _aggregated(32) < _aggregated(1), f"{_aggregated(32):,} in 32 paths, {_aggregated(1):,} in one"


def bottleneck_saves() -> Shown:
    """Compare the parameters of the bottleneck with those of the plain block on 256 channels."""
    narrow, wide = residual.bottleneck()[0], residual.wide_block()[0]
    return narrow < wide, f"{narrow:,.0f} and {wide:,.0f} parameters"
