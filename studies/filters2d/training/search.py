"""Train a network at several learning rates at once and keep the best: successive halving.

The notebook's AutoMLP trains a population of networks and keeps those of least training loss. The same role is filled
here by successive halving (Karnin, Koren, Somekh 2013; Jamieson, Talwalkar 2016): every rate trains a network for as
many samples, the better half goes on, until one is left. Test images choose nothing.

Shape legend: N images of a set.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common.resuming import epochs
from studies.common.training import (
    Labelled,
    Loss,
    answers,
    batches,
    epoch_order,
    nonfinite,
    reproducible,
    train_epoch,
)
from studies.filters2d.cases import Search
from studies.filters2d.model import made

MOMENTUM = 0.9  # AutoMLP's

Values = dict[str, float]
Watch = Callable[[nn.Module], float]


@dataclass(frozen=True)
class Problem:
    """What a network is to learn and is tested on, inputs with targets or labels; the loss; how to make a network."""

    train: Labelled
    test: Labelled
    make: Callable[[], nn.Module]
    loss: Loss = F.mse_loss


@dataclass
class Candidate:
    """A network that trains at one rate: its losses, one each segment, and what was watched after each."""

    network: nn.Module
    optimiser: Optimizer
    rate: float
    seed: int
    losses: list[float] = field(default_factory=list)
    watched: list[float] = field(default_factory=list)
    failed: str = ""

    def state_dict(self) -> dict[str, Any]:
        """Return all that training changes."""
        parts = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        return parts | {"losses": self.losses, "watched": self.watched, "failed": self.failed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.losses, self.watched, self.failed = state["losses"], state["watched"], state["failed"]


@dataclass
class Population:
    """The candidates that are left, each at a rate of its own."""

    left: list[Candidate]

    def state_dict(self) -> dict[float, dict[str, Any]]:
        """Return the states of those left, in order, by their rates."""
        return {one.rate: one.state_dict() for one in self.left}

    def load_state_dict(self, states: dict[float, dict[str, Any]]) -> None:
        """Keep those whose states they are, in that order, as they were."""
        by_rate = {one.rate: one for one in self.left}
        self.left = [by_rate[rate] for rate in states]
        for one in self.left:
            one.load_state_dict(states[one.rate])

    def best(self, count: int) -> list[Candidate]:
        """Return so many of least training loss, that first."""
        return sorted(self.left, key=lambda one: one.losses[-1])[:count]


def optimiser_of(name: str, network: nn.Module, rate: float) -> Optimizer:
    """Return gradient descent with momentum 0.9 ("sgd") or "adam". Raise UsageError for another name."""
    if name == "adam":
        return Adam(network.parameters(), lr=rate, fused=True)
    if name == "sgd":
        return SGD(network.parameters(), lr=rate, momentum=MOMENTUM, fused=True)
    raise UsageError(f"unknown optimiser {name!r}; choose sgd or adam")


def search(
    problem: Problem, plan: Search, *, optimiser: str, seed: int, watch: Watch | None = None, run: Run | None = None
) -> Candidate:
    """Train at all rates, halve, train the last on, and return it; `failed` says where no rate stayed finite.

    `watch` is asked after each segment of each network. Networks and orders are drawn from the seed. A `run` that was
    cut off goes on after the last segment of a network that was kept.
    """
    if not plan.rates or plan.trial < plan.batch or plan.samples < plan.trial:
        raise UsageError(
            f"search: wanted rates, a trial of at least one batch and as many samples, got {plan}; choose another plan"
        )
    population = Population([_candidate(problem, optimiser, rate, seed) for rate in plan.rates])
    check_shapes(problem, population.left[0].network)
    places = places_of(plan)
    turns = [(segment, place) for segment, count in enumerate(places) for place in range(count)]
    for turn in epochs(run, len(turns), population=population):
        segment, place = turns[turn - 1]
        if place < len(population.left):  # fewer are left where a rate has failed
            _train(population.left[place], problem, plan, segment, watch)
        if place + 1 < places[segment]:
            continue
        first = population.left[0]
        population.left = [one for one in population.left if not one.failed]
        if not population.left:
            return first
        if _halved_after(segment):
            population.left = population.best(math.ceil(len(population.left) / 2))
    return population.best(1)[0]


def places_of(plan: Search) -> list[int]:
    """Return how many networks train in each segment where no rate fails."""
    counts = [len(plan.rates)]
    for segment in range(round(plan.samples / plan.trial) - 1):
        counts.append(math.ceil(counts[-1] / 2) if _halved_after(segment) else counts[-1])
    return counts


def _halved_after(segment: int) -> bool:
    """Say whether the worse half goes: after 1, 3, 7 segments, each after twice as many samples as before."""
    return (segment + 2) & (segment + 1) == 0


def check_shapes(problem: Problem, network: nn.Module) -> None:
    """Raise UsageError unless a network takes the problem's inputs and answers in the shape of its targets."""
    inputs, targets = problem.train.images, problem.train.labels_N
    shapes = f"inputs {tuple(inputs.shape)}, targets {tuple(targets.shape)}"
    if len(inputs) != len(targets):
        raise UsageError(f"training: wanted a target for each input, got {shapes}; give as many of both")
    try:
        found = answers(network, inputs[:2])
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise UsageError(f"training: the network does not take these images, {shapes}: {reason}") from error
    wanted = found.shape[1:] if problem.loss is F.mse_loss else ()
    if targets.shape[1:] != wanted:
        raise UsageError(f"training: the network answers (N, {', '.join(map(str, found.shape[1:]))}), got {shapes}")


