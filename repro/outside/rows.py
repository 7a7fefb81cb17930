"""Rows of CSV, TSV, JSON, JSONL and Parquet files, as columns, some rows at a time."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from os import SEEK_END
from pathlib import Path
from typing import Any

from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.machine import files
from repro.outside import cells
from repro.outside.columns import Columns

FORMS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".parquet": "parquet",
}  # fmt: skip
AT_ONCE = 1000  # rows: few enough to stay where a processor has them at hand
LARGE = 8 * 2**20  # bytes of a CSV file from which on Arrow, which takes longer to import, reads it
BLOCK = 16 * 2**20  # bytes that Arrow reads at once
MEND = "restore it, or leave out what was cut"
FILE = "file"  # the column that says which file of a folder a row is from


def form_of(path: Path) -> str:
    """Return the format of a table by its name, of a folder by the names in it; "" where it has none."""
    if not path.is_dir():
        return FORMS.get(path.suffix.lower(), "")
    forms = {FORMS[one.suffix.lower()] for one in path.iterdir() if one.is_file() and one.suffix.lower() in FORMS}
    return forms.pop() if len(forms) == 1 else ""


def read_columns(path: Path, form: str) -> Iterator[tuple[int, Columns]]:
    """Yield some rows as columns, with the number of the first of them in its file; rows count from 1.

    A folder is read file by file, and has a column more that tells them apart. Raise IntegrityError for a damaged file.
    """
    if not path.is_dir():
        yield from _one(path, form)
        return
    for one in _files(path, form):
        for first, columns in _one(one, form):
            count = len(next(iter(columns.values()), ()))
            yield first, {FILE: (one.stem,) * count, **columns}


def _files(path: Path, form: str) -> list[Path]:
    """Return the files of one format in a folder. Raise UsageError where there is none."""
    found = sorted(one for one in path.iterdir() if one.is_file() and FORMS.get(one.suffix.lower()) == form)
    if not found:
        raise UsageError(f"{path}: no file of the format {form} in it; name another folder, or a file")
    return found


def without_end(path: Path, form: str) -> set[str]:
    """Return which tables of text do not end with a line's end: their names as FILE has them, "" for one alone.

    Many a whole file lacks it; of a file that was cut nothing else may tell.
    """
    if form not in ("csv", "tsv"):
        return set()
    named = {one.stem: one for one in _files(path, form)} if path.is_dir() else {"": path}
    return {name for name, one in named.items() if _last_byte(one) not in (b"\n", b"\r")}


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(-1, SEEK_END)
        return stream.read(1)


def names_of(path: Path, form: str) -> list[str]:
    """Return the names of the columns, of all records where each names its own."""
    read = read_columns(path, form)
    own = path.is_dir() or form in ("json", "jsonl")
    return list(dict.fromkeys(name for _, columns in (read if own else islice(read, 1)) for name in columns))


def _one(path: Path, form: str) -> Iterator[tuple[int, Columns]]:
    files.regular(path, f"{form} table", MEND)
    try:
        if form in ("csv", "tsv"):
            yield from _separated(path, form)
        elif form == "parquet":
            yield from _parquet(path)
        else:
            yield from _objects(path, _json(path) if form == "json" else _json_lines(path))
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    except PermissionError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error


def _separated(path: Path, form: str) -> Iterator[tuple[int, Columns]]:
    """Yield the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8-sig") as stream:
        head = stream.readline()
        stream.seek(0)
        delimiter = cells.delimiter_of(head, form)
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            names = [name.strip() for name in next(reader, [])]
            again = [name for name in names if name and names.count(name) > 1]
            if again or not any(names):
                what = f"column '{again[0]}' stands twice in it" if again else "it is empty"
                raise UsageError(f"{path}: wanted a header with the names of the columns, and {what}; mend it")
            if path.stat().st_size > LARGE and _closed(path):
                yield from _large(path, form, delimiter)
                return
            first = 1
            while rows := list(islice(reader, AT_ONCE)):
                if {*map(len, rows)} != {len(names)}:
                    rows = _whole(path, rows, names, first, reader)
                if not rows:
                    continue
                yield first, {name: column for name, column in zip(names, zip(*rows, strict=True), strict=True) if name}
                first += len(rows)
        except csv.Error as error:
            raise IntegrityError(f"{path}: line {reader.line_num}: not readable as {form} ({error}); {MEND}") from error


def _closed(path: Path) -> bool:
    """Say whether a file has an even number of quotation marks; Arrow says nothing of a cell that lacks its second."""
    with path.open("rb") as stream:
        return sum(block.count(b'"') for block in iter(lambda: stream.read(BLOCK), b"")) % 2 == 0


def _large(path: Path, form: str, delimiter: str) -> Iterator[tuple[int, Columns]]:
    """Yield the rows of a large CSV file as Arrow's arrays of texts."""
    import pyarrow as pa
    import pyarrow.csv as reader

    options = {
        "read_options": reader.ReadOptions(use_threads=False, block_size=BLOCK),
        "parse_options": reader.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    }
    try:
        names = reader.open_csv(path, **options).schema.names
        texts = reader.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        first = 1
        for batch in reader.open_csv(path, convert_options=texts, **options):
            yield first, {name.strip(): one for name, one in zip(names, batch.columns, strict=True) if name.strip()}
            first += batch.num_rows
    except pa.ArrowInvalid as error:
        raise IntegrityError(f"{path}: not readable as {form} ({_line(error):.100}); {MEND}") from error


