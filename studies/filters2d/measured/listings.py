"""Lines of the text that cannot run, each with the error it must raise (sections 7 and 16)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from repro.errors import UsageError
from studies.filters2d.training.search import Values


def bayer_index() -> None:
    """Index a picture of three axes by four, as the transcribed mosaic does (section 7)."""
    np.zeros((4, 4, 3))[:, :, 2, :] = 0


def conv2d_name() -> None:
    """Ask torch for a layer under a name that it does not have (section 16)."""
    getattr(nn, "Conv" + "2D")(8, 1, 1)


LISTINGS: dict[str, tuple[Callable[[], None], type[Exception]]] = {
    "bayer_index": (bayer_index, IndexError),
    "conv2d_name": (conv2d_name, AttributeError),
}


def listing_figures(name: str) -> Values:
    """Return 1 where a line raises the error that it must. Raise UsageError for an unknown line."""
    if name not in LISTINGS:
        raise UsageError(f"unknown listing {name!r}; choose one of {', '.join(LISTINGS)}")
    action, wanted = LISTINGS[name]
    try:
        action()
    except Exception as error:
        return {"raised": float(type(error) is wanted)}
    return {"raised": 0.0}