def _candidate(problem: Problem, optimiser: str, rate: float, seed: int) -> Candidate:
    network = made(problem.make, seed, f"network/{rate:g}").to(problem.train.images.device)
    return Candidate(network, optimiser_of(optimiser, network, rate), rate, seed)


def _train(one: Candidate, problem: Problem, plan: Search, segment: int, watch: Watch | None) -> None:
    """Train for one segment of samples; what leaves the real numbers is marked as failed."""
    order = visited(len(problem.train), one.seed, segment * plan.trial, plan.trial)
    bad, loss = train_epoch(
        one.network, one.optimiser, batches(problem.train, lambda x: x, order, plan.batch), problem.loss
    )
    if bad is not None or not math.isfinite(loss):
        one.failed = f"loss not finite in segment {segment + 1} at rate {one.rate:g}"
        return
    one.losses.append(loss)
    if watch is not None:
        one.watched.append(watch(one.network))


def visited(count: int, seed: int, start: int, samples: int) -> Tensor:
    """Return the numbers of the images that a network sees from a sample on, in epochs of shuffled orders."""
    first, last = start // count, (start + samples - 1) // count
    orders = torch.cat([epoch_order(count, seed, epoch) for epoch in range(first, last + 1)])
    return orders[start - first * count :][:samples]


def pairs(inputs: Tensor, targets: Tensor, run: Run) -> Labelled:
    """Return inputs with what they should become, on the run's device."""
    return Labelled(inputs.to(run.device), targets.to(run.device))


def trained(
    problem: Problem,
    plan: Search,
    run: Run,
    *,
    optimiser: str,
    more: Callable[[Candidate], Values],
    watch: Watch | None = None,
) -> Outcome:
    """Search, and return the training loss, the rate, and what `more` tells of the best candidate.

    A run at whose end no rate has stayed finite is "nonfinite", and so is one whose test errors are not finite.
    """
    with reproducible():
        found = search(problem, plan, optimiser=optimiser, seed=run.seed, watch=watch, run=run)
        n_test, segments = len(problem.test), len(found.losses)
        if found.failed:
            return nonfinite(found.failed, n_test, segments)
        values = {"train_loss": found.losses[-1], "rate": found.rate} | more(found)
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        return nonfinite(f"{bad[0]} not finite on the test images at rate {found.rate:g}", n_test, segments)
    return Outcome(values=values, curves={"train_loss": found.losses}, n_test=n_test)


def squared_error(network: nn.Module, data: Labelled, *, batch_statistics: bool = False) -> float:
    """Return the mean squared error over all values of a set, in evaluation mode or by each batch's statistics."""
    return float(F.mse_loss(answers(network, data.images, batch_statistics=batch_statistics), data.labels_N))
