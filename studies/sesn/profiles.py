"""The profiles: how much each trains, on which data, and what it cannot answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from repro.data import DataSet
from repro.study import Profile
from studies.common.photographs import PHOTOGRAPHS
from studies.sesn.cases import (
    PLAIN,
    SMALL,
    STEERABLE,
    Cell,
    Column,
    Mnist,
    Published,
    Realisation,
    Shown,
    Stl10,
    Training,
    Wide,
)
from studies.sesn.data.scaled import SCALED_DIGITS, SCALED_MNIST, SCALED_MNIST_48K, SCALED_MNIST_SMALL
from studies.sesn.data.stl10 import STL10
from studies.sesn.published.results import BLOG_RUNS

OFFERED = SCALED_MNIST_48K  # of the sizes that the blog states; no case runs on them


def data_of(scaled: Sequence[DataSet], photographs: DataSet) -> Callable[[Any], DataSet | None]:
    """Return what says which data a case runs on: a realisation, STL-10 or its stand-in, or the published runs."""

    def of(case: Any) -> DataSet | None:
        match case:
            case Cell():
                return scaled[case.realisation]
            case Shown():
                return scaled[0]
            case Realisation():
                return SCALED_MNIST[case.realisation]
            case Wide():
                return photographs
            case Column() | Published():
                return BLOG_RUNS
        return None

    return of


FULL_STL10 = Stl10(epochs=1000, batch=128, learning_rate=0.1, steps=(300, 400, 600, 800), widen=8)
FULL_MNIST = Mnist(epochs=60, batch=128, learning_rate=0.01, steps=(20, 40))

SMOKE = Profile(
    Training(
        Mnist(epochs=14, batch=64, learning_rate=0.01, steps=(7, 11)),
        Stl10(epochs=1, batch=20, learning_rate=0.1, steps=(), widen=1),
    ),
    data_of([SCALED_DIGITS], PHOTOGRAPHS),
    golden_seeds=20,
    experiments={
        "scaled_mnist": {"model": SMALL, "realisation": (0,)},
        "plain_cnn": {"model": ("cnn_small",), "realisation": (0,)},
        "stl10": {"variant": ("wrn", "a")},
        "equivariance": {},
        "kernels": {},
        "forward": {},
        "transforms": {},
        "scaling": {},
        "shown_images": {},
        "blog_table": {},
        "blog_runs": {},
    },
    cannot_answer="scaled 8x8 digits and pieces of two photographs stand in for scaled MNIST and STL-10, so no "
    "accuracy of the blog is answered; `nox -s reproduce-sesn -- --profile paper` trains on both and does",
)

LITE = Profile(
    Training(Mnist(epochs=10, batch=128, learning_rate=0.01, steps=(5, 8)), FULL_STL10),
    data_of(SCALED_MNIST_SMALL, STL10),
    golden_seeds=5,
    experiments={
        "scaled_mnist": {"model": ("scalar_28p",), "realisation": (0, 1, 2)},
        "plain_cnn": {"model": ("cnn_28",), "realisation": (0, 1, 2)},
        "published_data": {},
    },
    cannot_answer="a fifth of the training images and a sixth of the epochs answer no accuracy of the blog; "
    "`nox -s reproduce-sesn -- --profile paper` follows its protocol and does",
)

SHORT = Profile(
    Training(FULL_MNIST, Stl10(epochs=2, batch=128, learning_rate=0.1, steps=(), widen=8)),
    data_of(SCALED_MNIST, STL10),
    golden_seeds=5,
    experiments={"stl10": {}},
    device="cuda",
    cannot_answer="2 of 1,000 epochs show what STL-10 costs and how learning starts, and no accuracy; "
    "`nox -s reproduce-sesn -- --profile paper --experiment stl10` trains to the end",
)

PAPER = Profile(
    Training(FULL_MNIST, FULL_STL10),
    data_of(SCALED_MNIST, STL10),
    golden_seeds=5,
    experiments={
        "scaled_mnist": {"model": STEERABLE},
        "plain_cnn": {"model": PLAIN},
        "stl10": {},
        "published_data": {},
    },
    device="cuda",
    faithful=True,
    cannot_answer="the paper's own figures are known as the blog quotes them, and those for STL-10 not at all",
)
