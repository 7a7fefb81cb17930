"""Imported rows: a table of their own, tied to the files that they were read from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from repro import registry
from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.machine.files import there
from repro.outside import bring, imported, sources
from repro.outside.bring import Brought
from repro.outside.imported import ImportedRow, Imports, Reading
from repro.outside.logged import Log, LoggedRun
from repro.runs import table

NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project's folder with a log in it, in the user's home."""
    home = tmp_path / "home"
    folder = home / "project"
    folder.mkdir(parents=True)
    monkeypatch.setattr(registry, "root", lambda: folder)
    monkeypatch.setenv("HOME", str(home))
    (folder / "runs.csv").write_text("seed,accuracy\n0,93.1\n")
    return folder


def reading(path: Path, command: str = "repro import runs.csv") -> Reading:
    _, files = sources.followed(path, lambda: Log("csv", (LoggedRun("row 1", path, {}, {}),)))
    return Reading(command, files)


def row(read: Reading, seed: str | None = "0", **changed: object) -> ImportedRow:
    name, digest = next(iter(read.files.items()))
    made = ImportedRow(
        "toy", "paper", "train", '{"method":"ours"}', "accuracy", "%", 93.1, "ok", "", seed, "row 1", "csv", "",
        "accuracy", name, digest, f"row {seed}", 0.0, read.name, NOW,
    )  # fmt: skip
    return made._replace(**changed)  # type: ignore[arg-type]


class TestTable:
    """What is written is read again, and nothing that is damaged."""

    def test_rows_come_back_with_their_readings(self, project: Path) -> None:
        read = reading(project / "runs.csv")
        rows = (row(read, "0"), row(read, None, value=None, status="failed", detail="out of memory"))
        path = imported.path_of("toy", "paper")
        imported.write(path, Imports(rows, {read.name: read, "unused": read}))
        found = imported.read(path)
        assert set(found.rows) == set(rows)
        assert found.readings == {read.name: read}
        assert path.name == "paper.imported.parquet"

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"value": None}, "says ok and holds None"),
            ({"value": float("nan")}, "says ok and holds nan"),
            ({"status": "failed"}, "says failed and holds 93.1"),
            ({"status": "fine"}, "unknown status 'fine'"),
            ({"reading": "other"}, "of which there is no record"),
            ({"tool": None}, "has no 'tool'"),
        ],
    )
    def test_a_row_that_cannot_be_is_never_written(self, project: Path, changed: dict[str, Any], words: str) -> None:
        read = reading(project / "runs.csv")
        with pytest.raises(IntegrityError, match=words):
            imported.write(project / "t.parquet", Imports((row(read, **changed),), {read.name: read}))
        assert not there(project / "t.parquet")

    def test_an_edited_value_is_seen(self, project: Path) -> None:
        read, path = reading(project / "runs.csv"), project / "t.parquet"
        imported.write(path, Imports((row(read),), {read.name: read}))
        held = pq.read_table(path)
        column = held.schema.get_field_index("value")
        pq.write_table(held.set_column(column, held.schema.field("value"), [[99.9]]), path)
        with pytest.raises(IntegrityError, match="its rows are not what was written"):
            imported.read(path)

    def test_no_table_of_runs_is_one_of_imports_and_the_other_way_round(self, project: Path) -> None:
        read, path = reading(project / "runs.csv"), project / "t.parquet"
        imported.write(path, Imports((row(read),), {read.name: read}))
        with pytest.raises(UsageError, match="holds imported rows, which were not run by us"):
            table.read(path)
        table.write(path, table.build([], {}))
        with pytest.raises(IntegrityError, match="no table of imported rows"):
            imported.read(path)
        with pytest.raises(NothingSelectedError, match="`repro import` makes one"):
            imported.read(project / "none.parquet")

    def test_a_missing_table_of_runs_names_the_imports_beside_it(self, project: Path) -> None:
        read = reading(project / "runs.csv")
        imported.write(project / "paper.imported.parquet", Imports((row(read),), {read.name: read}))
        with pytest.raises(NothingSelectedError, match="which are no runs of ours"):
            table.read(project / "paper.parquet")


