"""Make the runs of a request on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from repro.runs.cluster import opened
from repro.runs.facts import Question
from repro.runs.spread import Spread, Work
from repro.runs.worker import Order, Report

if TYPE_CHECKING:
    from repro.runs.held import RunKey
    from repro.runs.plan import Identity
    from repro.runs.planned import PlannedRun
    from repro.runs.runner import Request, State


def work_of(
    request: Request,
    todo: Sequence[PlannedRun],
    states: Mapping[RunKey, State],
    made_by: tuple[Identity, str],
    fits: Callable[[PlannedRun], bool],
    keep: Callable[[Sequence[tuple[PlannedRun, Report]]], None],
    lose: Callable[[PlannedRun, str], None],
) -> Work:
    """Return the runs as a cluster is given them; `made_by` is what they hang on, with the environment's name here."""
    name, profile = request.study.name, request.study.profiles[request.profile]
    wanted, environment = made_by

    def order(run: PlannedRun) -> Order:
        return Order(name, request.profile, run, request.device, states.get(run.key))

    def identity_of(run: PlannedRun) -> Sequence[Any]:
        own = wanted.of(run.experiment, run.case)
        return (name, request.profile, *run.key, run.seed, *own, request.device, environment)

    return Work(
        todo=todo,
        device=request.device,
        retries=request.study.retries,
        per_device=profile.runs_per_device,
        order=order,
        identity=identity_of,
        fits=fits,
        left=request.seconds_left,
        keep=keep,
        lose=lose,
    )


def make(request: Request, work: Work, gpus: int) -> int:
    """Make runs on the request's cluster and return how many were left; `gpus` is how many this machine has.

    Workers that this command starts are not asked who they are: they are of this machine, by this code.
    """
    assert request.engine
    asked = None
    if request.engine.address:
        profile = request.study.profiles[request.profile]
        cases = (request.study.experiments[run.experiment].cases[run.case_index] for run in work.todo)
        sets = {one.name for one in map(profile.data_of, cases) if one is not None}
        asked = Question(request.study.name, request.profile, tuple(sorted(sets)), request.device)
    gpus = gpus if request.device == "cuda" else 0
    jobs = request.engine.jobs or (gpus * work.per_device if gpus else request.jobs)
    with opened(request.engine, jobs, gpus, work.per_device) as client:
        return Spread(client, work, asked, record=request.engine.record).run()
