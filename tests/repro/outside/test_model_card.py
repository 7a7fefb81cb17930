"""Hugging Face model cards: real ones with their true values, and numbers that are texts."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from repro.errors import IntegrityError, NothingSelectedError
from repro.outside import formats
from repro.outside.logged import Log
from tests.repro.support import run_logs


def card(folder: Path, results: str, more: str = "") -> Log:
    """Return what a card with these results is read as."""
    (folder / "README.md").write_text(f"---\nmodel-index:\n- name: net\n  results:\n{results}{more}---\n\n# net\n")
    return formats.read(folder)


def metric(value: str, kind: str = "accuracy", name: str = "") -> str:
    """Return a metric of a result in a card."""
    return f"    - type: {kind}\n      value: {value}\n" + (f"      name: {name}\n" if name else "")


RESULT = "  - dataset:\n      type: digits\n      name: digits\n    metrics:\n"


class TestRealCards:
    """What huggingface_hub 2.4.0 wrote."""

    def test_each_result_with_a_data_set_of_its_own_is_a_run(self, shared: Path) -> None:
        log = formats.read(run_logs.real(shared, "huggingface_hub-2.4.0") / "seed-in-config.md")
        first = [run for run in log.runs if "accuracy" in run.curves]
        assert [run.fields["dataset.config"] for run in first] == ["seed-1", "seed-2", "seed-3"]
        assert [run_logs.values(run, "accuracy") for run in first] == [[0.906], [0.909], [0.912]]
        assert {run.fields["model"] for run in log.runs} == {"digits-net"}
        assert [name for run in log.runs for name in run.fields if name == "seed"] == []

    def test_a_mean_is_left_out_and_a_number_as_a_text_is_read(self, shared: Path) -> None:
        log = formats.read(run_logs.real(shared, "huggingface_hub-2.4.0") / "seed-in-config.md")
        (left,) = log.left_out
        assert left == (
            "seed-in-config.md, model-index[0].results[3]: accuracy is '90.9 ± 0.3', a mean with a spread, "
            "no run's value"
        )
        last = log.runs[-1]
        assert run_logs.values(last, "error") == [0.001]
        assert math.isnan(run_logs.values(last, "loss")[0])
        assert "accuracy" not in last.curves

    def test_seeds_that_were_merged_are_lost(self, shared: Path) -> None:
        path = run_logs.real(shared, "huggingface_hub-2.4.0") / "seed-in-args.md"
        with pytest.raises(NothingSelectedError, match="3 values of accuracy under one data set: whose seeds they are"):
            formats.read(path)


@pytest.mark.parametrize(
    ("written", "value", "note"),
    [
        ("0.906", 0.906, ()),
        ("1", 1.0, ()),
        ("1e-3", 0.001, ()),
        ("'1e-3'", 0.001, ("accuracy: given as a text",)),
        ("93.1%", 93.1, ("accuracy: in percent, as a text",)),
        ("'93.1 %'", 93.1, ("accuracy: in percent, as a text",)),
        (".inf", math.inf, ()),
    ],
)
def test_numbers_are_read_as_they_were_meant(written: str, value: float, note: tuple[str, ...], tmp_path: Path) -> None:
    (run,) = card(tmp_path, RESULT + metric(written)).runs
    assert run_logs.values(run, "accuracy") == [value]
    assert run.notes == note
    assert run.curves["accuracy"].after


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("90.9 ± 0.3", "a mean with a spread, no run's value"),
        ("90.9 +/- 0.3", "a mean with a spread, no run's value"),
        ("true", "which is no number"),
        ("[0.9, 0.8]", "which is no number"),
        ("n/a", "a text that is no number"),
        ("1_0", "a text that is no number"),
        ("12:30", "a text that is no number"),
        ("null", "which is no number"),
        ("about 5%", "in percent, as a text"),
    ],
)
def test_what_is_no_value_of_a_run_is_left_out_with_its_reason(written: str, reason: str, tmp_path: Path) -> None:
    log = card(tmp_path, RESULT + metric(written) + metric("0.5", "f1"))
    (run,), (left,) = log.runs, log.left_out
    assert list(run.curves) == ["f1"]
    assert left.startswith("README.md, model-index[0].results[0]: accuracy is ")
    assert left.endswith(reason)


def test_several_values_of_one_metric_are_left_out_and_the_others_stay(tmp_path: Path) -> None:
    log = card(tmp_path, RESULT + metric("0.5") + metric("0.6") + metric("0.7", "f1"))
    assert [list(run.curves) for run in log.runs] == [["f1"]]
    assert "2 values of accuracy" in log.left_out[0]


def test_metrics_of_one_type_with_names_of_their_own_are_two(tmp_path: Path) -> None:
    (run,) = card(tmp_path, RESULT + metric("0.5", name="top 1") + metric("0.6", name="top 5")).runs
    assert {name: curve.values.tolist() for name, curve in run.curves.items()} == {
        "accuracy (top 1)": [0.5],
        "accuracy (top 5)": [0.6],
    }


def test_each_of_two_models_has_its_own_name(tmp_path: Path) -> None:
    log = card(tmp_path, RESULT + metric("0.5"), "- name: other\n  results:\n" + RESULT + metric("0.6"))
    assert [(run.fields["model"], run_logs.values(run, "accuracy")) for run in log.runs] == [
        ("net", [0.5]),
        ("other", [0.6]),
    ]


def test_a_result_without_a_data_set_is_read_and_said(tmp_path: Path) -> None:
    (run,) = card(tmp_path, "  - metrics:\n" + metric("0.5")).runs
    assert run.notes == ("no dataset is named",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\nmodel-index:\n- name: net\n", "its front matter has no end"),
        ("---\nmodel-index: net\n---\n", "its model-index is no list of models"),
        ("---\nmodel-index:\n- name: [\n---\n", "no model card"),
        ("---\nmodel-index:\n- name: net\n  results: 7\n---\n", "the results of model 1 are no list"),
        ("---\nlicense: mit\nmodel-index: &a\n- *a\n---\n", "no list of models"),
    ],
)
def test_a_card_of_another_form_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(text)
    with pytest.raises(IntegrityError, match=said):
        formats.read(path)


def test_a_card_whose_parts_repeat_without_end_is_refused(tmp_path: Path) -> None:
    results = "  - dataset: &a\n      inner: *a\n    metrics:\n" + metric("0.5")
    with pytest.raises(IntegrityError, match="nested 64 deep"):
        card(tmp_path, results)
