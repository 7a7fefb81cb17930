"""Mistakes that are easily made, each with the runs of the smoke profile that show it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from torch import Tensor, nn

from studies.dagnets import training
from studies.dagnets.measured import detached, moments
from studies.dagnets.model import convolutional
from tests.studies.goldens import Mistake, shuffle_labels


def adam_without_its_power(patch: pytest.MonkeyPatch) -> None:
    adam = moments.adam

    def powerless(form: moments.AdamForm, *given: object) -> list[list[float]]:
        return adam("slide" if form == "corrected" else form, *given)

    patch.setattr(moments, "adam", powerless)


def some_training_labels_shuffled(patch: pytest.MonkeyPatch) -> None:
    shuffle_labels(patch, training)


def normalisation_omitted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(training, "moments_of", lambda _: (0.0, 1.0))


def detach_forgotten(patch: pytest.MonkeyPatch) -> None:
    descend = detached.descend
    patch.setattr(detached, "descend", lambda rates_R, *, detach: descend(rates_R, detach=False))


def transposed_weights(patch: pytest.MonkeyPatch) -> None:
    convolution_of = convolutional.convolution_of

    def transposed(linear: nn.Linear, size_CHW: Sequence[int]) -> nn.Conv2d:
        made = convolution_of(linear, size_CHW)
        weight: Tensor = made.weight.data
        made.weight.data = weight.transpose(2, 3).contiguous()
        return made

    patch.setattr(convolutional, "convolution_of", transposed)


MISTAKES: tuple[Mistake, ...] = (
    Mistake(adam_without_its_power, "adam_forms", ("form=corrected",)),
    Mistake(some_training_labels_shuffled, "shown_images", ("part=train",)),
    Mistake(normalisation_omitted, "shown_images", ("part=test",)),
    Mistake(detach_forgotten, "detached_pair", ("eta=0.1",)),
    Mistake(transposed_weights, "convolutionized", ("network=lenet5",)),
)
