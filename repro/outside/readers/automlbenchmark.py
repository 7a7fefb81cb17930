"""AutoML benchmark: `results.csv`, each row a framework on a fold of a task."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from repro.errors import IntegrityError
from repro.outside import cells, parse, search
from repro.outside.logged import Curve, Log, LoggedRun, Value

TOOL = "AutoML benchmark"
COLUMNS = frozenset({"task", "framework", "constraint", "fold", "result", "metric"})
NEGATED = "neg_"  # before the name of an error, whose `result` has its sign turned so that more is better
SIX_DIGITS = 5e-6  # relative; scores are written with six significant digits
FIELDS = (
    "id", "task", "framework", "constraint", "fold", "type", "mode", "version", "params", "app_version", "seed",
)  # fmt: skip
BESIDE = ("result", "metric", "utc", "info", "")


def recognises(path: Path) -> bool:
    """Say whether a path is a CSV file with the benchmark's columns, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.endswith(".csv")


def _holds(head: bytes) -> bool:
    return set(head.decode("utf-8", "replace").partition("\n")[0].strip().split(",")) >= COLUMNS


def read(path: Path) -> Log:
    """Return a run for each row, errors with their own sign; a row without a result failed."""
    found: list[LoggedRun] = []
    left_out = []
    for file in search.files(path, _named, "results.csv", _holds):
        rows, torn = parse.table_of(file, "results.csv")
        found += [_run(row, file, search.name_of(file.with_suffix(""), path)) for row in rows]
        left_out += [f"{file.name}: its last line, which has no end"] if torn else []
    return Log(TOOL, tuple(found), left_out=tuple(left_out))


def _run(row: Mapping[str, str], file: Path, name: str) -> LoggedRun:
    place, info, metric = f"line {row['']}", row.get("info", ""), row.get("metric", "")
    result = cells.number(row.get("result", "nan"))
    if result is None or not metric:
        wrong = "no metric is named" if not metric else f"column result: {row['result']!r} is no number"
        raise IntegrityError(f"{file}: {place}: {wrong}; {parse.AGAIN}")
    fields: dict[str, Value] = {key: row[key] for key in FIELDS if key in row}
    values = {}
    for key, cell in row.items():
        amount = cells.number(cell)
        if key in (*FIELDS, *BESIDE):
            continue
        if amount is None:
            fields[key] = cell
        else:
            values[key] = amount
    negated = metric.startswith(NEGATED)
    values[metric.removeprefix(NEGATED)] = -result if negated else result
    notes = (f"{metric} {row.get('result')}: its sign is turned back",) if negated else ()
    name = f"{name}/{row['']}"
    if math.isnan(result):
        why = f"no result{': ' * bool(info)}{info}"
        return LoggedRun(name, file, fields, {}, "failed", why, place)
    return LoggedRun(
        name, file, fields, {key: _curve(key, value) for key, value in values.items()}, "finished", "", place, notes
    )


def _curve(name: str, value: float) -> Curve:
    """Return a value, and how far it was rounded: scores to six digits, durations above a second to a decimal."""
    rounded = (0.05 / value if value >= 1 else 0.5) if name.endswith("duration") else SIX_DIGITS
    return parse.curve([(None, None, value)], precision=rounded, after=True)
