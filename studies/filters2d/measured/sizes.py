"""Sizes of networks, and of what their answers see."""

from __future__ import annotations

import torch
from torch import nn

from studies.common.drawn import drawn
from studies.filters2d import model
from studies.filters2d.cases import SEED
from studies.filters2d.training.search import Values


def network_figures(name: str) -> Values:
    """Return parameters and modules of a network, values in an answer, and products of its convolutions' kernels."""
    network, shape = model.make_network(name)
    with torch.no_grad():
        found = network.eval()(torch.zeros(shape))
    return {
        "parameters": float(sum(one.numel() for one in network.parameters())),
        "modules": float(sum(1 for one in network.modules() if not list(one.children()))),
        "outputs": float(found[0].numel()),
        "kernel_products": float(sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.Conv2d))),
    }


def view_figures(name: str) -> Values:
    """Return how many input values reach the middle one of a network's answers, by its gradient in float64."""
    _, shape = model.make_network(name)
    network = model.made(lambda: model.make_network(name)[0], SEED, name).double().eval()
    x = drawn("image", *shape).requires_grad_()
    found = network(x)
    middle = tuple(size // 2 for size in found.shape[2:])
    (seen,) = torch.autograd.grad(found[(0, 0, *middle)], x)
    return {"seen": float((seen != 0).sum()), "of": float(x[0].numel())}
