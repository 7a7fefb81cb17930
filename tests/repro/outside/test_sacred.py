"""Sacred: real runs with their true values, and what its files may hold."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from tests.repro.support import run_logs


@pytest.fixture(scope="module")
def log(shared: Path) -> Log:
    """The real runs."""
    return formats.read(run_logs.real(shared, "sacred-0.8.7"))


def changed(folder: Path, name: str, **more: object) -> LoggedRun:
    """Return what the small run is read as, with more in one of its files."""
    path = run_logs.write(folder, "sacred") / "1" / name
    path.write_text(json.dumps({**json.loads(path.read_text()), **more}))
    (found,) = formats.read(folder).runs
    return found


class TestRealRuns:
    """What sacred 0.8.7 wrote."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_values_are_true(self, log: Log, seed: int) -> None:
        run = run_logs.by_name(log)[f"runs/{seed}"]
        assert run_logs.values(run, "val_acc") == run_logs.CURVE[seed]
        assert run.curves["val_acc"].steps.tolist() == [0, 1]
        assert run.fields == {"lr": 0.1, "seed": seed}

    def test_the_result_is_a_number_also_where_numpy_s_was_returned(self, log: Log) -> None:
        results = [run_logs.values(run, "result") for run in log.runs[:3]]
        assert results == [[0.906], [0.909], [0.912]]
        assert all(run.curves["result"].after for run in log.runs[:3])

    def test_bare_nan_and_infinity_are_what_they_were(self, log: Log) -> None:
        for run in log.runs:
            first, last = run_logs.values(run, "loss")
            assert math.isnan(first)
            assert last == math.inf

    def test_a_run_that_failed_says_so_and_has_no_result(self, log: Log) -> None:
        run = run_logs.by_name(log)["runs/4"]
        assert (run.state, run.why) == ("failed", "run.json says FAILED: ValueError: stop")
        assert run_logs.values(run, "val_acc") == [0.1]
        assert "result" not in run.curves

    def test_the_version_is_the_one_kept(self, log: Log) -> None:
        assert log.version == "0.8.7"

    def test_any_file_of_a_run_is_that_run(self, shared: Path) -> None:
        folder = run_logs.real(shared, "sacred-0.8.7") / "runs/3"
        for path in (folder, folder / "run.json", folder / "metrics.json", folder / "config.json"):
            assert formats.recognised(path) == "sacred"
            (run,) = formats.read(path).runs
            assert (run.name, run.fields["seed"]) == ("3", 3)


@pytest.mark.parametrize(
    ("status", "state"),
    [("RUNNING", "unfinished"), ("INTERRUPTED", "unfinished"), ("TIMEOUT", "failed"), ("COMPLETED", "finished")],
)
def test_how_a_run_ended_is_what_it_says(status: str, state: str, tmp_path: Path) -> None:
    assert changed(tmp_path, "run.json", status=status).state == state


def test_a_result_of_several_numbers_is_each_of_them(tmp_path: Path) -> None:
    run = changed(
        tmp_path, "run.json", result={"acc": 0.5, "name": "net", "loss": {"dtype": "f8", "py/object": "n", "value": 2}}
    )
    assert {name: run_logs.values(run, name) for name in run.curves if name.startswith("result")} == {
        "result.acc": [0.5],
        "result.loss": [2.0],
    }
    assert run.notes == ("no number, left out: result.name",)


def test_a_step_that_stands_twice_has_two_values(tmp_path: Path) -> None:
    run = changed(tmp_path, "metrics.json", acc={"steps": [0, 0], "timestamps": ["", ""], "values": [0.25, 0.5]})
    assert (run.curves["acc"].steps.tolist(), run_logs.values(run, "acc")) == ([0, 0], [0.25, 0.5])


def test_parameters_are_freed_of_their_wrapping(tmp_path: Path) -> None:
    run = changed(
        tmp_path, "config.json", width={"dtype": "int64", "py/object": "n", "value": 8}, size={"py/tuple": [1, 2]}
    )
    assert run.fields == {"lr": 0.1, "seed": 12, "width": 8, "size": "[1, 2]"}


def test_folders_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9):
        run_logs.write(tmp_path, "sacred").joinpath("1").rename(tmp_path / str(number))
    assert [run.name for run in formats.read(tmp_path).runs] == ["9", "10"]


@pytest.mark.parametrize(
    "metric", [{"steps": [0], "values": []}, {"values": [1]}, [1], {"steps": [0], "values": ["high"]}]
)
def test_metrics_of_another_form_are_refused(metric: object, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"metrics\.json: 'acc' has "):
        changed(tmp_path, "metrics.json", acc=metric)
