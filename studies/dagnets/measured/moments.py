"""Momentum and Adam, as the slides write them and as they are, in float64 (section 5.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import Tensor

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.rounding import significant

AdamForm = Literal["slide", "corrected", "torch"]
Gradient = Callable[[Tensor], Tensor]

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8
ADAM_STEPS = (1, 2, 5, 50)
ADAM_RATE = 0.1
FLAT, STEEP = 1.0, (30.0, 38.0)  # curvatures; the slides do not give their objective
VALLEY_START = (-1.0, 0.5)
VALLEY_STEPS = 60
RULES = {"sgd": "plain, eta = 0.05", "momentum": "momentum 0.5, eta = 0.05", "adam": "Adam, eta = 0.1"}


def adam(form: AdamForm, gradient: Gradient, start: Sequence[float], rate: float, steps: int) -> list[list[float]]:
    """Return the path of Adam, its start included: bias corrected by 1 - beta ("slide") or by 1 - beta^t."""
    check_known("Adam", "form", form, get_args(AdamForm))
    w = torch.tensor(start, dtype=torch.float64)
    path = [w.tolist()]
    mean, square = torch.zeros_like(w), torch.zeros_like(w)
    if form == "torch":
        return [*path, *_torch_path(torch.optim.Adam, gradient, w, steps, lr=rate)]
    for step in range(1, steps + 1):
        power = 1 if form == "slide" else step
        slope = gradient(w)
        mean = BETA_1 * mean + (1 - BETA_1) * slope
        square = BETA_2 * square + (1 - BETA_2) * slope**2
        mean_hat, square_hat = mean / (1 - BETA_1**power), square / (1 - BETA_2**power)
        w = w - rate * mean_hat / (square_hat.sqrt() + EPSILON)
        path.append(w.tolist())
    return path


def momentum(gradient: Gradient, start: Sequence[float], rate: float, gamma: float, steps: int) -> list[list[float]]:
    """Return the path of gradient descent with the slides' momentum, its start included; gamma 0 is plain descent."""
    if not 0 <= gamma < 1:
        raise UsageError(f"momentum: wanted gamma in [0, 1), got {gamma}")
    w = torch.tensor(start, dtype=torch.float64)
    path, velocity = [w.tolist()], torch.zeros_like(w)
    for _ in range(steps):
        velocity = gamma * velocity + rate * gradient(w)
        w = w - velocity
        path.append(w.tolist())
    return path


def torch_momentum(
    gradient: Gradient, start: Sequence[float], rate: float, gamma: float, steps: int
) -> list[list[float]]:
    """Return the path of torch's SGD, its start included."""
    w = torch.tensor(start, dtype=torch.float64)
    return [w.tolist(), *_torch_path(torch.optim.SGD, gradient, w, steps, lr=rate, momentum=gamma)]


def _torch_path(
    kind: Callable[..., torch.optim.Optimizer], gradient: Gradient, w: Tensor, steps: int, **settings: float
) -> Iterator[list[float]]:
    w = w.clone().requires_grad_()
    optimiser = kind([w], **settings)
    for _ in range(steps):
        w.grad = gradient(w.detach())
        optimiser.step()
        yield w.tolist()


def adam_figures(form: AdamForm) -> dict[str, float]:
    """Return where Adam stands after some steps of rate 0.1 along a constant slope of 1, from 1."""
    path = adam(form, torch.ones_like, [1.0], ADAM_RATE, ADAM_STEPS[-1])
    return {f"w_{step}": significant(path[step][0]) for step in ADAM_STEPS}


def valley_path(rule: str, steep: float) -> list[list[float]]:
    """Return the path of a rule of `RULES` down a quadratic of curvatures 1 and `steep`."""
    check_known("valley", "rule", rule, RULES)
    curvature = torch.tensor([FLAT, steep], dtype=torch.float64)

    def gradient(w: Tensor) -> Tensor:
        return curvature * w

    if rule == "adam":
        return adam("torch", gradient, VALLEY_START, ADAM_RATE, VALLEY_STEPS)
    return momentum(gradient, VALLEY_START, 0.05, 0.5 if rule == "momentum" else 0.0, VALLEY_STEPS)


def valley_figures(rule: str, steep: float) -> dict[str, float]:
    """Return the turns across the valley, the way made across it, and the loss at the end."""
    path = valley_path(rule, steep)
    across = [point[1] for point in path]
    turns = sum(one * other < 0 for one, other in pairwise(across))
    way = sum(abs(other - one) for one, other in pairwise(across))
    loss = sum(curvature * value**2 for curvature, value in zip((FLAT, steep), path[-1], strict=True)) / 2
    return {"turns": float(turns), "way_across": significant(way), "log10_loss": significant(math.log10(loss), 4)}
