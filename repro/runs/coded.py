"""Columns as numbers: texts that repeat become codes, so that a million rows are a few arrays.

Plain buffers on purpose: what pyarrow makes from Python's objects imports pandas where it is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Mask = NDArray[np.bool_]
MOST = 2**62  # that numbers of several columns together may be


@dataclass(frozen=True)
class Coded:
    """A column of texts: a code for each row, and what each code stands for."""

    codes: NDArray[np.int32]
    values: list[str]

    @property
    def ranks(self) -> NDArray[np.int32]:
        """Return each row's place in the order of the texts, by code points, which is that of their UTF-8."""
        order = sorted(range(len(self.values)), key=self.values.__getitem__)
        places = np.empty(len(order), np.int32)
        places[order] = np.arange(len(order))
        return places[self.codes]


def arrow(numbers: NDArray[Any]) -> pa.Array:
    """Return numbers as an Arrow array of int64."""
    whole = np.ascontiguousarray(numbers, np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def mask_of(chosen: Mask) -> pa.Array:
    """Return a mask as Arrow's filters want it."""
    bits = np.packbits(chosen, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(chosen), [None, pa.py_buffer(bits)])


def numbers_of(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of numbers without empty entries."""
    parts = [np.from_dlpack(chunk) for chunk in column.chunks if len(chunk)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def coded(column: pa.ChunkedArray) -> Coded:
    """Return a column of texts without empty entries as codes."""
    chunks = _encoded(column).unify_dictionaries().chunks
    values = chunks[0].dictionary.to_pylist() if chunks else []
    if len(set(values)) < len(values):  # another writer's dictionary: a text has one code here
        return coded(column.cast(column.type.value_type))
    parts = [np.from_dlpack(chunk.indices) for chunk in chunks if len(chunk)]
    return Coded(np.concatenate(parts) if parts else np.zeros(0, np.int32), values)


def _encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def numbered(columns: Sequence[NDArray[Any]]) -> Numbers:
    """Return a number for each row that rows share whose entries in all columns are the same, from 0 on.

    They are in the order of the rows by their columns, the first of them first.
    """
    together, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns if len(together) else ():
        numbers, least, width = column, int(column.min()), int(column.max()) - int(column.min()) + 1
        if size * width > MOST:
            together, size = _dense(together)
        if size * width > MOST:
            (numbers, width), least = _dense(column), 0
        together = together * width + (numbers.astype(np.int64) - least)
        size *= width
    return _dense(together)[0]


def _dense(numbers: NDArray[Any]) -> tuple[Numbers, int]:
    """Return numbers from 0 on in place of any others, in their order, and how many there are."""
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    places = np.cumsum(np.concatenate([[False], ordered[1:] != ordered[:-1]])) if len(order) else order
    dense = np.empty(len(order), np.int64)
    dense[order] = places
    return dense, int(places[-1]) + 1 if len(order) else 0
