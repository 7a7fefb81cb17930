"""The figures: what they show is what was trained, told apart without colour, and the same each time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure as Canvas

from repro import figures as writing
from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.plotting import COLOURS, LINES, MARKERS
from studies.rbf import pictures, study
from studies.rbf.pictures import learning


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Train the pictures' network for 3 epochs."""
    pictures.example.cache_clear()
    epochs, pictures.EPOCHS = pictures.EPOCHS, 3
    yield
    pictures.EPOCHS = epochs
    pictures.example.cache_clear()


def drawn(figure: Figure) -> Canvas:
    assert figure.draw is not None
    canvas = Canvas()
    figure.draw(canvas)
    return canvas


def sizes(axes: Any) -> list[float]:
    """Return the areas of the crosses, in points squared."""
    return [float(size) for size in axes.collections[0].get_sizes()]


def row(
    case: dict[str, Any], metric: str, value: float, curve: list[float] | None = None, **changed: Any
) -> dict[str, Any]:
    made = {"experiment": "learning_rates", "case": json.dumps(case), "metric": metric, "value": value}
    return made | {"curve": curve, "status": "ok", "wall_seconds": 8.0} | changed


def two_recipes() -> list[dict[str, Any]]:
    fast, slow = {"optimiser": "adam", "rate": 1e-3}, {"optimiser": "sgd", "rate": 1e-4}
    return [
        row(fast, "error", 4.0),
        row(fast, "validation_error", 3.0, [50.0, 9.0, 8.0, 3.0]),
        row(fast, "error", 6.0),
        row(fast, "validation_error", 5.0, [60.0, 20.0, 10.0, 5.0]),
        row(slow, "error", 80.0),
        row(slow, "validation_error", 79.0, [90.0, 89.0, 80.0, 79.0]),
        row(slow, "error", 70.0, experiment="open_choices"),
        row(slow, "validation_error", 1.0, [1.0] * 4, status="nonfinite"),
    ]


@pytest.mark.usefixtures("quick")
class TestPlane:
    def test_features_count_every_test_image_once(self) -> None:
        figure = pictures.features()
        assert [line[0] for line in figure.rows] == list(range(10))
        assert sum(line[1] for line in figure.rows) == 360
        found = pictures.example()
        assert sum(line[2] for line in figure.rows) == int((found.answers_N != found.labels_N).sum())

    def test_classes_are_told_apart_by_their_marks(self) -> None:
        axes = drawn(pictures.features()).axes[0]
        clouds = axes.collections[:10]
        outlines = {cloud.get_paths()[0].vertices.tobytes() for cloud in clouds}
        assert len(outlines) == 10
        assert len(set(COLOURS)) == 10
        assert len(axes.collections[10].get_offsets()) == 100

    def test_every_axis_is_labelled(self) -> None:
        for figure in (pictures.features(), pictures.centres(), learning(two_recipes())):
            for axes in drawn(figure).axes:
                assert axes.get_xlabel()
                assert axes.get_ylabel()

    def test_centres_are_100_with_their_widths_and_variances(self) -> None:
        figure = pictures.centres()
        assert sorted(line[0] for line in figure.rows) == list(range(100))
        widths = [float(line[3]) for line in figure.rows]
        assert widths == sorted(widths, reverse=True)
        assert min(widths) > 0
        assert all(abs(float(line[4]) - float(line[3]) ** 2) < 2e-3 for line in figure.rows)

    def test_arms_grow_with_sigma_and_with_sigma_squared(self) -> None:
        left, right = drawn(pictures.centres()).axes
        widths = pictures.example().widths_K
        for axes, power in ((left, 1), (right, 2)):
            arms = torch.tensor(sizes(axes)).sqrt()
            assert torch.allclose(arms / arms[0], (widths / widths[0]) ** power, rtol=1e-4)

    def test_the_same_training_gives_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            pictures.example.cache_clear()
            writing.write(tmp_path / name, study, "features", pictures.features(), "a test")
        for kind in ("md", "svg", "png"):
            one, two = ((tmp_path / name / f"features.{kind}").read_bytes() for name in ("one", "two"))
            assert one == two


class TestLearning:
    def test_it_says_what_reaches_90_percent_and_when(self) -> None:
        assert learning(two_recipes()).rows == [
            ["adam 0.001", 2, "5.00", 2, "3.0", "6.0"],
            ["sgd 0.0001", 1, "80.00", 0, "not in 4 epochs", "not in 4 epochs"],
        ]

    def test_lines_are_told_apart_without_colour(self) -> None:
        lines = drawn(learning(two_recipes())).axes[0].get_lines()[:2]
        assert len({line.get_marker() for line in lines}) == 2
        assert list(lines[0].get_ydata()) == [45.0, 85.5, 91.0, 96.0]
        assert len(MARKERS) == len(LINES) == len(study.experiments["learning_rates"].cases)

    def test_rows_are_needed(self) -> None:
        with pytest.raises(NothingSelectedError, match="`repro run rbf` makes some"):
            learning([])


def test_the_study_lists_them() -> None:
    assert list(study.figures) == ["features", "centres", "learning"]
    assert all("Task" in (figure.__doc__ or "") for figure in study.figures.values())