def _whole(path: Path, rows: list[list[str]], names: Sequence[str], first: int, reader: Any) -> list[list[str]]:
    """Return the rows that are not blank. Raise IntegrityError for one that has too few or too many cells."""
    found = [row for row in rows if row]
    for number, row in enumerate(found, first):
        if len(row) != len(names):
            if len(row) > len(names):
                note = names[0].startswith("#")
                what = (
                    "whose first line is a note; leave that out" if note else "which has too few; mend one of the two"
                )
                raise IntegrityError(f"{path}: row {number} has {len(row)} cells, and the header {len(names)}, {what}")
            last = row is found[-1] and next(reader, None) is None
            what = "the file ends in the middle of a record" if last else "the rows before have as many as the header"
            raise IntegrityError(f"{path}: row {number} has {len(row)} of {len(names)} cells, {what}; {MEND}")
    return found


def _json(path: Path) -> list[Any]:
    """Return the objects of a JSON file: a list of them, one of columns, one of rows with numbers, or one alone."""
    words = files.read_text(path, "JSON file", MEND)
    try:
        found = json.loads(words, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        cut = isinstance(error, json.JSONDecodeError) and (
            error.msg.startswith("Unterminated") or not words[error.pos :].strip()
        )
        what = "the file ends in the middle of a record" if cut else str(error)
        raise IntegrityError(f"{path}: not readable as JSON ({what}); {MEND}") from error
    if isinstance(found, dict) and found and all(isinstance(one, list) for one in found.values()):
        if len({*map(len, found.values())}) > 1:
            lengths = ", ".join(f"{name} {len(one)}" for name, one in found.items())
            raise IntegrityError(f"{path}: its columns have different lengths ({lengths:.80}); {MEND}")
        return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    return found if isinstance(found, list) else _numbered(found) if isinstance(found, dict) else [found]


def _numbered(found: dict[str, Any]) -> list[Any]:
    """Return the rows of an object of objects that counts rows from 0, outside or inside; of another it is the one."""
    inner = [*found.values()]
    if inner and all(isinstance(one, dict) for one in inner):
        if [*found] == [str(row) for row in range(len(inner))]:
            return inner
        counted = [str(row) for row in range(len(inner[0]))]
        if counted and all([*one] == counted for one in inner):
            return [{name: one[row] for name, one in found.items()} for row in counted]
    return [found]


def _json_lines(path: Path) -> Iterator[Any]:
    """Yield the object of each line."""
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                try:
                    yield json.loads(line, object_pairs_hook=_once)
                except (ValueError, RecursionError) as error:
                    cut = isinstance(error, json.JSONDecodeError) and not line.endswith("\n")
                    what = "the file ends in the middle of a record" if cut else str(error)
                    raise IntegrityError(f"{path}: line {number}: not readable as JSON ({what}); {MEND}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raise ValueError for a name that stands twice in it, of which JSON would keep one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"'{again}' stands twice in one record")
    return found


def _objects(path: Path, found: Any) -> Iterator[tuple[int, Columns]]:
    """Yield objects as columns; what is nested has a name of its own, joined by dots."""
    objects, first = iter(found), 1
    while some := list(islice(objects, AT_ONCE)):
        for number, one in enumerate(some, first):
            if not isinstance(one, dict):
                raise UsageError(f"{path}: record {number} is {one!r:.40}, wanted an object of names and values")
        try:
            rows = [_once([*_flat(one)]) for one in some]
        except ValueError as error:
            raise IntegrityError(
                f"{path}: within records {first} to {first + len(some) - 1}, {error}; {MEND}"
            ) from error
        names = dict.fromkeys(name for row in rows for name in row)
        yield first, {name: [row.get(name) for row in rows] for name in names}
        first += len(some)


def _flat(found: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", json.dumps(value) if isinstance(value, list) else value


def _parquet(path: Path) -> Iterator[tuple[int, Columns]]:
    """Yield the rows of a Parquet file; columns of lists and structures are left out."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as table:
            first = 1
            for batch in table.iter_batches(batch_size=10 * AT_ONCE):
                flat = [(name, one) for name, one in zip(batch.schema.names, batch.columns, strict=True)
                        if not pa.types.is_nested(one.type)]  # fmt: skip
                yield first, _once([(name, _listed(one)) for name, one in flat])
                first += batch.num_rows
    except (ValueError, pa.ArrowException, OSError) as error:
        raise IntegrityError(f"{path}: not a readable Parquet file ({_line(error):.80}); {MEND}") from error


def _line(error: Exception) -> str:
    """Return what Arrow says in one line."""
    return " ".join(str(error).split())


def _listed(column: Any) -> list[Any]:
    """Return the cells of an Arrow array: bytes as the texts that they are, times that Python has not as counts."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            column = column.cast(pa.string())
        except pa.ArrowInvalid:
            return [repr(one) for one in column.to_pylist()]
    try:
        found: list[Any] = column.to_pylist()
    except (ValueError, OverflowError):  # a year or a time zone that Python does not know
        found = column.cast(pa.int64()).to_pylist()
    return found
