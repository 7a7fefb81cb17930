"""What a profile of the study sets, and what its cases are.

Settings stand here and not beside the profiles: the fingerprint of every experiment covers the module of their class,
and would hang on the numbers of all profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repro.study import grid

SCALES = tuple(0.5 * 4 ** (step / 4) for step in range(5))  # eq. 4.4
KERNELS = (3, 5, 7, 9)  # section 4.4
READINGS = ("as_listed", "as_described")
AXES = ("first", "second")


@dataclass(frozen=True)
class Training:
    """Section 4.2; a smaller profile changes these and nothing else.

    `image_size` is in pixels, before upscaling. `gain` is the initial scale of the input batch-norm.
    """

    epochs: int
    control_epochs: int
    batch: int
    learning_rate: float
    image_size: int = 28
    gain: Literal["uniform", "ones"] = "uniform"


@dataclass(frozen=True)
class Pair:
    """Scales of the two Gaussian layers, in pixels.

    `reading` is how the kernels meet the channels of the second layer: as appendix A.1 lists it (a channel sees one or
    two of the 15 derivatives) or as equation 2.15 describes it (a channel sees them all).
    """

    reading: Literal["as_listed", "as_described"]
    first: float
    second: float


@dataclass(frozen=True)
class Start(Pair):
    """A pair whose n-th derivatives are raw, as in the thesis, or multiplied by scale**n, as in Jacobsen's code."""

    norm: Literal["raw", "sigma^n"]


@dataclass(frozen=True)
class Kernels:
    """Kernel sizes of the two layers of the control CNN, in pixels."""

    first: int
    second: int


PAIRS = grid(Pair, reading=READINGS, first=SCALES, second=SCALES)
STARTS = grid(Start, reading=READINGS, first=SCALES, second=SCALES, norm=("raw", "sigma^n"))
CONTROLS = grid(Kernels, first=KERNELS, second=KERNELS)
