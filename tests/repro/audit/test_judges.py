"""The judges: what each says, that each can say the opposite, and how often those of runs are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import Judgement
from repro.errors import UsageError
from repro.stats import Sample

CLAIM = Claim("toy", "it", "section 1", "value", "Something.", ("1.95",), 1, margin=0.1, runs=6)


def claim(*published: str, **changed: Any) -> Claim:
    return replace(CLAIM, published=published, **changed)


def verdict(name: str, some: Claim, evidence: Any) -> str:
    return JUDGES[name].decide(some, evidence).verdict


SPREAD = [0.1 * step for step in (-2, -1, 0, 0, 1, 2)]

SAID = [
    ("printed", claim("2.5141"), 2.51409, "reproduced"),
    ("printed", claim("2.5141"), 2.5143, "erratum"),
    ("printed", claim("0.125", "a"), [0.1245, "a"], "reproduced"),
    ("printed", claim("0.125", "a"), [0.1245, "b"], "erratum"),
    ("count", claim("1,010"), 1010.0, "reproduced"),
    ("count", claim("1", "2"), [1, 3], "erratum"),
    ("law", claim("-"), 1e-12, "reproduced"),
    ("law", claim("-"), 0.5, "erratum"),
    ("law", claim("-", tolerance=1.0), 0.5, "reproduced"),
    ("shown", claim("-"), True, "reproduced"),
    ("shown", claim("-"), (False, "it raised nothing"), "erratum"),
    ("bound", claim("> 90"), 90.1, "reproduced"),
    ("bound", claim("<= 0.5"), 0.51, "erratum"),
    ("granularity", claim("33.3", unit="%"), 3, "reproduced"),
    ("granularity", claim("35.0", unit="%"), 3, "erratum"),
    ("made_of", claim("1.95 ± 0.30", runs=6), [1.95 + x for x in SPREAD], "erratum"),
    ("made_of", claim("1.95 ± 0.14", runs=6), [1.95 + x for x in SPREAD], "reproduced"),
    ("made_of", claim("1.95 ± 0.14", runs=5), [1.95 + x for x in SPREAD], "inconclusive"),
    ("protocol", claim("-"), [], "reproduced"),
    ("protocol", claim("-"), ["pooled with augmentation"], "protocol mismatch"),
    ("interval", claim("1.95", margin=1.0), [1.95 + x for x in SPREAD], "reproduced"),
    ("interval", claim("1.95", margin=0.1), [1.95 + x for x in SPREAD], "inconclusive"),
    ("interval", claim("1.95", margin=0.1), [3.0 + x for x in SPREAD], "not reproduced"),
    ("interval", claim("1.95", margin=0.1), [1.95] * 4, "inconclusive"),
    ("samples", claim("1.95 ± 0.17"), Sample(1.95, 0.05, 100), "inconclusive"),
    ("samples", claim("1.95 ± 0.02", spread="sd"), Sample(1.95, 0.02, 100), "reproduced"),
    ("samples", claim("1.95 ± 0.02"), Sample(2.50, 0.02, 100), "not reproduced"),
    ("samples", claim("1.95 +- 0.17"), [1.9, 2.0, 1.9, 2.0], "inconclusive"),
    ("order", claim("-"), [1.0 + x for x in SPREAD], "reproduced"),
    ("order", claim("-"), [-1.0 + x for x in SPREAD], "not reproduced"),
    ("order", claim("-"), SPREAD, "inconclusive"),
    ("threshold", claim("> 90"), [96 + x for x in SPREAD], "reproduced"),
    ("threshold", claim("> 90"), [80 + x for x in SPREAD], "not reproduced"),
    ("threshold", claim("> 90"), [90.01 + x for x in SPREAD], "inconclusive"),
]


@pytest.mark.parametrize(("name", "some", "evidence", "wanted"), SAID)
def test_what_a_judge_says(name: str, some: Claim, evidence: Any, wanted: str) -> None:
    assert verdict(name, some, evidence) == wanted


@pytest.mark.parametrize(("name", "some", "evidence", "wanted"), SAID)
def test_a_planted_opposite_changes_the_verdict(name: str, some: Claim, evidence: Any, wanted: str) -> None:
    assert verdict(name, some, JUDGES[name].plant(some, evidence)) != wanted


def test_every_judge_is_shown_with_two_verdicts() -> None:
    for name in JUDGES:
        assert len({wanted for judge, _, _, wanted in SAID if judge == name}) >= 2


@pytest.mark.parametrize(
    ("name", "some", "evidence", "words"),
    [
        ("printed", claim("1", "2"), [1.0], "2 parts are published, and 1 were found"),
        ("printed", claim("1"), float("nan"), "which is no number"),
        ("count", claim("3"), 2.5, "counts are whole numbers"),
        ("law", claim("-"), -1.0, "a distance is 0 or more"),
        ("shown", claim("-"), 1, "wanted yes or no"),
        ("protocol", claim("-"), ["pooled", " "], "a difference has no words"),
        ("order", claim("a > b", "b > c"), SPREAD, "2 parts are published, and '.*' judges one"),
        ("bound", claim("90"), 91.0, "wanted a bound such as"),
        ("samples", claim("1.95"), Sample(1, 1, 5), "wanted a mean and a deviation"),
        ("samples", claim("1.95 ± 0.1", runs=None), Sample(1, 1, 5), "needs its number of 'runs'"),
    ],
)
def test_evidence_that_is_none_is_no_verdict(name: str, some: Claim, evidence: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        JUDGES[name].decide(some, evidence)


def test_a_print_that_is_cut_off_is_called_so() -> None:
    found = JUDGES["printed"].decide(claim("73"), 73.856)
    assert found.verdict == "erratum"
    assert "cut off, not rounded" in found.evidence


def test_a_print_is_right_cut_off_where_the_claim_says_that_all_are() -> None:
    cut = replace(claim("73"), shortened="cut")
    found = {value: JUDGES["printed"].decide(cut, value).verdict for value in (72.9, 73.0, 73.4, 73.856, 74.0)}
    assert [*found.values()] == ["erratum", "reproduced", "reproduced", "reproduced", "erratum"]
    assert "cut off, not rounded" in JUDGES["printed"].decide(cut, 73.856).evidence


def test_shares_that_any_number_would_be_are_called_so() -> None:
    assert "as any would be" in JUDGES["granularity"].decide(claim("98.93", unit="%"), 10_000).evidence
    assert "as any would be" not in JUDGES["granularity"].decide(claim("98.930", unit="%"), 10_000).evidence


def test_a_true_value_is_seldom_called_not_reproduced() -> None:
    draw = np.random.default_rng(1)
    some = claim("0.0000", margin=0.001)
    wrong = sum(
        verdict("interval", replace(some, published=(f"{draw.normal():.4f}",)), list(draw.normal(size=8)))
        == "not reproduced"
        for _ in range(1000)
    )
    assert 20 < wrong < 80  # 5 % of one, before Holm's correction


def test_what_was_compared_is_kept_for_the_report() -> None:
    found = JUDGES["samples"].decide(claim("1.95 ± 0.17", spread="sd"), Sample(2.1, 0.1, 6))
    assert found.ours is not None
    assert found.theirs is not None
    assert (found.ours[0], found.theirs[0]) == (2.1, 1.95)
    assert found.statistic.startswith("Welch's t = 1.86")
    assert found.ours[1] < 2.1 < found.ours[2]


class TestHolm:
    def findings(self, *ps: float | None) -> list[tuple[Claim, Judgement]]:
        said = "not reproduced"
        return [(CLAIM, Judgement(said if p is not None else "erratum", "x", p=p)) for p in ps]  # type: ignore[arg-type]

    def test_one_accusation_stands_and_among_many_the_same_does_not(self) -> None:
        assert [found.verdict for _, found in accused(self.findings(0.03, None))] == ["not reproduced", "erratum"]
        several = accused(self.findings(0.03, 0.03, 0.0001))
        assert [found.verdict for _, found in several] == ["inconclusive", "inconclusive", "not reproduced"]
        assert "after Holm's correction" in several[0][1].evidence


@pytest.mark.parametrize(
    ("cause", "word"),
    [("transcription", "transcription"), ("version", "protocol mismatch"), ("protocol", "protocol mismatch")],
)
def test_what_is_not_the_author_s_is_no_erratum(cause: str, word: str) -> None:
    said = [
        (claim("-", cause=cause), Judgement(verdict, "")) for verdict in ("erratum", "not reproduced", "reproduced")
    ]
    assert [one.verdict for _, one in accused(said)] == [word, word, "reproduced"]
