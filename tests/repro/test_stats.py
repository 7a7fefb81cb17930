"""The statistics against scipy, and the rule built on them against its own promise by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from repro import stats
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
