"""Lines and images are told apart without colour, and black and white are where they are asked to be."""

import subprocess
import sys

import numpy as np
from matplotlib.figure import Figure as Canvas

from studies.common import plotting
from tests.sources import PROJECT


def test_five_lines_are_told_apart_without_colour() -> None:
    axes = Canvas().subplots()
    lines = [axes.plot([0, 1], [0, 1], **plotting.style(number, color=plotting.INK))[0] for number in range(5)]
    assert len({line.get_marker() for line in lines}) == 5
    assert len({line._unscaled_dash_pattern[1] and tuple(line._unscaled_dash_pattern[1]) for line in lines}) == 5
    assert {line.get_color() for line in lines} == {"black"}


def test_each_class_of_ten_has_a_colour() -> None:
    assert len(set(plotting.COLOURS)) == 10


def test_a_long_line_is_marked_now_and_then() -> None:
    assert plotting.style(0, points=100)["markevery"] == 12
    assert plotting.style(0, points=3)["markevery"] == 1


def test_an_image_is_grey_between_the_levels_asked_for() -> None:
    axes = Canvas().subplots()
    plotting.show(axes, np.array([[0.0, 2.0], [1.0, 4.0]]), "some", low=0.0, high=2.0)
    (shown,) = axes.get_images()
    assert (shown.get_cmap().name, *shown.get_clim()) == ("gray", 0.0, 2.0)
    plotting.show(axes, np.array([[1.0, 3.0]]), "own")
    assert axes.get_images()[-1].get_clim() == (1.0, 3.0)
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("own", "pixels", "pixels")


def test_importing_it_does_not_import_matplotlib() -> None:
    script = "import sys, studies.common.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=PROJECT, check=False).returncode == 0
