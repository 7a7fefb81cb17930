"""One process that makes runs: as many threads in each, so that a result does not depend on how many run beside it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import math
import numbers
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, get_args

from repro import registry
from repro.checkpoint import Checkpoint
from repro.errors import InfrastructureError, ReproError
from repro.machine import imported
from repro.machine.foreign import described, without_home
from repro.runs import caches, memory, shares
from repro.runs.planned import PlannedRun
from repro.runs.provenance import torch_facts
from repro.study import Experiment, Outcome, Profile, Run, Status, Study, case_json, settings_json

MOST = 2**31 - 1  # that a count in the results schema can be
GPU_ERRORS = ("OutOfMemoryError", "AcceleratorError")  # of torch, which is not imported here
GPU_WORDS = ("CUDA error", "CUDA out of memory", "cuDNN error", "CUBLAS_STATUS_", "CUDNN_STATUS_", "NCCL error")


# The file that an unfinished run is kept in, the name that it bears there, and the digests of the sources behind it.
State = tuple[Path, str, Mapping[str, str]]


@dataclass(frozen=True)
class Order:
    """A run to make, in plain values that travel between processes; `settings` are those of its profile, as JSON."""

    study: str
    profile: str
    settings: str
    run: PlannedRun
    device: str
    checkpoint: State | None = None


@dataclass(frozen=True)
class Report:
    """What became of an order. `values` holds one number a metric when the status is ok, and nothing otherwise.

    `stop` is set when the error concerns every run (no data, a damaged file): (exit code, text). `torch` is what torch
    computed with when the run ended, None where it was not imported. `machine` says that the run failed for want of
    memory or by a GPU's error. `record` is that of another machine than the client's, `attempts` how often the run was
    begun. `imported` are the sources that the process imported since its last report, with their digests.
    """

    status: str
    detail: str = ""
    values: dict[str, float] | None = None
    curves: dict[str, list[float]] | None = None
    n_test: int | None = None
    epochs: int | None = None
    wall_seconds: float = 0.0
    stop: tuple[int, str] | None = None
    torch: dict[str, Any] | None = None
    machine: bool = False
    record: Mapping[str, Any] | None = None
    attempts: int = 1
    imported: Mapping[str, str] = field(default_factory=dict)


class Interrupted(KeyboardInterrupt):
    """The process is told to end, as by Ctrl-C: no run has failed."""


def interrupt(*_: object) -> NoReturn:
    """Raise Interrupted, at a signal."""
    raise Interrupted


def serve(connection: Connection, parent_alive: Connection) -> None:
    """Answer orders with reports until the other end closes; end at once when the parent process is gone."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in what a shell script starts with &
        signal.signal(signal.SIGINT, interrupt)
    print_to_standard_error()
    memory.keep_freed()
    caches.keep_out()
    imported.note()
    threading.Thread(target=_end_with_parent, args=(parent_alive,), daemon=True).start()
    try:
        while (order := connection.recv()) is not None:
            connection.send(execute(order))
    except (EOFError, Interrupted, BrokenPipeError, ConnectionResetError):
        return  # the parent closed the connection or was interrupted, and has said so itself


def print_to_standard_error() -> None:
    """Keep standard output for what the parent answers: a study's print in it would be no JSON."""
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    sys.stdout = sys.stderr


def _end_with_parent(parent_alive: Connection) -> None:
    try:
        parent_alive.recv()
    except EOFError:
        os._exit(0)


def _checkpoint(order: Order) -> Checkpoint | None:
    """Return where a run keeps its state, if it does; a process that has other code than was ordered keeps none."""
    if order.checkpoint is None:
        return None
    path, name, contents = order.checkpoint
    return Checkpoint(path, name, order.run.key[:2], genuine=lambda: imported.as_told(contents))


def execute(order: Order) -> Report:
    """Make one run. An error of the study becomes a failed report, never a number."""
    start, planned = time.perf_counter(), order.run
    checkpoint = _checkpoint(order)
    try:
        study = _loaded(order.study)
        experiment, profile, case = _ordered(study, order)
        run = Run(
            study=order.study,
            experiment=planned.experiment,
            profile=order.profile,
            case=planned.case,
            replicate=planned.replicate,
            seed=planned.seed,
            settings=profile.settings,
            data=profile.data_of(case),
            device=order.device,
            checkpoint=checkpoint,
        )
        report = checked(experiment, experiment.function(case, run))
    except ReproError as error:
        report = Report("failed", str(error), stop=(error.exit_code, str(error)))
    except Interrupted:
        raise
    except BaseException as error:  # whatever a study raises, SystemExit too, is this run's failure, and is recorded
        report = Report("failed", describe(error), machine=of_the_machine(error))
    seconds = time.perf_counter() - start + (checkpoint.before_s if checkpoint else 0.0)
    # Half a pair of UTF-16, which an error's text may hold, can stand in no table.
    detail = without_home(report.detail).encode("utf-8", "backslashreplace").decode("utf-8")
    return replace(report, detail=detail, wall_seconds=seconds, torch=torch_facts(), imported=imported.taken())


