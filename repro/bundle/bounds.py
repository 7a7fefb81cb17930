"""How large what a bundle holds may be: bytes, rows, depth. Looked at before anything is read for what it says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from repro.bundle.attest import SIGNATURE
from repro.errors import IntegrityError
from repro.runs import table

TEXT_BYTES = 5_000_000  # of a file that is no table: read as JSON or TOML it takes thirty times as much memory
SIGNATURE_BYTES = 10_000
DEPTH = 40  # of lists and tables within one another; ours have 5
ROWS = 200_000
COLUMN_BYTES = 64 * 2**20  # of one column of a table, unpacked
TAIL_BYTES = 8  # of a Parquet file: the size of its footer and a mark
# A text, whether it ends or not, so that no byte is read twice; or a bracket.
TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def weigh(files: Mapping[str, bytes]) -> None:
    """Raise IntegrityError where a file has more bytes than its kind may have, or JSON is too deep."""
    for name, content in files.items():
        limit = SIGNATURE_BYTES if name == SIGNATURE else TEXT_BYTES
        if not name.endswith(".parquet") and len(content) > limit:
            raise IntegrityError(f"{name}: has more than {limit} bytes")
        if name.endswith((".json", ".jsonl")):
            refuse_depth(content, name)


def refuse_depth(content: bytes, name: str) -> None:
    """Raise IntegrityError for JSON whose brackets stand more than `DEPTH` deep."""
    if content.count(b"[") + content.count(b"{") <= DEPTH:
        return
    depth = 0
    for token in TOKENS.finditer(content):
        sign = token[0]
        depth += (sign in b"[{") - (sign in b"]}") if len(sign) == 1 and sign != b'"' else 0
        if depth > DEPTH:
            raise IntegrityError(f"{name}: is more than {DEPTH} levels deep")


def bounded(path: Path) -> Path:
    """Return the path of a table that is none too large, as its own footer has it. Raise IntegrityError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - TAIL_BYTES, 0))
        footer = int.from_bytes(file.read(4), "little")
    if TEXT_BYTES < footer <= size:
        raise IntegrityError(f"{path}: its footer has more than {TEXT_BYTES} bytes")
    with table.opened(path, "Parquet table") as opened:
        shape, said = opened.metadata, opened.schema_arrow.metadata or {}
    if not 0 <= shape.num_rows <= ROWS:
        raise IntegrityError(f"{path}: has {shape.num_rows} rows, wanted {ROWS} at most")
    for column in range(shape.num_columns):
        chunks = [shape.row_group(group).column(column) for group in range(shape.num_row_groups)]
        sizes = [size for chunk in chunks for size in (chunk.total_uncompressed_size, chunk.total_compressed_size)]
        if min(sizes, default=0) < 0 or sum(sizes[::2]) > COLUMN_BYTES:
            raise IntegrityError(f"{path}: column {chunks[0].path_in_schema} unpacks to more than {COLUMN_BYTES} bytes")
    for key, value in said.items():
        if key.startswith(b"repro."):
            refuse_depth(value, f"{path}: {key.decode('ascii', 'replace')}")
    return path
