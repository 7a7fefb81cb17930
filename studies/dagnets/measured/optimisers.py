"""What the slides state of torch's optimisers, and trainings by their listings on drawn vectors (5.2 and 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.drawn import distance, drawn
from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.dagnets.measured import moments, updates

Pair = tuple[Tensor, Tensor]
SAMPLES, INPUTS = 300, 8  # drawn vectors, three mini-batches of them, and numbers in each
RATES = (0.25, 0.5)  # of two groups of parameters; the first is the optimiser's own
DIGITS = 3  # of what is left of two paths; further ones are rounding
ADAM = "adam"


def vectors(count: int) -> tuple[Tensor, Tensor]:
    """Return drawn vectors and labels of ten classes."""
    return drawn("images", count, INPUTS), (5 + 5 * drawn("labels", count)).long().clamp(0, 9)


def law_figures(name: str) -> dict[str, float]:
    """Return how far the two sides of a law lie apart, relatively: 0 where it is rounding."""
    check_known("law of optimisers", "name", name, COMPUTED)
    with reproducible():
        return {"apart": significant(distance(*COMPUTED[name]()), DIGITS)}


def descent_by_hand() -> Pair:
    """The listing's loop and torch's SGD end with the same parameters (5.3)."""
    x, labels = vectors(SAMPLES)
    by_hand, torchs = (updates.flat_values(updates.trained(form, x, labels)[0]) for form in ("manual", "optim"))
    return by_hand, torchs


def momentum_of_nothing() -> Pair:
    """Momentum with gamma 0 is torch's SGD without momentum (5.2)."""
    ours, torchs = (one(torch.sin, [1.0, -2.0], 0.1, 0.0, 30) for one in (moments.momentum, moments.torch_momentum))
    return _path(ours), _path(torchs)


def adam_with_its_power() -> Pair:
    """Averages, step and epsilon as printed are torch's Adam on a curved slope, the power set right (5.2)."""
    ours, torchs = (moments.adam(form, torch.sin, [1.0, -2.0], 0.1, 40) for form in ("corrected", "torch"))
    return _path(ours), _path(torchs)


def adam_by_coordinate() -> Pair:
    """Adam's path is the same where one coordinate's slopes are a thousand times larger, up to epsilon (5.2)."""
    scales = (torch.ones(2, dtype=torch.float64), torch.tensor([1.0, 1000.0], dtype=torch.float64))

    def slope(by: Tensor) -> moments.Gradient:
        return lambda w: by * w.sin()

    plain, scaled = (moments.adam("torch", slope(by), [1.0, -2.0], 0.1, 40) for by in scales)
    return _path(plain), _path(scaled)


def _path(points: list[list[float]]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64)


COMPUTED: dict[str, Callable[[], Pair]] = {
    law.__name__: law for law in (descent_by_hand, momentum_of_nothing, adam_with_its_power, adam_by_coordinate)
}


def group_figures(rate: float) -> dict[str, float]:
    """Return how far a step of torch's SGD along a slope of 1 moves the group of a rate, beside that of the other."""
    if rate not in RATES:
        raise UsageError(f"groups of parameters: wanted one of the rates {', '.join(map(str, RATES))}, got {rate}")
    own = {one: nn.Parameter(torch.zeros(1)) for one in RATES}
    first, second = RATES
    groups: list[dict[str, Any]] = [{"params": [own[first]]}, {"params": [own[second]], "lr": second}]
    optimiser = torch.optim.SGD(groups, lr=first)
    torch.cat([*own.values()]).sum().backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return {"moved": own[rate].item()}


def descent_figures(listing: str) -> dict[str, float]:
    """Return the updates of a training on drawn vectors, and the loss before and after it, in nats."""
    check_known("training on drawn vectors", "listing", listing, (*get_args(updates.Listing), ADAM))
    x, labels = vectors(SAMPLES)
    with reproducible():
        if listing == ADAM:
            network, count = by_constructor(torch.optim.Adam, x, labels)
        else:
            network, count = updates.trained(cast("updates.Listing", listing), x, labels)
        with torch.no_grad():
            before, after = (F.cross_entropy(one(x), labels).item() for one in (updates.perceptron(INPUTS), network))
    return {"updates": float(count), "loss_before": significant(before), "loss_after": significant(after)}


def by_constructor(kind: Callable[..., torch.optim.Optimizer], x: Tensor, labels: Tensor) -> tuple[nn.Module, int]:
    """Train by the listing with an optimiser of a kind; return the network and the number of its updates."""
    network, count = updates.perceptron(x.shape[1]), 0
    optimiser = kind(network.parameters(), lr=updates.RATE)
    for _ in range(updates.EPOCHS):
        for batch, wanted in zip(torch.split(x, updates.BATCH), torch.split(labels, updates.BATCH), strict=True):
            optimiser.zero_grad()
            F.cross_entropy(network(batch), wanted).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            count += 1
    return network, count
