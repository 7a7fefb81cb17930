"""A damaged file is refused by its one reader: exit 6, which file, what was expected, and a step that works."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.audit import claims
from repro.errors import IntegrityError, ReproError, UsageError
from repro.golden import log, stored
from repro.machine import cache
from repro.runs import table
from tests.repro.support.checking import fresh
from tests.repro.support.synthetic import build

WHOLE = build(fresh())
DEEP = b"[" * 100_000
Damage = Callable[[Path], None]


def about(name: bytes, content: bytes) -> Damage:
    """Return what puts other metadata in a table."""

    def damage(path: Path) -> None:
        metadata = {**WHOLE.schema.metadata, name: content}
        pq.write_table(table.sealed(WHOLE.replace_schema_metadata(metadata)), path)

    return damage


def column(name: str, values: Callable[[pa.ChunkedArray], pa.Array]) -> Damage:
    """Return what puts other values in a column of a table."""

    def damage(path: Path) -> None:
        place = WHOLE.column_names.index(name)
        pq.write_table(WHOLE.set_column(place, WHOLE.schema.field(name), values(WHOLE[name])), path)

    return damage


def not_text(values: pa.ChunkedArray) -> pa.Array:
    return pa.array([b"\xff\xfe"] * len(values), pa.binary()).view(pa.string())


DAMAGES: dict[str, Damage] = {
    "environments no JSON": about(b"repro.environments", b"{"),
    "environments no UTF-8": about(b"repro.environments", b"\xff"),
    "environments null": about(b"repro.environments", b"null"),
    "environments a list": about(b"repro.environments", b"[]"),
    "environments of texts": about(b"repro.environments", json.dumps({"here": "text"}).encode()),
    "environments of numbers": about(b"repro.environments", json.dumps({"here": 3}).encode()),
    "packages a list": about(b"repro.environments", json.dumps({"here": {"packages": []}}).encode()),
    "torch a list": about(b"repro.environments", json.dumps({"here": {"torch": ["AVX2"]}}).encode()),
    "environments deep": about(b"repro.environments", DEEP),
    "schema no UTF-8": about(b"repro.schema", b"\xff"),
    "column twice": lambda path: pq.write_table(WHOLE.append_column("value", WHOLE["value"]), path),
    "case no UTF-8": column("case", not_text),
    "detail no UTF-8": column("detail", not_text),
    "no time": column("finished", lambda values: pa.array([2**62] * len(values), pa.timestamp("us", tz="UTC"))),
    "truncated": lambda path: path.write_bytes(b"PAR1 and no end") and None,
    "empty": lambda path: path.write_bytes(b"") and None,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "loop of links": lambda path: path.symlink_to(path),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_table_is_refused_with_a_step_that_works(tmp_path: Path, name: str) -> None:
    path = tmp_path / "smoke.parquet"
    DAMAGES[name](path)
    with pytest.raises(IntegrityError, match=r"smoke\.parquet: .*mv FILE FILE.broken") as caught:
        table.read(path)
    assert "\n" not in str(caught.value)


def test_a_table_of_another_writer_is_taken_as_ours(tmp_path: Path) -> None:
    """Any pandas, polars or duckdb calls all columns nullable; the runs that are made next are joined to it."""
    fields = [field.with_nullable(True) for field in WHOLE.schema]
    loose = pa.Table.from_arrays(WHOLE.columns, schema=pa.schema(fields, WHOLE.schema.metadata))
    pq.write_table(table.sealed(loose), path := tmp_path / "smoke.parquet")
    assert table.read(path).schema.equals(table.SCHEMA)
    assert table.concatenate([table.read(path), WHOLE]).num_rows == 2 * WHOLE.num_rows


@pytest.mark.parametrize("record", [b"{", b"[]", b"3", b"\xff", DEEP], ids=["torn", "list", "number", "bytes", "deep"])
def test_a_golden_whose_record_is_none_is_refused(tmp_path: Path, record: bytes) -> None:
    path = tmp_path / "smoke.parquet"
    about(b"repro.golden", record)(path)
    about(b"repro.golden", record)(stored.bands_path(path))
    for reader in (stored.load, stored.read_record):
        with pytest.raises(IntegrityError, match=r"smoke\.parquet: its metadata 'repro.golden'"):
            reader(path)
    with pytest.raises(IntegrityError, match=r"bands\.parquet: its metadata 'repro.golden'"):
        stored.read_bands(stored.bands_path(path))


@pytest.mark.parametrize("line", [DEEP, b'{"number":1e999}', b"3", b"\xff"], ids=["deep", "endless", "number", "bytes"])
def test_a_damaged_log_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(IntegrityError, match=r"log\.jsonl:1: no entry of this log"):
        log.read(path)


def test_a_folder_in_the_place_of_log_or_twin_is_refused(tmp_path: Path) -> None:
    for reader in (log.read, log.hash_of):
        with pytest.raises(IntegrityError, match="a folder, wanted a"):
            reader(tmp_path)


CLAIM = '[[claim]]\nid = "a"\nwhere = "p"\nkind = "bound"\nstatement = "s"\npublished = "1"\nreason = "opinion"\n'
WRONG_CLAIMS: dict[str, tuple[str | bytes, type[ReproError], str]] = {
    "number": ("claim = 1\n", UsageError, r"wanted \[\[claim\]\] tables"),
    "numbers": ("claim = [1, 2]\n", UsageError, r"wanted \[\[claim\]\] tables"),
    "depends number": (f"{CLAIM}depends = 3\n", UsageError, "'depends' is 3, wanted a list of ids"),
    "depends text": (f'{CLAIM}depends = "a"\n', UsageError, "'depends' is 'a', wanted a list of ids"),
    "depends on itself": (f'{CLAIM}depends = ["a"]\n', UsageError, "claim 'a' depends on itself"),
    "depends lists": (f'{CLAIM}depends = [["a"]]\n', UsageError, "'depends' is"),
    "other tables": (f'{CLAIM}[[claims]]\nid = "b"\n', UsageError, "'claims' beside them"),
    "endless margin": (f"{CLAIM}margin = inf\n", UsageError, "'margin' is inf"),
    "no number": (f"{CLAIM}margin = nan\n", UsageError, "'margin' is nan"),
    "unseen": (f'{CLAIM}note = "a\\n::error::b"\n', UsageError, "where a character cannot be seen"),
    "shares of runs": (f"{CLAIM}runs = 5.0\n", UsageError, "'runs' is 5.0, wanted a number above 0, a whole one"),
    "huge": (f"{CLAIM}runs = 1{'0' * 5000}\n", IntegrityError, "not readable as TOML"),
    "deep": (f"{CLAIM}depends = {'[' * 10_000}\n", IntegrityError, "not readable as TOML"),
    "bytes": (b"\xff\xfe", IntegrityError, "not UTF-8 at byte 0"),
}


@pytest.mark.parametrize("header", ["[[claim]]  # Table 1", "[[ claim ]]", "  [[claim]]"])
def test_a_claim_is_found_however_its_table_is_headed(tmp_path: Path, header: str) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(f"\n{CLAIM.replace('[[claim]]', header)}")
    (claim,) = claims.load(path, "s", {})
    assert (claim.id, claim.line) == ("a", 2)


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_wrong_claims_are_refused(tmp_path: Path, name: str) -> None:
    content, kind, said = WRONG_CLAIMS[name]
    path = tmp_path / "claims.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(kind, match=said):
        claims.load(path, "s", {"threshold": None})


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)], ids=["folder", "pipe", "loop"]
)
def test_what_is_no_file_of_claims_is_not_opened(tmp_path: Path, make: Damage) -> None:
    make(path := tmp_path / "claims.toml")
    with pytest.raises(IntegrityError, match="wanted a file of claims"):
        claims.load(path, "s", {})


def test_damaged_files_of_the_cache_are_refused(tmp_path: Path) -> None:
    import io
    import zipfile

    import numpy as np

    path = tmp_path / "set.npz"
    plain = io.BytesIO()
    np.save(plain, np.zeros(3))
    short = io.BytesIO()
    with zipfile.ZipFile(short, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8',")
    for content in (plain.getvalue(), short.getvalue(), b"", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(IntegrityError, match="that does not read"):
            cache.read(path)
