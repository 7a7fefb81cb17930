"""Tables of earlier versions, which have no column of attempts: all their runs were made at the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from repro.runs.coded import arrow
from repro.runs.rows import ATTEMPTS

FIELD = pa.field(ATTEMPTS, pa.int32(), nullable=False)
VERSIONS = ("1", "2")
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def version(schema: pa.Schema) -> str:
    """Return the version of the results schema that a table says it has, empty for none."""
    said: bytes = (schema.metadata or {}).get(b"repro.schema", b"")
    return said.decode("utf-8", "backslashreplace")


def without_attempts(schema: pa.Schema) -> pa.Schema:
    """Return the schema as it was before."""
    return schema.remove(schema.get_field_index(ATTEMPTS))


def columns(file: pq.ParquetFile, names: Sequence[str]) -> list[str]:
    """Return those of some columns that a file has, and one at least."""
    own = file.schema_arrow.names
    return [name for name in names if name in own] or own[:1]


def with_attempts(some: Rows, names: Sequence[str]) -> Rows:
    """Return the columns of these names of a table, or of a batch of one, the attempts being 1 where it has none."""
    if ATTEMPTS in names and ATTEMPTS not in some.schema.names:
        some = some.append_column(FIELD, arrow(np.ones(some.num_rows, np.int64)).cast(FIELD.type))
    return some.select(list(names))
