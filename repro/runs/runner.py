"""Make the planned runs in worker processes and keep each one as it finishes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import connection as connections
from pathlib import Path
from typing import Any

from repro import registry
from repro.checkpoint import EVERY_S
from repro.errors import InfrastructureError, ReproError, UsageError
from repro.machine import git
from repro.runs import provenance
from repro.runs.plan import Identity, PlannedRun, estimate, identity
from repro.runs.provenance import needs_torch
from repro.runs.store import Store, belongs
from repro.runs.worker import Order, Report, serve
from repro.study import Study

SHOWN_FILES = 5  # of those that are not committed
STOP_MARGIN_S = 2.0  # to end the workers and leave the table as it is
GRACE_S = 5.0  # for a process that has closed its connection to be gone
MOST_LOST = 10  # workers that die one after the other, no run finished between: a further one would die too


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
    """How a request ended. `left` runs were not made because the time budget ended; `taken_up` had been cut off."""

    planned: int
    already_done: int
    finished: int
    nonfinite: int
    failed: tuple[str, ...]
    left: int
    taken_up: int = 0


RunKey = tuple[str, str, int]
State = tuple[Path, str]  # the file that an unfinished run is kept in, and the name that it bears there
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
    """Return the commits of the repositories that the code of these runs lies in.

    What the store holds, and a golden that was blessed and is not committed yet, are no change of code.
    """
    root = registry.root()
    golden = (root / "golden").resolve()
    return git.commits(wanted.owners, root, ignoring=lambda path: golden in path.parents or store.holds(path))


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
    by itself is recorded and counted; one whose process died is counted alone, so that it is made again. On return or
    interruption no worker process is left.
    """
    wanted = request.wanted or identity(request.study, request.profile)
    todo = pending(store, request.runs, wanted)
    here, record = environment_of(request.study, request.profile, request.device, wanted)
    if request.device == "cuda" and not record["gpu"]:
        raise InfrastructureError(
            f"profile '{request.profile}' runs on a CUDA device and this machine shows none (asked nvidia-smi); "
            "use a machine with one, or --device cpu, which is recorded and slow"
        )
    commit = commit_of(store, wanted)
    states = _states(store, request, wanted, here)
    taken_up = {run.key for run in todo if run.key in states and states[run.key][0].exists()}
    todo.sort(key=lambda run: run.key not in taken_up)
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
        if run.key in states and report.status != "failed":
            states[run.key][0].unlink(missing_ok=True)
        if report.status == "failed":
            failed.append(f"{run.experiment} {run.case} replicate {run.replicate}: {report.detail}")
        progress(run, report)

    def lose(run: PlannedRun, why: str) -> None:
        failed.append(
            f"{run.experiment} {run.case} replicate {run.replicate}: {why}; it is not kept, run again to make it, "
            "perhaps with fewer --jobs"
        )

    left = _dispatch(request, todo, states, store.seconds(), keep, lose)
    return Summary(
        planned=len(request.runs),
        already_done=len(request.runs) - len(todo),
        finished=len(finished),
        nonfinite=sum(report.status == "nonfinite" for report in finished),
        failed=tuple(failed),
        left=left,
        taken_up=len(taken_up),
    )


def _states(store: Store, request: Request, wanted: Identity, environment: str) -> dict[RunKey, State]:
    """Return, for each run of an experiment that can be taken up, the file of its state and its name there.

    The name is of all that the run's bits hang on. What finished runs left, killed before it was removed, is removed.
    """
    states, done, any_left = {}, store.done(), store.unfinished.is_dir()
    for run in request.runs:
        if not request.study.experiments[run.experiment].resumes:
            continue
        made_by = wanted.of(run.experiment, run.case)
        finished = done.get(run.key) == made_by
        if finished and not any_left:
            continue
        parts = (request.study.name, request.profile, *run.key, run.seed, *made_by, request.device, environment)
        name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        states[run.key] = store.unfinished / f"{name[:32]}.checkpoint", name
        if finished:
            states[run.key][0].unlink(missing_ok=True)
    return states


