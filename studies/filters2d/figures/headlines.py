"""Figures of the three conclusions that trained networks answer, from result rows; a canvas is matplotlib's own."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.found import spread
from studies.common.plotting import INK, PALE, TITLE, style
from studies.filters2d.cases import PUBLISHED_DENSITY

COMMAND = "repro run filters2d"
OUTLINES = "square_or_rectangle"
INVERSES = {"demosaicking": "mosaic (section 7)", "channel_inverse": "channel (section 8)"}
ACTIVATIONS = {"linear": "one layer", "sigmoid": "sigmoid", "relu": "ReLU"}
RULES = {"sgd": "descent", "adam": "Adam"}
NETWORKS = {"convolutional": "7 x 7 kernels", "lstm2": "LSTM2"}
CHANCE = 50  # %
PUBLISHED = (PUBLISHED_DENSITY, 46.8)  # images for each position, lowest test error in %: section 11.2

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Case:
    """The runs of a case: its fields, each metric's value in each finished run, how many have no result."""

    fields: dict[str, Any]
    values: dict[str, list[float]]
    lost: int

    @property
    def runs(self) -> str:
        """Return the number of finished runs, and of those without a result, if any."""
        finished = max(map(len, self.values.values()), default=0)
        return f"{finished}, and {self.lost} without a result" if self.lost else f"{finished}"


def cases_of(rows: Rows, *experiments: str) -> dict[str, list[Case]]:
    """Return the cases with finished runs, by experiment. Raise NothingSelectedError where there are none at all."""
    found = {name: _cases([row for row in rows if row["experiment"] == name]) for name in experiments}
    if not any(found.values()):
        chosen = " ".join(f"--experiment {name}" for name in experiments)
        raise NothingSelectedError(f"no finished run of {' or '.join(experiments)}; `{COMMAND} {chosen}` makes some")
    return {name: cases for name, cases in found.items() if cases}


def _cases(rows: Rows) -> list[Case]:
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        if row["status"] == "ok":
            values.setdefault(row["case"], {}).setdefault(row["metric"], []).append(row["value"])
    lost = Counter(case for case, _ in {(row["case"], row["replicate"]) for row in rows if row["status"] != "ok"})
    return [Case(json.loads(case), metrics, lost[case]) for case, metrics in values.items()]


def reach(values: Sequence[float]) -> tuple[float, list[list[float]]]:
    """Return the mean of values and how far the lowest and the highest lie from it, as `errorbar` takes them."""
    mean = statistics.fmean(values)
    return mean, [[mean - min(values)], [max(values) - mean]]


def span(axes: Any, place: float, values: Sequence[float], *, upright: bool = False, **look: Any) -> None:
    """Draw the mean of values with a bar from the lowest to the highest."""
    mean, ends = reach(values)
    at, bar = ((place, mean), {"yerr": ends}) if upright else ((mean, place), {"xerr": ends})
    axes.errorbar(*at, **bar, **{"color": INK, "capsize": 3, "markersize": 5, "linewidth": 1, "fmt": "o"} | look)


# Sections 7 and 8


def against_linear(rows: Rows) -> Figure:
    """Return the errors of networks that undo a mosaic or a channel, over that of the best linear filter."""
    found = {name: sorted(cases, key=_place) for name, cases in cases_of(rows, *INVERSES).items()}
    table = []
    for name, cases in found.items():
        trained = next((_mse(case) for case in cases if case.fields["hidden"] == "linear"), None)
        for case in cases:
            over = None if trained is None else f"{_mse(case) / trained:.2f}"
            about = [INVERSES[name], ACTIVATIONS[case.fields["hidden"]], RULES[case.fields["optimiser"]], case.runs]
            table.append([*about, spread(ratios(case), ".2f"), f"{_mse(case):.3g}", over])
    headers = [
        "undone", "hidden layer", "trained by", "runs", "error over the best linear filter's", "mean squared error",
        "over the trained linear layer's",
    ]  # fmt: skip
    notes = (
        "Mean squared errors on test images; mean, lowest and highest of the runs. The best linear filter is the "
        "convolution of the same size that least squares find on the training images. The last column is a ratio of "
        "means over the runs."
    )
    return Figure(headers, table, notes, lambda canvas: draw_against_linear(canvas, found))


def _place(case: Case) -> tuple[int, int]:
    return [*ACTIVATIONS].index(case.fields["hidden"]), [*RULES].index(case.fields["optimiser"])


def _mse(case: Case) -> float:
    return statistics.fmean(case.values["mse"])


def ratios(case: Case) -> list[float]:
    """Return each run's error over that of the best linear filter."""
    return [10**value for value in case.values["log10_ratio"]]


