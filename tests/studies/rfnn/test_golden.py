"""The smoke golden passes with the committed code and fails with a planted mistake in it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from repro import bands, bless, golden, registry, table
from repro.plan import PlannedRun, identity, planned_runs
from repro.runner import Request, rows_of
from repro.worker import Order, execute
from studies.common.hermite import hermite_verkes
from studies.rfnn import basis, fast, network, study

ROOT = Path(__file__).resolve().parents[3]
GOLDENS = sorted(path for path in ROOT.glob("golden/rfnn/*.parquet") if not path.name.endswith(".bands.parquet"))
CELLS = ("reading=as_listed", "first=0.5,0.707", "second=0.707,2")  # learnt by every seed, or by none


@pytest.fixture(scope="module")
def smoke() -> bands.Golden:
    return bands.load(bands.path_of(ROOT, "rfnn", "smoke"))


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_the_committed_bands_follow_from_the_committed_rows(path: Path) -> None:
    bless.verify(path, study)


def test_the_smoke_golden_holds_every_case_with_ten_seeds(smoke: bands.Golden) -> None:
    declared = {(experiment.name, case) for experiment, case in study.select("smoke")}
    cases = set(zip(smoke.rows["experiment"].to_pylist(), smoke.rows["case"].to_pylist(), strict=True))
    assert len(cases) == len(declared) == 50
    assert len(set(smoke.rows["replicate"].to_pylist())) >= 10


def fresh_rows(smoke: bands.Golden) -> list[dict[str, object]]:
    """Return a results table of one replicate: chosen cells run anew with a fresh seed, the others replayed."""
    registry.check_study(study)
    fresh = max(smoke.rows["replicate"].to_pylist()) + 1
    wanted = planned_runs(study, "smoke", replicates=[fresh], where=CELLS)
    again = {run.case for run in wanted}
    rows = [row for row in smoke.rows.to_pylist() if row["replicate"] == 0 and row["case"] not in again]
    return rows + [row for run in wanted for row in made(run)]


def made(run: PlannedRun) -> list[dict[str, object]]:
    """Make one run in this process and return its rows."""
    report = execute(Order("rfnn", "smoke", run, device="cpu"))
    request = Request(study=study, profile="smoke", runs=[run], device="cpu", jobs=1)
    common = {"environment": "here", "commit": "", "device": "cpu"}
    return rows_of(request, run, report, identity(study, "smoke"), common)


def check(smoke: bands.Golden) -> golden.CheckResult:
    return golden.check(table.build(fresh_rows(smoke), {}), smoke.rows, smoke.bands)


def test_fresh_seeds_pass(smoke: bands.Golden) -> None:
    result = check(smoke)
    assert result.exit_code == 0, golden.render(result)


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
    smoke = study.profiles["smoke"]
    slower = dataclasses.replace(smoke.settings, learning_rate=smoke.settings.learning_rate / 2)
    patch.setitem(study.profiles, "smoke", dataclasses.replace(smoke, settings=slower))


@pytest.mark.parametrize(
    ("plant", "code"), [(wrong_hermite, 1), (dropout_in_evaluation, 1), (half_the_learning_rate, 3)]
)
def test_a_planted_mistake_does_not_pass(
    smoke: bands.Golden, monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], code: int
) -> None:
    plant(monkeypatch)
    forget_kernels()
    try:
        result = check(smoke)
    finally:
        forget_kernels()
    assert result.exit_code == code, golden.render(result)


def forget_kernels() -> None:
    """Empty what the layers remember of their kernels."""
    for thing in vars(fast).values():
        if hasattr(thing, "cache_clear"):
            thing.cache_clear()


def test_one_accuracy_lowered_by_five_points_is_a_deviation(smoke: bands.Golden) -> None:
    rows = [row for row in smoke.rows.to_pylist() if row["replicate"] == 0]
    learnt = next(row for row in rows if row["metric"] == "accuracy" and (row["value"] or 0) > 95)
    learnt["value"] -= 5
    assert golden.check(table.build(rows, {}), smoke.rows, smoke.bands).exit_code == 1
