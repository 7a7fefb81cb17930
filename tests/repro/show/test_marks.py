"""A figure made of stand-in data says so itself, and a cell without a value cannot be taken for a high one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from repro.data import DataSet
from repro.show import figures, marks
from repro.study import Figure, Profile, Study, grid

STANDS_IN = DataSet("small", "a small set", "c1", lambda _: {}, stands_in_for="large")
REAL = DataSet("real", "a set", "c2", lambda _: {})
ROWS = [
    {"experiment": "one", "data": "c1", "value": 1.0, "status": "ok", "curve": None},
    {"experiment": "two", "data": "c2", "value": 2.0, "status": "ok", "curve": None},
    {"experiment": "three", "data": "", "value": 3.0, "status": "ok", "curve": None},
]
SAID = "Made from stand-in data: small in place of large. Such data answer no claim."
CALLABLE = pytest.mark.parametrize("each", [False, True], ids=["for all cases", "case by case"])


def study_of(*experiments: str, each: bool = False) -> Study:
    """Return a study whose figure shows the values of some experiments."""
    made = Study("toy", smoke=Profile(None, (lambda _: STANDS_IN) if each else STANDS_IN, cannot_answer="all"))
    made.experiment(grid(Case, a=(1,)), metrics=("m",))(nothing)

    @made.figure
    def shown(rows: Sequence[Mapping[str, Any]]) -> Figure:
        """Show."""
        mine = [row for row in rows if row["experiment"] in experiments and row["status"] == "ok"]
        return Figure(["value"], [[row["value"]] for row in mine] or [["none"]], notes="As is.", draw=heat_map)

    return made


class Case:
    """A case of the toy study."""

    def __init__(self, a: int) -> None:
        self.a = a


def nothing(case: Any, run: Any) -> dict[str, float]:
    """Do nothing."""
    return {"m": 0.0}


def heat_map(canvas: Any, gap: float = 1.0) -> None:
    canvas.subplots().imshow([[0.0, gap], [1.0, 0.5]], cmap="gray", vmin=0, vmax=1)
    canvas.supxlabel("own words")


def drawn(made: Figure) -> str:
    """Return the words on a figure's picture, one a line."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas()
    assert made.draw is not None
    made.draw(canvas)
    return str(canvas.get_supxlabel())


@pytest.mark.parametrize(
    ("experiments", "said"),
    [
        (["one"], SAID),
        (["one", "two"], SAID.replace("Made from", "Made in part from")),
        (["two", "three"], ""),
        ([], ""),
    ],
)
def test_what_was_made_of_rows_of_a_stand_in_says_so_in_notes_and_picture(experiments: list[str], said: str) -> None:
    made = figures.make(study_of(*experiments), "shown", ROWS)
    assert made.notes == "\n\n".join(["As is.", *([said] if said else [])])
    assert drawn(made) == "\n".join(["own words", *([said] if said else [])])


@CALLABLE
def test_stand_ins_are_those_of_every_profile(each: bool) -> None:
    assert marks.stand_ins(study_of("one", each=each)) == {"c1": "small in place of large"}


def test_a_row_of_a_figure_is_a_row() -> None:
    row = marks.Watched(ROWS[0])
    assert (len(row), list(row), row.get("nothing"), row.read) == (5, list(ROWS[0]), None, False)
    assert dict(row) == ROWS[0]
    assert row.read


@pytest.mark.parametrize("gap", [1.0, float("nan")])
def test_a_cell_without_a_value_is_no_white_one(gap: float) -> None:
    """Of the upper right cell in the picture, which is white where its value is the highest."""
    import io

    from matplotlib.image import imread

    made = Figure(["a"], [[1]], draw=lambda canvas: heat_map(canvas, gap))
    png = figures.pictures(made, "toy", ["png"])["png"]
    shown = imread(io.BytesIO(png))[..., :3].mean(axis=2)
    rows, columns = (np.flatnonzero((shown < 0.01).mean(axis=axis) > 0.2) for axis in (1, 0))  # the black cell
    beside = shown[rows[5] : rows[-5], columns[-1] + 10 : columns[-1] + (columns[-1] - columns[0]) - 10]
    assert (beside.min() < 0.9) == np.isnan(gap)
    svg = figures.pictures(made, "toy", ["svg"])["svg"]
    assert (b"Hatched" in svg) == np.isnan(gap)
