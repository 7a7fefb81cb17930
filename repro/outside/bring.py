"""Bring what a tool kept of runs into a study's table of imported rows: each run one case, each metric one row."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from repro import printed
from repro.errors import NothingSelectedError, UsageError
from repro.outside import mapped, sources
from repro.outside.imported import ImportedRow, Imports, Reading
from repro.outside.logged import Log, LoggedRun
from repro.outside.mapped import Target
from repro.study import case_words

KEEP = ("first", "last")  # of two records of one seed: the one that is there, or the one that is read now
Key = tuple[str, str, str, str]  # experiment, case, metric, seed


@dataclass(frozen=True)
class Found:
    """What one run says of one metric in the end: a value, NaN or an infinity where it diverged, None where nothing."""

    value: float | None
    origin: str = ""
    precision: float = 0.0
    said: str = ""  # why there is none, or what else to know


@dataclass(frozen=True)
class Choices:
    """What turns a run into results: what its metric is in the end, and which seed it had."""

    value: Callable[[LoggedRun, str], Found]
    seed: Callable[[LoggedRun], str | None]


def rows_of(
    wanted: Target, log: Log, choices: Choices, *, path: Path, reading: Reading, now: datetime
) -> tuple[ImportedRow, ...]:
    """Return a row for each metric of each run. Raise UsageError for a run that no declared case has.

    A run that failed, or did not finish, or did not end in a number has a row with its status and without a value.
    """
    if not log.runs:
        raise NothingSelectedError(f"{path}: no run is in there; name another, or choose others by --where")
    asked = mapped.metrics_of(wanted, log)
    cases = {run.name: mapped.case_of(wanted, run) for run in log.runs}
    rows = []
    for ours, theirs in asked.items():
        metric = wanted.declared[ours]
        found = {run.name: choices.value(run, theirs) for run in log.runs}
        times = mapped.factor(wanted, metric, theirs, (one.value for one in found.values() if one.value is not None))
        for run in log.runs:
            value, status, why = _ended(run, found[run.name])
            number = None if value is None else printed.converted(value, times)
            rows.append(
                ImportedRow(
                    wanted.study.name, wanted.profile, wanted.experiment.name, cases[run.name], ours, metric.unit,
                    number, status, why, choices.seed(run), run.name,
                    log.tool, log.version, theirs, sources.named(run.file), sources.digest(run.file, reading.files),
                    found[run.name].origin or run.origin, found[run.name].precision, reading.name, now,
                )
            )  # fmt: skip
    return tuple(rows)


def _ended(run: LoggedRun, found: Found) -> tuple[float | None, str, str]:
    """Return the value of a run, the status of its row, and what else to know in words."""
    if run.state != "finished":
        return None, run.state, run.why or f"the tool says {run.state}"
    words = "; ".join(filter(None, (found.said, *run.notes)))
    if found.value is None:
        return None, "unfinished", words or "it has no such metric"
    if not math.isfinite(found.value):
        return None, "nonfinite", "; ".join(filter(None, (f"it ended at {found.value}", words)))
    return found.value, "ok", words


def joined(before: Imports, rows: Sequence[ImportedRow], reading: Reading, *, keep: str = "") -> Imports:
    """Return the table with rows that were read now, in place of those that the same files said of the same before.

    Of two records of one seed, in one import or in two, one is kept as `keep` says. Raise UsageError where it says
    nothing.
    """
    now = {(*row.cell, row.file) for row in rows}
    experiments = {(row.experiment, row.file) for row in rows}
    outdated = before.outdated()
    kept = [
        row
        for row in before.rows
        if (*row.cell, row.file) not in now
        and not (row.reading in outdated and (row.experiment, row.file) in experiments)
    ]
    there = {_key(row): row for row in kept}
    added = _one_each(rows, keep)
    twice = [row for row in added if _key(row) in there]
    if twice and not keep:
        raise _refused(there[_key(twice[0])], twice[0])
    if keep == "first":
        added = [row for row in added if _key(row) not in there]
    gone = {id(there[_key(row)]) for row in twice} if keep == "last" else set()
    rest = tuple(row for row in kept if id(row) not in gone)
    return Imports((*rest, *added), {**before.readings, reading.name: reading})


def _one_each(rows: Sequence[ImportedRow], keep: str) -> list[ImportedRow]:
    """Return rows with one record of each seed."""
    found: dict[Key, ImportedRow] = {}
    for row in rows:
        key = _key(row)
        if key in found and not keep:
            raise _refused(found[key], row)
        if key not in found or keep == "last":
            found[key] = row
    return [*found.values()]


def _key(row: ImportedRow) -> Key:
    """Return what two records of one run share: the seed; without one, the place in a file of the same content."""
    seed = f"seed {row.seed}" if row.seed is not None else f"{row.digest} {row.run} {row.origin}"
    return (*row.cell, seed)


def _refused(one: ImportedRow, other: ImportedRow) -> UsageError:
    """Return what to say of two records of one run."""
    which = f"seed {other.seed}" if other.seed is not None else "one content"
    places = " and ".join(dict.fromkeys(f"{row.file} ({row.run})" for row in (one, other)))
    return UsageError(
        f"{other.metric} of {other.experiment} {case_words(other.case)}: two records of {which}, {places}; one run "
        "counts once: leave one out by --where, or say which is right by --duplicate first or --duplicate last"
    )
