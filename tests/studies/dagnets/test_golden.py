"""The smoke golden passes with the committed code and fails with each of the mistakes that are easily made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from repro.golden import findings
from studies.common.training import Labelled
from studies.dagnets import detached, fully_convolutional, moments, train
from tests.studies.goldens import check_with, fresh_runs

Plant = Callable[[pytest.MonkeyPatch], None]
SHUFFLED = 0.05


def check(experiment: str, *where: str) -> findings.CheckResult:
    return check_with("dagnets", fresh_runs("dagnets", experiments=[experiment], where=where))


def adam_without_its_power(patch: pytest.MonkeyPatch) -> None:
    adam = moments.adam

    def powerless(form: moments.AdamForm, *given: object) -> list[list[float]]:
        return adam("slide" if form == "corrected" else form, *given)

    patch.setattr(moments, "adam", powerless)


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


def normalisation_omitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(train, "moments_of", lambda _: (0.0, 1.0))


def detach_forgotten(patch: pytest.MonkeyPatch) -> None:
    descend = detached.descend
    patch.setattr(detached, "descend", lambda rates_R, *, detach: descend(rates_R, detach=False))


def transposed_weights(patch: pytest.MonkeyPatch) -> None:
    convolution_of = fully_convolutional.convolution_of

    def transposed(linear: nn.Linear, size_CHW: Sequence[int]) -> nn.Conv2d:
        made = convolution_of(linear, size_CHW)
        weight: Tensor = made.weight.data
        made.weight.data = weight.transpose(2, 3).contiguous()
        return made

    patch.setattr(fully_convolutional, "convolution_of", transposed)


MISTAKES: dict[Plant, tuple[str, ...]] = {
    adam_without_its_power: ("adam_forms", "form=corrected"),
    some_training_labels_shuffled: ("shown_images", "part=train"),
    normalisation_omitted: ("shown_images", "part=test"),
    detach_forgotten: ("detached_pair", "eta=0.1"),
    transposed_weights: ("convolutionized", "network=lenet5"),
}


@pytest.mark.parametrize("where", dict.fromkeys(MISTAKES.values()), ids=" ".join)
def test_what_is_made_anew_passes(where: tuple[str, ...]) -> None:
    result = check(*where)
    assert result.exit_code == 0, findings.render(result)


@pytest.mark.parametrize("plant", MISTAKES, ids=lambda plant: plant.__name__)
def test_a_planted_mistake_is_a_deviation(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    result = check(*MISTAKES[plant])
    assert result.exit_code == 1, findings.render(result)
