"""Make the planned runs in worker processes and keep each one as it finishes."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from multiprocessing import connection as connections
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.checkpoint import EVERY_S, Head, head_of
from repro.errors import SOFTWARE, InfrastructureError, ReproError, UsageError
from repro.machine import git
from repro.runs import provenance
from repro.runs.coded import Mask
from repro.runs.crew import Crew
from repro.runs.fingerprint import codes
from repro.runs.held import RunKey
from repro.runs.plan import Identity, estimate, identity
from repro.runs.planned import PlannedRun
from repro.runs.provenance import needs_torch
from repro.runs.store import Store, belongs
from repro.runs.told import Listener
from repro.runs.worker import Order, Report, State
from repro.study import Study, settings_json

if TYPE_CHECKING:
    from repro.runs.cluster import Cluster

SHOWN_FILES = 5  # of those that are not committed
STOP_MARGIN_S = 2.0  # to end the workers and leave the table as it is
AHEAD_S = 0.05  # of runs, at most, a worker holds beside the one that it makes
MOST_AHEAD = 16
MOST_LOST = 10  # workers that die one after the other, no run finished between: a further one would die too


@dataclass(frozen=True)
class Request:
    """What to run, how, and for how long. `budget_s` counts from `started` (time.monotonic seconds).

    `threads` are those of each process, which is one wherever results are to be compared with others. `wanted` is the
    identity of the profile's runs where the caller knows it already: fingerprints cost time. `engine` is a cluster to
    make them on, None for processes of this one.
    """

    study: Study
    profile: str
    runs: Sequence[PlannedRun]
    device: str
    jobs: int
    budget_s: float | None = None
    wanted: Identity | None = None
    threads: int = 1
    engine: Cluster | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def far(self) -> bool:
        """Say whether the runs are made on machines that may be others."""
        return self.engine is not None and self.engine.address is not None

    @property
    def settings(self) -> str:
        """Return the profile's settings as the results table stores them."""
        return settings_json(self.study.profiles[self.profile].settings)

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


def pending(store: Store, runs: Sequence[PlannedRun], wanted: Identity) -> list[PlannedRun]:
    """Return the runs that the store does not hold yet under this identity."""
    done = _there(store, wanted)
    return [run for run in runs if run.replicate not in done.get(run.key[:2], ())]


def _there(store: Store, wanted: Identity) -> dict[tuple[str, str], set[int]]:
    """Return the replicates that the store holds finished under this identity, by experiment and declared case."""
    held = store.runs
    return held.replicates(held.finished & held.made(wanted.made) & held.measured(wanted.measured))


def outdated(store: Store, wanted: Identity) -> Mask:
    """Say which of the store's runs other code, settings or data made, or are of no declared case or in other units.

    Where the code is committed now, runs of code that was not count among them: they could never be blessed.
    """
    held = store.runs
    stale = ~(held.made(wanted.made) & held.measured(wanted.measured))
    uncommitted = held.finished & held.uncommitted
    if uncommitted.any():
        now = commit_of(store, wanted)
        if not (git.is_dirty(now) or git.is_unknown(now)):
            stale |= uncommitted
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
        for what, names in (("not committed", changed), ("ignored by git", git.ignored(top, files))):
            if names:
                more = f" and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else ""
                found.append(f"{what}: {', '.join(names[:SHOWN_FILES])}{more}")
    return found


def environment_of(
    study: Study, profile: str, device: str, wanted: Identity, threads: int = 1
) -> tuple[str, dict[str, Any]]:
    """Return (environment id, record) of this machine for runs of a profile, as it is before torch is asked."""
    sets, used = study.data_sets(profile), wanted.distributions
    return provenance.collect(sets, device=device, threads=threads, used=used, unfollowed=wanted.unfollowed)


