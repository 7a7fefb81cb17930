"""Means and spreads of rounded numbers, exactly: whether a print can be made of runs, and under which reading.

All is done in whole numbers, scaled by a power of ten, and squares are compared in place of roots. A run of few digits
may stand for any number that rounds to it, so that a sum of squares has a least and a greatest value over a box.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache

from repro.audit import student
from repro.printed import Printed

NOISE = 10**12  # a print may have been made in floating point: the largest run's part that this leaves open
DEEP = 15  # decimals beyond the last digit of all, so that the noise is seen
READINGS = {
    "sd": "the standard deviation of n - 1",
    "sd-n": "the standard deviation of n",
    "se": "the standard error by n - 1",
    "se-n": "the standard error by n",
    "ci95-t": "the 95 % interval by Student's t",
    "ci95": "the 95 % interval of 1.96 standard errors",
    "ci95-n": "the 95 % interval of 1.96 standard errors by n",
    "half-range": "half the range",
    "2sd": "two standard deviations of n - 1",
    "2sd-n": "two standard deviations of n",
    "ci95-t-n": "the 95 % interval by Student's t and the standard error by n",
}
TRIED = tuple(READINGS)[:8]  # where nothing is said of what a spread is


class Fit(IntEnum):
    """Whether a number prints as it stands: not, for some of what its digits leave open, or as the runs stand."""

    NOT = 0
    PERHAPS = 1
    PRINTS = 2


@dataclass(frozen=True)
class Sums:
    """Runs as whole numbers of `step`, their sum and n times their sum of squared deviations, with its bounds.

    `halves` is the sum of what the runs' digits leave open to either side, `half` the widest of these. The least value
    of the sum of squares is `least[0] / least[1]`, the greatest `most / n`.
    """

    step: Decimal
    runs: tuple[int, ...]
    total: int
    halves: int
    half: int
    squares: int
    least: tuple[int, int]
    most: int
    noise: int

    def of(self, number: Printed) -> tuple[int, int]:
        """Return a print as whole numbers: its value, and how far off a number may lie that prints so."""
        return int(number.value / self.step), int(number.half / self.step) + self.noise


def summed(values: Sequence[Decimal], units: Sequence[Decimal], prints: Sequence[Printed]) -> Sums:
    """Return the sums of runs whose last digits have these units, 0 for exact ones, to be held to some prints."""
    digits = [*values, *units, *(part for one in prints for part in (one.value, one.unit))]
    depth = DEEP - min(0, *(int(one.as_tuple().exponent) for one in digits if one))
    runs = sorted(2 * int(one.scaleb(depth)) for one in values)
    open_to = [int(one.scaleb(depth)) for one in units]
    n, half, total = len(runs), max(open_to), sum(runs)
    squares = n * sum(run * run for run in runs) - total * total
    least, most = (least_squares(runs, half), most_squares(runs, half)) if half else ((squares, n), squares)
    noise = max(-runs[0], runs[-1], 0) // NOISE
    step = Decimal(1).scaleb(-depth) / 2
    return Sums(step, tuple(runs), total, sum(open_to), half, squares, least, most, noise)


def most_squares(runs: Sequence[int], half: int) -> int:
    """Return n times the greatest sum of squared deviations over runs in order, each up to a half off either way.

    It is convex, so that a corner has it; of two runs that go apart the lower goes down, or changing their places would
    add to it, so that the n + 1 corners at which the first go down and the rest go up are all to be looked at.
    """
    n, total, below, found = len(runs), sum(runs), 0, 0
    squares = sum(run * run for run in runs) + n * half * half
    for down in range(n + 1):
        moved = total + half * (n - 2 * down)
        found = max(found, n * (squares + 2 * half * (total - 2 * below)) - moved * moved)
        below += runs[down] if down < n else 0
    return found


def least_squares(runs: Sequence[int], half: int) -> tuple[int, int]:
    """Return the least sum of squared deviations over runs in order, each up to a half off, as a fraction.

    It may lie inside the box. It is the least over m of the squared distances between m and each run's interval, whose
    slope grows with m and bends at the intervals' ends: those that do not reach m at the minimum count, by their ends.
    """
    if runs[-1] - runs[0] <= 2 * half:
        return 0, 1
    ends = sorted([run - half for run in runs] + [run + half for run in runs])

    def slope(middle: int) -> int:
        below = sum(middle - run - half for run in runs if run + half < middle)
        return below - sum(run - half - middle for run in runs if run - half > middle)

    place = bisect_left(ends, 0, key=slope)
    left, right = ends[place - 1], ends[place]
    nearest = [run + half for run in runs if run + half <= left] + [run - half for run in runs if run - half >= right]
    total = sum(nearest)
    return len(nearest) * sum(one * one for one in nearest) - total * total, len(nearest)


def mean_fit(sums: Sums, number: Printed) -> Fit:
    """Say whether the mean prints so; halves of a unit are rounded either way."""
    n = len(sums.runs)
    value, half = sums.of(number)
    away = abs(sums.total - n * value) - n * half
    return Fit.PRINTS if away <= 0 else Fit.PERHAPS if away <= sums.halves else Fit.NOT


def mean_is_cut(sums: Sums, number: Printed) -> bool:
    """Say whether the mean prints so when the digits after the last are cut off."""
    n = len(sums.runs)
    value, half = sums.of(number)
    sign = -1 if sums.total < 0 else 1
    return -n * sums.noise <= sign * (sums.total - n * value) <= 2 * n * half


Range = tuple[int, int]  # what a spread prints as: the least and the greatest number


def range_of(sums: Sums, number: Printed, *, cut: bool = False) -> Range:
    """Return between which whole numbers a spread lies that is printed so, rounded or `cut` off."""
    value, half = sums.of(number)
    return (max(0, value - sums.noise), value + 2 * half) if cut else (max(0, value - half), value + half)


def spread_fit(sums: Sums, wanted: Range, reading: str) -> Fit:
    """Say whether a spread of at least two runs lies in a range under a reading."""
    low, high = wanted
    if reading == "half-range":
        width = sums.runs[-1] - sums.runs[0]
        if 2 * low <= width <= 2 * high:
            return Fit.PRINTS
        return Fit.PERHAPS if 2 * low <= width + 2 * sums.half and width - 2 * sums.half <= 2 * high else Fit.NOT
    n = len(sums.runs)
    least, most, over = factors(n)[reading]
    low, high = low * low * over, high * high * over
    if low * n <= sums.squares * most and sums.squares * least <= high * n:
        return Fit.PRINTS
    squares, parts = sums.least
    return Fit.PERHAPS if low * n <= sums.most * most and squares * least <= high * parts else Fit.NOT


@lru_cache(maxsize=1024)
def factors(n: int) -> dict[str, tuple[int, int, int]]:
    """Return by what a sum of squared deviations of n runs is multiplied for the square of a spread: between two parts.

    The parts are of the third number, and differ where a quantile is a decimal that may have been cut.
    """
    fine = 10**9
    t = round(student.t_critical(0.05, n - 1) * fine)
    z = (1_959_963_984, 1_960_000_000)
    mean = n * (n - 1)
    return {
        "sd": (1, 1, n - 1),
        "sd-n": (1, 1, n),
        "se": (1, 1, mean),
        "se-n": (1, 1, n * n),
        "ci95-t": ((t - 1) ** 2, (t + 1) ** 2, fine * fine * mean),
        "ci95": (z[0] ** 2, z[1] ** 2, fine * fine * mean),
        "ci95-n": (z[0] ** 2, z[1] ** 2, fine * fine * n * n),
        "ci95-t-n": ((t - 1) ** 2, (t + 1) ** 2, fine * fine * n * n),
        "2sd": (4, 4, n - 1),
        "2sd-n": (4, 4, n),
    }


def spread_of(sums: Sums, reading: str) -> tuple[float, float, float]:
    """Return the spread of the runs under a reading: as they stand, and the least and greatest their digits allow."""
    if reading == "half-range":
        width = sums.runs[-1] - sums.runs[0]
        widths = (width, max(0, width - 2 * sums.half), width + 2 * sums.half)
        return tuple(float(one * sums.step / 2) for one in widths)  # type: ignore[return-value]
    n = len(sums.runs)
    _, factor, over = factors(n)[reading]
    parts = ((sums.squares, n), sums.least, (sums.most, n))
    return tuple(float((Decimal(one * factor) / (part * over)).sqrt() * sums.step) for one, part in parts)  # type: ignore[return-value]


STATISTICS: dict[str, Callable[[Sequence[int]], int]] = {
    "highest": lambda runs: runs[-1],
    "lowest": lambda runs: runs[0],
    "median": lambda runs: (runs[(len(runs) - 1) // 2] + runs[len(runs) // 2]) // 2,
}


def other_statistic(sums: Sums, number: Printed) -> str:
    """Return which other figure of the runs prints so, if one does: the highest, the lowest, the median."""
    value, half = sums.of(number)
    return next((name for name, of in STATISTICS.items() if abs(of(sums.runs) - value) <= half), "")
