"""Hugging Face Trainer: real logs of two releases with their true values, and what its files may look like."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from tests.repro.support import run_logs

SINGLE = 2.0**-23


@pytest.fixture(scope="module", params=["transformers-5.24.0", "transformers-4.57.1"])
def log(request: pytest.FixtureRequest, shared: Path) -> Log:
    """The real logs of a release."""
    return formats.read(run_logs.real(shared, request.param))


def read(folder: Path, *entries: object, step: int = 2, last: int = 2) -> LoggedRun:
    """Return what one run with these entries is read as."""
    (folder / "trainer_state.json").write_text(run_logs.trainer_state(*entries, step=step, last=last))
    (found,) = formats.read(folder).runs
    return found


class TestRealLogs:
    """What transformers wrote, beside what the training code returned."""

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_what_the_user_computed_is_kept_in_full(self, log: Log, seed: int) -> None:
        found = run_logs.by_name(log)[f"out/seed-{seed}"].curves["eval_accuracy"]
        assert found.values.tolist() == run_logs.CURVE[seed]
        assert found.precision == 0.0

    def test_epochs_are_counted_from_one_and_are_fractions_between(self, log: Log) -> None:
        found = run_logs.by_name(log)["out/seed-1"].curves
        assert (found["eval_accuracy"].epochs.tolist(), found["eval_accuracy"].steps.tolist()) == ([1.0, 2.0], [3, 6])
        assert found["loss"].epochs[0] == 1 / 3

    def test_each_run_is_read_once_from_the_file_at_its_root(self, log: Log) -> None:
        assert [run.name for run in log.runs] == ["out/diverged", "out/seed-1", "out/seed-2", "out/seed-3"]
        assert {run.file.parent.parent.name for run in log.runs} == {"out"}

    def test_no_run_has_a_seed(self, log: Log) -> None:
        assert [name for run in log.runs for name in run.fields if "seed" in name] == []

    def test_a_loss_that_was_nan_is_nan_and_no_zero(self, log: Log) -> None:
        run = run_logs.by_name(log)["out/diverged"]
        losses = run_logs.values(run, "loss")
        assert [math.isnan(loss) for loss in losses] == [False, False, True, True, True, True]
        assert all(map(math.isnan, run_logs.values(run, "train_loss")))
        assert all(map(math.isnan, run_logs.values(run, "eval_loss")))
        assert run_logs.values(run, "eval_accuracy") == [0.5, 0.5]
        (note,) = run.notes
        assert "at step 3, 4, 5, 6: the loss was NaN" in note

    def test_a_loss_that_was_none_is_as_it_is(self, log: Log) -> None:
        run = run_logs.by_name(log)["out/seed-1"]
        assert run.notes == ()
        assert all(map(math.isfinite, run_logs.values(run, "train_loss")))

    def test_the_summary_is_after_training(self, log: Log) -> None:
        found = run_logs.by_name(log)["out/seed-1"].curves
        assert {name for name, curve in found.items() if curve.after} >= {"train_loss", "train_runtime"}
        assert not any(found[name].after for name in ("loss", "eval_accuracy", "eval_loss"))


def test_a_rounded_loss_says_how_far_it_may_lie(shared: Path) -> None:
    rounded, whole = (
        run_logs.by_name(formats.read(run_logs.real(shared, f"transformers-{release}")))["out/seed-1"].curves["loss"]
        for release in ("4.57.1", "5.24.0")
    )
    assert rounded.values.tolist() != whole.values.tolist()
    assert rounded.values == pytest.approx(whole.values, rel=rounded.precision, abs=0)
    assert rounded.precision == pytest.approx(5e-5 / min(rounded.values))
    assert whole.precision == SINGLE


def test_without_a_file_at_the_root_the_newest_checkpoint_is_read(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        folder = tmp_path / "run" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        entry = {"epoch": 1.0, "eval_accuracy": step / 1000, "step": step}
        (folder / "trainer_state.json").write_text(run_logs.trainer_state(entry, step=step, last=200))
    (found,) = formats.read(tmp_path).runs
    assert (found.name, run_logs.values(found, "eval_accuracy")) == ("run", [0.1])
    assert (found.state, found.why) == ("unfinished", "it stands at step 100 of 200")
    (one,) = formats.read(tmp_path / "run/checkpoint-9").runs
    assert run_logs.values(one, "eval_accuracy") == [0.009]


def test_a_checkpoint_newer_than_the_root_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint-3"
    folder.mkdir()
    (folder / "trainer_state.json").write_text(run_logs.trainer_state(step=3, last=3))
    run = read(tmp_path, {"epoch": 1.0, "eval_accuracy": 0.5, "step": 2})
    assert run.notes == ("a checkpoint of step 3 is newer than the file at the root, which was read",)


def test_a_loss_of_zero_without_a_norm_is_doubtful(tmp_path: Path) -> None:
    run = read(tmp_path, {"epoch": 1.0, "loss": 0.0, "step": 1})
    assert run_logs.values(run, "loss") == [0.0]
    assert run.notes == ("loss exactly 0 in 1 entries without grad_norm: a NaN is logged so, too",)


def test_a_loss_of_zero_with_a_finite_norm_is_zero(tmp_path: Path) -> None:
    run = read(tmp_path, {"epoch": 1.0, "loss": 0.0, "grad_norm": 0.5, "step": 1})
    assert (run_logs.values(run, "loss"), run.notes) == ([0.0], ())
    assert run.curves["loss"].precision == math.inf


def test_two_values_of_one_step_are_both_kept(tmp_path: Path) -> None:
    entry = {"epoch": 2.0, "eval_accuracy": 0.5, "step": 2}
    assert run_logs.values(read(tmp_path, entry, {**entry, "eval_accuracy": 0.75}), "eval_accuracy") == [0.5, 0.75]


def test_a_training_that_stopped_itself_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    control = '"stateful_callbacks": {"TrainerControl": {"args": {"should_training_stop": true}}}, '
    path.write_text(run_logs.trainer_state(step=1, last=9).replace("{", "{" + control, 1))
    (run,) = formats.read(path).runs
    assert run.state == "finished"


def test_searched_parameters_are_fields(tmp_path: Path) -> None:
    path = tmp_path / "trainer_state.json"
    path.write_text(run_logs.trainer_state().replace("{", '{"trial_params": {"seed": 7, "lr": 0.1}, ', 1))
    (run,) = formats.read(path).runs
    assert run.fields == {"num_train_epochs": 2, "max_steps": 2, "seed": 7, "lr": 0.1}
