"""Tables of results: CSV, TSV, JSON, JSONL and Parquet, read column by column and filtered before a run is made.

A row is a run, or a point of a run's curve where a column counts epochs or steps. A metric has a column of its own (a
wide table), or its name stands in a column beside its values (a long one).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside import cells
from repro.outside.apart import is_seed
from repro.outside.columns import Column, Columns, coded, floats, listed, matching, picked
from repro.outside.logged import Curve, Log, LoggedRun
from repro.outside.rows import FILE, read_columns, without_end

EPOCH = ("epoch",)
STEP = ("step", "global_step", "trainer/global_step", "_step", "iteration", "iter")
NAMED = ("metric", "measure", "variable")  # what a long table calls its column of metrics' names ...
VALUED = ("value", "score", "result")  # ... and that of their values
EXACT = 2.0**53  # the largest whole number below which none is left out
FAR = 30_000_000  # combinations that a table of them may hold
MOST = 100_000  # runs, or different values of a column that is looked at


@dataclass
class _Codes:
    """A column of texts as numbers, the same for the same text; given up where there are too many texts."""

    known: defaultdict[str, int] = field(default_factory=lambda: defaultdict(count().__next__))
    parts: list[Any] | None = field(default_factory=list)

    def extend(self, column: Column) -> None:
        """Add cells."""
        if self.parts is not None:
            found = coded(column, self.known, MOST)
            self.parts = None if found is None else [*self.parts, found]

    @property
    def numbers(self) -> bool:
        """Say whether every text that is not empty is a number."""
        return all(cells.is_number(one) for one in self.known if one)


@dataclass
class _Kept:
    """What is kept of the rows that are asked for: each metric, the counts, every other column, and the row.

    Each is in parts, as it was read.
    """

    values: dict[str, list[Any]]
    there: dict[str, list[Any]]
    failed: dict[int, str] = field(default_factory=dict)  # words that stand in a value's place, by row
    axes: dict[str, list[Any]] = field(default_factory=dict)
    others: dict[str, _Codes] = field(default_factory=dict)
    rows: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Roles:
    """Which column is what: `metrics` gives each metric's column, `named` the column of names in a long table."""

    metrics: Mapping[str, str]
    named: str
    axes: tuple[str, ...]
    others: tuple[str, ...]


def select(
    path: Path,
    form: str,
    metrics: Sequence[str],
    where: Mapping[str, Sequence[str]],
    seeds: Sequence[str] = (),
) -> Log:
    """Return the runs of a table that have these values in these columns, with curves of these metrics alone.

    A run is a row; where a column counts epochs or steps, it is the rows that agree in all columns but those that
    change along a curve. `seeds` are names of columns that tell runs apart, beside those that are called seed. Raise
    UsageError for a column that is not there, IntegrityError for a damaged file, NothingSelectedError where no row is
    left.
    """
    kept = _Kept({name: [] for name in metrics}, {name: [] for name in metrics})
    roles, first = None, 0
    names: dict[str, None] = {}
    ends: dict[str, int] = {}  # the last row of each file
    asked = {name: cells.Wanted(values) for name, values in where.items()}
    for first, columns in read_columns(path, form):
        known = len(names)
        names |= dict.fromkeys(columns)
        if roles is None or len(names) > known:
            before, roles = roles, _roles(list(names), metrics, seeds)
            if before is not None and before.named != roles.named:
                raise UsageError(
                    f"{path}: row {first}: some records name metrics, others have columns of them; part them"
                )
            if roles.named:
                asked[roles.named] = cells.Wanted(metrics if roles.axes else metrics[:1])
        _keep(path, kept, roles, columns, first, asked)
        ends[str(columns[FILE][0]) if path.is_dir() else ""] = first + len(next(iter(columns.values()))) - 1
    if not first:
        raise NothingSelectedError(f"{path}: there is no row in it; look whether it is the right file")
    wanted = [*(() if roles is not None and roles.named else metrics), *where]
    missing = [name for name in wanted if name not in names]
    if missing:
        near = did_you_mean(missing[0], [*names])
        raise UsageError(f"{path}: no column '{missing[0]}'{near} (columns: {cells.few(names)})")
    if not any(map(len, kept.rows)):
        raise NothingSelectedError(f"{path}: {_nothing(asked)}")
    return Log(form, tuple(_runs(path, kept, seeds, {(name, ends[name]) for name in without_end(path, form)})))


