"""The statistics against scipy, and the rule built on them against its own promise by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from repro import stats
from repro.errors import UsageError
from repro.golden import ALPHA, ALPHA_BANDS, ALPHA_DIVERGED, ALPHA_FINISHED

positive = st.floats(1e-3, 1e4)


@given(positive)
def test_trigamma_inv_inverts_trigamma(x: float) -> None:
    assert stats.trigamma_inv(float(scipy.special.polygamma(1, x))) == pytest.approx(x, rel=1e-9)


def test_trigamma_inv_refuses_what_trigamma_never_is() -> None:
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive"):
            stats.trigamma_inv(value)


@given(st.floats(1e-9, 0.5), st.floats(0.5, 400.0))
def test_beyond_the_critical_value_lies_the_level_on_both_sides_together(level: float, df: float) -> None:
    assert 2 * float(scipy.stats.t.sf(stats.t_critical(level, df), df)) == pytest.approx(level, rel=1e-8)


@given(st.integers(1, 40), st.data(), st.floats(0.01, 50.0), st.floats(0.01, 50.0))
def test_beta_binomial_tails_equal_scipys(n: int, data: st.DataObject, a: float, b: float) -> None:
    k = data.draw(st.integers(0, n))
    law = scipy.stats.betabinom(n, a, b)
    lower, upper = stats.beta_binomial_tails(k, n, a, b)
    assert lower == pytest.approx(float(law.cdf(k)), rel=1e-8, abs=1e-12)
    assert upper == pytest.approx(float(law.sf(k - 1)), rel=1e-8, abs=1e-12)


def test_sidak_keeps_the_family_level() -> None:
    for tests in (1, 2, 100, 10_000):
        each = stats.sidak(0.01, tests)
        assert 1.0 - (1.0 - each) ** tests == pytest.approx(0.01, rel=1e-9)
    with pytest.raises(ValueError, match="at least one"):
        stats.sidak(0.01, 0)
    assert pytest.approx(0.01) == ALPHA


def test_the_quantum_floor_is_the_variance_of_rounding() -> None:
    random = np.random.default_rng(5)
    exact = random.uniform(0, 1, 200_000)
    error = exact - np.round(exact / 0.1) * 0.1
    assert float(stats.quantum_floor(np.zeros(1), np.array([0.1]))[0]) == pytest.approx(error.var(), rel=0.02)
    assert stats.quantum_floor(np.ones(1), np.zeros(1))[0] == 1.0


def test_shrinkage_finds_the_prior_the_variances_were_drawn_from() -> None:
    random = np.random.default_rng(7)
    true = 4.0 * 6.0 / random.chisquare(6.0, 20_000)
    observed = true * random.chisquare(9.0, 20_000) / 9.0
    found = stats.shrink_variances(observed, np.full(20_000, 9.0))
    assert found.prior_df == pytest.approx(6.0, rel=0.15)
    assert found.prior_variance == pytest.approx(4.0, rel=0.05)
    error, raw = (np.abs(np.log(v / true)).mean() for v in (found.variance, observed))
    assert error < 0.9 * raw


def test_equal_variances_shrink_to_one_and_few_rows_not_at_all() -> None:
    random = np.random.default_rng(8)
    observed = random.chisquare(9.0, 500) / 9.0
    found = stats.shrink_variances(observed, np.full(500, 9.0))
    assert found.prior_df > 30.0
    assert found.variance.std() < 0.3 * observed.std()
    few = stats.shrink_variances(observed[:5], np.full(5, 9.0))
    np.testing.assert_array_equal(few.variance, observed[:5])
    assert few.prior_df == 0.0


def test_a_row_without_freedom_gets_the_prior_or_nothing() -> None:
    random = np.random.default_rng(9)
    observed, df = random.chisquare(9.0, 50) / 9.0, np.full(50, 9.0)
    observed[0], df[0] = math.nan, 0.0
    found = stats.shrink_variances(observed, df)
    assert found.variance[0] == pytest.approx(found.prior_variance)
    assert math.isnan(stats.shrink_variances(observed[:3], df[:3]).variance[0])


def alarms(
    rows: int, n0: int, uneven: bool, tables: int, *, n1: int = 1, shift: float = 0.0, level: float = ALPHA_BANDS,
    shrink: bool = True,
) -> NDArray[np.bool_]:  # fmt: skip
    """Simulate checks of accuracies near 98 % of quantum 0.01; say per table whether row 0, and whether any, alarms.

    Rows have one standard deviation, or variances from a scaled inverse chi-squared law with 6 degrees of freedom.
    `shift` moves the first row by so many of its own standard deviations. Returns shape (2, tables).
    """
    random = np.random.default_rng([rows, n0, uneven, n1])
    found = np.zeros((2, tables), dtype=bool)
    for index in range(tables):
        sd = 0.08 * np.sqrt(6.0 / random.chisquare(6.0, rows) if uneven else np.ones(rows))
        old, new = (np.round(random.normal(98.0, sd[:, None], (rows, n)), 2) for n in (n0, n1))
        new[0] += shift * sd[0]
        raw = stats.quantum_floor(old.var(axis=1, ddof=1), np.full(rows, 0.01))
        fitted = stats.shrink_variances(raw, np.full(rows, n0 - 1.0))
        variance, df = (fitted.variance, float(fitted.df[0])) if shrink else (np.full(rows, raw.mean()), 200.0)
        critical = stats.t_critical(stats.sidak(level, rows * (n1 + 1 if n1 > 1 else 1)), df)
        centre = old.mean(axis=1)
        mean = np.abs(new.mean(axis=1) - centre) > critical * np.sqrt(variance * (1 / n0 + 1 / n1))
        single = (np.abs(new - centre[:, None]) > critical * np.sqrt(variance * (1 / n0 + 1))[:, None]).any(axis=1)
        outside = mean | single
        found[:, index] = outside[0], outside.any()
    return found


def bounded(count: int, tables: int, rate: float) -> bool:
    """Say whether so many alarms are compatible (at one in 10,000) with a true rate of at most `rate`."""
    return bool(scipy.stats.binom.sf(count - 1, tables, rate) > 1e-4)


class TestFamilyFalseAlarms:
    """A check of unchanged code raises any alarm at most once in a hundred checks, whatever the rows' spread."""

    TABLES = 3000

    @pytest.mark.parametrize("uneven", [False, True], ids=["equal", "uneven"])
    @pytest.mark.parametrize(("rows", "n0", "n1"), [(100, 10, 1), (100, 5, 1), (20, 5, 1), (8, 5, 1), (25, 10, 3)])
    def test_rate_is_at_most_one_percent(self, rows: int, n0: int, n1: int, uneven: bool) -> None:
        count = int(alarms(rows, n0, uneven, self.TABLES, n1=n1)[1].sum())
        assert bounded(count, self.TABLES, ALPHA), f"{count} alarms in {self.TABLES} checks"

    def test_the_simulation_rejects_a_rule_that_pools_unequal_variances(self) -> None:
        count = int(alarms(100, 10, True, 1000, shrink=False)[1].sum())
        assert not bounded(count, 1000, ALPHA)

    def test_the_simulation_rejects_a_rule_without_multiplicity(self) -> None:
        count = int(alarms(100, 10, False, 1000, level=0.5)[1].sum())
        assert not bounded(count, 1000, ALPHA)


