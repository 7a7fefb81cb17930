"""MLPerf logs: records among other text, of several ranks, damaged, and how a run ended."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import formats
from repro.outside.logged import LoggedRun
from tests.repro.support import run_logs
from tests.repro.support.run_logs import mllog

START = mllog("run_start", None, "INTERVAL_START", 1000)
STOP = mllog("run_stop", None, "INTERVAL_END", 91_000, status="success")


def read(folder: Path, *lines: str, name: str = "result_0.txt") -> LoggedRun:
    """Return what a log of these lines is read as."""
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    (found,) = formats.read(folder).runs
    return found


def evaluation(value: float, epoch: int, time: int = 0) -> str:
    """Return a line of an evaluation."""
    return mllog("eval_accuracy", value, time=time, epoch_num=epoch)


def test_metrics_are_told_from_parameters_by_when_they_were_measured(tmp_path: Path) -> None:
    run = read(tmp_path, mllog("seed", 7), mllog("submission_benchmark", "resnet"), START, evaluation(0.871, 1),
               evaluation(0.906, 2), STOP)  # fmt: skip
    assert run.fields == {"seed": 7, "submission_benchmark": "resnet"}
    assert run_logs.values(run, "eval_accuracy") == [0.871, 0.906]
    assert run.curves["eval_accuracy"].epochs.tolist() == [1.0, 2.0]
    assert run.curves["eval_accuracy"].steps is None
    assert run.state == "finished"


def test_samples_count_is_the_step(tmp_path: Path) -> None:
    run = read(
        tmp_path, mllog("eval_accuracy", 0.5, samples_count=256), mllog("eval_accuracy", 0.75, samples_count=512)
    )
    assert run.curves["eval_accuracy"].steps.tolist() == [256, 512]
    assert run.curves["eval_accuracy"].epochs is None


def test_an_evaluation_without_a_place_is_one(tmp_path: Path) -> None:
    run = read(tmp_path, mllog("eval_accuracy", 0.5), mllog("eval_accuracy", float("nan"), time=1))
    first, last = run_logs.values(run, "eval_accuracy")
    assert first == 0.5
    assert math.isnan(last)


def test_each_number_of_a_mapping_is_a_metric(tmp_path: Path) -> None:
    run = read(tmp_path, mllog("tracked_stats", {"throughput": 12.5, "name": "x"}, step=3))
    assert run_logs.values(run, "tracked_stats.throughput") == [12.5]
    assert run.curves["tracked_stats.throughput"].steps.tolist() == [3]


def test_any_text_may_stand_before_and_behind_a_record_and_two_in_a_line(tmp_path: Path) -> None:
    run = read(
        tmp_path,
        "Epoch 1 of 2",
        f"[rank 0] 12:30 {evaluation(0.871, 1)} took 3 s",
        f"{evaluation(0.902, 2)}{evaluation(0.906, 3)}",
    )
    assert run_logs.values(run, "eval_accuracy") == [0.871, 0.902, 0.906]


def test_records_of_several_ranks_count_once(tmp_path: Path) -> None:
    ranks = [f"{rank}: {evaluation(0.906, 2, time)}" for rank, time in enumerate((5, 5, 6))]
    run = read(tmp_path, START, *ranks, STOP)
    assert run_logs.values(run, "eval_accuracy") == [0.906]
    assert "2 records that stand there again count once" in run.notes


def test_two_values_of_one_epoch_are_both_kept(tmp_path: Path) -> None:
    assert run_logs.values(read(tmp_path, evaluation(0.5, 1), evaluation(0.75, 1)), "eval_accuracy") == [0.5, 0.75]


def test_ranks_with_seeds_of_their_own_leave_no_seed(tmp_path: Path) -> None:
    run = read(tmp_path, *(mllog("seed", seed) for seed in (1, 2, 1)), START, STOP)
    assert run.fields == {}
    assert "seed has several values and is no field" in run.notes


def test_the_time_to_train_is_computed_and_said(tmp_path: Path) -> None:
    run = read(tmp_path, START, STOP)
    assert run_logs.values(run, "time_to_train") == [1.5]
    assert run.curves["time_to_train"].after
    assert run.notes == ("time_to_train: minutes, computed from run_start to run_stop",)


@pytest.mark.parametrize(
    ("lines", "state", "why"),
    [
        ([START, STOP], "finished", ""),
        ([START], "unfinished", "it has no run_stop"),
        ([START, STOP.replace("success", "aborted")], "failed", "run_stop says aborted"),
        ([START, mllog("run_stop", None, "INTERVAL_END", 2)], "failed", "run_stop says nothing"),
    ],
)
def test_how_a_run_ended_is_what_it_says(lines: list[str], state: str, why: str, tmp_path: Path) -> None:
    run = read(tmp_path, *lines)
    assert (run.state, run.why) == (state, why)
    assert ("time_to_train" in run.curves) == (state == "finished")


def test_damaged_records_are_counted_and_the_others_read(tmp_path: Path) -> None:
    run = read(tmp_path, evaluation(0.5, 1)[:-20], ":::MLLOG 7", ":::MLLOG {}", evaluation(0.75, 2))
    assert run_logs.values(run, "eval_accuracy") == [0.75]
    assert "3 records are damaged, the first in line 1" in run.notes


def test_a_record_without_a_time_is_one(tmp_path: Path) -> None:
    run = read(tmp_path, ':::MLLOG {"key": "eval_accuracy", "value": 0.5, "metadata": {"epoch_num": 1}}')
    assert run_logs.values(run, "eval_accuracy") == [0.5]


def test_runs_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9):
        (tmp_path / f"result_{number}.txt").write_text(f"{mllog('seed', number)}\n")
    assert [run.fields["seed"] for run in formats.read(tmp_path).runs] == [9, 10]


def test_a_text_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "result_0.txt").write_text(":::MLLOG nothing\n")
    with pytest.raises(IntegrityError, match="no MLPerf log, no record follows :::MLLOG"):
        formats.read(tmp_path)
