"""Result rows as values, and the digest of a table that no other rows share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Cell = tuple[str, str, str]  # experiment, case, metric
COLUMNS = ("experiment", "case", "metric", "replicate", "seed", "unit", "value", "status", "n_test", "settings")
ATTEMPTS = "attempts"  # how often a run was begun: 1 in all tables of before, which have no such column
ROW_COLUMNS = (*COLUMNS, "data", "code", "environment")


class Row(NamedTuple):
    """One row as the check reads it; `curve` is the bytes of its float64 values, `finished` when, in microseconds."""

    experiment: str
    case: str
    metric: str
    replicate: int
    seed: int
    unit: str
    value: float | None
    status: str
    n_test: int | None
    settings: str
    data: str
    code: str
    environment: str
    curve: bytes | None
    finished: int = 0

    @property
    def cell(self) -> Cell:
        """Return what a band is kept for."""
        return self.experiment, self.case, self.metric

    @property
    def outcome(self) -> tuple[str, str, bytes | None]:
        """Return what must repeat bit for bit when nothing changed."""
        return self.status, "" if self.value is None else self.value.hex(), self.curve

    @property
    def numbers(self) -> list[float] | None:
        """Return the curve's values, one an epoch, None where there is no curve."""
        return None if self.curve is None else np.frombuffer(self.curve).tolist()

    @property
    def origin(self) -> tuple[str | int, ...]:
        """Return what names the run wherever and by whatever code it was made."""
        return (*self.cell, self.seed, self.settings, self.data)


def digest(some: pa.Table) -> str:
    """Return the SHA-256 of a table's names and values, in row order; how the file is written does not matter."""
    names = summed(some.column_names, some)
    hasher = hashlib.sha256(json.dumps([some.num_rows, names]).encode())
    for name in names:
        column = some[name]
        plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        update(hasher, plain.combine_chunks())
    return hasher.hexdigest()


def summed(names: Sequence[str], some: pa.Table) -> list[str]:
    """Return the columns that a digest is of: without the attempts where each is 1, as in tables that have none."""
    return [name for name in names if name != ATTEMPTS or not _once(some)]


def _once(some: pa.Table) -> bool:
    """Say whether each run was begun once; a number given to pyarrow would import pandas where that is installed."""
    attempts = some[ATTEMPTS].combine_chunks()
    return not attempts.null_count and raw(attempts) == np.ones(len(attempts), np.int32).tobytes()


def update(hasher: Any, values: Any) -> None:
    """Add which entries are empty, how long the others are, and their content."""
    for part in parts(values):
        hasher.update(part)


def parts(values: Any) -> list[Any]:
    """Return the bytes that say which entries of an array are empty, how long the others are, and what they hold.

    Of arrays one after the other, each part is that of the whole.
    """
    present = values.drop_null()
    empty = raw(values.is_null().cast(pa.uint8()))
    if pa.types.is_list(values.type):
        return [empty, raw(pc.list_value_length(present)), *parts(present.flatten())]
    if pa.types.is_string(values.type):
        _, places, content = present.buffers()
        bounds = np.frombuffer(places, np.int32, len(present) + 1, 4 * present.offset) if len(present) else (0, 0)
        return [empty, raw(pc.binary_length(present)), memoryview(content or b"")[bounds[0] : bounds[-1]]]
    if pa.types.is_timestamp(values.type):
        return [empty, raw(present.cast(pa.int64()))]
    return [empty, raw(present.cast(pa.uint8()) if pa.types.is_boolean(values.type) else present)]


def raw(values: Any) -> bytes:
    """Return the bytes of an array of numbers without empty entries.

    By DLPack: pyarrow's own conversion imports pandas where that is installed, which costs more than the check.
    """
    return np.from_dlpack(values).tobytes() if len(values) else b""


def curves(some: pa.Table) -> list[bytes | None]:
    """Return each row's curve as bytes, so that equal means equal in every bit."""
    column = some["curve"].combine_chunks()
    if column.values.null_count:
        return [None if curve is None else repr(curve).encode() for curve in column.to_pylist()]
    content = raw(column.values)
    offsets = [8 * place for place in column.offsets.to_pylist()]
    present = column.is_valid().to_pylist()
    return [content[a:b] if there else None for a, b, there in zip(offsets, offsets[1:], present, strict=False)]


def as_rows(some: pa.Table) -> list[Row]:
    """Return the table's rows as the check reads them."""
    if not some.num_rows:
        return []
    finished = some["finished"].cast(pa.int64()).to_pylist()
    return list(map(Row, *(some[name].to_pylist() for name in ROW_COLUMNS), curves(some), finished))
