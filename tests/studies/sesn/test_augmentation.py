"""The augmentation draws as published, from its own generator, and scales as Pillow does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from repro.errors import UsageError
from studies.sesn.data.affine import scale_exact
from studies.sesn.data.augmentation import augment, factors

COUNT = 20_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(count=50):
    """Return random images and, every other one, even ones: these give sums beside a whole level."""
    out = torch.randint(0, 256, (count, 28, 28), dtype=torch.uint8, generator=generator(9))
    out[1::2] = 254
    return out


def is_uniform(drawn, low, high):
    """Say whether a Kolmogorov-Smirnov test at one in a million keeps the uniform distribution."""
    return kstest(np.asarray(drawn), "uniform", (low, high - low)).pvalue > 1e-6


class TestFactors:
    """torchvision's RandomAffine draws the scale from U(f, 1 / f) (the original's extra_scaling f)."""

    @pytest.mark.parametrize("low", [0.5, 0.8])
    def test_they_are_uniform(self, low):
        drawn = factors(COUNT, low, generator())
        assert drawn.dtype == torch.float64
        assert is_uniform(drawn, low, 1 / low)

    def test_log_uniform_ones_are_noticed(self):
        assert not is_uniform(2 ** (2 * torch.rand(COUNT, generator=generator()) - 1), 0.5, 2)
        assert not is_uniform(factors(COUNT, 0.55, generator()), 0.5, 2)

    @given(low=st.floats(1e-3, 1, exclude_max=True), seed=st.integers(0, 99))
    def test_they_stay_in_their_range(self, low, seed):
        drawn = factors(50, low, generator(seed))
        assert low <= drawn.min()
        assert drawn.max() <= 1 / low

    def test_same_seed_equal_other_seed_different(self):
        assert torch.equal(factors(9, 0.5, generator(1)), factors(9, 0.5, generator(1)))
        assert not torch.equal(factors(9, 0.5, generator(1)), factors(9, 0.5, generator(2)))

    def test_one_is_none_and_draws_nothing(self):
        source = generator()
        before = source.get_state()
        assert torch.equal(factors(5, 1, source), torch.ones(5, dtype=torch.float64))
        assert torch.equal(source.get_state(), before)

    @pytest.mark.parametrize("low", [0, -0.5, 2, float("nan")])
    def test_other_ranges_are_refused(self, low):
        with pytest.raises(UsageError, match=r"^scale augmentation: wanted a lowest factor in \(0, 1\], got [^\n]+$"):
            factors(5, low, generator())


def test_exact_mode_is_pillow_s_and_the_other_within_a_level():
    scales = factors(50, 0.5, generator())
    exact, near = augment(images(), scales, exact=True), augment(images(), scales)
    assert torch.equal(exact, torch.from_numpy(scale_exact(images().numpy(), scales.numpy())))
    assert (exact.int() - near.int()).abs().max() == 1
    assert exact.dtype == near.dtype == torch.uint8


def test_every_image_gets_its_own_factor():
    same = images(1).expand(3, 28, 28)
    out = augment(same, torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64))
    assert torch.equal(out[1], same[1])
    assert not torch.equal(out[0], out[2])
