"""A store's table and its journal as one table: read at any time, and joined into the table a slice at a time."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from repro.errors import ReproError
from repro.machine import files, terminal
from repro.runs import before, journal, rows, table
from repro.runs.coded import Numbers, arrow, coded, numbered, numbers_of

TEXTS = [field.name for field in table.SCHEMA if pa.types.is_string(field.type)]
SLICE = 2_048  # rows that are in memory at once while tables are joined, and a row group of the joined one
PAGE = 2**16  # bytes
BATCH = 512  # rows of each piece
TRIES = 20  # to read between two changes of what lies there
WHAT = "Parquet table"
T = TypeVar("T")


def there(results: Path) -> bool:
    """Say whether a store holds anything: a table, or a journal of runs that are in none yet."""
    return files.there(results) or bool(journal.pieces(results))


def paths(results: Path) -> tuple[Path, ...]:
    """Return the files that a store consists of, its table first, which may not be there yet."""
    return (results, *journal.pieces(results))


def listed(results: Path) -> str:
    """Return the name, in `repro.runs.unchanged`, of which files the journal consists of."""
    return f"listing:{os.path.abspath(journal.folder_of(results))}"


def state(results: Path) -> tuple[Any, ...]:
    """Return what changes with every change of what a store holds."""
    found = []
    for path in paths(results):
        with contextlib.suppress(OSError):  # removed since it was listed, or never there
            of = path.stat()
            found.append((path.name, of.st_ino, of.st_size, of.st_mtime_ns))
    return tuple(found)


def read(
    results: Path, columns: Sequence[str] | None = None, texts: Sequence[str] = (), *, held: bool = False
) -> pa.Table:
    """Return a store's table, or some of its columns, as `table.read` does, what its journal holds included.

    This is how results are read, also while runs are made: every finished run is there, and whole. `texts` names
    columns that come as dictionaries.
    """
    return _unmoved(results, lambda: _read(results, columns, texts, held=held))


def content(results: Path, found: pa.Table) -> bytes:
    """Return a file of rows that `read` gave: the store's own where it holds just these."""
    own = results.read_bytes() if files.there(results) and not journal.pieces(results) else b""
    if own:
        with contextlib.suppress(pa.ArrowException, OSError):
            if pq.read_schema(io.BytesIO(own)).metadata == found.schema.metadata:
                return own
    return table.content(found)


def _unmoved(results: Path, act: Callable[[], T]) -> T:
    """Do what reads several files, again where one of them took another's place meanwhile."""
    for _ in range(TRIES):
        before = _places(results)
        try:
            found = act()
        except (ReproError, OSError):
            if _places(results) == before:
                raise
        else:
            if _places(results) == before:
                return found
    return act()


def _places(results: Path) -> tuple[Any, ...]:
    """Return which files a store consists of; a log that has grown is the same."""
    return tuple(one[:2] if one[0].endswith(".log") else one for one in state(results))


def _read(results: Path, columns: Sequence[str] | None, texts: Sequence[str], *, held: bool) -> pa.Table:
    beside = journal.pieces(results)
    if not beside:
        return table.read(results, columns, texts, held=held)
    wanted = None if columns is None else [*dict.fromkeys([*table.KEY, *columns])]
    of = [results] if files.there(results) else []
    found = [
        journal.read(path)[0] if path.suffix == ".log" else table.read(path, wanted, texts, held=held)
        for path in (*of, *beside)
    ]
    same = found if wanted is None else [_in_form(one.select(wanted), texts) for one in found]
    whole = table.concatenate(same)
    order = standing(whole, np.repeat(np.arange(len(same)), [one.num_rows for one in same]))
    whole = whole.take(arrow(order)) if wanted is None else whole.unify_dictionaries().take(arrow(order))
    return whole if columns is None else whole.select(list(columns))


def _in_form(some: pa.Table, texts: Sequence[str]) -> pa.Table:
    """Return a table with these columns as dictionaries."""
    columns = [
        some[name].dictionary_encode() if name in texts and pa.types.is_string(some[name].type) else some[name]
        for name in some.column_names
    ]
    return pa.Table.from_arrays(columns, names=some.column_names).replace_schema_metadata(some.schema.metadata)


def standing(keys: pa.Table, piece: Numbers) -> Numbers:
    """Return which rows stand, in the order of their key: of a run that several pieces hold, those of the last one."""
    run = table.keyed(keys, table.ONE_RUN)
    last = np.zeros(int(run.max(initial=-1)) + 1, np.int64)
    last[run] = piece  # pieces come in order, and of equal places the last entry stays
    stands = np.flatnonzero(last[run] == piece)
    place = numbered([_ranks(keys[name]) for name in table.KEY])  # in the order of the key
    return stands[np.argsort(place[stands], kind="stable")]


def _ranks(column: pa.ChunkedArray) -> NDArray[Any]:
    return numbers_of(column) if pa.types.is_integer(column.type) else coded(column).ranks


