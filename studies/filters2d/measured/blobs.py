"""Blobs and their boundaries, learned from one another (section 12).

Shape legend: N images, H height, W width.
"""

from __future__ import annotations

from torch import Tensor, nn

from repro.study import Outcome, Run
from studies.common.randomness import stream
from studies.common.training import Labelled, answers
from studies.filters2d import model
from studies.filters2d.cases import Plan, Topology
from studies.filters2d.data import shapes
from studies.filters2d.training.search import Problem, Values, pairs, squared_error, trained


def topology_problem(case: Topology, plan: Plan, run: Run) -> Problem:
    """Return blobs and their boundaries with noise, from one to the other as the case says."""

    def part(name: str, count: int) -> Labelled:
        whole, edges = clean(plan, count, name, run.seed)
        noise = stream(run.seed, f"noise/{name}")
        noisy, noisy_edges = shapes.with_noise(whole, noise), shapes.with_noise(edges, noise)
        return pairs(*((noisy, noisy_edges) if case.wanted == "boundary" else (noisy_edges, noisy)), run)

    make = model.topology_networks(case.network)
    return Problem(part("train", plan.train), part("test", plan.test), make)


def clean(plan: Plan, count: int, part: str, seed: int) -> tuple[Tensor, Tensor]:
    """Return blobs and boundaries of a part without noise."""
    whole = shapes.blobs(count, plan.side, stream(seed, f"blobs/{part}"))
    return whole, shapes.boundary(whole)


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
