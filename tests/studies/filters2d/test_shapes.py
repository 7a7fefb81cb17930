"""Outlines and blobs: what they are, where they can lie, and that classes are what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.errors import UsageError
from studies.common.randomness import stream
from studies.filters2d.cases import Pair
from studies.filters2d.data import shapes


def sides(image: np.ndarray) -> tuple[int, int]:
    """Return height and width (pixels) of what is drawn in an image."""
    rows, columns = np.nonzero(image)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


class TestOutlines:
    def test_a_rectangle_is_an_outline_of_its_half_sides(self) -> None:
        image = np.zeros((40, 40))
        shapes.rectangle(image, 20, 18, 9, 6)
        assert sides(image) == (13, 19)
        assert image.sum() == 2 * (13 + 19) - 4
        assert image[18, 20] == 0

    @pytest.mark.parametrize("radius", range(5, 15))
    def test_a_circle_is_closed_and_round(self, radius: int) -> None:
        from scipy import ndimage

        image = np.zeros((40, 40))
        shapes.circle(image, 20, 20, radius)
        assert sides(image) == (2 * radius + 1, 2 * radius + 1)
        assert np.array_equal(image, image.T)
        assert np.array_equal(image[1:, 1:], image[:0:-1, 1:])
        assert ndimage.label(image == 0)[1] == 2

    def test_rectangles_told_from_squares_differ_by_two_or_more(self) -> None:
        draw = np.random.default_rng(0)
        pairs = {shapes.half_sides("square_rectangle", 1, draw) for _ in range(500)}
        assert pairs == {(8, 10), (8, 11), (9, 11), (10, 8), (11, 8), (11, 9)}
        squares = {shapes.half_sides("square_rectangle", 0, draw) for _ in range(200)}
        assert squares == {(half, half) for half in (8, 9, 10, 11)}

    def test_against_circles_stand_rectangles_of_any_sides(self) -> None:
        draw = np.random.default_rng(0)
        pairs = {shapes.half_sides("circle_square", 0, draw) for _ in range(1000)}
        assert len(pairs) == 16

    @pytest.mark.parametrize("pair", ["circle_square", "square_rectangle"])
    def test_images_are_repeatable_and_classes_balanced(self, pair: Pair) -> None:
        images, classes = shapes.outlines(pair, 600, 48, stream(3, "a"))
        again, same = shapes.outlines(pair, 600, 48, stream(3, "a"))
        other, _ = shapes.outlines(pair, 600, 48, stream(4, "a"))
        assert torch.equal(images, again)
        assert torch.equal(classes, same)
        assert not torch.equal(images, other)
        assert images.shape == (600, 1, 48, 48)
        assert 0.4 < float(classes.double().mean()) < 0.6

    def test_labels_are_those_of_the_shapes(self) -> None:
        """A square's dark outline is as high as wide; measured on the blurred image, above half its maximum."""
        images, classes = shapes.outlines("square_rectangle", 60, 48, stream(5, "a"))
        for image, label in zip(images[:, 0].numpy(), classes.tolist(), strict=True):
            height, width = sides(image > 0.5)
            assert (abs(height - width) >= 2) == bool(label)

    def test_positions_and_small_images(self) -> None:
        assert shapes.positions(128) == 7744
        assert shapes.positions(48) == 64
        with pytest.raises(UsageError, match="more than 40 pixels a side, got 40"):
            shapes.positions(40)
        with pytest.raises(UsageError, match="unknown pair 'star'"):
            shapes.outlines("star", 2, 48, stream(0, "a"))  # type: ignore[arg-type]


class TestBlobs:
    def test_three_tenths_are_filled_and_edges_belong_to_them(self) -> None:
        whole = shapes.blobs(20, 64, stream(0, "blobs"))
        edges = shapes.boundary(whole)
        assert float(whole.mean()) == pytest.approx(0.3, abs=1e-3)
        assert float((edges * (1 - whole)).sum()) == 0
        assert 0 < float(edges.mean()) < 0.1

    def test_the_boundary_of_a_square_is_its_outline(self) -> None:
        whole = torch.zeros(1, 1, 12, 12)
        whole[..., 3:9, 3:9] = 1
        assert float(shapes.boundary(whole).sum()) == 20
        assert torch.equal(shapes.filled(shapes.boundary(whole)), whole)

    def test_noise_keeps_the_range(self) -> None:
        noisy = shapes.with_noise(shapes.blobs(3, 48, stream(0, "blobs")), stream(0, "noise"))
        assert noisy.amin(dim=(1, 2, 3)).tolist() == [0, 0, 0]
        assert noisy.amax(dim=(1, 2, 3)).tolist() == [1, 1, 1]

    def test_overlap_is_intersection_over_union(self) -> None:
        one, other = torch.tensor([1.0, 1, 0, 0]), torch.tensor([1.0, 0, 1, 0])
        assert shapes.overlap(one, other) == pytest.approx(1 / 3)
        assert shapes.overlap(one, one) == 1
