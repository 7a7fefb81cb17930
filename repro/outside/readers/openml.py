"""OpenML: `predictions.arff` of a run, which holds no score: it is computed for each repeat and fold.

ARFF is read here, since SciPy's reader refuses string attributes, keeps quotes escaped, and takes 0.3 s to load.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.errors import IntegrityError
from repro.machine import files
from repro.outside import cells, parse, search
from repro.outside.logged import Log, LoggedRun, Value

TOOL = "OpenML"
ATTRIBUTE = re.compile(r"@attribute\s+('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\S+)\s+(.+)", re.I)
PARTS = ("repeat", "fold", "sample")
TRUTHS = ("correct", "truth")  # classification and regression
MISSING = "?"


@dataclass(frozen=True)
class _Table:
    """The rows of an ARFF file by column; `numeric` columns hold numbers. `torn`: its last line has no end."""

    columns: tuple[str, ...]
    numeric: frozenset[str]
    rows: Sequence[Sequence[str]]
    torn: bool

    def column(self, name: str) -> list[str]:
        """Return the cells of a column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]


def recognises(path: Path) -> bool:
    """Say whether a path is an ARFF file of predictions, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.lower().endswith(".arff")


def _holds(head: bytes) -> bool:
    named = [match[1].strip("'\"") for match in ATTRIBUTE.finditer(head.decode("utf-8", "replace"))]
    return {"fold", "prediction"} <= set(named) and any(name in named for name in TRUTHS)


def read(path: Path) -> Log:
    """Return a run for each repeat, fold and sample of each file: accuracy, or the mean absolute error of numbers."""
    sure = re.compile(r"predictions.*\.arff").fullmatch
    found = search.files(path, _named, "ARFF file of predictions", _holds, sure)
    return Log(TOOL, tuple(run for file in found for run in _runs(file, search.name_of(file.with_suffix(""), path))))


def _table(file: Path) -> _Table:
    """Return what an ARFF file holds. Raise IntegrityError for a row that does not fit its attributes."""
    lines = files.read_text(file, "ARFF file", parse.AGAIN).split("\n")
    torn = bool(lines.pop())
    columns: list[str] = []
    numeric, rows, data = set(), [], False
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        if data:
            cells = _cells(text, file, number)
            if len(cells) != len(columns):
                sizes = f"{len(cells)} cells, {len(columns)} attributes are declared"
                raise IntegrityError(f"{file}: line {number} has {sizes}; {parse.AGAIN}")
            rows.append(cells)
        elif found := ATTRIBUTE.fullmatch(text):
            columns.append(re.sub(r"\\(.)", r"\1", found[1].strip("'\"")))
            if found[2].split()[0].lower() in ("numeric", "real", "integer"):
                numeric.add(columns[-1])
        data = data or text.lower().startswith("@data")
    if not data:
        raise IntegrityError(f"{file}: no whole ARFF file, it ends before its data; {parse.AGAIN}")
    return _Table(tuple(columns), frozenset(numeric), rows, torn)


def _cells(text: str, file: Path, number: int) -> list[str]:
    try:
        return next(csv.reader([text], quotechar="'", escapechar="\\", skipinitialspace=True), [])
    except csv.Error as error:
        raise IntegrityError(f"{file}: line {number} is no row ({error}); {parse.AGAIN}") from error


def _runs(file: Path, name: str) -> list[LoggedRun]:
    table = _table(file)
    truth = next((one for one in TRUTHS if one in table.columns), "")
    lacking = [one for one in ("fold", "prediction", truth or TRUTHS[0]) if one not in table.columns]
    if lacking:
        text = f"{file}: no OpenML predictions, it has no column '{lacking[0]}' (columns: {', '.join(table.columns)})"
        raise IntegrityError(f"{text}; {parse.AGAIN}")
    parts = [part for part in PARTS if part in table.columns]
    places = list(zip(*(table.column(part) for part in parts), strict=True))
    pairs = list(zip(table.column("prediction"), table.column(truth), strict=True))
    numbers = truth == "truth" and {"prediction", truth} <= table.numeric
    found = []
    for place in dict.fromkeys(places):
        chosen = [pair for pair, there in zip(pairs, places, strict=True) if there == place]
        metric, value, note = _score(chosen, numbers, file)
        last = table.torn and place == places[-1]
        found.append(
            LoggedRun(
                name="/".join([name, *(f"{part}-{_number(at)}" for part, at in zip(parts, place, strict=True))]),
                file=file,
                fields={part: _number(at) for part, at in zip(parts, place, strict=True)},
                curves={metric: parse.curve([(None, None, value)], after=True)},
                state="unfinished" if last else "finished",
                why=f"{file.name} ends in the middle of a line" if last else "",
                notes=(note,),
            )
        )
    return found


def _number(text: str) -> Value:
    """Return the number of a repeat or a fold, which some write as a float."""
    return parse.step_of(cells.number(text)) if cells.number(text) is not None else text


def _score(pairs: Sequence[tuple[str, str]], numbers: bool, file: Path) -> tuple[str, float, str]:
    """Return the metric of predictions beside what is true, its value, and what was computed."""
    count = f"computed from {len(pairs)} predictions"
    metric = "mean_absolute_error" if numbers else "accuracy"
    missing = sum(MISSING in pair for pair in pairs)
    if missing:
        return metric, math.nan, f"{metric}: {missing} of {len(pairs)} predictions are missing, so there is none"
    if not numbers:
        return metric, sum(map(_alike, *zip(*pairs, strict=True))) / len(pairs), f"{metric} {count}"
    errors = []
    for guess, true in pairs:
        one, other = cells.number(guess), cells.number(true)
        if one is None or other is None:
            raise IntegrityError(f"{file}: {guess!r} beside {true!r}: no numbers, as is declared; {parse.AGAIN}")
        errors.append(abs(one - other))
    return metric, math.fsum(errors) / len(errors), f"{metric} {count}"


def _alike(guess: str, true: str) -> bool:
    """Say whether two classes are one: by their text, or as numbers."""
    one, other = cells.number(guess), cells.number(true)
    return guess == true or (one is not None and one == other)
