"""The blog's Table 1: the published runs are whole, and every figure said of them comes out of them.

Expected figures are typed here: those of the table from the blog, the others from an audit of results.yml made before
this code, except where a comment says that the audit was wrong.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from decimal import ROUND_DOWN, ROUND_HALF_UP
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from repro import stats
from repro.data import read_verified
from repro.errors import InfrastructureError, IntegrityError, UsageError
from studies.sesn.cases import COLUMNS
from studies.sesn.measured import averages, reanalysis
from studies.sesn.published import results
from studies.sesn.published.results import BLOG_RUNS, BlogRun
from studies.sesn.published.table import TABLE_1, column_named

MODELS = results.MODELS
RUNS = results.published_runs()
FIRST_VERSION = tuple(run for run in RUNS if run.in_first_version)
PRINTED = {  # blog, Table 1: "ours", then the paper's
    "scalar_28": "1.95 ± 0.17, 2.10 ± 0.10", "scalar_28+": "1.98 ± 0.14, 1.79 ± 0.09",
    "scalar_56": "1.68 ± 0.12, 1.74 ± 0.09", "scalar_56+": "1.67 ± 0.18, 1.50 ± 0.07",
    "vector_28": "2.00 ± 0.2, 2.08 ± 0.09", "vector_28+": "2.00 ± 0.21, 1.76 ± 0.08",
    "vector_56": "1.66 ± 0.17, 1.68 ± 0.06", "vector_56+": "1.59 ± 0.16, 1.42 ± 0.07",
}  # fmt: skip
CELLS = {  # pooled mean, SD, n; matched mean, SD, n (audit)
    "scalar_28": "1.9592 0.1800 12, 2.0917 0.1458 6", "scalar_28+": "1.9853 0.1477 12, 1.8637 0.0938 6",
    "scalar_56": "1.6815 0.1201 12, 1.7620 0.0916 6", "scalar_56+": "1.6752 0.1813 12, 1.5347 0.0856 6",
    "vector_28": "2.0042 0.2009 12, 2.1680 0.1215 6", "vector_28+": "2.0044 0.2135 11, 1.8100 0.0630 5",
    "vector_56": "1.6658 0.1730 12, 1.7387 0.0542 6", "vector_56+": "1.5909 0.1679 11, 1.4296 0.0729 5",
}  # fmt: skip
TESTS = {  # p of printed, matched (Welch) and of TOST at 0.2 (audit; it calls the first column "pooled")
    "scalar_28": ".0326 .911 .0133", "scalar_28+": ".0035 .195 .0193", "scalar_56": ".256 .684 .0034",
    "scalar_56+": ".0114 .461 .0023", "vector_28": ".260 .187 .0511", "vector_28+": ".0046 .276 .0035",
    "vector_56": ".720 .106 .0008", "vector_56+": ".0086 .830 .0010",
}  # fmt: skip
every_column = pytest.mark.parametrize("name", COLUMNS)


def same(found: float, written: str) -> bool:
    """Say whether a value is the written one, to the digits written."""
    return f"{found:.{len(written.partition('.')[2])}f}" == f"{float(written):.{len(written.partition('.')[2])}f}"


# The runs


def test_94_of_96_announced_runs_were_published() -> None:
    assert len(RUNS) == 94
    assert averages.missing(RUNS) == (("vector_28p", 0.5, 4), ("vector_56p", 0.5, 4))
    assert len({(run.model, run.factor, run.realisation) for run in RUNS}) == 94
    assert Counter(run.model for run in RUNS) == {m: 11 if m.startswith("vector") and "p" in m else 12 for m in MODELS}


def test_eleven_runs_are_in_the_longer_version_only() -> None:
    later = Counter((run.model, run.factor, run.elapsed_s) for run in RUNS if not run.in_first_version)
    assert later == {("vector_56", 0.5, 668): 6, ("scalar_28p", 1.0, 239): 4, ("vector_56", 1.0, 666): 1}
    mean = {model: float(averages.mean([run for run in FIRST_VERSION if run.model == model])) for model in MODELS}
    assert same(mean["vector_56"], "1.756")  # as the blog's script printed of the shorter version
    assert same(mean["scalar_28p"], "1.936")


def test_times_are_those_published() -> None:
    assert sum(run.elapsed_s for run in RUNS) == 41_264
    assert same(averages.gpu_hours(RUNS), "11.5")
    assert {min(run.elapsed_s for run in RUNS), max(run.elapsed_s for run in RUNS)} == {227, 668}


def test_an_altered_an_emptied_and_a_lost_table_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    altered = tmp_path / "results.csv"
    monkeypatch.setattr(results, "RUNS_FILE", altered)
    with pytest.raises(InfrastructureError, match=r"results.csv is missing; install the project anew"):
        read_verified(BLOG_RUNS)
    text = Path(results.__file__).with_name("results.csv").read_text()
    for wrong in ("", text.replace("0.97772", "0.97774"), text.replace(",287,", ",")):
        altered.write_text(wrong)
        with pytest.raises(IntegrityError, match=r"data set 'sesn-blog-runs' .* expected arrays"):
            read_verified(BLOG_RUNS)


# The test set


def test_accuracies_are_shares_of_50000_images_and_not_of_48000() -> None:
    assert averages.multiples_of(50_000, RUNS) == 94
    assert averages.multiples_of(48_000, RUNS) == 5
    assert averages.smallest_test_set(RUNS) == 50_000
    assert could_be_rounded_shares(50_000) == 94
    assert could_be_rounded_shares(48_000) == 51  # about half, as of any numbers of five decimals


def could_be_rounded_shares(items: int) -> int:
    """Return how many accuracies could be shares of so many items, were the published ones rounded to five decimals."""
    half = Fraction(1, 200_000)
    return sum(abs(Fraction(round(run.accuracy * items), items) - run.accuracy) <= half for run in RUNS)


def test_one_run_on_another_test_set_is_seen() -> None:
    odd = dataclasses.replace(RUNS[0], accuracy=Fraction(47_001, 48_000))
    assert averages.multiples_of(50_000, (*RUNS, odd)) == 94
    assert averages.smallest_test_set((*RUNS, odd)) > 50_000


# Table 1 as printed


@every_column
def test_the_published_table_is_the_blogs(name: str) -> None:
    column = column_named(name)
    assert f"{' ± '.join(column.ours)}, {' ± '.join(column.paper)}" == PRINTED[name]
    assert column.model == name.replace("+", "p")
    assert column.factor == (0.5 if "+" in name else 1.0)


def test_the_printed_figures_are_cut_off_and_of_pooled_runs() -> None:
    assert averages.figures_explained(RUNS, rounding=ROUND_DOWN) == 16
    assert averages.figures_explained(RUNS, rounding=ROUND_HALF_UP) == 9
    for rounding in (ROUND_DOWN, ROUND_HALF_UP):
        assert averages.figures_explained(RUNS, rounding=rounding, ddof=0) < 12
        assert averages.figures_explained(FIRST_VERSION, rounding=rounding) < 16


@every_column
def test_each_printed_cell_pools_both_settings(name: str) -> None:
    column = column_named(name)
    assert {run.factor for run in averages.pooled(column, RUNS)} == {0.5, 1.0}
    assert {run.factor for run in averages.matched(column, RUNS)} == {column.factor}


@every_column
def test_pooled_and_matched_cells(name: str) -> None:
    cell = reanalysis.cell_of(column_named(name), RUNS)
    for sample, text in zip((cell.pooled, cell.matched), CELLS[name].split(", "), strict=True):
        mean, sd, n = text.split()
        assert same(sample.mean, mean)
        assert same(sample.sd, sd)
        assert sample.n == int(n)


def test_an_unknown_column_is_named() -> None:
    with pytest.raises(UsageError, match=r"no column 'scalar_28p' in the blog's Table 1; choose one of scalar_28, "):
        reanalysis.cell_metrics("scalar_28p")


# Against the paper


@every_column
def test_p_values_are_those_of_the_audit(name: str) -> None:
    metrics = reanalysis.cell_metrics(name)
    printed, matched, tost = TESTS[name].split()
    assert same(metrics["welch_p_printed"], printed)
    assert same(metrics["welch_p_matched"], matched)
    assert same(metrics["tost_p_matched"], tost)
    assert (metrics["equivalent_within"] < reanalysis.MARGIN) == (metrics["tost_p_matched"] < 0.05)


def test_p_values_are_scipys_of_the_runs() -> None:
    for column in TABLE_1:
        errors = [float(run.error) for run in averages.matched(column, RUNS)]
        ends = (np.mean(errors), np.std(errors, ddof=1), len(errors), *map(float, column.paper), 6)
        law = scipy.stats.ttest_ind_from_stats(*ends, equal_var=False)
        assert reanalysis.cell_metrics(column.name)["welch_p_matched"] == pytest.approx(law.pvalue, rel=1e-5)


def test_printed_cells_differ_from_the_papers_and_matched_ones_do_not() -> None:
    metrics = [reanalysis.cell_metrics(name) for name in COLUMNS]
    for kind, raw, held in (("printed", 5, 2), ("pooled", 5, 2), ("matched", 0, 0)):
        ps = [row[f"welch_p_{kind}"] for row in metrics]
        assert (sum(p <= 0.05 for p in ps), sum(p <= 0.05 for p in stats.holm(ps))) == (raw, held)
    tosts = [row["tost_p_matched"] for row in metrics]
    assert [name for name, p in zip(COLUMNS, tosts, strict=True) if p > 0.05] == ["vector_28"]
    assert sum(p <= 0.05 for p in stats.holm(tosts)) == 7


def test_vector_56_without_the_run_of_unclear_origin() -> None:
    cell = reanalysis.cell_of(column_named("vector_56"), FIRST_VERSION)
    assert (same(cell.matched.mean, "1.7564"), same(cell.matched.sd, "0.0362"), cell.matched.n) == (True, True, 5)
    ps = [stats.welch(c.matched, c.paper).p for c in (reanalysis.cell_of(one, RUNS) for one in TABLE_1)]
    ps[COLUMNS.index("vector_56")] = stats.welch(cell.matched, cell.paper).p
    assert same(min(ps), ".030")
    assert min(stats.holm(ps)) > 0.05


# Realisations


def anova_by_regression(table: np.ndarray) -> tuple[float, float]:
    """Return F and p of the second axis, from the sums of squares of two regressions on dummies."""
    cells, realisations = table.shape
    cell, realisation = (index.ravel() for index in np.indices(table.shape))
    blocks = np.eye(cells)[cell], np.eye(realisations)[realisation][:, 1:]
    rest = [float(np.linalg.lstsq(x, table.ravel(), rcond=None)[1][0]) for x in (blocks[0], np.hstack(blocks))]
    df = realisations - 1, (cells - 1) * (realisations - 1)
    f = (rest[0] - rest[1]) / df[0] / (rest[1] / df[1])
    return f, float(scipy.stats.f.sf(f, *df))


def test_the_realisation_explains_two_fifths_of_the_variance() -> None:
    effect = reanalysis.realisation_effect(RUNS)
    assert effect.cells == 14
    assert effect.df == (5, 65)
    assert same(100 * effect.share, "42")
    between = (effect.f - 1) / effect.cells  # variance between realisations in units of the noise's, without chance
    assert same(100 * between / (1 + between), "38")
    assert same(effect.shifts[0], "-0.135")
    assert sum(effect.shifts) == pytest.approx(0, abs=1e-12)
    assert same(effect.residual_sd, "0.090")
    table = np.array(reanalysis.complete_cells(RUNS), dtype=float)
    assert (effect.f, effect.p) == pytest.approx(anova_by_regression(table), rel=1e-9)
    assert same(effect.f, "9.43")
    assert same(1e7 * effect.p, "8.6")


def test_the_audits_f_forgets_that_14_means_were_estimated() -> None:
    table = np.array(reanalysis.complete_cells(RUNS), dtype=float)
    forgetful = scipy.stats.f_oneway(*(table - table.mean(axis=1, keepdims=True)).T)  # 78 degrees of freedom, not 65
    assert same(forgetful.statistic, "11.3")
    assert same(1e8 * forgetful.pvalue, "3")


def test_shuffled_realisations_have_no_effect() -> None:
    random = np.random.default_rng(3)
    settings = list(itertools.product(results.MODELS, results.FACTORS))
    found = 0
    for _ in range(200):
        table = random.permuted(np.array(reanalysis.complete_cells(RUNS), dtype=float), axis=1)
        runs = [
            BlogRun(*settings[row], k, 1 - Fraction(round(value * 500), 50_000), 1, True)
            for (row, k), value in np.ndenumerate(table)
        ]
        found += reanalysis.realisation_effect(runs).p <= 0.05
    assert scipy.stats.binom.sf(found - 1, 200, 0.05) > 1e-4
    assert scipy.stats.binom.cdf(found, 200, 0.05) > 1e-4


# Augmentation and orderings


def test_augmentation_lowers_the_error_of_every_model() -> None:
    gains = reanalysis.factor_gains(RUNS)
    assert len(gains) == 8
    assert all(gain.test.difference > 0 for gain in gains)
    assert {gain.where for gain in gains if gain.test.p > 0.0124} == {"vector_56"}
    assert same(next(gain.test.p for gain in gains if gain.where == "vector_56"), ".18")


def test_the_gain_of_the_plus_columns_is_that_of_augmentation() -> None:
    both = {gain.where: gain.test.difference for gain in reanalysis.column_gains(RUNS)}
    assert [round(value, 3) for value in both.values()] == [0.228, 0.358, 0.227, 0.309]
    factor, model = (reanalysis.average(gains(RUNS)) for gains in (reanalysis.factor_gains, reanalysis.model_gains))
    assert factor.interval()[0] > 0.2
    assert model.interval()[0] < 0 < model.interval()[1] < 0.07
    assert min(stats.holm([gain.test.p for gain in reanalysis.model_gains(RUNS)])) == 1.0
    assert np.mean(list(both.values())) == pytest.approx(factor.difference + model.difference, abs=1e-12)
    assert [gain.where for gain in reanalysis.model_gains(FIRST_VERSION)].count("vector_56 at factor 0.5") == 0


def test_the_mean_of_one_gain_is_the_gain_and_of_two_is_surer() -> None:
    one = reanalysis.factor_gains(RUNS)[:1]
    alone, twice = reanalysis.average(one), reanalysis.average(one * 2)
    assert dataclasses.astuple(alone) == pytest.approx(dataclasses.astuple(one[0].test))
    assert twice.standard_error == pytest.approx(alone.standard_error / 2**0.5)
    assert twice.df == pytest.approx(2 * alone.df)


def ordering(worse: str, better: str) -> tuple[tuple[float, float], stats.WelchTest]:
    """Return by how much one column is better than another as printed and in the paper, and in the matched runs."""
    high, low = (reanalysis.cell_of(column_named(name), RUNS) for name in (worse, better))
    printed, paper = high.printed.mean - low.printed.mean, high.paper.mean - low.paper.mean
    return (round(printed, 6), round(paper, 6)), stats.welch(high.matched, low.matched)


def renamed(old: str, new: str) -> list[tuple[str, str]]:
    return [(name, name.replace(old, new)) for name in COLUMNS if old in name]


def test_orderings_in_both_rows_and_in_matched_runs() -> None:
    augmentation = [ordering(name, f"{name}+") for name in reanalysis.PAIRS]
    resolution, method = ([ordering(*pair) for pair in renamed(*by)] for by in (("28", "56"), ("scalar", "vector")))

    def signs(found: list[tuple[tuple[float, float], stats.WelchTest]]) -> list[tuple[int, ...]]:
        return [tuple(np.sign([*rows, matched.difference]).astype(int)) for rows, matched in found]

    assert signs(augmentation) == [(-1, 1, 1), (0, 1, 1), (1, 1, 1), (1, 1, 1)]
    assert signs(resolution) == [(1, 1, 1)] * 4
    assert signs(method) == [(-1, 1, -1), (-1, 1, 1), (1, 1, 1), (1, 1, 1)]
    assert sorted(round(test.difference, 3) for _, test in resolution) == [0.329, 0.33, 0.38, 0.429]
    assert [round(test.difference, 3) for _, test in method] == [-0.076, 0.054, 0.023, 0.105]
    assert all(same(test.p, p) for (_, test), p in zip(method, (".35", ".29", ".61", ".056"), strict=True))


# Rows


def test_the_metrics_of_all_runs() -> None:
    found = reanalysis.run_metrics()
    counts = {"runs": 94, "missing": 2, "in_first_version": 83, "multiples_of_50000": 94, "multiples_of_48000": 5}
    counts |= {"smallest_test_set": 50_000, "figures_cut_off": 16, "figures_rounded": 9}
    measured = {"realisation_F": "9.43", "realisation_p": "0.0000009", "realisation_share": "42", "gpu_hours": "11.5"}
    measured |= {"realisation_0": "-0.135", "residual_sd": "0.090", "factor_gain": "0.259", "model_gain": "0.021"}
    assert found.keys() == counts.keys() | measured.keys()
    assert {name: found[name] for name in counts} == counts
    assert [name for name, written in measured.items() if not same(found[name], written)] == []


def test_metrics_are_finite_and_do_not_hang_on_the_last_digits() -> None:
    for metrics in (reanalysis.run_metrics(), *(reanalysis.cell_metrics(name) for name in COLUMNS)):
        assert all(np.isfinite(value) and value == float(f"{value:.6g}") for value in metrics.values())
