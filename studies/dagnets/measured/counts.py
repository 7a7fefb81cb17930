"""Parameters, products and sizes of layers and networks (sections 4.6 and 7.2), by hooks."""

from __future__ import annotations

import math

from torch import nn

from repro.errors import UsageError
from studies.dagnets.model import networks, resnets
from studies.dagnets.model.counting import count_layers, totals
from studies.dagnets.model.networks import on_meta

TABLE = ("conv1", "conv2", "fc1", "fc2")  # the layers with weights of the LeNet-like network


def layer_figures(name: str) -> dict[str, float]:
    """Return parameters, products and outputs of a layer of the LeNet-like network. Raise UsageError for another."""
    if name not in TABLE:
        raise UsageError(f"LeNet-like network: wanted one of the layers {', '.join(TABLE)}, got {name!r}")
    network = on_meta(networks.lenet_like)
    layer = [layer for layer in count_layers(network, network.size) if layer.products][TABLE.index(name)]
    return {
        "parameters": float(layer.parameters),
        "products": float(layer.products),
        "outputs": float(math.prod(layer.size)),
    }


def network_figures(name: str) -> dict[str, float]:
    """Return parameters, products and layers with weights of a classifier."""
    made = on_meta(networks.CLASSIFIERS[name])
    return totals(count_layers(made, made.size))


def resnet_figures(depth: int, placement: resnets.Placement) -> dict[str, float]:
    """Return parameters and products of a network, and the side of the maps that each stage ends with, in pixels."""
    network = on_meta(lambda: resnets.resnet(depth, placement))
    figures = totals(count_layers(network, (3, resnets.SIDE, resnets.SIDE)))
    return figures | {f"side_{number}": float(side) for number, side in enumerate(sides(depth, placement), 1)}


def sides(depth: int, placement: resnets.Placement = "first") -> list[int]:
    """Return the sides of the maps after the stem's convolution and after each of the four stages, in pixels."""
    network = on_meta(lambda: resnets.resnet(depth, placement))
    found: list[int] = []
    for number, stage in enumerate(network):
        if number != 1 and isinstance(stage, nn.Sequential):
            stage.register_forward_hook(lambda _module, _inputs, output: found.append(output.shape[-1]))
    count_layers(network, (3, resnets.SIDE, resnets.SIDE))
    return found
