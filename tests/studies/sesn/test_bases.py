"""The steerable bases: their laws, the ranks of the published configurations, and the original's samples."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import eval_hermite, eval_hermitenorm

from repro.errors import UsageError
from studies.sesn.model import bases
from studies.sesn.model.bases import Basis, hermite

# The table of the released script: scales, kernel size, ratio of base scales, support at each scale, and the rank of
# the 49 functions at each scale.
PUBLISHED = {
    "scalar_28": ((1.7, 2.45, 3.54, 5.1), 15, 1.5, (5, 7, 11, 15)),
    "scalar_28p": ((1.5, 2.16, 3.12, 4.5), 13, 1.4, (5, 7, 9, 13)),
    "scalar_56": ((2.0, 2.83, 4.0), 15, 1.4, (7, 11, 15)),
    "scalar_56p": ((1.0, 1.73, 3.0), 17, 1.4, (5, 9, 17)),
    "vector_28": ((1.5, 2.6, 4.5), 13, 1.5, (5, 7, 13)),
    "vector_28p": ((1.5, 2.6, 4.5), 15, 1.4, (5, 9, 15)),
    "vector_56": ((2.0, 2.52, 3.17, 4.0), 15, 1.5, (7, 9, 11, 15)),
    "vector_56p": ((1.5, 1.89, 2.38, 3.0), 13, 1.4, (7, 9, 11, 13)),
}
BASES = {name: Basis("B", size, 7, scales, mult) for name, (scales, size, mult, _) in PUBLISHED.items()}
every_network = pytest.mark.parametrize("name", list(PUBLISHED))


@pytest.fixture
def fresh():
    """Forget the sampled functions before and after a test that plants a mistake in them."""
    bases._functions.cache_clear()
    yield
    bases._functions.cache_clear()


@st.composite
def some_bases(draw):
    ratios = draw(st.lists(st.floats(1.05, 1.8), max_size=3))
    scales = tuple(np.cumprod([draw(st.floats(0.8, 3.0)), *ratios]).tolist())
    size = 2 * draw(st.integers(3, 8)) + 1
    basis = Basis(draw(st.sampled_from("AB")), size, draw(st.integers(1, 5)), scales, draw(st.floats(1.1, 2.0)), 3)
    assume(basis.supports()[0] >= 5)
    return basis


def odd(basis):
    """Say which functions change their sign when the kernel is mirrored, down or across."""
    functions = basis.functions()
    down, across = ((functions + functions.flip(axis)).flatten(1).abs().amax(1) < 1e-12 for axis in (-2, -1))
    return (down | across).numpy()


class TestHermite:
    """He_0 = 1, He_1 = x, He_{n+1} = x He_n - n He_{n-1}."""

    @given(st.floats(-6, 6), st.integers(1, 8))
    def test_recurrence(self, x, order):
        expected = x * hermite(x, order) - order * hermite(x, order - 1)
        scale = sum(abs(x) ** n for n in range(order + 2)) * 1000
        assert hermite(x, order + 1) == pytest.approx(expected, abs=1e-13 * scale)

    @given(st.floats(-6, 6), st.integers(0, 8))
    def test_agrees_with_scipy(self, x, order):
        assert hermite(x, order) == pytest.approx(eval_hermitenorm(order, x), rel=1e-9, abs=1e-9)

    def test_physicists_polynomials_are_others(self):
        assert eval_hermite(2, 1.0) != hermite(np.array(1.0), 2)


class TestLaws:
    @given(some_bases())
    def test_norm_at_the_first_scale_is_one(self, basis):
        np.testing.assert_allclose(basis.functions()[:, 0].flatten(1).norm(dim=1), 1, rtol=1e-12)

    @given(some_bases())
    def test_odd_order_functions_sum_to_zero(self, basis):
        sums = basis.functions().sum(dim=(2, 3)).abs().amax(dim=1).numpy()
        assert (sums[odd(basis)] < 1e-12).all()

    @given(some_bases())
    def test_functions_are_zero_outside_their_support(self, basis):
        for scale, support in enumerate(basis.supports()):
            outside = basis.functions()[:, scale].clone()
            margin = (basis.size - support) // 2
            outside[:, margin : basis.size - margin, margin : basis.size - margin] = 0
            assert not outside.any()

    @given(some_bases())
    def test_shape_and_type(self, basis):
        functions = basis.functions()
        assert functions.shape == (basis.count, len(basis.scales), basis.size, basis.size)
        assert functions.dtype.is_floating_point
        assert functions.element_size() == 8
        assert basis.functions() is functions

    @given(some_bases())
    def test_first_function_is_a_gaussian_of_the_scale(self, basis):
        line = basis.functions()[0, 0, basis.size // 2].numpy()
        support = basis.supports()[0]
        x = np.arange(-(support // 2), support // 2 + 1)
        inside = line[(basis.size - support) // 2 : (basis.size + support) // 2]
        np.testing.assert_allclose(inside / inside.max(), np.exp(-(x**2) / (2 * basis.scales[0] ** 2)), rtol=1e-9)

    def test_transposing_the_image_swaps_the_orders(self):
        functions = Basis("A", 7, 3, (1.0, 1.4)).functions()
        swapped = functions.reshape(3, 3, 2, 7, 7).transpose(0, 1).reshape(9, 2, 7, 7)
        np.testing.assert_allclose(functions, swapped.transpose(-1, -2), rtol=0, atol=1e-14)

    def test_order_along_x_varies_fastest_and_runs_down(self):
        second = Basis("A", 7, 3, (1.0,)).functions()[1, 0]
        assert not second[3].any()  # odd down the image
        assert second[:, 3].any()


@every_network
class TestPublishedConfigurations:
    def test_supports_are_those_of_the_protocol(self, name):
        assert BASES[name].supports() == PUBLISHED[name][3]

    def test_functions_are_dependent_at_every_scale(self, name):
        """Five networks have 25 independent functions at their smallest scale; elsewhere there are 44 to 48 of 49."""
        functions = BASES[name].functions()
        ranks = [
            int(np.linalg.matrix_rank(functions[:, s].flatten(1).numpy(), rtol=1e-5)) for s in range(functions.shape[1])
        ]
        assert (ranks[0] == 25) == (name not in ("scalar_56", "vector_56", "vector_56p"))
        assert all(44 <= rank <= 48 for rank in ranks[ranks[0] == 25 :])

    def test_29_of_49_functions_are_odd(self, name):
        assert (BASES[name].count, odd(BASES[name]).sum()) == (49, 29)

    def test_mean_norm_at_the_last_scale(self, name):
        norms = BASES[name].functions()[:, -1].flatten(1).norm(dim=1)
        assert 0.355 <= round(float(norms.mean()), 3) <= 0.578

    def test_physicists_hermite_is_noticed(self, name, monkeypatch, fresh):
        right = BASES[name].functions().clone()
        bases._functions.cache_clear()
        monkeypatch.setattr(bases, "hermite", lambda x, order: eval_hermite(order, x))
        assert (BASES[name].functions() - right).abs().max() > 0.1


def test_samples_are_the_originals(oracle):
    found = []
    for name in oracle:
        if name.endswith("/config") and not name.startswith("h_h_1x1"):
            config = json.loads(str(oracle[name]))
            basis = Basis(config["bt"], config["k"], config["eff"], tuple(config["scales"]), **config["kw"])
            found.append(np.abs(basis.functions().numpy() - oracle[name.replace("config", "basis")]).max())
    assert len(found) == 6
    assert max(found) < 1e-6


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scales": ()}, r"basis B: scales must be one or more pixels above 0, got \(\)"),
        ({"scales": (0.0, 1.0)}, "scales must be one or more pixels above 0"),
        ({"scales": (-1.0, 1.0)}, "scales must be one or more pixels above 0"),
        ({"scales": (1.0, float("inf"))}, "scales must be one or more pixels above 0"),
        ({"scales": (2.0, 1.0)}, r"scales must ascend, got \(2.0, 1.0\); sort them"),
        ({"scales": (1.0, 1.0)}, "scales must ascend"),
        ({"size": 14}, "size must be odd and above 0, got 14; the kernel needs a pixel in its centre"),
        ({"effective_size": 0}, "effective_size 0, mult 1.4 and max_order 4 make no functions"),
        ({"mult": 0.0}, "mult 0.0 .* make no functions"),
        ({"kind": "C"}, "basis C: unknown kind; choose 'A' or 'B'"),
    ],
)
def test_bad_basis_is_one_clear_line(wrong, message):
    settings = {"kind": "B", "size": 15, "effective_size": 7, "scales": (1.0, 2.0)} | wrong
    with pytest.raises(UsageError, match=message) as error:
        Basis(**settings)
    assert "\n" not in str(error.value)


def test_function_that_vanishes_on_its_support_is_refused():
    with pytest.raises(UsageError, match=r"functions are 0 at scale 1.0, cut to 1 pixels; pass a larger size"):
        Basis("A", 7, 3, (1.0, 8.0)).functions()
