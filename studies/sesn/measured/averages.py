"""From the published runs to the printed table: which runs a cell averages, how its figures are shortened.

Errors are in percent, as exact fractions until they are shortened. Beside that, what the accuracies say of the test
set, and which of the announced runs are missing.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

from studies.sesn.published import results, table
from studies.sesn.published.results import BlogRun
from studies.sesn.published.table import Column

CENT = Decimal("0.01")


def pooled(column: Column, runs: Iterable[BlogRun]) -> tuple[BlogRun, ...]:
    """Return the runs that the blog averaged for a column: all of its model, whatever the factor."""
    return tuple(run for run in runs if run.model == column.model)


def matched(column: Column, runs: Iterable[BlogRun]) -> tuple[BlogRun, ...]:
    """Return the runs whose setting is the one that the column names."""
    return tuple(run for run in pooled(column, runs) if run.factor == column.factor)


def mean(runs: Sequence[BlogRun]) -> Fraction:
    """Return the exact mean of the runs' errors, in percent."""
    return statistics.mean([run.error for run in runs])


def deviation(runs: Sequence[BlogRun], *, ddof: int = 1) -> float:
    """Return the standard deviation of the runs' errors, in percentage points: of a sample, or with ddof=0 of all."""
    errors = [run.error for run in runs]
    return float(statistics.stdev(errors) if ddof == 1 else statistics.pstdev(errors))


def shortened(value: Fraction | float, rounding: str) -> Decimal:
    """Return a positive value with two decimals, cut off or rounded: `rounding` is ROUND_DOWN or ROUND_HALF_UP."""
    exact = Decimal(value.numerator) / Decimal(value.denominator) if isinstance(value, Fraction) else Decimal(value)
    return exact.quantize(CENT, rounding=rounding)


def figures_explained(runs: Sequence[BlogRun], *, rounding: str, ddof: int = 1) -> int:
    """Return how many of the 16 figures printed for "ours" one convention gives from the pooled runs."""
    found = 0
    for column in table.TABLE_1:
        cell = pooled(column, runs)
        recomputed = (shortened(mean(cell), rounding), shortened(deviation(cell, ddof=ddof), rounding))
        found += sum(Decimal(printed) == value for printed, value in zip(column.ours, recomputed, strict=True))
    return found


def multiples_of(items: int, runs: Iterable[BlogRun]) -> int:
    """Return how many accuracies are a whole number of correct answers to `items` test images."""
    return sum((run.accuracy * items).denominator == 1 for run in runs)


def smallest_test_set(runs: Iterable[BlogRun]) -> int:
    """Return the least number of test images that every accuracy is a whole share of; any other is a multiple of it."""
    return math.lcm(*(run.accuracy.denominator for run in runs))


def missing(runs: Iterable[BlogRun]) -> tuple[tuple[str, float, int], ...]:
    """Return the (model, factor, realisation) of the 96 announced ones that were not published."""
    present = {(run.model, run.factor, run.realisation) for run in runs}
    announced = itertools.product(results.MODELS, results.FACTORS, results.REALISATIONS)
    return tuple(setting for setting in announced if setting not in present)


def gpu_hours(runs: Iterable[BlogRun]) -> float:
    """Return the hours that all runs took together."""
    return sum(run.elapsed_s for run in runs) / 3600
