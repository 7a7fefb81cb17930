"""Rows that were imported, not run by us: a table of their own, so that none of them can be taken for a run's.

A row is what one run, which somebody's tool kept, says of one metric. Each belongs to a reading: the files that an
import read, and the command that reads them again. Rows of a reading are outdated once one of its files has changed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from repro import registry
from repro.errors import IntegrityError, NothingSelectedError
from repro.machine import cache, files
from repro.outside import sources
from repro.outside.sources import Files
from repro.runs import table, unchanged

REMEDY = "remove it, and import again (`repro import`)"
STATUSES = ("ok", "nonfinite", "failed", "unfinished")
HELD = "table of imported rows"
PRESENT = 16  # hexadecimal digits that name a reading

SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string(), nullable=False) for name in ("study", "profile", "experiment", "case", "metric")),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("status", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("seed", pa.string()),
        *(pa.field(name, pa.string(), nullable=False) for name in ("run", "tool", "version", "theirs", "file")),
        pa.field("digest", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("precision", pa.float64(), nullable=False),
        pa.field("reading", pa.string(), nullable=False),
        pa.field("imported", pa.timestamp("us", tz="UTC"), nullable=False),
    ]
)


class ImportedRow(NamedTuple):
    """What one run says of one metric, as the table has it.

    `seed` is a text as the source has it, None where it keeps none; `run` and `theirs` are what the tool calls run and
    metric; `origin` says where in the file; `precision` how far the value may lie from what the training handed over,
    relative to it.
    """

    study: str
    profile: str
    experiment: str
    case: str
    metric: str
    unit: str
    value: float | None
    status: str
    detail: str
    seed: str | None
    run: str
    tool: str
    version: str
    theirs: str
    file: str
    digest: str
    origin: str
    precision: float
    reading: str
    imported: datetime

    @property
    def cell(self) -> tuple[str, str, str]:
        """Return what a claim asks for."""
        return self.experiment, self.case, self.metric

    @property
    def content(self) -> ImportedRow:
        """Return the row without what tells one import from the next of the same."""
        return self._replace(reading="", digest="", imported=datetime.fromtimestamp(0, UTC))

    @property
    def by(self) -> str:
        """Return the tool with its version."""
        return f"{self.tool} {self.version}".strip()


@dataclass(frozen=True)
class Reading:
    """The files that one import read, by content, and the command that reads them again."""

    command: str
    files: Files

    @property
    def name(self) -> str:
        """Return what names it in a table."""
        return unchanged.digest([self.command, self.files])[:PRESENT]


@dataclass(frozen=True)
class Imports:
    """A table of imported rows with the readings that they are of."""

    rows: tuple[ImportedRow, ...]
    readings: Mapping[str, Reading]

    def outdated(self) -> dict[str, str]:
        """Return why the rows of a reading are outdated, by the reading's name; those that are not are left out."""
        found = {name: sources.changed(reading.files) for name, reading in self.readings.items()}
        return {name: why for name, why in found.items() if why}


NOTHING = Imports((), {})


def path_of(study: str, profile: str) -> Path:
    """Return where the imported rows of a study's profile are kept."""
    return beside(registry.root() / "results" / study / f"{profile}.parquet")


def beside(results: Path) -> Path:
    """Return where imported rows are kept beside a table of results."""
    return results.with_suffix(table.IMPORTED_SUFFIX)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a table against other writers, waiting for one that is there."""
    with files.refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with cache.alone(path):
        files.sweep(path)
        yield


def read(path: Path) -> Imports:
    """Read a table of imported rows. Raise IntegrityError for a file that is none, NothingSelectedError without one."""
    if not files.there(path):
        raise NothingSelectedError(f"{path}: no such table; `repro import` makes one, `repro status` lists what exists")
    with table.opened(path, HELD, REMEDY) as file:
        if table.IMPORTED not in (file.schema_arrow.metadata or {}):
            raise IntegrityError(f"{path}: no {HELD}; {REMEDY}")
        table.check_schema(file.schema_arrow, path, SCHEMA)
        found = file.read()
        found.validate(full=True)
        table.hold_seal(found, path)
    readings = _readings(found.schema, path)
    rows = tuple(ImportedRow(**row) for row in found.to_pylist())
    _validate(rows, readings, path)
    return Imports(rows, readings)


def read_if_there(path: Path) -> Imports:
    """Read a table of imported rows, nothing where there is none."""
    return read(path) if files.there(path) else NOTHING


def write(path: Path, imports: Imports) -> None:
    """Write a table of imported rows, whole or not at all; readings of which no row is left are left out."""
    _validate(imports.rows, imports.readings, path)
    used = {row.reading for row in imports.rows}
    said = {name: [one.command, one.files] for name, one in imports.readings.items() if name in used}
    rows = sorted(imports.rows, key=lambda row: (row.cell, row.seed or "", row.file, row.run))
    made = pa.Table.from_pylist([row._asdict() for row in rows], schema=SCHEMA)
    metadata = {
        table.IMPORTED: json.dumps(said, sort_keys=True).encode(),
        b"repro.schema": str(table.SCHEMA_VERSION).encode(),
    }
    table.write_file(path, made.replace_schema_metadata(metadata))


def _readings(schema: pa.Schema, path: Path) -> dict[str, Reading]:
    """Return the readings that a table names. Raise IntegrityError where they are none."""
    said = table.json_of(schema, table.IMPORTED, path)
    found = {}
    for name, record in said.items():
        texts = isinstance(record, list) and len(record) == 2 and isinstance(record[0], str)
        if not texts or not isinstance(record[1], dict) or not all(isinstance(one, str) for one in record[1].values()):
            raise IntegrityError(f"{path}: the reading '{name}' is no record of one; {REMEDY}")
        found[name] = Reading(record[0], record[1])
    return found


def _validate(rows: Sequence[ImportedRow], readings: Mapping[str, Reading], path: Path) -> None:
    """Raise IntegrityError for an empty entry where none may be, a number that is none, or a row of no reading."""
    may = {field.name for field in SCHEMA if field.nullable}
    for row in rows:
        empty = [name for name, value in row._asdict().items() if value is None and name not in may]
        good = row.status == "ok" and row.value is not None and math.isfinite(row.value)
        fault = ""
        if empty:
            fault = f"has no '{empty[0]}'"
        elif row.status not in STATUSES:
            fault = f"has the unknown status '{row.status}'"
        elif not good and (row.status == "ok" or row.value is not None):
            fault = f"says {row.status} and holds {row.value}"
        elif row.reading not in readings or readings[row.reading].name != row.reading:
            fault = f"is of the reading '{row.reading}', of which there is no record"
        if fault:
            raise IntegrityError(f"{path}: the row of run '{row.run}', {row.metric}, {fault}; {REMEDY}")


def said_of(rows: Sequence[ImportedRow]) -> dict[str, Any]:
    """Return how many runs rows are of, and how these ended."""
    ends: dict[tuple[str, str, str, str], set[str]] = {}
    for row in rows:
        ends.setdefault((row.experiment, row.case, row.file, row.run), set()).add(row.status)
    worst = [next(status for status in reversed(STATUSES) if status in found) for found in ends.values()]
    return {"runs": len(ends), **{status: worst.count(status) for status in STATUSES}}
