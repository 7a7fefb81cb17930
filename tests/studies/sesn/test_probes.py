"""The figures of STL-10's training transform are those that follow from the protocol, and show another recipe."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from studies.sesn.data.transforms import Recipe, augment, cutout, flip, pad_and_crop, prepare
from studies.sesn.measured import probes
from studies.sesn.measured.probes import transform_statistics

BLACK = (-1.7161, -1.7140, -1.4987)  # of the protocol: padding is black before normalisation

# Of one image: expected value and SD. A hole's side at centre c is min(c, 16) + min(96 - c, 16), c uniform over 0..95.
SIDES = [min(centre, 16) + min(96 - centre, 16) for centre in range(96)]
FULL = (sum(side == 32 for side in SIDES) / 96) ** 2
FIGURES = {
    "hole_side": (np.mean(SIDES), np.std(SIDES) / math.sqrt(2)),
    "hole_area": (np.mean(SIDES) ** 2, np.std(np.outer(SIDES, SIDES))),
    "full_hole_share": (FULL, math.sqrt(FULL * (1 - FULL))),
    "flip_share": (0.5, 0.5),
    "shift_mean": (0, math.sqrt((25**2 - 1) / 12) / math.sqrt(2)),
}
COUNT = 2000


def deviations(found):
    """Return by how many SDs of the mean of COUNT images each figure is off."""
    return {name: abs(found[name] - mean) / (sd / math.sqrt(COUNT)) for name, (mean, sd) in FIGURES.items()}


@pytest.fixture(scope="module")
def figures():
    return transform_statistics(0, COUNT)


def test_figures_are_those_the_protocol_names():
    assert [round(float(FIGURES[name][0]), 3) for name in ("hole_side", "hole_area", "full_hole_share")] == [
        29.333,
        860.444,
        0.458,
    ]


def test_transform_has_the_protocol_s_figures(figures):
    assert max(deviations(figures).values()) < 4
    assert (figures["shift_lowest"], figures["shift_highest"]) == (-12, 12)
    assert figures["shift_sd"] == pytest.approx(math.sqrt((25**2 - 1) / 12), rel=0.05)
    padding = [figures[f"padding_{colour}"] for colour in ("red", "green", "blue")]
    assert [round(value, 4) for value in padding] == list(BLACK)


def test_figures_follow_the_seed(figures):
    assert transform_statistics(0, COUNT) == figures
    assert transform_statistics(1, COUNT)["hole_area"] != figures["hole_area"]


@pytest.mark.parametrize(
    ("recipe", "names"),
    [
        (Recipe(hole=16), ["hole_side", "hole_area", "full_hole_share"]),
        (Recipe(hole=34), ["hole_side", "hole_area", "full_hole_share"]),
        (Recipe(flip=0.25), ["flip_share"]),
    ],
    ids=str,
)
def test_figures_show_another_recipe(recipe, names):
    off = deviations(transform_statistics(0, COUNT, recipe))
    assert [name for name, sds in off.items() if sds > 5] == names


def test_figures_show_another_padding():
    found = transform_statistics(0, COUNT, Recipe(padding=4))
    assert (found["shift_lowest"], found["shift_highest"]) == (-4, 4)
    assert found["shift_sd"] == pytest.approx(math.sqrt(80 / 12), rel=0.05)
    assert math.isnan(transform_statistics(0, 10, Recipe(padding=0))["padding_red"])


def normalised_first(images, draws, recipe):
    x = pad_and_crop(prepare(images, recipe), draws.offsets_B2, recipe.padding)
    return cutout(flip(x, draws.flipped_B), draws.centres_B2, recipe.hole)


def hole_before_normalisation(images, draws, recipe):
    cropped = flip(pad_and_crop(images, draws.offsets_B2, recipe.padding), draws.flipped_B)
    return prepare(cutout(cropped, draws.centres_B2, recipe.hole), recipe)


def hole_before_crop(images, draws, recipe):
    x = cutout(prepare(images, recipe), draws.centres_B2, recipe.hole)
    return pad_and_crop(x, draws.offsets_B2, recipe.padding)


def hole_not_cut_off(images, draws, recipe):
    inside = dataclasses.replace(draws, centres_B2=draws.centres_B2.clamp(16, 80))
    return augment(images, inside, recipe)


@pytest.mark.parametrize("mistake", [normalised_first, hole_before_normalisation, hole_before_crop, hole_not_cut_off])
def test_figures_show_another_order_or_fill(monkeypatch, mistake):
    monkeypatch.setattr(probes, "augment", mistake)
    assert max(deviations(transform_statistics(0, COUNT)).values()) > 5
