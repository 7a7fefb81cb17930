"""Equivariance errors: zero where they must be, small where kernels are sampled well, large for planted mistakes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studies.sesn.measured import equivariance
from studies.sesn.measured.equivariance import (
    basis_figures,
    blobs,
    lifting_errors,
    responses,
    stack_errors,
    texture,
    zoomed,
)
from studies.sesn.model import bases, layers
from studies.sesn.model.bases import Basis
from studies.sesn.model.mnist import ARCHITECTURES

STEERABLE = {name: one.basis for name, one in ARCHITECTURES.items() if one.kind != "cnn" and "small" not in name}


class TestImages:
    def test_a_zoomed_image_has_the_same_values_elsewhere(self) -> None:
        y, x = np.random.default_rng(0).normal(size=(2, 20))
        for image in (blobs(), texture(3)):
            np.testing.assert_allclose(zoomed(image, 1.7)(1.7 * y, 1.7 * x), image(y, x), rtol=1e-12)

    def test_seeds_decide(self) -> None:
        point = np.array([1.0]), np.array([2.0])
        assert texture(1)(*point) == texture(1)(*point) != texture(2)(*point)


class TestResponses:
    def test_on_whole_pixels_they_are_a_convolution(self) -> None:
        kernels = np.random.default_rng(0).normal(size=(3, 5, 5))
        picture = equivariance.sampled(texture(0), 21)
        expected = torch.nn.functional.conv2d(picture, torch.from_numpy(kernels)[:, None], padding=2)[0]
        positions = np.array([[0.0, 0.0], [3.0, -2.0]])
        found = responses(kernels, texture(0), positions)
        np.testing.assert_allclose(found[:, 0], expected[:, 10, 10], rtol=1e-12)
        np.testing.assert_allclose(found[:, 1], expected[:, 13, 8], rtol=1e-12)


class TestLifting:
    """psi_sigma(x) = psi(x / sigma) / sigma per axis, so responses agree where sampling and support suffice."""

    def test_wide_supports_and_scales_of_three_pixels_leave_nothing(self) -> None:
        steerable, fixed = lifting_errors(Basis("A", 61, 3, (3.0, 6.0)))
        assert max(steerable) < 1e-10
        assert min(fixed) > 0.1

    def test_five_deviations_of_support_are_needed(self) -> None:
        narrow, _ = lifting_errors(Basis("A", 31, 3, (3.0, 6.0)))
        assert max(narrow) > 1e-4

    @pytest.mark.parametrize("name", STEERABLE)
    def test_published_kernels_are_equivariant_only_roughly(self, name: str) -> None:
        steerable, _ = lifting_errors(STEERABLE[name])
        assert min(steerable) > 5e-6
        assert 1e-3 < max(steerable) < 0.1

    def test_without_the_factor_of_the_scale_nothing_agrees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: the kernels of all scales with one height."""
        products = bases._products
        monkeypatch.setattr(bases, "_products", lambda sigma, *rest: products(sigma, *rest) * sigma**2)
        bases._functions.cache_clear()
        try:
            steerable, _ = lifting_errors(Basis("A", 61, 3, (3.0, 6.0)))
        finally:
            bases._functions.cache_clear()
        assert min(steerable) > 1


class TestBasisFigures:
    def test_five_models_have_a_dependent_basis_at_the_smallest_scale(self) -> None:
        ranks = {name: basis_figures(basis)["rank_smallest"] for name, basis in STEERABLE.items()}
        assert sorted(name for name, rank in ranks.items() if rank == 25) == [
            "scalar_28", "scalar_28p", "scalar_56p", "vector_28", "vector_28p",
        ]  # fmt: skip
        assert all(44 <= rank <= 48 for rank in ranks.values() if rank != 25)

    def test_physicists_polynomials_are_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before = basis_figures(STEERABLE["vector_28"])
        monkeypatch.setattr(bases, "hermite", lambda x, n: 2 ** (n / 2) * bases.hermite_e.HermiteE.basis(n)(2**0.5 * x))
        bases._functions.cache_clear()
        try:
            after = basis_figures(STEERABLE["vector_28"])
        finally:
            bases._functions.cache_clear()
        assert after["norm_last"] != before["norm_last"]
        assert after["error_worst"] != before["error_worst"]


class TestStacks:
    def test_error_grows_with_depth_and_towards_padded_borders(self) -> None:
        found = {(depth, padded): stack_errors("steerable", depth, padded, 0) for depth in (1, 3) for padded in (0, 1)}
        assert found[3, 0]["log10_error"] > found[1, 0]["log10_error"]
        assert found[1, 1]["log10_error"] > found[1, 0]["log10_error"] + 0.5
        assert found[1, 1]["log10_error_centre"] == pytest.approx(found[1, 0]["log10_error_centre"], abs=1e-9)

    @pytest.mark.parametrize("depth", [1, 2, 3])
    def test_steerable_layers_do_better_than_ordinary_ones(self, depth: int) -> None:
        steerable, ordinary = (
            [stack_errors(layer, depth, False, seed)["log10_error"] for seed in range(3)]
            for layer in ("steerable", "ordinary")
        )
        assert np.median(steerable) < np.median(ordinary) - 1

    def test_scales_beyond_the_last_read_as_zero_break_it(self) -> None:
        assert stack_errors("interacting", 2, False, 0)["log10_error"] > -1

    def test_a_layer_that_mixes_up_its_scales_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: the kernels of (C, S) read as (S, C), as a reshape without a permutation would."""
        good = stack_errors("steerable", 2, False, 0)["log10_error"]

        def mixed(self: layers.GroupConv2d, x: torch.Tensor, **_: object) -> torch.Tensor:
            return self.plain(x).flatten(1, 2).unflatten(1, (x.shape[2], -1)).transpose(1, 2)

        monkeypatch.setattr(layers.GroupConv2d, "forward", mixed)
        assert stack_errors("steerable", 2, False, 0)["log10_error"] > good + 2
