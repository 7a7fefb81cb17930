"""What a profile of the study sets, what its cases are, and what several rooms need to know of the notebook.

Settings stand here and not beside the profiles: the fingerprint of every experiment covers the module of their class,
and would hang on the numbers of all profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Optimiser = Literal["sgd", "adam"]
Hidden = Literal["linear", "sigmoid", "relu"]
Head = Literal["dense", "pooled"]
Pair = Literal["circle_square", "square_rectangle"]
Layer = Literal["full", "separable", "dense"]

SEED = 30  # of weights and data whose figures no run's seed moves
PUBLISHED_DENSITY = 1.29  # 10,000 images for 88 x 88 places of the centre
DENSITIES = (0.65, PUBLISHED_DENSITY, 2.6, 5.2, 10.4, 20.8)


@dataclass(frozen=True)
class Search:
    """How a network is trained: rates tried, samples before the worse half of them is dropped, samples in all, batch.

    The trial is also the length of a segment, after each of which a loss is noted.
    """

    rates: tuple[float, ...]
    trial: int
    samples: int
    batch: int


@dataclass(frozen=True)
class Plan:
    """Images to train on and to test on, their side (pixels; of sequences the length), and the training.

    A count of 0 takes all images that the data set has. `adam` holds the rates of Adam where both optimisers are used.
    """

    train: int
    test: int
    side: int
    search: Search
    adam: tuple[float, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What a profile changes: a plan for each kind of training, and the backgrounds that a matched filter searches.

    `mosaic_linear` is for one layer that undoes a mosaic, `full_size` for outlines on images of the notebook's own 128
    pixels, `crossed` for its two-direction LSTM.
    """

    filter: Plan
    dense: Plan
    colour: Plan
    mosaic: Plan
    mosaic_linear: Plan
    channel: Plan
    median: Plan
    circle_square: Plan
    square_rectangle: Plan
    full_size: Plan
    topology: Plan
    crossed: Plan
    smoother: Plan
    backgrounds: int


UNTRAINED = Search((1e-3,), 10, 10, 10)  # of plans for data that nothing is trained on


@dataclass(frozen=True)
class Filter:
    """A layer that learns the Gaussian filter: one 15 x 15 kernel, two 1-D kernels, or all weights."""

    model: Layer


@dataclass(frozen=True)
class Colour:
    """What lies between two 1 x 1 convolutions, "linear" for a single one."""

    hidden: Hidden


@dataclass(frozen=True)
class Inverse:
    """What lies between two convolutions that undo a mosaic, "linear" for a single one, and what trains them."""

    hidden: Hidden
    optimiser: Optimiser


@dataclass(frozen=True)
class Channel(Inverse):
    """The same for convolutions that undo a channel."""


@dataclass(frozen=True)
class Outline:
    """Side of the images (pixels), training images for each place that a centre can have, the network's end."""

    side: int
    per_position: float
    head: Head


@dataclass(frozen=True)
class Topology:
    """What is wanted of what is given, boundary or shape of a blob, and the network."""

    wanted: Literal["boundary", "shape"]
    network: Literal["convolutional", "lstm2"]


@dataclass(frozen=True)
class Smoother:
    """What smooths a sequence: the notebook's LSTM, or one linear filter."""

    model: Literal["lstm", "fir"]


LAWS = (  # the functions of `measured.laws`
    "gaussian_superposition", "gaussian_by_impulse", "kernel_as_matrix", "kernel_of_separable_ones",
    "gaussian_separable", "network_at_each_pixel", "xyz_superposition", "xyz_of_linear_light",
    "fft_orthonormal", "fft_as_defined", "fft_backward", "recursion_by_scipy", "recursion_superposition",
)  # fmt: skip
NETWORKS = (
    "full", "separable", "dense", "colour", "colour_hidden", "mosaic", "mosaic_hidden", "channel", "channel_hidden",
    "shapes", "shapes_pooled", "topology", "median", "lstm", "lstm2",
)  # fmt: skip
VIEWS = (  # networks without maxima, whose fields of view do not depend on the image
    "full", "separable", "dense", "colour_hidden", "mosaic", "mosaic_hidden", "channel_hidden", "topology", "median",
    "lstm", "lstm2",
)  # fmt: skip
GENERATORS = (
    "dots", "mosaic", "channel", "colour", "median", "circle_square", "square_rectangle", "boundary", "shape", "pulses",
)  # fmt: skip


@dataclass(frozen=True)
class Law:
    """A law that the notebook states."""

    law: str


@dataclass(frozen=True)
class Network:
    """One of the notebook's networks, or one that it leaves open."""

    network: str


@dataclass(frozen=True)
class Generator:
    """A data set of the notebook, made from one fixed seed."""

    generator: str


@dataclass(frozen=True)
class Matrix:
    """A matrix from RGB to XYZ."""

    matrix: Literal["learned", "srgb", "printed"]


@dataclass(frozen=True)
class Wave:
    """One of the panels of localised waves, in one or two dimensions, counted from 1."""

    dimensions: int
    panel: int


@dataclass(frozen=True)
class Approximation:
    """What is approximated by a scaled sigmoid, and up to which distance from 0."""

    of: Literal["identity", "softplus"]
    within: float


@dataclass(frozen=True)
class Passes:
    """How often a first-order recursion runs forwards and backwards."""

    passes: int


@dataclass(frozen=True)
class Sampling:
    """What is done before every fourth pixel is kept."""

    before: Literal["nothing", "gaussian"]


@dataclass(frozen=True)
class Mode:
    """How batch norm is evaluated: by its running statistics, or by those of each batch."""

    mode: Literal["running", "batch"]


@dataclass(frozen=True)
class Listing:
    """A line of the text that cannot run as it stands."""

    listing: Literal["bayer_index", "conv2d_name"]


@dataclass(frozen=True)
class Backgrounds:
    """The strength of a digit hidden in noise, in units of the noise's range."""

    strength: float


@dataclass(frozen=True)
class Dense:
    """A layer with a weight for each pair of pixels."""

    layer: Literal["all_weights"]


@dataclass(frozen=True)
class Median:
    """A network that learns the median."""

    network: Literal["notebook"]


# Grids


LEARNERS: tuple[tuple[Hidden, Optimiser], ...] = (
    ("linear", "sgd"),
    ("sigmoid", "sgd"),
    ("relu", "sgd"),
    ("sigmoid", "adam"),
    ("relu", "adam"),
)
INVERSES = tuple(Inverse(*each) for each in LEARNERS)
CHANNELS = tuple(Channel(*each) for each in LEARNERS)
CIRCLES = (Outline(48, 15.6, "dense"), Outline(128, PUBLISHED_DENSITY, "dense"))
RECTANGLES = (
    *(Outline(side, density, "dense") for side in (48, 64) for density in DENSITIES),
    *(Outline(side, PUBLISHED_DENSITY, "pooled") for side in (48, 64)),
    *(Outline(128, density, "dense") for density in (PUBLISHED_DENSITY, 5.2)),
)
BLOBS = (Topology("boundary", "convolutional"), Topology("shape", "convolutional"), Topology("shape", "lstm2"))