@pytest.mark.parametrize(("n0", "least"), [(10, 0.90), (5, 0.45)])
def test_a_shift_of_eight_standard_deviations_is_found(n0: int, least: float) -> None:
    for shift in (-8.0, 8.0):
        assert alarms(100, n0, True, 500, shift=shift)[0].mean() >= least


def test_diverged_runs_raise_few_alarms_when_nothing_changed() -> None:
    random = np.random.default_rng(11)
    rows, n0, n1, checks = 100, 10, 3, 400
    level, low_level = (stats.sidak(alpha, rows) for alpha in (ALPHA_DIVERGED, ALPHA_FINISHED))
    count = 0
    for _ in range(checks):
        rates = np.where(np.arange(rows) < 5, 0.2, 0.0)
        old, new = random.binomial(n0, rates), random.binomial(n1, rates)
        rate = (old.sum() + 0.5) / (rows * n0 + 1.0)
        tails = [stats.nonfinite_tails(int(k1), n1, int(k0), n0, rate) for k1, k0 in zip(new, old, strict=True)]
        count += any(
            few < low_level or (many < level and k1 > 1) for (few, many), k1 in zip(tails, new.tolist(), strict=True)
        )
    assert bounded(count, checks, ALPHA_DIVERGED + ALPHA_FINISHED)
    few, many = stats.nonfinite_tails(n1, n1, 0, n0, 0.01)
    assert many < level < few  # three of three where nothing ever diverged


class TestTails:
    """Leave-one-out scores tell how long the tails of a metric are (design: one factor a side, never below 1)."""

    @staticmethod
    def measured(draw: object, rows: int = 60, n0: int = 12) -> tuple[float, float]:
        samples = [draw(n0) for _ in range(rows)]  # type: ignore[operator]
        variance = np.array([values.var(ddof=1) for values in samples])
        shrunken = stats.shrink_variances(variance, np.full(rows, n0 - 1.0))
        return stats.tails(samples, np.zeros(rows), shrunken)

    def test_normal_values_have_normal_tails(self) -> None:
        random = np.random.default_rng(1)
        assert max(self.measured(random.standard_normal)) < 1.15

    def test_heavy_tails_are_seen_on_both_sides(self) -> None:
        random = np.random.default_rng(2)
        assert min(self.measured(lambda n: random.standard_t(2, n))) > 1.15

    def test_a_skew_is_seen_on_its_side_only(self) -> None:
        random = np.random.default_rng(3)
        low, high = self.measured(lambda n: -random.gamma(1.0, size=n))
        assert low > 1.15
        assert high == 1.0

    def test_few_values_tell_nothing(self) -> None:
        random = np.random.default_rng(4)
        assert self.measured(lambda n: random.standard_t(2, n), rows=5) == (1.0, 1.0)

    def test_a_score_is_that_of_the_value_given_the_others(self) -> None:
        values = np.array([1.0, 2.0, 4.0, 9.0])
        shrunken = stats.Shrunken(np.array([2.5]), np.array([8.0]), 5.0, 1.7)
        others = values[:3]
        variance = (5.0 * 1.7 + 2 * (others.var(ddof=1) + 0.3)) / 7.0
        t = (9.0 - others.mean()) / math.sqrt(variance * (1 + 1 / 3))
        score = stats.scores_of(values, 0.3, shrunken)[3]
        assert score == pytest.approx(scipy.stats.norm.isf(scipy.stats.t.sf(t, 7.0)), rel=1e-9)


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
