"""Hydra: a real sweep with its true values, and what jobs may leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.outside import formats
from repro.outside.logged import Log
from tests.repro.support import run_logs


@pytest.fixture(scope="module")
def log(shared: Path) -> Log:
    """The real sweep."""
    return formats.read(run_logs.real(shared, "hydra-1.3.8"))


def job(folder: Path, config: str = "seed: 1\n", **files: str) -> Path:
    """Write a job: its configuration, and files whose names have `_` for the dot."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra/config.yaml").write_text(config)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content)
    return folder


class TestRealSweep:
    """What hydra-core 1.3.8 and the jobs wrote."""

    def test_every_job_has_its_true_values(self, log: Log) -> None:
        done = [run for run in log.runs if run.state == "finished"]
        assert len(done) == 5
        for run in done:
            assert run_logs.values(run, "val_acc") == run_logs.CURVE[run.fields["seed"]]
            assert run.curves["val_acc"].epochs.tolist() == [0.0, 1.0]

    def test_all_of_a_job_s_configuration_is_read(self, log: Log) -> None:
        assert [(run.fields["seed"], run.fields["lr"]) for run in log.runs] == [
            (seed, lr) for seed in (1, 2, 3) for lr in (0.1, 0.2)
        ]

    def test_the_job_that_failed_is_there_and_failed(self, log: Log) -> None:
        run = log.runs[3]
        assert (run.state, run.fields, dict(run.curves)) == ("failed", {"seed": 2, "lr": 0.2}, {})
        assert run.why.startswith("no file of metrics (metrics.json) in its folder")

    def test_the_version_is_the_one_kept(self, log: Log) -> None:
        assert log.version == "1.3.8"

    def test_a_sweep_and_a_job_are_logs_too(self, shared: Path) -> None:
        sweep = run_logs.real(shared, "hydra-1.3.8") / "multirun/2026-11-28/11-33-36"
        assert [run.name for run in formats.read(sweep).runs] == ["0", "1", "2", "3", "4", "5"]
        for path in (sweep / "4", sweep / "4/metrics.json"):
            assert formats.recognised(path) == "hydra"
            (run,) = formats.read(path).runs
            assert (run.name, run.fields["seed"]) == ("4", 3)


def test_jobs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        job(tmp_path / str(number), metrics_json='{"acc": 0.5}')
    assert [run.name for run in formats.read(tmp_path).runs] == ["1", "2", "10"]


@pytest.mark.parametrize(
    ("files", "values", "after"),
    [
        ({"metrics_json": '{"acc": 0.5, "test": {"f1": 0.25}}'}, {"acc": [0.5], "test.f1": [0.25]}, True),
        ({"metrics_json": '{"acc": [0.5, 0.75]}'}, {"acc": [0.5, 0.75]}, False),
        ({"metrics_json": '{"epoch": 3, "acc": NaN}'}, {"acc": [float("nan")]}, False),
        ({"metrics_jsonl": '{"step": 1, "acc": 0.5}\n{"step": 2, "acc": 0.75}\n'}, {"acc": [0.5, 0.75]}, False),
        ({"results_csv": "epoch,acc,loss\n0,0.5,\n1,0.75,2\n"}, {"acc": [0.5, 0.75], "loss": [2.0]}, False),
        ({"metrics_csv": "acc\n0.5\n"}, {"acc": [0.5]}, True),
    ],
)
def test_a_job_may_write_its_metrics_in_several_ways(
    files: dict[str, str], values: dict[str, list[float]], after: bool, tmp_path: Path
) -> None:
    job(tmp_path / "0", **files)
    (run,) = formats.read(tmp_path, "hydra").runs
    found = {name: curve.values.tolist() for name, curve in run.curves.items()}
    assert json.dumps(found) == json.dumps(values)
    assert {curve.after for curve in run.curves.values()} == {after}


def test_lightning_s_log_below_a_job_has_the_job_s_configuration(tmp_path: Path) -> None:
    folder = job(tmp_path / "0", config="seed: 7\n") / "csv/version_0"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,step,val_acc\n0,1,0.5\n")
    with pytest.raises(UsageError, match=r"several formats know it \(lightning, hydra\); name one by --format"):
        formats.recognised(tmp_path)
    (run,) = formats.read(tmp_path, "hydra").runs
    assert (run.fields, run_logs.values(run, "val_acc")) == ({"seed": 7}, [0.5])
    assert run.curves["val_acc"].precision == 2.0**-23


def test_jobs_without_metrics_are_asked_for(tmp_path: Path) -> None:
    job(tmp_path / "0")
    with pytest.raises(NothingSelectedError, match=r"none of 1 jobs has a file of metrics \(metrics\.json, "):
        formats.read(tmp_path)


def test_several_files_of_metrics_are_asked_for(tmp_path: Path) -> None:
    job(tmp_path / "0", metrics_json="{}", results_csv="acc\n")
    with pytest.raises(UsageError, match=r"several files of metrics \(metrics\.json, results\.csv\)"):
        formats.read(tmp_path)


def test_a_job_whose_configuration_is_gone_is_said(tmp_path: Path) -> None:
    (job(tmp_path / "0", metrics_json='{"acc": 0.5}') / ".hydra/config.yaml").unlink()
    (run,) = formats.read(tmp_path).runs
    assert run.notes == ("no .hydra/config.yaml: its parameters are unknown",)


def test_a_torn_line_is_left_out_and_the_job_unfinished(tmp_path: Path) -> None:
    job(tmp_path / "0", metrics_jsonl='{"step": 1, "acc": 0.5}\n{"step": 2, "ac')
    (run,) = formats.read(tmp_path).runs
    assert (run.state, run_logs.values(run, "acc")) == ("unfinished", [0.5])


@pytest.mark.parametrize("metrics", ["[1, 2]", '"acc"', '{"acc": [1, 2], "loss": [1]}'])
def test_metrics_of_another_form_are_refused(metrics: str, tmp_path: Path) -> None:
    job(tmp_path / "0", metrics_json=metrics)
    with pytest.raises(IntegrityError, match=r"metrics\.json: "):
        formats.read(tmp_path)
