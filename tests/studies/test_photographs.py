"""The stand-in for STL-10: whole, marked, its test images apart from its training images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from repro.data import read_verified, status
from repro.errors import InfrastructureError, IntegrityError
from studies.common import photographs
from studies.common.photographs import PHOTOGRAPHS, TILES


def test_stand_in_has_the_real_set_s_form():
    arrays = PHOTOGRAPHS.load()
    assert arrays["train_images"].shape == (60, 3, 96, 96)
    assert arrays["test_images"].shape == (20, 3, 96, 96)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.uint8)}
    assert np.bincount(arrays["train_labels"]).tolist() == [6] * 10
    assert np.bincount(arrays["test_labels"]).tolist() == [2] * 10
    assert PHOTOGRAPHS.stands_in_for == "stl10"


def test_training_and_test_images_share_no_pixel(monkeypatch):
    """Cut a photograph whose pixels are their own addresses."""

    def addresses(name):
        row, column = np.mgrid[:427, :640]
        return np.stack([row // 2, column // 3, row % 2 * 4 + column % 3], axis=2).astype(np.uint8)

    monkeypatch.setattr(photographs, "_pixels", addresses)
    arrays = photographs.read_photographs(None)
    seen = {
        part: {tuple(pixel) for pixel in arrays[f"{part}_images"].transpose(0, 2, 3, 1).reshape(-1, 3)[::7].tolist()}
        for part in ("train", "test")
    }
    assert not seen["train"] & seen["test"]
    rows = {part: {2 * half + low // 4 for half, _, low in pixels} for part, pixels in seen.items()}
    assert (min(rows["train"]), max(rows["train"])) == (0, 255)
    assert (min(rows["test"]), max(rows["test"])) == (256, 426)
    third_columns = 3 * arrays["train_images"][:, 1].astype(int)
    for label in range(10):
        mine = third_columns[arrays["train_labels"] == label] + 2
        assert mine.min() >= label % 5 * 128
        assert mine.max() - 2 < (label % 5 + 1) * 128


def test_images_are_upright_pieces_of_the_photographs():
    arrays = PHOTOGRAPHS.load()
    with Image.open(photographs._file("flower.jpg")) as image:
        flower = np.asarray(image)
    first_of_flower = arrays["train_images"][30].transpose(1, 2, 0)
    last_of_all = arrays["test_images"][-1].transpose(1, 2, 0)
    np.testing.assert_array_equal(first_of_flower, flower[:96, :96])
    np.testing.assert_array_equal(last_of_all, flower[-96:, 512:608])


def test_no_image_comes_twice():
    arrays = PHOTOGRAPHS.load()
    images = np.concatenate([arrays["train_images"], arrays["test_images"]]).reshape(80, -1)
    assert len(np.unique(images, axis=0)) == 80


def test_another_decoding_is_refused(monkeypatch):
    genuine = Image.Image.convert

    def lighter(self, mode):
        return genuine(self, mode).point(lambda value: value | 1)

    monkeypatch.setattr(Image.Image, "convert", lighter)
    with pytest.raises(IntegrityError, match=r"photograph china\.jpg of scikit-learn: expected pixels .*, got ") as got:
        read_verified(PHOTOGRAPHS)
    assert str(got.value).endswith("may decode it differently: install the locked packages")
    assert "\n" not in str(got.value)


def test_without_scikit_learn_it_says_so(monkeypatch):
    monkeypatch.setattr(photographs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InfrastructureError, match="pip install scikit-learn"):
        read_verified(PHOTOGRAPHS)
    assert status(PHOTOGRAPHS).state == "absent"


def test_scikit_learn_without_the_photographs_says_so(monkeypatch):
    monkeypatch.setitem(photographs.PIXEL_SHA256, "moon.jpg", "")
    with pytest.raises(InfrastructureError, match=r"has no datasets/images/moon\.jpg; install the locked"):
        photographs.read_photographs(None)


class TestTiles:
    def test_they_have_the_form_of_cifar10(self):
        arrays = TILES.load()
        assert arrays["train_images"].shape == (320, 3, 32, 32)
        assert arrays["test_images"].shape == (200, 3, 32, 32)
        assert TILES.stands_in_for == "cifar10"

    def test_they_lie_row_by_row_and_training_tiles_above_test_tiles(self):
        with Image.open(photographs._file("flower.jpg")) as image:
            pixels = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
        arrays = TILES.load()
        assert np.array_equal(arrays["train_images"][160 + 21], pixels[:, 32:64, 32:64])
        assert np.array_equal(arrays["test_images"][100 + 19], pixels[:, 256:288, 608:640])
