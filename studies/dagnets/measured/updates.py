"""The update listings of sections 5.2 and 5.3 in float64: what each really computes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.study import Run
from studies.common.choosing import check_known
from studies.common.drawn import distance, drawn
from studies.common.rounding import significant
from studies.common.training import reproducible

Listing = Literal["manual", "optim", "update_outside", "accumulated", "full_batch"]

RATE, BATCH, EPOCHS, HIDDEN, CLASSES = 0.1, 100, 3, 32, 10
SAMPLES, TRAINED_ON = 60, 1437  # images whose gradients are compared, and that are trained on


def images(run: Run, count: int) -> tuple[Tensor, Tensor]:
    """Return the first training images as vectors in [0, 1], and their labels. Raise UsageError without data."""
    arrays = run.dataset.load()
    x = torch.tensor(arrays["train_images"][:count]).flatten(1).double() / run.dataset.peak
    return x, torch.tensor(arrays["train_labels"][:count]).long()


def perceptron(inputs: int) -> nn.Sequential:
    """Return a perceptron with one hidden layer and fixed initial values."""
    network = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, CLASSES)).double()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(drawn(name, *parameter.shape) / inputs**0.5)
    return network


def flat_gradient(network: nn.Module) -> Tensor:
    """Return the gradients of all parameters as one vector."""
    return torch.cat([parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None])


def flat_values(network: nn.Module) -> Tensor:
    """Return all parameters as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def step_by_hand(network: nn.Module) -> None:
    """Move each parameter against its gradient."""
    with torch.no_grad():
        for parameter in network.parameters():
            assert parameter.grad is not None
            parameter.sub_(RATE * parameter.grad)


def trained(listing: Listing, x: Tensor, labels: Tensor) -> tuple[nn.Module, int]:
    """Train as a listing does; return the network and the number of its updates."""
    check_known("training by a listing", "listing", listing, get_args(Listing))
    network = perceptron(x.shape[1])
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    size = len(x) if listing == "full_batch" else BATCH
    updates = 0
    for _ in range(EPOCHS):
        network.zero_grad()
        for loss in _losses(network, x, labels, size):
            if listing != "accumulated":
                network.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            if listing == "optim":
                optimiser.step()
            elif listing in ("manual", "full_batch"):
                step_by_hand(network)
            updates += listing not in ("update_outside", "accumulated")
        if listing in ("update_outside", "accumulated"):
            step_by_hand(network)
            updates += 1
    return network, updates


def _losses(network: nn.Module, x: Tensor, labels: Tensor, size: int) -> Iterator[Tensor]:
    """Yield the mean cross entropy of each batch, in order, evaluated when it is asked for."""
    for batch, targets in _batches(x, labels, size):
        yield F.cross_entropy(network(batch), targets)


def listing_figures(listing: Listing, run: Run) -> dict[str, float]:
    """Return the updates a listing makes in three epochs, the loss it ends with, and how far it is from "optim"."""
    x, labels = images(run, TRAINED_ON)
    with reproducible():
        network, updates = trained(listing, x, labels)
        other, _ = trained("optim", x, labels)
        with torch.no_grad():
            loss = F.cross_entropy(network(x), labels).item()
    apart = distance(flat_values(network), flat_values(other))
    return {"updates": float(updates), "loss": significant(loss), "from_optim": apart}


def accumulation_figures(batch: int, run: Run) -> dict[str, float]:
    """Return the accumulated gradient over that of all samples at once, for mean and for summed losses.

    `off` is what is left of the mean's gradient, relatively, once the ratio is taken out.
    """
    x, labels = images(run, SAMPLES)
    figures = {}
    for reduction in ("mean", "sum"):
        whole, parts = (_gradient(x, labels, size, reduction) for size in (SAMPLES, batch))
        ratio = float(parts.norm() / whole.norm())
        figures[f"ratio_{reduction}"] = significant(ratio)
        figures[f"off_{reduction}"] = distance(parts / ratio, whole)
    return figures


def _gradient(x: Tensor, labels: Tensor, size: int, reduction: str) -> Tensor:
    network = perceptron(x.shape[1])
    for batch, targets in _batches(x, labels, size):
        loss = F.cross_entropy(network(batch), targets, reduction=reduction)
        loss.backward()  # type: ignore[no-untyped-call]
    return flat_gradient(network)


def _batches(x: Tensor, labels: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(torch.split(x, size), torch.split(labels, size), strict=True)
