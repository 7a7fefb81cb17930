"""The 94 runs behind the blog's Table 1, as published.

Source: results.yml of the blog's repository, vioSpark/reproduction-prjocet-DL2021 (spelled so), the longer of its two
stored versions; the shorter one has 83 of the runs.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.data import DataSet
from repro.errors import InfrastructureError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS_FILE = Path(__file__).with_name("results.csv")
PREFIX = "mnist_ses_"
MODELS = ("scalar_28", "scalar_56", "vector_28", "vector_56", "scalar_28p", "scalar_56p", "vector_28p", "vector_56p")
FACTORS = (1.0, 0.5)  # `extra_scaling`: 1 trains on the images as they are, 0.5 rescales each by 0.5 to 2
REALISATIONS = range(6)


@dataclass(frozen=True)
class BlogRun:
    """One training of the blog: a model ("scalar_28p"), a factor and a realisation; `accuracy` is exact."""

    model: str
    factor: float
    realisation: int
    accuracy: Fraction
    elapsed_s: int
    in_first_version: bool

    @property
    def error(self) -> Fraction:
        """Return the test error in percent."""
        return 100 * (1 - self.accuracy)


def read_runs(_folder: Path | None) -> dict[str, NDArray[Any]]:
    """Return the columns of the table of runs as texts, digits as published; the caller holds them to their hash."""
    import numpy as np

    try:
        lines = RUNS_FILE.read_text("utf-8").splitlines()
    except FileNotFoundError as error:
        raise InfrastructureError(
            f"data set 'sesn-blog-runs' comes with the study, and {RUNS_FILE.name} is missing; install the project anew"
        ) from error
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    return {name: np.array(values) for name, *values in zip(*rows, strict=False)}


BLOG_RUNS = DataSet(
    "sesn-blog-runs",
    "the blog's 94 published runs of SESN on scaled MNIST",
    content="27111cb8d0cdbf4e218d228cd1d2f834343d889ab5010f1f62c5da741dbf1199",
    read=read_runs,
)


def published_runs() -> tuple[BlogRun, ...]:
    """Return the 94 runs, in published order."""
    arrays = BLOG_RUNS.load()
    return tuple(
        BlogRun(
            model=model.removeprefix(PREFIX),
            factor=float(factor),
            realisation=int(realisation),
            accuracy=Fraction(accuracy),
            elapsed_s=int(elapsed),
            in_first_version=first == "yes",
        )
        for model, factor, realisation, accuracy, elapsed, first in zip(
            *(arrays[name].tolist() for name in ("model", "extra_scaling", "realisation", "accuracy")),
            *(arrays[name].tolist() for name in ("elapsed_s", "in_first_version")),
            strict=True,
        )
    )
