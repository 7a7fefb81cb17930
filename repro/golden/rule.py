"""How a check decides: pure functions of numbers, with the names and formulas of docs/statistics.md.

Deviations are in units of a row's standard deviation s unless something else is said. What a check of one replicate a
row needs is computed when a golden is blessed, so that scipy is imported there and not in the check.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from repro.stats import t_critical

Floats = NDArray[np.float64]

# How the one percent of false alarms of a check is spent.
ALPHA_ROWS = 0.004  # a row beyond its limits twice
ALPHA_SHIFT = 0.0015  # all rows of a metric moved together
ALPHA_DISPERSION = 0.001  # all rows of a metric scatter more
ALPHA_DIVERGED = 0.0015  # more diverged runs than the golden's
ALPHA_FINISHED = 0.0005  # fewer
KEPT_BACK = 0.0015  # since values follow no law exactly
ALPHA = ALPHA_ROWS + ALPHA_SHIFT + ALPHA_DISPERSION + ALPHA_DIVERGED + ALPHA_FINISHED + KEPT_BACK

SUSPECT = 0.02  # level, two-sided, at which a row or a table is run again; it decides nothing by itself
ENOUGH = 10  # golden values of a row, from which on the promise is made
CONFIRMING, CONFIRMING_FEW = 4, 6  # runs that a suspicious row of as many is given, and one of fewer (`confirming`)
POWER = 0.8  # at which an effect counts as detectable
SAFETY = 1.5  # standard errors added to the spread of the log variances, so that too few rows shrink too little
PRIOR_DF = (0.5, 200.0)  # smallest and largest degrees of freedom a fitted prior may claim
SHRINKABLE = 20  # fewer rows than this say too little about how variances scatter (found by simulation)
SCORES = 200  # fewer leave-one-out scores than this do not tell how a metric scatters
CLIP = 3.5  # of the scores that the tests of a whole table sum
TABLE_ROWS = 10  # fewer rows than this are no table
FULL_ROWS = 20  # fewer have half a table's share: their sums are not yet normal (found by simulation)
MARGIN = 0.25  # standard deviations that another environment may move a row by
MARGIN_POINTS = 0.02  # and at least so many points of a share of counted items
NORMAL = NormalDist()


def sidak(alpha: float, tests: int) -> float:
    """Return the level of each of `tests` tests that keeps their joint false-alarm rate at `alpha` (Sidak 1967)."""
    if tests < 1:
        raise ValueError(f"sidak needs at least one test, got {tests}")
    return -math.expm1(math.log1p(-alpha) / tests)


# s: variances, shrunken


def trigamma_inv(value: float) -> float:
    """Return the x with psi'(x) = value, value > 0; psi' lies between 1/x and 1/x + 1/x**2."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    if not value > 0:
        raise ValueError(f"psi' takes positive values only, got {value}")
    low, high = math.log(1.0 / value) - 1e-9, math.log(1.0 / value + 1.0 / math.sqrt(value)) + 1e-9
    return math.exp(brentq(lambda log_x: math.log(polygamma(1, math.exp(log_x)) / value), low, high, xtol=1e-13))


def confirming(n: int) -> int:
    """Return how many further runs a suspicious row of n golden values is given; all of them must say the same.

    Few golden seeds can all have fallen into one of several ways to end, so that it takes more to contradict them.
    """
    return CONFIRMING if n >= ENOUGH else CONFIRMING_FEW


def quantum_floor(variance: Floats, quantum: Floats) -> Floats:
    """Return the variance plus that of rounding to multiples of `quantum` (0 for no grid): q**2 / 12."""
    result: Floats = np.asarray(variance, dtype=np.float64) + np.asarray(quantum, dtype=np.float64) ** 2 / 12.0
    return result


@dataclass(frozen=True)
class Shrunken:
    """Row variances after shrinkage, the degrees of freedom they are worth, and the prior they were drawn to.

    `prior_df` is 0 where there was too little to fit a prior.
    """

    variance: Floats
    df: Floats
    prior_df: float
    prior_variance: float


