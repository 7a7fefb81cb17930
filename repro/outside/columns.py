"""Columns of tables: sequences of cells, or Arrow's arrays of texts where a file is large; both ask the same way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np

from repro.outside import cells

Column = Any  # a sequence of cells, or an Arrow array of texts
Columns = Mapping[str, Column]


def _is_arrow(column: Column) -> bool:
    """Say which it is; Arrow is not imported to ask."""
    return hasattr(column, "dictionary_encode")


def _encoded(column: Any) -> tuple[Any, Any]:
    """Return an array's texts once each, as another array, and for each cell which of them it is."""
    found = column.dictionary_encode()
    return found.indices.to_numpy(zero_copy_only=False), found.dictionary


def matching(columns: Sequence[tuple[Column, cells.Wanted]]) -> Any:
    """Say for each row whether every column has what is asked of it; None where nothing is asked."""
    mask: Any = None
    for column, wanted in columns:
        if _is_arrow(column):
            places, texts = _encoded(column)
            found = np.fromiter(map(wanted.__getitem__, texts.to_pylist()), bool, len(texts))[places]
        else:
            found = np.fromiter(map(wanted.__getitem__, column), bool, len(column))
        mask = found if mask is None else mask & found
    return mask


def picked(column: Column, mask: Any) -> Column:
    """Return the cells that a mask leaves, all without one."""
    if mask is None:
        return column
    return column.filter(mask) if _is_arrow(column) else list(compress(column, mask))


def listed(column: Column) -> Sequence[Any]:
    """Return the cells."""
    found: Sequence[Any] = column.to_pylist() if _is_arrow(column) else column
    return found


def floats(column: Column) -> Any:
    """Return a column as floats, None where a cell is none."""
    if _is_arrow(column):
        import pyarrow as pa

        try:
            return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
    try:
        found = np.fromiter(map(float, column), float, len(column))
    except (TypeError, ValueError, OverflowError):
        return None
    return None if any(isinstance(cell, str) and "_" in cell for cell in column) else found


def coded(column: Column, known: defaultdict[str, int], most: int) -> Any:
    """Return a column's texts as numbers, each the one that it is known by; None where there are too many of them."""
    if _is_arrow(column):
        places, texts = _encoded(column)
        if len(texts) > most:
            return None
        return np.fromiter(map(known.__getitem__, texts.to_pylist()), np.int64, len(texts))[places]
    plain = column if {*map(type, column)} == {str} else list(map(cells.text, column))
    found = np.fromiter(map(known.__getitem__, plain), np.int64, len(column))
    return found if len(known) <= most else None
