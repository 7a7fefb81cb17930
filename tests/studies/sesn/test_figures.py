"""What is shown of the re-analysis is what was computed, in the figures and on the page about the study."""

from __future__ import annotations

import pytest

from repro.study import Figure, Show
from studies.sesn import figures
from studies.sesn.cases import COLUMNS
from studies.sesn.measured import reanalysis
from tests.sources import PROJECT

PAGE = PROJECT / "docs" / "study-sesn.md"
FIGURES = {"table1": figures.table1, "gains": figures.gains}
every_figure = pytest.mark.parametrize("make", FIGURES.values(), ids=FIGURES)


def table_lines(figure: Figure) -> list[str]:
    """Return a figure's rows as lines of a table in Markdown."""
    return [f"| {' | '.join(map(str, row))} |" for row in figure.rows]


@every_figure
def test_a_row_has_a_value_for_each_header(make: Show) -> None:
    figure = make([])
    assert {len(row) for row in figure.rows} == {len(figure.headers)}
    assert make([]).rows == figure.rows


@every_figure
def test_the_page_shows_the_rows(make: Show) -> None:
    shown = set(PAGE.read_text("utf-8").splitlines())
    assert [line for line in table_lines(make([])) if line not in shown] == []


def test_an_altered_row_is_not_on_the_page() -> None:
    line = table_lines(figures.table1([]))[0].replace("2.0917", "2.0918")
    assert line not in PAGE.read_text("utf-8").splitlines()


def test_table1_shows_the_metrics_of_its_columns() -> None:
    figure = figures.table1([])
    assert [row[0] for row in figure.rows] == list(COLUMNS)
    for name, *row in figure.rows:
        metrics = reanalysis.cell_metrics(name)
        for kind, text in (("pooled", row[1]), ("matched", row[2])):
            assert float(text.split()[0]) == pytest.approx(metrics[f"{kind}_mean"], abs=6e-5)
            assert text.endswith(f"({metrics[f'n_{kind}']:.0f})")
        ps = [metrics[f"{test}"] for test in ("welch_p_printed", "welch_p_pooled", "welch_p_matched", "tost_p_matched")]
        assert [float(text) for text in row[4:8]] == pytest.approx(ps, rel=0.06)


def test_the_notes_say_how_many_columns_differ() -> None:
    notes = figures.table1([]).notes
    for part in ("printed 5 of 8 (2 after", "pooled 5 of 8 (2 after", "matched 0 of 8 (0 after", "7 of 8 (7 after"):
        assert part in notes
    assert "Without the 11 runs of unclear origin" in figures.gains([]).notes


def test_a_small_p_is_never_shown_as_nothing() -> None:
    assert [figures._p(p) for p in (1.0, 0.9, 0.051, 0.00012, 1e-9)] == [
        "1.00",
        "0.90",
        "0.051",
        "0.00012",
        "<1e-6",
    ]


@every_figure
def test_figures_have_named_axes_with_units_and_need_no_colour(make: Show) -> None:
    colors = pytest.importorskip("matplotlib.colors", reason="figures need matplotlib")
    from matplotlib.figure import Figure as Canvas

    canvas, figure = Canvas(), make([])
    assert figure.draw is not None
    figure.draw(canvas)
    (axes,) = canvas.axes
    assert any(unit in axes.get_xlabel() for unit in ("%", "points"))
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown == [row[0] if row[0] in COLUMNS else row[1] for row in figure.rows]
    inks = {colors.to_rgb(line.get_color()) for line in axes.get_lines()}
    assert all(len(set(ink)) == 1 for ink in inks)
    markers = {text.get_text() for text in axes.get_legend().get_texts()}
    assert len(markers) in (3, 6)
