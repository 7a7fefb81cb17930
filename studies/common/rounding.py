"""Rounding of figures that are compared exactly, to what machines agree on."""

from __future__ import annotations

DIGITS = 6  # significant; sums in float64 agree between machines to more


def significant(value: float, digits: int = DIGITS) -> float:
    """Return a value rounded to significant decimal digits."""
    return float(f"{value:.{digits - 1}e}")
