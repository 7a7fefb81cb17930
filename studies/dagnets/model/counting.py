"""Count parameters and products of a network's layers by hooks, on tensors without memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LayerCount:
    """A layer that was run: its parameters, its products for one sample, and the size of its output for one."""

    kind: str
    parameters: int
    products: int
    size: tuple[int, ...]


def products(layer: nn.Module, output: Tensor) -> int:
    """Return the multiplications of weights and inputs for one sample; 0 for a layer without weights."""
    if not isinstance(layer, nn.Conv2d | nn.Linear):
        return 0
    return math.prod(output.shape[1:]) * layer.weight[0].numel()


def count_layers(network: nn.Module, size: tuple[int, ...]) -> list[LayerCount]:
    """Run a network on the meta device on one sample of a size and return its layers in the order in which they ran."""
    found: list[LayerCount] = []

    def note(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        own = sum(parameter.numel() for parameter in layer.parameters())
        found.append(LayerCount(type(layer).__name__, own, products(layer, output), tuple(output.shape[1:])))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [leaf.register_forward_hook(note) for leaf in leaves]
    network.to("meta")(torch.empty(1, *size, device="meta"))
    for handle in handles:
        handle.remove()
    return found


def totals(layers: list[LayerCount]) -> dict[str, float]:
    """Return the sums over layers that each ran once."""
    return {
        "parameters": float(sum(layer.parameters for layer in layers)),
        "products": float(sum(layer.products for layer in layers)),
        "weight_layers": float(sum(layer.products > 0 for layer in layers)),
    }
