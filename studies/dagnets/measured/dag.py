"""Back-propagation through the slides' DAG by hand, in float64 (section 4.1).

The slides write the chain rule as a Jacobian, its rows being outputs, times a column of derivatives. Its transpose
belongs there. With five numbers at every node both products exist, and one is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from studies.common.choosing import check_known
from studies.common.drawn import distance, drawn

Form = Literal["transposed", "literal", "one_term"]

SIDE = 5
NAMES = ("x0", "x1", "x2", "w1", "w2")


@dataclass(frozen=True)
class Nodes:
    """Weights and activations of x1 = w1 x0, x2 = x0 + w2 x1, x3 = w1 (x1 + x2), whose loss is the norm of x3."""

    w1: Tensor
    w2: Tensor
    x0: Tensor
    x1: Tensor
    x2: Tensor
    x3: Tensor


def forward(w1: Tensor, w2: Tensor, x: Tensor) -> Nodes:
    """Evaluate the DAG."""
    x1 = w1 @ x
    x2 = x + w2 @ x1
    return Nodes(w1, w2, x, x1, x2, w1 @ (x1 + x2))


def example() -> Nodes:
    """Evaluate the DAG for fixed weights and input."""
    return forward(drawn("w1", SIDE, SIDE), drawn("w2", SIDE, SIDE), drawn("x", SIDE))


def by_autograd(nodes: Nodes) -> dict[str, Tensor]:
    """Return torch's derivatives of the norm of x3."""
    w1, w2, x = (value.clone().requires_grad_() for value in (nodes.w1, nodes.w2, nodes.x0))
    again = forward(w1, w2, x)
    wanted = (x, again.x1, again.x2, w1, w2)
    return dict(zip(NAMES, torch.autograd.grad(again.x3.norm(), wanted), strict=True))


def by_hand(nodes: Nodes, form: Form) -> dict[str, Tensor]:
    """Return the slides' formulas for the derivatives of the norm of x3.

    "literal" leaves the Jacobians as they are, "one_term" forgets that w1 is used twice.
    """
    check_known("DAG by hand", "form", form, get_args(Form))
    one = torch.eye(SIDE, dtype=nodes.w1.dtype)

    def back(jacobian: Tensor, derivative: Tensor) -> Tensor:
        return (jacobian if form == "literal" else jacobian.T) @ derivative

    d3 = nodes.x3 / nodes.x3.norm()
    d2 = back(nodes.w1, d3)
    d1 = back(nodes.w2, d2) + back(nodes.w1, d3)
    d0 = back(nodes.w1, d1) + back(one, d2)
    w1 = torch.outer(d1, nodes.x0)
    if form != "one_term":
        w1 = w1 + torch.outer(d3, nodes.x1 + nodes.x2)
    return dict(zip(NAMES, (d0, d1, d2, w1, torch.outer(d2, nodes.x1)), strict=True))


def backward_figures(form: Form) -> dict[str, float]:
    """Return how far each derivative of a form lies from torch's, relative to its largest entry."""
    nodes = example()
    hand, right = by_hand(nodes, form), by_autograd(nodes)
    return {name: distance(hand[name], right[name]) for name in NAMES}
