"""Digits of prints and of evidence: none is lost, and the last bits of floats accuse nobody."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.audit.verdicts import Judgement, Runs
from repro.errors import UsageError

LARGE = "1,267,650,600,228,229,401,496,703,205,376"  # 2**100
NOISY = 0.1 + 0.2


def claim(*published: str, **changed: Any) -> Claim:
    return Claim("toy", "it", "section 1", "value", "Something.", published, 1, **changed)


def said(judge: str, published: str, evidence: Any, **changed: Any) -> Judgement:
    return JUDGES[judge].decide(claim(published, **changed), evidence)


def planted(judge: str, published: str, evidence: Any) -> str:
    some = claim(published)
    return JUDGES[judge].decide(some, JUDGES[judge].plant(some, evidence)).verdict


class TestLongPrints:
    """Every digit of a print counts, and what a float has lost is not the author's fault."""

    @pytest.mark.parametrize("judge", ["printed", "count"])
    def test_a_whole_number_of_any_length_is_held_digit_by_digit(self, judge: str) -> None:
        for evidence in (2**100, Decimal(2**100)):
            assert said(judge, LARGE, evidence).verdict == "reproduced"
            assert planted(judge, LARGE, evidence) == "erratum"
        assert said(judge, LARGE, 2**100 + 1).verdict == "erratum"
        assert planted(judge, LARGE, 2**100 + 1) == "reproduced"
        assert "1,267,650,600,228,229,401,496,703,205,376" in said("count", LARGE, 2**100).evidence

    def test_a_bound_as_well(self) -> None:
        assert said("bound", f"≥ {LARGE}", 2**100).verdict == "reproduced"
        assert said("bound", f"> {LARGE}", 2**100).verdict == "erratum"
        assert said("bound", f"> {LARGE}", 2**100 + 1).verdict == "reproduced"

    @pytest.mark.parametrize(("judge", "published"), [("printed", LARGE), ("bound", f"< {LARGE}")])
    def test_a_float_has_too_few_digits(self, judge: str, published: str) -> None:
        with pytest.raises(UsageError, match="has 31 digits and a float holds 17; return the value as a whole number"):
            said(judge, published, 2.0**100)

    def test_a_float_skips_large_counts(self) -> None:
        with pytest.raises(UsageError, match=r"from 2\*\*53 on floats skip whole numbers; return an int"):
            said("count", "9,007,199,254,740,993", 9007199254740993.0)
        assert said("count", "12", 12.0).verdict == "reproduced"

    def test_a_power_without_end_is_a_slip(self) -> None:
        for judge, published in (("printed", "1e999999999"), ("bound", "> 1e999999"), ("count", "1e9999")):
            with pytest.raises(UsageError, match="is too large or too fine; look for a slip in its power"):
                said(judge, published, 3)
        for judge, published in (("interval", "1e400"), ("threshold", "> 1e400")):
            with pytest.raises(UsageError, match="is too large or too fine; look for a slip in its power"):
                said(judge, published, [1.0, 2.0, 3.0, 4.0, 5.0], margin=0.1)


class TestDecimals:
    """A Decimal is compared as it is; a fraction has no digits and is refused."""

    def test_no_digit_goes_through_a_float(self) -> None:
        text = "0.1234567890123456789012345678901234567890"
        assert said("printed", text, Decimal(text)).verdict == "reproduced"
        assert said("printed", text, Decimal("0.1234567890123456789012345678901234567891")).verdict == "erratum"
        assert planted("printed", text, Decimal(text)) == "erratum"
        assert said("bound", "≤ 0.3", Decimal("0.30000000000000000000000001")).verdict == "erratum"
        assert said("law", "-", Decimal("1e-9"), tolerance=1e-8).verdict == "reproduced"

    @pytest.mark.parametrize(
        ("judge", "published"),
        [("printed", "0.33"), ("count", "3"), ("bound", "> 0"), ("law", "-"), ("granularity", "50")],
    )
    def test_a_fraction_is_refused(self, judge: str, published: str) -> None:
        with pytest.raises(UsageError, match="a fraction; return a float, or a Decimal of enough digits"):
            said(judge, published, Fraction(1, 3))
        for runs, print_ in (("interval", "0.3"), ("made_of", "0.33")):
            with pytest.raises(UsageError, match="a fraction; return a float"):
                said(runs, print_, [Fraction(1, 3)] * 5, margin=0.1)

    @pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("inf")])
    def test_nor_is_what_no_number_is(self, value: Decimal) -> None:
        for judge, published in (("printed", "0.3"), ("made_of", "0.3")):
            with pytest.raises(UsageError, match="no number"):
                said(judge, published, value)
        with pytest.raises(UsageError, match="too large or too fine"):
            said("printed", "0.3", Decimal("1e-999999999"))


