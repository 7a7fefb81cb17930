"""The heat maps and learning curves show what the rows hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.rfnn import figures, study


def row(first: float, second: float, value: float | None, reading: str = "as_listed", **changed: Any) -> dict[str, Any]:
    case = json.dumps({"first": first, "second": second, "reading": reading})
    made = {"experiment": "scale_grid", "case": case, "metric": "accuracy", "value": value, "status": "ok"}
    return made | {"curve": [50.0, value]} | changed


ROWS = [
    row(0.5, 0.5, 90.0), row(0.5, 0.5, 80.0), row(0.5, 1.0, 70.0), row(1.0, 0.5, 20.0),
    row(1.0, 1.0, None, status="nonfinite", curve=None),
    row(0.5, 0.5, 60.0, reading="as_described"), row(0.5, 0.5, 1.0, metric="loss"),
]  # fmt: skip


def drawn(figure: Figure) -> Canvas:
    assert figure.draw is not None
    canvas = Canvas()
    figure.draw(canvas)
    return canvas


def test_cells_hold_means_of_finished_runs() -> None:
    figure = figures.grids(ROWS)
    assert ["scale_grid", "as_listed", 0.5, 0.5, 2, 85.0, 80.0, 90.0] in [list(line) for line in figure.rows]
    assert len(figure.rows) == 4
    axes = drawn(figure).axes[1]
    assert sorted(one.get_text() for one in axes.texts) == ["20.0", "70.0", "85.0"]
    assert {one.get_color() for one in axes.texts} == {"white", "black"}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("second layer, pixels", "first layer, pixels")


def test_curves_are_means_with_their_range() -> None:
    figure = figures.equal_scales(ROWS)
    assert ["as_listed", 0.5, 2, 2, 85.0, 80.0, 90.0] in [list(line) for line in figure.rows]
    left, right = drawn(figure).axes
    assert list(left.get_lines()[0].get_ydata()) == [50.0, 60.0]
    assert list(right.get_lines()[0].get_ydata()) == [50.0, 85.0]
    assert right.get_xlabel() == "epoch"


@pytest.mark.parametrize("name", ["grids", "equal_scales"])
def test_rows_are_needed_and_the_study_lists_it(name: str) -> None:
    with pytest.raises(NothingSelectedError, match="`repro run rfnn` makes some"):
        study.figures[name]([])
