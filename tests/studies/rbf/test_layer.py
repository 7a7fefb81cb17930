"""The RBF layer: its laws, its forms, its logical copies, its starts, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from repro.errors import UsageError
from studies.rbf.model.layer import SQUARED, RBFLayer, gaussians, initialise, logical_copies, place

every_form = pytest.mark.parametrize("form", SQUARED)
sizes = st.integers(1, 6)
seeds = st.integers(0, 2**31)


def points(batch: int, centres: int, features: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, centres and widths in float64, near enough for every activation to be above 0."""
    draw = torch.Generator().manual_seed(seed)
    x_BD, w_KD = (torch.randn(n, features, generator=draw, dtype=torch.float64) for n in (batch, centres))
    return x_BD, w_KD, 0.3 + torch.rand(centres, generator=draw, dtype=torch.float64)


def by_formula(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor) -> np.ndarray[Any, Any]:
    """Evaluate the document's formula in numpy, one pair at a time."""
    x, w, sigma = (each.numpy() for each in (x_BD, w_KD, sigma_K))
    return np.array([[np.exp(-np.sum((b - k) ** 2) / (2 * s**2)) for k, s in zip(w, sigma, strict=True)] for b in x])


class TestLaws:
    """h = exp(-|w - x|^2 / (2 sigma^2)), by the slides on the layer and on its batches."""

    @every_form
    @given(batch=sizes, centres=sizes, features=sizes, seed=seeds)
    def test_every_form_is_the_formula(self, form: Any, batch: int, centres: int, features: int, seed: int) -> None:
        given_points = points(batch, centres, features, seed)
        found = gaussians(*given_points, form)
        assert found.shape == (batch, centres)
        np.testing.assert_allclose(found.numpy(), by_formula(*given_points), rtol=1e-9, atol=1e-13)

    @given(batch=sizes, centres=sizes, features=sizes, seed=seeds)
    def test_activations_are_above_0_and_at_most_1(self, batch: int, centres: int, features: int, seed: int) -> None:
        h_BK = gaussians(*points(batch, centres, features, seed))
        assert ((h_BK > 0) & (h_BK <= 1)).all()

    @every_form
    @given(features=sizes, seed=seeds)
    def test_far_from_the_origin_rounding_lifts_no_activation_above_1(
        self, form: Any, features: int, seed: int
    ) -> None:
        """There |x|^2 - 2 x.w + |w|^2 comes out below 0 as often as above."""
        draw = torch.Generator().manual_seed(seed)
        w_KD = 1000 + torch.randn(50, features, generator=draw)
        assert (gaussians(w_KD, w_KD, torch.ones(50), form) <= 1).all()

    @every_form
    @given(centres=sizes, features=sizes, seed=seeds)
    def test_an_input_at_a_centre_gives_1(self, form: Any, centres: int, features: int, seed: int) -> None:
        """The density that the document's N suggests would give 1 / (sigma sqrt(2 pi)) there."""
        _, w_KD, sigma_K = points(1, centres, features, seed)
        at_centres = gaussians(w_KD, w_KD, sigma_K, form).diagonal()
        assert torch.allclose(at_centres, torch.ones_like(at_centres), rtol=0, atol=1e-12)

    @given(seed=seeds, shift=st.floats(-100, 100))
    def test_only_differences_count(self, seed: int, shift: float) -> None:
        x_BD, w_KD, sigma_K = points(4, 3, 2, seed)
        moved = gaussians(x_BD + shift, w_KD + shift, sigma_K, "copies")
        assert torch.allclose(moved, gaussians(x_BD, w_KD, sigma_K), rtol=1e-6, atol=1e-10)

    @given(seed=seeds)
    def test_the_sign_of_sigma_does_not_count(self, seed: int) -> None:
        x_BD, w_KD, sigma_K = points(4, 3, 2, seed)
        assert torch.equal(gaussians(x_BD, w_KD, sigma_K), gaussians(x_BD, w_KD, -sigma_K))

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda a_BK, sigma_K: torch.exp(-a_BK.square() / (2 * sigma_K.square())),  # the sum of squares taken as a
            lambda a_BK, sigma_K: torch.exp(-a_BK / (2 * sigma_K.abs())),  # sigma for sigma^2
            lambda a_BK, sigma_K: torch.exp(-a_BK / sigma_K.square()),  # without the 2
        ],
    )
    def test_a_misread_formula_is_seen(self, wrong: Callable[[Tensor, Tensor], Tensor]) -> None:
        x_BD, w_KD, sigma_K = points(4, 3, 2, seed=0)
        found = wrong(SQUARED["copies"](x_BD, w_KD), sigma_K).numpy()
        assert not np.allclose(found, by_formula(x_BD, w_KD, sigma_K), rtol=1e-2)

    def test_far_away_float32_gives_0(self) -> None:
        h_BK = gaussians(torch.tensor([[14.0], [15.0]]), torch.zeros(1, 1), torch.ones(1))
        assert h_BK[0] > 0
        assert h_BK[1] == 0

    def test_sigma_of_0_gives_no_number_at_the_centre(self) -> None:
        assert gaussians(torch.zeros(1, 2), torch.zeros(1, 2), torch.zeros(1)).isnan().all()


