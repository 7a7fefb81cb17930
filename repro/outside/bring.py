"""Bring what a tool kept of runs into a study's table of imported rows: each run one case, each metric one row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from repro.errors import UsageError
from repro.machine.terminal import escape
from repro.outside import apart, ask, cells, formats, mapped, points, rows, sources
from repro.outside.ask import Ask, Result
from repro.outside.imported import ImportedRow, Imports, Reading
from repro.outside.logged import Log
from repro.outside.mapped import Target
from repro.runs import shares
from repro.study import case_words

LONGEST = 200  # characters of a tool's own words that a row keeps
Key = tuple[str, str, str, str]  # experiment, case, metric, seed


@dataclass(frozen=True)
class Brought:
    """What an import found: rows, the files that they are of, and what a reader has to know."""

    rows: tuple[ImportedRow, ...]
    reading: Reading
    notes: tuple[str, ...] = ()


def bring(wanted: Target, path: Path, asked: Ask, *, form: str = "", command: str, now: datetime) -> Brought:
    """Read a file or folder and return a row for each metric of each run of a declared case.

    `asked` says which runs, which of their values and what their seeds are, its metric nothing. A run that failed, or
    did not finish, or left the real numbers has a row with its status and without a value. Raise UsageError for a run
    that no declared case has, and for what is ambiguous.
    """
    form = form or formats.recognised(path)
    names: dict[str, str] = {}
    log, files = sources.followed(path, lambda: _log(wanted, path, asked, form, names))
    reading = Reading(command, files)
    by_case: dict[str, list[int]] = {}
    for place, run in enumerate(log.runs):
        by_case.setdefault(mapped.case_of(wanted, run), []).append(place)
    places = {file: (sources.named(file), sources.digest(file, files)) for file in {run.file for run in log.runs}}
    found: list[ImportedRow] = []
    notes = [f"left out: {what}" for what in log.left_out]
    for ours, theirs in names.items():
        mine: list[tuple[str, Result]] = []
        for case, mine_at in by_case.items():
            runs = [log.runs[place] for place in mine_at]
            results, said = ask.results_of(path, runs, replace(asked, metric=theirs))
            said = [*said, _hold_one_unit(wanted, ours, theirs, results)]
            mine += [(case, one) for one in results]
            notes += [note for note in said if note and note not in notes]
        if ours not in wanted.units:  # whose unit was said may be a hundredfold in one case of what it is in another
            _hold_one_unit(wanted, ours, theirs, [one for _, one in mine])
        metric = wanted.declared[ours]
        times = mapped.factor(wanted, metric, theirs, [one.value for _, one in mine])
        for case, one in mine:
            status = one.state if one.state != "finished" else "ok" if math.isfinite(one.value) else "nonfinite"
            number = shares.converted(one.value, times) if status == "ok" else None
            why = one.why or (f"it ended at {one.value}" if status == "nonfinite" else "")
            found.append(
                ImportedRow(
                    wanted.study.name, wanted.profile, wanted.experiment.name, case, ours, metric.unit, number, status,
                    plain(why), _seed(one, asked, form), plain(one.run), plain(log.tool), plain(log.version),
                    plain(theirs), *places[one.file], plain(one.origin), one.precision, reading.name, now,
                )
            )  # fmt: skip
    return Brought(tuple(found), reading, tuple(dict.fromkeys(notes)))


def _hold_one_unit(wanted: Target, ours: str, theirs: str, results: Sequence[Result]) -> str:
    """Raise UsageError where a log's values of a metric seem to be fractions here and percent there.

    Return what to say where `--unit` settles that.
    """
    values = {one.run: one.value for one in results}
    return cells.hold_one_unit(
        theirs, values, said=wanted.units.get(ours, ""), percent=f"--unit {ours}={mapped.PERCENT}"
    )


def _log(wanted: Target, path: Path, asked: Ask, form: str, names: dict[str, str]) -> Log:
    """Return the runs that are asked for, and put into `names` what the tool calls each of our metrics."""
    best = points.metrics_of(asked.epoch)
    if form in formats.TABLES:
        from repro.outside.readers import tables

        there = rows.names_of(path, form)
        names |= mapped.metrics_of(wanted, there, whole=False)
        apart_by = [asked.seed_from, *asked.across, *mapped.fields_of(wanted, there)]
        return tables.select(path, form, [*dict.fromkeys((*names.values(), *best))], asked.where, apart_by)
    log = formats.read(path, form)
    names |= mapped.metrics_of(wanted, list(dict.fromkeys(name for run in log.runs for name in run.curves)))
    return replace(log, runs=ask.chosen(path, log, asked.where, [*names.values(), *best]))


def _seed(one: Result, asked: Ask, form: str) -> str | None:
    """Return a run's seed as its source has it; None where its own name, or its row, stands in the place of one.

    Where runs may differ across fields, these are part of what tells one from another.
    """
    if asked.seed_from == apart.NAME and (one.seed == one.run or form in formats.TABLES):
        return None
    return plain(", ".join(map(str, apart.key(one, asked.across))))


def plain(text: str) -> str:
    """Return a tool's own words on one line, of bounded length."""
    said = escape(text)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def joined(before: Imports, brought: Brought, *, keep: str = "") -> Imports:
    """Return the table with rows that were read now, in place of what the same files said of the same before.

    Where another file has a record of the same seed, the `first` or the `last` import counts, as `keep` says. Raise
    UsageError where it says nothing.
    """
    now = {(*row.cell, row.file) for row in brought.rows}
    experiments = {(row.experiment, row.file) for row in brought.rows}
    outdated = before.outdated()
    kept = [
        row
        for row in before.rows
        if (*row.cell, row.file) not in now
        and not (row.reading in outdated and (row.experiment, row.file) in experiments)
    ]
    there = {_key(row): row for row in kept}
    twice = [row for row in brought.rows if _key(row) in there]
    if twice and not keep:
        raise _refused(there[_key(twice[0])], twice[0])
    added = [row for row in brought.rows if keep != "first" or _key(row) not in there]
    gone = {_key(row) for row in twice} if keep == "last" else set()
    rest = [row for row in kept if _key(row) not in gone]
    return Imports((*rest, *added), {**before.readings, brought.reading.name: brought.reading})


def _key(row: ImportedRow) -> Key:
    """Return what two records of one run share: the seed; without one, the place in a file of the same content."""
    seed = f"seed {row.seed}" if row.seed is not None else f"{row.digest} {row.run} {row.origin}"
    return (*row.cell, seed)


def _refused(one: ImportedRow, other: ImportedRow) -> UsageError:
    """Return what to say of two records of one run."""
    which = f"seed {other.seed}" if other.seed is not None else "one content"
    return UsageError(
        f"{other.metric} of {other.experiment} {case_words(other.case)}: {one.file} and {other.file} both have a run "
        f"of {which}, and it counts once; leave one out by --where, or say which by --duplicate first or last"
    )
