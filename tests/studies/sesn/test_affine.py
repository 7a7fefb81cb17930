"""Scaling is Pillow's to the bit, or to one grey level, and each check notices the mistakes that are easily made."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from studies.common.torchvision_import import import_torchvision
from studies.sesn.data import affine
from studies.sesn.data.affine import matrices, scale_exact, scale_fast

RANGES = {"data": (0.3, 1.0), "augmentation": (0.5, 2.0)}
AWKWARD = (0.3, 0.5, 1 / 3, 0.9999999999999999, 1.0, 1.0000000000000002, 1.5, 2.0, 4.0)
sides = st.sampled_from((1, 2, 3, 8, 27, 28, 29)) | st.integers(1, 40)
scales = st.sampled_from(AWKWARD) | st.floats(0.02, 20)


def noise(count=40, height=28, width=28, seed=0):
    """Return random images, then plateaus at the ends of the range, then stripes: sums close to whole levels."""
    draw = np.random.default_rng(seed)
    images = draw.integers(0, 256, (count, height, width), dtype=np.uint8)
    images[1::4] = np.where(images[1::4] < 128, 253, 255)
    images[2::4] = draw.integers(0, 256, (len(images[2::4]), 1, 1))
    images[3::4] = np.where(np.arange(width) % 2, 255, 0)
    return images


def factors_in(low, high, count=40, seed=1):
    return np.random.default_rng(seed).uniform(low, high, count)


def pillow(images, factors):
    """Scale with Pillow about the image's centre plus half a pixel, with the matrix that RandomAffine makes."""
    image = pytest.importorskip("PIL.Image")
    height, width = images.shape[1:]
    x, y = width / 2 + 0.5, height / 2 + 0.5
    return np.array(
        [
            np.asarray(
                image.fromarray(one).transform(
                    (width, height),
                    image.Transform.AFFINE,
                    (1 / s, 0, 1 / s * -x + x, 0, 1 / s, 1 / s * -y + y),
                    image.Resampling.BICUBIC,
                    fillcolor=0,
                )
            )
            for one, s in zip(images, factors, strict=True)
        ]
    )


def levels_apart(found, expected):
    return int(np.abs(np.asarray(found).astype(int) - expected).max(initial=0))


def fast(images, factors):
    return scale_fast(torch.from_numpy(images), torch.from_numpy(factors)).numpy()


class TestPillow:
    """Pillow's AFFINE transform with BICUBIC and fill 0, which the published data were made with."""

    @given(height=sides, width=sides, seed=st.integers(0, 99), factors=st.lists(scales, min_size=1, max_size=6))
    def test_every_bit_is_pillow_s(self, height, width, seed, factors):
        images, factors = noise(len(factors), height, width, seed), np.array(factors)
        expected = pillow(images, factors)
        np.testing.assert_array_equal(scale_exact(images, factors), expected)
        assert levels_apart(fast(images, factors), expected) <= 1

    @pytest.mark.parametrize("scales", RANGES.values(), ids=RANGES)
    def test_no_pixel_of_many_differs(self, scales):
        images, factors = noise(2000), factors_in(*scales, 2000)
        expected = pillow(images, factors)
        np.testing.assert_array_equal(scale_exact(images, factors), expected)
        assert levels_apart(fast(images, factors), expected) == 1

    def test_matrix_is_torchvision_s(self):
        pytest.importorskip("PIL.Image")
        import_torchvision()
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms.functional import affine as torchvision_affine
        from torchvision.transforms.functional import to_pil_image

        images, factors = noise(200), factors_in(*RANGES["data"], 200)
        settings = {"interpolation": InterpolationMode.BICUBIC, "center": [14.5, 14.5]}
        expected = [
            np.asarray(torchvision_affine(to_pil_image(one[..., None]), 0, [0, 0], s, [0, 0], **settings))
            for one, s in zip(images, factors, strict=True)
        ]
        np.testing.assert_array_equal(scale_exact(images, factors), expected)

    def test_another_centre_is_noticed(self, monkeypatch):
        images, factors = noise(), factors_in(*RANGES["data"])
        monkeypatch.setattr(affine, "CENTRE_SHIFT", 0.0)
        assert levels_apart(scale_exact(images, factors), pillow(images, factors)) > 100

    def test_pixels_beside_a_whole_level_must_be_computed_again(self, monkeypatch):
        images, factors = noise(), factors_in(*RANGES["data"])
        monkeypatch.setattr(affine, "ROUNDING", 0.0)
        assert levels_apart(scale_exact(images, factors), pillow(images, factors)) == 1

    def test_another_order_of_operations_is_noticed(self, monkeypatch):
        def by_weights(values, at):
            weights = (-at * (1 - at) ** 2, 1 - 2 * at**2 + at**3, at + at**2 - at**3, at**3 - at**2)
            return sum(values[..., tap] * weight for tap, weight in enumerate(weights))

        images, factors = noise(), factors_in(*RANGES["data"])
        monkeypatch.setattr(affine, "_cubic", by_weights)
        assert levels_apart(scale_exact(images, factors), pillow(images, factors)) == 1


def convolved(images, factors, *, a=-1.0, finish=np.trunc):
    """Scale by cubic convolution as its definition reads (Keys, 1981), with the border repeated."""

    def kernel(t):
        t = np.abs(t)
        near = (a + 2) * t**3 - (a + 3) * t**2 + 1
        return np.where(t <= 1, near, np.where(t < 2, a * (t**3 - 5 * t**2 + 8 * t - 4), 0))

    size = images.shape[1]
    centre, taps = size / 2 + 0.5, np.arange(-2, size + 2)
    padded = np.pad(images.astype(float), ((0, 0), (2, 2), (2, 2)), mode="edge")
    out = np.empty(images.shape)
    for number, s in enumerate(factors):
        at = (np.arange(size) + 0.5 - centre) / s + centre
        weights = kernel((at - 0.5)[:, None] - taps) * ((at >= 0) & (at < size))[:, None]
        out[number] = finish(weights @ padded[number] @ weights.T)
    return out.clip(0, 255).astype(np.uint8)


