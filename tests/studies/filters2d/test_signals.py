"""The notebook's signals and classical filters: what they keep, and what breaks them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from studies.common.randomness import stream
from studies.filters2d.data import signals


class TestMosaic:
    def test_each_pixel_keeps_one_colour(self) -> None:
        found = signals.mosaic(torch.ones(1, 3, 6, 8))
        assert torch.equal(found.sum(dim=1), torch.ones(1, 6, 8))
        assert [float(one.mean()) for one in found[0]] == [0.25, 0.5, 0.25]

    def test_blue_stands_at_even_rows_and_columns_and_red_at_odd_ones(self) -> None:
        red, green, blue = signals.mosaic(torch.ones(1, 3, 4, 4))[0]
        assert (float(blue[0, 0]), float(red[1, 1]), float(green[0, 1]), float(green[1, 0])) == (1, 1, 1, 1)

    @given(st.integers(1, 9), st.integers(1, 9))
    def test_a_shift_by_a_pixel_is_another_pattern(self, height: int, width: int) -> None:
        images = torch.ones(1, 3, height, width)
        assert not torch.equal(signals.mosaic(images), signals.mosaic(images, row=1))
        assert torch.equal(signals.mosaic(images), signals.mosaic(images, row=2))

    @pytest.mark.parametrize("shape", [(2, 1, 4, 4), (3, 4, 4)])
    def test_other_images_are_refused_with_their_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError, match=r"wanted images \(N, 3, H, W\), got \(") as raised:
            signals.mosaic(torch.ones(shape))
        assert str(shape) in str(raised.value)


class TestColours:
    def test_white_is_the_white_point_of_d65(self) -> None:
        found = signals.xyz(torch.ones(1, 3, 1, 1, dtype=torch.float64)).flatten()
        assert found.tolist() == pytest.approx([0.95047, 1.0, 1.08883], abs=1e-5)

    def test_the_transfer_function_joins_at_its_threshold(self) -> None:
        below, above = signals.linear_light(torch.tensor([0.04045, 0.0404501], dtype=torch.float64)).tolist()
        assert below == pytest.approx(above, rel=1e-3)

    def test_it_is_not_one_matrix(self) -> None:
        half, whole = (signals.xyz(torch.full((1, 3, 1, 1), value)) for value in (0.5, 1.0))
        assert float((2 * half - whole).abs().max()) > 0.5

    def test_the_printed_matrix_is_the_one_whose_rows_sum_to_one(self) -> None:
        assert np.sum(signals.PRINTED_XYZ, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
        assert np.sum(signals.SRGB_TO_XYZ, axis=1) == pytest.approx([0.9505, 1, 1.0888], abs=1e-4)


class TestFilters:
    def test_the_channel_blurs_down_more_than_across_and_adds_noise(self) -> None:
        pixel = torch.zeros(1, 1, 41, 41)
        pixel[..., 20, 20] = 1
        blurred = signals.gaussian(pixel, signals.CHANNEL_SIGMAS)[0, 0]
        place = torch.arange(41) - 20.0
        spread = [float((blurred.sum(dim=axis) * place**2).sum().sqrt()) for axis in (1, 0)]
        assert spread == pytest.approx([2.0, 0.5], abs=0.05)
        noise = signals.degraded(torch.zeros(4, 1, 50, 50), stream(1, "noise"))
        assert float(noise.std()) == pytest.approx(signals.NOISE, rel=0.05)

    def test_the_median_of_isolated_dots_is_empty(self) -> None:
        dots = signals.dots(3, 64, stream(0, "dots"))
        assert dots.sum() > 0
        assert float(signals.median(dots).max()) == 0

    def test_the_median_is_of_four_by_four_pixels(self) -> None:
        """Over three by three no test saw it: a replay, which needs a machine of the golden's kind, and an audit."""
        image = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(0))
        found = signals.median(image)[0, 0]
        for y, x in itertools.product(range(2, 10), repeat=2):
            window = image[0, 0, y - 2 : y + 2, x - 2 : x + 2].flatten()
            assert found[y, x] == window.sort().values[8]  # the ninth of sixteen

    def test_median_and_mean_look_at_the_same_pixels(self) -> None:
        """A half-plane's median switches where its mean over the window passes a half."""
        image = torch.zeros(1, 1, 20, 20)
        image[..., 10:] = 1
        assert torch.equal(signals.median(image) > 0.5, signals.box_mean(image) >= 0.5)

    def test_the_recursion_starts_at_its_first_value_and_is_a_sample_late(self) -> None:
        found = signals.recursive(np.array([0.0, 1.0, 0.0, 0.0, 0.0]))
        assert found.tolist() == pytest.approx([0, 0, 0.3, 0.21, 0.147])
        assert signals.recursive(np.array([2.0, 2.0])).tolist() == [2, 2]

    def test_dots_and_pulses_have_their_densities(self) -> None:
        assert float(signals.dots(50, 64, stream(0, "a")).mean()) == pytest.approx(0.02, rel=0.05)
        pulses = signals.pulses(200, 200, stream(0, "b"))
        assert float(pulses.mean()) == pytest.approx(0.1, rel=0.05)
        assert float(signals.smoothed(pulses).mean()) == pytest.approx(0.4, rel=0.05)

    def test_a_seed_gives_the_same_and_another_seed_others(self) -> None:
        one, again, other = (signals.dots(2, 64, stream(seed, "dots")) for seed in (0, 0, 1))
        assert torch.equal(one, again)
        assert not torch.equal(one, other)

    def test_waves_are_odd_about_their_middle_without_a_phase(self) -> None:
        x = np.linspace(-3, 3, 61)
        assert signals.wave_1d(x) == pytest.approx(-signals.wave_1d(-x))
        assert signals.wave_1d(x, mu=1, freq=0) == pytest.approx(np.zeros(61))
        assert float(signals.wave_2d(np.array(0.0), np.array(0.0), phase=0.5)) == pytest.approx(1)
