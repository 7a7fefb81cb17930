"""Cells against their seeds where a name, a power or a line is not what it looks like: asked about, never accused."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.errors import UsageError
from repro.outside.seeded import POWER, Settings
from tests.repro.audit.test_own_seeds import evidence, judged, verdicts


@pytest.mark.parametrize("word", ["mean", "Std", "avg.", "median", "±"])
def test_a_summary_among_the_seeds_is_no_run(word: str, tmp_path: Path) -> None:
    found = judged(tmp_path, "id,printed\nb,93.1\n", f"id,seed,value\nb,0,93.0\nb,1,93.2\nb,{word},60.1\n")
    assert found.cells[0].judgement.verdict == "error"
    assert f"line 4 of the seeds: '{word}' is no run; leave such lines out" in evidence(found)["b"]


def test_names_of_seeds_that_marks_tell_apart_are_not_thrown_together(tmp_path: Path) -> None:
    seeds = "M,column,seed,value\nQ,X,0,90.9\nQ,X,1,91.1\nQ*,X,2,95.0\nQ*,X,3,95.2\n"
    with pytest.raises(UsageError, match=r"'Q' and 'Q\*' of the seeds are one name without their marks"):
        judged(tmp_path, "M,X\nQ,91.0\n", seeds)
    blanks = seeds.replace("Q*,X,2,95.0\nQ*,X,3,95.2", "Q ,X,2,91.0")
    assert verdicts(judged(tmp_path, "M,X\nQ,91.0\n", blanks)) == {"Q / X": "reproduced"}


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("MSE (×10⁻³)", True), ("MSE (x 10^-3)", True), ("MSE (10^{-3})", True), ("loss [1e-4]", True), ("10²", True),
        ("params (×1000)", True), ("MSE 10**3", True), ("CIFAR-10", False), ("CIFAR10", False), ("Top-10²", False),
        ("CIFAR 100", False), ("Acc (%)", False), ("3x10 conv", True),
    ],
)  # fmt: skip
def test_which_names_of_columns_state_a_power_of_ten(name: str, states: bool) -> None:
    assert bool(POWER.search(name)) == states


def test_a_power_of_ten_in_a_column_s_name_is_asked_about(tmp_path: Path) -> None:
    table, seeds = "M,MSE (×10⁻⁴)\nbase,47\n", "M,seed,value\nbase,0,0.0047\nbase,1,0.0047\n"
    found = judged(tmp_path, table, seeds)
    assert [*verdicts(found).values()] == ["error"]
    assert "states a power of ten; say `--scale`" in found.cells[0].judgement.evidence
    assert [*verdicts(judged(tmp_path, table, seeds, Settings(scale="10000"))).values()] == ["reproduced"]


def test_thousands_are_another_unit_and_no_error(tmp_path: Path) -> None:
    found = judged(tmp_path, "M,params\nbase,4.7\n", "M,seed,value\nbase,0,4700\nbase,1,4700\n")
    assert [*verdicts(found).values()] == ["inconclusive"]
    assert "the runs times 0.001 have the mean that is printed" in found.cells[0].judgement.evidence
    slip = judged(tmp_path, "M,params\nbase,4.7\n", "M,seed,value\nbase,0,47\nbase,1,47\n")
    assert [*verdicts(slip).values()] == ["erratum"]  # a point that stands wrong


def test_columns_without_a_name_are_refused_and_none_is_lost(tmp_path: Path) -> None:
    table = "Method,CIFAR,,IN,\nbase,91.0,1.0,71.0,2.0\n"
    seeds = "Method,seed,CIFAR,IN\nbase,0,91.0,71.0\nbase,1,91.0,71.0\n"
    with pytest.raises(UsageError, match="columns 3 and 5 have no name"):
        judged(tmp_path, table, seeds)
    empty = judged(tmp_path, "Method,CIFAR,,IN,\nbase,91.0,,71.0,\n", seeds)
    assert verdicts(empty) == {"base / CIFAR": "reproduced", "base / IN": "reproduced"}
