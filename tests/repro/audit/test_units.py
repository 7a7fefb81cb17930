"""Percent and fractions: converted where the results' size leaves no doubt, asked about where it does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import repro
from repro.audit import units
from repro.audit.claims import Claim, load
from repro.audit.own_seeds import judge_table
from repro.errors import UsageError
from repro.outside import cells
from repro.outside.seeded import Settings
from repro.study import Metric

COLLAPSED = (1.9, 2.1, 1.7, 2.0, 1.8)  # %: of networks that learned nothing
CHANCE = (1.0, 1.0, 1.0, 1.0, 1.02)  # %: what guessing one of 100 classes comes to
SUCCESS = (0, 0, 0, 0, 1, 0.9, 0.95, 0)  # fractions, of a mean of 35.6 %
ERRORS = (0.61, 0.60, 0.62, 0.61, 0.63)  # fractions, or very small errors in %
AMONG = (78.2, 77.9, 1.00, 78.5, 78.1, 78.0)  # %: one network of 100 classes learned nothing
SD = {"runs": 5, "spread": "sd"}


def judged(folder: Path, values: tuple[float, ...], **options: Any) -> repro.Asked:
    path = folder / "results.csv"
    path.write_text("\n".join(["seed,acc", *(f"{seed},{value}" for seed, value in enumerate(values)), ""]))
    return repro.judge(path, metric="acc", **options)


def claim(published: str, **changed: Any) -> Claim:
    return Claim("", "a", "", "value", "", (published,), 0, **changed)


def percent(values: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(100 * value for value in values)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (COLLAPSED, {"above": "95%"}),
        (COLLAPSED, {"published": "95%", "margin": 2}),
        (CHANCE, {"above": "60%"}),
        (CHANCE, {"published": "99%", "margin": 2}),
        ((1.0,) * 5, {"above": "60%"}),
        ((12.1, 11.9, 12.0, 12.2, 11.8), {"above": "1000%"}),
        (SUCCESS, {"below": "5%"}),
        (SUCCESS, {"published": "25%", "margin": 5}),
        ((0,) * 9 + (1,), {"published": "10%", "margin": 5}),
        (ERRORS, {"below": "1%"}),
        (ERRORS, {"above": "1%"}),
        (ERRORS, {"below": "0.3%"}),
        (ERRORS, {"above": "0%", "margin": 1}),
        ((5.0, 5.1, 5.2, 5.0, 4.9), {"above": 0.95, "unit": "1"}),
        (percent((0,) * 9 + (1,)), {"published": "0.1", "margin": 0.05, "unit": "1"}),
    ],
)
def test_what_may_be_percent_or_fractions_is_asked_about(
    values: tuple[float, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    """None of these was asked about: some passed at 190 %, others were accused of a hundredfold."""
    with pytest.raises(UsageError, match=r"may be that or (fractions|percent); say --unit same"):
        judged(tmp_path, values, **options)
    assert judged(tmp_path, values, **{**options, "unit": "same"}).judgement.n == len(values)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (SUCCESS, {"published": "37 ± 8", **SD}),
        (SUCCESS, {"below": 5}),
        ((0,) * 9 + (1,), {"published": "10", "margin": 5}),
        (percent(SUCCESS), {"published": "0.37", "margin": 0.05}),
        (percent(SUCCESS), {"above": 0.5}),
    ],
)
def test_zeros_among_the_results_hide_no_hundredfold(
    values: tuple[float, ...], options: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"is one of them in percent\?"):
        judged(tmp_path, values, **options)


@pytest.mark.parametrize(
    ("values", "options", "verdict", "note"),
    [
        (SUCCESS, {"published": "37%", "margin": 5}, "inconclusive", "acc of 0 to 1 was read as fractions"),
        (SUCCESS, {"below": 0.05, "unit": "1"}, "inconclusive", ""),
        (percent(SUCCESS), {"published": "0.37", "margin": 0.05, "unit": "1"}, "inconclusive", "was read as percent"),
        ((0.0,) * 6, {"below": "5%"}, "reproduced", ""),
        (ERRORS, {"above": "0%"}, "reproduced", "acc of 0.6 to 0.63 was read as being in %, too"),
        (ERRORS, {"below": 0.01, "unit": "1"}, "not reproduced", ""),
        ((1.9, 2.1, 25, 2.0, 1.8), {"above": "95%"}, "not reproduced", ""),
        (COLLAPSED, {"above": "95%", "unit": "same"}, "not reproduced", ""),
        ((12.1, 11.9, 12.0, 12.2, 11.8), {"published": "1200%", "margin": 60}, "reproduced", "read as fractions"),
        ((61.0, 60.0, 62.0, 61.0, 63.0), {"above": 0.5, "unit": "1"}, "reproduced", "was read as percent"),
    ],
)
def test_what_can_only_be_one_of_the_two_is_not_asked_about(
    values: tuple[float, ...], options: dict[str, Any], verdict: str, note: str, tmp_path: Path
) -> None:
    found = judged(tmp_path, values, **options)
    assert found.judgement.verdict == verdict
    assert any(note in one for one in found.notes) or not note


def test_a_run_that_learned_nothing_is_one_of_percent_where_the_unit_is_stated(tmp_path: Path) -> None:
    published = {"published": "78.1 ± 0.3 %", **SD}
    for options in (published, {"above": 50}, {"above": "50%"}):
        with pytest.raises(UsageError, match=r"are mixed; bring .*, or say --unit % or --unit same if they are in one"):
            judged(tmp_path, AMONG, **options)
        same, stated = (judged(tmp_path, AMONG, **options, unit=unit) for unit in ("same", "%"))
        assert same.judgement == stated.judgement
        assert same.judgement.ours is not None
        assert same.judgement.ours[0] == pytest.approx(sum(AMONG) / 6)
        assert stated.notes[0].startswith("acc is 1 in row 3 and 78.2 in row 1: both were read as they are")


def test_a_fraction_beside_such_results_is_to_be_published_in_percent_first(tmp_path: Path) -> None:
    for unit in ("", "1"):
        with pytest.raises(UsageError, match="or say --unit % and what is published in percent or --unit same"):
            judged(tmp_path, AMONG, published="0.781", margin=0.05, unit=unit)


def test_a_percentage_among_fractions_is_no_run_of_theirs(tmp_path: Path) -> None:
    mixed = (0.9349, 0.9281, 93.2, 0.9293, 0.9337)
    for unit in ("", "%", "1"):
        with pytest.raises(UsageError, match=r"fractions and percent are mixed.*, or say --unit same if they are in"):
            judged(tmp_path, mixed, above=0.5, unit=unit)


def test_a_table_s_run_that_learned_nothing_is_judged_where_the_unit_is_stated(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Method,acc\nA,78.0\nB,62.7 %\n")
    seeds = [f"{method},acc,{seed},{value}" for method in "AB" for seed, value in enumerate(AMONG[:5])]
    (tmp_path / "s.csv").write_text("\n".join(["Method,column,seed,value", *seeds, ""]))
    found = [
        judge_table(tmp_path / "t.csv", tmp_path / "s.csv", Settings(unit=unit)).cells
        for unit in ("", "same", "%", "percent")
    ]
    assert [[one.judgement.verdict for one in some] for some in found] == [
        ["error", "reproduced"], *[["erratum", "reproduced"]] * 3,
    ]  # fmt: skip
    assert "or say --unit % or --unit same if they are in one" in found[0][0].judgement.evidence
    assert [some[1].cell.unit for some in found] == ["%", "%", "%", "%"]


@pytest.mark.parametrize("size", [1.7e308, 5e-324])
def test_results_at_the_ends_of_floats_are_no_fault_of_units(size: float, tmp_path: Path) -> None:
    values = {f"{run}": value for run, value in enumerate((size, size, 0.0, size, 0.0))}
    for unit in ("", "1", "%"):
        assert units.of_results(claim("120", unit=unit, judge="interval"), "acc", values, unit)[0].value == "120"


# Words for units


@pytest.mark.parametrize("word", ["percent", "Percent", "per  cent", "pct", "percentage", " % "])
def test_a_word_for_percent_is_percent(word: str, tmp_path: Path) -> None:
    found = judged(tmp_path, ERRORS, published="61", margin=5, unit=word)
    assert (found.judgement.verdict, found.claim.unit) == ("reproduced", "%")
    assert judged(tmp_path, ERRORS, published="61%", margin=5, unit=word).judgement == found.judgement
    assert units.factor(claim("61", unit=cells.unit(word)), Metric("acc", word)) == 1
    assert units.factor(claim("0.61", unit="1"), Metric("acc", word)) == Decimal("0.01")


@pytest.mark.parametrize(
    ("word", "unit"),
    [("Fraction", "1"), ("ratio", "1"), ("share", "1"), ("percentage points", "points"), ("pp", "points"),
     ("nats", "nats"), ("share of pairs", "share of pairs"), ("", "")],
)  # fmt: skip
def test_which_other_words_are_units_that_convert(word: str, unit: str) -> None:
    assert cells.unit(word) == unit


def test_a_claim_s_word_for_percent_is_percent(tmp_path: Path) -> None:
    path = tmp_path / "claims.toml"
    path.write_text(
        '[[claim]]\nid = "a"\nwhere = "1"\nkind = "value"\nstatement = "so"\npublished = "61"\nunit = "percent"\n'
        'reason = "not-built"\n'
    )
    (found,) = load(path, "one", ())
    assert found.unit == "%"
    assert units.factor(found, Metric("acc")) == 100
