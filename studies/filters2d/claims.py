"""Evidence on the notebook's claims: what its text and its stored plots say, and what the modules beside compute."""

from __future__ import annotations

import builtins
import tomllib
from functools import cache
from pathlib import Path

import numpy as np
from torch import nn

from repro import printed
from repro.errors import UsageError
from studies.filters2d import claims_shapes, profiles, search
from studies.filters2d.claims_inverse import (
    printed_mosaic_runs,
    printed_subsampling,
)
from studies.filters2d.claims_linear import (
    Shown,
)
from studies.filters2d.claims_shapes import (
    images_for_labels,
)

READING = 0.02  # what a loss read off a stored plot may be off, relatively

# What cells of the text use and what its first cells import; numbers are those of the cells.
IMPORTED_MODULES = ("imgclass", "imgimg", "layers")
USED_MODULES = {"imgimg": 6, "imging": 21, "layers": 51, "imgclass": 52}
DEFINED_FUNCTIONS = ("Cl", "Fl", "N", "Nim", "T", "Tim", "showgrid", "showrow", "tshow")
CALLED_FUNCTIONS = {"Tim": 6, "N": 9, "Fl": 15, "F1": 16, "Nim": 22, "Cl": 52, "T": 83}
DEFINING_CELLS = (5, 10, 14, 20, 27, 30, 36, 39, 47, 51, 58, 73, 82)  # a network to train
TRAINING_CELLS = (6, 11, 15, 21, 28, 31, 37, 40, 52, 55, 59, 61, 74, 83)
PLANS = (  # of the study, one for each training
    "filter", "filter", "dense", "colour", "mosaic_linear", "mosaic", "channel", "channel",
    "circle_square", "square_rectangle", "topology", "topology", "median", "smoother",
)  # fmt: skip


@cache
def _claims() -> dict[str, list[str]]:
    entries = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))["claim"]
    return {one["id"]: [one["published"]] if isinstance(one["published"], str) else one["published"] for one in entries}


def _published(name: str) -> list[float]:
    """Return the numbers that another claim has published."""
    return [float(printed.parse(text).value) for text in _claims()[name]]


# The text


def python_3_takes_the_cells() -> Shown:
    """Say whether Python 3 takes four constructs that the notebook's cells are written with (In [6], [18], [56])."""
    try:
        compile("print 1, 2", "cell", "exec")
        prints = True
    except SyntaxError:
        prints = False
    taken = {
        "print without brackets": prints,
        "reload": hasattr(builtins, "reload"),
        "xrange": hasattr(builtins, "xrange"),
        "an array of a map": np.array(map(abs, [1, 2])).shape == (2,),
    }
    refused = [name for name, works in taken.items() if not works]
    return not refused, f"Python 3 does not take {len(refused)} of {len(taken)}: {', '.join(refused)}"


def modules_are_imported() -> Shown:
    """Say whether the cells of the text use modules that it imports only (In [2] and later)."""
    strange = [f"{name} (In [{cell}])" for name, cell in USED_MODULES.items() if name not in IMPORTED_MODULES]
    return not strange, f"not imported: {', '.join(strange) or 'none'}"


def functions_are_defined() -> Shown:
    """Say whether the cells of the text call helper functions that it defines only (In [2] and later)."""
    strange = [f"{name} (In [{cell}])" for name, cell in CALLED_FUNCTIONS.items() if name not in DEFINED_FUNCTIONS]
    return not strange, f"not defined: {', '.join(strange) or 'none'}"


def conversion_is_damaged() -> Shown:
    """Say whether some cells of the conversion cannot be what ran (preface)."""
    broken = {
        "a module that nothing imports": not modules_are_imported()[0],
        "a function that nothing defines": not functions_are_defined()[0],
        "images in the place of classes": not images_for_labels()[0],
        "four indices on three axes": not printed_mosaic_runs()[0],
        "a slice that does not keep every fourth pixel": not printed_subsampling()[0],
    }
    found = [name for name, is_broken in broken.items() if is_broken]
    return bool(found), f"{len(found)} of {len(broken)}: {'; '.join(found)}"


def networks_are_trained() -> Shown:
    """Say whether each cell that defines a network is followed by a training before the next does (In [47])."""
    ends = [*DEFINING_CELLS[1:], max(TRAINING_CELLS) + 1]
    idle = [
        f"In [{start}]"
        for start, end in zip(DEFINING_CELLS, ends, strict=True)
        if not any(start < cell < end for cell in TRAINING_CELLS)
    ]
    return not idle, f"{len(idle)} of {len(DEFINING_CELLS)} networks are never trained: {', '.join(idle) or 'none'}"


# The study's faithful profile beside the text


