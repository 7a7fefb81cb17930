"""OpenML predictions and the AutoML benchmark's table: real files with their true values, and what they may be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import formats
from repro.outside.logged import Log, LoggedRun
from tests.repro.support import run_logs

HEAD = "@RELATION r\n@ATTRIBUTE repeat NUMERIC\n@ATTRIBUTE fold NUMERIC\n@ATTRIBUTE prediction {}\n"
HEAD += "@ATTRIBUTE {} {}\n@DATA\n"


class TestRealPredictions:
    """What openml 0.15.1 wrote: no score stands in the files."""

    def test_accuracy_of_each_fold_is_true(self, shared: Path) -> None:
        log = formats.read(run_logs.real(shared, "openml-0.15.1") / "predictions-classification.arff")
        assert [(run.fields["repeat"], run.fields["fold"]) for run in log.runs] == [(0, 0), (0, 1)]
        assert [run_logs.values(run, "accuracy") for run in log.runs] == [[0.75], [1.0]]
        assert {run.notes for run in log.runs} == {("accuracy computed from 4 predictions",)}

    def test_mean_absolute_error_of_each_fold_is_true(self, shared: Path) -> None:
        log = formats.read(run_logs.real(shared, "openml-0.15.1") / "predictions-regression.arff")
        assert [run_logs.values(run, "mean_absolute_error") for run in log.runs] == [[0.5], [0.5]]
        assert {run.notes for run in log.runs} == {("mean_absolute_error computed from 4 predictions",)}

    def test_no_run_has_a_seed(self, shared: Path) -> None:
        log = formats.read(run_logs.real(shared, "openml-0.15.1"))
        assert len(log.runs) == 4
        assert [name for run in log.runs for name in run.fields if "seed" in name] == []


def predictions(folder: Path, rows: str, kind: str = "{a, b}", truth: str = "correct") -> Log:
    """Return what an ARFF file with these rows is read as."""
    (folder / "predictions.arff").write_text(HEAD.format(kind, truth, kind) + rows)
    return formats.read(folder, "openml")


@pytest.mark.parametrize(
    ("kind", "rows", "accuracy"),
    [
        ("{a, b}", "0,0,a,a\n0,0,a,b\n", 0.5),
        ("{'a b', 'it\\'s', 'c,d'}", "0,0,'a b','a b'\n0,0,'it\\'s','it\\'s'\n0,0, 'c,d', 'a b'\n", 2 / 3),
        ("STRING", "0,0,a,a\n% a comment\n\n", 1.0),
        ("NUMERIC", "0,0,1,1.0\n0,0,2,1.0\n", 0.5),  # `correct` holds classes, whatever they are called
    ],
)
def test_classes_are_compared_as_they_are_meant(kind: str, rows: str, accuracy: float, tmp_path: Path) -> None:
    (run,) = predictions(tmp_path, rows, kind).runs
    assert run_logs.values(run, "accuracy") == [accuracy]


def test_columns_are_known_by_their_names(tmp_path: Path) -> None:
    text = "@relation r\n@attribute 'truth' real\n@attribute other real\n"
    text += "@attribute fold integer\n@attribute prediction real\n"
    (tmp_path / "predictions.arff").write_text(f"{text}@data\n1.5,9,0,1.0\n")
    (run,) = formats.read(tmp_path).runs
    assert (run.fields, run_logs.values(run, "mean_absolute_error")) == ({"fold": 0}, [0.5])


def test_repeats_are_told_apart(tmp_path: Path) -> None:
    log = predictions(tmp_path, "0,0,a,a\n1,0,a,b\n0,1,b,b\n")
    assert [(run.fields["repeat"], run.fields["fold"]) for run in log.runs] == [(0, 0), (1, 0), (0, 1)]
    assert [run_logs.values(run, "accuracy") for run in log.runs] == [[1.0], [0.0], [1.0]]


def test_a_prediction_that_is_missing_leaves_no_accuracy(tmp_path: Path) -> None:
    (run,) = predictions(tmp_path, "0,0,a,a\n0,0,?,b\n").runs
    assert math.isnan(run_logs.values(run, "accuracy")[0])
    assert run.notes == ("accuracy: 1 of 2 predictions are missing, so there is none",)


def test_a_fold_whose_last_line_is_torn_is_unfinished(tmp_path: Path) -> None:
    log = predictions(tmp_path, "0,0,a,a\n0,1,a,a\n0,1,a,")
    assert [run.state for run in log.runs] == ["finished", "unfinished"]


@pytest.mark.parametrize(
    ("rows", "kind", "truth", "said"),
    [
        ("0,0,a\n", "{a}", "correct", "line 7 has 3 cells, 4 attributes are declared"),
        ("0,0,a,1\n", "REAL", "truth", "'a' beside '1': no numbers"),
        ("0,0,a,a\n", "{a}", "label", r"has no column 'correct' \(columns: repeat, fold, prediction, label\)"),
        ("{0 1, 3 a}\n", "{a}", "correct", "line 7 has 2 cells"),
    ],
)
def test_what_are_no_predictions_is_refused(rows: str, kind: str, truth: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match=said):
        predictions(tmp_path, rows, kind, truth)


COLUMNS = "id,task,framework,constraint,fold,type,result,metric,params,seed,info,duration,acc,logloss,note\n"


def scored(folder: Path, *rows: str) -> list[LoggedRun]:
    """Return what a table of the AutoML benchmark with these rows is read as."""
    (folder / "results.csv").write_text(COLUMNS + "".join(f"{row}\n" for row in rows))
    assert formats.recognised(folder) == "automlbenchmark"
    return [*formats.read(folder).runs]


class TestAutomlBenchmark:
    """Its table turns the sign of errors so that more is better, and keeps a failed fold as NaN with a text."""

    def test_an_error_has_its_own_name_and_sign(self, tmp_path: Path) -> None:
        (run,) = scored(tmp_path, "o/59,iris,RF,1h,0,multiclass,-0.25,neg_logloss,,1234,,12.3,0.9375,0.25,")
        assert run_logs.values(run, "logloss") == [0.25]
        assert "neg_logloss" not in run.curves
        assert run.notes == ("neg_logloss -0.25: its sign is turned back",)
        assert (run.fields["task"], run.fields["framework"], run.fields["seed"]) == ("iris", "RF", "1234")

    def test_a_score_is_as_it_is(self, tmp_path: Path) -> None:
        (run,) = scored(tmp_path, "o/59,iris,RF,1h,0,multiclass,0.9375,acc,,1234,,12.3,0.9375,,why")
        assert run_logs.values(run, "acc") == [0.9375]
        assert run.fields["note"] == "why"
        assert run.notes == ()

    @pytest.mark.parametrize("result", ["", "nan"])
    def test_a_fold_that_failed_says_why(self, result: str, tmp_path: Path) -> None:
        (run,) = scored(tmp_path, f"o/59,iris,RF,1h,1,multiclass,{result},neg_logloss,,1234,MemoryError,12.3,,,")
        assert (run.state, run.why, dict(run.curves)) == ("failed", "no result: MemoryError", {})

    def test_rounding_is_said(self, tmp_path: Path) -> None:
        (run,) = scored(tmp_path, "o/59,iris,RF,1h,0,multiclass,0.9375,acc,,1234,,12.5,0.9375,,")
        assert run.curves["acc"].precision == 5e-6
        assert run.curves["duration"].precision == 0.05 / 12.5

    def test_a_result_that_is_no_number_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(IntegrityError, match="line 2: column result: 'high' is no number"):
            scored(tmp_path, "o/59,iris,RF,1h,0,multiclass,high,acc,,1234,,12.5,0.9375,,")

    def test_a_torn_line_is_left_out_and_said(self, tmp_path: Path) -> None:
        path = tmp_path / "results.csv"
        path.write_text(f"{COLUMNS}o/59,iris,RF,1h,0,multiclass,0.93,acc,,1,,12.5,0.93,,\no/59,ir")
        log = formats.read(path)
        assert (len(log.runs), log.left_out) == (1, ("results.csv: its last line, which has no end",))
