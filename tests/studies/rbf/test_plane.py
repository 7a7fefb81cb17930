"""The pictures of the plane: what they show is what was trained, told apart without colour, and the same each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from matplotlib.figure import Figure as Canvas

from repro.show import figures
from repro.study import Figure
from studies.common.plotting import COLOURS
from studies.rbf import study
from studies.rbf.figures import plane


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Train the pictures' network for 3 epochs."""
    plane.example.cache_clear()
    epochs, plane.EPOCHS = plane.EPOCHS, 3
    yield
    plane.EPOCHS = epochs
    plane.example.cache_clear()


def drawn(figure: Figure) -> Canvas:
    assert figure.draw is not None
    canvas = Canvas()
    figure.draw(canvas)
    return canvas


def sizes(axes: Any) -> list[float]:
    """Return the areas of the crosses, in points squared."""
    return [float(size) for size in axes.collections[0].get_sizes()]


@pytest.mark.usefixtures("quick")
class TestPlane:
    def test_features_count_every_test_image_once(self) -> None:
        figure = plane.features([])
        assert [line[0] for line in figure.rows] == list(range(10))
        assert sum(line[1] for line in figure.rows) == 360
        found = plane.example()
        assert sum(line[2] for line in figure.rows) == int((found.answers_N != found.labels_N).sum())

    def test_classes_are_told_apart_by_their_marks(self) -> None:
        axes = drawn(plane.features([])).axes[0]
        clouds = axes.collections[:10]
        outlines = {cloud.get_paths()[0].vertices.tobytes() for cloud in clouds}
        assert len(outlines) == 10
        assert len(set(COLOURS)) == 10
        assert len(axes.collections[10].get_offsets()) == 100

    def test_every_axis_is_labelled(self) -> None:
        for figure in (plane.features([]), plane.centres([])):
            for axes in drawn(figure).axes:
                assert axes.get_xlabel()
                assert axes.get_ylabel()

    def test_centres_are_100_with_their_widths_and_variances(self) -> None:
        figure = plane.centres([])
        assert sorted(line[0] for line in figure.rows) == list(range(100))
        widths = [float(line[3]) for line in figure.rows]
        assert widths == sorted(widths, reverse=True)
        assert min(widths) > 0
        assert all(abs(float(line[4]) - float(line[3]) ** 2) < 2e-3 for line in figure.rows)

    def test_arms_grow_with_sigma_and_with_sigma_squared(self) -> None:
        left, right = drawn(plane.centres([])).axes
        widths = plane.example().widths_K
        for axes, power in ((left, 1), (right, 2)):
            arms = torch.tensor(sizes(axes)).sqrt()
            assert torch.allclose(arms / arms[0], (widths / widths[0]) ** power, rtol=1e-4)

    def test_the_same_training_gives_the_same_bytes(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            plane.example.cache_clear()
            figures.write(tmp_path / name, study, "features", plane.features([]), "a test")
        for kind in ("md", "svg", "png"):
            one, two = ((tmp_path / name / f"features.{kind}").read_bytes() for name in ("one", "two"))
            assert one == two


def test_the_study_lists_them() -> None:
    assert list(study.figures) == ["beside", "features", "centres", "learning", "choices"]
    assert all("Task" in (figure.__doc__ or "") for figure in study.figures.values())
