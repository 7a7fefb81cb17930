"""What a profile of the study sets, and what its cases are.

Settings stand here and not beside the profiles: the fingerprint of every experiment covers the module of their class,
and would hang on the numbers of all profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

REALISATIONS = tuple(range(6))
FACTORS = (1.0, 0.5)  # results section: without and with scale augmentation
STEERABLE = tuple(f"{kind}_{size}{plus}" for kind in ("scalar", "vector") for size in (28, 56) for plus in ("", "p"))
PLAIN = ("cnn_28", "cnn_56")
SMALL = ("scalar_small", "vector_small")
COLUMNS = tuple(name.replace("p", "+") for name in STEERABLE)  # of Table 1, by the blog's names


@dataclass(frozen=True)
class Mnist:
    """Training on scaled MNIST; the learning rate is divided by 10 after the epochs in `steps`."""

    epochs: int
    batch: int
    learning_rate: float
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Stl10:
    """Training on STL-10; the learning rate is divided by 5 after the epochs in `steps`. `widen` is 8 in WRN-16-8."""

    epochs: int
    batch: int
    learning_rate: float
    steps: tuple[int, ...]
    widen: int
    classes: int = 10


@dataclass(frozen=True)
class Training:
    """What a profile changes."""

    mnist: Mnist
    stl10: Stl10


@dataclass(frozen=True)
class Cell:
    """A network, the lower end f of its training images' scales U(f, 1/f), and the realisation of scaled MNIST."""

    model: str
    factor: float
    realisation: int


@dataclass(frozen=True)
class Wide:
    """A wide residual network: plain, or the scale-equivariant variant A, B or C."""

    variant: Literal["wrn", "a", "b", "c"]


@dataclass(frozen=True)
class Layers:
    """A stack of random layers: steerable, steerable and mixing two scales, or ordinary; zero-padded or not."""

    layer: Literal["steerable", "interacting", "ordinary"]
    depth: int
    padded: bool


@dataclass(frozen=True)
class Network:
    """A network by name; the wide residual ones are called stl10_wrn, stl10_a, stl10_b and stl10_c."""

    model: str


@dataclass(frozen=True)
class Probes:
    """How many images to put through the transform of STL-10, with the random numbers of which seed."""

    count: int
    seed: int


@dataclass(frozen=True)
class Factors:
    """How many scales from `low` to 1 / low."""

    count: int
    low: float


@dataclass(frozen=True)
class Shown:
    """Images of the first realisation, for training with scales from U(factor, 1/factor) or for the test."""

    part: Literal["train", "test"]
    factor: float


@dataclass(frozen=True)
class Realisation:
    """One of the six sets of scaled MNIST images."""

    realisation: int


@dataclass(frozen=True)
class Column:
    """A column of Table 1, by the blog's name of it."""

    column: str


@dataclass(frozen=True)
class Published:
    """The published runs as a whole."""

    runs: int
