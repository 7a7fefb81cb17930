"""Compare two result tables row by row: what came, what went, what changed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from repro import registry
from repro.errors import DEVIATION, PASS, IntegrityError, UsageError
from repro.machine.terminal import columns, escape
from repro.runs import pieces, table
from repro.study import words_of

WORDS = ("status", "unit", "n_test", "settings", "data")  # compared for equality; value within a tolerance
NOTED = ("seed", "code", "curve", "epochs", "detail")  # told where they are not the same, and deciding nothing
READ = (*table.KEY, "value", *WORDS, *NOTED)

CASE = table.KEY.index("case")
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Change:
    """One field of one row that differs: what it was in the first table and is in the second."""

    key: tuple[Any, ...]
    column: str
    first: Any
    second: Any


@dataclass(frozen=True)
class Difference:
    """What two tables do not share. Keys are in the order of `repro.table.KEY`.

    `facts` says what differs between the environments that the rows are from, and `noted` names the columns that are
    not compared and differ in rows that both have; neither decides anything.
    """

    added: tuple[tuple[Any, ...], ...]
    removed: tuple[tuple[Any, ...], ...]
    changed: tuple[Change, ...]
    rows: int
    facts: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 0 for equal tables, 1 for any difference."""
        return DEVIATION if self.added or self.removed or self.changed else PASS


def compare_files(
    first: Path, second: Path, *, absolute: float = 0.0, relative: float = 0.0, judged: bool = False
) -> Difference:
    """Compare two result files, each of which must be as it was written.

    With `judged`, rows of metrics that their studies only record, as measured times, are left out of both. Raise
    UsageError where a study is not here, and so cannot say which these are.
    """
    tables = [judged_rows(one) if judged else one for one in map(read, (first, second))]
    return compare(*tables, absolute=absolute, relative=relative)


def judged_rows(some: pa.Table) -> pa.Table:
    """Return the rows of a table whose metrics its studies judge, or do not declare."""
    columns = [plain(some[name]) for name in ("study", "experiment", "metric")]
    names = list(zip(*(column.to_pylist() for column in columns), strict=True))
    recorded = {
        (study, experiment.name, metric.name)
        for study in sorted({name[0] for name in names})
        for experiment in registry.load(study).experiments.values()
        for metric in experiment.metrics
        if not metric.judged
    }
    return some.filter(pa.array([name not in recorded for name in names], pa.bool_()))


def read(path: Path) -> pa.Table:
    """Read the compared columns of a results file that is as it was written.

    Words come as dictionaries: they repeat, and decode ten times as fast.
    """
    return pieces.read(path, READ, pieces.TEXTS, held=True)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column with dictionaries written out."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def same(first: pa.ChunkedArray, second: pa.ChunkedArray) -> bool:
    """Say whether two columns are equal, however they are stored."""
    return bool(first.type == second.type and first.equals(second)) or bool(plain(first).equals(plain(second)))


def compare(first: pa.Table, second: pa.Table, *, absolute: float = 0.0, relative: float = 0.0) -> Difference:
    """Return what changed from the first table to the second.

    Values may differ by `absolute` plus `relative` times the second value. A number that is none equals nothing.
    Tables with the same keys in the same order (as `repro.table.write` leaves them) are compared column by column;
    otherwise rows are matched by their key first.
    """
    if not (0.0 <= absolute < math.inf and 0.0 <= relative < math.inf):
        raise UsageError(f"tolerances must be finite, 0 or more, got absolute {absolute}, relative {relative}")
    rows = first.num_rows
    added: Sequence[tuple[Any, ...]] = ()
    removed: Sequence[tuple[Any, ...]] = ()
    facts = differing_facts(table.environments(first), table.environments(second))
    if not all(same(first[name], second[name]) for name in table.KEY):
        first, second, added, removed = match(first, second)
    changed = []
    if not first["value"].equals(second["value"]):
        changed += changes(first, second, "value", differing(first["value"], second["value"], absolute, relative))
    for name in WORDS:
        if not same(first[name], second[name]):
            changed += changes(first, second, name, unlike(plain(first[name]), plain(second[name])))
    noted = tuple(name for name in NOTED if not same(first[name], second[name]))
    return Difference(tuple(added), tuple(removed), tuple(changed), rows, facts, noted)


