"""Sampled derivatives of the Gaussian (Schlimbach 2018, eqs 2.16 to 2.18 and 3.4)."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from repro.errors import UsageError
from studies.common.hermite import Array, Polynomial, hermite

Truncation = Literal["listing", "text"]
Norm = Literal["raw", "sigma^n"]

RADIUS = 3  # eq. 3.4: the kernel reaches 3 scales to either side
_SLACK = 1e-9  # a scale this close to a whole number of samples counts as whole


def half_width(scale: float, truncation: Truncation = "listing") -> int:
    """Count the samples on either side of the centre (eq. 3.4).

    "text" is ceil(3 scale). "listing" is what the listing of appendix A.2 computes: its series of scales reaches 1 and
    2 from above (1.0000000000000002 and 2.0000000000000004), so that a whole 3 scale gets one sample more.
    """
    if not scale > 0:
        raise UsageError(f"Gaussian kernel: scale must be above 0, got {scale}; pass a scale in pixels")
    if truncation == "text":
        return math.ceil(RADIUS * scale - _SLACK)
    if truncation == "listing":
        return math.floor(RADIUS * scale + _SLACK) + 1
    raise UsageError(f"Gaussian kernel: unknown truncation {truncation!r}; choose 'listing' or 'text'")


def gaussian_derivative(x: ArrayLike, scale: float, order: int, hermite: Polynomial = hermite) -> Array:
    """Evaluate the derivative of the given order of the unit-mass Gaussian at `x`, in float64 (eq. 2.18)."""
    points = np.asarray(x, dtype=np.float64)
    gaussian = np.exp(-0.5 * (points / scale) ** 2) / (scale * math.sqrt(2 * math.pi))
    root = scale * math.sqrt(2)
    return (-1 / root) ** order * hermite(points / root, order) * gaussian


def derivative_orders(order: int) -> tuple[tuple[int, int], ...]:
    """List (n_dx, n_dy) of every 2-D derivative up to `order`: (0,0), (1,0), (0,1), (2,0), (1,1), (0,2), ..."""
    return tuple((total - n_dy, n_dy) for total in range(order + 1) for n_dy in range(total + 1))


def sampled_derivatives(
    scale: float,
    order: int,
    *,
    truncation: Truncation = "listing",
    norm: Norm = "raw",
    hermite: Polynomial = hermite,
) -> Array:
    """Sample the 1-D derivatives of order 0 to `order`: an array (order + 1, 2 half_width + 1).

    "sigma^n" multiplies the derivative of order n by scale**n, so that its size does not depend on the scale.
    """
    if norm not in ("raw", "sigma^n"):
        raise UsageError(f"Gaussian kernel: unknown norm {norm!r}; choose 'raw' or 'sigma^n'")
    half = half_width(scale, truncation)
    points = np.arange(-half, half + 1, dtype=np.float64)
    rows = [gaussian_derivative(points, scale, n, hermite) for n in range(order + 1)]
    factors = [scale**n if norm == "sigma^n" else 1.0 for n in range(order + 1)]
    return np.stack([factor * row for factor, row in zip(factors, rows, strict=True)])
