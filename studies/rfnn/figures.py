"""The grids of accuracies as heat maps (figures 4.5 to 4.9), and how equal scales learn, from result rows."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.plotting import TITLE, style

Rows = Sequence[Mapping[str, Any]]
Panel = tuple[str, str]  # experiment, reading; "" where an experiment has one reading only
Pair = tuple[float, float]  # of the first and of the second layer: scales, or kernel sizes, in pixels

GRIDS = ("cnn_baseline", "scale_grid", "upscaled", "without_bias", "upscaled_without_bias", "normalised")
DARK = 0.45  # of the range: numbers on darker cells are white


def accuracies(rows: Rows) -> dict[Panel, dict[Pair, list[Mapping[str, Any]]]]:
    """Return the finished rows of accuracy by panel and pair. Raise NothingSelectedError without any."""
    found: dict[Panel, dict[Pair, list[Mapping[str, Any]]]] = {}
    for row in rows:
        if row["experiment"] in GRIDS and row["metric"] == "accuracy" and row["status"] == "ok":
            case = json.loads(row["case"])
            panel = found.setdefault((row["experiment"], case.get("reading", "")), {})
            panel.setdefault((case["first"], case["second"]), []).append(row)
    if not found:
        raise NothingSelectedError("no finished run of a grid; `repro run rfnn` makes some")
    return dict(sorted(found.items()))


def grids(rows: Rows) -> Figure:
    """Return mean accuracies over the grid of pairs, a panel for each experiment and reading."""
    found = accuracies(rows)
    table = [
        [experiment, reading, first, second, len(runs), statistics.fmean(values), min(values), max(values)]
        for (experiment, reading), pairs in found.items()
        for (first, second), runs in sorted(pairs.items())
        for values in [[row["value"] for row in runs]]
    ]
    headers = ["experiment", "reading", "first", "second", "finished runs", "accuracy, %", "lowest", "highest"]
    notes = "Means over finished runs; a cell without a number has none, which is where training left the real numbers."
    return Figure(headers, table, notes=notes, draw=lambda canvas: draw_grids(canvas, found))


def draw_grids(canvas: Any, found: Mapping[Panel, Mapping[Pair, Sequence[Mapping[str, Any]]]]) -> None:
    """Draw a heat map in grey for each panel, the numbers in its cells."""
    canvas.set_size_inches(4.2 * min(2, len(found)), 3.8 * ((len(found) + 1) // 2))
    panels = canvas.subplots((len(found) + 1) // 2, min(2, len(found)), squeeze=False)
    for axes, (panel, pairs) in zip(panels.flat, found.items(), strict=False):
        _draw_grid(axes, panel, pairs)
    for axes in list(panels.flat)[len(found) :]:
        axes.set_axis_off()


def _draw_grid(axes: Any, panel: Panel, pairs: Mapping[Pair, Sequence[Mapping[str, Any]]]) -> None:
    firsts, seconds = (sorted({pair[place] for pair in pairs}) for place in (0, 1))
    means = np.full((len(firsts), len(seconds)), np.nan)
    for (first, second), runs in pairs.items():
        means[firsts.index(first), seconds.index(second)] = statistics.fmean(row["value"] for row in runs)
    axes.imshow(means, cmap="gray", vmin=0, vmax=100)
    for (down, across), value in np.ndenumerate(means):
        if np.isfinite(value):
            ink = "white" if value < 100 * DARK else "black"
            axes.text(across, down, f"{value:.1f}", ha="center", va="center", color=ink, fontsize=TITLE)
    axes.set_xticks(range(len(seconds)), [f"{value:.3g}" for value in seconds])
    axes.set_yticks(range(len(firsts)), [f"{value:.3g}" for value in firsts])
    axes.set_xlabel("second layer, pixels")
    axes.set_ylabel("first layer, pixels")
    axes.set_title(f"{panel[0]} {panel[1]}".strip() + ": accuracy, %", fontsize=TITLE)


def equal_scales(rows: Rows) -> Figure:
    """Return accuracy by epoch for pairs of equal scales, with the range over the runs."""
    found = {panel: pairs for panel, pairs in accuracies(rows).items() if panel[0] == "scale_grid"}
    lines = {
        (panel, pair[0]): np.array([row["curve"] for row in runs])
        for panel, pairs in found.items()
        for pair, runs in sorted(pairs.items())
        if pair[0] == pair[1] and all(row["curve"] for row in runs)
    }
    if not lines:
        raise NothingSelectedError("no finished run of scale_grid with equal scales; `repro run rfnn` makes some")
    table = [
        [
            panel[1],
            scale,
            len(curves),
            curves.shape[1],
            *(float(part(curves[:, -1])) for part in (np.mean, np.min, np.max)),
        ]
        for (panel, scale), curves in lines.items()
    ]
    headers = ["reading", "both scales", "finished runs", "epochs", "accuracy, %", "lowest", "highest"]
    notes = "Lines are means over finished runs, bands reach from the lowest to the highest."
    return Figure(headers, table, notes=notes, draw=lambda canvas: draw_curves(canvas, lines))


def draw_curves(canvas: Any, lines: Mapping[tuple[Panel, float], Any]) -> None:
    """Draw a panel for each reading, a line with its band for each scale."""
    readings = sorted({panel for panel, _ in lines})
    canvas.set_size_inches(4.2 * len(readings) + 1.5, 3.6)
    for axes, reading in zip(canvas.subplots(1, len(readings), sharey=True, squeeze=False).flat, readings, strict=True):
        mine = [(scale, curves) for (panel, scale), curves in lines.items() if panel == reading]
        for number, (scale, curves) in enumerate(mine):
            epochs = np.arange(1, curves.shape[1] + 1)
            shown = style(number)
            axes.plot(epochs, curves.mean(axis=0), label=f"{scale:.3g}", **shown)
            axes.fill_between(
                epochs, curves.min(axis=0), curves.max(axis=0), color=shown["color"], alpha=0.15, linewidth=0
            )
        axes.set_title(reading[1], fontsize=TITLE)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(title="both scales, pixels", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    canvas.axes[0].set_ylabel("test accuracy, %")