class TestGradients:
    @every_form
    @given(seed=seeds)
    def test_they_are_those_of_finite_differences(self, form: Any, seed: int) -> None:
        given_points = [each.requires_grad_() for each in points(3, 4, 2, seed)]
        assert torch.autograd.gradcheck(lambda *each: gaussians(*each, form), given_points)

    @every_form
    def test_they_are_0_at_a_centre(self, form: Any) -> None:
        """The root of the norm has no slope there; the activation has, and it is 0."""
        w_KD = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
        x_BD = w_KD.clone().requires_grad_()
        gaussians(x_BD, w_KD, torch.ones(1, dtype=torch.float64), form).sum().backward()
        assert x_BD.grad is not None
        assert torch.equal(x_BD.grad, torch.zeros_like(w_KD))

    def test_single_precision_forms_agree(self) -> None:
        x_BD, w_KD, sigma_K = (each.float() for each in points(64, 100, 2, seed=1))
        plain = gaussians(x_BD, w_KD, sigma_K, "copies")
        assert torch.allclose(gaussians(x_BD, w_KD, sigma_K), plain, rtol=0, atol=1e-5)
        by_cdist = torch.exp(-torch.cdist(x_BD, w_KD).square() / (2 * sigma_K.square()))
        assert torch.allclose(by_cdist, plain, rtol=0, atol=1e-5)


class LargestStorage(TorchDispatchMode):
    """Note the most bytes that lie behind a tensor which an operator returns."""

    nbytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, Tensor):
            self.nbytes = max(self.nbytes, found.untyped_storage().nbytes())
        return found


def physical_copies(x_BD: Tensor, w_KD: Tensor) -> tuple[Tensor, Tensor]:
    return x_BD.unsqueeze(1).repeat(1, len(w_KD), 1), w_KD.unsqueeze(0).repeat(len(x_BD), 1, 1)


