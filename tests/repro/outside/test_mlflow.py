"""MLflow's two stores: the same runs from a database and from folders, deleted ones left out, and damaged files."""

from __future__ import annotations

import gzip
import math
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from repro.errors import InfrastructureError, IntegrityError, NothingSelectedError, UsageError
from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from repro.outside.readers import mlflow
from tests.repro.outside.encoded import cuts, read_or_refused

VAL_ACC = {1: [0.871, 0.906], 2: [0.868, 0.909], 3: [0.874, 0.912]}
STORES = ("sqlite", "file-store")


@pytest.fixture
def logs(shared: Path) -> Path:
    folder = shared / "run-logs" / "mlflow-3.17.2"
    if not folder.is_dir():
        pytest.skip("no logs of MLflow among the shared data")
    return folder


@pytest.fixture
def stores(logs: Path, tmp_path: Path) -> dict[str, Path]:
    """Return a copy of each store."""
    (tmp_path / "sqlite").mkdir()
    database = tmp_path / "sqlite" / "mlflow.db"
    database.write_bytes(gzip.decompress((logs / "sqlite" / "mlflow.db.gz").read_bytes()))
    shutil.copytree(logs / "file-store", tmp_path / "file-store", copy_function=shutil.copyfile)
    for folder in (tmp_path / "file-store", *(tmp_path / "file-store").rglob("*/")):
        folder.chmod(0o755)
    return {name: tmp_path / name for name in STORES}


def folder_of(stores: dict[str, Path], name: str) -> Path:
    """Return the folder of a run in the store of folders."""
    (meta,) = (one for one in stores["file-store"].rglob("meta.yaml") if f"run_name: {name}\n" in one.read_text())
    return meta.parent


def named(log: Log, name: str) -> LoggedRun:
    (run,) = (run for run in log.runs if run.name == name)
    return run


@pytest.mark.parametrize("store", STORES)
class TestRealLogs:
    def test_values_and_seeds_are_the_true_ones(self, stores: dict[str, Path], store: str) -> None:
        log = formats.read(stores[store])
        assert [run.name for run in log.runs] == ["seed-1", "seed-2", "seed-3", "broken"] or store == "file-store"
        for seed, true in VAL_ACC.items():
            run = named(log, f"seed-{seed}")
            curve = run.curves["val/acc"]
            assert (curve.values.tolist(), curve.precision, run.state) == (true, 0.0, "finished")
            assert curve.steps is not None
            assert curve.steps.tolist() == [0, 1]
            assert run.fields == {"experiment": "digits", "seed": str(seed)}

    def test_nan_and_infinities_are_what_was_logged(self, stores: dict[str, Path], store: str) -> None:
        first, *others = named(formats.read(stores[store]), "seed-2").curves["loss"].values.tolist()
        assert math.isnan(first)
        assert others == [math.inf, -math.inf]

    def test_values_without_a_step_stand_in_their_order(self, stores: dict[str, Path], store: str) -> None:
        run = named(formats.read(stores[store]), "seed-1")
        curve = run.curves["no_step"]
        assert curve.steps is not None
        assert (curve.values.tolist(), curve.steps.tolist()) == ([0.25, 0.5], [0, 0])
        assert run.notes == ("no_step: 2 values of step 0, in the order of their times; 0 is also no step",)

    def test_a_failed_run_is_named_and_a_deleted_one_left_out(self, stores: dict[str, Path], store: str) -> None:
        log = formats.read(stores[store])
        broken = named(log, "broken")
        assert (broken.state, broken.why) == ("failed", "MLflow says FAILED")
        assert broken.curves["val/acc"].values.tolist() == [0.1]
        assert sorted(run.name for run in log.runs) == ["broken", "seed-1", "seed-2", "seed-3"]
        (left,) = log.left_out
        assert (left.startswith("removed ("), left.endswith(": deleted")) == (True, True)


