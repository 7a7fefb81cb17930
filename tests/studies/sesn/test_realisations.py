"""Realisations beside what was published of them."""

from __future__ import annotations

import numpy as np
import pytest

from studies.sesn.measured import realisations
from studies.sesn.measured.realisations import pixel_moments, realisation_figures

PARTS = ("train", "val", "test")


def toy(seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    counts = dict(zip(PARTS, (6, 2, 4), strict=True))
    return {
        f"{part}_{what}": draw.integers(0, top, (count, *shape), dtype=np.uint8)
        for part, count in counts.items()
        for what, top, shape in (("images", 256, (28, 28)), ("labels", 10, ()))
    }


def test_moments_are_those_of_all_pixels() -> None:
    images = toy()["train_images"]
    assert pixel_moments(images) == pytest.approx((images.mean() / 255, images.std() / 255), rel=1e-12)


class TestFigures:
    @pytest.fixture(autouse=True)
    def known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the toy be what was published as realisation 0."""
        arrays = toy()
        parts = {part: realisations.pixel_sha256(arrays[f"{part}_images"]) for part in PARTS}
        monkeypatch.setattr(realisations, "PIXEL_SHA256", [parts])
        monkeypatch.setattr(realisations, "PNG_MD5", [realisations.png_md5(arrays)])

    def test_the_same_images_are_equal(self) -> None:
        figures = realisation_figures(toy(), 0)
        assert (figures["equal_parts"], figures["equal_files"]) == (3, 1)
        assert [figures[f"{part}_images"] for part in PARTS] == [6, 2, 4]

    def test_one_pixel_is_noticed(self) -> None:
        arrays = toy()
        arrays["test_images"][1, 2, 3] ^= 1
        figures = realisation_figures(arrays, 0)
        assert (figures["equal_parts"], figures["equal_files"]) == (2, 0)

    def test_other_labels_move_the_files(self) -> None:
        arrays = toy()
        arrays["test_labels"] = 9 - arrays["test_labels"]
        figures = realisation_figures(arrays, 0)
        assert (figures["equal_parts"], figures["equal_files"]) == (3, 0)