def agree(found, expected):
    """Say whether images differ by a level at most, and in fewer than one in 500 pixels."""
    return levels_apart(found, expected) <= 1 and (found != expected).mean() < 0.002


class TestCubicConvolution:
    """Pillow's cubic has a = -1 and truncates; torch's has a = -0.75, the one most used a = -0.5."""

    images, factors = np.random.default_rng(3).integers(0, 256, (40, 28, 28), dtype=np.uint8), factors_in(0.3, 2.0)

    def test_scaling_is_cubic_convolution(self):
        assert agree(scale_exact(self.images, self.factors), convolved(self.images, self.factors))
        assert agree(fast(self.images, self.factors), convolved(self.images, self.factors))

    @pytest.mark.parametrize("mistake", [{"a": -0.5}, {"a": -0.75}, {"finish": np.rint}], ids=str)
    def test_mistakes_are_noticed(self, mistake):
        assert not agree(scale_exact(self.images, self.factors), convolved(self.images, self.factors, **mistake))


class TestMatrices:
    """The weights of an interpolation sum to one inside the image; outside there is nothing."""

    @given(size=sides, factor=scales)
    def test_rows_sum_to_one_or_are_empty(self, size, factor):
        found = matrices(torch.tensor([factor], dtype=torch.float64), size)
        centre = size / 2 + 0.5
        at = (np.arange(size) + 0.5 - centre) / factor + centre
        clear = np.minimum(np.abs(at), np.abs(at - size)) > 1e-9
        expected = ((at >= 0) & (at < size)).astype(float)
        np.testing.assert_allclose(found.sum(2)[0].numpy()[clear], expected[clear], rtol=0, atol=1e-12)
        assert found.shape == (1, size, size)
        assert found.abs().sum(2).max() <= 1.5 + 1e-12

    @given(size=sides)
    def test_factor_one_changes_nothing(self, size):
        assert torch.equal(matrices(torch.ones(1, dtype=torch.float64), size)[0], torch.eye(size).double())

    @given(factor=scales, seed=st.integers(0, 99))
    def test_float32_stays_within_its_bound(self, factor, seed):
        """The images are those that make a pixel's sum largest: 255 where its weight is positive, else 0."""
        exact = matrices(torch.tensor([factor], dtype=torch.float64), 28)[0]
        lines = np.random.default_rng(seed).integers(0, 28, (2, 50))
        weights = exact[lines[0], :, None] * exact[lines[1], None, :]
        images = (weights > 0).double() * 255
        single = exact.float()
        error = (single @ images.float() @ single.T).double() - exact @ images @ exact.T
        assert error.abs().max() < affine.ROUNDING


@pytest.mark.parametrize("scale", [scale_exact, fast], ids=["exact", "fast"])
class TestBoth:
    def test_factor_one_returns_the_image(self, scale):
        images = noise()
        np.testing.assert_array_equal(scale(images, np.ones(len(images))), images)

    def test_result_does_not_depend_on_the_block(self, scale, monkeypatch):
        images, factors = noise(), factors_in(*RANGES["augmentation"])
        expected = scale(images, factors)
        monkeypatch.setitem(affine.BLOCK, "cpu", 7)
        np.testing.assert_array_equal(scale(images, factors), expected)

    def test_result_does_not_depend_on_torch_s_precision(self, scale):
        images, factors = noise(), factors_in(*RANGES["augmentation"])
        expected = scale(images, factors)
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("medium")
        try:
            np.testing.assert_array_equal(scale(images, factors), expected)
        finally:
            torch.set_float32_matmul_precision(before)

    def test_no_images_give_none(self, scale):
        assert scale(noise(0), np.ones(0)).shape == (0, 28, 28)

    def test_input_is_left_alone(self, scale):
        images, factors = noise(), factors_in(*RANGES["augmentation"])
        scale(images, factors)
        np.testing.assert_array_equal(images, noise())

    @pytest.mark.parametrize("bad", [0.0, -0.5, np.nan, np.inf, 1e-9])
    def test_factors_that_are_none_are_refused(self, scale, bad):
        with pytest.raises(UsageError, match=r"^scale factors: wanted numbers from .*, got \S+ at index 2; [^\n]+$"):
            scale(noise(3), np.array([0.5, 1.0, bad]))

    def test_images_of_another_kind_are_refused(self, scale):
        with pytest.raises(UsageError, match=r"^images to scale: wanted uint8 .* another type of shape[^\n]+$"):
            scale(noise(3) / 255, np.ones(3))
        with pytest.raises(UsageError, match=r"shape \(28, 28\); [^\n]+$"):
            scale(noise(3)[0], np.ones(28))

    @pytest.mark.parametrize("shape", [(2,), (3, 1), ()])
    def test_factors_of_another_number_are_refused(self, scale, shape):
        with pytest.raises(UsageError, match=r"^scale factors: wanted one for each of 3 images, got shape [^\n]+$"):
            scale(noise(3), np.ones(shape))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_gpu_is_within_one_level_with_tf32_allowed(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", True)
    images, factors = noise(2000), factors_in(*RANGES["augmentation"], 2000)
    found = scale_fast(torch.from_numpy(images).cuda(), torch.from_numpy(factors))
    assert found.is_cuda
    assert levels_apart(found.cpu(), scale_exact(images, factors)) == 1
