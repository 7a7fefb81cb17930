"""What a profile of the study sets, and what its cases are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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


QUICK = Recipe("momentum", 1e-2)  # what the open choices and the pictures are trained with


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
