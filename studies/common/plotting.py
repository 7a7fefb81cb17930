"""How pictures look: what is shown is told apart by line, mark and shade, so that grey or a colour-blind eye suffices.

Shape legend: H height, W width.
"""

from __future__ import annotations

from typing import Any

import numpy as np

INK, PALE = "black", "0.6"
TITLE = 9  # points
# Of Okabe and Ito's palette and Tol's, darkest and lightest in turn; never the only thing that tells two lines apart.
COLOURS = (
    "#000000", "#D55E00", "#0072B2", "#999933", "#882255", "#009E73", "#CC79A7", "#56B4E9", "#661100", "#E69F00",
)  # fmt: skip
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v")


def style(number: int, *, color: str | None = None, points: int = 0) -> dict[str, Any]:
    """Return the settings of the line of a number, from 0, for `axes.plot`; five in turn are told apart without colour.

    Of a line of `points` places about eight are marked; of one without a number of places, each.
    """
    return {
        "color": color or COLOURS[number % len(COLOURS)],
        "linestyle": LINES[number % len(LINES)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 4,
        "markevery": max(1, points // 8),
    }


def show(axes: Any, image_HW: Any, title: str, low: float | None = None, high: float | None = None) -> None:
    """Show an image in grey: black is `low` and below, white `high` and above, by default its own extremes."""
    axes.imshow(np.asarray(image_HW), cmap="gray", interpolation="nearest", vmin=low, vmax=high)
    axes.set_title(title, fontsize=TITLE)
    axes.set_xlabel("pixels")
    axes.set_ylabel("pixels")
