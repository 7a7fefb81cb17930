"""Simulated tables: what a check says of code that did not change, and of code that did, in worlds of many kinds.

A table has rows of accuracies near 98 % in steps of 0.01 points. The functions of `repro.rule` are applied to arrays;
tests/repro/golden/test_simulated.py shows that `repro.golden.check` says the same of the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repro.golden import rule
from repro.golden.rule import Floats

ROWS = 100
QUANTUM = 0.01  # points: 10,000 images
STEP = 1.0  # of a coarse grid
SD = 0.08  # points, the median over rows
NO_VALUE = math.nan  # of a run that diverged

Random = np.random.Generator
Draw = Callable[[Random, Floats, tuple[int, int]], Floats]  # deviations in points, for a column of sds, of this shape


def even(_random: Random, rows: int) -> Floats:
    """Return one standard deviation for all rows, as a column."""
    return np.full((rows, 1), SD)


def uneven(random: Random, rows: int) -> Floats:
    """Return standard deviations whose squares follow a scaled inverse chi-squared law with 6 degrees of freedom."""
    found: Floats = SD * np.sqrt(6.0 / random.chisquare(6.0, (rows, 1)))
    return found


def magnitudes(random: Random, rows: int) -> Floats:
    """Return standard deviations whose squares follow a scaled inverse chi-squared law, half a degree of freedom."""
    found: Floats = SD * np.sqrt(0.5 / random.chisquare(0.5, (rows, 1)))
    return found


def within_steps(random: Random, rows: int) -> Floats:
    """Return standard deviations from a twentieth of a coarse step to two of them."""
    found: Floats = STEP * np.exp(random.uniform(math.log(0.05), math.log(2.0), (rows, 1)))
    return found


def normal(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from the normal law."""
    return sd * random.standard_normal(shape)


