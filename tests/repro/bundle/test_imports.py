"""Imported rows in a bundle: packed as what they are, said by the crate and to the reader, refused where they lie."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repro.bundle import attest
from repro.bundle.pack import IMPORTED, archive, files_of
from repro.cli.main import main
from repro.errors import CannotCompareError
from repro.outside import imported
from repro.outside.imported import ImportedRow, Imports, Reading
from repro.runs import table, unchanged
from tests.repro.support.bundles import Files, refusal, with_record
from tests.repro.support.synthetic import invented, rows_of

pytestmark = pytest.mark.usefixtures("within")


def write(path: Path, source: Path, **changed: Any) -> None:
    """Write an imported row that was read from a file."""
    digest = unchanged.file(str(source))
    reading = Reading(f"repro import {source} --study invented", {str(source): digest})
    row = ImportedRow(
        "invented", "smoke", "any", "{}", "accuracy", "%", 93.1, "ok", "", "0", "row 1", "mlflow", "3.1", "acc",
        "runs.csv", digest, "row 1", 0.0, reading.name, datetime(2026, 11, 29, tzinfo=UTC),
    )._replace(**changed)  # fmt: skip
    imported.write(path, Imports((row,), {reading.name: reading}))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "theirs.csv"
    path.write_text("seed,acc\n0,93.1\n")
    return path


@pytest.fixture
def files(bundled: Path, tmp_path: Path, source: Path) -> Files:
    """The files of a bundle of results that have imported rows beside them."""
    table.write(tmp_path / "r.parquet", with_record(rows_of(invented(), range(10, 11))))
    write(tmp_path / "r.imported.parquet", source)
    return files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")


def test_they_are_packed_and_said(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files))
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert "imported     1 rows imported, not run by us, taken at their word: 1 from runs.csv by mlflow 3.1" in said
    assert "PASSED, made again: 13 agrees" in said
    assert b"Beside them 1 rows imported, not run by us: 1 by mlflow 3.1." in files[attest.CRATE]
    assert f'"name": "{IMPORTED}"'.encode() in files[attest.STATEMENT]


def test_rows_whose_file_has_changed_are_not_packed(files: Files, bundled: Path, tmp_path: Path, source: Path) -> None:
    source.write_text("seed,acc\n0,99.9\n")
    with pytest.raises(CannotCompareError, match=r"theirs\.csv has changed since it was read: `repro import "):
        files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"study": "other"}, "wanted rows of invented/smoke alone"),
        ({"tool": "a\nb"}, "'tool' of run 'row 1' is not what"),
    ],
)
def test_a_forged_table_is_refused(
    files: Files, tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], words: str
) -> None:
    write(tmp_path / "forged.parquet", source, **changed)
    forged = {**files, IMPORTED: (tmp_path / "forged.parquet").read_bytes()}
    subjects = {name: content for name, content in forged.items() if name not in attest.UNHASHED}
    check = attest.load(files["check.json"], "check.json")
    inputs = [one["name"] for one in attest.load(files[attest.STATEMENT], "")["predicate"]["configuration"]]
    forged[attest.STATEMENT] = attest.statement(subjects, check, inputs)
    assert words in refusal(forged, tmp_path, capsys)