class Opened:
    """Sorted results tables that are open, their rows one after the other, to be read in slices. A context."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        with ExitStack() as opening:
            self.files = [opening.enter_context(table.opened(path, WHAT, table.SET_ASIDE, TEXTS)) for path in paths]
            for path, file in zip(paths, self.files, strict=True):
                table.hold_form(file.schema_arrow, path)
            self._open = opening.pop_all()
        self.sizes = [file.metadata.num_rows for file in self.files]
        self.firsts = np.cumsum([0, *self.sizes])[:-1]

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """Return the environments of all tables."""
        found = zip(self.files, self.paths, strict=True)
        return {name: one for file, path in found for name, one in table.records_of(file.schema_arrow, path).items()}

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Return whole columns, texts as dictionaries."""
        found = []
        for file, path in zip(self.files, self.paths, strict=True):
            with table.damage(path, WHAT, table.SET_ASIDE):
                some = file.read(columns=before.columns(file, names), use_threads=False)
                found.append(before.with_attempts(some, names).replace_schema_metadata(None))
            table.refuse_gaps(found[-1], path)
        return pa.concat_tables(found).unify_dictionaries()

    def standing(self) -> Numbers:
        """Return the rows that stand, in the order of their key."""
        return standing(self.columns(table.KEY), np.repeat(np.arange(len(self.sizes)), self.sizes))

    def slices(self, order: Numbers, names: Sequence[str] = tuple(table.SCHEMA.names)) -> Iterator[pa.Table]:
        """Yield rows in an order that keeps each table's own, `SLICE` of them at a time, all columns or some."""
        schema = pa.schema([table.SCHEMA.field(name) for name in names])
        walks = [
            _Walk(path, file, int(first), names)
            for path, file, first in zip(self.paths, self.files, self.firsts, strict=True)
        ]
        for start in range(0, len(order), SLICE):
            wanted = order[start : start + SLICE]
            owner = np.searchsorted(self.firsts, wanted, side="right") - 1
            found = [batch for place in np.unique(owner) for batch in walks[place].take(wanted[owner == place])]
            some = pa.Table.from_batches([_plain(batch, schema) for batch in found])
            if (owner != owner[0]).any():  # they lie piece by piece
                places = np.empty(len(wanted), np.int64)
                places[np.argsort(owner, kind="stable")] = np.arange(len(wanted))
                some = some.take(arrow(places))
            yield some

    def digest(self, order: Numbers) -> str:
        """Return the digest of the rows in this order, as `rows.digest` gives it for a table of them."""
        names = rows.summed(table.SCHEMA.names, self.columns([rows.ATTEMPTS]).take(arrow(order)))
        hasher = hashlib.sha256(json.dumps([len(order), names]).encode())
        if len(order) <= SLICE:
            for some in self.slices(order):
                for name in names:
                    rows.update(hasher, some[name].combine_chunks())
            return hasher.hexdigest()
        for name in names:
            parts = (rows.parts(some[name].combine_chunks()) for some in self.slices(order, [name]))
            for part in zip(*([bytes(one) for one in some[:-1]] for some in parts), strict=True):
                hasher.update(b"".join(part))  # a few bytes a row; the last part is what they hold
            for some in self.slices(order, [name]):
                hasher.update(rows.parts(some[name].combine_chunks())[-1])
        return hasher.hexdigest()

    def write(self, path: Path, order: Numbers) -> None:
        """Replace a table by these rows, as `table.write` does."""
        metadata = table.metadata_of(self.records)
        metadata[table.SEAL] = table.seal_of(metadata, self.digest(order))
        schema = table.SCHEMA.with_metadata(metadata)
        with (
            files.refused(path),
            files.replacing(path, durable=True) as stream,
            pq.ParquetWriter(
                stream,
                schema,
                compression="zstd",
                write_page_checksum=True,
                use_dictionary=TEXTS,
                data_page_size=PAGE,
                write_statistics=False,
            ) as writer,
        ):
            for some in self.slices(order):
                writer.write_table(some.replace_schema_metadata(metadata))


def hold(path: Path) -> None:
    """Refuse a file that `table.read` would refuse, looking at it in slices.

    Rows that another program left in another order are put in theirs once, and the file that was there is kept.
    """
    with Opened([path]) as alone:
        order = np.arange(sum(alone.sizes))
        table.refuse_twice(keys := alone.columns(table.KEY), path)
        for some in alone.slices(order):
            with table.damage(path, WHAT, table.SET_ASIDE):
                table.hold_values(some)
            table.hold_rows(some, path)
        table.hold_said(alone.files[0].schema_arrow, path, lambda: alone.digest(order))
        ordered = bool((standing(keys, np.zeros(len(order), np.int64)) == order).all())
    if not ordered:
        kept = path.with_name(f"{path.stem}.as-found.parquet")
        with files.refused(kept):
            kept.unlink(missing_ok=True)
            os.link(path, kept)
        table.write(path, table.read(path))
        terminal.say(
            f"repro: {path}: its rows were in another order; they are in theirs, {kept.name} is what was there"
        )


class _Walk:
    """Go through the rows of a table once, the first of them being row `first` of all."""

    def __init__(self, path: Path, file: pq.ParquetFile, first: int, names: Sequence[str]) -> None:
        self.path = path
        self._names = names
        self._batches = file.iter_batches(BATCH, columns=before.columns(file, names), use_threads=False)
        self._batch: pa.RecordBatch | None = None
        self._start = first

    def take(self, wanted: Numbers) -> Iterator[pa.RecordBatch]:
        """Yield these rows, which come after all that were taken before."""
        while len(wanted):
            end = self._start + (0 if self._batch is None else self._batch.num_rows)
            inside = int(np.searchsorted(wanted, end))
            if self._batch is not None and inside:
                yield self._batch.take(arrow(wanted[:inside] - self._start))
                wanted = wanted[inside:]
            if len(wanted):
                with table.damage(self.path, WHAT, table.SET_ASIDE):
                    self._batch, self._start = before.with_attempts(next(self._batches), self._names), end


def _plain(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows with their texts written out."""
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
