"""Make the runs of a request on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from repro.runs.cluster import opened
from repro.runs.facts import Question
from repro.runs.spread import Spread, Work
from repro.runs.worker import Order, Report, State

if TYPE_CHECKING:
    from repro.runs.held import RunKey
    from repro.runs.planned import PlannedRun
    from repro.runs.runner import Request


def work_of(
    request: Request,
    todo: Sequence[PlannedRun],
    states: Mapping[RunKey, State],
    fits: Callable[[PlannedRun], bool],
    keep: Callable[[Sequence[tuple[PlannedRun, Report]]], None],
    lose: Callable[[PlannedRun, str], None],
) -> Work:
    """Return the runs as a cluster is given them."""
    study, settings = request.study, request.settings

    def order(run: PlannedRun) -> Order:
        return Order(study.name, request.profile, settings, run, request.device, states.get(run.key))

    return Work(
        todo=todo,
        device=request.device,
        retries=study.retries,
        per_device=study.profiles[request.profile].runs_per_device,
        order=order,
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
