"""Evidence on the blog's Table 1 and the 94 runs behind it.

Errors are in percent. "Printed" takes a cell as it stands with the number of runs that it pools, "matched" the runs of
the setting that its column names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP
from typing import Any

from repro.audit.evidence import Missing, Runs, Shown, values
from repro.stats import Sample
from studies.sesn.cases import Cell as Trained
from studies.sesn.cases import Realisation
from studies.sesn.data.scaled import BLOG
from studies.sesn.measured import averages, reanalysis
from studies.sesn.published import results, table
from studies.sesn.published.results import BlogRun
from studies.sesn.published.table import Column


def _cell(name: str) -> reanalysis.Cell:
    return reanalysis.cell_of(table.column_named(name), results.published_runs())


# Table 1 as a whole


def mixed_columns() -> list[str]:
    """Return the columns of Table 1 whose own cell averages runs that the column does not name."""
    runs = results.published_runs()
    found = []
    for column in table.TABLE_1:
        count = Counter(run.factor for run in averages.pooled(column, runs))
        strange = count.total() - count[column.factor]
        if strange and _explains(column, averages.pooled(column, runs)):
            other = "with" if column.factor == 1 else "without"
            found.append(f"{strange} of the {count.total()} runs in {column.name} are {other} augmentation")
    return found


def _explains(column: Column, runs: tuple[BlogRun, ...]) -> bool:
    """Say whether a printed cell is mean and deviation of these runs, cut off."""
    found = (averages.mean(runs), averages.deviation(runs))
    cut = [averages.shortened(value, ROUND_DOWN) for value in found]
    return all(float(text) == float(value) for text, value in zip(column.ours, cut, strict=True))


def two_decimals() -> Shown:
    """Ask whether the 16 figures printed for "ours" are all rounded to their two decimals, or all cut off."""
    runs = results.published_runs()
    rounded = averages.figures_explained(runs, rounding=ROUND_HALF_UP)
    cut = averages.figures_explained(runs, rounding=ROUND_DOWN)
    total = 2 * len(table.TABLE_1)
    return total in (rounded, cut), f"rounding gives {rounded} of the {total} figures, cutting off {cut}"


def script_averages() -> Shown:
    """Ask whether averaging all runs of one name explains all printed cells."""
    runs = results.published_runs()
    found = sum(_explains(column, averages.pooled(column, runs)) for column in table.TABLE_1)
    like = sum(_explains(column, averages.matched(column, runs)) for column in table.TABLE_1)
    total = len(table.TABLE_1)
    return found == total, f"{found} of {total} cells come out of all runs of a model, {like} of those of one setting"


# Single columns


def _printed(name: str) -> Sample:
    """Return a printed cell of "ours" as a sample of the runs that it pools."""
    return _cell(name).printed


def _trained(name: str) -> Runs | Missing:
    """Return the errors of a column's network, trained here by the full protocol, one for each realisation.

    A realisation of which a training diverged is one that diverged, whatever another seed gave.
    """
    column = table.column_named(name)
    cases = [Trained(column.model, column.factor, k) for k in results.REALISATIONS]
    found = [values("sesn", "paper", "scaled_mnist", "error", case) for case in cases]
    trained = [one.values[0] for one in found if one.values and not one.diverged]
    diverged = sum(one.diverged > 0 for one in found)
    if len(trained) + diverged < len(results.REALISATIONS):
        command = "repro run sesn --profile paper --experiment scaled_mnist --where"
        what = f"no faithful run yet: `{command} model={column.model} --where factor={column.factor} --replicates 1`"
        return Missing(what, len(results.REALISATIONS) - len(trained) - diverged)
    return Runs(tuple(trained), diverged)


def _gains(worse: str, better: str) -> list[float]:
    """Return by how much one column's matched runs are better than another's, realisation by realisation."""
    runs = results.published_runs()
    columns = [table.column_named(name) for name in (worse, better)]
    high, low = ({run.realisation: run.error for run in averages.matched(column, runs)} for column in columns)
    return [float(high[k] - low[k]) for k in results.REALISATIONS if k in high and k in low]


def _of(function: Callable[..., Any], *columns: str) -> Callable[[], Any]:
    """Return the evidence that a function gives of certain columns, as a function without arguments."""

    def evidence() -> Any:
        return function(*columns)

    return evidence


printed_scalar_28 = _of(_printed, "scalar_28")
printed_scalar_28_plus = _of(_printed, "scalar_28+")
printed_scalar_56 = _of(_printed, "scalar_56")
printed_scalar_56_plus = _of(_printed, "scalar_56+")
printed_vector_28 = _of(_printed, "vector_28")
printed_vector_28_plus = _of(_printed, "vector_28+")
printed_vector_56 = _of(_printed, "vector_56")
printed_vector_56_plus = _of(_printed, "vector_56+")
trained_scalar_28 = _of(_trained, "scalar_28")
trained_scalar_28_plus = _of(_trained, "scalar_28+")
trained_scalar_56 = _of(_trained, "scalar_56")
trained_scalar_56_plus = _of(_trained, "scalar_56+")
trained_vector_28 = _of(_trained, "vector_28")
trained_vector_28_plus = _of(_trained, "vector_28+")
trained_vector_56 = _of(_trained, "vector_56")
trained_vector_56_plus = _of(_trained, "vector_56+")
plus_gain_scalar_28 = _of(_gains, "scalar_28", "scalar_28+")
plus_gain_scalar_56 = _of(_gains, "scalar_56", "scalar_56+")
plus_gain_vector_28 = _of(_gains, "vector_28", "vector_28+")
plus_gain_vector_56 = _of(_gains, "vector_56", "vector_56+")
size_gain_scalar = _of(_gains, "scalar_28", "scalar_56")
size_gain_scalar_plus = _of(_gains, "scalar_28+", "scalar_56+")
size_gain_vector = _of(_gains, "vector_28", "vector_56")
size_gain_vector_plus = _of(_gains, "vector_28+", "vector_56+")
vector_gain_28 = _of(_gains, "scalar_28", "vector_28")
vector_gain_28_plus = _of(_gains, "scalar_28+", "vector_28+")
vector_gain_56 = _of(_gains, "scalar_56", "vector_56")
vector_gain_56_plus = _of(_gains, "scalar_56+", "vector_56+")


# The runs


def networks_run() -> list[float]:
    """Return how many models the published runs are of."""
    return [len({run.model for run in results.published_runs()})]


def realisations_run() -> list[float]:
    """Return how many realisations the published runs are of."""
    return [len({run.realisation for run in results.published_runs()})]


def factors_run() -> list[float]:
    """Return the factors of the published runs, the highest first."""
    return sorted({run.factor for run in results.published_runs()}, reverse=True)


def fewest_runs_of_a_network() -> int:
    """Return the least number of runs published of a model."""
    return min(Counter(run.model for run in results.published_runs()).values())


def most_runs_on_a_realisation() -> int:
    """Return the largest number of runs published of a model on one realisation."""
    return max(Counter((run.model, run.realisation) for run in results.published_runs()).values())


def described_items() -> int:
    """Return the number of test images that the blog describes."""
    return BLOG.test


def published_files() -> int | Missing:
    """Return of how many realisations the files made here have the published MD5, as recorded on whole MNIST."""
    found = [values("sesn", "lite", "published_data", "equal_files", Realisation(k)) for k in results.REALISATIONS]
    if not all(one.values for one in found):
        return Missing("no run yet: `repro run sesn --profile lite --experiment published_data`", 1)
    return sum(set(one.values) == {1.0} and not one.diverged for one in found)
