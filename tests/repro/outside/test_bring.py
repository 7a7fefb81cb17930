"""From a file to imported rows: one row for each metric of each run, in our units, with where it stands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repro import registry
from repro.errors import UsageError
from repro.outside import mapped
from repro.outside.ask import Ask
from repro.outside.bring import Brought, bring
from tests.repro.outside.test_mapped import toy
from tests.repro.support.run_logs import real

NOW = datetime(2026, 11, 29, tzinfo=UTC)
CURVES = "method,rate,seed,epoch,accuracy\n" + "".join(
    f"{method},0.1,{seed},{epoch},{0.9 + epoch / 100 + seed / 1000}\n"
    for method in ("ours", "base") for seed in (0, 1) for epoch in (0, 1)
)  # fmt: skip


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(registry, "root", lambda: tmp_path)
    path = tmp_path / "runs.csv"
    path.write_text(CURVES)
    return path


def brought(path: Path, asked: dict[str, Any] | None = None, **changed: Any) -> Brought:
    given: dict[str, Any] = {"metrics": {}, "said": {}, "names": {}, "units": {"accuracy": "1"}, **changed}
    target = mapped.target(toy(), "paper", "", **given)
    return bring(target, path, Ask("", **(asked or {})), command="repro import", now=NOW)


def test_each_run_is_a_row_in_our_unit_with_its_place(file: Path) -> None:
    found = brought(file, {"epoch": "last"}).rows
    assert sorted((row.case[:16], row.seed, row.value) for row in found) == [
        ('{"method":"base"', "0", 91.0), ('{"method":"base"', "1", 91.1),
        ('{"method":"ours"', "0", 91.0), ('{"method":"ours"', "1", 91.1),
    ]  # fmt: skip
    assert {(row.unit, row.status, row.tool, row.file) for row in found} == {("%", "ok", "csv", "runs.csv")}
    assert found[0].origin == "rows 1 to 2"


def test_what_is_ambiguous_is_asked_for(file: Path) -> None:
    with pytest.raises(UsageError, match="say which by --epoch last"):
        brought(file)


def test_only_runs_that_are_asked_for_need_a_case(file: Path) -> None:
    file.write_text(f"{CURVES}theirs,0.1,0,1,0.5\n")
    with pytest.raises(UsageError, match="method=theirs, which no case of 'train' has"):
        brought(file, {"epoch": "last"})
    assert len(brought(file, {"epoch": "last", "where": {"method": ["ours", "base"]}}).rows) == 4


def test_fractions_among_percent_are_refused(file: Path) -> None:
    file.write_text("method,rate,seed,accuracy\nours,0.1,0,0.91\nours,0.1,1,91.1\n")
    said = "accuracy is 0.91 in row 1 and 91.1 in row 2"
    for units in ({}, {"accuracy": "1"}):
        with pytest.raises(UsageError, match=f"{said}: fractions .*, or say --unit accuracy=% if they are in one"):
            brought(file, units=units)
    settled = brought(file, units={"accuracy": "percent"})  # a network of 100 classes that learned nothing has 1 %
    assert [row.value for row in settled.rows] == [0.91, 91.1]
    assert f"{said}: both were read as they are, by the unit that was stated" in settled.notes
    file.write_text(file.read_text().replace("ours,0.1,1", "base,0.1,1"))
    with pytest.raises(UsageError, match="fractions and percent are mixed"):
        brought(file, units={})
    assert len(brought(file, units={"accuracy": "%"}).rows) == 2


def test_a_row_s_number_is_no_seed(file: Path) -> None:
    file.write_text("method,rate,accuracy\nours,0.1,0.91\nours,0.1,0.92\n")
    with pytest.raises(UsageError, match="say --seed-from name"):
        brought(file)
    assert [row.seed for row in brought(file, {"seed_from": "name"}).rows] == [None, None]


def test_runs_across_a_field_are_told_apart_by_it(file: Path) -> None:
    file.write_text("method,rate,seed,fold,accuracy\nours,0.1,0,1,0.91\nours,0.1,0,2,0.92\n")
    assert [row.seed for row in brought(file, {"across": ("fold",)}).rows] == ["0, 1", "0, 2"]


def test_a_reading_is_tied_to_its_file(file: Path) -> None:
    found = brought(file, {"epoch": "last"})
    assert set(found.reading.files) == {"runs.csv"}
    assert {row.digest for row in found.rows} == {*found.reading.files.values()}
    assert {row.reading for row in found.rows} == {found.reading.name}


def test_a_seed_in_a_second_file_of_a_real_log_counts(file: Path, shared: Path) -> None:
    found = brought(
        real(shared, "lightning-2.6.6"), {"epoch": "last"}, metrics={"accuracy": "val_acc"},
        said={"method": "ours", "rate": "0.1"},
    )  # fmt: skip
    assert [row.seed for row in found.rows] == ["1", "2", "3"]
    assert {row.precision for row in found.rows} == {2.0**-23}
    assert [row.value for row in found.rows] == pytest.approx([90.6, 90.9, 91.2], rel=2.0**-22)
    names = {Path(name).name for name in found.reading.files}
    assert names == {"metrics.csv", "hparams.yaml"}
    assert len(found.reading.files) == 6