def copies_take_no_memory(copy: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> bool:
    x_BD, w_KD = torch.rand(7, 2), torch.rand(100, 2)
    with LargestStorage() as seen:
        x_BKD, w_BKD = copy(x_BD, w_KD)
    assert x_BKD.shape == w_BKD.shape == (7, 100, 2)
    return seen.nbytes <= w_KD.untyped_storage().nbytes()


class TestLogicalCopies:
    def test_they_are_views_with_strides_of_0(self) -> None:
        x_BD, w_KD = torch.rand(7, 2), torch.rand(100, 2)
        x_BKD, w_BKD = logical_copies(x_BD, w_KD)
        assert x_BKD.stride() == (2, 0, 1)
        assert w_BKD.stride() == (0, 2, 1)
        assert x_BKD.data_ptr() == x_BD.data_ptr()
        assert x_BKD.untyped_storage().nbytes() == 7 * 2 * 4

    def test_they_take_no_memory_and_physical_ones_would(self) -> None:
        assert copies_take_no_memory(logical_copies)
        assert not copies_take_no_memory(physical_copies)

    def test_the_product_holds_no_value_a_feature(self) -> None:
        x_BD, w_KD = torch.rand(50, 10), torch.rand(100, 10)
        most = {}
        for form, squared in SQUARED.items():
            with LargestStorage() as seen:
                squared(x_BD, w_KD)
            most[form] = seen.nbytes // 4
        assert most == {"norm": 50_000, "copies": 50_000, "product": 5_000}


class TestStart:
    def test_the_documents_is_standard_normal_with_widths_of_1(self) -> None:
        layer = RBFLayer(2, 2000)
        initialise(layer, torch.Generator().manual_seed(0))
        assert scipy.stats.kstest(layer.w_KD.detach().flatten().numpy(), "norm").pvalue > 0.01
        assert torch.equal(layer.sigma_K.detach(), torch.ones(2000))

    def test_the_linear_layers_is_uniform_and_has_widths_near_0(self) -> None:
        layer = RBFLayer(4, 2000)
        initialise(layer, torch.Generator().manual_seed(0), "linear")
        for values in (layer.w_KD, layer.sigma_K):
            uniform = values.detach().flatten().numpy() + 0.5
            assert scipy.stats.kstest(uniform, "uniform").pvalue > 0.01
        assert scipy.stats.kstest(layer.w_KD.detach().flatten().numpy(), "norm").pvalue < 1e-6
        assert layer.sigma_K.abs().min() < 0.01

    def test_the_generator_decides(self) -> None:
        one, again, other = (RBFLayer(2, 5) for _ in range(3))
        for layer, seed in ((one, 1), (again, 1), (other, 2)):
            initialise(layer, torch.Generator().manual_seed(seed))
        assert torch.equal(one.w_KD, again.w_KD)
        assert not torch.equal(one.w_KD, other.w_KD)

    def test_centres_are_placed_with_the_spread_of_the_points(self) -> None:
        layer = RBFLayer(2, 4)
        corners = torch.tensor([[-1.0, -3.0], [1.0, -3.0], [-1.0, 3.0], [1.0, 3.0]])
        place(layer, corners)
        assert torch.equal(layer.w_KD, corners)
        assert torch.allclose(layer.sigma_K, torch.full((4,), 2.0))


class TestRefusals:
    @pytest.mark.parametrize(("features", "centres"), [(0, 100), (2, 0), (-1, 3)])
    def test_no_feature_or_no_centre(self, features: int, centres: int) -> None:
        with pytest.raises(UsageError, match=rf"at least 1 feature .* got D={features} and K={centres};"):
            RBFLayer(features, centres)

    @pytest.mark.parametrize("shape", [(3, 5), (2,), (3, 1, 2)])
    def test_inputs_of_another_shape(self, shape: tuple[int, ...]) -> None:
        with pytest.raises(UsageError) as found:
            RBFLayer(2, 4)(torch.zeros(shape))
        assert f"wanted inputs (B, 2), got {shape}; " in str(found.value)
        assert "\n" not in str(found.value)

    def test_an_unknown_form_or_start(self) -> None:
        with pytest.raises(UsageError, match=r"unknown form 'cube'; choose one of norm, copies, product"):
            RBFLayer(2, 4, form="cube")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"unknown start 'zeros'; choose one of normal, linear, features"):
            initialise(RBFLayer(2, 4), torch.Generator(), "zeros")  # type: ignore[arg-type]

    def test_points_that_are_not_as_many_as_the_centres(self) -> None:
        with pytest.raises(UsageError, match=r"wanted points \(4, 2\) for its centres, got \(3, 2\)"):
            place(RBFLayer(2, 4), torch.zeros(3, 2))


def test_the_printed_layer_names_its_sizes() -> None:
    assert repr(RBFLayer(2, 4)) == "RBFLayer(features=2, centres=4, form=product)"