def skewed(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from a gamma law of shape 2, long to the left."""
    return -sd * (random.gamma(2.0, size=shape) - 2.0) / math.sqrt(2.0)


def heavy(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from Student's law with 3 degrees of freedom."""
    return sd * random.standard_t(3.0, shape) / math.sqrt(3.0)


def outlying(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from the normal law, one run in a hundred 8 standard deviations lower."""
    return sd * (random.standard_normal(shape) - 8.0 * (random.random(shape) < 0.01))


def bounded(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw normal logits about 98 %, and count right answers of 10,000."""
    logit = math.log(0.98 / 0.02) + sd / 100.0 / (0.98 * 0.02) * random.standard_normal(shape)
    return 100.0 * random.binomial(10_000, 1.0 / (1.0 + np.exp(-logit))) / 10_000 - 98.0


def diverging(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from the normal law; a fifth of the runs of the first five rows diverge."""
    found = sd * random.standard_normal(shape)
    found[:5][random.random((min(5, shape[0]), shape[1])) < 0.2] = NO_VALUE
    return found


def two_ways(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from the normal law; a quarter of the runs of the first ten rows end 10 standard deviations lower."""
    found: Floats = sd * random.standard_normal(shape)
    found[:10] -= 10.0 * sd[:10] * (random.random((min(10, shape[0]), shape[1])) < 0.25)
    return found


def equal_modes(random: Random, sd: Floats, shape: tuple[int, int]) -> Floats:
    """Draw from the normal law; half of the runs of the first ten rows end 10 standard deviations lower."""
    found: Floats = sd * random.standard_normal(shape)
    found[:10] -= 10.0 * sd[:10] * (random.random((min(10, shape[0]), shape[1])) < 0.5)
    return found


@dataclass(frozen=True)
class World:
    """How rows scatter and how runs do, and in which declared steps."""

    title: str
    sds: Callable[[Random, int], Floats]
    draw: Draw
    step: float = QUANTUM


WORLDS: Mapping[str, World] = {
    "equal": World("equal variances", even, normal),
    "unequal": World("unequal variances", uneven, normal),
    "skewed": World("skewed to the left", uneven, skewed),
    "bounded": World("near the bound of 100 %", uneven, bounded),
    "heavy": World("heavy tails (t, 3 degrees of freedom)", uneven, heavy),
    "outlying": World("one run in a hundred 8 sd lower", uneven, outlying),
    "two-ways": World("ten cells with two ways to end", uneven, two_ways),
    "diverging": World("five cells that diverge now and then", uneven, diverging),
    "magnitudes": World("variances over magnitudes (prior worth half a degree of freedom)", magnitudes, normal),
    "equal-modes": World("ten cells with two equally frequent ways to end", uneven, equal_modes),
    "coarse": World("a coarse grid, many goldens that agree to the digit", within_steps, normal, STEP),
}

Defect = Callable[[Floats, Floats], Floats]  # from deviations and the column of sds to what the defect makes of them


def moved(shift: float, rows: int | None = None) -> Defect:
    """Return a defect that moves the first rows, or all, by so many of their own standard deviations."""

    def defect(values: Floats, sd: Floats) -> Floats:
        found = values.copy()
        found[:rows] += shift * sd[:rows]
        return found

    return defect


def now_and_then(values: Floats, sd: Floats) -> Floats:
    """Move half of the first row's runs, those that were above its centre, 8 standard deviations down."""
    found = values.copy()
    found[0] -= 8.0 * sd[0] * (values[0] > 0.0)
    return found


def broken(values: Floats, _sd: Floats) -> Floats:
    """Let the first row diverge in every run."""
    found = values.copy()
    found[0] = NO_VALUE
    return found


DEFECTS: Mapping[str, Defect] = {
    "one row, 3 sd": moved(-3.0, 1),
    "one row, 5 sd": moved(-5.0, 1),
    "one row, 8 sd": moved(-8.0, 1),
    "one row, 8 sd, in half of its runs": now_and_then,
    "20 rows, 1.5 sd": moved(-1.5, 20),
    "all rows, 0.3 sd": moved(-0.3),
    "all rows, 0.6 sd": moved(-0.6),
    "scatter doubled": lambda values, _sd: 2.0 * values,
    "one row diverges": broken,
}


@dataclass(frozen=True)
class Table:
    """Golden runs (rows, n0), new runs (rows, n1) and further ones of one table, NaN where one diverged.

    `quantum` is that of each row, `metric` the number of its metric; the rows of a metric make one group.
    """

    golden: Floats
    new: Floats
    again: Floats
    quantum: Floats
    metric: NDArray[np.int_]


def made(world: World, random: Random, rows: int, n0: int, n1: int, defect: Defect | None = None) -> Table:
    """Return a table of a world; a defect is in the new and the further runs."""
    sd, centre = world.sds(random, rows), random.uniform(97.0, 99.0, (rows, 1))
    parts = [world.draw(random, sd, (rows, runs)) for runs in (n0, n1, rule.CONFIRMING_FEW)]
    if defect is not None:
        parts[1:] = [defect(part, sd) for part in parts[1:]]
    golden, new, again = (np.round((centre + part) / world.step) * world.step for part in parts)
    return Table(golden, new, again, np.full(rows, world.step), np.zeros(rows, int))


@dataclass(frozen=True)
class Alarms:
    """What a check of a table raised, and what it ran again; nothing where its golden would be `refused`."""

    row: bool = False
    shift: bool = False
    dispersion: bool = False
    diverged: bool = False
    reruns: int = 0
    refused: bool = False

    @property
    def any(self) -> bool:
        """Say whether the check failed."""
        return self.row or self.shift or self.dispersion or self.diverged


@dataclass(frozen=True)
class Fitted:
    """What a golden says of each row: how many runs finished, their mean, s with its freedom, and the shape."""

    n: NDArray[np.int_]
    mean: Floats
    s: Floats
    df: Floats
    bias: Floats
    spread: Floats
    squares: Floats


def fitted(table: Table) -> Fitted | None:
    """Return what a golden says of its rows; None where it would be refused, since no seed moves a row."""
    rows = len(table.golden)
    values = [row[np.isfinite(row)] for row in table.golden]
    n = np.array([len(row) for row in values])
    mean = np.array([row.mean() if len(row) else math.nan for row in values])
    raw = np.array([row.var(ddof=1) if len(row) > 1 else 0.0 for row in values])
    variance = rule.quantum_floor(raw, table.quantum)
    numbers = {name: np.empty(rows) for name in ("s", "df", "bias", "spread", "squares")}
    for metric in np.unique(table.metric):
        mine = np.flatnonzero(table.metric == metric)
        shrunken = rule.shrink_variances(variance[mine], np.maximum(n[mine] - 1.0, 0.0))
        if (shrunken.variance == 0.0).any():
            return None
        shape = rule.shape([values[row] for row in mine], table.quantum[mine] ** 2 / 12.0, shrunken)
        numbers["s"][mine], numbers["df"][mine] = np.sqrt(shrunken.variance), shrunken.df
        for name in ("bias", "spread", "squares"):
            numbers[name][mine] = getattr(shape, name)
    return Fitted(n, mean, **numbers)


def check(table: Table) -> Alarms:
    """Check a table as `repro.golden.check` does."""
    new, known = table.new, fitted(table)
    if known is None:
        return Alarms(refused=True)
    rows, n = len(new), known.n
    level = rule.sidak(rule.ALPHA_ROWS, rows)
    m = np.array([rule.confirming(int(some)) for some in n])
    again = np.where(np.arange(table.again.shape[1]) < m[:, None], table.again, math.nan)
    counts = np.isfinite(new).sum(1)
    away = (np.where(np.isfinite(new), new, 0.0).sum(1) / np.maximum(counts, 1) - known.mean) / known.s
    away[counts == 0] = math.nan
    further = (again - known.mean[:, None]) / known.s[:, None]
    suspicious, confirmed = np.zeros(rows, bool), np.zeros(rows, bool)
    for row in np.flatnonzero(np.isfinite(away)):
        sign = math.copysign(1.0, away[row])
        df = float(known.df[row])
        suspicious[row] = abs(away[row]) > rule.suspect_limit(df, int(n[row]), int(counts[row]))
        distances = sign * further[row][np.isfinite(further[row])]
        if suspicious[row] and len(distances):
            limit = rule.confirm_limit(level, df, int(n[row]), int(counts[row]), len(distances))
            confirmed[row] = bool((distances > limit).all())
    diverged, odd = count_diverged(table, m)
    members = [np.flatnonzero(table.metric == metric) for metric in np.unique(table.metric)]
    groups = [mine for mine in members if len(mine) >= rule.TABLE_ROWS]
    found = [together(away[mine], counts[mine], further[mine], known, mine, len(groups)) for mine in groups]
    shift, dispersion, whole = (any(one[place] for one in found) for place in range(3))
    reruns = int(m[suspicious | odd].sum()) + (rows if whole else 0)
    return Alarms(bool(confirmed.any()), shift, dispersion, diverged, reruns)


def count_diverged(table: Table, m: NDArray[np.int_]) -> tuple[bool, NDArray[np.bool_]]:
    """Say whether diverged runs raise an alarm, and of which rows they are suspicious; m further runs are made."""
    rows, n0 = table.golden.shape
    old, now = (np.isnan(part).sum(1) for part in (table.golden, table.new))
    later = (np.isnan(table.again) & (np.arange(table.again.shape[1]) < m[:, None])).sum(1)
    rate = (old.sum() + 0.5) / (table.golden.size + 1.0)
    many_level, few_level = (rule.sidak(alpha, rows) for alpha in (rule.ALPHA_DIVERGED, rule.ALPHA_FINISHED))
    alarm, odd = False, np.zeros(rows, bool)
    for row in range(rows) if old.sum() + now.sum() else ():
        runs, k1 = table.new.shape[1], int(now[row])
        odd[row] = k1 > 0 and rule.nonfinite_tails(k1, runs, int(old[row]), n0, rate)[1] < rule.SUSPECT
        if k1:
            k1, runs = k1 + int(later[row]), runs + int(m[row])
        few, many = rule.nonfinite_tails(k1, runs, int(old[row]), n0, rate)
        alarm = alarm or few < few_level or (many < many_level and k1 > 1)
    return alarm, odd


def together(
    away: Floats, counts: NDArray[np.int_], further: Floats, known: Fitted, mine: NDArray[np.int_], groups: int
) -> tuple[bool, bool, bool]:
    """Say of one group whether its rows have moved, whether they scatter more, and whether all had to be run again."""
    used = np.isfinite(away)

    def scores(distance: Floats, runs: Floats, rows: NDArray[np.int_]) -> tuple[float, float]:
        t, bias = distance / np.sqrt(1.0 / known.n[rows] + 1.0 / runs), known.bias[rows] / np.sqrt(runs)
        spread, n = known.spread[rows], known.n[rows].astype(float)
        w = rule.shift_score(t, bias, spread), rule.dispersion_score(t, bias, spread, known.squares[rows], n)
        return float(w[0]), float(w[1])

    first = scores(away[used], counts[used].astype(float), mine[used])
    one_more = np.array([next((value for value in row if math.isfinite(value)), math.nan) for row in further])
    there = used & np.isfinite(one_more)
    second = scores(one_more[there], np.ones(there.sum()), mine[there])
    common = used.sum() / float((1.0 / known.n[mine[used]]).sum())
    alarms, whole = [], False
    for place, (alpha, sides) in enumerate(((rule.ALPHA_SHIFT, 2), (rule.ALPHA_DISPERSION, 1))):
        limit, limit_again = rule.table_limits(alpha, groups, common, int(used.sum()), sides=sides, stages=2)
        sign = math.copysign(1.0, first[place]) if sides == 2 else 1.0
        beyond = first[place] * sign > limit
        whole = whole or beyond
        alarms.append(beyond and second[place] * sign > limit_again)
    return alarms[0], alarms[1], whole


def rates(world: str, *, n0: int, n1: int, tables: int, seed: int, defect: str = "", rows: int = ROWS) -> list[Alarms]:
    """Check so many tables of a world; the same arguments give the same answer."""
    random = np.random.default_rng([seed, n0, n1, rows, *world.encode(), *defect.encode()])
    change = DEFECTS[defect] if defect else None
    return [check(made(WORLDS[world], random, rows, n0, n1, change)) for _ in range(tables)]
