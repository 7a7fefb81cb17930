"""The smoke golden passes with the committed code and fails with each of the mistakes that are easily made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from repro.golden import findings
from studies.filters2d import inspected, learned, networks, shapes, shapes_learned, signals
from tests.studies.goldens import check_with, fresh_runs

Plant = Callable[[pytest.MonkeyPatch], None]


def check(experiment: str, *where: str) -> findings.CheckResult:
    return check_with("filters2d", fresh_runs("filters2d", experiments=[experiment], where=where))


def mosaic_shifted_by_a_pixel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "mosaic", partial(signals.mosaic, row=1))


def labels_shuffled(patch: pytest.MonkeyPatch) -> None:
    """Give three images of 60 the labels of three others."""
    outlines = shapes.outlines

    def wrong(*given: Any) -> tuple[Tensor, Tensor]:
        images, classes = outlines(*given)
        classes[:3] = 1 - classes[:3]
        return images, classes

    patch.setattr(shapes, "outlines", wrong)


def evaluation_mode_forgotten(patch: pytest.MonkeyPatch) -> None:
    @torch.no_grad()
    def wrong(network: nn.Module, x_N: Tensor, *, batch_statistics: bool = False) -> Tensor:
        return network.train()(x_N)

    patch.setattr(inspected, "answers", wrong)
    patch.setattr(shapes_learned, "answers", wrong)


def normalisation_omitted(patch: pytest.MonkeyPatch) -> None:
    images_of = learned.images_of
    patch.setattr(learned, "images_of", lambda run, part, plan: 255 * images_of(run, part, plan))


def filter_turned(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "SIGMAS", signals.SIGMAS[::-1])


def transfer_function_omitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "linear_light", lambda rgb: rgb)


def wider_boundary(patch: pytest.MonkeyPatch) -> None:
    boundary = shapes.boundary
    patch.setattr(shapes, "boundary", lambda blobs: torch.maximum(boundary(blobs), boundary(1 - blobs)))


def hidden_layer_left_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(networks, "image_to_image", lambda *given: nn.Conv2d(1, 1, 11, padding=5))


MISTAKES: dict[Plant, tuple[str, ...]] = {
    mosaic_shifted_by_a_pixel: ("shown_data", "generator=mosaic"),
    labels_shuffled: ("shown_data", "generator=square_rectangle"),
    evaluation_mode_forgotten: ("evaluation_modes",),
    normalisation_omitted: ("shown_data", "generator=colour"),
    filter_turned: ("shown_data", "generator=dots"),
    transfer_function_omitted: ("shown_data", "generator=colour"),
    wider_boundary: ("shown_data", "generator=boundary"),
    hidden_layer_left_out: ("channel_inverse", "hidden=relu", "optimiser=adam"),
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
