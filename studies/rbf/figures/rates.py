"""The tables of what is trained, from result rows: the learning rates, and what the document leaves open."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.found import spread
from studies.common.plotting import INK, style
from studies.rbf import cases

GOOD = 90  # %: the document calls an accuracy above it good
RULES = {"sgd": "gradient descent", "momentum": "gradient descent with momentum", "adam": "Adam"}
ADVISED, DEFAULTS = asdict(cases.ADVISED), asdict(cases.Choice())
HEADERS = (
    "runs", "test error, %", "neighbours' error, %", f"passed {GOOD} %", f"epochs to {GOOD} %", "sigma, least to most",
)  # fmt: skip
NOTES = (
    f"Mean, lowest and highest of the runs. Passed {GOOD} %, and epochs to it: accuracy on the validation images. "
    "Neighbours: the five nearest training images in the plane of the two features."
)

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Learnt:
    """The finished runs of a case: each metric's value in each run, mean validation accuracy (%) by epoch."""

    case: dict[str, Any]
    values: dict[str, list[float]]
    accuracies: list[float]

    @property
    def epochs(self) -> int:
        """Return the number of epochs."""
        return len(self.accuracies)

    def row(self) -> list[Any]:
        """Return what the runs came to, under `HEADERS`."""
        widths = (min(self.values["smallest_width"]), max(self.values["largest_width"]))
        return [
            len(self.values["error"]),
            spread(self.values["error"], ".1f"),
            spread(self.values["neighbour_error"], ".1f"),
            int(sum(self.values["reached_90"])),
            self.first_good(),
            f"{widths[0]:.3f} to {widths[1]:.3f}",
        ]

    def first_good(self) -> str:
        """Return the epochs that passing 90 % took, of the runs in which it was passed."""
        pairs = zip(self.values["epochs_to_90"], self.values["reached_90"], strict=True)
        passed = [epochs for epochs, reached in pairs if reached]
        if not passed:
            return f"more than {self.epochs}"
        if len(passed) == len(self.values["reached_90"]):
            return f"{statistics.fmean(passed):.1f} ({min(passed):.0f} to {max(passed):.0f})"
        return f"{min(passed):.0f} to {max(passed):.0f} where passed"


def learnt(rows: Rows, experiment: str) -> list[Learnt]:
    """Return what the rows say of each case of an experiment, in the order of the rows. Raise where there is none."""
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        if row["experiment"] == experiment and row["status"] == "ok":
            found.setdefault(row["case"], {}).setdefault(row["metric"], []).append(row)
    if not found:
        raise NothingSelectedError(f"no finished run of {experiment}; `repro run rbf` makes some")
    return [_learnt(case, metrics) for case, metrics in found.items()]


def _learnt(case: str, metrics: Mapping[str, Sequence[Mapping[str, Any]]]) -> Learnt:
    values = {name: [row["value"] for row in rows] for name, rows in metrics.items()}
    curves = [row["curve"] for row in metrics["validation_error"]]
    accuracies = [100 - statistics.fmean(each) for each in zip(*curves, strict=True)]
    return Learnt(json.loads(case), values, accuracies)


def recipe_name(case: Mapping[str, Any]) -> str:
    """Return a recipe in words."""
    advised = " (advised)" if case == ADVISED else ""
    return f"{RULES[case['optimiser']]}, {case['rate']:g}{advised}"


def place(case: Mapping[str, Any]) -> tuple[bool, int, float]:
    """Return where a recipe stands in the table: the advised one first."""
    return case != ADVISED, [*RULES].index(case["optimiser"]), case["rate"]


def choice_name(case: Mapping[str, Any]) -> str:
    """Return what a choice changes, or that it is the default."""
    changed = [f"{name}: {case[name]}" for name, value in DEFAULTS.items() if case[name] != value]
    return ", ".join(changed) or "default: " + ", ".join(f"{name} {value}" for name, value in DEFAULTS.items())


def learning(rows: Rows) -> Figure:
    """Return how the learning rates learn."""
    found = sorted(learnt(rows, "learning_rates"), key=lambda one: place(one.case))
    table = [[recipe_name(one.case), *one.row()] for one in found]
    return Figure(("setting", *HEADERS), table, notes=NOTES, draw=lambda canvas: draw_learning(canvas, found))


def choices(rows: Rows) -> Figure:
    """Return what comes of the choices that the document leaves open."""
    found = sorted(learnt(rows, "open_choices"), key=lambda one: one.case != DEFAULTS)
    return Figure(("choice", *HEADERS), [[choice_name(one.case), *one.row()] for one in found], notes=NOTES)


def draw_learning(canvas: Any, found: Sequence[Learnt]) -> None:
    """Draw validation accuracy against epoch, one line a recipe, on an empty matplotlib figure."""
    axes = canvas.subplots()
    for number, one in enumerate(found):
        epochs = range(1, one.epochs + 1)
        axes.plot(epochs, one.accuracies, label=recipe_name(one.case), **style(number, points=one.epochs))
    axes.axhline(GOOD, color=INK, linewidth=0.6)
    axes.set_ylim(0, 100)
    axes.set_xlabel("epoch")
    axes.set_ylabel("accuracy on validation images, %")
    axes.legend(frameon=False, loc="lower right")
