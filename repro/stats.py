"""Tests of means for the audit: Welch, equivalence, Holm. Pure functions; a check decides by `repro.golden.rule`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

from repro.errors import UsageError

LAST_BITS = 1e-9  # relative: how far numbers of two machines may lie apart


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
    parts = [(sample.sd**2 / sample.n, sample.n - 1) for sample in (first, second)]
    variance = sum(part for part, _ in parts)
    if variance == 0:
        raise UsageError(
            f"two samples without scatter (sd 0 at n={first.n} and n={second.n}) leave nothing to measure a difference "
            "by; compare the values themselves"
        )
    difference, error = first.mean - second.mean, math.sqrt(variance)
    df = 1.0 / sum((part / variance) ** 2 / freedom for part, freedom in parts)
    return WelchTest(difference, error, df, 2.0 * t_tail(abs(difference) / error, df))


def tost(first: Sample, second: Sample, margin: float) -> float:
    """Return the p of "the means differ by `margin` or more": two one-sided Welch tests (Schuirmann 1987), margin > 0.

    A small p shows that the means are equal within the margin; a large one shows nothing. p <= a exactly when the
    interval of level 1 - 2a lies inside the margin.
    """
    if not 0 < margin < math.inf:
        raise UsageError(f"equivalence needs a margin above 0, got {margin}; name the difference that would not matter")
    test = welch(first, second)
    return float(t_tail((margin - abs(test.difference)) / test.standard_error, test.df))


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


@lru_cache(maxsize=4096)
def t_critical(level: float, df: float) -> float:
    """Return the t with P(|T| > t) = level for Student's T, 0 < level < 1."""
    return float(t_beyond(level / 2.0, float(df)))


# Student's t, here since `scipy.special` alone takes longer to import than a verdict may take. Values may be floats, or
# arrays of one shape: `m` is the module whose functions fit them.

TERMS = 1000  # of a continued fraction: the most that 100,000 degrees of freedom were seen to need is a tenth
PRECISE = 2e-15
FARTHEST = 1e150  # whose square is a float


def t_tail(t: Any, df: Any) -> Any:
    """Return P(T > t) for Student's T with df > 0 degrees of freedom, to about twelve digits.

    By the incomplete beta function (DLMF 8.17.2 and 8.17.22, evaluated as Lentz 1976).
    """
    if isinstance(t, int | float):
        upper = _upper(min(abs(t), FARTHEST), float(df), math)
        return 1.0 - upper if t < 0 else upper
    import numpy as np

    t, df = np.broadcast_arrays(t, np.asarray(df, dtype=float))
    upper = _upper(np.minimum(abs(t), FARTHEST), df, np)
    return np.where(t < 0, 1.0 - upper, upper)


def t_beyond(p: float, df: Any) -> Any:
    """Return the t with P(T > t) = p, 0 < p < 1/2, by Newton's steps in logarithms, which end from wherever they begin.

    The tail is a concave function there, so each step but the first comes from above.
    """
    start = math.log(-NormalDist().inv_cdf(p))
    m: Any = math
    place: Any = start
    if not isinstance(df, float):
        import numpy as m

        place = m.full(len(df), start)
    density = _ratio(df / 2) / (math.pi * df) ** 0.5
    for _ in range(TERMS):
        t = m.exp(place)
        found = _upper(t, df, m)
        step = m.log(found / p) * found / (density * m.exp(-(df + 1) / 2 * m.log1p(t / df * t)) * t)
        place = place + step
        if not _any(abs(step) > math.sqrt(PRECISE), m):
            break
    return m.exp(place)


def _any(found: Any, m: Any) -> bool:
    return bool(found if m is math else found.any())


def _upper(t: Any, df: Any, m: Any) -> Any:
    """Return P(T > t) for t of 0 or more."""
    a, odds = df / 2, t / df * t
    x = 1 / (1 + odds)
    front = _ratio(a) / math.sqrt(math.pi) * m.exp(-a * m.log1p(odds)) * m.sqrt(odds * x)
    near = x >= (a + 1) / (a + 2.5)
    if m is math:
        return 0.5 - front * _fraction(0.5, a, odds * x, m) if near else front * _fraction(a, 0.5, x, m) / df
    part = front * _fraction(m.where(near, 0.5, a), m.where(near, a, 0.5), m.where(near, odds * x, x), m)
    return m.where(near, 0.5 - part, part / df)


def _fraction(a: Any, b: Any, x: Any, m: Any) -> Any:
    """Return the continued fraction of the incomplete beta function."""
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    found = d
    for k in range(1, TERMS):
        even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        d, c = 1 / (1 + even * d), 1 + even / c
        found = found * (d * c)
        odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        d, c = 1 / (1 + odd * d), 1 + odd / c
        found = found * (d * c)
        if not _any(abs(d * c - 1) > PRECISE, m):
            break
    return found


def _ratio(a: Any) -> Any:
    """Return gamma(a + 1/2) / gamma(a), by its expansion where a is large (DLMF 5.11.13) and by recurrence else."""
    ratio: Any = 1.0
    for k in range(20):
        ratio = ratio * ((a + k) / (a + k + 0.5))
    z = 1 / (8 * (a + 20))
    series = 1 - z * (1 - z * (1 / 2 + z * (5 / 2 - z * (21 / 8 + z * (399 / 8 - z * 869 / 16)))))
    return ratio * (a + 20) ** 0.5 * series


def alike(first: Any, second: Any) -> bool:
    """Say whether two plain values (dicts, lists, numbers, texts) are the same but for the last bits of numbers.

    Quadrature and root finding end in other last bits on another processor, so no digest can tell.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(alike(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return math.isclose(first, second, rel_tol=LAST_BITS)
    return type(first) is type(second) and bool(first == second)
