"""The tables of what is trained say what the rows say, and the picture tells its lines apart without colour."""

from __future__ import annotations

import json
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from repro.errors import NothingSelectedError
from studies.common.plotting import LINES, MARKERS
from studies.rbf import study
from studies.rbf.figures.rates import choices, learning

Row = dict[str, Any]
FAST, SLOW = {"optimiser": "adam", "rate": 1e-3}, {"optimiser": "sgd", "rate": 1e-4}
PLAIN = {"start": "normal", "activation": "relu", "kernel": 5}


def run(
    case: dict[str, Any], replicate: int, error: float, first: int, experiment: str = "learning_rates"
) -> list[Row]:
    """Return the rows of a run of 4 epochs that passes 90 % in epoch `first`, or never, where that is 5."""
    curve = [50.0 if epoch < first else 9.0 for epoch in (1, 2, 3, 4)]
    values = {
        "error": error, "neighbour_error": error + 1, "validation_error": min(curve), "epochs_to_90": float(first),
        "reached_90": float(first < 5), "smallest_width": 0.5 + replicate, "largest_width": 2.0 + replicate,
    }  # fmt: skip
    common = {"experiment": experiment, "case": json.dumps(case), "replicate": replicate, "status": "ok", "epochs": 4}
    return [
        common | {"metric": name, "value": value, "curve": curve if name == "validation_error" else None}
        for name, value in values.items()
    ]


ROWS = [
    *run(FAST, 0, 4.0, 2),
    *run(FAST, 1, 6.0, 3),
    *run(SLOW, 0, 80.0, 5),
    *run(SLOW | {"rate": 1.0}, 0, 30.0, 4),
    *run(SLOW | {"rate": 1.0}, 1, 60.0, 5),
    *({**row, "status": "nonfinite", "value": None} for row in run(FAST, 2, 99.0, 1)),
]


def test_it_says_what_reaches_90_percent_and_when() -> None:
    assert learning(ROWS).rows == [
        ["gradient descent, 0.0001 (advised)", 1, "80.0 (80.0 to 80.0)", "81.0 (81.0 to 81.0)", 0, "more than 4",
         "0.500 to 2.000"],
        ["gradient descent, 1", 2, "45.0 (30.0 to 60.0)", "46.0 (31.0 to 61.0)", 1, "4 to 4 where passed",
         "0.500 to 3.000"],
        ["Adam, 0.001", 2, "5.0 (4.0 to 6.0)", "6.0 (5.0 to 7.0)", 2, "2.5 (2 to 3)", "0.500 to 3.000"],
    ]  # fmt: skip


def test_a_choice_is_named_by_what_it_changes_and_the_default_comes_first() -> None:
    rows = [
        *run(PLAIN | {"kernel": 3}, 0, 5.0, 2, "open_choices"),
        *run(PLAIN | {"start": "linear"}, 0, 7.0, 2, "open_choices"),
        *run(PLAIN, 0, 4.0, 2, "open_choices"),
    ]
    names = ["default: start normal, activation relu, kernel 5", "kernel: 3", "start: linear"]
    assert [line[0] for line in choices(rows).rows] == names


def test_lines_are_told_apart_without_colour() -> None:
    canvas, draw = Canvas(), learning(ROWS).draw
    assert draw is not None
    draw(canvas)
    (axes,) = canvas.axes
    lines = axes.get_lines()[:3]
    assert len({line.get_marker() for line in lines}) == 3
    assert list(lines[2].get_ydata()) == [50.0, 70.5, 91.0, 91.0]
    assert len(MARKERS) == len(LINES) == len(study.experiments["learning_rates"].cases)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy on validation images, %")


def test_rows_are_needed() -> None:
    for figure in (learning, choices):
        with pytest.raises(NothingSelectedError, match="`repro run rbf` makes some"):
            figure([])
