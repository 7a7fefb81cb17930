"""The training transform of STL-10: each step against its definition."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from repro.errors import UsageError
from studies.common.randomness import stream
from studies.sesn.data.transforms import (
    PROTOCOL,
    STL10_MEAN,
    STL10_STD,
    Draws,
    Recipe,
    augment,
    channel_statistics,
    cutout,
    draw,
    flip,
    normalise,
    pad_and_crop,
    prepare,
    recipe_for,
)

BLACK = (-1.7161, -1.7140, -1.4987)  # of the protocol: padding is black before normalisation


def images(count, side=96, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=generator)


# Crop


@given(st.integers(0, 24), st.integers(0, 24))
def test_crop_is_a_window_of_the_padded_image(row, column):
    image = images(1)
    padded = np.pad(image[0].numpy(), ((0, 0), (12, 12), (12, 12)))
    found = pad_and_crop(image, torch.tensor([[row, column]]), 12)
    np.testing.assert_array_equal(found[0], padded[:, row : row + 96, column : column + 96])


def test_every_image_gets_its_own_crop():
    batch, offsets = images(4), torch.tensor([[0, 0], [24, 24], [12, 12], [5, 20]])
    together = pad_and_crop(batch, offsets, 12)
    for number in range(4):
        alone = pad_and_crop(batch[number : number + 1], offsets[number : number + 1], 12)
        assert torch.equal(together[number], alone[0])
    assert torch.equal(together[2], batch[2])
    assert not together[0, :, :12].any()
    assert not together[0, :, :, :12].any()
    assert torch.equal(together[1, :, :84, :84], batch[1, :, 12:, 12:])


def test_crop_of_images_that_are_not_square():
    batch = images(2)[:, :, :40]
    assert torch.equal(pad_and_crop(batch, torch.tensor([[3, 3]] * 2), 3), batch)


def test_a_corner_outside_the_padded_image_is_refused():
    with pytest.raises(IndexError):
        pad_and_crop(images(1), torch.tensor([[9, 0]]), 4)


# Flip, normalisation


def test_flip_mirrors_left_and_right_where_asked():
    batch = images(3)
    found = flip(batch, torch.tensor([True, False, True]))
    assert torch.equal(found[1], batch[1])
    assert torch.equal(found[0, :, 5, 0], batch[0, :, 5, 95])
    assert torch.equal(flip(found, torch.tensor([True, False, True])), batch)


def test_normalisation_is_torchvision_s_bit_for_bit():
    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.transforms import functional as vision

    every_value = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    wanted = vision.normalize(vision.to_tensor(every_value), STL10_MEAN, STL10_STD)
    assert torch.equal(
        normalise(torch.from_numpy(every_value).permute(2, 0, 1)[None], STL10_MEAN, STL10_STD)[0], wanted
    )


def test_test_images_are_normalised_and_nothing_else():
    batch = images(2)
    assert torch.equal(prepare(batch), normalise(batch, STL10_MEAN, STL10_STD))
    assert prepare(batch).dtype == torch.float32


def test_black_after_normalisation_is_the_protocol_s():
    found = prepare(torch.zeros(1, 3, 1, 1, dtype=torch.uint8)).flatten()
    assert [round(value, 4) for value in found.tolist()] == list(BLACK)


# Cutout


@given(st.integers(0, 95), st.integers(0, 95), st.sampled_from([0, 2, 16, 32, 96, 200]))
def test_hole_is_the_square_around_its_centre_cut_at_the_border(row, column, side):
    found = cutout(torch.ones(1, 3, 96, 96), torch.tensor([[row, column]]), side)
    wanted = np.ones((3, 96, 96), np.float32)
    wanted[:, max(row - side // 2, 0) : row + side // 2, max(column - side // 2, 0) : column + side // 2] = 0
    np.testing.assert_array_equal(found[0], wanted)


def test_every_image_gets_its_own_hole():
    x, centres = torch.randn(3, 3, 96, 96), torch.tensor([[0, 0], [95, 95], [48, 20]])
    found = cutout(x, centres, 32)
    assert [int((image[0] == 0).sum()) for image in found] == [16 * 16, 17 * 17, 32 * 32]
    assert not found[2, :, 32:64, 4:36].any()
    kept = found != 0
    assert torch.equal(found[kept], x[kept])


# The steps together


def test_order_is_crop_flip_normalise_cutout():
    """A corner of padding with a hole across its edge, mirrored: where each value lies shows the order."""
    white = torch.full((1, 3, 96, 96), 255, dtype=torch.uint8)
    draws = Draws(torch.tensor([[0, 12]]), torch.tensor([True]), torch.tensor([[12, 10]]))
    found = augment(white, draws)[0]
    black, light = (prepare(torch.full((1, 3, 1, 1), value, dtype=torch.uint8))[0] for value in (0, 255))
    wanted = light.expand(3, 96, 96).clone()
    wanted[:, :12] = black
    wanted[:, :28, :26] = 0
    assert torch.equal(found, wanted)
    draws = Draws(torch.tensor([[12, 24]]), torch.tensor([True]), torch.tensor([[95, 95]]))
    found = augment(white, draws)[0]
    assert torch.equal(found[:, :79, :12], black.expand(3, 79, 12))  # the right margin, mirrored


@pytest.mark.parametrize("seed", [0, 1])
def test_transform_is_torchvision_s_on_pil_images(seed):
    """Feed the same draws to the steps that the released code names, image by image."""
    from PIL import Image

    from studies.common.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.transforms import functional as vision

    batch, draws = images(4, seed=seed), draw(4, stream(seed, "test"))
    found = augment(batch, draws)
    for number, image in enumerate(batch):
        row, column = draws.offsets_B2[number].tolist()
        picture = Image.fromarray(image.permute(1, 2, 0).numpy())
        picture = vision.crop(vision.pad(picture, [12]), row, column, 96, 96)
        picture = vision.hflip(picture) if draws.flipped_B[number] else picture
        x = vision.normalize(vision.to_tensor(picture), STL10_MEAN, STL10_STD)
        top, left = (draws.centres_B2[number] - 16).tolist()
        x[:, max(top, 0) : top + 32, max(left, 0) : left + 32] = 0
        assert torch.equal(found[number], x)


def test_images_stay_as_they_are():
    batch = images(2)
    before = batch.clone()
    augment(batch, draw(2, stream(0, "test")))
    assert torch.equal(batch, before)


# Draws


def drawn(seed, count=62_500, **options):
    return draw(count, torch.Generator().manual_seed(seed), **options)


def test_same_seed_same_draws_other_seed_others():
    one, same, other = drawn(3), drawn(3), drawn(4)
    for field in dataclasses.fields(Draws):
        assert torch.equal(getattr(one, field.name), getattr(same, field.name))
        assert not torch.equal(getattr(one, field.name), getattr(other, field.name))


def test_moving_draws_keeps_them():
    one = drawn(3, 4)
    moved = one.to("cpu")
    assert all(torch.equal(getattr(one, field.name), getattr(moved, field.name)) for field in dataclasses.fields(Draws))


def p_of_uniform(numbers, kinds):
    counts = torch.bincount(numbers, minlength=kinds)
    assert len(counts) == kinds
    return stats.chisquare(counts.numpy()).pvalue


def test_offsets_and_centres_are_uniform_and_flips_fair():
    """Chi-squared over the 25 x 25 offsets and 96 x 96 centres; the seed is fixed, so that no run fails by chance."""
    draws = drawn(0)
    assert p_of_uniform(draws.offsets_B2 @ torch.tensor([25, 1]), 625) > 0.01
    assert p_of_uniform(draws.centres_B2 @ torch.tensor([96, 1]), 96 * 96) > 0.01
    assert stats.binomtest(int(draws.flipped_B.sum()), len(draws.flipped_B), 0.5).pvalue > 0.01


def test_draws_of_one_kind_tell_nothing_of_another():
    draws = drawn(0)
    columns = [*draws.offsets_B2.unbind(1), draws.flipped_B, *draws.centres_B2.unbind(1)]
    correlations = np.corrcoef(torch.stack([column.double() for column in columns]).numpy())
    assert np.abs(correlations - np.eye(5)).max() < 4 / math.sqrt(62_500)


@pytest.mark.parametrize(("padding", "side"), [(0, 8), (4, 96), (12, 40)])
def test_draws_stay_inside(padding, side):
    draws = drawn(0, 2000, recipe=Recipe(padding=padding), side=side)
    assert (int(draws.offsets_B2.min()), int(draws.offsets_B2.max())) == (0, 2 * padding)
    assert (int(draws.centres_B2.min()), int(draws.centres_B2.max())) == (0, side - 1)


# Statistics of the channels


def test_channel_statistics_are_numpy_s():
    batch = images(230, side=20)
    mean, std = channel_statistics(batch)
    pixels = batch.permute(1, 0, 2, 3).flatten(1).numpy() / 255
    np.testing.assert_allclose(mean, pixels.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.std(axis=1), rtol=1e-12)


def test_channels_normalised_by_their_own_statistics_are_standard():
    batch = images(50, side=20) // torch.tensor([1, 2, 3], dtype=torch.uint8)[:, None, None]
    recipe = recipe_for(batch)
    x = prepare(batch, recipe).double()
    assert (recipe.padding, recipe.flip, recipe.hole) == (12, 0.5, 32)
    torch.testing.assert_close(x.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-6)
    torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(3, dtype=torch.float64), rtol=0, atol=1e-6)


def test_sums_of_a_whole_training_set_stay_exact():
    """Half the pixels of 5,000 images at the brightest, half black: mean and SD are a half."""
    image = torch.zeros(1, 1, 96, 96, dtype=torch.uint8)
    image[..., ::2] = 255
    assert channel_statistics(image.expand(5000, -1, -1, -1)) == ((0.5,), (0.5,))


def test_published_statistics_are_those_of_all_pixels(shared):
    """246 real images come near the published figures, whose SD runs over all pixels, not over those of one image."""
    table = shared / "stl10-sample" / "unlabelled.parquet"
    if not table.is_file():
        pytest.skip(f"no {table.parent.name}/{table.name} in the folder of real data")
    import io

    import pyarrow.parquet as pq
    from PIL import Image

    pictures = [
        np.asarray(Image.open(io.BytesIO(png)).convert("RGB")) for png in pq.read_table(table)["png"].to_pylist()
    ]
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    assert batch.shape == (246, 3, 96, 96)
    mean, std = channel_statistics(batch)
    np.testing.assert_allclose(mean, STL10_MEAN, atol=0.03)
    np.testing.assert_allclose(std, STL10_STD, atol=0.02)
    of_one_image = batch.double().std((2, 3)).mean(0) / 255
    assert (of_one_image < torch.tensor(STL10_STD) - 0.02).all()


@pytest.mark.parametrize(
    "wrong", [{"padding": -1}, {"flip": 1.5}, {"hole": 31}, {"hole": -2}, {"mean": (0.5,)}, {"std": (1.0, 0.0, 1.0)}]
)
def test_a_recipe_that_cannot_be_is_refused(wrong):
    with pytest.raises(UsageError, match=r"image transform: wanted .* got ") as caught:
        Recipe(**wrong)
    assert "\n" not in str(caught.value)


def test_constant_channel_is_refused():
    with pytest.raises(UsageError, match="is a channel constant"):
        recipe_for(torch.zeros(2, 3, 4, 4, dtype=torch.uint8))


def test_protocol_is_the_default():
    assert Recipe() == PROTOCOL == Recipe(12, 0.5, 32, (0.4467, 0.4398, 0.4066), (0.2603, 0.2566, 0.2713))