def _nothing(asked: Mapping[str, cells.Wanted]) -> str:
    """Say which value no row has, with those that there are."""
    for name, wanted in asked.items():
        if not any(wanted.values()):
            met = [cells.text(cell) for cell in wanted]
            value = ",".join(wanted.values_wanted)
            near = did_you_mean(value, met)
            return f"no row has {name}={value}{near} ({name}: {cells.few(met)})"
    return "no row has all of " + " and ".join(f"{name}={','.join(one.values_wanted)}" for name, one in asked.items())


def _roles(names: list[str], metrics: Sequence[str], seeds: Sequence[str]) -> _Roles:
    """Say which column is what; one that is said to tell runs apart counts nothing, whatever it is called."""
    lower = {name.lower(): name for name in reversed(names)}
    named = next((lower[name] for name in NAMED if name in lower), "")
    valued = next((lower[name] for name in VALUED if name in lower), "")
    long = bool(named and valued and not {*metrics} <= {*names})
    columns = {metric: valued if long else metric for metric in metrics}
    axes = [next((lower[name] for name in known if name in lower), "") for known in (EPOCH, STEP)]
    axes = [name for name in axes if name and name not in columns.values() and name not in seeds]
    taken = {*columns.values(), *axes, *([named] if long else [])}
    return _Roles(columns, named if long else "", tuple(axes), tuple(name for name in names if name not in taken))


def _keep(
    path: Path, kept: _Kept, roles: _Roles, columns: Columns, first: int, asked: Mapping[str, cells.Wanted]
) -> None:
    """Keep of some rows those that are asked for."""
    length = len(next(iter(columns.values()), ()))
    absent = (None,) * length
    mask = matching([(columns.get(name, absent), wanted) for name, wanted in asked.items()])
    rows = np.arange(first, first + length)
    rows = rows if mask is None else rows[mask]
    before = sum(map(len, kept.rows))
    kept.rows.append(rows)
    for metric, column in roles.metrics.items():
        found, there = _numbers(path, column, picked(columns.get(column, absent), mask), rows, kept.failed)
        if roles.named:
            mine = matching([(picked(columns[roles.named], mask), cells.Wanted([metric]))])
            there = there & mine
        kept.values[metric].append(found)
        kept.there[metric].append(there)
    for name in roles.axes:
        found, _ = _numbers(path, name, picked(columns.get(name, absent), mask), rows, {})
        kept.axes.setdefault(name, [np.full(before, np.nan)]).append(found)
    for name in roles.others:
        if name not in kept.others:
            kept.others[name] = _Codes()
            kept.others[name].extend((None,) * before)
        kept.others[name].extend(picked(columns.get(name, absent), mask))


def _numbers(path: Path, name: str, column: Column, rows: Any, failed: dict[int, str]) -> tuple[Any, Any]:
    """Return a column as numbers, and which are there. Raise UsageError for a text that is none."""
    fast = floats(column)
    if fast is not None:
        return fast, np.ones(len(rows), dtype=bool)
    found, there = np.full(len(rows), np.nan), np.zeros(len(rows), dtype=bool)
    for place, cell in enumerate(listed(column)):
        words = cells.text(cell).strip()
        value = np.nan if cells.DIVERGED.fullmatch(words) else cells.number(cell)
        if value is not None:
            found[place], there[place] = value, True
        elif not cells.is_missing(words):
            if not cells.FAILED.fullmatch(words):
                raise UsageError(f"{path}: row {rows[place]}: {name} is {words!r:.40}, {cells.advice(words)}")
            failed[int(rows[place])] = words
    return found, there


