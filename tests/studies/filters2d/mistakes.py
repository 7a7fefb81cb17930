"""Mistakes that are easily made, each with the runs that show it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from studies.filters2d import model
from studies.filters2d.data import shapes, signals
from studies.filters2d.measured import outlines, transforms
from tests.studies.goldens import Mistake


def mosaic_shifted_by_a_pixel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "mosaic", partial(signals.mosaic, row=1))


def labels_shuffled(patch: pytest.MonkeyPatch) -> None:
    """Give three images of 60 the labels of three others."""
    drawn = shapes.outlines

    def wrong(*given: Any) -> tuple[Tensor, Tensor]:
        images, classes = drawn(*given)
        classes[:3] = 1 - classes[:3]
        return images, classes

    patch.setattr(shapes, "outlines", wrong)


def evaluation_mode_forgotten(patch: pytest.MonkeyPatch) -> None:
    @torch.no_grad()
    def wrong(network: nn.Module, x_N: Tensor, *, batch_statistics: bool = False) -> Tensor:
        return network.train()(x_N)

    patch.setattr(outlines, "answers", wrong)


def normalisation_omitted(patch: pytest.MonkeyPatch) -> None:
    images_of = transforms.images_of
    patch.setattr(transforms, "images_of", lambda run, part, plan: 255 * images_of(run, part, plan))


def filter_turned(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "SIGMAS", signals.SIGMAS[::-1])


def transfer_function_omitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(signals, "linear_light", lambda rgb: rgb)


def wider_boundary(patch: pytest.MonkeyPatch) -> None:
    boundary = shapes.boundary
    patch.setattr(shapes, "boundary", lambda blobs: torch.maximum(boundary(blobs), boundary(1 - blobs)))


def hidden_layer_left_out(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(model, "image_to_image", lambda *given: nn.Conv2d(1, 1, 11, padding=5))


MISTAKES = (
    Mistake(mosaic_shifted_by_a_pixel, "shown_data", ("generator=mosaic",)),
    Mistake(labels_shuffled, "shown_data", ("generator=square_rectangle",)),
    Mistake(evaluation_mode_forgotten, "evaluation_modes"),
    Mistake(normalisation_omitted, "shown_data", ("generator=colour",)),
    Mistake(filter_turned, "shown_data", ("generator=dots",)),
    Mistake(transfer_function_omitted, "shown_data", ("generator=colour",)),
    Mistake(wider_boundary, "shown_data", ("generator=boundary",)),
    Mistake(hidden_layer_left_out, "channel_inverse", ("hidden=relu", "optimiser=adam")),
)
