"""Which data a case runs on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.data import DataSet
from studies.filters2d.cases import Backgrounds, Channel, Colour, Generator, Inverse, Median

PICTURES = ("mosaic", "colour", "median")


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
