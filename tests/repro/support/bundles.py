"""A project with a blessed golden and results of one more replicate, and what `repro verify` says of a bundle of it."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from repro.audit.blessed import bless_audit
from repro.bundle import attest
from repro.bundle.pack import RESULTS, archive
from repro.cli.main import main
from repro.golden import stored
from repro.golden.bless import bless
from repro.runs import provenance, table
from tests.repro.support.synthetic import invented, rows_of, write

GOLDEN = "golden/invented/smoke.parquet"
BANDS = "golden/invented/smoke.bands.parquet"
CLAIMS = "studies/invented/claims.toml"
LOG = "golden/log.jsonl"
LOCK = b"torch==1.0 --hash=sha256:00\n"
CLAIM = """[[claim]]
id = "one"
where = "p. 1"
kind = "value"
statement = "It is one."
published = "1"
reason = "opinion"
"""
Files = dict[str, bytes]


def with_record(rows: list[dict[str, Any]]) -> pa.Table:
    """Rows with a record of where they were made, as a run leaves it."""
    lock = {"sha256": attest.sha256(LOCK), "pinned": True, "unpinned_because": ""}
    record = {"device": "cpu", "image": None, "engine": None, "lock": lock}
    name = provenance.environment_id(record)
    return table.build([{**row, "environment": name} for row in rows], {name: record})


def make_project(root: Path) -> Path:
    """A project with a blessed golden, blessed verdicts, and the results of one more replicate."""
    study = invented()
    everything = write(root / "all.parquet", rows_of(study, range(10)))
    bless(everything, stored.path_of(root, "invented", "smoke"), study, "smoke", reason="first", root=root)
    record = {"study": "invented", "id": "one", "published": ["1"], "verdict": "not testable"}
    bless_audit(root, [record], reason="first", studies=["invented"])
    table.write(root / RESULTS, with_record(rows_of(study, range(10, 11))))
    for name, content in ((CLAIMS, CLAIM.encode()), ("containers/lock/cuda.txt", LOCK), ("LICENSE", b"free")):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def refusal(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The one line with which `repro verify` refuses these files."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files))
    assert main(["verify", str(path), *options]) == 6
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"repro verify: {path}: refused: ")
    assert said.err.count("\n") == 1
    hidden = said.err.replace(str(tmp_path), "")
    assert "/tmp" not in hidden  # where it was unpacked means nothing to a reader
    return said.err