def make_runs(store: Store, request: Request, told: Listener) -> Summary:
    """Make every run the store lacks, appending each to the store as it finishes.

    Raises UsageError, IntegrityError or InfrastructureError when a run finds that none can be made. A run that fails
    by itself is recorded and counted; one whose process died is counted alone, so that it is made again.
    """
    wanted = request.wanted or identity(request.study, request.profile)
    todo = pending(store, request.runs, wanted)
    told.begin(len(todo))
    here, record = environment_of(request.study, request.profile, request.device, wanted, request.threads)
    _hold_device(request, record)
    commit = commit_of(store, wanted)
    states = {} if request.far else _states(store, request, wanted, here)
    begun = {run.key: head for run in todo if run.key in states and (head := head_of(states[run.key][0]))}
    todo.sort(key=lambda run: run.key not in begun)
    kept, failed, taken_up = Counter[str](), list[str](), set[RunKey]()

    def keep(reports: Sequence[tuple[PlannedRun, Report]]) -> None:
        made = [(run, _held_to(wanted, run, report, request)) for run, report in reports]
        stopped = next((place for place, (_, report) in enumerate(made) if report.stop), None)
        rows, environments = [], {}
        for run, report in made[:stopped]:
            # A worker that trained before has torch still: what never asks for it is not recorded with it.
            packages = wanted.sources[run.experiment].distributions
            facts = report.torch if any(map(needs_torch, packages)) else None
            environment, environments[environment] = provenance.with_torch(report.record or record, facts)
            common = {"environment": environment, "commit": commit, "device": request.device}
            rows.append(rows_from(request, run, report, wanted, common))
        if rows:
            store.append(rows, environments)
        for run, report in made[:stopped]:
            kept[report.status] += 1
            taken_up.update({run.key} & begun.keys())
            if run.key in states and report.status != "failed":
                states[run.key][0].unlink(missing_ok=True)
            if report.status == "failed":
                failed.append(f"{run.words}: {report.detail}")
            told.ended(run, report)
        if stopped is not None:
            raise _error_of(made[stopped][1])

    def lose(run: PlannedRun, why: str) -> None:
        failed.append(f"{run.words}: {why}; it is not kept, run again to make it, perhaps with fewer --jobs")

    seconds = store.runs.seconds()
    fits = functools.partial(_fits, request=request, states=states, seconds=seconds, begun=begun)
    if request.engine and todo:
        from repro.runs import elsewhere

        work = elsewhere.work_of(request, todo, states, fits, keep, lose)
        left = elsewhere.make(request, work, len(record["gpu"]))
    else:
        left = _dispatch(request, todo, states, fits, keep, lose)
    return Summary(
        planned=len(request.runs), already_done=len(request.runs) - len(todo), finished=kept.total(),
        nonfinite=kept["nonfinite"], failed=tuple(failed), left=left, taken_up=len(taken_up),
    )  # fmt: skip


def _hold_device(request: Request, record: Mapping[str, Any]) -> None:
    """Raise InfrastructureError where this machine is to make runs on a GPU and has none."""
    if request.device == "cuda" and not record["gpu"] and not request.far:
        raise InfrastructureError(
            f"profile '{request.profile}' runs on a CUDA device and this machine shows none (asked nvidia-smi); "
            "use a machine with one, or --device cpu, which is recorded and slow"
        )


def _states(store: Store, request: Request, wanted: Identity, environment: str) -> dict[RunKey, State]:
    """Return, for each run of an experiment that can be taken up, the file of its state and its name there.

    The name is of all that the run's bits hang on. What finished runs left, killed before it was removed, is removed.
    """
    states, done, any_left = {}, _there(store, wanted), store.unfinished.is_dir()
    for run in request.runs:
        if not request.study.experiments[run.experiment].resumes:
            continue
        finished = run.replicate in done.get(run.key[:2], ())
        if finished and not any_left:
            continue
        made_by = wanted.of(run.experiment, run.case)
        parts = (request.study.name, request.profile, *run.key, run.seed, *made_by, request.device, environment)
        name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        contents = wanted.sources[run.experiment].contents
        states[run.key] = store.unfinished / f"{name[:32]}.checkpoint", name, contents
        if finished:
            states[run.key][0].unlink(missing_ok=True)
    return states


def _held_to(wanted: Identity, run: PlannedRun, report: Report, request: Request) -> Report:
    """Return a report, or one that stops where its process imported a file that is not as the runs' identity has it.

    Whoever edits a comment stops nothing.
    """
    other = next((path for path, made in report.imported.items() if wanted.contents.get(path, made) != made), None)
    if other is None:
        return report
    with contextlib.suppress(ReproError, SyntaxError, OSError, UnicodeDecodeError):  # of a file that is half written
        (now,) = codes(request.study, [run.experiment]).values()
        as_imported = all(now.contents.get(path, made) == made for path, made in report.imported.items())
        if as_imported and now.fingerprint == wanted.code[run.experiment]:
            return report
    text = f"{other}: edited while runs were made; what was made before is kept: begin anew, by the code as it is now"
    return replace(report, stop=(InfrastructureError.exit_code, text))


