"""The claims of the thesis: how many, what comes of the findings that matter, and that mistakes change verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from repro.audit import document, evidence
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, MEASURED
from repro.audit.verdicts import Judgement, Runs
from repro.runs.rows import Row
from repro.study import case_json
from studies.common import gaussian, hermite
from studies.rfnn import study, training
from studies.rfnn.cases import SCALES, Pair
from studies.rfnn.claims import formulas, layer, protocol, runs
from studies.rfnn.model import basis
from studies.rfnn.model.network import Switches
from tests.repro.support.evidence import plant, row

CLAIMS = {claim.id: claim for claim in evidence.claims_of("rfnn")}
FROM_GRIDS = [claim for claim in CLAIMS.values() if claim.judge in MEASURED and claim.compute]


def found(claim: str) -> Judgement:
    return document.judge(study, CLAIMS[claim])


def test_one_run_of_a_cell_answers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, [row("scale_grid", "accuracy", case_json(Pair("as_listed", *runs.FAILING)), 0, 11.35)])
    finding = found("exp1-half")
    assert (finding.verdict, finding.n, finding.more) == ("inconclusive", 1, 4)


def test_an_outcome_of_two_kinds_is_counted_and_not_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thesis' one run may be one of those that guess; their mean with the others accused it."""
    cell = case_json(Pair("as_listed", *runs.FAILING))
    ends = (11.35, 11.35, 98.46, 98.59, 98.78)
    plant(monkeypatch, [row("scale_grid", "accuracy", cell, number, end) for number, end in enumerate(ends)])
    said = found("exp1-half")
    assert (said.verdict, said.n) == ("inconclusive", 5)
    assert said.evidence.startswith("40, ")
    assert said.evidence.endswith("accuracies 11.35, 11.35, 98.46, 98.59, 98.78")
    plant(monkeypatch, [row("scale_grid", "accuracy", cell, number, 98.0 + number / 10) for number in range(8)])
    assert found("exp1-half").verdict == "not reproduced"


def every_pair(channels: int, _order: int = 4, _layout: str = "") -> tuple[tuple[int, int], ...]:
    return tuple((channel, derivative) for channel in range(channels) for derivative in range(15))


def other_accuracies(claim: str) -> tuple[str, ...]:
    return ("98.03",) if claim == "baseline-row" else CLAIMS[claim].published


def plain_descent(places: list[torch.Tensor], slopes: list[torch.Tensor], _kept: Any, *, lr: float, **_: Any) -> None:
    places[0].sub_(lr * slopes[0])


