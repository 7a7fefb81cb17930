"""What a profile of the study sets, and what its cases are.

Settings stand here and not beside the profiles: the fingerprint of every experiment covers the module of their class,
and would hang on the numbers of all profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from repro.study import grid


@dataclass(frozen=True)
class Training:
    """What a profile changes: epochs of the learning rates and of the open choices, batch, channels of both blocks."""

    epochs: int
    choice_epochs: int
    batch: int
    channels: tuple[int, int]


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent, the same with momentum 0.9, or Adam; and its learning rate."""

    optimiser: Literal["sgd", "momentum", "adam"]
    rate: float


@dataclass(frozen=True)
class Choice:
    """What the document leaves open: how the RBF layer starts, the activation, the kernel size in pixels."""

    start: Literal["normal", "linear", "features"] = "normal"
    activation: Literal["relu", "sigmoid"] = "relu"
    kernel: int = 5


@dataclass(frozen=True)
class Layer:
    """An RBF layer: D features, K centres, and the form that computes its distances."""

    features: int
    centres: int
    form: Literal["norm", "copies", "product"]


@dataclass(frozen=True)
class Shown:
    """A part of the data: what is trained on, what the checkpoint is chosen by, what is tested on."""

    part: Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Size:
    """A network: side of its images (pixels), channels of its two blocks, activation."""

    side: int
    first: int
    second: int
    activation: Literal["relu", "sigmoid"]


ADVISED = Recipe("sgd", 1e-4)  # Task 2: "low learning rate", plain gradient descent
QUICK = Recipe("momentum", 1e-2)  # what the open choices and the pictures are trained with
RECIPES = (ADVISED, Recipe("sgd", 1e-2), Recipe("sgd", 1e-1), QUICK, Recipe("adam", 1e-3))
CHOICES = (
    Choice(),
    Choice(start="linear"),
    Choice(start="features"),
    Choice(activation="sigmoid"),
    Choice(kernel=3),
)
LAYERS = grid(Layer, features=(1, 2, 5), centres=(3, 100), form=("norm", "copies", "product"))
SIZES = (Size(8, 32, 32, "relu"), Size(8, 32, 32, "sigmoid"), Size(28, 8, 16, "relu"), Size(28, 32, 32, "relu"))
PARTS = grid(Shown, part=("train", "validation", "test"))
