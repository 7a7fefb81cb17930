"""What a printed mean and spread may stand for, and the highest p over all of it: the one that a verdict has to bear.

At any one deviation, p moves one way with the distance of the means, so its extremes lie at the nearest and the
farthest distance that the print allows. Over the deviation it need not: a larger one widens the standard error and
moves the degrees of freedom up or down. There the extreme is searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repro.audit import student
from repro.errors import UsageError
from repro.outside import powers
from repro.printed import Printed
from repro.stats import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Tail = Callable[[Floats, Floats], Floats]  # p by standard errors of a difference and their degrees of freedom


MOST_RUNS = 10**9  # that a document may have
NORMAL = 1.96  # what 95 % intervals are often made with, in place of Student's t
POINTS = 65
ROUNDS = 4  # of searching between the neighbours of the highest point: 32 times finer each


@dataclass(frozen=True)
class Box:
    """What a printed mean ± spread of `n` runs may stand for.

    The mean lies within `half` of what is printed; the standard deviation, of n - 1 degrees of freedom, between the two
    ends of whichever of `readings` is the right one.
    """

    mean: float
    half: float
    n: int
    readings: Mapping[str, tuple[float, float]]

    def distances(self, mean: float) -> tuple[float, float]:
        """Return how near a mean may lie to the printed one, and how far from it."""
        distance = abs(mean - self.mean)
        return max(0.0, distance - self.half), distance + self.half


def box_of(mean: Printed, spread: Printed, n: int, reading: str) -> Box:
    """Return what a print may stand for; `reading` is one of `claims.SPREADS`. Raise UsageError where it is none.

    So it does where the print may stand for numbers of another power of ten.
    """
    powers.hold_power(mean, spread)
    if not 2 <= n <= MOST_RUNS or spread.value < 0:
        got = f"{spread.text} of {n!s:.20}"
        raise UsageError(f"wanted a spread of 0 or more of 2 to {MOST_RUNS:,} runs, got {got}; look at the print")
    low, high = (max(0.0, float(spread.value + side * spread.half)) for side in (-1, 1))
    factors = readings(reading, n)
    ends = {name: (low * least, high * most) for name, (least, most) in factors.items()}
    return Box(float(mean.value), float(mean.half), n, ends)


def readings(spread: str, n: int) -> dict[str, tuple[float, float]]:
    """Return what makes a printed spread of n runs a standard deviation of n - 1: the least and the largest factor.

    Deviations are divided by n as often as by n - 1, and 95 % intervals made with 1.96 or with Student's t.
    """
    root, divisor = math.sqrt(n), math.sqrt(n / (n - 1))
    known = {
        "sd": (1.0, divisor),
        "se": (root, root * divisor),
        "ci95": (root / student.t_critical(0.05, n - 1), root * divisor / NORMAL),
        "2sd": (0.5, 0.5 * divisor),
    }
    return known if spread == "unknown" else {spread: known[spread]}


def yardstick(ours: Sample, deviations: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the standard errors of a difference from samples of these deviations, with degrees of freedom (Welch)."""
    import numpy as np

    mine, theirs = ours.sd / math.sqrt(ours.n), deviations / math.sqrt(n)
    error = np.hypot(mine, theirs)
    share = (mine / np.where(error > 0, error, 1.0)) ** 2
    return error, 1.0 / (share**2 / (ours.n - 1) + (1.0 - share) ** 2 / (n - 1))


def beyond(distance: float | Floats, margin: float, noise: float = 0.0) -> Tail:
    """Return the p of means that lie so far apart or farther, where the true difference is the margin and no larger.

    With a margin of 0 it is Welch's two-sided p of no difference. What is farther than the margin by `noise` is not.
    """
    return lambda error, df: _tail(distance - margin, error, df, noise) + _tail(distance + margin, error, df, noise)


def within(distance: float | Floats, margin: float, noise: float = 0.0) -> Tail:
    """Return the p of means that lie so near or nearer, where the true difference is the margin or more (TOST)."""
    return lambda error, df: _tail(margin - distance, error, df, noise)


def short(toward: float, margin: float, noise: float = 0.0) -> Tail:
    """Return the p of a mean no farther `toward` the right side of a limit, where the true one misses by the margin."""
    return lambda error, df: _tail(-toward - margin, error, df, noise)


def single(tail: Tail, error: float, df: float) -> float:
    """Return the p of one standard error, at most 1."""
    import numpy as np

    return min(1.0, float(tail(np.array([error]), np.array([float(df)]))[0]))


def _tail(distance: float | Floats, error: Floats, df: Floats, noise: float) -> Floats:
    """Return how likely Student's T exceeds a distance; without scatter, only one above 0 is never exceeded."""
    import numpy as np

    distance = np.where(np.abs(distance) <= noise, 0.0, distance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        p = student.t_tail(distance / error, df)
    return np.where(error > 0, p, np.where(distance > 0, 0.0, 1.0))


def highest(tail: Tail, ours: Sample, box: Box) -> dict[str, float]:
    """Return the highest p that the print allows, at most 1, for each reading of its spread."""
    return {name: min(1.0, _highest(tail, ours, box.n, *ends)) for name, ends in box.readings.items()}


def _highest(tail: Tail, ours: Sample, n: int, low: float, high: float) -> float:
    import numpy as np

    balance = ours.sd * math.sqrt(n / ours.n)  # where both sides weigh the same, and degrees of freedom are most
    around = balance * np.geomspace(0.01, 100, POINTS)
    points = np.sort(np.concatenate([np.linspace(low, high, POINTS), np.clip(around, low, high)]))
    points = points[np.diff(points, prepend=-math.inf) > 0]  # each once; np.unique would import masked arrays
    best = 0.0
    for _ in range(ROUNDS):
        found = tail(*yardstick(ours, points, n))
        at = int(np.argmax(found))
        best = max(best, float(found[at]))
        points = np.linspace(points[max(at - 1, 0)], points[min(at + 1, len(points) - 1)], POINTS)
    return best