PLANTED: list[tuple[str, list[tuple[Any, str, Any]]]] = [
    ("second-layer-basis", [(layer, "met", every_pair), (layer.basis, "pairs", every_pair)]),
    ("example-basis", [(layer, "met", every_pair)]),
    ("verkes-corrected", [(hermite, "hermite", hermite.hermite_verkes)]),
    ("verkes-code", [(hermite, "hermite_verkes", hermite.hermite)]),
    ("corrected-sums", [(basis, "_RECURRENCES", {"correct": hermite.hermite, "verkes": hermite.hermite})]),
    ("tensor-basis", [(layer.torch, "from_numpy", torch.tensor)]),
    ("scale-range", [(protocol, "SCALES", (*SCALES, 2.828))]),
    ("decay-acts", [(protocol, "travelled", lambda _: [5.13] * 30)]),
    ("optimiser", [(protocol, "travelled", lambda _: [5.13] * 30)]),
    ("nesterov", [(formulas, "sgd", plain_descent)]),
    ("momentum-velocity", [(formulas, "sgd", plain_descent)]),
    ("momentum-rule", [(training, "momentum", lambda _rate, _rule: 0.99)]),
    ("decay-epochs", [(protocol, "published", lambda _: ("every 10 epochs", "epoch % 5"))]),
    ("scale-series", [(protocol, "SCALES", (0.5, 0.66, 0.87, 1.15, 2.0))]),
    ("scale-steps", [(protocol, "steps", lambda number: list(SCALES) if number == 5 else [])]),
    ("kernel-size", [(gaussian, "RADIUS", 2)]),
    ("mnist-size", [(protocol, "TEST_DIGITS", (980,) * 10)]),
    ("exp1-guessing", [(protocol, "TEST_DIGITS", (5000, *(600,) * 8, 200))]),
    ("exp1-level", [(protocol, "published", other_accuracies)]),
    ("expressive-power", [(gaussian, "sampled_derivatives", lambda _, order, **__: np.ones((order + 1, 3)))]),
    ("tanh-saturation", [(formulas, "through_layers", lambda _: torch.ones(2, 2))]),
    ("step-slope", [(formulas.torch, "sign", torch.tanh)]),
    ("backward-undefined", [(layer, "gap", lambda one, other: float((2 * one - other).abs().max()))]),
    ("sigmoid-drift", [(formulas, "through_layers", lambda *_: torch.ones(2, 2))]),
    ("verkes-bias", [(basis, "_RECURRENCES", {"correct": hermite.hermite, "verkes": hermite.hermite})]),
    ("fewer-weights", [(protocol, "ORDER", 9)]),
    ("rfnn-flattened", [(protocol, "pooled", lambda *_, side: [128, side // 2, side // 2])]),
    ("scale-pairs", [(protocol, "published", lambda _: ("0.5", "1", "2"))]),
    ("width-doubled", [(protocol, "published", lambda _: ("1", "32"))]),
    ("example-groups", [(layer, "CHANNELS", 2)]),
]


@pytest.mark.parametrize(("claim", "changes"), PLANTED, ids=[f"{claim}-{n}" for n, (claim, _) in enumerate(PLANTED)])
def test_a_planted_mistake_changes_the_verdict(
    claim: str, changes: Sequence[tuple[Any, str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = found(claim).verdict
    for module, name, other in changes:
        monkeypatch.setattr(module, name, other)
    assert found(claim).verdict != before


def test_the_listing_is_held_against_the_studys_own_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are found by running a grouped convolution; a layer of ours with others would not be the listing's."""
    monkeypatch.setattr(layer, "met", every_pair)
    assert found("second-layer-basis").verdict == "erratum"


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_step_of_descent_is_that_of_torchs_class(nesterov: bool) -> None:
    start, slopes = formulas.draws(3), formulas.draws(10, 3, seed=1)
    parameter, descent = torch.nn.Parameter(start.clone()), formulas.Descent(start)
    sgd = torch.optim.SGD([parameter], lr=0.1, momentum=0.9, nesterov=nesterov)
    for slope in slopes:
        parameter.grad = slope.clone()
        sgd.step()
        descent.step(slope, 0.1, 0.9, nesterov=nesterov)
        assert torch.equal(parameter.detach(), descent.place)
    assert torch.equal(start, formulas.draws(3))


@pytest.mark.parametrize("state", ["per_epoch", "persistent"])
def test_a_weight_travels_as_the_studys_own_optimiser_moves_it(state: str) -> None:
    module = torch.nn.Linear(1, 1, bias=False).double()
    optimiser = training.Optimiser(module, Switches(optimiser_state=state))  # type: ignore[arg-type]
    found = []
    for rate in training.learning_rates(protocol.FAITHFUL.epochs, protocol.FAITHFUL.learning_rate, "listing"):
        sgd, before = optimiser.epoch(rate), float(module.weight.detach())
        for _ in range(120):
            module.weight.grad = torch.ones_like(module.weight)
            sgd.step()
        found.append(before - float(module.weight.detach()))
    assert protocol.travelled(state) == pytest.approx(found, rel=1e-9)


# From whole grids

Surface = Callable[[str, Any, int], float | None]


def curve(name: str, value: float | None) -> list[float] | None:
    """Return 30 epochs of a control network that rises to a value, or 20 of an RFNN that is there in a quarter."""
    if value is None:
        return None
    pace, epochs = (8, 30) if name == "cnn_baseline" else (1, 20)
    return [value - 20 * 2 ** (-epoch / pace) + 20 * 2 ** (-epochs / pace) for epoch in range(1, epochs + 1)]


def rows_of(surface: Surface, replicates: int = 6) -> list[Row]:
    """Return rows of all experiments: values by a surface over experiment, case and replicate; None diverged."""
    return [
        row(name, metric.name, case_json(case), replicate, value, curve=curve(name, value),
            status="nonfinite" if value is None else "ok")
        for name, experiment in study.experiments.items()
        for metric in experiment.metrics
        if metric.name in ("accuracy", "sharpness")
        for case in experiment.cases
        for replicate in range(replicates)
        for value in [surface(name, case, replicate)]
    ]  # fmt: skip


def as_published(name: str, case: Any, replicate: int) -> float | None:
    """Return accuracies of which all that the thesis says of its grids is true."""
    noise = 0.01 * ((7 * case.first + 3 * case.second + replicate) % 1.0) + 0.003 * replicate
    if name == "cnn_baseline":
        return 98.5 + 0.05 * case.second + 0.008 * case.first + noise
    if name == "start_of_training":
        return 40_000 / (case.first * case.second**2) ** 3 * (1 + noise)
    upscaled = "upscaled" in name
    if (case.first, case.second) == (0.5, 0.5):
        return 98.9 + noise if name == "upscaled" else None
    order = 0.05 * case.first if name == "without_bias" else -0.1 * case.first
    slope = 4.0 if name == "upscaled_without_bias" else 0.25
    return (99.2 if upscaled else 99.1) - slope * (case.first * case.second - 0.35) + order + noise


def reversed_order(name: str, case: Any, replicate: int) -> float | None:
    """Return accuracies of which much of the opposite is true: larger scales do better, and smaller control kernels."""
    value = as_published(name, case, replicate)
    if name == "start_of_training":
        return 0.01 * case.second * (1 + 0.01 * replicate)
    if name == "upscaled":
        return 95 - 0.4 * case.first * case.second - (3 if case.first == case.second else 0) + 0.01 * replicate
    if name == "cnn_baseline":  # by more than the margins
        return None if value is None else 350 - 3 * value
    return None if value is None else 150 - value


@pytest.fixture(scope="module")
def published_rows() -> list[Row]:
    return rows_of(as_published)


@pytest.mark.parametrize("claim", FROM_GRIDS, ids=lambda claim: claim.id)
def test_without_runs_nothing_is_said(claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, [])
    finding = document.judge(study, claim)
    assert (finding.verdict, finding.more) == ("inconclusive", 5)
    assert "--profile paper --experiment" in finding.evidence


@pytest.mark.parametrize("claim", FROM_GRIDS, ids=lambda claim: claim.id)
def test_grids_as_published_are_judged_and_the_opposite_otherwise(
    claim: Claim, monkeypatch: pytest.MonkeyPatch, published_rows: list[Row]
) -> None:
    plant(monkeypatch, published_rows)
    values = evidence.evidence_of(study, claim)
    judge = JUDGES[claim.judge]
    verdict = judge.decide(claim, values).verdict
    assert (len(values.values), values.diverged) == (6, 0)
    if claim.judge == "order":
        assert verdict == "reproduced"
    assert judge.decide(claim, judge.plant(claim, values)).verdict != verdict


@pytest.mark.parametrize(
    "claim", ["exp1-taper", "exp2-scales", "exp2-half", "baseline-nine", "half-in-best", "exp1-instability"]
)
def test_reversed_grids_contradict(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, rows_of(reversed_order))
    assert found(claim).verdict == "not reproduced"


def test_a_replicate_without_a_cell_is_left_out(monkeypatch: pytest.MonkeyPatch, published_rows: list[Row]) -> None:
    plant(monkeypatch, [one for one in published_rows if (one.case, one.replicate) != (FIRST_CELL, 3)])
    for found, wanted in ((runs.exp1_best_runs(), 5), (runs.exp2_best_runs(), 5), (runs.baseline_best_runs(), 6)):
        assert isinstance(found, Runs)
        assert len(found.values) == wanted


FIRST_CELL = case_json(study.experiments["scale_grid"].cases[0])


def test_a_diverged_cell_is_there_and_gives_no_number() -> None:
    rows = rows_of(as_published, 1)
    grid = evidence.complete(rows, study.experiments["scale_grid"], "accuracy", **runs.CHOSEN)[0]
    assert len(grid) == 25
    assert grid[0.5, 0.5] is None


def test_what_a_test_shows_of_a_diverged_cell_counts_and_is_said(
    monkeypatch: pytest.MonkeyPatch, published_rows: list[Row]
) -> None:
    plant(monkeypatch, published_rows)
    said = found("exp1-half")
    assert (said.verdict, said.n) == ("reproduced", 6)
    assert "6 runs that diverged count as 9.8 %" in said.evidence
    assert "6 cells that diverged count as 9.8 %" in found("exp4-spread").evidence


def test_a_curve_that_diverged_settles_nowhere(monkeypatch: pytest.MonkeyPatch, published_rows: list[Row]) -> None:
    """Another pair than the one that the thesis says went wrong: its replicate gives no number."""
    assert published_rows[0].status == "ok"
    lost = case_json(study.experiments["scale_grid"].cases[1])
    rows = [one._replace(status="nonfinite", value=None, curve=None)
            if (one.experiment, one.case, one.replicate) == ("scale_grid", lost, 2) else one
            for one in published_rows]  # fmt: skip
    plant(monkeypatch, rows)
    said = found("faster-convergence")
    assert (said.verdict, said.n) == ("inconclusive", 5)
    assert said.evidence.endswith("1 of 6 diverged")
