"""Evidence on the blog's Table 1 and the 94 runs behind it.

Errors are in percent. "Printed" takes a cell as it stands with the number of runs that it pools, "matched" the runs of
the setting that its column names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP
from typing import Any

from repro import printed, stats
from repro.audit.evidence import Missing, Runs, Shown, values
from repro.stats import Sample
from studies.sesn.cases import Cell as Trained
from studies.sesn.cases import Realisation
from studies.sesn.data.scaled import BLOG, PUBLISHED
from studies.sesn.measured import averages, reanalysis
from studies.sesn.published import results, table
from studies.sesn.published.results import BlogRun
from studies.sesn.published.table import Column

LEVEL = 0.05
REPRODUCED_WITHIN = 0.10  # percentage points; the margin of the claims on Table 1


def _cells() -> list[reanalysis.Cell]:
    runs = results.published_runs()
    return [reanalysis.cell_of(column, runs) for column in table.TABLE_1]


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
    """Ask whether the 16 figures printed for "ours" are rounded to their two decimals."""
    runs = results.published_runs()
    rounded = averages.figures_explained(runs, rounding=ROUND_HALF_UP)
    cut = averages.figures_explained(runs, rounding=ROUND_DOWN)
    total = 2 * len(table.TABLE_1)
    return rounded == total, f"rounding gives {rounded} of the {total} figures, cutting off {cut}"


def equal_decimals() -> Shown:
    """Ask whether all figures of Table 1 have as many decimals."""
    texts = [text for column in table.TABLE_1 for text in (*column.ours, *column.paper)]
    short = [text for text in texts if printed.parse(text).unit != printed.parse(texts[0]).unit]
    return not short, f"{len(short)} of {len(texts)} figures have other decimals than {texts[0]}: {', '.join(short)}"


def script_averages() -> Shown:
    """Ask whether averaging all runs of one name explains all printed cells."""
    runs = results.published_runs()
    found = sum(_explains(column, averages.pooled(column, runs)) for column in table.TABLE_1)
    like = sum(_explains(column, averages.matched(column, runs)) for column in table.TABLE_1)
    total = len(table.TABLE_1)
    return found == total, f"{found} of {total} cells come out of all runs of a model, {like} of those of one setting"


def somewhat_similar() -> Shown:
    """Ask whether no column differs from the paper's, like with like, and none by more than the margin."""
    cells = _cells()
    tests = [stats.welch(cell.matched, cell.paper) for cell in cells]
    as_printed = [stats.welch(cell.printed, cell.paper).p for cell in cells]
    different = sum(test.p <= LEVEL for test in tests)
    widest = max(abs(test.difference) for test in tests)
    words = (
        f"like with like {different} of {len(cells)} differ at 5 % and the widest gap is {widest:.3f} points; "
        f"as printed {sum(p <= LEVEL for p in as_printed)} differ, {sum(p <= LEVEL for p in stats.holm(as_printed))} "
        "of them after Holm's correction"
    )
    return different == 0 and widest <= REPRODUCED_WITHIN, words


def reproduction_borne_out() -> Shown:
    """Ask whether the printed table shows every column equal to the paper's within the margin."""
    cells = _cells()

    def equal(kind: str) -> int:
        return sum(stats.tost(getattr(cell, kind), cell.paper, REPRODUCED_WITHIN) <= LEVEL for cell in cells)

    shown, like = equal("printed"), equal("matched")
    words = f"within {REPRODUCED_WITHIN:.2f} points {shown} of {len(cells)} columns are shown equal as printed, {like} "
    return shown == len(cells), words + "when like is compared with like"


def plus_gains_as_printed() -> Shown:
    """Ask whether augmentation brings nothing at 28 x 28, as the printed rows of "ours" have it."""
    runs = results.published_runs()
    found = [reanalysis.ordering(*pair, runs) for pair in reanalysis.AUGMENTATION if "28" in pair[0]]
    words = "; ".join(
        f"{one.worse} to {one.better}: {one.printed:+.2f} printed, {one.matched.difference:+.3f} like with like "
        f"(p={one.matched.p:.2g})"
        for one in found
    )
    return all(one.printed <= 0 and one.matched.p > LEVEL for one in found), words


def granularity_is_fine() -> Shown:
    """Ask whether two decimals are too coarse to say how many images a mean of six errors was counted on."""
    items = table.PAPER_RUNS * averages.smallest_test_set(results.published_runs())
    step = 100 / items
    words = f"means of six runs move in steps of {step:.2g} points, the print in {averages.CENT}"
    return step < float(averages.CENT), words


# Single columns


def _printed(name: str) -> Sample:
    """Return a printed cell of "ours" as a sample of the runs that it pools."""
    return _cell(name).printed


def _distance(name: str) -> float:
    """Return how far the mean of a column's matched runs lies from the paper's, in points."""
    cell = _cell(name)
    return abs(cell.matched.mean - cell.paper.mean)


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
        what = f"no faithful run yet: `{command} model={column.model} --where factor={column.factor}`"
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
matched_scalar_28 = _of(_distance, "scalar_28")
matched_scalar_28_plus = _of(_distance, "scalar_28+")
matched_scalar_56 = _of(_distance, "scalar_56")
matched_scalar_56_plus = _of(_distance, "scalar_56+")
matched_vector_28 = _of(_distance, "vector_28")
matched_vector_28_plus = _of(_distance, "vector_28+")
matched_vector_56 = _of(_distance, "vector_56")
matched_vector_56_plus = _of(_distance, "vector_56+")
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


def seconds_of_a_run() -> list[int]:
    """Return the shortest and the longest time that a published run took, in seconds."""
    seconds = [run.elapsed_s for run in results.published_runs()]
    return [min(seconds), max(seconds)]


def described_test_set() -> Shown:
    """Ask whether the published runs were tested on sets as large as the blog describes its own."""
    runs = results.published_runs()
    described, original = averages.multiples_of(BLOG.test, runs), averages.multiples_of(PUBLISHED.test, runs)
    words = f"{described} of {len(runs)} accuracies are shares of {BLOG.test:,} images"
    return described == len(runs), f"{words}, {original} of {PUBLISHED.test:,}"


def described_items() -> int:
    """Return the number of test images that the blog describes."""
    return BLOG.test


def realisations_alike() -> Shown:
    """Ask whether realisations can be told apart: a two-way analysis of variance of the complete cells."""
    effect = reanalysis.realisation_effect(results.published_runs())
    words = (
        f"F({effect.df[0]}, {effect.df[1]}) = {effect.f:.2f}, p = {effect.p:.1g}: the realisation explains "
        f"{100 * effect.share:.0f} % of the variance within cells, and number 0 lies {effect.shifts[0]:+.3f} points off"
    )
    return effect.p > LEVEL, words


def published_files() -> int | Missing:
    """Return of how many realisations the files made here have the published MD5, as recorded on whole MNIST."""
    found = [values("sesn", "lite", "published_data", "equal_files", Realisation(k)) for k in results.REALISATIONS]
    if not all(one.values for one in found):
        return Missing("no run yet: `repro run sesn --profile lite --experiment published_data`", 1)
    return sum(set(one.values) == {1.0} and not one.diverged for one in found)
