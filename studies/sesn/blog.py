"""The blog's Table 1 and the 94 runs behind it: what was published, and the arithmetic from one to the other.

Runs: results.yml of the blog's repository, vioSpark/reproduction-prjocet-DL2021 (spelled so), the longer of its two
stored versions; the shorter one has 83 of the runs. Table: Reproducibility Project Blog (Lukacs and Petrescu, 2021),
Table 1, which quotes the rows of Sosnovik, Szmaja and Smeulders (2020), "Scale-Equivariant Steerable Networks".
"""

from __future__ import annotations

import csv
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import DataSet
from repro.errors import InfrastructureError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS_FILE = Path(__file__).with_name("blog_runs.csv")
PREFIX = "mnist_ses_"
MODELS = ("scalar_28", "scalar_56", "vector_28", "vector_56", "scalar_28p", "scalar_56p", "vector_28p", "vector_56p")
FACTORS = (1.0, 0.5)  # `extra_scaling`: 1 trains on the images as they are, 0.5 rescales each by 0.5 to 2
REALISATIONS = range(6)
PAPER_RUNS = 6  # one a realisation; assumed, the blog does not quote it
CENT = Decimal("0.01")


@dataclass(frozen=True)
class BlogRun:
    """One training of the blog: a model ("scalar_28p"), a factor and a realisation; `accuracy` is exact."""

    model: str
    factor: float
    realisation: int
    accuracy: Fraction
    elapsed_s: int
    in_first_version: bool

    @property
    def error(self) -> Fraction:
        """Return the test error in percent."""
        return 100 * (1 - self.accuracy)


@dataclass(frozen=True)
class Column:
    """A method and a column of Table 1: mean and standard deviation of the test error (%), digits as printed.

    `model` and `factor` are the setting that the column stands for in the paper.
    """

    name: str
    model: str
    factor: float
    ours: tuple[str, str]
    paper: tuple[str, str]


TABLE_1 = (
    Column("scalar_28", "scalar_28", 1.0, ours=("1.95", "0.17"), paper=("2.10", "0.10")),
    Column("scalar_28+", "scalar_28p", 0.5, ours=("1.98", "0.14"), paper=("1.79", "0.09")),
    Column("scalar_56", "scalar_56", 1.0, ours=("1.68", "0.12"), paper=("1.74", "0.09")),
    Column("scalar_56+", "scalar_56p", 0.5, ours=("1.67", "0.18"), paper=("1.50", "0.07")),
    Column("vector_28", "vector_28", 1.0, ours=("2.00", "0.2"), paper=("2.08", "0.09")),
    Column("vector_28+", "vector_28p", 0.5, ours=("2.00", "0.21"), paper=("1.76", "0.08")),
    Column("vector_56", "vector_56", 1.0, ours=("1.66", "0.17"), paper=("1.68", "0.06")),
    Column("vector_56+", "vector_56p", 0.5, ours=("1.59", "0.16"), paper=("1.42", "0.07")),
)
COLUMNS = tuple(column.name for column in TABLE_1)


def column_named(name: str) -> Column:
    """Return a column of Table 1 by its name. Raise UsageError for any other name."""
    for column in TABLE_1:
        if column.name == name:
            return column
    raise UsageError(f"no column '{name}' in the blog's Table 1; choose one of {', '.join(COLUMNS)}")


def read_runs(_folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return the columns of the table of runs as texts, digits as published; the caller holds them to their hash."""
    import numpy as np

    try:
        lines = RUNS_FILE.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"data set 'sesn-blog-runs' comes with the study, and {RUNS_FILE.name} is missing; install the project anew"
        ) from error
    table = csv.reader(line for line in lines if not line.startswith("#"))
    return {name: np.array(values) for name, *values in zip(*table, strict=False)}


BLOG_RUNS = DataSet(
    "sesn-blog-runs",
    "the blog's 94 published runs of SESN on scaled MNIST",
    content="27111cb8d0cdbf4e218d228cd1d2f834343d889ab5010f1f62c5da741dbf1199",
    read=read_runs,
)


def published_runs() -> tuple[BlogRun, ...]:
    """Return the 94 runs, in published order."""
    arrays = BLOG_RUNS.load()
    return tuple(
        BlogRun(
            model=model.removeprefix(PREFIX),
            factor=float(factor),
            realisation=int(realisation),
            accuracy=Fraction(accuracy),
            elapsed_s=int(elapsed),
            in_first_version=first == "yes",
        )
        for model, factor, realisation, accuracy, elapsed, first in zip(
            *(arrays[name].tolist() for name in ("model", "extra_scaling", "realisation", "accuracy")),
            *(arrays[name].tolist() for name in ("elapsed_s", "in_first_version")),
            strict=True,
        )
    )


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
    for column in TABLE_1:
        cell = pooled(column, runs)
        recomputed = (shortened(mean(cell), rounding), shortened(deviation(cell, ddof=ddof), rounding))
        found += sum(Decimal(printed) == value for printed, value in zip(column.ours, recomputed, strict=True))
    return found


def multiples_of(items: int, runs: Iterable[BlogRun]) -> int:
    """Return how many accuracies are a whole number of correct answers to `items` test images."""
    return sum((run.accuracy * items).denominator == 1 for run in runs)


def multiples_when_rounded(items: int, runs: Iterable[BlogRun], *, digits: int = 5) -> int:
    """Return how many accuracies could be such a share, if the published ones were rounded to `digits` decimals."""
    half = Fraction(1, 2 * 10**digits)
    return sum(abs(Fraction(round(run.accuracy * items), items) - run.accuracy) <= half for run in runs)


def smallest_test_set(runs: Iterable[BlogRun]) -> int:
    """Return the least number of test images that every accuracy is a whole share of; any other is a multiple of it."""
    return math.lcm(*(run.accuracy.denominator for run in runs))


def missing(runs: Iterable[BlogRun]) -> tuple[tuple[str, float, int], ...]:
    """Return the (model, factor, realisation) of the 96 announced ones that were not published."""
    present = {(run.model, run.factor, run.realisation) for run in runs}
    announced = ((model, factor, k) for model in MODELS for factor in FACTORS for k in REALISATIONS)
    return tuple(setting for setting in announced if setting not in present)


def gpu_hours(runs: Iterable[BlogRun]) -> float:
    """Return the hours that all runs took together."""
    return sum(run.elapsed_s for run in runs) / 3600
