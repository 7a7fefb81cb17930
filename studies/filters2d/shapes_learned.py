"""Outlines told apart (section 11), blobs and boundaries from one another (section 12).

Shape legend: N images, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common.randomness import stream
from studies.common.training import Labelled, answers
from studies.filters2d import networks, shapes
from studies.filters2d.cases import Outline, Plan, Topology
from studies.filters2d.search import Candidate, Problem, Values, pairs, squared_error, trained


def error(network: nn.Module, data: Labelled, *, batch_statistics: bool) -> float:
    """Return the share (%) of images taken for another class."""
    logits = answers(network, data.images, batch_statistics=batch_statistics)
    return 100 * float((logits.argmax(dim=1) != data.labels_N).double().mean())


def outline_problem(pair: shapes.Pair, plan: Plan, case: Outline, run: Run) -> Problem:
    """Return outlines of two classes, as many to train on as the case says for each place of the centre."""
    count = round(case.per_position * shapes.positions(case.side))
    sets = [
        pairs(*shapes.outlines(pair, number, case.side, stream(run.seed, f"{pair}/{part}")), run)
        for part, number in (("train", max(count, 2)), ("test", plan.test))
    ]
    return Problem(*sets, make=partial(networks.shape_classifier, case.side, case.head), loss=F.cross_entropy)


def plan_of(pair: shapes.Pair, case: Outline, run: Run) -> Plan:
    """Return the plan for a pair of outlines and the size of its images."""
    if pair == "circle_square":
        return run.settings.circle_square
    return run.settings.full_size if case.side == shapes.FULL_SIDE else run.settings.square_rectangle


def run_outlines(pair: shapes.Pair, case: Outline, run: Run) -> Outcome:
    """Learn to tell two kinds of outlines apart; evaluation mode and batch statistics are kept apart."""
    plan = plan_of(pair, case, run)
    problem = outline_problem(pair, plan, case, run)

    def wrong(network: nn.Module, data: Labelled) -> float:
        return error(network, data, batch_statistics=True)

    def more(found: Candidate) -> Values:
        return {
            "log10_train_loss": math.log10(found.losses[-1]),
            "batch_error": wrong(found.network, problem.test),
            "error": error(found.network, problem.test, batch_statistics=False),
            "lowest_error": min(found.watched),
            "train_error": wrong(found.network, problem.train),
            "images": float(len(problem.train)),
        }

    return trained(
        problem, plan.search, run, optimiser="sgd", more=more, watch=lambda network: wrong(network, problem.test)
    )


def topology_problem(case: Topology, plan: Plan, run: Run) -> Problem:
    """Return blobs and their boundaries with noise, from one to the other as the case says."""
    sets = []
    for part, count in (("train", plan.train), ("test", plan.test)):
        whole, edges = clean(plan, count, part, run.seed)
        noise = stream(run.seed, f"noise/{part}")
        noisy, noisy_edges = shapes.with_noise(whole, noise), shapes.with_noise(edges, noise)
        sets.append(pairs(*((noisy, noisy_edges) if case.wanted == "boundary" else (noisy_edges, noisy)), run))
    return Problem(*sets, make=topology_networks(case.network))


def clean(plan: Plan, count: int, part: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return blobs and boundaries of a part without noise."""
    whole = shapes.blobs(count, plan.side, stream(seed, f"blobs/{part}"))
    return whole, shapes.boundary(whole)


def topology_networks(name: str) -> Callable[[], nn.Module]:
    """Return what makes a network of section 12, or the one of section 16 that sees the whole image."""
    if name == "convolutional":
        return networks.topology_network
    if name == "lstm2":
        return lambda: nn.Sequential(networks.TwoDirectionLSTM(1, 8, 1), nn.Sigmoid())
    raise UsageError(f"unknown network {name!r}; choose convolutional or lstm2")


def topology_values(network: nn.Module, problem: Problem, case: Topology, plan: Plan, run: Run) -> Values:
    """Return errors and overlaps in both modes, the variance of the targets, and the classical answer's overlap."""
    whole, edges = clean(plan, plan.test, "test", run.seed)
    wanted = edges if case.wanted == "boundary" else whole
    given = problem.test.images.cpu()
    classical = shapes.boundary((given > 0.5).float()) if case.wanted == "boundary" else shapes.filled(given)
    variance = float(problem.test.labels_N.var(correction=0))
    mse = squared_error(network, problem.test)
    return {
        "mse": mse,
        "explained": 100 * (1 - mse / variance),
        "overlap": 100 * shapes.overlap(answers(network, problem.test.images).cpu(), wanted),
        "batch_mse": squared_error(network, problem.test, batch_statistics=True),
        "classical_overlap": 100 * shapes.overlap(classical, wanted),
        "variance": variance,
        "filled": 100 * float(wanted.mean()),
    }


def run_topology(case: Topology, run: Run) -> Outcome:
    """Learn boundaries of blobs, or blobs from their boundaries."""
    plan: Plan = run.settings.crossed if case.network == "lstm2" else run.settings.topology
    problem = topology_problem(case, plan, run)
    return trained(
        problem, plan.search, run, optimiser="adam",
        more=lambda found: topology_values(found.network, problem, case, plan, run),
    )  # fmt: skip
