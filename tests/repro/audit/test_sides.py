"""One kind of runs held to another: what else the two differ in is refused or said, and a limit's unit is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import repro
from repro.errors import UsageError

OURS, BASE = (98.0, 98.1, 98.2, 98.3, 98.4), (92.0, 92.1, 92.3, 92.2, 92.5)


def compared(folder: Path, *, ours: str, base: str, head: str, **options: Any) -> repro.Asked:
    """Return whether ours are better; `head` names the columns in which each kind has what stands in its text."""
    rows = [f"{seed},ours,{ours},{value}" for seed, value in enumerate(OURS)]
    rows += [f"{seed},base,{base},{value}" for seed, value in enumerate(BASE)]
    path = folder / "results.csv"
    path.write_text("\n".join([f"seed,method,{head},acc", *rows, ""]))
    return repro.judge(path, metric="acc", where={"method": "ours"}, better_than="method=base", **options)


@pytest.mark.parametrize(
    ("head", "ours", "base"),
    [
        ("dataset", "mnist", "cifar10"), ("split", "val", "test"), ("env_id", "Hopper-v4", "Hopper-v5"),
        ("data.dataset", "mnist", "cifar10"), ("dataset", "mnist", ""),
    ],
)  # fmt: skip
def test_kinds_that_were_made_on_different_things_are_not_compared(
    head: str, ours: str, base: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=f"the two kinds of runs differ in '{head}', too"):
        compared(tmp_path, head=head, ours=ours, base=base)
    assert compared(tmp_path, head=head, ours=ours, base=ours).judgement.verdict == "reproduced"
    assert compared(tmp_path, head=head, ours=ours, base=base, across=[head]).judgement.verdict == "reproduced"


def test_whatever_else_the_kinds_differ_in_is_said(tmp_path: Path) -> None:
    found = compared(tmp_path, head="lr,epochs", ours="0.1,90", base="0.01,90")
    assert "the two kinds of runs differ in lr (0.1; 0.01), too" in found.notes
    assert not [note for note in compared(tmp_path, head="lr", ours="0.1", base="0.1").notes if "differ" in note]


def test_curves_of_different_lengths_on_the_two_sides_are_said(tmp_path: Path) -> None:
    path = tmp_path / "curves.csv"
    rows = [f"{seed},ours,{epoch},{value}" for seed, value in enumerate(OURS) for epoch in (1, 2)]
    rows += [f"{seed},base,1,{value}" for seed, value in enumerate(BASE)]
    path.write_text("\n".join(["seed,method,epoch,acc", *rows, ""]))
    found = repro.judge(path, metric="acc", where={"method": "ours"}, better_than="method=base", epoch="last")
    assert "acc is of different epochs or steps on the two sides" in found.notes


def results(folder: Path, *values: float) -> Path:
    path = folder / "one.csv"
    path.write_text("\n".join(["seed,acc", *(f"{seed},{value}" for seed, value in enumerate(values)), ""]))
    return path


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({"above": 20}, (0.90, 0.91, 0.92, 0.90, 0.91)),  # 90 % is above 20 %
        ({"below": 5}, (0.20, 0.21, 0.22, 0.20, 0.21)),  # and 20 % is not below 5 %
        ({"above": 0.9}, (20.0, 21.0, 22.0, 20.0, 21.0)),
        ({"published": "0.00 ± 0.03", "runs": 10, "spread": "sd", "unit": "%"}, (0.012, 0.011, 0.010, 0.012, 0.011)),
        ({"published": "0.0", "margin": 0.5, "unit": "%"}, (0.012, 0.011, 0.010, 0.012, 0.011)),
    ],
)
def test_percent_or_fractions_is_asked_wherever_it_decides(
    options: dict[str, Any], values: tuple[float, ...], tmp_path: Path
) -> None:
    path = results(tmp_path, *values)
    with pytest.raises(UsageError, match="--unit"):
        repro.judge(path, metric="acc", **options)
    assert repro.judge(path, metric="acc", **{**options, "unit": "same"}).judgement.n == len(values)


def test_a_limit_of_the_results_own_size_needs_no_unit(tmp_path: Path) -> None:
    assert repro.judge(results(tmp_path, 0.7, 0.8, 0.75, 0.7, 0.8), metric="acc", below=2).exit_code == 0
    assert repro.judge(results(tmp_path, 0.0, 0.1, 0.0, 0.0, 0.1), metric="acc", above=-1).exit_code == 0


def test_blanks_around_a_value_hide_no_run(tmp_path: Path) -> None:
    path = tmp_path / "blanks.csv"
    rows = [f"{seed}, ours,{93 + seed / 10}" for seed in range(5)]
    path.write_text("\n".join(["seed,method,acc", *rows, "5,ours ,80.0", ""]))
    found = repro.judge(path, metric="acc", where={"method": "ours"}, above=92)
    assert (found.judgement.n, found.judgement.verdict) == (6, "inconclusive")


@pytest.mark.parametrize(("lost", "words"), [("nan", "diverged"), ("inf", "diverged"), ("failed", "left no value")])
@pytest.mark.parametrize("side", ["ours", "base"])
def test_runs_without_a_value_and_without_a_partner_are_counted(
    side: str, lost: str, words: str, tmp_path: Path
) -> None:
    """Five of ten that diverged were left out as runs without a partner, and the other five called better."""
    rows = [f"{seed},ours,{value}" for seed, value in enumerate(OURS)]
    rows += [f"{seed},base,{value}" for seed, value in enumerate(BASE)]
    rows += [f"{seed},{side},{lost if seed > 5 else 95.0}" for seed in range(5, 10)]
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(["seed,method,acc", *rows, ""]))
    found = repro.judge(path, metric="acc", where={"method": "ours"}, better_than="method=base")
    assert (found.judgement.verdict, found.exit_code) == ("inconclusive", 4)
    assert f"4 of 9 {words}" in found.judgement.evidence
    assert found.notes[0] == "paired by 5 shared seeds; 1 runs without a partner are left out"
