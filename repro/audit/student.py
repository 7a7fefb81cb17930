"""Student's t, its tail and its quantiles: `scipy.special` alone takes longer to import than a verdict may take.

Values may be floats, or arrays of one shape: `m` is the module whose functions fit them. What a study computes has
SciPy's (`repro.stats`); a test holds the two to one another.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Any

TERMS = 1000  # of a continued fraction: the most that 100,000 degrees of freedom were seen to need is a tenth
PRECISE = 2e-15
FARTHEST = 1e150  # whose square is a float


@lru_cache(maxsize=4096)
def t_critical(level: float, df: float) -> float:
    """Return the t with P(|T| > t) = level for Student's T, 0 < level < 1."""
    return float(t_beyond(level / 2.0, float(df)))


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
