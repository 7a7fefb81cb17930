"""Mistakes that are easily made in the layer and in training, and the runs that show them."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studies.rbf.model import layer
from studies.rbf.model.network import DeepRBF
from studies.rbf.training import fitting
from tests.studies.goldens import Mistake, shuffle_labels


def sigma_for_its_square(patch: pytest.MonkeyPatch) -> None:
    def gaussians(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: layer.Form = "product") -> Tensor:
        return torch.exp(-layer.SQUARED[form](x_BD, w_KD) / (2 * sigma_K))

    patch.setattr(layer, "gaussians", gaussians)


def distance_squared_twice(patch: pytest.MonkeyPatch) -> None:
    def gaussians(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: layer.Form = "product") -> Tensor:
        return torch.exp(-layer.SQUARED[form](x_BD, w_KD).square() / (2 * sigma_K.square()))

    patch.setattr(layer, "gaussians", gaussians)


def some_training_labels_shuffled(patch: pytest.MonkeyPatch) -> None:
    shuffle_labels(patch, fitting)


def evaluation_mode_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(DeepRBF, "eval", lambda network: network.train())


def pixels_not_divided(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fitting, "divided_by", lambda _: lambda images: images.unsqueeze(1).to(torch.float32))


LAYER = ("features=2", "centres=100", "form=product")

MISTAKES: tuple[Mistake, ...] = (
    Mistake(sigma_for_its_square, "layer_algebra", LAYER),
    Mistake(distance_squared_twice, "layer_algebra", LAYER),
    Mistake(some_training_labels_shuffled, "shown_images", ("part=train",)),
    Mistake(evaluation_mode_forgotten, "shown_images", ("part=test",)),
    Mistake(pixels_not_divided, "shown_images", ("part=test",)),
)
