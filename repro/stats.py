"""Tests of means for the audit: Welch, equivalence, Holm. Pure functions; a check decides by `repro.golden.rule`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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


@lru_cache(maxsize=4096)
def t_critical(level: float, df: float) -> float:
    """Return the t with P(|T| > t) = level for Student's T, 0 < level < 1."""
    from scipy.special import stdtrit

    return -float(stdtrit(df, level / 2.0))


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
