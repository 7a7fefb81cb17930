"""The smoke golden passes with the committed code and fails with a planted mistake in it."""

import dataclasses
from collections.abc import Callable

import pytest
import torch

from repro import findings, golden, table
from studies.common.hermite import hermite_verkes
from studies.rfnn import basis, fast, network, study
from tests.studies.goldens import check_with, fresh_runs, smoke

CELLS = ("reading=as_listed", "first=0.5,0.707", "second=0.707,2")  # learnt by every seed, or by none


def check() -> golden.CheckResult:
    return check_with("rfnn", fresh_runs("rfnn", experiments=["scale_grid"], where=CELLS))


def test_fresh_seeds_pass() -> None:
    result = check()
    assert result.exit_code == 0, findings.render(result)


def wrong_hermite(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(basis._RECURRENCES, "correct", hermite_verkes)


def dropout_in_evaluation(patch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)

    def drop(x_BD: torch.Tensor, keep_BD: torch.Tensor | None) -> torch.Tensor:
        if keep_BD is None:
            keep_BD = torch.rand(x_BD.shape, generator=generator) > network.DROPOUT
        return x_BD * keep_BD / (1 - network.DROPOUT)

    patch.setattr(network, "drop", drop)


def half_the_learning_rate(patch: pytest.MonkeyPatch) -> None:
    profile = study.profiles["smoke"]
    slower = dataclasses.replace(profile.settings, learning_rate=profile.settings.learning_rate / 2)
    patch.setitem(study.profiles, "smoke", dataclasses.replace(profile, settings=slower))


@pytest.mark.parametrize(
    ("plant", "code"), [(wrong_hermite, 1), (dropout_in_evaluation, 1), (half_the_learning_rate, 3)]
)
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
    assert golden.check(table.build(rows, {}), held.rows, held.bands).exit_code == 1