def fit_prior(variance: Floats, df: Floats) -> tuple[float, float]:
    """Return degrees of freedom and location of the scaled inverse chi-squared law the row variances come from.

    Moments of the log variances (Smyth 2004, section 6.2), with `SAFETY` standard errors added to their spread: an
    unlucky draw of similar variances must not pass for knowledge. Rows without scatter or freedom are left out;
    (0, 0) when fewer than `SHRINKABLE` rows are left.
    """
    from scipy.special import digamma, polygamma

    used = (df > 0) & (variance > 0)
    if int(used.sum()) < SHRINKABLE:
        return 0.0, 0.0
    half = df[used] / 2.0
    logs = np.log(variance[used]) - digamma(half) + np.log(half)
    spread = float(logs.var(ddof=1))
    fourth = float(((logs - logs.mean()) ** 4).mean())
    error = math.sqrt(max(fourth - spread**2, 0.0) / len(logs))
    excess = spread - float(polygamma(1, half).mean()) + SAFETY * error
    prior_df = PRIOR_DF[1] if excess <= 0 else min(max(2.0 * trigamma_inv(excess), PRIOR_DF[0]), PRIOR_DF[1])
    location = float(logs.mean()) + float(digamma(prior_df / 2.0)) - math.log(prior_df / 2.0)
    return prior_df, math.exp(location)


def shrink_variances(variance: Floats, df: Floats) -> Shrunken:
    """Draw the variances of one metric's rows to a prior fitted to all of them, as limma does.

    `variance` and `df` hold one entry a row. A row with 0 degrees of freedom gets the prior alone; without a prior
    it gets no variance (NaN).
    """
    variance, df = np.asarray(variance, dtype=np.float64), np.asarray(df, dtype=np.float64)
    prior_df, prior_variance = fit_prior(variance, df)
    total = prior_df + df
    weighted = prior_df * prior_variance + df * np.where(df > 0, variance, 0.0)
    shrunken = np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0)
    return Shrunken(shrunken, total, prior_df, prior_variance)


# b, e, f: how the values of a metric are not normal


@dataclass(frozen=True)
class Shape:
    """Mean, variance, and variance of the squares of a metric's clipped scores, of each value against its row's others.

    The latter two are `clipped_moments` of Student's law or more.
    """

    bias: float = 0.0
    spread: float = 1.0
    squares: float = 2.0


def shape(samples: Sequence[Floats], floor: Floats, shrunken: Shrunken) -> Shape:
    """Return the shape of a metric's values; that of Student's law where there are fewer than `SCORES` of them.

    Each value of each row is held against the other values of its row, with their variance (plus the row's `floor`)
    shrunken to the same prior.
    """
    known = [clipped_moments(freedom) for freedom in shrunken.df.tolist() if freedom > 0]
    spread, squares = np.mean(known, axis=0).tolist() if known else (1.0, 2.0)
    rows = [
        left_out(values, float(least), shrunken)
        for values, least in zip(samples, floor, strict=True)
        if len(values) > 2
    ]
    t = np.clip(np.concatenate([np.empty(0), *rows]), -CLIP, CLIP)
    if len(t) < SCORES:
        return Shape(spread=spread, squares=squares)
    bias = float(t.mean())
    around = (t - bias) ** 2
    return Shape(bias, max(spread, float(around.mean())), max(squares, float(around.var())))


@lru_cache(maxsize=4096)
def clipped_moments(df: float) -> tuple[float, float]:
    """Return the variance of Student's t held between -CLIP and CLIP, and the variance of its square."""
    from scipy.special import stdtrit

    squares = np.clip(stdtrit(df, (np.arange(2000) + 0.5) / 2000), -CLIP, CLIP) ** 2
    return float(squares.mean()), float(squares.var())


