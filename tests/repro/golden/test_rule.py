"""The rule of a check: its parts against scipy and simulation, and the whole against its promise of one percent."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench.error_rates import worlds
from repro import stats
from repro.golden import rule
from tests.repro.support.chance import bounded

positive = st.floats(1e-3, 1e4)


@given(positive)
def test_trigamma_inv_inverts_trigamma(x: float) -> None:
    assert rule.trigamma_inv(float(scipy.special.polygamma(1, x))) == pytest.approx(x, rel=1e-9)


def test_trigamma_inv_refuses_what_trigamma_never_is() -> None:
    for value in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="positive"):
            rule.trigamma_inv(value)


@given(st.floats(1e-9, 0.5), st.floats(0.5, 400.0))
def test_beyond_the_critical_value_lies_the_level_on_both_sides_together(level: float, df: float) -> None:
    assert 2 * float(scipy.stats.t.sf(stats.t_critical(level, df), df)) == pytest.approx(level, rel=1e-8)


@given(st.integers(1, 40), st.data(), st.floats(0.01, 50.0), st.floats(0.01, 50.0))
def test_beta_binomial_tails_equal_scipys(n: int, data: st.DataObject, a: float, b: float) -> None:
    k = data.draw(st.integers(0, n))
    law = scipy.stats.betabinom(n, a, b)
    lower, upper = rule.beta_binomial_tails(k, n, a, b)
    assert lower == pytest.approx(float(law.cdf(k)), rel=1e-8, abs=1e-12)
    assert upper == pytest.approx(float(law.sf(k - 1)), rel=1e-8, abs=1e-12)


def test_sidak_keeps_the_family_level() -> None:
    for tests in (1, 2, 100, 10_000):
        each = rule.sidak(0.01, tests)
        assert 1.0 - (1.0 - each) ** tests == pytest.approx(0.01, rel=1e-9)
    with pytest.raises(ValueError, match="at least one"):
        rule.sidak(0.01, 0)
    assert pytest.approx(0.01) == rule.ALPHA


def test_the_quantum_floor_is_the_variance_of_rounding() -> None:
    random = np.random.default_rng(5)
    exact = random.uniform(0, 1, 200_000)
    error = exact - np.round(exact / 0.1) * 0.1
    assert float(rule.quantum_floor(np.zeros(1), np.array([0.1]))[0]) == pytest.approx(error.var(), rel=0.02)
    assert rule.quantum_floor(np.ones(1), np.zeros(1))[0] == 1.0


def test_shrinkage_finds_the_prior_the_variances_were_drawn_from() -> None:
    random = np.random.default_rng(7)
    true = 4.0 * 6.0 / random.chisquare(6.0, 20_000)
    observed = true * random.chisquare(9.0, 20_000) / 9.0
    found = rule.shrink_variances(observed, np.full(20_000, 9.0))
    assert found.prior_df == pytest.approx(6.0, rel=0.15)
    assert found.prior_variance == pytest.approx(4.0, rel=0.05)
    error, raw = (np.abs(np.log(v / true)).mean() for v in (found.variance, observed))
    assert error < 0.9 * raw


def test_equal_variances_shrink_to_one_and_few_rows_not_at_all() -> None:
    random = np.random.default_rng(8)
    observed = random.chisquare(9.0, 500) / 9.0
    found = rule.shrink_variances(observed, np.full(500, 9.0))
    assert found.prior_df > 30.0
    assert found.variance.std() < 0.3 * observed.std()
    few = rule.shrink_variances(observed[:5], np.full(5, 9.0))
    np.testing.assert_array_equal(few.variance, observed[:5])
    assert few.prior_df == 0.0


def test_a_row_without_freedom_gets_the_prior_or_nothing() -> None:
    random = np.random.default_rng(9)
    observed, df = random.chisquare(9.0, 50) / 9.0, np.full(50, 9.0)
    observed[0], df[0] = math.nan, 0.0
    found = rule.shrink_variances(observed, df)
    assert found.variance[0] == pytest.approx(found.prior_variance)
    assert math.isnan(rule.shrink_variances(observed[:3], df[:3]).variance[0])


def test_one_run_in_fifty_of_unchanged_code_is_suspicious() -> None:
    random = np.random.default_rng(1)
    old, new = random.standard_normal((40_000, 10)), random.standard_normal(40_000)
    away = (new - old.mean(1)) / old.std(1, ddof=1)
    assert (np.abs(away) > rule.suspect_limit(9.0, 10, 1)).mean() == pytest.approx(rule.SUSPECT, abs=0.003)


class TestTwoStages:
    """A row is suspicious once and confirmed by all of four more: with what chance, by simulation."""

    @staticmethod
    def simulated(shift: float, first: float, second: float, df: int, n: int, n1: int, m: int) -> float:
        random, tables = np.random.default_rng([df, n, n1, m]), 400_000
        error = random.standard_normal(tables) / math.sqrt(n)
        s = np.sqrt(random.chisquare(df, tables) / df)
        new = random.normal(shift, 1 / math.sqrt(n1), tables)
        more = random.normal(shift, 1.0, (tables, m))
        once = new - error > first * s
        again = (more - error[:, None] > second * s[:, None]).all(1)
        return float((once & again).mean())

    @staticmethod
    def found_by_four(level: float, df: float, n: int) -> float:
        """Return the shift that would be found with 80 % chance if four further runs confirmed."""
        limits = rule.suspect_limit(df, n, 1), rule.confirm_limit(level, df, n, 1, 4)
        return float(scipy.optimize.brentq(lambda d: rule.beyond_both(d, *limits, df, n, 1, 4) - rule.POWER, 0.0, 1e3))

    @pytest.mark.parametrize(
        ("df", "n", "n1", "m"), [(9, 10, 1, 4), (4, 5, 1, 4), (30, 20, 1, 4), (9, 10, 3, 2), (9, 10, 1, 1)]
    )
    @pytest.mark.parametrize("shift", [0.0, 1.0, 3.0])
    def test_the_chance_is_that_of_a_simulation(self, shift: float, df: int, n: int, n1: int, m: int) -> None:
        first, second = rule.suspect_limit(df, n, n1), 0.8
        wanted = self.simulated(shift, first, second, df, n, n1, m)
        found = rule.beyond_both(shift, first, second, df, n, n1, m)
        assert found == pytest.approx(wanted, abs=5 * math.sqrt(wanted * (1 - wanted) / 400_000) + 1e-9)

    def test_stages_that_shared_no_error_would_be_too_narrow(self) -> None:
        """The planted mistake: the chance as a product of two, as if each stage had a golden of its own."""
        first, second = rule.suspect_limit(9.0, 10, 1), rule.confirm_limit(1e-4, 9.0, 10)
        apart = rule.beyond_both(0.0, first, -1e3, 9.0, 10, 1, 4) * rule.beyond_both(0.0, -1e3, second, 9.0, 10, 1, 4)
        assert apart < 0.2 * rule.beyond_both(0.0, first, second, 9.0, 10, 1, 4)

    @pytest.mark.parametrize(("df", "n", "n1"), [(4.0, 5, 1), (9.0, 10, 1), (40.0, 20, 1), (9.0, 10, 3)])
    @pytest.mark.parametrize("level", [5e-3, 5e-5, 5e-6])
    def test_the_limit_keeps_the_level_on_both_sides_together(self, level: float, df: float, n: int, n1: int) -> None:
        second = rule.confirm_limit(level, df, n, n1)
        assert 2 * rule.beyond_both(
            0.0, rule.suspect_limit(df, n, n1), second, df, n, n1, rule.confirming(n)
        ) <= level * (1 + 1e-6)

    def test_what_is_detectable_is_found_as_often_as_it_says(self) -> None:
        level, df, n = 5e-5, 19, 20
        shift = rule.detectable(level, df, n)
        limits = rule.suspect_limit(df, n, 1), rule.confirm_limit(level, df, n)
        assert self.simulated(shift, *limits, df, n, 1, 4) == pytest.approx(rule.POWER, abs=0.005)
        assert shift < rule.detectable(level, 9, 10)


def test_the_joint_limit_is_that_of_two_normal_deviates() -> None:
    for correlation in (0.05, 0.2):
        limit = rule.joint_limit(1e-3, 2.326, correlation)
        law = scipy.stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]])
        assert law.cdf([-2.326, -limit]) == pytest.approx(1e-3, rel=0.01)


class TestShape:
    """Leave-one-out scores tell how a metric's values are not normal."""

    @staticmethod
    def measured(draw: Callable[[int], rule.Floats], rows: int = 60, n0: int = 12) -> rule.Shape:
        samples = [draw(n0) for _ in range(rows)]
        variance = np.array([values.var(ddof=1) for values in samples])
        shrunken = rule.shrink_variances(variance, np.full(rows, n0 - 1.0))
        return rule.shape(samples, np.zeros(rows), shrunken)

    def test_normal_values_scatter_as_the_law_says(self) -> None:
        found = self.measured(np.random.default_rng(1).standard_normal)
        assert abs(found.bias) < 0.1
        assert 0.99 <= found.spread < 1.3

    def test_a_skew_is_seen(self) -> None:
        def skewed(sign: float) -> rule.Shape:
            random = np.random.default_rng(3)
            return self.measured(lambda n: sign * random.gamma(1.0, size=n), rows=2000)

        left, right = skewed(-1.0), skewed(1.0)
        assert left.bias == pytest.approx(-right.bias)
        assert abs(left.bias) > 4.0 * math.sqrt(left.spread / 24_000)

    def test_heavy_tails_are_seen(self) -> None:
        random = np.random.default_rng(2)
        normal, heavy = self.measured(random.standard_normal), self.measured(lambda n: random.standard_t(2, n))
        assert heavy.squares > 1.1 * normal.squares

    def test_few_values_tell_nothing(self) -> None:
        random = np.random.default_rng(4)
        found = self.measured(lambda n: -random.gamma(1.0, size=n), rows=5)
        assert found.bias == 0.0
        assert (found.spread, found.squares) == pytest.approx(rule.clipped_moments(11.0))

    @pytest.mark.parametrize("df", [3.0, 12.0, 1e6])
    def test_the_moments_are_those_of_students_law_held_within_bounds(self, df: float) -> None:
        squares = np.clip(np.random.default_rng(5).standard_t(df, 1_000_000), -rule.CLIP, rule.CLIP) ** 2
        assert rule.clipped_moments(df) == pytest.approx((squares.mean(), squares.var()), rel=0.01)

    def test_a_t_is_that_of_the_value_given_the_others(self) -> None:
        values = np.array([1.0, 2.0, 4.0, 9.0])
        shrunken = rule.Shrunken(np.array([2.5]), np.array([8.0]), 5.0, 1.7)
        others = values[:3]
        variance = (5.0 * 1.7 + 2 * (others.var(ddof=1) + 0.3)) / 7.0
        t = rule.left_out(values, 0.3, shrunken)
        assert t[3] == pytest.approx((9.0 - others.mean()) / math.sqrt(variance * (1 + 1 / 3)), rel=1e-9)


