"""The audit's tests of means against scipy, and each against a mistake that is often made."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from repro import stats
from repro.errors import UsageError
from tests.repro.support.chance import bounded

means = st.floats(-100, 100)
samples = st.builds(stats.Sample, means, st.floats(0.01, 10), st.integers(2, 30))


def rejections(judge: Callable[[stats.Sample, stats.Sample], float], shift: float, *, pairs: int = 4000) -> int:
    """Count p-values of at most 5 % over pairs of samples, six of sd 1 against twenty of sd 0.2, `shift` apart."""
    random = np.random.default_rng(13)
    first, second = random.normal(shift, 1.0, (pairs, 6)), random.normal(0.0, 0.2, (pairs, 20))
    return sum(judge(sample_of(a), sample_of(b)) <= 0.05 for a, b in zip(first, second, strict=True))


def sample_of(values: NDArray[np.float64]) -> stats.Sample:
    return stats.Sample(float(values.mean()), float(values.std(ddof=1)), len(values))


def pooled_variance(first: stats.Sample, second: stats.Sample) -> float:
    """Return the p of Student's test, the mistake that Welch's corrects."""
    ends = (first.mean, first.sd, first.n, second.mean, second.sd, second.n)
    return float(scipy.stats.ttest_ind_from_stats(*ends, equal_var=True).pvalue)


class TestWelch:
    """Two means, variances that may differ: Welch (1947), degrees of freedom of Satterthwaite (1946)."""

    @given(st.data(), st.integers(2, 12), st.integers(2, 12))
    def test_it_is_scipys(self, data: st.DataObject, n: int, m: int) -> None:
        first, second = (np.array(data.draw(st.lists(means, min_size=k, max_size=k, unique=True))) for k in (n, m))
        assume(min(first.std(), second.std()) > 1e-6)
        found, law = (
            stats.welch(sample_of(first), sample_of(second)),
            scipy.stats.ttest_ind(first, second, equal_var=False),
        )
        assert found.p == pytest.approx(law.pvalue, rel=1e-6, abs=1e-12)
        assert found.df == pytest.approx(law.df, rel=1e-6)
        assert found.interval(0.9) == pytest.approx(tuple(law.confidence_interval(0.9)), rel=1e-6, abs=1e-6)

    @given(samples, samples)
    def test_exchanging_the_samples_changes_the_sign_alone(self, first: stats.Sample, second: stats.Sample) -> None:
        there, back = stats.welch(first, second), stats.welch(second, first)
        assert back.difference == -there.difference
        assert (back.p, back.df) == pytest.approx((there.p, there.df), rel=1e-12)

    def test_its_level_holds_where_variances_and_sizes_differ(self) -> None:
        count = rejections(lambda first, second: stats.welch(first, second).p, 0.0)
        assert bounded(count, 4000, 0.05)
        assert count > 0.04 * 4000

    @pytest.mark.parametrize("mistake", [pooled_variance, lambda a, b: stats.welch(a, b).p / 2], ids=["pooled", "half"])
    def test_the_simulation_rejects_a_pooled_variance_and_a_one_sided_p(
        self, mistake: Callable[[stats.Sample, stats.Sample], float]
    ) -> None:
        assert not bounded(rejections(mistake, 0.0), 4000, 0.05)

    def test_samples_that_tell_nothing_are_refused(self) -> None:
        for n in (1, 0):
            with pytest.raises(UsageError, match=f"at least 2 values to be compared, got n={n}; run more"):
                stats.Sample(1.0, 0.1, n)
        for mean, sd in ((1.0, -0.1), (1.0, math.nan), (math.nan, 0.1), (math.inf, 0.1)):
            with pytest.raises(UsageError, match=f"standard deviation of 0 or more, got {mean} and {sd};"):
                stats.Sample(mean, sd, 6)
        with pytest.raises(UsageError, match=r"without scatter \(sd 0 at n=6 and n=5\)"):
            stats.welch(stats.Sample(1.0, 0.0, 6), stats.Sample(2.0, 0.0, 5))


class TestTost:
    """Equivalence by two one-sided tests (Schuirmann 1987)."""

    MARGIN = 0.8

    @given(samples, samples, st.floats(0.01, 100))
    def test_it_accepts_when_the_interval_of_twice_the_level_is_inside(
        self, first: stats.Sample, second: stats.Sample, margin: float
    ) -> None:
        low, high = stats.welch(first, second).interval(0.90)
        p, reach = stats.tost(first, second, margin), max(-low, high)
        assume(abs(reach - margin) > 1e-6 * margin)
        assert (p < 0.05) == (reach < margin)
        assert stats.tost(second, first, margin) == pytest.approx(p, rel=1e-9)

    def test_means_a_margin_apart_are_called_equal_at_the_level(self) -> None:
        for shift in (-self.MARGIN, self.MARGIN):
            assert bounded(rejections(lambda a, b: stats.tost(a, b, self.MARGIN), shift), 4000, 0.05)

    def test_equal_means_are_found_equal(self) -> None:
        assert rejections(lambda a, b: stats.tost(a, b, 3 * self.MARGIN), 0.0) > 0.9 * 4000

    def test_the_simulation_rejects_taking_no_difference_found_for_equality(self) -> None:
        count = rejections(lambda a, b: float(stats.welch(a, b).p <= 0.05), self.MARGIN)
        assert not bounded(count, 4000, 0.05)

    def test_the_simulation_rejects_one_of_the_two_one_sided_tests_alone(self) -> None:
        def upper(first: stats.Sample, second: stats.Sample) -> float:
            test = stats.welch(first, second)
            return float(scipy.stats.t.cdf((test.difference - self.MARGIN) / test.standard_error, test.df))

        assert not bounded(rejections(upper, -self.MARGIN, pairs=400), 400, 0.05)

    def test_a_margin_that_is_none_is_refused(self) -> None:
        sample = stats.Sample(1.0, 0.1, 6)
        for margin in (0.0, -0.2, math.nan, math.inf):
            with pytest.raises(UsageError, match=f"needs a margin above 0, got {margin}; name the difference"):
                stats.tost(sample, sample, margin)


ps = st.lists(st.floats(0, 1), max_size=12)


class TestHolm:
    """Step-down adjustment that keeps the family's level under any dependence (Holm 1979)."""

    def test_a_worked_example(self) -> None:
        assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
        assert stats.holm([]) == ()
        assert stats.holm([0.9, 0.8]) == (1.0, 1.0)

    @given(ps)
    def test_it_lies_between_the_p_and_bonferronis(self, values: list[float]) -> None:
        for p, adjusted in zip(values, stats.holm(values), strict=True):
            assert p <= adjusted <= min(1.0, len(values) * p) or adjusted == pytest.approx(p)

    @given(ps, st.randoms())
    def test_the_order_of_the_tests_does_not_matter(self, values: list[float], random: Random) -> None:
        order = list(range(len(values)))
        random.shuffle(order)
        adjusted = stats.holm(values)
        assert stats.holm([values[k] for k in order]) == tuple(adjusted[k] for k in order)

    def test_the_family_level_holds_and_that_of_the_raw_ps_does_not(self) -> None:
        drawn = np.random.default_rng(17).uniform(size=(4000, 8)).tolist()
        assert bounded(sum(min(stats.holm(row)) <= 0.05 for row in drawn), 4000, 0.05)
        assert not bounded(sum(min(row) <= 0.05 for row in drawn), 4000, 0.05)

    def test_what_is_no_p_is_refused(self) -> None:
        for wrong in (-0.1, 1.1, math.nan):
            with pytest.raises(UsageError, match=f"between 0 and 1, got 0.5, {wrong}; test each pair first"):
                stats.holm([0.5, wrong])


def test_numbers_alike_differ_in_their_last_bits_alone() -> None:
    whole = {"a": [1.0, {"b": "c", "n": 3}], "none": None}
    assert stats.alike(whole, {"a": [math.nextafter(1.0, 2.0), {"b": "c", "n": 3}], "none": None})
    for other in (
        {"a": [1.000001, {"b": "c", "n": 3}], "none": None},
        {"a": [1.0, {"b": "d", "n": 3}], "none": None},
        {"a": [1.0, {"b": "c", "n": 3.0}], "none": None},
        {"a": [1.0], "none": None},
        {"a": [1.0, {"b": "c", "n": 3}]},
    ):
        assert not stats.alike(whole, other)
