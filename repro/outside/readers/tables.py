"""Tables of results: CSV, TSV, JSON, JSONL and Parquet, read column by column and filtered before a run is made.

A row is a run, or a point of a run's curve where a column counts epochs or steps. A metric has a column of its own (a
wide table), or its name stands in a column beside its values (a long one).
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside import cells
from repro.outside.apart import is_seed
from repro.outside.logged import Curve, Log, LoggedRun
from repro.outside.rows import Columns, read_columns

EPOCH = ("epoch",)
STEP = ("step", "global_step", "trainer/global_step", "_step", "iteration", "iter")
NAMED = ("metric", "measure", "variable")  # what a long table calls its column of metrics' names ...
VALUED = ("value", "score", "result")  # ... and that of their values
SHOWN = 12  # values in a message
MOST = 100_000  # runs, or different values of a column that is looked at
FAILED = re.compile(r"oom|out of memory|fail(ed|ure)?|error|crash(ed)?|killed|time ?out|timed out|diverged", re.I)


@dataclass
class _Codes:
    """A column of texts as numbers, the same for the same text; given up where there are too many texts."""

    known: dict[str, int] = field(default_factory=dict)
    codes: array[int] = field(default_factory=lambda: array("q"))
    given_up: bool = False

    def extend(self, texts: Sequence[Any]) -> None:
        """Add texts."""
        if self.given_up:
            return
        known = self.known
        plain = texts if {*map(type, texts)} == {str} else map(cells.text, texts)
        self.codes.extend([known.setdefault(one, len(known)) for one in plain])
        if len(known) > MOST:
            self.given_up, self.known, self.codes = True, {}, array("q")

    @property
    def numbers(self) -> bool:
        """Say whether every text that is not empty is a number."""
        return all(cells.is_number(one) for one in self.known if one)


@dataclass
class _Kept:
    """What is kept of the rows that are asked for: each metric, the counts, every other column, and the row."""

    values: dict[str, array[float]]
    there: dict[str, bytearray]
    failed: dict[int, str] = field(default_factory=dict)  # words that stand in a value's place, by row
    axes: dict[str, array[float]] = field(default_factory=dict)
    others: dict[str, _Codes] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("q"))


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
    kept = _Kept({name: array("d") for name in metrics}, {name: bytearray() for name in metrics})
    roles, count = None, 0
    names: dict[str, None] = {}
    asked = {name: cells.Wanted(values) for name, values in where.items()}
    for first, columns in read_columns(path, form):
        known = len(names)
        names |= dict.fromkeys(columns)
        if roles is None or len(names) > known:
            roles = _roles(path, list(names), metrics, where)
            if roles.named:
                asked[roles.named] = cells.Wanted(metrics)
        _keep(path, kept, roles, columns, first, asked)
        count = first
    if not count:
        raise NothingSelectedError(f"{path}: there is no row in it; look whether it is the right file")
    if not kept.rows:
        raise NothingSelectedError(f"{path}: {_nothing(asked)}")
    return Log(form, tuple(_runs(path, kept, seeds)))


def _nothing(asked: Mapping[str, cells.Wanted]) -> str:
    """Say which value no row has, with those that there are."""
    for name, wanted in asked.items():
        if not any(wanted.values()):
            met = [cells.text(cell) for cell in wanted]
            more = f", and {len(met) - SHOWN} more" if len(met) > SHOWN else ""
            value = ",".join(wanted.values_wanted)
            near = did_you_mean(value, met)
            return f"no row has {name}={value}{near} ({name}: {', '.join(met[:SHOWN])}{more})"
    return "no row has all of " + " and ".join(f"{name}={','.join(one.values_wanted)}" for name, one in asked.items())


def _roles(path: Path, names: list[str], metrics: Sequence[str], where: Mapping[str, Sequence[str]]) -> _Roles:
    """Say which column is what. Raise UsageError for one that is asked for and not there."""
    lower = {name.lower(): name for name in reversed(names)}
    named = next((lower[name] for name in NAMED if name in lower), "")
    valued = next((lower[name] for name in VALUED if name in lower), "")
    long = bool(named and valued and not {*metrics} <= {*names})
    for wanted in [*([] if long else metrics), *where]:
        if wanted not in names:
            raise UsageError(f"{path}: no column '{wanted}'{did_you_mean(wanted, names)} (columns: {', '.join(names)})")
    columns = {metric: valued if long else metric for metric in metrics}
    axes = [next((lower[name] for name in known if name in lower), "") for known in (EPOCH, STEP)]
    axes = [name for name in axes if name and name not in columns.values()]
    taken = {*columns.values(), *axes, *([named] if long else [])}
    return _Roles(columns, named if long else "", tuple(axes), tuple(name for name in names if name not in taken))


def _keep(
    path: Path, kept: _Kept, roles: _Roles, columns: Columns, first: int, asked: Mapping[str, cells.Wanted]
) -> None:
    """Keep of some rows those that are asked for."""
    count = len(next(iter(columns.values()), ()))
    absent = (None,) * count
    mask = cells.matching((columns.get(name, absent), wanted) for name, wanted in asked.items())

    def picked(name: str) -> Sequence[Any]:
        column = columns.get(name, absent)
        return column if mask is None else list(compress(column, mask))

    rows = range(first, first + count) if mask is None else list(compress(range(first, first + count), mask))
    before = len(kept.rows)
    kept.rows.extend(rows)
    for metric, column in roles.metrics.items():
        found, there = _numbers(path, column, picked(column), rows, kept.failed)
        if roles.named:
            mine = [name == metric for name in picked(roles.named)]
            there = bytearray(map(bool.__and__, map(bool, there), mine))
        kept.values[metric].extend(found)
        kept.there[metric].extend(there)
    for name in roles.axes:
        found, there = _numbers(path, name, picked(name), rows, {})
        kept.axes.setdefault(name, array("d", [np.nan]) * before).extend(found)
    for name in roles.others:
        if name not in kept.others:
            kept.others[name] = _Codes()
            kept.others[name].extend([None] * before)
        kept.others[name].extend(picked(name))


def _numbers(
    path: Path, name: str, column: Sequence[Any], rows: Sequence[int], failed: dict[int, str]
) -> tuple[list[float], bytearray]:
    """Return a column as numbers, and which are there. Raise UsageError for a text that is none."""
    try:
        return list(map(float, column)), bytearray(b"\1") * len(column)
    except (TypeError, ValueError):
        found, there = [], bytearray()
    for cell, row in zip(column, rows, strict=True):
        value = cells.number(cell)
        words = cells.text(cell).strip()
        if value is None and not cells.is_missing(words):
            if not FAILED.fullmatch(words):
                raise UsageError(f"{path}: row {row}: {name} is {words!r:.40}, {cells.advice(words)}")
            failed[row] = words
        found.append(np.nan if value is None else value)
        there.append(value is not None)
    return found, there


def _runs(path: Path, kept: _Kept, seeds: Sequence[str]) -> Iterator[LoggedRun]:
    """Yield the runs that the kept rows make up."""
    others = {name: column for name, column in kept.others.items() if not column.given_up}
    axes = {name: np.frombuffer(values) for name, values in kept.axes.items() if not np.isnan(values).all()}
    values = {name: np.frombuffer(found) for name, found in kept.values.items()}
    there = {name: np.frombuffer(found, dtype=bool) for name, found in kept.there.items()}
    rows = np.frombuffer(kept.rows, dtype=np.int64)
    texts = {name: list(column.known) for name, column in others.items()}
    codes = {name: np.frombuffer(column.codes, dtype=np.int64) for name, column in others.items()}
    fields, group = _grouped(others, codes, axes, seeds, len(rows), bool(kept.failed) or len(values) > 1)
    if group.max() >= MOST:
        raise UsageError(f"{path}: {group.max() + 1:,} runs are selected, at most {MOST:,} can be; narrow by --where")
    order = np.argsort(group, kind="stable")
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
        yield LoggedRun(
            where, path, named, {name: one for name, one in curves.items() if len(one.values)},
            state="failed" if lost else "finished", why=lost[0] if lost else "", origin=where,
        )  # fmt: skip


def _curve(values: Any, there: Any, axes: Mapping[str, Any], mine: Any) -> Curve:
    """Return the values of a run that are there, with what counts them."""
    epochs = next((found[mine][there] for name, found in axes.items() if name.lower() in EPOCH), None)
    steps = next((found[mine][there] for name, found in axes.items() if name.lower() in STEP), None)
    whole = None if steps is None or np.isnan(steps).any() else steps.astype(np.int64)
    return Curve(values[there], whole, epochs)


def _grouped(
    others: Mapping[str, _Codes], codes: Mapping[str, Any], axes: Mapping[str, Any], seeds: Sequence[str],
    count: int, shared: bool,
) -> tuple[list[str], Any]:  # fmt: skip
    """Return the columns that are fields, and for each row the number of its run.

    Without a column that counts, each row is a run. Else seeds and texts tell runs apart; a column of numbers is a
    field where it does not change along these runs, or where it takes one to have one value for each epoch.
    """
    if not axes and not shared:
        return list(others), np.arange(count)
    if not axes:
        axes = {"": np.zeros(count)}
    places = np.unique(np.column_stack(list(axes.values())), axis=0, return_inverse=True)[1].reshape(-1)
    base = [
        name
        for name, one in others.items()
        if name in seeds or is_seed(name) or (not one.numbers and 2 * len(one.known) <= count)
    ]
    rest = sorted((name for name in others if name not in base), key=lambda name: len(others[name].known))
    group = _joined([codes[name] for name in base], count)
    for name in list(rest):
        if len(np.unique(_joined([group, places], count))) == count:
            break
        if 2 * len(others[name].known) <= count:
            base.append(name)
            rest.remove(name)
            group = _joined([group, codes[name]], count)
    groups = int(group.max()) + 1
    base += [name for name in rest if int(_joined([group, codes[name]], count).max()) + 1 == groups]
    return base, group


def _joined(columns: Sequence[Any], count: int) -> Any:
    """Return one number for each combination of numbers, in the order of their first rows."""
    group = np.zeros(count, dtype=np.int64)
    for column in columns:
        both = group * (int(column.max()) + 1) + column
        _, first, inverse = np.unique(both, return_index=True, return_inverse=True)
        rank = np.empty(len(first), dtype=np.int64)
        rank[np.argsort(first)] = np.arange(len(first))
        group = rank[inverse.reshape(-1)]
    return group