_loaded = functools.cache(registry.load)  # a process makes runs of one state of the code


def _ordered(study: Study, order: Order) -> tuple[Experiment, Profile, Any]:
    """Return the experiment, the profile and the case that an order is of.

    Raise InfrastructureError where the declaration that lies there is not the one that the order was made by.
    """
    experiment, profile = study.experiments.get(order.run.experiment), study.profiles.get(order.profile)
    cases = experiment.cases if experiment else ()
    case = cases[order.run.case_index] if order.run.case_index < len(cases) else None
    same = case is not None and case_json(case) == order.run.case
    if not experiment or not profile or not same or settings_json(profile.settings) != order.settings:
        raise InfrastructureError(
            f"study '{order.study}' was edited while runs of it were made: {order.run.words} is not declared there as "
            "it was ordered; what was finished is kept: begin anew"
        )
    return experiment, profile, case


def of_the_machine(error: BaseException) -> bool:
    """Say whether an error is of memory or of a GPU: the same run may well end elsewhere, or at another time."""
    known = isinstance(error, MemoryError) or type(error).__name__ in GPU_ERRORS
    return known or (isinstance(error, RuntimeError) and any(word in described(error) for word in GPU_WORDS))


def checked(experiment: Experiment, returned: Outcome | Any) -> Report:
    """Hold what the experiment returned against what it declares, metric by metric."""
    outcome = returned if isinstance(returned, Outcome) else Outcome(values=returned)
    try:
        curves = {name: _finite_part(curve) for name, curve in dict(outcome.curves).items()}
    except (TypeError, ValueError):
        return Report("failed", f"returned the curves {_short(outcome.curves)}, wanted a list of numbers a metric")
    found = Report("nonfinite", str(outcome.detail), curves=curves, n_test=outcome.n_test, epochs=outcome.epochs)
    declared = {metric.name for metric in experiment.metrics}
    unknown = sorted(map(str, set(curves) - declared))
    if unknown:
        return Report("failed", f"curves for undeclared metrics: {', '.join(unknown)}")
    counts = {"n_test": outcome.n_test, "epochs": outcome.epochs}
    odd = [f"{name} is {value!r}" for name, value in counts.items() if not (value is None or _is_count(value))]
    if odd:
        return Report("failed", f"{', '.join(odd)}, wanted a whole number from 0 to {MOST}")
    known = get_args(Status)
    if outcome.status not in known:  # a crash that calls itself something else is no divergence
        detail = f", with the detail {outcome.detail}" if outcome.detail else ""
        return Report("failed", f"returned the status {outcome.status!r}, wanted {' or '.join(known)}{detail}")
    if outcome.status != "ok":
        return found
    try:
        kept = dict(outcome.values)
    except (TypeError, ValueError):
        return Report("failed", f"returned {_short(outcome.values)}, wanted a mapping of metrics to numbers")
    if set(kept) != declared:
        return Report("failed", f"returned metrics {sorted(kept, key=str)}, declared {sorted(declared)}")
    counted = [metric.name for metric in experiment.metrics if metric.counted]
    if counted and not outcome.n_test:
        text = f"{', '.join(counted)} is a share of counted items and n_test, how many, is {outcome.n_test!r}"
        return Report("failed", f"{text}; let the experiment report it: Outcome(values, n_test=...)")
    try:
        values = {name: float(value) for name, value in kept.items()}
    except (TypeError, ValueError):
        none = [f"{name} is {_short(value)}" for name, value in kept.items() if not hasattr(value, "__float__")]
        return Report("failed", f"{', '.join(none) or 'a metric is an array'}, wanted one number each")
    wild = [name for name, value in values.items() if not math.isfinite(value)]
    if wild:
        text = ", ".join(f"{name} is {values[name]}" for name in wild)
        return replace(found, detail=text)
    odd = [name for name in counted if outcome.n_test and shares.strange([values[name]], outcome.n_test)]
    if odd:
        text = ", ".join(f"{name} is {values[name]!r}" for name in odd)
        return Report(
            "failed", f"{text}, which is no share of {outcome.n_test} items in percent; return 100 * hits / n_test"
        )
    return replace(found, status="ok", values=values)


def _is_count(value: Any) -> bool:
    """Say whether a table can hold a value as a count."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and 0 <= int(value) <= MOST


def _finite_part(curve: Sequence[float]) -> list[float]:
    """Return a curve up to its first value that is not finite."""
    return [float(value) for value in itertools.takewhile(math.isfinite, curve)]


def _short(value: Any) -> str:
    """Return what Python prints of a value, the beginning of it, in one line."""
    return " ".join(f"{value!r:.60}".split())


def describe(error: BaseException) -> str:
    """Return 'Type: message (file:line)' of the innermost frame, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{described(error)}{place}"
