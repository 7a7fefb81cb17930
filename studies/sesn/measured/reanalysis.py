"""The blog's Table 1 judged: like with like, realisations kept apart, augmentation told from model.

Errors are in percent, differences in percentage points. The paper's runs are not published, so a comparison with it
rests on its printed mean and standard deviation and takes the two samples for independent. Matched samples share the
six data sets; that makes these tests cautious, because what an easy realisation takes from both is counted as noise.
Pooled samples hold each data set twice, so their p-values are too small even for the question they ask.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP
from fractions import Fraction

from repro import stats
from repro.stats import Sample, WelchTest
from studies.common.rounding import significant
from studies.sesn.measured import averages
from studies.sesn.published import results, table
from studies.sesn.published.results import BlogRun
from studies.sesn.published.table import Column

MARGIN = 0.2  # percentage points, our choice: less than augmentation brings, and what six runs can show
PAIRS = ("scalar_28", "vector_28", "scalar_56", "vector_56")
Setting = tuple[str, float]  # model, factor


@dataclass(frozen=True)
class Cell:
    """A column of Table 1: the blog's figures as printed, what they pool, what they should hold, and the paper's."""

    column: Column
    printed: Sample
    pooled: Sample
    matched: Sample
    paper: Sample

    @property
    def equivalent_within(self) -> float:
        """Return the smallest margin that `tost` accepts at 5 % between matched and paper."""
        return max(abs(end) for end in stats.welch(self.matched, self.paper).interval(0.90))


@dataclass(frozen=True)
class RealisationEffect:
    """A two-way analysis of variance, cell and realisation, of the cells that have all six realisations.

    `share` is the part of the variance within cells that the realisation explains, chance included. `shifts` are the
    realisations' distances from the mean, `residual_sd` is what scatters when both are taken out. A small p says that
    realisations differ; it does not say that they differ in the same way for every model.
    """

    cells: int
    f: float
    df: tuple[int, int]
    p: float
    share: float
    shifts: tuple[float, ...]
    residual_sd: float


@dataclass(frozen=True)
class Gain:
    """How much lower the error is after a change: of `what`, in `where`; `test.difference` is before minus after."""

    what: str
    where: str
    test: WelchTest


def sample(runs: Sequence[BlogRun]) -> Sample:
    """Return mean, standard deviation and number of the runs' errors."""
    return Sample(float(averages.mean(runs)), averages.deviation(runs), len(runs))


def printed(figures: tuple[str, str], n: int) -> Sample:
    """Return a published pair as a sample."""
    return Sample(float(figures[0]), float(figures[1]), n)


def cell_of(column: Column, runs: Sequence[BlogRun]) -> Cell:
    """Return what a column of Table 1 compares, and what it should."""
    every = sample(averages.pooled(column, runs))
    return Cell(
        column,
        printed=printed(column.ours, every.n),
        pooled=every,
        matched=sample(averages.matched(column, runs)),
        paper=printed(column.paper, table.PAPER_RUNS),
    )


def setting(runs: Iterable[BlogRun], model: str, factor: float) -> tuple[BlogRun, ...]:
    """Return the runs of one model at one factor."""
    return tuple(run for run in runs if (run.model, run.factor) == (model, factor))


def realisation_effect(runs: Sequence[BlogRun]) -> RealisationEffect:
    """Analyse the variance of the complete cells. The means of the cells cost degrees of freedom too."""
    from scipy.special import fdtrc

    cells = complete_cells(runs)
    residuals = [[value - statistics.mean(row) for value in row] for row in cells]
    shifts = [statistics.mean(column) for column in zip(*residuals, strict=True)]
    within = sum(value**2 for row in residuals for value in row)
    between = len(cells) * sum(shift**2 for shift in shifts)
    df = (len(shifts) - 1, (len(shifts) - 1) * (len(cells) - 1))
    noise = (within - between) / df[1]
    f = float(between / df[0] / noise)
    return RealisationEffect(
        cells=len(cells),
        f=f,
        df=df,
        p=float(fdtrc(*df, f)),
        share=float(between / within),
        shifts=tuple(float(shift) for shift in shifts),
        residual_sd=math.sqrt(noise),
    )


def complete_cells(runs: Sequence[BlogRun]) -> list[list[Fraction]]:
    """Return the errors of each (model, factor) that was run on all six realisations, in their order."""
    found = []
    for model in results.MODELS:
        for factor in results.FACTORS:
            errors = {run.realisation: run.error for run in setting(runs, model, factor)}
            if len(errors) == len(results.REALISATIONS):
                found.append([errors[k] for k in results.REALISATIONS])
    return found


