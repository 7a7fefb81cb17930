"""Figures from result rows: their numbers are those of the rows, and rows that are missing are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure as Canvas

from repro.errors import NothingSelectedError
from repro.show import figures
from repro.study import Figure, case_json
from studies.filters2d import study
from studies.filters2d.cases import Channel, Inverse, Outline, Topology
from studies.filters2d.figures import headlines

NAMES = ["against_linear", "samples_per_position", "topology_overlaps"]


def rows_of(experiment: str, case: Any, *replicates: dict[str, float] | str) -> list[dict[str, Any]]:
    """Return the rows of a case: its metrics in each replicate, or a status in place of a run that failed."""
    found = []
    for number, values in enumerate(replicates):
        status, metrics = ("ok", values) if isinstance(values, dict) else (values, {"mse": None, "overlap": None})
        for metric, value in metrics.items():
            row = {"experiment": experiment, "case": case_json(case), "metric": metric, "replicate": number}
            found.append(row | {"value": value, "status": status})
    return found


def inverse(mse: float, log10_ratio: float) -> dict[str, float]:
    return {"mse": mse, "log10_ratio": log10_ratio}


def outline(test: float, training: float, images: float) -> dict[str, float]:
    return {"batch_error": test, "train_error": training, "images": images, "error": 99.0}


def overlap(learned: float, classical: float) -> dict[str, float]:
    return {"overlap": learned, "classical_overlap": classical, "filled": 30.0}


ROWS = [
    *rows_of("demosaicking", Inverse("relu", "adam"), inverse(0.1, -1.0), inverse(0.3, 0.0)),
    *rows_of("demosaicking", Inverse("linear", "sgd"), inverse(0.3, 0.0), inverse(0.5, 1.0)),
    *rows_of("channel_inverse", Channel("linear", "sgd"), inverse(0.02, 0.5)),
    *rows_of("channel_inverse", Channel("sigmoid", "adam"), inverse(0.06, 1.0), "nonfinite"),
    *rows_of("square_or_rectangle", Outline(48, 5.2, "dense"), outline(1.0, 0.0, 333), outline(3.0, 2.0, 333)),
    *rows_of("square_or_rectangle", Outline(48, 0.65, "dense"), outline(40.0, 0.0, 42), outline(50.0, 0.0, 42)),
    *rows_of("square_or_rectangle", Outline(48, 1.29, "pooled"), outline(45.0, 1.0, 83)),
    *rows_of("square_or_rectangle", Outline(64, 1.29, "dense"), outline(30.0, 0.0, 743)),
    *rows_of("blob_boundaries", Topology("shape", "lstm2"), overlap(99.0, 91.0), overlap(97.0, 93.0)),
    *rows_of("blob_boundaries", Topology("boundary", "convolutional"), overlap(98.0, 100.0)),
    *rows_of("blob_boundaries", Topology("shape", "convolutional"), overlap(44.0, 99.0)),
]


WHOLE = "30.0 (30.0 to 30.0)"
LINES: dict[str, list[list[Any]]] = {
    "against_linear": [
        ["mosaic (section 7)", "one layer", "descent", "2", "5.50 (1.00 to 10.00)", "0.4", "1.00"],
        ["mosaic (section 7)", "ReLU", "Adam", "2", "0.55 (0.10 to 1.00)", "0.2", "0.50"],
        ["channel (section 8)", "one layer", "descent", "1", "3.16 (3.16 to 3.16)", "0.02", "1.00"],
        [
            "channel (section 8)",
            "sigmoid",
            "Adam",
            "1, and 1 without a result",
            "10.00 (10.00 to 10.00)",
            "0.06",
            "3.00",
        ],
    ],
    "samples_per_position": [
        [48, "dense", 0.65, "42", "2", "45.0 (40.0 to 50.0)", "0.0 (0.0 to 0.0)"],
        [48, "dense", 5.2, "333", "2", "2.0 (1.0 to 3.0)", "1.0 (0.0 to 2.0)"],
        [64, "dense", 1.29, "743", "1", "30.0 (30.0 to 30.0)", "0.0 (0.0 to 0.0)"],
        [48, "pooled", 1.29, "83", "1", "45.0 (45.0 to 45.0)", "1.0 (1.0 to 1.0)"],
    ],
    "topology_overlaps": [
        ["boundary", "7 x 7 kernels", "1", "98.0 (98.0 to 98.0)", "100.0 (100.0 to 100.0)", WHOLE],
        ["shape", "7 x 7 kernels", "1", "44.0 (44.0 to 44.0)", "99.0 (99.0 to 99.0)", WHOLE],
        ["shape", "LSTM2", "2", "98.0 (97.0 to 99.0)", "92.0 (91.0 to 93.0)", WHOLE],
    ],
}


def made(name: str) -> Figure:
    return figures.make(study, name, ROWS)


def drawn(figure: Figure) -> Canvas:
    assert figure.draw is not None
    canvas = Canvas()
    figure.draw(canvas)
    return canvas


def spans(axes: Any) -> list[tuple[tuple[float, float], ...]]:
    """Return the ends of the bars of an axes, as (x, y) of each end."""
    bars = [bar for container in axes.containers for bar in container[2][0].get_segments()]
    return [tuple((round(float(x), 6), round(float(y), 6)) for x, y in bar) for bar in bars]


class TestEveryFigure:
    @pytest.mark.parametrize(("name", "lines"), LINES.items())
    def test_each_line_is_the_mean_and_range_of_its_runs(self, name: str, lines: list[list[Any]]) -> None:
        assert [list(row) for row in made(name).rows] == lines

    @pytest.mark.parametrize("name", NAMES)
    def test_it_draws_on_labelled_axes(self, name: str) -> None:
        figure = made(name)
        for axes in drawn(figure).axes:
            assert axes.get_xlabel()
            assert axes.get_ylabel()
            assert axes.lines
            legend = axes.get_legend()
            assert legend is None or not legend.get_frame_on()
        assert "mean, lowest and highest" in figure.notes.lower()

    @pytest.mark.parametrize("name", NAMES)
    def test_it_has_the_same_bytes_each_time(self, name: str, tmp_path: Path) -> None:
        for folder in ("one", "two"):
            figures.write(tmp_path / folder, study, name, made(name), "a test")
        for kind in ("md", "svg", "png"):
            one, two = ((tmp_path / folder / f"{name}.{kind}").read_bytes() for folder in ("one", "two"))
            assert one == two

    @pytest.mark.parametrize(
        ("name", "experiments"),
        [
            ("against_linear", ("demosaicking", "channel_inverse")),
            ("samples_per_position", ("square_or_rectangle",)),
            ("topology_overlaps", ("blob_boundaries",)),
        ],
    )
    def test_without_rows_it_says_which_command_makes_them(self, name: str, experiments: tuple[str, ...]) -> None:
        others = [row for row in ROWS if row["experiment"] not in experiments]
        lost = [row | {"status": "nonfinite"} for row in ROWS]
        command = " ".join(["`repro run filters2d", *(f"--experiment {each}" for each in experiments)])
        for rows in ([], others, lost):
            with pytest.raises(NothingSelectedError) as caught:
                figures.make(study, name, rows)
            assert command in str(caught.value)

    @pytest.mark.parametrize("name", NAMES)
    def test_its_summary_names_the_section(self, name: str) -> None:
        assert "(section" in figures.summary(study, name)


class TestAgainstLinear:
    def test_it_draws_them_on_a_log_axis_with_a_line_at_1(self) -> None:
        left, right = drawn(made("against_linear")).axes
        assert left.get_xscale() == right.get_xscale() == "log"
        assert spans(left) == [((1.0, 0.0), (10.0, 0.0)), ((0.1, 1.0), (1.0, 1.0))]
        assert [label.get_text() for label in left.get_yticklabels()] == ["one layer, descent", "ReLU, Adam"]
        assert [1.0, 1.0] in [list(line.get_xdata()) for line in left.lines]
        left.figure.canvas.draw()
        assert {"1", "2", "5"} <= {label.get_text() for label in left.get_xticklabels()}

    def test_one_of_the_problems_is_enough(self) -> None:
        figure = figures.make(study, "against_linear", [row for row in ROWS if row["experiment"] == "channel_inverse"])
        assert len(figure.rows) == 2
        assert len(drawn(figure).axes) == 1

    def test_without_a_trained_linear_layer_there_is_no_ratio_to_it(self) -> None:
        rows = [row for row in ROWS if '"linear"' not in row["case"]]
        assert [row[-1] for row in figures.make(study, "against_linear", rows).rows] == [None, None]


class TestSamplesPerPosition:
    def test_a_line_for_each_side_and_end_with_the_published_error(self) -> None:
        test, training = drawn(made("samples_per_position")).axes
        named = {line.get_label(): line for line in test.lines if not line.get_label().startswith("_")}
        assert list(named) == [
            "48 pixels, dense",
            "64 pixels, dense",
            "48 pixels, pooled",
            "notebook, 128 pixels, dense",
        ]
        assert list(named["48 pixels, dense"].get_xdata()) == [0.65, 5.2]
        assert list(named["48 pixels, dense"].get_ydata()) == [45, 2]
        assert (
            *named["notebook, 128 pixels, dense"].get_xdata(),
            *named["notebook, 128 pixels, dense"].get_ydata(),
        ) == (
            1.29,
            46.8,
        )
        assert ((5.2, 1.0), (5.2, 3.0)) in spans(test)
        assert ((5.2, 0.0), (5.2, 2.0)) in spans(training)
        looks = [(line.get_linestyle(), line.get_marker()) for line in named.values()]
        assert len(set(looks)) == len(looks)

    def test_chance_and_the_densities_are_marked_on_an_axis_of_doublings(self) -> None:
        for axes in drawn(made("samples_per_position")).axes:
            assert axes.get_xscale() == "log"
            assert axes.xaxis.get_transform().base == 2
            assert [label.get_text() for label in axes.get_xticklabels()] == ["0.65", "1.29", "5.2"]
            assert [50, 50] in [list(line.get_ydata()) for line in axes.lines]


class TestTopologyOverlaps:
    def test_learned_and_classical_answers_are_told_apart_by_their_marks(self) -> None:
        axes = drawn(made("topology_overlaps")).axes[0]
        marks = {(one[0].get_marker(), one[0].get_markerfacecolor()) for one in axes.containers}
        assert len({mark for mark, _ in marks}) == len(marks) == 2
        ends = {one[0].get_marker(): one[2][0].get_segments()[0][:, 0].tolist() for one in axes.containers}
        assert ends == {"o": [97, 99], "s": [91, 93]}
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["learned", "without learning"]
        assert axes.get_xlim()[0] == 0


def test_a_run_is_not_counted_where_another_is_lost() -> None:
    rows = rows_of("blob_boundaries", Topology("shape", "lstm2"), overlap(1.0, 1.0), "nonfinite", "failed")
    (case,) = headlines.cases_of(rows, "blob_boundaries")["blob_boundaries"]
    assert case.runs == "1, and 2 without a result"
    assert case.values["overlap"] == [1.0]