class TestWholeTable:
    def test_scores_of_an_unmoved_table_are_normal_deviates(self) -> None:
        random, rows, n = np.random.default_rng(6), 60, np.full(60, 20.0)
        one = np.ones(rows)
        t = random.standard_normal((4000, rows))
        shift = rule.shift_score(t, 0 * one, one)
        wide = rule.dispersion_score(t, 0 * one, one, 2 * one, n * 1e9)
        for scores in (shift, wide):
            assert abs(scores.mean()) < 0.06
            assert scores.std() == pytest.approx(1.0, abs=0.05)
            assert (scores > 2.326).mean() == pytest.approx(0.01, abs=0.006)

    def test_a_shift_and_a_scatter_are_told_apart(self) -> None:
        one, n = np.ones(50), np.full(50, 20.0)
        t = np.random.default_rng(7).standard_normal(50)
        t -= t.mean()
        assert rule.shift_score(t + 1.0, 0 * one, one) > 5.0
        assert abs(rule.shift_score(2.0 * t, 0 * one, one)) < 3.0
        assert rule.dispersion_score(2.0 * t, 0 * one, one, 2 * one, n) > 5.0

    def test_a_margin_takes_off_what_another_machine_may_do(self) -> None:
        one = np.ones(100)
        assert rule.shift_score(0.25 * one, 0 * one, one, margin=0.25) == 0.0
        assert rule.shift_score(-0.35 * one, 0 * one, one, margin=0.25) == pytest.approx(-1.0)