def factor_gains(runs: Sequence[BlogRun]) -> tuple[Gain, ...]:
    """Return what the factor 0.5 gains over 1 in each of the eight models."""
    models = [model for pair in PAIRS for model in (pair, f"{pair}p")]
    return tuple(_gains("augmentation", runs, {model: ((model, 1.0), (model, 0.5)) for model in models}))


def model_gains(runs: Sequence[BlogRun]) -> tuple[Gain, ...]:
    """Return what the model of the '+' column gains over that of the plain one, at equal factor."""
    settings = [(pair, factor) for pair in PAIRS for factor in results.FACTORS]
    named = {f"{pair} at factor {factor:g}": ((pair, factor), (f"{pair}p", factor)) for pair, factor in settings}
    return tuple(_gains("model", runs, named))


def column_gains(runs: Sequence[BlogRun]) -> tuple[Gain, ...]:
    """Return what a '+' column gains over the plain one when each holds its own setting: model and factor change."""
    named = {f"{plain} to {plain}+": ((plain, 1.0), (f"{plain}p", 0.5)) for plain in PAIRS}
    return tuple(_gains("both", runs, named))


def _gains(what: str, runs: Sequence[BlogRun], changes: Mapping[str, tuple[Setting, Setting]]) -> Iterator[Gain]:
    """Yield the gain of each change, given as the settings before and after; a change needs two runs on each side."""
    for where, settings in changes.items():
        before, after = (setting(runs, *one) for one in settings)
        if min(len(before), len(after)) > 1:
            yield Gain(what, where, stats.welch(sample(before), sample(after)))


def average(gains: Sequence[Gain]) -> WelchTest:
    """Return the mean of gains that share no run, with the standard error and the degrees of freedom of that mean."""
    from scipy.special import stdtr

    variances = [gain.test.standard_error**2 for gain in gains]
    difference = statistics.fmean(gain.test.difference for gain in gains)
    error = math.sqrt(sum(variances)) / len(gains)
    df = sum(variances) ** 2 / sum(v**2 / gain.test.df for v, gain in zip(variances, gains, strict=True))
    return WelchTest(difference, error, df, 2 * float(stdtr(df, -abs(difference) / error)))


def cell_metrics(column: str) -> dict[str, float]:
    """Return what Table 1 compares in one column and what it should; `column` is a name such as "scalar_28+"."""
    cell = cell_of(table.column_named(column), results.published_runs())
    return _steady(
        {
            "pooled_mean": cell.pooled.mean,
            "pooled_sd": cell.pooled.sd,
            "n_pooled": cell.pooled.n,
            "matched_mean": cell.matched.mean,
            "matched_sd": cell.matched.sd,
            "n_matched": cell.matched.n,
            "welch_p_printed": stats.welch(cell.printed, cell.paper).p,
            "welch_p_pooled": stats.welch(cell.pooled, cell.paper).p,
            "welch_p_matched": stats.welch(cell.matched, cell.paper).p,
            "tost_p_matched": stats.tost(cell.matched, cell.paper, MARGIN),
            "equivalent_within": cell.equivalent_within,
        }
    )


def run_metrics() -> dict[str, float]:
    """Return what the 94 runs say as a whole: their number, the test set, the printing, realisation, augmentation."""
    runs = results.published_runs()
    effect = realisation_effect(runs)
    return _steady(
        {
            "runs": len(runs),
            "missing": len(averages.missing(runs)),
            "in_first_version": sum(run.in_first_version for run in runs),
            "multiples_of_50000": averages.multiples_of(50_000, runs),
            "multiples_of_48000": averages.multiples_of(48_000, runs),
            "smallest_test_set": averages.smallest_test_set(runs),
            "figures_cut_off": averages.figures_explained(runs, rounding=ROUND_DOWN),
            "figures_rounded": averages.figures_explained(runs, rounding=ROUND_HALF_UP),
            "realisation_F": effect.f,
            "realisation_p": effect.p,
            "realisation_share": 100 * effect.share,
            "realisation_0": effect.shifts[0],
            "residual_sd": effect.residual_sd,
            "factor_gain": average(factor_gains(runs)).difference,
            "model_gain": average(model_gains(runs)).difference,
            "gpu_hours": averages.gpu_hours(runs),
        }
    )


def _steady(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: significant(float(value)) for name, value in metrics.items()}
