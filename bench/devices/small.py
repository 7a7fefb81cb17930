"""A case as small as its code allows: few images of the right shape, two updates, one epoch."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.data import DataSet, content_hash
from repro.errors import UsageError
from repro.study import Study, case_json

CLASSES = 10
SHAPES = {  # of one image, by how the name of a set begins
    "mnist": (28, 28),
    "cifar10": (3, 32, 32),
    "stl10": (3, 96, 96),
}
TESTED = 10  # images that are not trained on
SIDE = 32  # pixels, of images that a study makes itself
SPARSE = 0.002  # images for each place of a shape's centre, in place of the thousands that a case asks for


@dataclass(frozen=True)
class Size:
    """How long a run is: images in a batch, updates in each part, parts (epochs, or segments of a training)."""

    batch: int
    updates: int = 1
    parts: int = 1

    @property
    def images(self) -> int:
        """Return the images of a part."""
        return self.batch * self.updates


def settings(value: Any, size: Size) -> Any:
    """Return a profile's settings, or what they hold, with numbers that a field's name tells to be costs made small."""
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    found = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    return type(value)(**{name: _small(name, each, size) for name, each in found.items()})


def _small(name: str, value: Any, size: Size) -> Any:
    if dataclasses.is_dataclass(value):
        return settings(value, size)
    if name in ("rates", "adam"):  # of a search: one network
        return value[:1]
    if not value or not isinstance(value, int):  # of a count, 0 stands for all
        return value
    if name.endswith("epochs"):
        return size.parts
    known = {
        "batch": size.batch,
        "train": size.images,
        "test": TESTED,
        "trial": size.images,
        "samples": size.images * size.parts,
        "repeats": 1,
        "backgrounds": 2,
        "widen": min(value, 2),
        "side": min(value, SIDE),
    }
    return known.get(name, value)


def case(value: Any, size: Size) -> Any:
    """Return a case; where it says how many images are made for each place, few of them."""
    if not hasattr(value, "per_position"):
        return value
    return dataclasses.replace(value, per_position=SPARSE * size.updates)


def by_experiment(study: Study, profile: str) -> dict[str, list[Any]]:
    """Return the cases of each of a profile's experiments."""
    found: dict[str, list[Any]] = {}
    for experiment, each in study.select(profile):
        found.setdefault(experiment.name, []).append(each)
    return found


def kinds(cases: Iterable[Any]) -> list[Any]:
    """Return the first and the last case of each kind, one being all cases with the same texts and flags."""
    found: dict[str, list[Any]] = {}
    for each in cases:
        words = [value for value in dataclasses.asdict(each).values() if not isinstance(value, int | float)]
        flags = [value for value in dataclasses.asdict(each).values() if isinstance(value, bool)]
        found.setdefault(repr((type(each), words, flags)), []).append(each)
    ends = [one for some in found.values() for one in (some[0], some[-1])]
    return list({case_json(one): one for one in ends}.values())


def data(wanted: DataSet | None, size: Size) -> DataSet | None:
    """Return a set of that name with few drawn images; one that comes with the study or a package is as it is.

    Raise UsageError for a set whose shape is not known here.
    """
    if wanted is None or not wanted.files:
        return wanted
    shape = next((shape for name, shape in SHAPES.items() if wanted.name.startswith(name)), None)
    if shape is None:
        raise UsageError(
            f"data set '{wanted.name}': its shape is not known; enter it in SHAPES of bench/devices/small.py"
        )
    arrays = _drawn(shape, wanted.peak, size)
    return dataclasses.replace(
        wanted,
        files={},
        download=None,
        generated=False,
        content=content_hash(arrays, peak=wanted.peak),
        read=lambda _folder: arrays,
    )


def _drawn(shape: tuple[int, ...], peak: int, size: Size) -> dict[str, NDArray[Any]]:
    draw = np.random.default_rng(0)
    found: dict[str, NDArray[Any]] = {}
    for part, count in (("train", size.images), ("val", TESTED), ("test", TESTED)):
        found[f"{part}_images"] = draw.integers(0, peak, (count, *shape), np.uint8, endpoint=True)
        found[f"{part}_labels"] = (np.arange(count) % CLASSES).astype(np.uint8)
    return found