def filter_images() -> list[int]:
    """Return number, height and width of the images of dots that the faithful profile draws (section 2, In [3])."""
    plan = profiles.PAPER.filter
    return [plan.train, plan.side, plan.side]


def blob_images() -> list[int]:
    """Return number, height and width of the images of blobs that it draws (section 12, In [56])."""
    plan = profiles.PAPER.topology
    return [plan.train, plan.side, plan.side]


def pulse_sequences() -> list[int]:
    """Return number and length of the sequences that it draws (section 16, In [79])."""
    plan = profiles.PAPER.smoother
    return [plan.train, plan.side]


def test_images() -> int:
    """Return of how many test images the printed best errors are shares (section 11, generators)."""
    return profiles.PAPER.square_rectangle.test


def momentum_of_descent() -> float:
    """Return the momentum of the study's descent (section 16, In [81])."""
    return float(search.optimiser_of("sgd", nn.Linear(1, 1), 0.1).param_groups[0]["momentum"])


def batches_that_differ() -> list[str]:
    """Return where the faithful profile's batches are not those of the cells (In [6] to In [83])."""
    printed_sizes = zip(TRAINING_CELLS, PLANS, _published("batches"), strict=True)
    ours = ((cell, getattr(profiles.PAPER, plan).search.batch, size) for cell, plan, size in printed_sizes)
    return [f"In [{cell}]: {size:.0f} there, {batch} here" for cell, batch, size in ours if batch != size]


def mosaic_samples_that_differ() -> list[str]:
    """Return where the faithful profile's samples of the mosaic are not those of the cells (In [28], In [31])."""
    ours = {"one layer": profiles.PAPER.mosaic_linear.search, "two layers": profiles.PAPER.mosaic.search}
    sizes = zip(ours.items(), _published("mosaic-samples"), strict=True)
    return [
        f"{name}: {size:,.0f} samples there, {search.samples:,} here"
        for (name, search), size in sizes
        if size != search.samples
    ]


def rates_of_the_search() -> list[float]:
    """Return how many rates the study's full search tries, the lowest and the highest (helper module)."""
    return [len(profiles.WIDE), profiles.WIDE[0], profiles.WIDE[-1]]


def budgets_of_the_shapes() -> list[str]:
    """Return by how much the printed trainings of the two tasks of section 11 differ (Out[52] and Out[55])."""
    circle, square = (_published(name)[0] for name in ("circle-samples", "square-samples"))
    return [f"{circle:,.0f} samples in one task, {square:,.0f} in the other"] if circle != square else []


# Stored plots


def _read_off(name: str) -> tuple[float, float]:
    """Return between which values a loss lies that was read off a stored plot to 2 %."""
    (value,) = _published(name)
    return value * (1 - READING), value * (1 + READING)


def _lower_loss(one: str, other: str) -> Shown:
    """Say whether a stored loss is below another. Raise UsageError where the readings do not tell."""
    (low, high), (other_low, other_high) = _read_off(one), _read_off(other)
    if low <= other_high and other_low <= high:
        raise UsageError(f"the readings {low:.3g} to {high:.3g} and {other_low:.3g} to {other_high:.3g} overlap")
    return (
        high < other_low,
        f"it ended between {low:.3g} and {high:.3g}, the linear one between {other_low:.3g} and {other_high:.3g}",
    )


def stored_mosaic_losses() -> Shown:
    """Say whether the notebook's two layers ended below its single one on the mosaic (section 7, stored plots)."""
    return _lower_loss("bayer-nonlinear-loss", "bayer-linear-loss")


def stored_channel_losses() -> Shown:
    """Say whether the notebook's two layers ended below its single one on the channel (section 8, stored plots)."""
    return _lower_loss("channel-nonlinear-loss", "channel-linear-loss")


def _explained(name: str, variance: float) -> tuple[float, float]:
    """Return between which shares (%) of a variance a stored loss explains."""
    low, high = _read_off(name)
    return 100 * (1 - high / variance), 100 * (1 - low / variance)


def stored_boundary_loss() -> Shown:
    """Say whether the stored loss explains nine tenths of the boundaries' variance (section 12, stored plot)."""
    low, high = _explained("boundary-loss", claims_shapes._variances()[0])
    return low > 90, f"the stored loss explains {low:.1f} to {high:.1f} % of the variance of boundaries"


def stored_reverse_loss() -> Shown:
    """Say whether the stored loss explains less than a fifth of the shapes' variance (section 12, stored plot)."""
    low, high = _explained("reverse-loss-lowest", claims_shapes._variances()[1])
    return high < 20, f"the lowest stored loss explains {low:.1f} to {high:.1f} % of the variance of shapes"