def _runs(path: Path, kept: _Kept, seeds: Sequence[str], torn: set[tuple[str, int]]) -> Iterator[LoggedRun]:
    """Yield the runs that the kept rows make up; `torn` are last rows, by file and number, that may be cut short."""
    others = {name: column for name, column in kept.others.items() if column.parts is not None}
    counted = {name: np.concatenate(parts) for name, parts in kept.axes.items()}
    axes = {name: found for name, found in counted.items() if not np.isnan(found).all()}
    values = {name: np.concatenate(parts) for name, parts in kept.values.items()}
    there = {name: np.concatenate(parts) for name, parts in kept.there.items()}
    rows = np.concatenate(kept.rows)
    texts = {name: list(column.known) for name, column in others.items()}
    folder = path.is_dir() and FILE in texts  # of which rows are told apart by their file
    codes = {name: np.concatenate(column.parts or []) for name, column in others.items()}
    kinds = sum(found.astype(float) * 2**place for place, found in enumerate(there.values()))  # of a long table's rows
    fields, group = _grouped(others, codes, [*axes.values(), kinds] if axes else [], seeds, len(rows))
    if group.max() >= MOST:
        raise UsageError(f"{path}: {group.max() + 1:,} runs are selected, at most {MOST:,} can be; narrow by --where")
    order = np.argsort(group, kind="stable")  # of few groups, it takes as long as there are rows
    ends = np.append(np.flatnonzero(np.diff(group[order])) + 1, len(order))
    start = 0
    for end in ends:
        mine = order[start:end]
        start = end
        mine_at, last = int(rows[mine[0]]), int(rows[mine[-1]])
        named = {name: texts[name][codes[name][mine[0]]] for name in fields}
        curves = {name: _curve(found[mine], there[name][mine], axes, mine) for name, found in values.items()}
        lost = [kept.failed[row] for row in map(int, rows[mine]) if row in kept.failed] if kept.failed else []
        where = f"row {mine_at}" if len(mine) == 1 else f"rows {mine_at} to {last}"
        file = texts[FILE][codes[FILE][mine[-1]]] if folder else ""
        cut = f"{file or path.name}: its last line has no end; if it was cut there, row {last} lacks its last digits"
        yield LoggedRun(
            where, path, named, {name: one for name, one in curves.items() if len(one.values)},
            state="failed" if lost else "finished", why=lost[0] if lost else "", origin=where,
            notes=(cut,) if (file, last) in torn else (),
        )  # fmt: skip


def _curve(values: Any, there: Any, axes: Mapping[str, Any], mine: Any) -> Curve:
    """Return the values of a run that are there, with what counts them."""
    epochs = next((found[mine][there] for name, found in axes.items() if name.lower() in EPOCH), None)
    steps = next((found[mine][there] for name, found in axes.items() if name.lower() in STEP), None)
    if steps is None or (np.isfinite(steps) & (np.abs(steps) <= EXACT) & (steps % 1 == 0)).all():
        return Curve(values[there], None if steps is None else steps.astype(np.int64), epochs)
    return Curve(values[there], None, steps if epochs is None else epochs)  # which epochs may be parts of


def _grouped(
    others: Mapping[str, _Codes], codes: Mapping[str, Any], axes: Sequence[Any], seeds: Sequence[str],
    length: int,
) -> tuple[list[str], Any]:  # fmt: skip
    """Return the columns that are fields, and for each row the number of its run.

    Without a column that counts, each row is a run. Else seeds and texts tell runs apart; a column of numbers is a
    field where it does not change along these runs, or where it takes one to have one value for each epoch.
    """
    if not axes:
        return list(others), np.arange(length)
    places = _joined([np.unique(axis, return_inverse=True)[1] for axis in axes], length)
    base = [
        name
        for name, one in others.items()
        if name in seeds or is_seed(name) or (not one.numbers and 2 * len(one.known) <= length)
    ]
    rest = sorted((name for name in others if name not in base), key=lambda name: len(others[name].known))
    group = _joined([codes[name] for name in base], length)
    for name in list(rest):
        if int(_joined([group, places], length).max()) + 1 == length:
            break
        if 2 * len(others[name].known) <= length:
            base.append(name)
            rest.remove(name)
            group = _joined([group, codes[name]], length)
    groups = int(group.max()) + 1
    base += [name for name in rest if int(_joined([group, codes[name]], length).max()) + 1 == groups]
    return base, group


def _joined(columns: Sequence[Any], length: int) -> Any:
    """Return one number for each combination of numbers."""
    group = np.zeros(length, dtype=np.int64)
    for column in columns:
        group = _numbered(group * (int(column.max()) + 1) + column)
    return group


def _numbered(labels: Any) -> Any:
    """Return whole numbers as the first ones from 0, in their order: sorted if they reach far, counted else."""
    most = int(labels.max()) + 1
    if most > FAR:
        return np.unique(labels, return_inverse=True)[1].reshape(-1)
    there = np.zeros(most, dtype=bool)
    there[labels] = True
    return (np.cumsum(there) - 1)[labels]