def _error_of(report: Report) -> ReproError:
    code, text = report.stop or (SOFTWARE, report.detail)
    return next((kind(text) for kind in ReproError.__subclasses__() if kind.exit_code == code), ReproError(text))


def _dispatch(
    request: Request,
    todo: Sequence[PlannedRun],
    states: Mapping[RunKey, State],
    fits: Callable[[PlannedRun], bool],
    keep: Callable[[Sequence[tuple[PlannedRun, Report]]], None],
    lose: Callable[[PlannedRun, str], None],
) -> int:
    """Hand runs to workers until all are made or lost, or the budget ends; return how many were neither.

    A worker that dies takes its run with it, which `lose` is told of, and another takes its place. Raise
    InfrastructureError where one after the other dies: this machine makes no runs.
    """
    queue, study, settings = deque(todo), request.study.name, request.settings
    pace: dict[tuple[str, str], float] = {}  # the seconds of a case's last run
    lost_in_a_row = 0
    with Crew(request.jobs, request.threads) as crew:
        while queue or crew.busy:
            while run := next(filter(fits, queue), None):  # a shorter one may be made where the next does not fit
                worker = crew.free(_at_once(run, request, pace))
                if worker is None:
                    break
                queue.remove(run)
                with contextlib.suppress(OSError):  # it died meanwhile, which its end of the line tells below
                    worker.send(Order(study, request.profile, settings, run, request.device, states.get(run.key)))
                crew.orders[worker].append(run)
            if not crew.busy:  # nothing runs and nothing more may be begun
                break
            timeout = request.seconds_left()
            ready: list[Any] = connections.wait(
                crew.busy, timeout=None if timeout == float("inf") else max(timeout, 0.0)
            )
            if not ready:
                break
            answers = [(worker, *crew.answers(worker)) for worker in ready]
            made = [one for _, some, _ in answers for one in some]
            pace |= {run.key[:2]: report.wall_seconds for run, report in made}
            lost_in_a_row = 0 if made else lost_in_a_row
            keep(made)
            for worker in [worker for worker, _, ended in answers if ended]:
                (run, *others), why = crew.buried(worker)
                queue.extendleft(reversed(others))
                lose(run, why)
                lost_in_a_row += 1
                if lost_in_a_row >= MOST_LOST:
                    raise _none_lives(run, why)
    return len(queue) + sum(map(len, crew.orders.values()))


def _at_once(run: PlannedRun, request: Request, pace: Mapping[tuple[str, str], float]) -> int:
    """Return how many orders a worker may hold: runs of a moment wait for their turn there, and not for us.

    A case that nobody has run may take hours, however short others of its experiment are: it waits for a worker that is
    free. A budget counts runs that are begun, so that one at a time is handed out under it.
    """
    if request.budget_s is not None:
        return 1
    return 1 + min(MOST_AHEAD, int(AHEAD_S / max(pace.get(run.key[:2], AHEAD_S + 1.0), 1e-6)))


def _fits(
    run: PlannedRun,
    request: Request,
    states: Mapping[RunKey, State],
    seconds: Mapping[tuple[str, str], float],
    begun: Mapping[RunKey, Head],
) -> bool:
    """Say whether a run may be begun: one that cannot be taken up again is lost where the budget does not hold it."""
    needed = 2 * EVERY_S if run.key in states else float("inf")
    left = 1.0 - begun[run.key].share if run.key in begun else 1.0
    return min(needed, left * (estimate([run], seconds) or 0.0)) < request.seconds_left()


def _none_lives(run: PlannedRun, why: str) -> InfrastructureError:
    return InfrastructureError(
        f"{MOST_LOST} processes died one after the other, the last with {run.experiment} {run.case} replicate "
        f"{run.replicate}: {why}; what was finished is kept: run again, perhaps with fewer --jobs"
    )


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
            "attempts": report.attempts,
            **common,
        }
        for metric in request.study.experiments[run.experiment].metrics
    ]


def jobs(device: str, asked: int | None) -> int:
    """Return the number of processes: as asked, else one a core, or one on a GPU. Raise UsageError for none."""
    if asked is not None and asked < 1:
        raise UsageError(f"--jobs {asked}: wanted at least one process")
    return asked or (1 if device == "cuda" else len(os.sched_getaffinity(0)))