def differing_facts(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[str, ...]:
    """Return one text for each fact of the environments that is not the same set of values on both sides."""
    old, new = (facts_of(records.values()) for records in (first, second))
    return tuple(
        f"{name}: {' | '.join(sorted(old.get(name, {'absent'})))} -> {' | '.join(sorted(new.get(name, {'absent'})))}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def facts_of(records: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the values of every fact in some environments, those of a fact with parts by "fact.part"."""
    found: dict[str, set[str]] = {}
    for record in records:
        for name, value in record.items():
            inside = {f"{name}.{part}": inner for part, inner in value.items()} if isinstance(value, dict) else {}
            for full, inner in (inside or {name: value}).items():
                found.setdefault(full, set()).add(inner if isinstance(inner, str) else json.dumps(inner))
    return found


def keys_of(some: pa.Table) -> dict[tuple[Any, ...], int]:
    """Return where each key stands; a key that stands twice makes the table unreadable (exit 6)."""
    keys = list(zip(*(some[name].to_pylist() for name in table.KEY), strict=True))
    places = dict(zip(keys, range(len(keys)), strict=True))
    if len(places) != len(keys):
        raise IntegrityError(f"{len(keys) - len(places)} rows have the key of another row; `repro merge` joins tables")
    return places


def match(first: pa.Table, second: pa.Table) -> tuple[pa.Table, pa.Table, list[Any], list[Any]]:
    """Return the rows both tables have, in the same order, and the keys that only one has (added, removed)."""
    old, new = keys_of(first), keys_of(second)
    shared = [key for key in old if key in new]
    added = [key for key in new if key not in old]
    removed = [key for key in old if key not in new]
    here, there = (pa.array([places[key] for key in shared], pa.int64()) for places in (old, new))
    return first.take(here), second.take(there), added, removed


def differing(first: pa.ChunkedArray, second: pa.ChunkedArray, absolute: float, relative: float) -> Mask:
    """Return where two columns of values are further apart than allowed, or where only one has a value."""
    gone, new_gone = (column.is_null().to_numpy() for column in (first, second))
    old, new = (column.to_numpy() for column in (first, second))
    with np.errstate(invalid="ignore"):
        near = (old == new) | (np.abs(new - old) <= absolute + relative * np.abs(new))
    result: Mask = ~(near & ~gone & ~new_gone) & ~(gone & new_gone)
    return result


def unlike(first: pa.ChunkedArray, second: pa.ChunkedArray) -> Mask:
    """Return where two columns are not equal; empty equals empty."""
    equal = pc.fill_null(pc.equal(first, second), False).to_numpy()
    empty = pc.and_(first.is_null(), second.is_null()).to_numpy()
    result: Mask = ~(equal | empty)
    return result


def changes(first: pa.Table, second: pa.Table, name: str, places: Mask) -> list[Change]:
    """Return the changes of one column at these places."""
    where = pa.array(np.flatnonzero(places))
    chosen = first.take(where)
    keys = zip(*(chosen[part].to_pylist() for part in table.KEY), strict=True)
    pairs = zip(keys, chosen[name].to_pylist(), second[name].take(where).to_pylist(), strict=True)
    return [Change(key, name, old, new) for key, old, new in pairs]


def render(difference: Difference, *, limit: int = 20) -> str:
    """Return the first differences of each sort as a table, and one line that sums up."""
    moved = sorted(difference.changed, key=lambda change: -distance(change))
    keys = (*difference.removed, *difference.added, *(change.key for change in moved))
    names = words_of(key[CASE] for key in keys)
    lines = [[*words(key, names), "row", "present", "removed"] for key in difference.removed[:limit]]
    lines += [[*words(key, names), "row", "absent", "added"] for key in difference.added[:limit]]
    lines += [
        [*words(change.key, names), change.column, str(change.first), str(change.second)] for change in moved[:limit]
    ]
    heads = ("experiment", "case", "metric", "replicate", "column", "first", "second")
    counts = f"{len(difference.removed)} removed, {len(difference.added)} added, {len(difference.changed)} changed"
    summary = f"{'EQUAL' if difference.exit_code == PASS else 'DIFFERENT'}: {difference.rows} rows, {counts}"
    facts = [f"the environments differ in {escape(fact)}" for fact in difference.facts]
    noted = [f"not compared, and not the same: {', '.join(difference.noted)}"] if difference.noted else []
    return "\n".join([*([columns(heads, lines)] if lines else []), *facts, *noted, summary])


def distance(change: Change) -> float:
    """Return how far a value moved; a change that is no distance counts as the farthest."""
    numbers = isinstance(change.first, float) and isinstance(change.second, float)
    return abs(change.second - change.first) if numbers else float("inf")


def words(key: Sequence[Any], names: Mapping[str, str]) -> list[str]:
    """Return the parts of a key that a reader wants to see; `names` are the cases in words."""
    named = dict(zip(table.KEY, key, strict=True))
    return [named["experiment"], names[named["case"]], named["metric"], str(named["replicate"])]


def as_json(difference: Difference) -> dict[str, Any]:
    """Return the difference for machines."""
    return {"exit_code": difference.exit_code, **asdict(difference)}
