"""Lightning's CSVLogger: real logs with their true values, and what its files may look like."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from tests.repro.support import run_logs

SINGLE = 2.0**-23


@pytest.fixture(scope="module")
def log(shared: Path) -> Log:
    """The real logs."""
    return formats.read(run_logs.real(shared, "lightning-2.6.6"))


def run(log: Log, version: int) -> LoggedRun:
    """Return a run of the real logs."""
    return run_logs.by_name(log)[f"logs/lightning_logs/version_{version}"]


class TestRealLogs:
    """What lightning 2.6.6 wrote, beside what the training code handed over."""

    @pytest.mark.parametrize("version", [0, 1, 2])
    def test_values_are_true_within_single_precision(self, log: Log, version: int) -> None:
        seed = version + 1
        found = run(log, version).curves["val_acc"]
        assert found.values.tolist() != run_logs.CURVE[seed]
        assert found.values.tolist() == pytest.approx(run_logs.CURVE[seed], rel=SINGLE, abs=0)
        assert found.precision == SINGLE
        assert (found.steps.tolist(), found.epochs.tolist()) == ([2, 5], [0.0, 1.0])

    def test_the_value_of_the_file_is_kept_to_the_bit(self, log: Log) -> None:
        assert run_logs.values(run(log, 0), "val_acc")[-1] == 0.9059999585151672

    def test_seeds_are_those_of_the_parameters_and_not_of_the_folders(self, log: Log) -> None:
        assert [one.fields["seed"] for one in log.runs] == [1, 2, 3]
        assert {one.fields["lr"] for one in log.runs} == {0.1}

    def test_rows_of_training_and_of_validation_are_told_apart(self, log: Log) -> None:
        assert len(run_logs.values(run(log, 0), "train_loss")) == 6
        assert len(run_logs.values(run(log, 2), "train_loss_step")) == 6
        assert len(run_logs.values(run(log, 2), "train_loss_epoch")) == 2

    def test_nan_and_infinity_are_what_they_were(self, log: Log) -> None:
        first, last = run_logs.values(run(log, 2), "val_loss")
        assert math.isnan(first)
        assert last == math.inf

    def test_a_test_is_after_training_and_has_no_epoch(self, log: Log) -> None:
        found = run(log, 2).curves["test_acc"]
        assert found.values.tolist() == pytest.approx([0.902], rel=SINGLE, abs=0)
        assert found.after
        assert found.steps is None
        assert found.epochs is None
        assert not run(log, 2).curves["val_acc"].after

    def test_one_run_and_its_file_are_logs_too(self, shared: Path) -> None:
        folder = run_logs.real(shared, "lightning-2.6.6") / "logs/lightning_logs/version_1"
        for path in (folder, folder / "metrics.csv"):
            (found,) = formats.read(path).runs
            assert (found.name, found.fields["seed"]) == ("version_1", 2)


def written(folder: Path, metrics: str, hparams: str = "") -> LoggedRun:
    """Return what one run is read as."""
    (folder / "metrics.csv").write_text(metrics)
    if hparams:
        (folder / "hparams.yaml").write_text(hparams)
    (found,) = formats.read(folder).runs
    return found


def test_columns_are_known_by_their_names(tmp_path: Path) -> None:
    found = written(tmp_path, "train_loss,epoch,step,val_acc\n0.5,0,1,\n,0,1,0.75\n")
    assert run_logs.values(found, "train_loss") == [0.5]
    assert run_logs.values(found, "val_acc") == [0.75]


def test_a_run_that_saved_no_parameters_has_no_seed(tmp_path: Path) -> None:
    found = written(tmp_path, "epoch,step,val_acc\n0,1,0.75\n")
    assert found.fields == {}
    assert found.notes == ("the module saved no parameters (hparams.yaml)",)


def test_a_last_line_without_an_end_is_no_value(tmp_path: Path) -> None:
    found = written(tmp_path, "epoch,step,val_acc\n0,1,0.75\n1,2,0.9")
    assert run_logs.values(found, "val_acc") == [0.75]
    assert (found.state, found.why) == ("unfinished", "metrics.csv ends in the middle of a line")


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ("epoch,step,val_acc\n0,1,high\n", "line 2, column val_acc: 'high' is no number"),
        ("epoch,step,val_acc\n0,1,1_0\n", "line 2, column val_acc: '1_0' is no number"),
        ("epoch,step,val_acc\n0,1\n", "line 2 has 2 cells, the header has 3"),
        ("epoch,step,val_acc,val_acc\n0,1,1,1\n", "two columns have one name"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(metrics: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=said):
        written(tmp_path, metrics)


def test_parameters_are_what_the_module_had(tmp_path: Path) -> None:
    hparams = "lr: 1e-3\nname: 'on'\nnested:\n  seed: 7\n  sizes: [1, 2]\nstart: 12:30\nversion: 007\n"
    hparams += "path: !!python/object/x.Y {}\npair: !!python/tuple [3, 4]\n"
    found = written(tmp_path, "epoch,step,val_acc\n0,1,0.5\n", hparams)
    assert found.fields == {
        "lr": 0.001,
        "name": "on",
        "nested.seed": 7,
        "nested.sizes": "[1, 2]",
        "start": "12:30",
        "version": "007",
        "path": "!python/object/x.Y",
        "pair": "[3, 4]",
    }
