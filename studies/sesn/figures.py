"""The figures of the re-analysis of the blog's Table 1, for `repro figures`; a canvas is matplotlib's own Figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from repro import stats
from repro.stats import Sample, WelchTest
from repro.study import Figure
from studies.common.plotting import INK, PALE
from studies.sesn.measured import averages, reanalysis
from studies.sesn.measured.reanalysis import Cell, Gain
from studies.sesn.published import results, table
from studies.sesn.published.results import BlogRun

Rows = Sequence[Mapping[str, Any]]

LEVEL = 0.05
TABLE_1_HEADERS = (
    "column", "ours, printed", "ours, pooled (n)", "ours, matched (n)", "paper",
    "p printed", "p pooled", "p matched", f"p not within {reanalysis.MARGIN:g}", "equal within",
)  # fmt: skip
AUGMENTATION_HEADERS = ("change", "where", "gain", "95 % interval", "p", "p (Holm)")
SERIES = (  # label, marker, filled: told apart without colour
    ("ours, printed", "s", False),
    ("ours, pooled", "s", True),
    ("ours, matched", "o", True),
    ("paper", "^", False),
)
GROUPS = (("augmentation", "o", True), ("model", "s", False), ("both", "^", True))


def table1(_rows: Rows) -> Figure:
    """Return the blog's Table 1 as printed, pooled and matched, each held against the paper's row."""
    runs = results.published_runs()
    cells = [reanalysis.cell_of(column, runs) for column in table.TABLE_1]
    return Figure(
        headers=TABLE_1_HEADERS,
        rows=[_table1_row(cell) for cell in cells],
        notes=_table1_notes(cells, runs),
        draw=lambda canvas: draw_table1(canvas, cells, runs),
    )


def gains(_rows: Rows) -> Figure:
    """Return what augmentation gains at equal model, what the '+' model gains at equal augmentation, and both."""
    runs = results.published_runs()
    groups = _gain_groups(runs)
    first = [run for run in runs if run.in_first_version]
    doubted = reanalysis.average(reanalysis.model_gains(first))
    return Figure(
        headers=AUGMENTATION_HEADERS,
        rows=[row for group in groups for row in _gain_rows(group)],
        notes=(
            "Gain: percentage points of test error less, positive is better; Welch's test, Holm within each change. "
            "Augmentation: factor 0.5 in place of 1, same model. Model: the '+' column's in place of the plain one, "
            f"same factor. Without the {len(runs) - len(first)} runs of unclear origin the model's mean gain is "
            f"{doubted.difference:.3f}, 95 % interval {_interval(doubted)}."
        ),
        draw=lambda canvas: draw_gains(canvas, groups),
    )


def _table1_row(cell: Cell) -> list[str]:
    tests = [stats.welch(each, cell.paper) for each in (cell.printed, cell.pooled, cell.matched)]
    return [
        cell.column.name,
        " ± ".join(cell.column.ours),
        _described(cell.pooled),
        _described(cell.matched),
        " ± ".join(cell.column.paper),
        *(_p(test.p) for test in tests),
        _p(stats.tost(cell.matched, cell.paper, reanalysis.MARGIN)),
        f"{cell.equivalent_within:.3f}",
    ]


def _table1_notes(cells: Sequence[Cell], runs: Sequence[BlogRun]) -> str:
    differing = {}
    for name in ("printed", "pooled", "matched"):
        ps = [stats.welch(getattr(cell, name), cell.paper).p for cell in cells]
        differing[name] = f"{_below(ps)} of {len(ps)} ({_below(stats.holm(ps))} after Holm's correction)"
    tosts = [stats.tost(cell.matched, cell.paper, reanalysis.MARGIN) for cell in cells]
    return (
        "Test error in percent, mean ± sample standard deviation; p of Welch's test against the paper's row "
        f"(n={table.PAPER_RUNS} assumed). Pooled: all runs of the column's model, as the blog averaged them. Matched: "
        "those with the column's own augmentation. Columns that differ from the paper's at 5 %: "
        + ", ".join(f"{name} {text}" for name, text in differing.items())
        + f". Matched cells shown equal within {reanalysis.MARGIN:g} points (two one-sided tests): {_below(tosts)} of "
        f"{len(tosts)} ({_below(stats.holm(tosts))} after Holm's correction). {len(runs)} runs."
    )


def _gain_groups(runs: Sequence[BlogRun]) -> tuple[tuple[Gain, ...], ...]:
    """Return the gains of augmentation, of the model and of both, each followed by its mean."""
    every = (reanalysis.factor_gains(runs), reanalysis.model_gains(runs), reanalysis.column_gains(runs))
    return tuple((*gains, Gain(gains[0].what, "mean", reanalysis.average(gains))) for gains in every)


def _gain_rows(gains: Sequence[Gain]) -> list[list[str]]:
    """Return a group as rows; the mean is a summary of the others and is not corrected for their number."""
    adjusted = [_p(p) for p in stats.holm([gain.test.p for gain in gains[:-1]])] + [""]
    return [
        [gain.what, gain.where, f"{gain.test.difference:.3f}", _interval(gain.test), _p(gain.test.p), corrected]
        for gain, corrected in zip(gains, adjusted, strict=True)
    ]


def _described(sample: Sample) -> str:
    return f"{sample.mean:.4f} ± {sample.sd:.4f} ({sample.n})"


def _interval(test: WelchTest) -> str:
    low, high = test.interval()
    return f"{low:.3f} to {high:.3f}"


def _p(p: float) -> str:
    """Return a p-value to two significant digits, never as 0."""
    return "<1e-6" if p < 1e-6 else f"{p:.{max(2, 1 - math.floor(math.log10(p)))}f}"


def _below(ps: Sequence[float]) -> int:
    return sum(p <= LEVEL for p in ps)


def draw_table1(canvas: Any, cells: Sequence[Cell], runs: Sequence[BlogRun]) -> None:
    """Draw each column's four means with their deviations, and the single runs: hollow without augmentation."""
    canvas.set_size_inches(7.5, 9)
    axes = canvas.subplots()
    for row, cell in enumerate(cells):
        _draw_runs(axes, row + 0.40, averages.pooled(cell.column, runs), first=row == 0)
        samples = (cell.printed, cell.pooled, cell.matched, cell.paper)
        for lane, (sample, (label, marker, filled)) in enumerate(zip(samples, SERIES, strict=True)):
            axes.errorbar(
                sample.mean, row - 0.32 + 0.16 * lane, xerr=sample.sd, fmt=marker, color=INK, capsize=2, markersize=5,
                markerfacecolor=INK if filled else "white", label=label if row == 0 else None,
            )  # fmt: skip
        if row:
            axes.axhline(row - 0.5, color=PALE, linewidth=0.5)
    axes.set_yticks(range(len(cells)), [cell.column.name for cell in cells])
    axes.set_ylim(len(cells) - 0.4, -0.5)
    axes.set_xlabel("test error, % (bars: one standard deviation)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.07), ncols=3, frameon=False, fontsize=8)


def _draw_runs(axes: Any, height: float, runs: Sequence[BlogRun], *, first: bool) -> None:
    for factor, inside, label in ((1.0, "white", "runs, factor 1"), (0.5, PALE, "runs, factor 0.5")):
        errors = [float(run.error) for run in runs if run.factor == factor]
        axes.plot(
            errors, [height] * len(errors), "D", color=PALE, markerfacecolor=inside, markersize=4,
            label=label if first else None,
        )  # fmt: skip


def draw_gains(canvas: Any, groups: Sequence[Sequence[Gain]]) -> None:
    """Draw the gains with their 95 % intervals, one group below the other, and the line of no gain."""
    canvas.set_size_inches(7.5, 7)
    axes = canvas.subplots()
    labels: list[str] = []
    for gains, (what, marker, filled) in zip(groups, GROUPS, strict=True):
        for gain in gains:
            low, high = gain.test.interval()
            axes.errorbar(
                gain.test.difference, len(labels), xerr=(high - low) / 2, fmt=marker, color=INK, capsize=2,
                markerfacecolor=INK if filled else "white", markersize=8 if gain is gains[-1] else 5,
                label=what if gain is gains[-1] else None,
            )  # fmt: skip
            labels.append(gain.where)
        axes.axhline(len(labels) - 0.5, color=PALE, linewidth=0.5)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlabel("gain, percentage points of test error (bars: 95 % interval)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.07), ncols=3, frameon=False)