class TestLastBits:
    """What a sum of floats is off by decides nothing; what is off by more does."""

    @pytest.mark.parametrize(
        ("judge", "published", "value"),
        [
            ("bound", "≤ 0.3", NOISY),
            ("bound", "≥ 0.7", 0.7999999999999999 - 0.1),
            ("printed", "0.1", 0.15000000000000002),
            ("printed", "0.1", 0.05 - 7e-18),
        ],
    )
    def test_values(self, judge: str, published: str, value: float) -> None:
        assert said(judge, published, value).verdict == "reproduced"
        assert planted(judge, published, value) == "erratum"

    def test_more_than_bits_are_an_erratum(self) -> None:
        assert said("bound", "≤ 0.3", 0.3000000000001).verdict == "erratum"
        assert said("bound", "< 0.3", 0.3).verdict == "erratum"
        assert said("bound", "> 0.3", NOISY).verdict == "erratum"  # it is as little above as below
        assert said("bound", "< 0.7", 0.7999999999999999 - 0.1).verdict == "erratum"
        assert said("bound", "> 0.3", 0.3000000000001).verdict == "reproduced"
        assert said("printed", "0.1", 0.1500000000001).verdict == "erratum"
        assert said("printed", "0.30000000000000000", NOISY).verdict == "erratum"  # 17 digits mean these very bits

    def test_runs(self) -> None:
        assert said("threshold", "≤ 0.3", [NOISY] * 6).verdict == "reproduced"
        assert said("threshold", "≤ 0.3", [NOISY, 0.3, NOISY, 0.3, NOISY, 0.3]).verdict == "reproduced"
        assert said("threshold", "> 0.3", [NOISY] * 6).verdict == "inconclusive"
        assert said("threshold", "≤ 0.3", [0.3000000000001] * 6).verdict == "not reproduced"
        assert said("interval", "0.1", [0.15000000000000002] * 5, margin=0.01).verdict == "reproduced"

    @pytest.mark.parametrize("n", [6, 7, 10, 13])
    @pytest.mark.parametrize("value", [0.7, 0.1, 0.3])
    def test_equal_runs_have_their_own_mean(self, value: float, n: int) -> None:
        for judge, published in (("threshold", f"≥ {value}"), ("threshold", f"≤ {value}"), ("interval", f"{value}")):
            assert said(judge, published, [value] * n, margin=0.01).verdict == "reproduced"


class TestClearSentences:
    """What is no evidence is refused in words, and never by an exception of Python's."""

    @pytest.mark.parametrize("evidence", [None, 0.5, np.float64(0.5), "0.5", {"a": 0.5}, np.array(0.5)])
    @pytest.mark.parametrize(("judge", "published"), [("interval", "1"), ("order", "-"), ("threshold", "> 1"),
                                                      ("samples", "1 ± 1")])  # fmt: skip
    def test_one_value_is_no_runs(self, judge: str, published: str, evidence: Any) -> None:
        with pytest.raises(UsageError, match="wanted a list of runs, one value for each"):
            said(judge, published, evidence, runs=5, margin=0.1)
        with pytest.raises(UsageError, match="wanted a list of runs, one value for each"):
            said(judge, published, Runs(None), runs=5, margin=0.1)  # type: ignore[arg-type]

    @pytest.mark.parametrize("evidence", [Decimal("0.5"), np.float32(0.5), np.float64(0.5), np.int64(0) + 0.5, "0.5"])
    def test_a_mean_is_made_of_one_value_of_any_kind(self, evidence: Any) -> None:
        assert said("made_of", "0.5", evidence).verdict == "reproduced"
        assert said("made_of", "0.5", [evidence]).verdict == "reproduced"

    def test_a_mean_is_made_of_no_answers(self) -> None:
        for evidence in ([True, False], True):
            with pytest.raises(UsageError, match="wanted a number or a text of digits for a run"):
                said("made_of", "0.5", evidence)
        for nothing in (None, np.array(0.5)):
            with pytest.raises(UsageError, match="wanted a list of runs"):
                said("made_of", "0.5", nothing)

    @pytest.mark.parametrize("evidence", [(True, "so", 3), (True,), (True, 3), ()])
    def test_an_answer_has_words_and_no_more(self, evidence: Any) -> None:
        with pytest.raises(UsageError, match="wanted yes or no and words to it"):
            said("shown", "-", evidence)

    @pytest.mark.parametrize("evidence", [3, None, [1, 2], ["seed", 2]])
    def test_differences_are_texts(self, evidence: Any) -> None:
        with pytest.raises(UsageError, match="wanted a list of texts, each a difference"):
            said("protocol", "-", evidence)

    def test_whole_numbers_beyond_floats_are_numbers(self) -> None:
        large = 10**5000
        assert said("law", "-", large).verdict == "erratum"
        assert said("bound", "> 3", large).verdict == "reproduced"
        assert said("printed", "3", large).verdict == "erratum"
        assert said("count", "3", large).verdict == "erratum"

    @pytest.mark.parametrize("value", [10**400, 1e308, -1e308, 1e200], ids=["int", "largest", "least", "square"])
    @pytest.mark.parametrize(("judge", "published"), [("interval", "1"), ("order", "-"), ("threshold", "> 1"),
                                                      ("samples", "1 ± 1")])  # fmt: skip
    def test_runs_without_a_deviation_are_too_large(self, judge: str, published: str, value: Any) -> None:
        with pytest.raises(UsageError, match="too large to be reckoned with; mend what computes it, or say that it"):
            said(judge, published, [value, -value, value, 1.0, 2.0], runs=5, margin=0.1)
