"""wandb's offline files: what was logged, the summary over it, how a run ended, and files that are damaged."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from repro.errors import NothingSelectedError
from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from repro.outside.readers import wandb as reader
from tests.repro.outside.encoded import cuts, ended, field, history, item, read_or_refused, run_of, summary, wandb

VAL_ACC = {1: [0.871, 0.906], 2: [0.868, 0.909], 3: [0.874, 0.912]}


@pytest.fixture
def logs(shared: Path) -> Path:
    folder = shared / "run-logs" / "wandb-0.31.0"
    if not folder.is_dir():
        pytest.skip("no logs of wandb among the shared data")
    return folder


def only(log: Log) -> LoggedRun:
    (run,) = log.runs
    return run


def values(run: LoggedRun) -> dict[str, list[float]]:
    return {name: one.values.tolist() for name, one in run.curves.items()}


class TestRealLogs:
    def test_values_seeds_and_version_are_the_true_ones(self, logs: Path) -> None:
        log = formats.read(logs)
        assert (log.tool, log.version) == ("wandb", "0.31.0")
        assert [(run.name, run.state, run.fields["seed"]) for run in log.runs] == [
            (f"seed-{seed}", "finished", seed) for seed in VAL_ACC
        ]
        for seed, run in enumerate(log.runs, 1):
            curve = run.curves["val_acc"]
            assert (curve.values.tolist(), curve.precision) == (VAL_ACC[seed], 0.0)
            assert curve.steps is not None
            assert curve.epochs is not None
            assert (curve.steps.tolist(), curve.epochs.tolist()) == ([0, 1], [0.0, 1.0])

    def test_nested_names_nan_infinity_and_what_only_the_summary_has(self, logs: Path) -> None:
        run = formats.read(logs).runs[2]
        assert run.curves["train.loss"].values.tolist() == [1 / 3, 1 / 3]
        loss = run.curves["loss"].values
        assert math.isnan(loss[0])
        assert loss[1] == math.inf
        best = run.curves["best_val_acc"]
        assert (best.values.tolist(), best.after) == ([0.912], True)
        assert not [name for name in run.curves if name.startswith("_")]

    def test_one_run_by_its_folder_and_by_its_file(self, logs: Path) -> None:
        (file,) = logs.glob("wandb/*-digits-2/*.wandb")
        for path in (file, file.parent):
            assert only(formats.read(path)).curves["val_acc"].values.tolist() == VAL_ACC[2]

    def test_a_file_cut_short_anywhere_is_unfinished_and_gives_what_is_whole(self, logs: Path, tmp_path: Path) -> None:
        (file,) = logs.glob("wandb/*-digits-1/*.wandb")
        whole = values(only(formats.read(file)))
        for part in cuts(file.read_bytes()):
            (tmp_path / "run.wandb").write_bytes(part)
            log = read_or_refused(lambda: reader.read(tmp_path))
            assert isinstance(log, Log)
            run = only(log)
            assert (run.state, bool(run.why)) == ("unfinished", True)
            for name, found in values(run).items():
                np.testing.assert_array_equal(found, whole[name][: len(found)])


class TestEnd:
    @pytest.mark.parametrize(
        ("records", "state", "why"),
        [
            ([ended()], "finished", ""),
            ([ended(1)], "failed", "its exit code is 1"),
            ([ended(255)], "failed", "its exit code is 255"),
            ([], "unfinished", reader.NOT_ENDED),
        ],
    )
    def test_it_is_what_the_last_record_says(self, tmp_path: Path, records: list[bytes], state: str, why: str) -> None:
        wandb(tmp_path / "run.wandb", run_of("id", "name"), history(0, {"a": 0.5}), *records)
        run = only(formats.read(tmp_path))
        assert (run.state, run.why, values(run)) == (state, why, {"a": [0.5]})


class TestSummary:
    """Later records stand over earlier ones, and where the summary is not the last value both are there."""

    def test_a_later_value_stands_over_an_earlier(self, tmp_path: Path) -> None:
        made = [summary(item("best", value)) for value in (0.5, 0.75)]
        wandb(tmp_path / "run.wandb", *made, ended())
        assert values(only(formats.read(tmp_path))) == {"best": [0.75]}

    def test_a_removed_value_is_gone(self, tmp_path: Path) -> None:
        made = summary(item("best", 0.5), item(["test", "acc"], 0.5), item(["test", "f1"], 0.5))
        gone = summary(remove=[field(1, "best"), field(2, "test")])
        wandb(tmp_path / "run.wandb", made, gone, ended())
        assert values(only(formats.read(tmp_path))) == {}

    def test_another_value_than_the_last_is_told_beside_it(self, tmp_path: Path) -> None:
        made = [history(step, {"acc": value}) for step, value in enumerate((0.9, 0.8))]
        wandb(tmp_path / "run.wandb", *made, summary(item("acc", 0.9)), ended())
        run = only(formats.read(tmp_path))
        assert values(run) == {"acc": [0.9, 0.8], "summary.acc": [0.9]}
        assert run.notes == ("acc: 0.9 in the summary, 0.8 as last logged",)

    def test_the_last_value_again_is_no_second_metric(self, tmp_path: Path) -> None:
        logged = {"acc": 0.8, "loss": math.nan}
        wandb(tmp_path / "run.wandb", history(0, logged), summary(*(item(*one) for one in logged.items())), ended())
        assert [*only(formats.read(tmp_path)).curves] == ["acc", "loss"]


class TestValues:
    def test_texts_pictures_and_truth_values_are_no_numbers(self, tmp_path: Path) -> None:
        logged = {"acc": 1, "name": '"x"', "image": {"_type": "image-file", "width": 3}, "ok": True, "none": None}
        wandb(tmp_path / "run.wandb", history(0, logged), ended())
        assert values(only(formats.read(tmp_path))) == {"acc": [1.0]}

    def test_numbers_spelt_as_texts_are_numbers(self, tmp_path: Path) -> None:
        wandb(tmp_path / "run.wandb", history(0, {"a": '"NaN"', "b": '"-Infinity"'}), ended())
        found = values(only(formats.read(tmp_path)))
        assert math.isnan(found["a"][0])
        assert found["b"] == [-math.inf]

    def test_a_mapping_is_read_by_its_names(self, tmp_path: Path) -> None:
        wandb(tmp_path / "run.wandb", history(0, {"train": {"loss": 0.5, "deep": {"er": 2}}}), ended())
        assert values(only(formats.read(tmp_path))) == {"train.loss": [0.5], "train.deep.er": [2.0]}

    def test_a_parameter_is_what_it_was_set_to_last(self, tmp_path: Path) -> None:
        first = run_of("id", "name", item("seed", 1), item("opt", {"lr": 0.1, "name": "sgd"}), item("_wandb", {"x": 1}))
        then = field(5, field(1, item("seed", 2)) + field(1, item("opt", {"lr": 0.2})) + field(1, item("size", [1, 2])))
        wandb(tmp_path / "run.wandb", first, then, ended())
        run = only(formats.read(tmp_path))
        assert run.fields == {"seed": 2, "opt.lr": 0.2, "size": "[1, 2]"}
        assert (run.name, run.origin) == ("name", "id")

    def test_runs_of_one_name_are_told_apart(self, tmp_path: Path) -> None:
        for run in ("one", "two"):
            wandb(tmp_path / run / f"run-{run}.wandb", run_of(run, "baseline"), history(0, {"a": 1.0}), ended())
        assert [run.name for run in formats.read(tmp_path).runs] == ["baseline (one)", "baseline (two)"]


class TestFraming:
    def test_records_across_blocks_and_at_their_ends_are_whole(self, tmp_path: Path) -> None:
        lengths = [1 << 15, (1 << 15) - 7 - 7, 100_000, *range(32_600, 32_660)]
        logged = [history(step, {"a": step, "text": f'"{"x" * length}"'}) for step, length in enumerate(lengths)]
        wandb(tmp_path / "run.wandb", *logged, ended())
        run = only(formats.read(tmp_path))
        assert (run.state, values(run)) == ("finished", {"a": [float(step) for step in range(len(lengths))]})

    def test_a_changed_byte_ends_the_reading_there(self, tmp_path: Path) -> None:
        logged = [history(step, {"a": step}) for step in range(20)]
        content = wandb(tmp_path / "run.wandb", *logged, ended()).read_bytes()
        for place in range(7, len(content), 11):
            changed = bytearray(content)
            changed[place] ^= 0x10
            (tmp_path / "run.wandb").write_bytes(changed)
            run = only(reader.read(tmp_path))
            assert run.state == "unfinished", place
            assert "damaged at byte" in run.why or "within the record" in run.why
            assert values(run).get("a", []) == list(range(len(values(run).get("a", []))))

    def test_a_value_that_is_no_json_is_damage(self, tmp_path: Path) -> None:
        wandb(tmp_path / "run.wandb", history(0, {"a": 1}), history(1, {"a": "[" * 100_000}), ended())
        run = only(formats.read(tmp_path))
        assert (run.state, values(run)) == ("unfinished", {"a": [1.0]})
        assert run.why.startswith("it is damaged: a record has a value that is no JSON")

    def test_a_folder_without_one_is_said(self, tmp_path: Path) -> None:
        assert not reader.recognises(tmp_path)
        with pytest.raises(NothingSelectedError, match=r"no \.wandb file is in there"):
            reader.read(tmp_path)
