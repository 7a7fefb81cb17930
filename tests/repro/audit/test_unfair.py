"""Verdicts that were unfair, each with the values that showed it: what was printed, what runs gave, what is right."""

from __future__ import annotations

import math
from typing import Any

import pytest

from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import Judgement, Runs
from repro.errors import UsageError
from repro.stats import Sample

OF_TEN = [math.sqrt(0.9) * step for step in (-1, -1, -1, -1, -1, 1, 1, 1, 1, 1)]  # mean 0 and deviation 1
OF_FIVE = [step / math.sqrt(2.5) for step in (-2, -1, 0, 1, 2)]  # the same of five


def claim(*published: str, **changed: Any) -> Claim:
    return Claim("toy", "it", "section 1", "value", "Something.", published, 1, **changed)


def said(judge: str, some: Claim, evidence: Any) -> Judgement:
    return JUDGES[judge].decide(some, evidence)


def verdict(judge: str, some: Claim, evidence: Any) -> str:
    return said(judge, some, evidence).verdict


def sample(mean: float, sd: float, steps: list[float]) -> list[float]:
    return [mean + sd * step for step in steps]


class TestExtremes:
    """A print stands for many values, and an accusation has to hold against all of them."""

    def test_a_value_that_prints_so_lies_within_the_margin(self) -> None:
        coarse = claim("98.0 ± 0.1", runs=1000, margin=0.1, spread="sd")
        fine = claim("98.04 ± 0.10", runs=1000, margin=0.1, spread="sd")
        assert verdict("samples", coarse, sample(98.12, 0.01, OF_TEN)) == "inconclusive"
        assert verdict("samples", fine, sample(98.12, 0.01, OF_TEN)) == "reproduced"

    def test_the_largest_p_lies_inside_the_box(self) -> None:
        found = said("samples", claim("98 ± 1", runs=1000, margin=0.1, spread="sd"), sample(98.3, 0.05, OF_TEN))
        assert (found.verdict, found.p) == ("inconclusive", 1.0)

    def test_a_clear_difference_is_shown_all_the_same(self) -> None:
        some = claim("98.0 ± 0.1", runs=1000, margin=0.1, spread="sd")
        assert verdict("samples", some, sample(98.3, 0.01, OF_TEN)) == "not reproduced"


class TestFurtherRuns:
    """The document's runs stay as many as they are."""

    def test_three_published_runs_are_too_few_whatever_is_run_here(self) -> None:
        found = said("samples", claim("76.4 ± 0.5", runs=3, margin=0.2, spread="sd"), sample(76.4, 0.5, OF_FIVE))
        assert (found.verdict, found.more) == ("inconclusive", None)
        assert "the document's 3 runs are too few for a margin of 0.2" in found.evidence

    def test_a_print_may_be_too_coarse(self) -> None:
        found = said("samples", claim("76 ± 1", runs=1000, margin=0.5, spread="sd"), sample(76.0, 0.5, OF_FIVE))
        assert (found.verdict, found.more) == ("inconclusive", None)
        assert "the print is too coarse for a margin of 0.5" in found.evidence

    def test_another_publication_makes_no_further_runs(self) -> None:
        found = said("samples", claim("76.4 ± 0.5", runs=10, margin=0.4, spread="sd"), Sample(76.4, 0.5, 5))
        assert (found.verdict, found.more) == ("inconclusive", None)

    def test_an_order_of_zeros_takes_no_more(self) -> None:
        found = said("order", claim("better", margin=0.5), [0.0] * 5)
        assert (found.verdict, found.more) == ("inconclusive", None)
        assert "no farther from 0 than the margin of 0.5" in found.evidence


class TestMargins:
    """Orders and thresholds keep their margin, give a p, and are corrected with the rest of the document."""

    def test_a_difference_inside_the_margin_is_no_accusation(self) -> None:
        assert verdict("order", claim("better", margin=0.5), sample(-0.001, 0.0001, OF_TEN)) == "inconclusive"
        assert verdict("order", claim("better", margin=0.5), sample(-0.6, 0.0001, OF_TEN)) == "not reproduced"
        assert verdict("threshold", claim("> 90", margin=0.5), sample(89.7, 0.01, OF_TEN)) == "inconclusive"
        assert verdict("threshold", claim("> 90"), sample(89.7, 0.01, OF_TEN)) == "not reproduced"

    @pytest.mark.parametrize(("judge", "published"), [("order", "better"), ("threshold", "> 0")])
    def test_one_accusation_of_many_claims_is_corrected(self, judge: str, published: str) -> None:
        some = claim(published, margin=1e-9)
        alone = said(judge, some, sample(-0.7, 1.0, OF_TEN))
        assert alone.verdict == "not reproduced"
        assert alone.p is not None
        assert 0.02 < alone.p < 0.05
        document = [(some, alone)] + [(some, said(judge, some, sample(0.1, 1.0, OF_TEN))) for _ in range(19)]
        assert [one.verdict for _, one in accused(document)] == ["inconclusive"] * 20


