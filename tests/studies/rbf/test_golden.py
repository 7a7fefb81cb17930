"""The smoke golden passes with the committed code and fails with each of the mistakes that are easily made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from repro.errors import DEVIATION
from repro.golden.findings import CheckResult, render
from studies.common.training import Labelled
from studies.rbf import layer, train
from studies.rbf.network import DeepRBF
from tests.studies.goldens import check_with, fresh_runs

Plant = Callable[[pytest.MonkeyPatch], None]
SHUFFLED = 0.05


def check(experiment: str, *where: str) -> CheckResult:
    return check_with("rbf", fresh_runs("rbf", experiments=[experiment], where=where))


def sigma_for_its_square(patch: pytest.MonkeyPatch) -> None:
    def gaussians(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: layer.Form = "product") -> Tensor:
        return torch.exp(-layer.SQUARED[form](x_BD, w_KD) / (2 * sigma_K))

    patch.setattr(layer, "gaussians", gaussians)


def distance_squared_twice(patch: pytest.MonkeyPatch) -> None:
    def gaussians(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: layer.Form = "product") -> Tensor:
        return torch.exp(-layer.SQUARED[form](x_BD, w_KD).square() / (2 * sigma_K.square()))

    patch.setattr(layer, "gaussians", gaussians)


def some_training_labels_shuffled(patch: pytest.MonkeyPatch) -> None:
    resident = train.resident

    def shuffled(run: object, *parts: str, classes: int) -> tuple[Labelled, ...]:
        whole, *others = resident(run, *parts, classes=classes)
        draw = torch.Generator().manual_seed(0)
        chosen = torch.randperm(len(whole), generator=draw)[: round(SHUFFLED * len(whole))]
        labels = whole.labels_N.clone()
        labels[chosen] = labels[chosen[torch.randperm(len(chosen), generator=draw)]]
        return Labelled(whole.images, labels), *others

    patch.setattr(train, "resident", shuffled)


def evaluation_mode_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeepRBF, "eval", lambda network: network.train())


def pixels_not_divided(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(train, "divided_by", lambda _: lambda images: images.unsqueeze(1).to(torch.float32))


LAYER = ("layer_algebra", "features=2", "centres=100", "form=product")
MISTAKES: dict[Plant, tuple[str, ...]] = {
    sigma_for_its_square: LAYER,
    distance_squared_twice: LAYER,
    some_training_labels_shuffled: ("shown_images", "part=train"),
    evaluation_mode_forgotten: ("shown_images", "part=test"),
    pixels_not_divided: ("shown_images", "part=test"),
}


@pytest.mark.parametrize("where", dict.fromkeys(MISTAKES.values()), ids=" ".join)
def test_what_is_made_anew_passes(where: tuple[str, ...]) -> None:
    result = check(*where)
    assert result.exit_code == 0, render(result)


@pytest.mark.parametrize("plant", MISTAKES, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_a_deviation(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    result = check(*MISTAKES[plant])
    assert result.exit_code == 1, render(result)


def test_only_the_network_s_answers_tell_a_forgotten_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what catches it is the mode: what the network is shown stays the same."""
    evaluation_mode_forgotten(monkeypatch)
    findings = check("shown_images", "part=test").findings
    moved = {finding.metric for finding in findings if finding.code == DEVIATION}
    assert moved
    assert all(metric.startswith("network_") for metric in moved)