class TestPlaces:
    def test_a_store_an_experiment_a_run_and_a_database_are_known(self, stores: dict[str, Path]) -> None:
        run = folder_of(stores, "seed-3")
        for path, count in ((run, 1), (run.parent, 4), (run.parent.parent, 4), (stores["sqlite"] / "mlflow.db", 4)):
            log = formats.read(path)
            assert (log.tool, len(log.runs)) == ("MLflow", count)
            assert named(log, "seed-3").curves["val/acc"].values.tolist() == VAL_ACC[3]

    def test_both_stores_in_one_folder_are_asked_for(self, stores: dict[str, Path]) -> None:
        shutil.copy(stores["sqlite"] / "mlflow.db", stores["file-store"])
        with pytest.raises(UsageError, match=r"holds mlflow\.db and runs in folders; name one of the two"):
            mlflow.read(stores["file-store"])

    def test_artifacts_beside_a_database_are_no_second_store(self, stores: dict[str, Path]) -> None:
        (stores["sqlite"] / "mlruns" / "1" / "abc" / "artifacts").mkdir(parents=True)
        assert len(formats.read(stores["sqlite"]).runs) == 4

    def test_an_empty_folder_is_none(self, tmp_path: Path) -> None:
        assert not mlflow.recognises(tmp_path)
        with pytest.raises(NothingSelectedError):
            mlflow.read(tmp_path)

    def test_a_folder_that_cannot_be_listed_is_one_line(
        self, stores: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(folder: Path) -> Iterator[Path]:
            raise PermissionError(13, "Permission denied", str(folder))

        monkeypatch.setattr(Path, "iterdir", refused)
        with pytest.raises(InfrastructureError, match=r"file-store: cannot be listed \(Permission denied\)"):
            mlflow.read(stores["file-store"])

    def test_runs_of_one_name_are_told_apart(self, stores: dict[str, Path]) -> None:
        meta = folder_of(stores, "seed-2") / "meta.yaml"
        meta.write_text(meta.read_text().replace("seed-2", "seed-1"))
        ours = sorted(run.name for run in formats.read(stores["file-store"]).runs if run.name.startswith("seed-1"))
        assert len(ours) == len(set(ours)) == 2
        assert all(name.startswith("seed-1 (") for name in ours)


def changed(stores: dict[str, Path], statement: str) -> Path:
    """Return the database after a statement."""
    path = stores["sqlite"] / "mlflow.db"
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
    return path


class TestDatabase:
    def test_runs_of_a_deleted_experiment_are_left_out(self, stores: dict[str, Path]) -> None:
        log = formats.read(changed(stores, "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'digits'"))
        assert (log.runs, len(log.left_out)) == ((), 5)
        assert log.left_out[0].endswith("deleted with its experiment")

    @pytest.mark.parametrize(("status", "state"), [("RUNNING", "unfinished"), ("KILLED", "failed")])
    def test_a_run_that_did_not_finish_is_none_that_did(self, stores: dict[str, Path], status: str, state: str) -> None:
        path = changed(stores, f"UPDATE runs SET status = '{status}' WHERE name = 'seed-1'")
        run = named(formats.read(path), "seed-1")
        assert (run.state, run.why) == (state, f"MLflow says {status}")

    def test_values_are_in_the_order_of_their_times(self, stores: dict[str, Path]) -> None:
        path = changed(stores, "UPDATE metrics SET timestamp = 1 WHERE value = 0.5 AND \"key\" = 'no_step'")
        assert named(formats.read(path), "seed-1").curves["no_step"].values.tolist() == [0.5, 0.25]

    def test_tags_of_a_user_are_fields_below_parameters(self, stores: dict[str, Path]) -> None:
        run = "(SELECT run_uuid FROM runs WHERE name = 'seed-1')"
        changed(stores, f"INSERT INTO tags VALUES ('seed', '77', {run})")
        path = changed(stores, f"INSERT INTO tags VALUES ('method', 'ours', {run})")
        expected = {"experiment": "digits", "seed": "1", "method": "ours"}
        assert named(formats.read(path), "seed-1").fields == expected

    def test_an_older_schema_is_one_line(self, stores: dict[str, Path]) -> None:
        path = changed(stores, "ALTER TABLE metrics RENAME COLUMN is_nan TO other")
        with pytest.raises(IntegrityError, match=r"no such column: is_nan.*; run `mlflow db upgrade` on a copy"):
            formats.read(path)

    def test_a_value_that_is_no_number_is_one_line(self, stores: dict[str, Path]) -> None:
        path = changed(stores, "UPDATE metrics SET value = 'much' WHERE value = 0.906")
        with pytest.raises(IntegrityError, match="val/acc of seed-1 is 'much' at step 1"):
            formats.read(path)

    def test_cut_short_anywhere_it_is_one_line(self, stores: dict[str, Path]) -> None:
        path = stores["sqlite"] / "mlflow.db"
        for part in cuts(path.read_bytes()):
            path.write_bytes(part)
            said = read_or_refused(lambda: mlflow.read(path))
            assert isinstance(said, str)
            assert "mlflow.db: the database is" in said


class TestFolders:
    def test_a_metric_cut_short_anywhere_is_unfinished_and_gives_its_whole_lines(self, stores: dict[str, Path]) -> None:
        path = folder_of(stores, "seed-1") / "metrics" / "val" / "acc"
        content = path.read_bytes()
        for part in cuts(content)[1:]:
            path.write_bytes(part)
            run = named(formats.read(stores["file-store"]), "seed-1")
            lines = part.count(b"\n")
            assert run.state == ("finished" if part.endswith(b"\n") else "unfinished")
            found = run.curves["val/acc"].values if lines else np.empty(0)
            assert found.tolist() == VAL_ACC[1][:lines]

    def test_a_description_cut_short_anywhere_is_unfinished_or_deleted(self, stores: dict[str, Path]) -> None:
        path = folder_of(stores, "broken") / "meta.yaml"
        identity = path.parent.name
        for part in cuts(path.read_bytes()):
            path.write_bytes(part)
            (run,) = (run for run in formats.read(stores["file-store"]).runs if run.origin == identity)
            assert run.state in ("unfinished", "failed")
            assert run.curves["val/acc"].values.tolist() == [0.1]

    def test_a_description_of_a_deleted_run_cut_short_never_makes_it_a_result(self, stores: dict[str, Path]) -> None:
        path = folder_of(stores, "removed") / "meta.yaml"
        identity = path.parent.name
        for part in cuts(path.read_bytes()):
            path.write_bytes(part)
            states = [run.state for run in formats.read(stores["file-store"]).runs if run.origin == identity]
            assert states in ([], ["unfinished"])

    def test_a_line_that_is_none_of_a_metric_is_named(self, stores: dict[str, Path]) -> None:
        path = folder_of(stores, "seed-1") / "metrics" / "val" / "acc"
        path.write_text(path.read_text() + "1795865530457 much 2\n")
        run = named(formats.read(stores["file-store"]), "seed-1")
        assert run.state == "unfinished"
        assert run.why == "val/acc has the line '1795865530457 much 2', which is none of a metric"

    def test_lines_of_before_steps_have_step_0(self, stores: dict[str, Path]) -> None:
        path = folder_of(stores, "seed-1") / "metrics" / "old"
        path.write_text("1000 0.5\n")
        curve = named(formats.read(stores["file-store"]), "seed-1").curves["old"]
        assert curve.steps is not None
        assert (curve.values.tolist(), curve.steps.tolist()) == ([0.5], [0])

    def test_an_experiment_in_the_trash_is_named(self, stores: dict[str, Path]) -> None:
        store = stores["file-store"] / "mlruns"
        (store / ".trash").mkdir()
        folder_of(stores, "seed-1").parent.rename(store / ".trash" / "735")
        assert formats.read(store, "mlflow").left_out == ("735 in .trash: an experiment that was deleted",)
