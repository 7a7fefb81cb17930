"""The figures show what was computed, need no colour, and say what they lack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.dagnets import curves, moments, study
from studies.dagnets.published import PUBLISHED

PAGE = Path(__file__).parents[3] / "docs" / "study-dagnets.md"
METRICS = (
    "train_loss", "loss", "train_error", "error", "train_log10_median", "train_log10_p90", "test_log10_median",
    "test_log10_p90",
)  # fmt: skip


def rows_of(experiment: str, **cases: Any) -> list[dict[str, Any]]:
    """Return result rows of two runs a case, whose curves fall from 4 to 1 or, in the second run, to 3."""
    (field, values), *_ = cases.items()
    found = []
    for value in values:
        for replicate, last in ((0, 1.0), (1, 3.0)):
            common = {
                "experiment": experiment,
                "case": json.dumps({field: value}),
                "replicate": replicate,
                "status": "ok",
            }
            found += [{**common, "metric": name, "value": last, "curve": [4.0, 2.0, last]} for name in METRICS]
            found += [
                {**common, "metric": f"best_{name}_epoch", "value": 3.0, "curve": None} for name in ("loss", "error")
            ]
    return found


ROWS = [*rows_of("batch_sizes", batch=[10, 100, 1000]), *rows_of("cifar_curves", rate=["constant", "reduced"])]


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    return {name: make(ROWS) for name, make in study.figures.items()}


def test_a_table_of_prints_has_every_item(figures: dict[str, Figure]) -> None:
    shown = figures["prints"]
    assert [(row[0], row[1]) for row in shown.rows] == [(item.topic, item.name) for item in PUBLISHED]
    assert f"46 of {len(PUBLISHED)} items" in shown.notes


def test_the_page_has_every_item_that_differs(figures: dict[str, Figure]) -> None:
    page = PAGE.read_text("utf-8")
    differing = [row for row in figures["prints"].rows if len(set(row[5].split(" of "))) > 1]
    assert len(differing) == 8
    assert [row[4] for row in differing if f"`{row[1]}`" not in page or f"| {row[4]} |" not in page] == []


def test_runs_are_averaged_by_case(figures: dict[str, Figure]) -> None:
    assert [row[:3] for row in figures["batch_size_curves"].rows] == [[10, 2, 3], [100, 2, 3], [1000, 2, 3]]
    assert figures["batch_size_curves"].rows[0][3] == 2.0
    assert [row[0] for row in figures["cifar_plots"].rows] == ["constant", "reduced"]


@pytest.mark.parametrize("name", ["batch_size_curves", "cifar_plots"])
def test_without_runs_the_figure_says_which_command_makes_some(name: str) -> None:
    unfinished = [{**row, "status": "nonfinite"} for row in ROWS]
    for rows in ([], unfinished):
        with pytest.raises(NothingSelectedError, match="repro run dagnets"):
            study.figures[name](rows)


@pytest.mark.parametrize("name", [name for name in study.figures if name != "prints"])
def test_pictures_have_named_axes_and_need_no_colour(name: str, figures: dict[str, Figure]) -> None:
    colors = pytest.importorskip("matplotlib.colors", reason="figures need matplotlib")
    from matplotlib.figure import Figure as Canvas

    canvas, draw = Canvas(), figures[name].draw
    assert draw is not None
    draw(canvas)
    canvas.draw_without_rendering()
    assert any(axes.get_xlabel() for axes in canvas.axes)
    assert any(axes.get_ylabel() for axes in canvas.axes)
    for axes in canvas.axes:
        inks = {colors.to_rgb(line.get_color()) for line in axes.get_lines()}
        assert all(len(set(ink)) == 1 for ink in inks)
        assert all(image.get_cmap().name == "gray" for image in axes.get_images())


def test_the_valley_is_the_paths(figures: dict[str, Figure]) -> None:
    ways = [row[3] for row in figures["valley"].rows]
    wanted = [moments.valley_figures(rule, steep)["way_across"] for steep in moments.STEEP for rule in moments.RULES]
    assert ways == wanted


def test_epochs_count_from_one() -> None:
    assert curves._epochs(curves.np.zeros(3)).tolist() == [1, 2, 3]
