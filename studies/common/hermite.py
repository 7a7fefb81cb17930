"""Hermite polynomials (physicists'), as Gaussian derivatives need them (Schlimbach 2018, section 2.3.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from repro.errors import UsageError

Array = NDArray[np.float64]
Polynomial = Callable[[ArrayLike, int], Array]


def hermite(x: ArrayLike, order: int) -> Array:
    """Evaluate H_order(x) by H_n = 2x H_{n-1} - 2(n-1) H_{n-2} (eq. 2.20), in float64 and in the shape of `x`."""
    return _climb(x, order, lambda n: 2 * (n - 1))


def hermite_verkes(x: ArrayLike, order: int) -> Array:
    """Evaluate the recurrence with 2n where 2(n-1) belongs: section 2.3.3's mistake, as a negative control."""
    return _climb(x, order, lambda n: 2 * n)


def _climb(x: ArrayLike, order: int, coefficient: Callable[[int], int]) -> Array:
    if order < 0:
        raise UsageError(f"Hermite polynomial: order must be 0 or more, got {order}; pass a whole number from 0")
    points = np.asarray(x, dtype=np.float64)
    below, here = np.zeros_like(points), np.ones_like(points)
    for n in range(1, order + 1):
        below, here = here, 2 * points * here - coefficient(n) * below
    return here
