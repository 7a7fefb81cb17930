"""The smoke golden passes with the committed code and fails with a planted mistake in it."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from repro.golden import check as check_
from repro.golden import findings
from repro.runs import table
from studies.common.hermite import hermite_verkes
from studies.rfnn import basis, fast, study, training
from tests.studies.goldens import check_with, fresh_runs, smoke

CELLS = ("reading=as_listed", "first=0.5,0.707", "second=0.707,2")  # learnt by every seed, or by none


def check() -> findings.CheckResult:
    return check_with("rfnn", fresh_runs("rfnn", experiments=["scale_grid"], where=CELLS))


def test_fresh_seeds_pass() -> None:
    result = check()
    assert result.exit_code == 0, findings.render(result)


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


@pytest.mark.parametrize(("plant", "code"), [(wrong_hermite, 1), (wrong_labels, 1), (half_the_learning_rate, 3)])
def test_a_planted_mistake_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], code: int
) -> None:
    plant(monkeypatch)
    forget_kernels()
    try:
        result = check()
    finally:
        forget_kernels()
    assert result.exit_code == code, findings.render(result)


def forget_kernels() -> None:
    """Empty what the layers remember of their kernels."""
    for thing in vars(fast).values():
        if hasattr(thing, "cache_clear"):
            thing.cache_clear()


def test_one_accuracy_lowered_by_five_points_is_a_deviation() -> None:
    held = smoke("rfnn")
    rows = [row for row in held.rows.to_pylist() if row["replicate"] == 0]
    learnt = next(row for row in rows if row["metric"] == "accuracy" and (row["value"] or 0) > 95)
    learnt["value"] -= 5
    assert check_.check(table.build(rows, {}), held.rows, held.bands).exit_code == 1
