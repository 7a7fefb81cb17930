"""Evidence about rows and about means: shrunken variances, tail probabilities, tests. Pure functions of numbers.

scipy is imported where it is needed: a check of one replicate a row reads its critical values and does without.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from repro.errors import UsageError

Floats = NDArray[np.float64]

SAFETY = 1.5  # standard errors added to the spread of the log variances, so that too few rows shrink too little
PRIOR_DF = (0.5, 200.0)  # smallest and largest degrees of freedom a fitted prior may claim
SCORES = 200  # fewer leave-one-out scores than this do not tell how long a tail is
NORMAL_99 = 2.3263478740408408  # the 99 % quantile of the normal law
SHRINKABLE = 20  # fewer rows than this say too little about how variances scatter (found by simulation)


def sidak(alpha: float, tests: int) -> float:
    """Return the level of each of `tests` tests that keeps their joint false-alarm rate at `alpha` (Sidak 1967)."""
    if tests < 1:
        raise ValueError(f"sidak needs at least one test, got {tests}")
    return -math.expm1(math.log1p(-alpha) / tests)


def trigamma_inv(value: float) -> float:
    """Return the x with psi'(x) = value, value > 0; psi' lies between 1/x and 1/x + 1/x**2."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    if not value > 0:
        raise ValueError(f"psi' takes positive values only, got {value}")
    low, high = math.log(1.0 / value) - 1e-9, math.log(1.0 / value + 1.0 / math.sqrt(value)) + 1e-9
    return math.exp(brentq(lambda log_x: math.log(polygamma(1, math.exp(log_x)) / value), low, high, xtol=1e-13))


def quantum_floor(variance: Floats, quantum: Floats) -> Floats:
    """Return the variance plus that of rounding to multiples of `quantum` (0 for continuous values): q**2 / 12."""
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


def tails(samples: Sequence[Floats], floor: Floats, shrunken: Shrunken) -> tuple[float, float]:
    """Return by how much the lower and the upper tail of a metric are longer than the normal law's: 1 or more.

    Each value of each row is held against the other values of its row, with their variance (plus the row's `floor`)
    shrunken to the same prior, and turned into a normal score. The answer is the 1 % and 99 % quantiles of all scores,
    in units of the normal law's; 1 where there are fewer than `SCORES` of them.
    """
    scores = [
        scores_of(values, float(least), shrunken)
        for values, least in zip(samples, floor, strict=True)
        if len(values) > 2
    ]
    every = np.concatenate(scores) if scores else np.empty(0)
    if len(every) < SCORES:
        return 1.0, 1.0
    low, high = np.quantile(every, [0.01, 0.99]) / NORMAL_99
    return max(1.0, -float(low)), max(1.0, float(high))


def scores_of(values: Floats, floor: float, shrunken: Shrunken) -> Floats:
    """Return the normal score of each value of a row given the others; none where the others do not scatter."""
    from scipy.special import ndtri, stdtr

    n = len(values)
    away = (values - values.mean()) * n / (n - 1)  # from the mean of the others
    squares = ((values - values.mean()) ** 2).sum() - away**2 * (n - 1) / n
    df = shrunken.prior_df + n - 2
    variance = (shrunken.prior_df * shrunken.prior_variance + squares + (n - 2) * floor) / df
    usable = variance > 0
    t = away[usable] / np.sqrt(variance[usable] * (1 + 1 / (n - 1)))
    result: Floats = -np.sign(t) * ndtri(stdtr(df, -np.abs(t)))
    return result


@lru_cache(maxsize=4096)
def t_critical(level: float, df: float) -> float:
    """Return the t with P(|T| > t) = level for Student's T, 0 < level < 1."""
    from scipy.special import stdtrit

    return -float(stdtrit(df, level / 2.0))


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


@dataclass(frozen=True)
class Sample:
    """What is published of a sample: its mean, its standard deviation (of n - 1 degrees of freedom) and its size."""

    mean: float
    sd: float
    n: int

    def __post_init__(self) -> None:
        """Raise UsageError for a sample that nothing can be concluded from."""
        if self.n < 2:
            raise UsageError(f"a sample needs at least 2 values to be compared, got n={self.n}; run more replicates")
        if not (math.isfinite(self.mean) and math.isfinite(self.sd) and self.sd >= 0):
            raise UsageError(
                f"a sample needs a finite mean and a standard deviation of 0 or more, got {self.mean} and {self.sd}; "
                "look for a run that diverged or a figure that was misread"
            )


@dataclass(frozen=True)
class WelchTest:
    """A difference of two means, its standard error with degrees of freedom, and the two-sided p of no difference.

    A large p does not say that the means are equal: `tost` asks for that.
    """

    difference: float
    standard_error: float
    df: float
    p: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the difference, 0 < level < 1."""
        half = t_critical(1.0 - level, self.df) * self.standard_error
        return self.difference - half, self.difference + half


def welch(first: Sample, second: Sample) -> WelchTest:
    """Compare the means of two independent samples whose variances may differ (Welch 1947; df of Satterthwaite 1946).

    Raise UsageError when neither sample scatters, which leaves no yardstick.
    """
    from scipy.special import stdtr

    parts = [(sample.sd**2 / sample.n, sample.n - 1) for sample in (first, second)]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        raise UsageError(
            f"two samples without scatter (sd 0 at n={first.n} and n={second.n}) leave nothing to measure a difference "
            "by; compare the values themselves"
        )
    difference, error = first.mean - second.mean, math.sqrt(variance)
    df = 1.0 / sum((part / variance) ** 2 / freedom for part, freedom in parts)
    return WelchTest(difference, error, df, 2.0 * float(stdtr(df, -abs(difference) / error)))


def tost(first: Sample, second: Sample, margin: float) -> float:
    """Return the p of "the means differ by `margin` or more": two one-sided Welch tests (Schuirmann 1987), margin > 0.

    A small p shows that the means are equal within the margin; a large one shows nothing. p <= a exactly when the
    interval of level 1 - 2a lies inside the margin.
    """
    from scipy.special import stdtr

    if not 0 < margin < math.inf:
        raise UsageError(f"equivalence needs a margin above 0, got {margin}; name the difference that would not matter")
    test = welch(first, second)
    return float(stdtr(test.df, (abs(test.difference) - margin) / test.standard_error))


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Return p-values adjusted for being several, in the order given (Holm 1979).

    Those at most a are the ones to reject, so that any false rejection among all happens with probability a at most,
    whatever the dependence between the tests.
    """
    if not all(0 <= p <= 1 for p in ps):
        raise UsageError(f"p-values lie between 0 and 1, got {', '.join(f'{p:g}' for p in ps)}; test each pair first")
    adjusted, largest = [0.0] * len(ps), 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        largest = max(largest, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = largest
    return tuple(adjusted)