class TestSources:
    """Rows are outdated once a file that was read for them has changed, and files are named without the user."""

    def test_names_say_nothing_of_the_user(self, project: Path) -> None:
        assert sources.named(project / "runs.csv") == "runs.csv"
        assert sources.named(project.parent / "logs" / "a") == "~/logs/a"
        for name in ("runs.csv", "~/logs/a", "/elsewhere/a"):
            assert sources.named(sources.located(name)) == name

    def test_a_file_that_changed_or_went_is_seen(self, project: Path) -> None:
        read = reading(project / "runs.csv")
        held = Imports((row(read),), {read.name: read})
        assert held.outdated() == {}
        (project / "runs.csv").write_text("seed,accuracy\n0,93.2\n")
        assert held.outdated() == {read.name: "runs.csv has changed"}
        (project / "runs.csv").unlink()
        assert held.outdated() == {read.name: "runs.csv is gone"}

    def test_so_is_a_second_file_in_which_the_seed_stands(self, project: Path) -> None:
        (project / "logs").mkdir()
        for name in ("metrics.csv", "hparams.yaml", "unread.txt"):
            (project / "logs" / name).write_text("0")

        def read() -> Log:
            (project / "logs" / "hparams.yaml").read_text()
            return Log("toy", (LoggedRun("a", project / "logs" / "metrics.csv", {}, {}),))

        _, files = sources.followed(project / "logs", read)
        assert set(files) == {"logs/metrics.csv", "logs/hparams.yaml"}
        (project / "logs" / "hparams.yaml").write_text("1")
        assert sources.changed(files) == "logs/hparams.yaml has changed"

    def test_of_a_folder_that_compiled_code_reads_every_file_counts(self, project: Path) -> None:
        (project / "runs").mkdir()
        (project / "runs" / "a.parquet").write_bytes(b"0")
        _, files = sources.followed(project / "runs", lambda: Log("t", (LoggedRun("a", project / "runs", {}, {}),)))
        assert set(files) == {"runs/a.parquet"}


class TestJoining:
    """A file's rows take the place of its own, and two files never count one run twice."""

    def test_the_same_file_again_replaces_its_rows(self, project: Path) -> None:
        read = reading(project / "runs.csv")
        before = Imports((row(read), row(read, metric="loss")), {read.name: read})
        (project / "runs.csv").write_text("seed,accuracy\n0,93.2\n")
        now = reading(project / "runs.csv")
        after = bring.joined(before, Brought((row(now, value=93.2),), now))
        assert [(one.metric, one.value) for one in after.rows] == [("accuracy", 93.2)]  # the outdated loss is gone, too

    def test_what_it_said_of_another_metric_or_case_stays(self, project: Path) -> None:
        read = reading(project / "runs.csv")
        other = row(read, case='{"method":"base"}')
        before = Imports((row(read, metric="loss"), other), {read.name: read})
        after = bring.joined(before, Brought((row(read),), read))
        assert set(after.rows) == {row(read), row(read, metric="loss"), other}

    def test_one_seed_in_two_files_is_refused_unless_one_is_named(self, project: Path) -> None:
        (project / "more.csv").write_text("seed,accuracy\n0,90.0\n1,91.0\n")
        one, other = reading(project / "runs.csv"), reading(project / "more.csv")
        before = Imports((row(one),), {one.name: one})
        brought = Brought((row(other, value=90.0), row(other, "1", value=91.0)), other)
        with pytest.raises(UsageError, match=r"runs.csv and more.csv both have a run of seed 0.* --duplicate"):
            bring.joined(before, brought)
        assert {row.value for row in bring.joined(before, brought, keep="first").rows} == {93.1, 91.0}
        assert {row.value for row in bring.joined(before, brought, keep="last").rows} == {90.0, 91.0}

    def test_a_copy_of_a_file_without_seeds_is_no_second_sample(self, project: Path) -> None:
        (project / "copy.csv").write_bytes((project / "runs.csv").read_bytes())
        one, other = reading(project / "runs.csv"), reading(project / "copy.csv")
        with pytest.raises(UsageError, match="both have a run of one content"):
            bring.joined(Imports((row(one, None),), {one.name: one}), Brought((row(other, None),), other))