def _error_of(stop: tuple[int, str]) -> ReproError:
    code, text = stop
    return next((kind(text) for kind in ReproError.__subclasses__() if kind.exit_code == code), ReproError(text))


def _dispatch(
    request: Request,
    todo: Sequence[PlannedRun],
    states: Mapping[RunKey, State],
    seconds: Mapping[tuple[str, str], float],
    keep: Callable[[PlannedRun, Report], None],
    lose: Callable[[PlannedRun, str], None],
) -> int:
    """Hand runs to workers until all are made or lost, or the budget ends; return how many were neither.

    A worker that dies takes its run with it, which `lose` is told of, and another takes its place. Raise
    InfrastructureError where one after the other dies: this machine makes no runs.
    """
    queue = deque(todo)
    busy: dict[Any, PlannedRun] = {}
    lost_in_a_row = 0
    with _Crew() as crew:
        while queue or busy:
            while queue and len(busy) < request.jobs and _fits(queue[0], request, states, seconds):
                worker, run = crew.idle_or_new(), queue.popleft()
                with contextlib.suppress(OSError):  # it died meanwhile, which its end of the line tells below
                    state = states.get(run.key)
                    worker.send(Order(request.study.name, request.profile, run, request.device, state))
                busy[worker] = run
            if not busy:  # nothing runs and nothing more may be begun
                break
            timeout = request.seconds_left()
            ready: list[Any] = connections.wait(
                list(busy), timeout=None if timeout == float("inf") else max(timeout, 0.0)
            )
            if not ready:
                break
            for worker in ready:
                run = busy.pop(worker)
                try:
                    report: Report = worker.recv()
                except (EOFError, OSError):  # at a message's beginning, or within one
                    lose(run, why := crew.buried(worker))
                    lost_in_a_row += 1
                    if lost_in_a_row >= MOST_LOST:
                        raise _none_lives(run, why) from None
                    continue
                lost_in_a_row = 0
                crew.idle.append(worker)
                keep(run, report)
    return len(queue) + len(busy)


def _fits(
    run: PlannedRun, request: Request, states: Mapping[RunKey, State], seconds: Mapping[tuple[str, str], float]
) -> bool:
    """Say whether a run may be begun: one that cannot be taken up again is lost where the budget does not hold it."""
    needed = 2 * EVERY_S if run.key in states else float("inf")
    return min(needed, estimate([run], seconds) or 0.0) < request.seconds_left()


def _none_lives(run: PlannedRun, why: str) -> InfrastructureError:
    return InfrastructureError(
        f"{MOST_LOST} processes died one after the other, the last with {run.experiment} {run.case} replicate "
        f"{run.replicate}: {why}; what was finished is kept: run again, perhaps with fewer --jobs"
    )


class _Crew:
    """Worker processes by the connections to them, started as they are needed; none outlives the crew."""

    def __init__(self) -> None:
        self.idle: list[Any] = []
        self.members: dict[Any, tuple[Any, Any]] = {}  # process, and the line whose end tells it that we are gone

    def __enter__(self) -> _Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for process, _line in self.members.values():
            process.kill()
        for worker in list(self.members):
            self._dismiss(worker)

    def idle_or_new(self) -> Any:
        """Return the connection to a worker without a run."""
        return self.idle.pop() if self.idle else self._hired()

    def buried(self, worker: Any) -> str:
        """Put away a worker whose connection has ended, and say how it ended."""
        code = self._dismiss(worker)
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return f"its process ended without a word ({how}), as it does when memory runs out"

    def _hired(self) -> Any:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        line, watched = context.Pipe()
        process = context.Process(target=serve, args=(there, watched), daemon=True)
        process.start()
        there.close()
        watched.close()
        self.members[here] = (process, line)
        return here

    def _dismiss(self, worker: Any) -> int | None:
        process, line = self.members.pop(worker)
        process.join(GRACE_S)  # what ends by itself leaves its own code
        process.kill()
        process.join()
        worker.close()
        line.close()
        code: int | None = process.exitcode
        return code


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