class TestUnitsOfShares:
    """A share is 0 to 100 % of a whole number of items."""

    def test_a_mean_that_is_no_percentage_is_one_of_whole_numbers(self) -> None:
        assert verdict("granularity", claim("3.48"), 25) == "reproduced"
        assert verdict("granularity", claim("3.49"), 25) == "erratum"

    @pytest.mark.parametrize("share", ["102.5", "-2.5"])
    def test_outside_is_no_share(self, share: str) -> None:
        assert verdict("granularity", claim(share, unit="%"), 40) == "erratum"
        assert verdict("granularity", claim("100.0", unit="%"), 40) == "reproduced"

    @pytest.mark.parametrize("items", [0, 199.9, -3, math.nan])
    def test_items_are_whole_and_above_none(self, items: float) -> None:
        with pytest.raises(UsageError, match=r"number of items|no number"):
            said("granularity", claim("50.0", unit="%"), items)


class TestSpreads:
    """What stands behind a ± is taken for what the claim says it is, and for everything where it says nothing."""

    PUBLISHED = "76.400 ± 0.100"  # a standard error of 25 runs of deviation 0.5
    OURS = Sample(76.12, 0.5, 25)

    @pytest.mark.parametrize(
        ("spread", "wanted"),
        [("sd", "not reproduced"), ("2sd", "not reproduced"), ("se", "inconclusive"), ("ci95", "inconclusive"),
         ("unknown", "inconclusive")],
    )  # fmt: skip
    def test_a_standard_error_is_no_deviation(self, spread: str, wanted: str) -> None:
        found = said("samples", claim(self.PUBLISHED, runs=25, margin=0.1, spread=spread), self.OURS)
        assert found.verdict == wanted
        words = (
            "not reproduced if it is a deviation or two deviations, inconclusive if it is a standard error or a 95 %"
        )
        assert (words in found.evidence) == (spread == "unknown")

    def test_nor_is_equality_shown_that_one_reading_does_not_show(self) -> None:
        verdicts = {
            spread: verdict("samples", claim("76.40 ± 0.10", runs=9, margin=0.13, spread=spread), Sample(76.4, 0.1, 9))
            for spread in ("sd", "se", "ci95", "2sd", "unknown")
        }
        assert verdicts == {"sd": "reproduced", "2sd": "reproduced", "ci95": "reproduced", "se": "inconclusive",
                            "unknown": "inconclusive"}  # fmt: skip

    def test_what_every_reading_bears_out_is_said(self) -> None:
        assert verdict("samples", claim("76.40 ± 0.10", runs=9, margin=0.5), Sample(76.4, 0.1, 9)) == "reproduced"
        assert verdict("samples", claim("76.40 ± 0.10", runs=9, margin=0.5), Sample(86.4, 0.1, 9)) == "not reproduced"


class TestWithoutScatter:
    """Equal values on both sides are the clearest reproduction there is."""

    def test_all_equal_on_both_sides(self) -> None:
        some = claim("100.0 ± 0.0", runs=5, margin=0.05)
        assert verdict("samples", some, [100.0] * 5) == "reproduced"
        assert verdict("samples", some, [99.0] * 6) == "not reproduced"
        assert verdict("samples", some, Sample(100.0, 0.0, 5)) == "reproduced"

    def test_one_side_without(self) -> None:
        assert verdict("samples", claim("99.90 ± 0.10", runs=500, margin=0.1, spread="sd"), [99.9] * 5) == "reproduced"
        assert verdict("samples", claim("99.9 ± 0.1", runs=5, margin=0.001), [99.9] * 5) == "inconclusive"

    def test_five_equal_runs_that_print_as_published(self) -> None:
        found = said("interval", claim("98.5", margin=0.01), [98.5] * 5)
        assert (found.verdict, found.evidence) == ("reproduced", "all 5 runs are 98.5, which prints so")
        assert verdict("interval", claim("98.5", margin=0.01), [98.7] * 6) == "not reproduced"

    def test_a_bound_that_includes_itself_is_kept(self) -> None:
        assert verdict("threshold", claim(">= 90"), [90.0] * 6) == "reproduced"
        assert verdict("threshold", claim("> 90"), [90.0] * 6) == "inconclusive"
        assert verdict("threshold", claim("> 90"), [89.0] * 6) == "not reproduced"
        assert verdict("order", claim("better", margin=0.1), [-1.0] * 6) == "not reproduced"

    @pytest.mark.parametrize(
        ("judge", "some", "values"),
        [
            ("threshold", claim("> 90"), [89.0]), ("threshold", claim("> 90"), [91.0]),
            ("threshold", claim(">= 90"), [90.0]), ("order", claim("better"), [-1.0]),
            ("order", claim("better"), [1.0]),
            ("interval", claim("98.5", margin=0.01), [98.7]), ("interval", claim("98.5", margin=0.5), [98.7]),
            ("samples", claim("98.5 ± 0.0", runs=5, margin=0.1), [99.0]),
        ],
    )  # fmt: skip
    def test_five_that_are_equal_may_be_so_by_chance(self, judge: str, some: Claim, values: list[float]) -> None:
        few, enough = (said(judge, some, values * n) for n in (5, 6))
        assert (few.verdict, few.more) == ("inconclusive", 1)
        assert few.evidence.endswith("5 runs may be equal by chance, 6 are needed")
        assert few.p is not None
        assert few.p >= 0.5**4
        assert enough.verdict in ("reproduced", "not reproduced")
        document = [(some, enough), (some, said(judge, some, values * 6))]
        assert "not reproduced" not in [one.verdict for _, one in accused(document)]

    def test_equal_runs_of_another_publication_are_not_made_here(self) -> None:
        some = claim("98.5 ± 0.0", runs=5, margin=0.1, spread="sd")
        found = said("samples", some, Sample(99.0, 0.0, 5))
        assert (found.verdict, found.more) == ("inconclusive", None)

    def test_a_loss_near_the_end_of_floats_is_an_erratum(self) -> None:
        assert verdict("printed", claim("0.50"), 3.4e38) == "erratum"
        assert verdict("interval", claim("0.50", margin=0.1), [3.4e38, 3.3e38, 3.2e38, 3.4e38, 1e38]) == "inconclusive"
        assert verdict("bound", claim("< 1"), 1.7e308) == "erratum"


