"""asv: results files as asv 0.6 writes them, with parameters by their names, failures and skips."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import formats
from repro.outside.logged import Log
from tests.repro.support import run_logs

FILE = "results/host/6d5b8b84-virtualenv-py3.11.json"
NAN = float("nan")


def read(folder: Path, names: dict[str, list[str]] | None = None, **results: list[object]) -> Log:
    """Return what a results file is read as, below a folder whose benchmarks have parameters of these names."""
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(run_logs.asv_results({f"suite.{name}": row for name, row in results.items()}))
    (path.parent / "machine.json").write_text('{"machine": "host", "version": 1}')
    if names is not None:
        listed = {f"suite.{name}": {"param_names": known} for name, known in names.items()}
        (folder / "results/benchmarks.json").write_text(json.dumps({**listed, "version": 2}))
    return formats.read(folder)


def test_each_set_of_parameters_is_a_run_in_asv_s_order(tmp_path: Path) -> None:
    log = read(
        tmp_path,
        {"track": ["method", "seed"]},
        track=[[0.91, 0.92, 0.81, 0.82], [["'ours'", "'base'"], ["1", "2"]]],
    )
    assert [(run.fields["method"], run.fields["seed"], run_logs.values(run, "suite.track")) for run in log.runs] == [
        ("ours", 1, [0.91]),
        ("ours", 2, [0.92]),
        ("base", 1, [0.81]),
        ("base", 2, [0.82]),
    ]
    assert {(run.fields["machine"], run.fields["commit_hash"][:8]) for run in log.runs} == {("host", "6d5b8b84")}


def test_without_names_parameters_are_numbered(tmp_path: Path) -> None:
    (run,) = read(tmp_path, track=[[0.5], [["1"], ["2"]]]).runs
    assert (run.fields["param0"], run.fields["param1"]) == (1, 2)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'ours'", "ours"),
        ('"it\'s"', "it's"),
        ("1", 1),
        ("0.1", 0.1),
        ("None", None),
        ("True", True),
        ("(1, 2)", "(1, 2)"),
        ("<class 'numpy.float32'>", "<class 'numpy.float32'>"),
        ("'a' (0)", "'a' (0)"),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("(" * 500, "(" * 500),
        ("1" * 2000, "1" * 2000),
    ],
)
def test_parameters_are_what_they_were_in_python(text: str, value: object, tmp_path: Path) -> None:
    (run,) = read(tmp_path, {"track": ["field"]}, track=[[0.5], [[text]]]).runs
    assert run.fields["field"] == value
    assert type(run.fields["field"]) is type(value)


def test_null_failed_and_nan_is_unknown(tmp_path: Path) -> None:
    log = read(tmp_path, {"track": ["seed"]}, track=[[None, NAN, 0.5], [["1", "2", "3"]]])
    failed, skipped, done = log.runs
    assert (failed.state, failed.why, dict(failed.curves)) == ("failed", "asv kept null: the benchmark failed", {})
    assert math.isnan(run_logs.values(skipped, "suite.track")[0])
    assert skipped.notes == ("NaN: skipped or not a number, asv writes both alike",)
    assert (done.state, done.notes) == ("finished", ())


def test_a_benchmark_that_failed_as_a_whole_fails_for_each_set_of_parameters(tmp_path: Path) -> None:
    log = read(tmp_path, {"track": ["seed"]}, track=[None, [["1", "2"]]], other=[None, []])
    assert [(run.state, run.fields.get("seed")) for run in log.runs] == [("failed", 1), ("failed", 2), ("failed", None)]


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    log = read(tmp_path, track=[[{"a": 1}], []], time=[[0.25], []])
    assert [list(run.curves) for run in log.runs] == [["suite.time"]]
    assert log.left_out == ("results/host/6d5b8b84-virtualenv-py3.11/suite.track: it returned no number",)


def test_one_file_is_a_log_with_the_names_of_the_benchmarks_above_it(tmp_path: Path) -> None:
    read(tmp_path, {"track": ["seed"]}, track=[[0.5], [["1"]]])
    (run,) = formats.read(tmp_path / FILE).runs
    assert run.fields["seed"] == 1


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    read(tmp_path, track=[[0.5], []])
    path = tmp_path / FILE
    path.write_text(path.read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(IntegrityError, match="no results file of version 2, but of 1; let `asv update` write it anew"):
        formats.read(tmp_path)


@pytest.mark.parametrize("row", [[[0.5, 0.6], [["1"]]], [0.5, []], [[0.5], ["1"]], [[], [["1"]]]])
def test_a_benchmark_of_another_form_is_refused(row: list[object], tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=r"'suite\.track'"):
        read(tmp_path, track=row)