def left_out(values: Floats, floor: float, shrunken: Shrunken) -> Floats:
    """Return each value's t against the others of its row; none where those are equal."""
    n = len(values)
    away = (values - values.mean()) * n / (n - 1)  # from the mean of the others
    squares = ((values - values.mean()) ** 2).sum() - away**2 * (n - 1) / n
    df = shrunken.prior_df + n - 2
    variance = (shrunken.prior_df * shrunken.prior_variance + squares + (n - 2) * floor) / df
    usable = variance > 0
    t: Floats = away[usable] / np.sqrt(variance[usable] * (1 + 1 / (n - 1)))
    return t


@lru_cache(maxsize=4096)
def suspect_limit(df: float, n: int, n1: int) -> float:
    """Return the distance of a mean of n1 new runs from that of n golden ones at which the row is run again."""
    return t_critical(SUSPECT, df) * math.sqrt(1.0 / n + 1.0 / n1)


@lru_cache(maxsize=64)
def nodes(df: float) -> tuple[Floats, Floats, Floats]:
    """Return values of the golden mean's error times sqrt(n) (a column), of the error factor of s, and their weights.

    Trapezoids in the quantiles of a normal law, which lose nothing that matters; df is that of s.
    """
    from scipy.special import gammaincinv, ndtr

    z = np.linspace(-6.0, 6.0, 73)
    weight = np.exp(-(z**2) / 2.0)
    weight /= weight.sum()
    return z[:, None], np.sqrt(gammaincinv(df / 2.0, ndtr(z)) / (df / 2.0))[None, :], weight[:, None] * weight[None, :]


def beyond_both(shift: float, first: float, second: float, df: float, n: int, n1: int, m: int) -> float:
    """Return the chance that a row moved up by `shift` is suspicious and confirmed, upwards.

    Suspicious: the mean of n1 new runs lies more than `first` above the golden mean of n. Confirmed: all of m further
    runs lie more than `second` above it. Both stages share the errors of the golden's mean and deviation.
    """
    return _confirmed(_suspicious(shift, first, df, n, n1), shift, second, df, n, m)


def _suspicious(shift: float, first: float, df: float, n: int, n1: int) -> Floats:
    """Return the chances of the golden's errors, of `nodes(df)`, each times that of being suspicious by them."""
    from scipy.special import ndtr

    error, factor, weight = nodes(df)
    chances: Floats = weight * ndtr((shift - error / math.sqrt(n) - first * factor) * math.sqrt(n1))
    return chances


def _confirmed(suspicious: Floats, shift: float, second: float, df: float, n: int, m: int) -> float:
    from scipy.special import ndtr

    error, factor, _ = nodes(df)
    return float((suspicious * ndtr(shift - error / math.sqrt(n) - second * factor) ** m).sum())


@lru_cache(maxsize=4096)
def confirm_limit(level: float, df: float, n: int, n1: int = 1, m: int | None = None) -> float:
    """Return the distance that all of m further runs (`confirming(n)`) must have: a row alarms with chance `level`."""
    from scipy.optimize import brentq

    runs = confirming(n) if m is None else m
    suspicious = _suspicious(0.0, suspect_limit(df, n, n1), df, n, n1)

    def excess(second: float) -> float:
        return 2.0 * _confirmed(suspicious, 0.0, second, df, n, runs) - level

    return 0.0 if excess(0.0) <= 0 else float(brentq(excess, 0.0, 1e4, xtol=1e-9))


@lru_cache(maxsize=4096)
def detectable(level: float, df: float, n: int, n1: int = 1) -> float:
    """Return the smallest shift that is found with a chance of `POWER`."""
    from scipy.optimize import brentq

    m, first, second = confirming(n), suspect_limit(df, n, n1), confirm_limit(level, df, n, n1)
    return float(brentq(lambda shift: beyond_both(shift, first, second, df, n, n1, m) - POWER, 0.0, 1e5, xtol=1e-9))


# The whole table


def shift_score(t: Floats, bias: Floats, spread: Floats, margin: float = 0.0) -> Floats:
    """Return W1: about a normal deviate where the rows have not moved; `margin` is what each t may have moved by.

    `t` (..., rows) holds each row's distance over its standard error, `bias` and `spread` what is usual for its metric.
    """
    total = (np.clip(t, -CLIP, CLIP) - bias).sum(-1)
    score: Floats = np.copysign(np.maximum(np.abs(total) - margin * t.shape[-1], 0.0), total)
    return score / math.sqrt(float(spread.sum()))


