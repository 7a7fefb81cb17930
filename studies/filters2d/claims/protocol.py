"""Evidence on the notebook's trainings: the study's faithful profile beside the numbers of the cells."""

from __future__ import annotations

from studies.filters2d import profiles
from studies.filters2d.cases import Settings
from studies.filters2d.claims.evidence import numbers
from studies.filters2d.claims.text import TRAINING_CELLS
from studies.filters2d.training import search

PLANS = (  # of the study, one for each training
    "filter", "filter", "dense", "colour", "mosaic_linear", "mosaic", "channel", "channel",
    "circle_square", "square_rectangle", "topology", "topology", "median", "smoother",
)  # fmt: skip


def _faithful() -> Settings:
    """Return the settings of the profile that follows the notebook."""
    found: Settings = profiles.PAPER.settings
    return found


def filter_images() -> list[int]:
    """Return number, height and width of the images of dots that the faithful profile draws (section 2, In [3])."""
    plan = _faithful().filter
    return [plan.train, plan.side, plan.side]


def blob_images() -> list[int]:
    """Return number, height and width of the images of blobs that it draws (section 12, In [56])."""
    plan = _faithful().topology
    return [plan.train, plan.side, plan.side]


def pulse_sequences() -> list[int]:
    """Return number and length of the sequences that it draws (section 16, In [79])."""
    plan = _faithful().smoother
    return [plan.train, plan.side]


def momentum_of_descent() -> float:
    """Return the momentum of the study's descent (section 16, In [81])."""
    return search.MOMENTUM


def batches_that_differ() -> list[str]:
    """Return where the faithful profile's batches are not those of the cells (In [6] to In [83])."""
    printed_sizes = zip(TRAINING_CELLS, PLANS, numbers("batches"), strict=True)
    ours = ((cell, getattr(_faithful(), plan).search.batch, size) for cell, plan, size in printed_sizes)
    return [f"In [{cell}]: {size:.0f} there, {batch} here" for cell, batch, size in ours if batch != size]


def mosaic_samples_that_differ() -> list[str]:
    """Return where the faithful profile's samples of the mosaic are not those of the cells (In [28], In [31])."""
    ours = {"one layer": _faithful().mosaic_linear.search, "two layers": _faithful().mosaic.search}
    sizes = zip(ours.items(), numbers("mosaic-samples"), strict=True)
    return [
        f"{name}: {size:,.0f} samples there, {plan.samples:,} here"
        for (name, plan), size in sizes
        if size != plan.samples
    ]


def rates_of_the_search() -> list[float]:
    """Return how many rates the study's full search tries, the lowest and the highest (helper module)."""
    return [len(profiles.WIDE), profiles.WIDE[0], profiles.WIDE[-1]]