def draw_against_linear(canvas: Any, found: Mapping[str, Sequence[Case]]) -> None:
    """Draw the errors as dots with ranges on a log axis, a panel for each problem, on an empty matplotlib figure."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    canvas.set_size_inches(7.6, 2.9)
    panels = canvas.subplots(1, len(found), sharex=True, squeeze=False)[0]
    for axes, (name, cases) in zip(panels, found.items(), strict=True):
        for place, case in enumerate(cases):
            span(axes, place, ratios(case))
        axes.axvline(1, color=PALE, linestyle="--", label="best linear filter")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        names = [f"{ACTIVATIONS[case.fields['hidden']]}, {RULES[case.fields['optimiser']]}" for case in cases]
        axes.set_yticks(range(len(cases)), names)
        axes.set_ylim(len(cases) - 0.4, -0.6)
        axes.set_ylabel("network, trained by")
        axes.set_xlabel("error over the best linear filter's")
        axes.set_title(INVERSES[name], fontsize=TITLE)
    panels[0].legend(frameon=False, loc="lower right")


# Section 11.2


def samples_per_position(rows: Rows) -> Figure:
    """Return the errors on squares and rectangles by the number of training images for each place of the centre."""
    cases = cases_of(rows, OUTLINES)[OUTLINES]
    lines: dict[tuple[int, str], list[Case]] = {}
    for case in sorted(cases, key=lambda case: (case.fields["head"], case.fields["side"], case.fields["per_position"])):
        lines.setdefault((case.fields["side"], case.fields["head"]), []).append(case)
    table = [
        [
            side, head, case.fields["per_position"], f"{case.values['images'][0]:.0f}", case.runs,
            *(spread(case.values[name], ".1f") for name in ("batch_error", "train_error")),
        ]
        for (side, head), line in lines.items()
        for case in line
    ]  # fmt: skip
    headers = [
        "side, pixels", "end of the network", "images for each position", "images", "runs", "test error, %",
        "training error, %",
    ]  # fmt: skip
    notes = (
        "Mean, lowest and highest of the runs, by the statistics of each batch, as in the notebook. Dense: two linear "
        "layers that see where a feature is; pooled: the mean over the image. The notebook prints the lowest of its "
        f"test errors, {PUBLISHED[1]} % at {PUBLISHED[0]} images for each position of 128 pixels a side; equal shares "
        f"of both classes make chance {CHANCE} %."
    )
    return Figure(headers, table, notes, lambda canvas: draw_samples(canvas, lines))


def draw_samples(canvas: Any, lines: Mapping[tuple[int, str], Sequence[Case]]) -> None:
    """Draw test and training errors side by side, a line for each side and end of the network, on an empty figure."""
    canvas.set_size_inches(7.6, 3.8)
    densities = sorted({case.fields["per_position"] for line in lines.values() for case in line})
    panels = canvas.subplots(1, 2, sharex=True, sharey=True)
    for axes, (metric, title) in zip(panels, (("batch_error", "test"), ("train_error", "training")), strict=True):
        for number, ((side, head), line) in enumerate(lines.items()):
            look = style(number)
            for case in line:
                span(axes, case.fields["per_position"], case.values[metric], upright=True, color=look["color"], fmt="")
            means = [statistics.fmean(case.values[metric]) for case in line]
            axes.plot([case.fields["per_position"] for case in line], means, label=f"{side} pixels, {head}", **look)
        axes.axhline(CHANCE, color=PALE, linestyle="--", linewidth=1)
        axes.annotate("chance", (densities[-1], CHANCE), (0, 3), textcoords="offset points", ha="right")
        axes.set_xscale("log", base=2)
        axes.set_xticks(densities, [f"{density:g}" for density in densities])
        axes.minorticks_off()
        axes.set_ylim(-2, 57)
        axes.set_xlabel("training images for each position")
        axes.set_ylabel(f"{title} error, %")
    panels[0].plot(*PUBLISHED, marker="*", markersize=12, color=INK, markerfacecolor="none", linestyle="none",
                   label="notebook, 128 pixels, dense")  # fmt: skip
    panels[0].legend(frameon=False, loc="upper right", bbox_to_anchor=(1, 0.86))


# Section 12


def topology_overlaps(rows: Rows) -> Figure:
    """Return how well learned boundaries and shapes of blobs overlap with what is wanted, beside no learning."""
    order = [("boundary", "convolutional"), ("shape", "convolutional"), ("shape", "lstm2")]
    cases = cases_of(rows, "blob_boundaries")["blob_boundaries"]
    cases.sort(key=lambda case: order.index((case.fields["wanted"], case.fields["network"])))
    table = [
        [
            case.fields["wanted"], NETWORKS[case.fields["network"]], case.runs,
            *(spread(case.values[name], ".1f") for name in ("overlap", "classical_overlap", "filled")),
        ]
        for case in cases
    ]  # fmt: skip
    headers = ["wanted", "network", "runs", "overlap, %", "overlap without learning, %", "pixels wanted, %"]
    notes = (
        "Intersection over union of what is above 0.5 on test images; mean, lowest and highest of the runs. Without "
        "learning, on the same images: a minimum filter for boundaries, filled holes for shapes. LSTM2 has smaller "
        "images in `smoke` and `lite`. An answer that marks every pixel would overlap by the last column."
    )
    return Figure(headers, table, notes, lambda canvas: draw_overlaps(canvas, cases))


def draw_overlaps(canvas: Any, cases: Sequence[Case]) -> None:
    """Draw overlaps as dots with ranges, learned ones above those without learning, on an empty matplotlib figure."""
    canvas.set_size_inches(7, 2.8)
    axes = canvas.subplots()
    looks: tuple[tuple[str, str, float, Mapping[str, Any]], ...] = (
        ("overlap", "learned", -0.13, {"fmt": "o"}),
        ("classical_overlap", "without learning", 0.13, {"fmt": "s", "markerfacecolor": "white", "color": "0.35"}),
    )
    for metric, label, shift, look in looks:
        for place, case in enumerate(cases):
            span(axes, place + shift, case.values[metric], label=label if place == 0 else None, **look)
    names = [f"{case.fields['wanted']}, {NETWORKS[case.fields['network']]}" for case in cases]
    axes.set_yticks(range(len(cases)), names)
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.set_xlim(0, 102)
    axes.set_ylabel("wanted, network")
    axes.set_xlabel("overlap with what is wanted, %")
    axes.legend(frameon=False, loc="upper left")
