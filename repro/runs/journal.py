"""The journal of a store: finished runs that its table does not hold yet, as lines that carry a digest.

A folder beside the table. `N.log` takes a line for each append; one that has grown becomes `N.parquet`, which stands
for it. A line is the SHA-256 of the digest before and its own content, a space, and that content as JSON.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import operator
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from repro.errors import IntegrityError
from repro.machine import files
from repro.runs import table

FORM = 1  # of the lines
HEAD = {"journal": FORM, "schema": table.SCHEMA_VERSION}
HEAD_BEFORE = {**HEAD, "schema": 2}  # without the attempts, the last value of a row
NAMES = tuple(table.SCHEMA.names)
FINISHED = NAMES.index("finished")
DIGEST = 64  # characters, before a line's content
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REMEDY = "restore it, or move it away (`mv FILE FILE.broken`): what the table holds stays, its runs are made again"


def folder_of(results: Path) -> Path:
    """Return the folder of the journal of a results table."""
    return results.with_suffix(".journal")


def pieces(results: Path) -> list[Path]:
    """Return what the journal of a results table holds, oldest first: tables, and logs that are none yet."""
    folder = folder_of(results)
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    found = {}
    for name in sorted(names):  # N.log before N.parquet, which holds the same
        number, _, kind = name.partition(".")
        if number.isdecimal() and kind in ("log", "parquet"):
            found[int(number)] = folder / name
    return [found[number] for number in sorted(found)]


class Writer:
    """A log that one process writes, under the lock of its store."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with files.refused(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            for folder in (path.parent, path.parent.parent):
                files.sync(folder)
        self.size = 0
        self._last = ""
        self._known: set[str] = set()
        self._line(HEAD)

    def append(self, runs: Sequence[Sequence[Mapping[str, Any]]], records: Mapping[str, Mapping[str, Any]]) -> None:
        """Add the rows of finished runs, on the disk before this ends: all of them or none.

        Raise InfrastructureError where the machine refuses; the log is as it was then.
        """
        new = {name: record for name, record in records.items() if name not in self._known}
        self._line({"environments": new, "rows": [_plain(row) for rows in runs for row in rows]})
        self._known |= set(new)

    def _line(self, content: Mapping[str, Any]) -> None:
        said = json.dumps(content, separators=(",", ":"), allow_nan=False, default=operator.index).encode()
        digest = hashlib.sha256(self._last.encode() + said).hexdigest()
        line = memoryview(digest.encode() + b" " + said + b"\n")
        with files.refused(self.path):
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._file, line[written:])
                os.fdatasync(self._file)
            except BaseException:  # what is half there would be damage to the next reader
                os.ftruncate(self._file, self.size)
                raise
        self.size += len(line)
        self._last = digest

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def _plain(row: Mapping[str, Any]) -> list[Any]:
    """Return a row's values in the order of the schema, the time in microseconds after 1970."""
    values = [row[name] for name in NAMES]
    values[FINISHED] = (values[FINISHED] - EPOCH) // timedelta(microseconds=1)
    return values


def read(path: Path) -> tuple[pa.Table, bool]:
    """Return a log's rows as a table, a run's last ones alone, and whether it ends in an append that did not finish.

    That one is left out. Raise IntegrityError for anything else that is not as it was written.
    """
    content = files.read(path, "journal", REMEDY)
    *lines, tail = content.split(b"\n")
    old = False
    last, records, kept = "", dict[str, Any](), dict[tuple[Any, ...], list[dict[str, Any]]]()
    for number, line in enumerate(lines, 1):
        said = line[DIGEST + 1 :]
        digest = hashlib.sha256(last.encode() + said).hexdigest()
        if line[: DIGEST + 1] != digest.encode() + b" ":
            raise IntegrityError(f"{path}: line {number} is not what was written, by its own digest; {_cut(number)}")
        last = digest
        try:
            if number == 1:
                old = _is_old(json.loads(said), path)
            else:
                _take(json.loads(said), records, kept, [1] if old else [])
        except table.DAMAGES as error:
            raise IntegrityError(f"{path}: line {number} holds no rows ({error}); {_cut(number)}") from error
    if tail[DIGEST + 1 : -1] and _whole(last, tail[:-1]):
        raise IntegrityError(f"{path}: its last line ends in {tail[-1:]!r}, wanted a line's end; {REMEDY}")
    rows = [row for run in kept.values() for row in run]
    return table.build(rows, records), bool(tail)


def _cut(number: int) -> str:
    """Return what to do about a line that is damaged: those before it are as they were written."""
    if number == 1:
        return REMEDY
    return f"restore it, or keep the lines before (`sed -i.broken '{number},$d' FILE`): what came after is made again"


def _whole(last: str, line: bytes) -> bool:
    """Say whether a line carries its digest."""
    digest = hashlib.sha256(last.encode() + line[DIGEST + 1 :]).hexdigest()
    return line[: DIGEST + 1] == digest.encode() + b" "


def _is_old(head: Any, path: Path) -> bool:
    """Say whether a log was begun before rows held their attempts. Raise IntegrityError for an unknown form."""
    if head not in (HEAD, HEAD_BEFORE):
        raise IntegrityError(f"{path}: a journal of the form {head!r:.60}, wanted {HEAD}; use the repro that wrote it")
    return bool(head == HEAD_BEFORE)


def _take(
    line: Mapping[str, Any],
    records: dict[str, Any],
    kept: dict[tuple[Any, ...], list[dict[str, Any]]],
    further: Sequence[Any],
) -> None:
    """Take the rows of a line, with what they hold further, in place of earlier ones of the same runs."""
    records |= line["environments"]
    mine: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for values in line["rows"]:
        row = dict(zip(NAMES, [*values, *further], strict=True))
        row["finished"] = EPOCH + timedelta(microseconds=row["finished"])
        mine.setdefault(tuple(row[name] for name in table.ONE_RUN), []).append(row)
    kept |= mine


def to_table(path: Path) -> Path:
    """Make a log a table that stands for it, and return that."""
    made = path.with_suffix(".parquet")
    table.write(made, read(path)[0])
    path.unlink()
    return made


def remove(results: Path, gone: Sequence[Path]) -> None:
    """Remove pieces whose rows the table holds, and the folder where it is empty then."""
    for path in gone:
        path.unlink(missing_ok=True)
        path.with_suffix(".log").unlink(missing_ok=True)  # of one killed before the log of a table was removed
    with contextlib.suppress(OSError):  # not empty: what is in it is none of ours
        folder_of(results).rmdir()
