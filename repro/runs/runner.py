"""Make the planned runs in worker processes and keep each one as it finishes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import connection as connections
from pathlib import Path
from typing import Any

from repro import registry
from repro.errors import InfrastructureError, IntegrityError, NothingSelectedError, ReproError, UsageError
from repro.machine import git
from repro.runs import provenance
from repro.runs.plan import Identity, PlannedRun, estimate, identity
from repro.runs.provenance import needs_torch
from repro.runs.store import Store, belongs
from repro.runs.worker import Order, Report, serve
from repro.study import Study

SHOWN_FILES = 5  # of those that are not committed
STOP_MARGIN_S = 2.0  # to end the workers and leave the table as it is


@dataclass(frozen=True)
class Request:
    """What to run, how, and for how long. `budget_s` counts from `started` (time.monotonic seconds).

    `wanted` is the identity of the profile's runs where the caller knows it already: fingerprints cost time.
    """

    study: Study
    profile: str
    runs: Sequence[PlannedRun]
    device: str
    jobs: int
    budget_s: float | None = None
    wanted: Identity | None = None
    started: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> float:
        """Return the seconds until the runs have to stop, infinite without a budget."""
        if self.budget_s is None:
            return float("inf")
        return self.budget_s - STOP_MARGIN_S - (time.monotonic() - self.started)


@dataclass(frozen=True)
class Summary:
    """How a request ended. `left` runs were not made because the time budget ended."""

    planned: int
    already_done: int
    finished: int
    nonfinite: int
    failed: tuple[str, ...]
    left: int


Progress = Callable[[PlannedRun, Report], None]


def pending(store: Store, runs: Sequence[PlannedRun], wanted: Identity) -> list[PlannedRun]:
    """Return the runs that the store does not hold yet under this identity."""
    done = store.done()
    return [run for run in runs if done.get(run.key) != wanted.of(run.experiment, run.case)]


def outdated(store: Store, wanted: Identity) -> set[tuple[str, str, int]]:
    """Return the runs of the store that other code, settings or data made, of experiments in this identity.

    Where the code is committed now, runs of code that was not count among them: they could never be blessed.
    """
    done = {key: made_by for key, made_by in store.done().items() if key[0] in wanted.code}
    stale = {key for key, made_by in done.items() if not wanted.made(*key[:2], made_by)}
    uncommitted = store.uncommitted() & set(done)
    if uncommitted:
        now = commit_of(store, wanted)
        stale |= set() if git.is_dirty(now) or git.is_unknown(now) else uncommitted
    return stale


def commit_of(store: Store, wanted: Identity) -> str:
    """Return the commits of the repositories that the code of these runs lies in; what the store holds is no change."""
    return git.commits(wanted.owners, registry.root(), ignoring=store.holds)


def uncommitted(study: Study, profile: str, results: Path) -> list[str]:
    """Say which repositories of a profile's code are not as committed, naming the files; [] where all are.

    What lies below the project's `golden/` is no code, and is left out like the store of the results.
    """
    owners, root = identity(study, profile).owners, registry.root()
    golden = (root / "golden").resolve()
    found = []
    for top, files in git.repositories(owners, root).items():
        if top is None:
            found.append(f"{owners[files[0]]} lies in no repository")
            continue
        changed = git.dirty_files(top, lambda path: golden in path.parents or belongs(path, results))
        if changed:
            more = f" and {len(changed) - SHOWN_FILES} more" if len(changed) > SHOWN_FILES else ""
            found.append(f"not committed: {', '.join(changed[:SHOWN_FILES])}{more}")
    return found


def environment_of(study: Study, profile: str, device: str, wanted: Identity) -> tuple[str, dict[str, Any]]:
    """Return (environment id, record) of this machine for runs of a profile, as it is before torch is asked."""
    sets, used = study.data_sets(profile), wanted.distributions
    return provenance.collect(sets, device=device, used=used, unfollowed=wanted.unfollowed)


def make_runs(store: Store, request: Request, progress: Progress) -> Summary:
    """Make every run the store lacks, appending each to the store as it finishes.

    Raises UsageError, IntegrityError or InfrastructureError when a run finds that none can be made. A run that fails
    by itself is recorded and counted. On return or interruption no worker process is left.
    """
    wanted = request.wanted or identity(request.study, request.profile)
    todo = pending(store, request.runs, wanted)
    _, record = environment_of(request.study, request.profile, request.device, wanted)
    if request.device == "cuda" and not record["gpu"]:
        raise InfrastructureError(
            f"profile '{request.profile}' runs on a CUDA device and this machine shows none (asked nvidia-smi); "
            "use a machine with one, or --device cpu, which is recorded and slow"
        )
    commit = commit_of(store, wanted)
    finished: list[Report] = []
    failed: list[str] = []

    def keep(run: PlannedRun, report: Report) -> None:
        if report.stop:
            raise _error_of(report.stop)
        # A worker that trained before has torch still: what never asks for it is not recorded with it.
        packages = wanted.sources[run.experiment].distributions
        environment, whole = provenance.with_torch(record, report.torch if any(map(needs_torch, packages)) else None)
        common = {"environment": environment, "commit": commit, "device": request.device}
        store.append(rows_from(request, run, report, wanted, common), {environment: whole})
        finished.append(report)
        if report.status == "failed":
            failed.append(f"{run.experiment} {run.case} replicate {run.replicate}: {report.detail}")
        progress(run, report)

    left = _dispatch(request, todo, store.seconds(), keep)
    return Summary(
        planned=len(request.runs),
        already_done=len(request.runs) - len(todo),
        finished=len(finished),
        nonfinite=sum(report.status == "nonfinite" for report in finished),
        failed=tuple(failed),
        left=left,
    )


def _error_of(stop: tuple[int, str]) -> ReproError:
    code, text = stop
    kinds: tuple[type[ReproError], ...] = (UsageError, NothingSelectedError, IntegrityError, InfrastructureError)
    return next((kind(text) for kind in kinds if kind.exit_code == code), ReproError(text))


def _dispatch(
    request: Request,
    todo: Sequence[PlannedRun],
    seconds: Mapping[tuple[str, str], float],
    keep: Callable[[PlannedRun, Report], None],
) -> int:
    """Hand runs to workers until all are made or the budget ends; return how many were not made."""
    queue = deque(todo)
    busy: dict[Any, PlannedRun] = {}
    with _workers(min(request.jobs, len(queue))) as idle:
        while queue or busy:
            # No run is begun that the budget is not expected to hold: one cut off in the middle would be lost.
            while queue and idle and (estimate([queue[0]], seconds) or 0.0) < request.seconds_left():
                worker, run = idle.pop(), queue.popleft()
                worker.send(Order(request.study.name, request.profile, run, request.device))
                busy[worker] = run
            if not busy:  # nothing runs and nothing more may be begun
                break
            timeout = request.seconds_left()
            ready = connections.wait(list(busy), timeout=None if timeout == float("inf") else max(timeout, 0.0))
            if not ready:
                break
            for worker in ready:
                run = busy.pop(worker)
                keep(run, _received(worker, run))
                idle.append(worker)
    return len(queue) + len(busy)


def _received(worker: Any, run: PlannedRun) -> Report:
    try:
        report: Report = worker.recv()
    except EOFError as error:
        raise InfrastructureError(
            f"the process of {run.experiment} {run.case} replicate {run.replicate} ended without a word, as it does "
            "when memory runs out; what was finished is kept: run again, perhaps with fewer --jobs"
        ) from error
    return report


@contextmanager
def _workers(count: int) -> Iterator[list[Any]]:
    """Start worker processes and yield their connections; on leaving, end them whatever they do."""
    context = multiprocessing.get_context("spawn")
    processes, ends, lifelines = [], [], []
    try:
        for _ in range(count):
            here, there = context.Pipe()
            lifeline, watched = context.Pipe()
            process = context.Process(target=serve, args=(there, watched), daemon=True)
            process.start()
            there.close()
            watched.close()
            processes.append(process)
            ends.append(here)
            lifelines.append(lifeline)
        yield list(ends)
    finally:
        for process in processes:
            process.kill()
            process.join()
        for end in (*ends, *lifelines):
            end.close()


def rows_from(
    request: Request, run: PlannedRun, report: Report, wanted: Identity, common: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return one row for every declared metric of a run, in the results schema."""
    settings, data, code = wanted.of(run.experiment, run.case)
    finished = datetime.now(UTC)
    return [
        {
            "study": request.study.name,
            "experiment": run.experiment,
            "case": run.case,
            "profile": request.profile,
            "replicate": run.replicate,
            "seed": run.seed,
            "metric": metric.name,
            "unit": metric.unit,
            "value": (report.values or {}).get(metric.name),
            "curve": (report.curves or {}).get(metric.name),
            "status": report.status,
            "detail": report.detail,
            "n_test": report.n_test,
            "epochs": report.epochs,
            "wall_seconds": report.wall_seconds,
            "settings": settings,
            "data": data,
            "code": code,
            "finished": finished,
            **common,
        }
        for metric in request.study.experiments[run.experiment].metrics
    ]


def jobs(device: str, asked: int | None) -> int:
    """Return the number of processes: as asked, else one a core, or one on a GPU. Raise UsageError for none."""
    if asked is not None and asked < 1:
        raise UsageError(f"--jobs {asked}: wanted at least one process")
    return asked or (1 if device == "cuda" else len(os.sched_getaffinity(0)))
