"""What is asked of torch's optimisers and devices, and of torchvision: the cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OPTIMISER_LAWS = (  # the functions of `measured.optimisers`
    "descent_by_hand", "momentum_of_nothing", "adam_with_its_power", "adam_by_coordinate",
)  # fmt: skip
NAMES = ("train_data", "train_labels", "pretrained")  # that the slides have for something of torchvision's
LISTS = ("alexnet", "vgg19", "convolutionized")
COLOURS = ("red", "green", "blue")
STAGES = (1, 2, 3, 4)  # of a residual network


@dataclass(frozen=True)
class OptimiserLaw:
    """A statement of the slides about torch's optimisers, by its name in `measured.optimisers`."""

    law: str


@dataclass(frozen=True)
class Group:
    """One of two groups of parameters, by its rate."""

    rate: float


@dataclass(frozen=True)
class Descent:
    """A training on drawn vectors: by an update listing, or by the right one with Adam in the place of SGD."""

    listing: Literal["full_batch", "update_outside", "optim", "adam"]


@dataclass(frozen=True)
class Branch:
    """A branch of the timing listing: all samples at once, or one by one."""

    branch: Literal["batch", "loop"]


@dataclass(frozen=True)
class OldName:
    """What the slides call something of torchvision's."""

    name: Literal["train_data", "train_labels", "pretrained"]


@dataclass(frozen=True)
class Standard:
    """A classifier of torchvision's."""

    network: Literal["alexnet", "vgg19", "googlenet"]


@dataclass(frozen=True)
class Layers:
    """Layers that section 7.2 lists and torchvision has; the last are AlexNet's, made fully convolutional."""

    layers: Literal["alexnet", "vgg19", "convolutionized"]


@dataclass(frozen=True)
class Residual:
    """A residual network of torchvision's, by its depth and by the paths side by side in the middle of its blocks."""

    depth: int
    paths: int


RESIDUAL = (*(Residual(depth, 1) for depth in (18, 34, 50, 101, 152)), Residual(50, 32))