def dispersion_score(
    t: Floats, bias: Floats, spread: Floats, squares: Floats, n: Floats, margin: float = 0.0
) -> Floats:
    """Return W2: about a normal deviate where the rows scatter as they did, by Wilson and Hilferty (1931).

    `t` is (..., rows), as in `shift_score`.
    """
    total = ((np.clip(t, -CLIP, CLIP) - bias) ** 2).sum(-1)
    mean, variance = float((spread + margin**2).sum()), float((squares * (1.0 + 1.0 / n)).sum())
    freedom = 2.0 * mean**2 / variance  # of the scaled chi-squared law with this mean and variance
    cube, error = np.cbrt(total / mean), 2.0 / (9.0 * freedom)
    score: Floats = (cube - (1.0 - error)) / math.sqrt(error)
    return score


@lru_cache(maxsize=256)
def joint_limit(level: float, first: float, correlation: float) -> float:
    """Return the c for which two normal deviates exceed `first` and c together with chance `level`."""
    from scipy.special import ndtr

    step = 0.01
    places = first + step * (np.arange(800) + 0.5)
    weights = step * np.exp(-(places**2) / 2.0) / math.sqrt(2.0 * math.pi)
    rest = math.sqrt(1.0 - correlation**2)

    def chance(c: float) -> float:
        return float(weights @ ndtr((correlation * places - c) / rest))

    low, high = -8.0, 8.0
    while high - low > 1e-6:
        middle = (low + high) / 2.0
        low, high = (middle, high) if chance(middle) > level else (low, middle)
    return high


def table_limits(alpha: float, groups: int, n: float, rows: int, *, sides: int, stages: int) -> tuple[float, float]:
    """Return what a table's score must exceed at first, and again after one more run of every row.

    With one stage the second limit is minus infinity. `groups` tables share `alpha`; n golden runs make both scores
    err together. A table of few rows gets half a share, for what a sum of few t does beyond a normal deviate: both
    stages share each row's s, and the skew of its values, which too few scores tell (`shape`).
    """
    level = sidak(alpha, groups) / sides / (1.0 if rows >= FULL_ROWS else 2.0)
    if stages == 1:
        return NORMAL.inv_cdf(1.0 - level), -math.inf
    first = NORMAL.inv_cdf(1.0 - SUSPECT / sides)
    return first, joint_limit(level, first, 1.0 / (1.0 + n))


# Counts of diverged runs


def beta_binomial_mass(k: int, n: int, a: float, b: float) -> float:
    """Return P(K = k) where K counts successes in n draws whose rate follows Beta(a, b)."""
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    drawn = math.lgamma(k + a) + math.lgamma(n - k + b) - math.lgamma(n + a + b)
    return math.exp(choose + drawn - math.lgamma(a) - math.lgamma(b) + math.lgamma(a + b))


def beta_binomial_tails(k: int, n: int, a: float, b: float) -> tuple[float, float]:
    """Return P(K <= k) and P(K >= k) of the beta-binomial law, 0 <= k <= n, a > 0, b > 0."""
    lower = math.fsum(beta_binomial_mass(j, n, a, b) for j in range(k + 1))
    upper = math.fsum(beta_binomial_mass(j, n, a, b) for j in range(k, n + 1))
    return min(lower, 1.0), min(upper, 1.0)


@lru_cache(maxsize=4096)
def nonfinite_tails(new: int, n1: int, old: int, n0: int, rate: float) -> tuple[float, float]:
    """Return how likely at most, and at least, `new` of n1 runs diverge when `old` of n0 golden runs did.

    `rate` is the share of diverged runs over the whole table; it enters as two runs' worth of prior knowledge.
    """
    return beta_binomial_tails(new, n1, 2.0 * rate + old, 2.0 * (1.0 - rate) + n0 - old)
