"""Shares of counted items: from 0 to 100 percent, in steps of one item."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal

from repro import printed

ROUNDING = 1e-6  # relative: what single precision leaves of a share


def strange(values: Iterable[float], n_test: int) -> list[float]:
    """Return the values that are no share of so many items in percent, up to the rounding of single precision."""
    return [value for value in values if not _is_share(value * n_test / 100, n_test)]


def _is_share(items: float, n_test: int) -> bool:
    off = ROUNDING * max(1.0, abs(items))
    return -off <= items <= n_test + off and abs(items - round(items)) <= off


def converted(value: float, times: Decimal) -> float:
    """Return a value times a factor, without the last bits that a product of floats would add: 0.07 is 7 %."""
    return value if times == 1 or not math.isfinite(value) else float(printed.exact(value) * times)
