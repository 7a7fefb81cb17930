"""Lightning's CSVLogger: a `metrics.csv` a run, with `hparams.yaml` beside it where the module saved it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from repro.errors import IntegrityError
from repro.outside import cells, parse, search
from repro.outside.logged import Curve, Log, LoggedRun

TOOL = "Lightning CSVLogger"
NAME = "metrics.csv"
AFTER = re.compile(r"test(?![a-z])")  # `Trainer.test` writes an epoch and a step that no training had


def recognises(path: Path) -> bool:
    """Say whether a path is a `metrics.csv` with steps, or a folder that holds one."""
    return search.begins(path, NAME.__eq__, _holds)


def _holds(head: bytes) -> bool:
    return b"step" in head.partition(b"\n")[0].strip().split(b",")


def _holds_or_torn(head: bytes) -> bool:
    """Say whether a file begins so, or ended before its header did."""
    return _holds(head) or b"\n" not in head


def wrote(file: Path) -> bool:
    """Say whether a file has the name and the columns that every trainer logs."""
    named = search.head(file).partition(b"\n")[0].strip().split(b",")
    return file.name == NAME and {b"epoch", b"step"} <= set(named)


def read(path: Path) -> Log:
    """Return the runs: each `metrics.csv` is one, whatever the number of its folder."""
    return Log(TOOL, tuple(_run(file, path) for file in search.files(path, NAME.__eq__, NAME, _holds_or_torn)))


def _run(file: Path, path: Path) -> LoggedRun:
    curves, torn = curves_of(file)
    saved = file.with_name("hparams.yaml")
    fields = parse.flat(parse.yaml_of(saved, "hparams.yaml"), saved) if saved.is_file() else {}
    return LoggedRun(
        name=search.name_of(file.parent, path),
        file=file,
        fields=fields,
        curves=curves,
        state="unfinished" if torn else "finished",
        why=f"{NAME} ends in the middle of a line" if torn else "",
        notes=() if fields else ("the module saved no parameters (hparams.yaml)",),
    )


def curves_of(file: Path) -> tuple[Mapping[str, Curve], bool]:
    """Return the curves of a file, whose values went through means in single precision, and whether it is torn."""
    records, torn = records_of(file)
    points, _ = parse.points_of(records)
    return {
        name: parse.curve(found, precision=parse.SINGLE, after=bool(AFTER.match(name)))
        for name, found in points.items()
    }, torn


def records_of(file: Path) -> tuple[list[dict[str, float | None]], bool]:
    """Return the rows of a CSV file as numbers, and whether its last line was torn.

    Training and validation stand in rows of their own, so empty cells are passed over, not rows. Raise IntegrityError
    for a cell that is no number.
    """
    rows, torn = parse.table_of(file, NAME)
    records = []
    for row in rows:
        line = row.pop("")
        records.append({name: cells.number(cell) for name, cell in row.items()})
        for name, value in records[-1].items():
            if value is None:
                text = f"{file}: line {line}, column {name}: {row[name]!r} is no number; {parse.AGAIN}"
                raise IntegrityError(text)
    return records, torn
