"""lm-evaluation-harness: real results with their true values, and what is no metric."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repro.outside import formats
from repro.outside.logged import Log
from tests.repro.support import run_logs

SEEDS = ("random_seed", "numpy_seed", "torch_seed", "fewshot_seed")


@pytest.fixture(scope="module")
def log(shared: Path) -> Log:
    """The real results."""
    return formats.read(run_logs.real(shared, "lm-eval-0.4.13"))


def written(folder: Path, **held: Any) -> Log:
    """Return what a results file is read as."""
    (folder / "results_2026-11-28T11-34-44.748629.json").write_text(json.dumps(held))
    return formats.read(folder)


class TestRealResults:
    """What lm_eval 0.4.13 wrote for a random model on 8 of 20 questions."""

    def test_values_are_true(self, log: Log) -> None:
        assert [run_logs.values(run, "acc,none") for run in log.runs] == [[0.5], [0.5], [0.25]]
        assert [run_logs.values(run, "acc_stderr,none") for run in log.runs] == [
            [0.1889822365046136],
            [0.1889822365046136],
            [0.16366341767699427],
        ]

    def test_only_keys_with_a_filter_are_metrics(self, log: Log) -> None:
        assert {name for run in log.runs for name in run.curves} == {"acc,none", "acc_stderr,none"}

    def test_it_has_four_seeds_and_none_of_them_is_the_seed(self, log: Log) -> None:
        assert [[run.fields[name] for name in SEEDS] for run in log.runs] == [[1] * 4, [2] * 4, [3] * 4]
        assert all("seed" not in run.fields for run in log.runs)

    def test_a_part_of_the_samples_is_said(self, log: Log) -> None:
        assert {run.notes for run in log.runs} == {
            ("8 of 20 samples were used: no figure of the whole task",),
        }

    def test_the_device_it_names_is_not_believed(self, log: Log) -> None:
        assert [name for run in log.runs for name, value in run.fields.items() if "cuda" in str(value)] == []
        assert {run.fields["task"] for run in log.runs} == {"tiny"}

    def test_the_version_is_the_one_kept(self, log: Log) -> None:
        assert log.version == "0.4.13"


def test_not_available_is_missing_and_no_zero(tmp_path: Path) -> None:
    (run,) = written(tmp_path, results={"tiny": {"acc,none": 0.5, "acc_stderr,none": "N/A"}}).runs
    assert list(run.curves) == ["acc,none"]
    assert run.notes == ("acc_stderr,none is 'N/A': missing",)


def test_each_task_and_each_filter_is_told_apart(tmp_path: Path) -> None:
    results = {"a": {"match,strict": 0.5, "match,flexible": 0.75}, "b": {"match,strict": 0.25}}
    log = written(tmp_path, results=results, **{"n-shot": {"a": 5, "b": 0}})
    assert [(run.fields["task"], run.fields["num_fewshot"]) for run in log.runs] == [("a", 5), ("b", 0)]
    assert [list(run.curves) for run in log.runs] == [["match,strict", "match,flexible"], ["match,strict"]]
    assert log.version == ""


def test_other_json_beside_it_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"results": {"tiny": {"acc": 0.5}}}')
    assert len(written(tmp_path, results={"tiny": {"acc,none": 0.5}}).runs) == 1
