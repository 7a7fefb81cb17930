"""The profiles: how much each trains (images, sizes, rates, samples), on which data, and what it cannot answer.

The notebook's sizes are 10,000 generated images, all of MNIST and CIFAR-10, 20 rates from 1e-6 to 1e2, and trainings of
100,000 to 1,000,000 samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.data import DataSet
from repro.study import Profile
from studies.common.cifar10 import CIFAR10, CIFAR10_JPEG
from studies.common.datasets import DIGITS, MNIST, MNIST_10K
from studies.common.photographs import TILES
from studies.filters2d.cases import (
    DENSITIES,
    Backgrounds,
    Channel,
    Colour,
    Generator,
    Inverse,
    Median,
    Plan,
    Search,
    Settings,
)

PICTURES = ("mosaic", "colour", "median")
WIDE = tuple(10 ** (-6 + 8 * step / 19) for step in range(20))  # AutoMLP's rates

WITHOUT_TRAINING = (
    "laws_stated", "impulse", "network_sizes", "fields_of_view", "waves", "sigmoids", "colour_matrices",
    "recursive_gaussian", "subsampling", "shown_data", "evaluation_modes", "broken_listings", "matched_filter",
)  # fmt: skip
TRAININGS = (
    "learned_filter", "dense_layer", "colour_matrix", "network_in_network", "demosaicking", "channel_inverse",
    "circle_or_square", "square_or_rectangle", "blob_boundaries", "learned_median", "smoothing",
)  # fmt: skip


def data_of(digits: DataSet, pictures: DataSet) -> Callable[[Any], DataSet | None]:
    """Return what names the data of a case: digits, colour pictures, or none where the data are random."""

    def of(case: Any) -> DataSet | None:
        match case:
            case Backgrounds() | Channel():
                return digits
            case Colour() | Inverse() | Median():
                return pictures
            case Generator():
                return digits if case.generator == "channel" else pictures if case.generator in PICTURES else None
        return None

    return of


SMOKE = Profile(
    Settings(
        filter=Plan(500, 100, 32, Search((3e-3, 3e-2), 1000, 8000, 20)),
        dense=Plan(2000, 200, 16, Search((3e-4, 3e-3), 2000, 20000, 20)),
        colour=Plan(0, 0, 32, Search((0.03, 0.3, 1.0), 1600, 16000, 10)),
        mosaic=Plan(0, 0, 16, Search((1e-3, 1e-2, 1e-1), 640, 6400, 10), adam=(1e-3, 3e-3, 1e-2)),
        mosaic_linear=Plan(0, 0, 16, Search((1e-3, 1e-2, 1e-1), 640, 6400, 10)),
        channel=Plan(0, 100, 16, Search((1e-3, 1e-2, 1e-1), 300, 3000, 10), adam=(3e-4, 1e-3, 3e-3)),
        median=Plan(0, 100, 32, Search((3e-3, 3e-2), 400, 3200, 10)),
        circle_square=Plan(0, 200, 48, Search((0.05,), 1000, 3000, 50)),
        square_rectangle=Plan(0, 200, 48, Search((0.05,), 1000, 6000, 50)),
        full_size=Plan(0, 200, 128, Search((0.05,), 1000, 6000, 50)),
        topology=Plan(200, 50, 48, Search((1e-2, 1e-1), 400, 3200, 10)),
        crossed=Plan(500, 50, 32, Search((1e-2, 3e-2), 500, 4000, 10)),
        smoother=Plan(1000, 100, 100, Search((1e-2, 3e-2), 2000, 20000, 20)),
        backgrounds=20,
    ),
    data_of(DIGITS, TILES),
    golden_seeds=20,
    experiments={
        **{name: {} for name in (*WITHOUT_TRAINING, *TRAININGS)},
        "circle_or_square": {"side": (48,)},
        "square_or_rectangle": {"side": (48,)},
    },
    cannot_answer="enlarged digits and pieces of two photographs stand in for MNIST and CIFAR-10; "
    "`nox -s reproduce-filters2d -- --profile paper` trains on both",
)
LITE = Profile(
    Settings(
        filter=Plan(2000, 200, 64, Search((3e-3, 1e-2, 3e-2), 2000, 20000, 20)),
        dense=Plan(5000, 200, 32, Search((3e-4, 1e-3, 3e-3), 5000, 50000, 20)),
        colour=Plan(0, 0, 32, Search((0.03, 0.1, 0.3, 1.0), 6000, 60000, 10)),
        mosaic=Plan(0, 0, 32, Search((1e-3, 1e-2, 1e-1), 1500, 15000, 10), adam=(1e-3, 3e-3, 1e-2)),
        mosaic_linear=Plan(0, 0, 32, Search((1e-3, 1e-2, 1e-1), 1500, 15000, 10)),
        channel=Plan(0, 1000, 28, Search((1e-3, 1e-2, 1e-1), 1000, 8000, 10), adam=(3e-4, 1e-3, 3e-3)),
        median=Plan(0, 0, 32, Search((3e-3, 1e-2, 3e-2), 2000, 20000, 10)),
        circle_square=Plan(0, 1000, 128, Search((0.05,), 2000, 10000, 50)),
        square_rectangle=Plan(0, 1000, 64, Search((0.05,), 2000, 18000, 50)),
        full_size=Plan(0, 1000, 128, Search((0.05,), 5000, 40000, 50)),
        topology=Plan(500, 100, 128, Search((1e-2, 1e-1), 500, 4000, 10)),
        crossed=Plan(1000, 100, 64, Search((1e-2, 3e-2), 1000, 6000, 10)),
        smoother=Plan(2000, 200, 200, Search((3e-3, 1e-2, 3e-2), 10000, 150000, 20)),
        backgrounds=100,
    ),
    data_of(MNIST_10K, CIFAR10_JPEG),
    golden_seeds=5,
    experiments={
        **{name: {} for name in TRAININGS},
        "circle_or_square": {"side": (128,)},
        "square_or_rectangle": {"side": (64, 128), "per_position": DENSITIES[:-1]},
    },
    cannot_answer="a sixth of MNIST and a lossy sixth of CIFAR-10 stand in for both, and networks see few of the "
    "notebook's samples; `nox -s reproduce-filters2d -- --profile paper` shows them all",
)
PAPER = Profile(
    Settings(
        filter=Plan(10000, 1000, 64, Search(WIDE, 10000, 100000, 100)),
        dense=Plan(10000, 1000, 64, Search(WIDE, 10000, 1000000, 100)),
        colour=Plan(0, 0, 32, Search(WIDE, 10000, 1000000, 100)),
        mosaic=Plan(0, 0, 32, Search(WIDE, 10000, 1000000, 200), adam=WIDE[:12]),
        mosaic_linear=Plan(0, 0, 32, Search(WIDE, 10000, 100000, 20)),
        channel=Plan(0, 0, 28, Search(WIDE, 10000, 1000000, 200), adam=WIDE[:12]),
        median=Plan(0, 0, 32, Search(WIDE[:12], 10000, 1000000, 100)),
        circle_square=Plan(0, 1000, 128, Search(WIDE, 100000, 1000000, 200)),
        square_rectangle=Plan(0, 1000, 128, Search(WIDE, 100000, 1000000, 200)),
        full_size=Plan(0, 1000, 128, Search(WIDE, 100000, 1000000, 200)),
        topology=Plan(10000, 1000, 128, Search(WIDE[:12], 10000, 500000, 200)),
        crossed=Plan(10000, 1000, 128, Search(WIDE[:12], 10000, 500000, 200)),
        smoother=Plan(10000, 1000, 200, Search(WIDE[:12], 10000, 1000000, 200)),
        backgrounds=100,
    ),
    data_of(MNIST, CIFAR10),
    golden_seeds=5,
    experiments={
        **{name: {} for name in (*WITHOUT_TRAINING, *TRAININGS)},
        "circle_or_square": {"side": (128,)},
        "square_or_rectangle": {"side": (128,)},
    },
    device="cuda",
    faithful=True,
    cannot_answer="the notebook's speech recording and texture are not published with it; its losses are read off "
    "stored plots, to about 2 %",
)