class TestEveryPart:
    """What is published is judged, all of it, or refused."""

    @pytest.mark.parametrize(
        ("judge", "some", "evidence"),
        [
            ("threshold", claim("> 90", "> 99", judge="threshold"), [95.0, 95.1, 95.2, 94.9, 94.8]),
            ("interval", claim("95", "10", margin=1.0, judge="interval"), [95.0, 95.1, 95.2, 94.9, 94.8]),
            (
                "samples",
                claim("76.4 ± 0.5", "10 ± 0.5", runs=9, margin=0.5, judge="samples"),
                sample(76.4, 0.1, OF_TEN),
            ),
        ],
    )
    def test_a_second_part_is_refused(self, judge: str, some: Claim, evidence: Any) -> None:
        with pytest.raises(UsageError, match=f"2 parts are published, and '{judge}' judges one"):
            said(judge, some, evidence)

    def test_bounds_are_judged_part_by_part(self) -> None:
        with pytest.raises(UsageError, match="2 parts are published, and 1 were found"):
            said("bound", claim("> 90", "> 99"), 95.0)
        assert verdict("bound", claim("> 90", "> 99"), [95.0, 99.5]) == "reproduced"
        assert verdict("bound", claim("> 90", "> 99"), [95.0, 95.0]) == "erratum"

    @pytest.mark.parametrize(("published", "count"), [("12.7", 12), ("0.9", 0)])
    def test_a_count_with_a_fraction_is_none(self, published: str, count: int) -> None:
        with pytest.raises(UsageError, match="counts are whole numbers"):
            said("count", claim(published), count)

    @pytest.mark.parametrize(("bound", "value"), [("≤ 0.05", 0.05), ("≥ 90", 90.0), ("≤ 3.2E\N{MINUS SIGN}5", 3e-5)])
    def test_bounds_are_read_as_they_are_printed(self, bound: str, value: float) -> None:
        assert verdict("bound", claim(bound), value) == "reproduced"


class TestNoNumber:
    """What our code failed to compute accuses nobody."""

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize(
        ("judge", "published"),
        [("bound", "> 90"), ("bound", "< 90"), ("law", "-"), ("printed", "0.5"), ("count", "3"), ("granularity", "3")],
    )
    def test_it_is_an_error_for_a_value(self, judge: str, published: str, value: float) -> None:
        with pytest.raises(UsageError, match="which is no number; mend what computes it"):
            said(judge, claim(published), value)

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    @pytest.mark.parametrize(
        ("judge", "published"),
        [("interval", "1.0"), ("samples", "1.0 ± 0.1"), ("order", "better"), ("threshold", "> 1")],
    )
    def test_it_is_an_error_among_runs(self, judge: str, published: str, value: float) -> None:
        some = claim(published, margin=0.1, runs=6)
        for evidence in ([1.0, 2.0, 1.5, 1.2, value, 3.0], Runs((1.0, 2.0, 1.5, 1.2, value, 3.0))):
            with pytest.raises(UsageError, match="which is no number; mend what computes it"):
                said(judge, some, evidence)

    def test_whole_numbers_of_any_size_are_exact(self) -> None:
        large = claim("12,345,678,901,234,567")
        assert verdict("printed", large, 12_345_678_901_234_567) == "reproduced"
        assert verdict("printed", large, 12_345_678_901_234_568) == "erratum"
        assert verdict("count", large, 12_345_678_901_234_567) == "reproduced"
        assert verdict("bound", claim("> 9007199254740992"), 9_007_199_254_740_993) == "reproduced"
        assert verdict("printed", claim("1.0e400"), 10**400) == "reproduced"

    def test_a_text_is_no_list_of_differences(self) -> None:
        with pytest.raises(UsageError, match="put it into a list"):
            said("protocol", claim("-"), "seed; data")
