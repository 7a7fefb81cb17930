"""What differs by the last bits of floats, double or single, differs from no limit; and what equal runs are worth."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import repro
from repro.audit import digits, measured, samples
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.audit.verdicts import LEVEL, Judgement, Runs
from repro.errors import UsageError
from repro.stats import Sample

TENTH = float(np.float32(0.1))
NINE = float(np.float32(0.9))
STEPS = (0.82, 0.75, 0.79, 0.71, 0.68)


def said(judge: str, published: str, evidence: Any, **changed: Any) -> Judgement:
    claim = Claim("toy", "it", "section 1", "value", "Something.", (published,), 1, **changed)
    return JUDGES[judge].decide(claim, evidence)


def asked(folder: Path, values: dict[str, Any], **options: Any) -> repro.Asked:
    """Judge results of methods, one value a seed."""
    path = folder / "results.csv"
    rows = [f"{method},{seed},{value!r}" for method, some in values.items() for seed, value in enumerate(some)]
    path.write_text("\n".join(["method,seed,acc", *rows, ""]))
    return repro.judge(path, metric="acc", **{"where": {"method": "ours"}, **options})


class TestSinglePrecision:
    """A number of single precision has the last bits of that, which decide nothing."""

    @pytest.mark.parametrize("n", [5, 6, 9])
    @pytest.mark.parametrize(
        ("side", "limit", "value"),
        [("above", 0.1, TENTH), ("above", 0.9, NINE), ("below", 0.1, TENTH), ("below", 0.9, NINE)],
    )
    def test_what_lies_on_a_limit_is_on_no_side_of_it(
        self, side: str, limit: float, value: float, n: int, tmp_path: Path
    ) -> None:
        typed, logged = (asked(tmp_path, {"ours": [one] * n}, **{side: limit}) for one in (limit, value))
        assert (typed.judgement.verdict, logged.judgement.verdict) == ("inconclusive", "inconclusive")
        assert (typed.judgement.p, logged.judgement.p) == (1.0, 1.0)

    def test_nor_after_it_was_converted(self, tmp_path: Path) -> None:
        assert asked(tmp_path, {"ours": [TENTH] * 9}, above=10, unit="%").judgement.verdict == "inconclusive"

    def test_nor_are_differences_of_such(self, tmp_path: Path) -> None:
        single = {name: [float(np.float32(one + more)) for one in STEPS] for name, more in (("ours", 0), ("base", 0.1))}
        found = asked(tmp_path, single, better_than="method=base", margin=0.1).judgement
        assert (found.verdict, found.p, found.more) == ("inconclusive", 1.0, None)

    def test_what_a_log_says_of_its_precision_counts(self) -> None:
        near = Runs((0.10000000149,) * 9, noise=1.2e-8)
        assert said("threshold", "> 0.1", near).verdict == "inconclusive"
        assert said("threshold", "> 0.1", near.values).verdict == "reproduced"

    def test_what_is_farther_is_a_difference(self) -> None:
        values = [float(np.float32(one)) for one in (0.100001, 0.100002, 0.100003, 0.100002, 0.100001)]
        assert said("threshold", "> 0.1", values).verdict == "reproduced"

    @pytest.mark.parametrize(
        ("values", "wanted"),
        [
            ([TENTH], True), ([TENTH, 0.5], True), ([TENTH, 0.1], False), ([0.1], False), ([0.5, 0.25, 3.0], False),
            ([97.65625], False), ([2.0**40], False), ([1e300], False), ([0.0], False), ([], False),
        ],
    )  # fmt: skip
    def test_which_values_are_of_single_precision(self, values: list[float], wanted: bool) -> None:
        assert digits.single(values) == wanted

    def test_judges_without_runs_have_the_same_rule(self) -> None:
        assert said("bound", "> 0.1", TENTH).verdict == "erratum"
        assert said("bound", "<= 0.1", TENTH).verdict == "reproduced"
        assert said("bound", "> 0.1", 0.1001).verdict == "reproduced"


class TestExactlyTheMargin:
    """What is on the wrong side has to lie beyond the margin, in any unit."""

    @pytest.mark.parametrize("n", [5, 6, 20])
    @pytest.mark.parametrize("times", [1.0, 10.0, 100.0])
    @pytest.mark.parametrize(("value", "limit"), [(0.7, 0.8), (0.9, 0.8), (0.6, 0.7), (0.1, 0.2)])
    def test_it_is_not_beyond(self, value: float, limit: float, times: float, n: int) -> None:
        side = "<" if value > limit else ">"
        runs, margin = [value * times] * n, 0.1 * times
        found = said("threshold", f"{side} {limit * times:.6g}", runs, margin=margin)
        assert (found.verdict, found.p) == ("inconclusive", 1.0)
        assert said("threshold", f"{side} {limit * times:.6g}", [value * times * (0.99 if side == ">" else 1.01)] * 6,
                    margin=margin).verdict == "not reproduced"  # fmt: skip

    def test_differences_of_pairs_have_the_last_bits_of_both_sides(self, tmp_path: Path) -> None:
        for times in (1.0, 100.0):
            values = {"ours": [one * times for one in STEPS], "base": [round(one + 0.1, 2) * times for one in STEPS]}
            found = asked(tmp_path, values, better_than="method=base", margin=0.1 * times, unit="same").judgement
            assert (found.verdict, found.p, found.more) == ("inconclusive", 1.0, None)

    def test_seeds_of_their_own(self) -> None:
        found = measured.decide_unpaired(Runs((0.7,) * 6), Runs((0.8,) * 6), 0.1)
        assert (found.verdict, found.p) == ("inconclusive", 1.0)
        assert measured.decide_unpaired(Runs((0.7,) * 6), Runs((0.8,) * 6), 0.09).verdict == "not reproduced"

    @pytest.mark.parametrize(("value", "published"), [(0.8, "0.70000000"), (0.7, "0.80000000"), (0.4, "0.30000000")])
    def test_a_single_value(self, value: float, published: str) -> None:
        found = said("interval", published, [value] * 6, margin=0.1 + 1e-8)  # and half a unit of its last digit
        assert (found.verdict, found.p) == ("reproduced", 1.0)
        assert said("interval", published, [value] * 6, margin=0.099).verdict == "not reproduced"

    def test_a_mean_with_its_spread(self) -> None:
        found = said("samples", "0.8 ± 0", [0.65] * 6, runs=5, margin=0.1, spread="sd")  # 0.75 prints so as well
        assert found.verdict == "inconclusive"
        assert found.p == 1.0


class TestFurtherRuns:
    """A single value that lies inside the margin, or beyond it, is decided by so many runs more."""

    def test_they_are_said(self) -> None:
        found = said("interval", "10.0", [9.0, 10.0, 11.0, 10.5, 9.5], margin=2.2)
        assert (found.verdict, found.more) == ("inconclusive", 7)
        assert "however many" not in found.evidence

    @pytest.mark.parametrize(("true", "margin"), [(10.0, 2.2), (10.6, 2.5), (15.0, 2.2), (9.0, 3.0)])
    def test_as_many_decide_in_four_of_five(self, true: float, margin: float) -> None:
        ours = Sample(10.0, 0.8, 5)
        near, far = abs(true - 10.0) - 0.05, abs(true - 10.0) + 0.05
        more = measured.runs_to_predict(ours, near, far, 0.05, margin)
        draw = np.random.default_rng(1)
        total = ours.n + (more or 0)
        wanted = "reproduced" if far <= margin else "not reproduced"
        found = [said("interval", f"{true:.1f}", draw.normal(10.0, 0.8, total), margin=margin) for _ in range(400)]
        assert sum(one.verdict == wanted for one in found) / 400 > 0.74
        if more and more > 3:
            drawn = (draw.normal(10.0, 0.8, total - 3) for _ in range(400))
            few = [said("interval", f"{true:.1f}", one, margin=margin).verdict for one in drawn]
            assert few.count(wanted) / 400 < 0.86

    @pytest.mark.parametrize(("published", "margin"), [("10.0", 1.0), ("11.5", 0.5), ("10", 0.9)])
    def test_where_no_number_would_do_none_is_named(self, published: str, margin: float) -> None:
        """One run scatters by more than the margin, or a value is no farther from it, or lies on both sides of it."""
        found = said("interval", published, [9.0, 10.0, 11.0, 10.5, 9.5], margin=margin)
        assert (found.verdict, found.more) == ("inconclusive", None)
        assert found.evidence.endswith("however many runs there are")


class TestWhatIsAsked:
    """What is of another type is refused with its name, and what is too large to be reckoned with."""

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"published": "10 ± 1", "runs": "5", "spread": "sd"}, "runs='5': wanted a whole number, got str"),
            ({"published": "10 ± 1", "runs": 2.5, "spread": "sd"}, "runs=2.5: wanted a whole number, got float"),
            ({"published": "10 ± 1", "runs": True, "spread": "sd"}, "runs=True: wanted a whole number, got bool"),
            ({"published": "10 ± 1", "runs": 10**400, "spread": "sd", "margin": 1.0}, "of 2 to 1,000,000,000 runs"),
            ({"published": "10", "margin": "0.1"}, "margin='0.1': wanted a number, got str"),
            ({"published": ["10"], "margin": 0.1}, "wanted a text or a number, got list"),
            ({"published": float("nan"), "margin": 0.1}, "--published nan: no number"),
            ({"above": True}, "above=True: wanted a text or a number, got bool"),
            ({"above": 1, "where": "method=ours"}, "wanted a mapping of fields to values, or a list of texts, got str"),
            ({"above": 1, "where": [1]}, "wanted a mapping of fields to values, or a list of texts, got list"),
            ({"above": 1, "across": "method"}, "across='method': wanted a list of texts, got str"),
            ({"above": 1, "epoch": 3}, "epoch=3: wanted a text, got int"),
            ({"above": 1, "unit": None}, "unit=None: wanted a text, got NoneType"),
            ({"published": "0.61 ± 1e308", "runs": 5, "spread": "sd"}, "'1e308' is too large"),
            ({"published": "0.61 ± 1e308", "runs": 5, "spread": "2sd", "margin": 1}, "'1e308' is too large"),
            ({"published": "1e308 ± 1", "runs": 5, "spread": "sd"}, "'1e308' is too large"),
        ],
    )  # fmt: skip
    def test_it_is_refused(self, options: dict[str, Any], words: str, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=words):
            asked(tmp_path, {"ours": STEPS}, **options)

    def test_no_path(self) -> None:
        with pytest.raises(UsageError, match="results=3: wanted a path, got int"):
            repro.judge(3, metric="acc", above=1)  # type: ignore[arg-type]

    @pytest.mark.parametrize("number", [0.75, np.float64(0.75), np.float32(0.75), Decimal("0.75")])
    def test_a_number_is_taken_as_its_shortest_text(self, number: Any, tmp_path: Path) -> None:
        found = asked(tmp_path, {"ours": STEPS}, published=number, margin=np.float64(0.3))
        assert found.claim == asked(tmp_path, {"ours": STEPS}, published="0.75", margin=0.3).claim


class TestEqualRuns:
    """Runs that are all equal have no scatter to measure by: n agree by chance in 0.5 ** (n - 1) at most."""

    def test_six_are_the_fewest_that_do_not_agree_by_chance(self) -> None:
        assert 0.5 ** (measured.LEAST_EQUAL - 1) <= LEVEL < 0.5 ** (measured.LEAST_EQUAL - 2)

    def test_five_coarse_runs_that_agree_accuse_and_pass_nothing(self) -> None:
        draw = np.random.default_rng(1)
        wrong = right = 0
        for _ in range(500):
            two = np.where(draw.random(5) < 0.2, 100.0, 90.0)
            wrong += said("threshold", "> 92", two).verdict == "not reproduced"
            right += said("threshold", "> 99.5", draw.binomial(20, 0.99, 5) * 5.0).verdict == "reproduced"
        assert (wrong, right) == (0, 0)  # 32 % and 36 % before

    def test_further_runs_of_equal_ones_decide(self) -> None:
        assert said("threshold", "< 1000000", [933412.0] * 6).verdict == "reproduced"
        claim = Claim("toy", "it", "", "value", "", ("98.5 ± 0.2",), 1, runs=9, margin=0.5, spread="sd")
        assert samples.decide_samples(claim, [98.5] * 5).verdict == "reproduced"  # the document's scatter measures it