class TestFewRows:
    """The tests of a table of few rows keep their share though its sums are no normal deviates."""

    @staticmethod
    def alarms(rows: int, n: int, tables: int, draw: Callable[[tuple[int, ...]], rule.Floats]) -> int:
        """Return how often a table of unchanged code alarms, of six tables in one golden."""
        values = draw((tables, rows, n + 2))
        golden, one = values[:, :, :n], np.ones(rows)
        mean, s = golden.mean(2), golden.std(2, ddof=1)
        spread, squares = rule.clipped_moments(n - 1.0)
        stages = np.moveaxis((values[:, :, n:] - mean[:, :, None]) / s[:, :, None] / math.sqrt(1 + 1 / n), 2, 0)
        w, w_again = rule.shift_score(stages, 0 * one, spread * one)
        first, second = rule.table_limits(rule.ALPHA_SHIFT, 6, n, rows, sides=2, stages=2)
        shifted = (np.abs(w) > first) & (w_again * np.sign(w) > second)
        wide, wide_again = rule.dispersion_score(stages, 0 * one, spread * one, squares * one, n * one)
        first, second = rule.table_limits(rule.ALPHA_DISPERSION, 6, n, rows, sides=1, stages=2)
        return int(shifted.sum() + ((wide > first) & (wide_again > second)).sum())

    @pytest.mark.parametrize("n", [5, 10])
    def test_six_tables_of_fifteen_skewed_rows_keep_what_they_share(
        self, n: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def alarms() -> int:
            random = np.random.default_rng(n)
            return self.alarms(15, n, 40_000, lambda size: random.gamma(4.0, size=size))

        share = (rule.ALPHA_SHIFT + rule.ALPHA_DISPERSION) / 6
        assert bounded(alarms(), 40_000, share)
        monkeypatch.setattr(rule, "FULL_ROWS", 0)
        assert alarms() > 1.2 * share * 40_000

    def test_fewer_rows_than_twenty_have_half_a_share(self) -> None:
        for stages in (1, 2):
            few, full = (rule.table_limits(1e-3, 3, 10.0, rows, sides=2, stages=stages) for rows in (19, 20))
            half = rule.table_limits(0.5 * 1e-3, 3, 10.0, 20, sides=2, stages=stages)
            assert few == pytest.approx(half, rel=1e-4)
            assert few > full


def test_few_golden_values_take_more_runs_to_contradict() -> None:
    assert [rule.confirming(n) for n in (1, 9, 10, 60)] == [6, 6, 4, 4]
    assert rule.confirm_limit(1e-5, 4.0, 5) == rule.confirm_limit(1e-5, 4.0, 5, 1, 6)
    assert rule.detectable(1e-5, 4.0, 5) < 0.8 * TestTwoStages.found_by_four(1e-5, 4.0, 5)


def test_diverged_runs_raise_few_alarms_when_nothing_changed() -> None:
    random = np.random.default_rng(11)
    count = sum(worlds.check(worlds.made(worlds.WORLDS["diverging"], random, 100, 10, 3)).diverged for _ in range(300))
    assert bounded(count, 300, rule.ALPHA_DIVERGED + rule.ALPHA_FINISHED)
    few, many = rule.nonfinite_tails(4, 4, 0, 10, 0.01)
    assert many < rule.sidak(rule.ALPHA_DIVERGED, 100) < few  # four of four where nothing ever diverged


class TestFamilyFalseAlarms:
    """A check of unchanged code raises any alarm at most once in a hundred checks; `nox -s error-rates` says more."""

    TABLES = 400

    @pytest.mark.parametrize("world", worlds.WORLDS)
    def test_rate_is_at_most_one_percent(self, world: str) -> None:
        found = worlds.rates(world, n0=10, n1=1, tables=self.TABLES, seed=3, rows=40)
        count = sum(alarms.any for alarms in found)
        assert bounded(count, self.TABLES, rule.ALPHA), f"{count} alarms in {self.TABLES} checks"

    @pytest.mark.parametrize("name", ["ALPHA_ROWS", "ALPHA_SHIFT", "ALPHA_DISPERSION"])
    def test_the_simulation_rejects_a_rule_that_is_too_narrow(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rule, "SUSPECT", 0.5)
        monkeypatch.setattr(rule, name, 0.3)
        rule.suspect_limit.cache_clear()
        found = worlds.rates("equal", n0=10, n1=1, tables=200, seed=3, rows=40)
        rule.suspect_limit.cache_clear()
        assert not bounded(sum(alarms.any for alarms in found), 200, rule.ALPHA)

    def test_cells_with_two_ways_to_end_take_more_than_one_run_to_confirm(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def alarms() -> int:
            return sum(one.any for one in worlds.rates("two-ways", n0=5, n1=1, tables=300, seed=3, rows=40))

        assert bounded(alarms(), 300, rule.ALPHA)
        monkeypatch.setattr(rule, "CONFIRMING_FEW", 1)
        assert not bounded(alarms(), 300, rule.ALPHA)

    def test_tables_of_few_scores_scatter_as_students_law_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def alarms() -> int:
            return sum(one.any for one in worlds.rates("equal", n0=5, n1=1, tables=300, seed=3, rows=18))

        assert bounded(alarms(), 300, rule.ALPHA)
        monkeypatch.setattr(rule, "clipped_moments", lambda _df: (1.0, 2.0))  # the normal law's
        assert not bounded(alarms(), 300, rule.ALPHA)


def test_a_shift_of_eight_standard_deviations_is_found() -> None:
    for n0, least in ((10, 0.95), (5, 0.80)):
        found = worlds.rates("unequal", n0=n0, n1=1, tables=150, seed=5, defect="one row, 8 sd")
        assert np.mean([alarms.any for alarms in found]) >= least
