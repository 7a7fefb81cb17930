"""Mistakes that are easily made in kernels, labels and settings, and the runs that show them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from repro.errors import CANNOT_COMPARE
from studies.common.hermite import hermite_verkes
from studies.rfnn import study, training
from studies.rfnn.model import basis, fast
from tests.studies.goldens import Mistake

CELL = ("reading=as_listed", "first=0.5", "second=0.707")  # learnt by every seed


def wrong_hermite(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(basis._RECURRENCES, "correct", hermite_verkes)


def wrong_labels(patch: pytest.MonkeyPatch) -> None:
    """Give every tenth training image the label of another."""
    right = training.resident

    def resident(*arguments: Any, **options: Any) -> tuple[training.Images, training.Images]:
        train, test = right(*arguments, **options)
        train.labels_N[::10] = train.labels_N[::10].roll(1)
        return train, test

    patch.setattr(training, "resident", resident)


def half_the_learning_rate(patch: pytest.MonkeyPatch) -> None:
    profile = study.profiles["smoke"]
    slower = dataclasses.replace(profile.settings, learning_rate=profile.settings.learning_rate / 2)
    patch.setitem(study.profiles, "smoke", dataclasses.replace(profile, settings=slower))


def forget_kernels() -> None:
    """Empty what the layers remember of their kernels."""
    for thing in vars(fast).values():
        if hasattr(thing, "cache_clear"):
            thing.cache_clear()


MISTAKES: tuple[Mistake, ...] = (
    Mistake(wrong_hermite, "scale_grid", CELL, forget=forget_kernels),
    Mistake(wrong_labels, "scale_grid", CELL, forget=forget_kernels),
    Mistake(half_the_learning_rate, "scale_grid", CELL, CANNOT_COMPARE, forget_kernels),
)
