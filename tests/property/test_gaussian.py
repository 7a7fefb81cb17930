"""Laws of the sampled Gaussian derivatives, and proof that each of them notices a mistake."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from scipy.special import comb, eval_hermite

from repro.errors import UsageError
from studies.common.gaussian import derivative_orders, gaussian_derivative, half_width, sampled_derivatives
from studies.common.hermite import hermite_verkes
from tests.property.strategies import LISTED_SCALES, NOMINAL_SCALES, norms, orders, points, scales, truncations


def exact(x, scale, order):
    """Write eq. 2.18 again, with scipy's polynomials."""
    u = np.asarray(x) / (scale * np.sqrt(2))
    return (
        (-1 / (scale * np.sqrt(2))) ** order * eval_hermite(order, u) * np.exp(-(u**2)) / (scale * np.sqrt(2 * np.pi))
    )


def largest(scale, order):
    """Bound |g_order| by Cramer's inequality |H_n(u)| exp(-u^2/2) <= 1.0865 sqrt(2^n n!) (DLMF 18.14.9)."""
    return 1.0865 * math.sqrt(math.factorial(order)) / (scale ** (order + 1) * math.sqrt(2 * math.pi))


def is_the_slope_of_the_order_below(derivative, scale, order, x=0.3):
    h, x = 1e-4 * scale, x * scale
    slope = (derivative(x + h, scale, order) - derivative(x - h, scale, order)) / (2 * h)
    rounding = 1e-14 * (order + 1) * largest(scale, order) / h
    assert abs(slope - derivative(x, scale, order + 1)) <= h**2 / 6 * largest(scale, order + 3) + rounding


def has_one_moment(derivative, scale, order):
    x = np.arange(-240, 241) * scale / 20  # the trapezium rule is exact here up to exp(-2 (20 pi)^2)
    moment = np.sum(x**order * derivative(x, scale, order)) * scale / 20
    assert moment == pytest.approx((-1) ** order * math.factorial(order), rel=1e-9)


def widens_with_the_scale(derivative, scale, order, x=0.7):
    wide = derivative(2 * x, 2 * scale, order)
    assert wide == pytest.approx(
        derivative(x, scale, order) / 2 ** (order + 1), rel=1e-10, abs=1e-12 * largest(scale, order)
    )


def is_the_outer_product(derivative, scale, n_dx, n_dy):
    half = half_width(scale)
    x = np.arange(-half, half + 1)
    lines = [derivative(x, scale, order) for order in (n_dx, n_dy)]
    u = x / (scale * np.sqrt(2))
    disc = np.exp(-np.add.outer(u**2, u**2)) / (2 * np.pi * scale**2)
    polynomials = np.outer(eval_hermite(n_dy, u), eval_hermite(n_dx, u)) * (-1 / (scale * np.sqrt(2))) ** (n_dx + n_dy)
    np.testing.assert_allclose(
        np.outer(lines[1], lines[0]), polynomials * disc, rtol=0, atol=1e-12 * np.abs(polynomials * disc).max()
    )


def odd_orders_sum_to_zero(sample, scale, truncation):
    kernels = sample(scale, 7, truncation)
    for order in (1, 3, 5, 7):
        assert abs(kernels[order].sum()) <= 1e-12 * max(1, np.abs(kernels[order]).sum())


def alias(scale, order):
    """Sum the samples of an even order over all whole numbers: by Poisson's formula, its spectrum at 2 pi m."""
    m = np.arange(1, 30)
    waves = 2 * (-1) ** (order // 2) * (2 * np.pi * m) ** order * np.exp(-2 * np.pi**2 * m**2 * scale**2)
    return float(order == 0) + waves.sum()


def outside(scale, order, half):
    """Bound what truncation leaves out: the absolute samples beyond the half width."""
    x = np.arange(half + 1, half + 2 + math.ceil(40 * scale))
    return 2 * np.abs(exact(x, scale, order)).sum()


def even_orders_sum_to_their_alias(sample, scale, truncation):
    half = math.ceil(3 * scale - 1e-9) if truncation == "text" else math.floor(3 * scale + 1e-9) + 1
    kernels = sample(scale, 6, truncation)
    for order in (0, 2, 4, 6):
        rounding = 1e-12 * max(1, np.abs(kernels[order]).sum())
        assert abs(kernels[order].sum() - alias(scale, order)) <= outside(scale, order, half) + rounding


def has_an_odd_length_and_a_centre(sample, scale, truncation):
    kernels = sample(scale, 5, truncation)
    assert kernels.shape[1] % 2 == 1
    signs = (-1.0) ** np.arange(6)[:, None]
    np.testing.assert_allclose(kernels[:, ::-1], signs * kernels, rtol=0, atol=1e-13 * np.abs(kernels).max())


def sampled(scale, order, truncation):
    return sampled_derivatives(scale, order, truncation=truncation)


class TestDerivativeRelation:
    """The derivative of order n + 1 is the slope of that of order n: the meaning of eq. 2.18."""

    @given(scales, orders, points)
    def test_next_order_is_the_slope(self, scale, order, x):
        is_the_slope_of_the_order_below(gaussian_derivative, scale, order, x)


class TestMoments:
    """The integral of x^n g_n is (-1)^n n! (n integrations by parts of a unit mass)."""

    @given(scales, orders)
    def test_nth_moment_of_the_nth_derivative(self, scale, order):
        has_one_moment(gaussian_derivative, scale, order)


class TestScaleCovariance:
    """g_n(2x; 2s) = g_n(x; s) / 2^(n+1): a Gaussian has no length but its scale."""

    @given(scales, orders, points)
    def test_doubling_scale_and_argument(self, scale, order, x):
        widens_with_the_scale(gaussian_derivative, scale, order, x)

    @given(scales, orders, truncations)
    def test_sigma_n_multiplies_each_order_by_its_power(self, scale, order, truncation):
        raw, normed = (
            sampled_derivatives(scale, order, truncation=truncation, norm=norm) for norm in ("raw", "sigma^n")
        )
        np.testing.assert_allclose(normed, raw * (scale ** np.arange(order + 1))[:, None], rtol=1e-14)


class TestSeparability:
    """A derivative of the 2-D Gaussian is the product of two 1-D derivatives (eqs 2.16 and 2.17)."""

    @given(scales, orders, orders)
    def test_outer_product_is_the_two_dimensional_formula(self, scale, n_dx, n_dy):
        is_the_outer_product(gaussian_derivative, scale, n_dx, n_dy)


class TestSums:
    """Odd orders sum to zero by symmetry. Even orders do not: sampling adds 2 (-1)^(n/2) (2 pi)^n exp(-2 pi^2 s^2)
    (Poisson's formula, first term), and truncation leaves out at most the absolute samples beyond the half width."""

    @given(scales, truncations)
    def test_odd_order_kernels_sum_to_zero(self, scale, truncation):
        odd_orders_sum_to_zero(sampled, scale, truncation)

    @given(scales, truncations)
    def test_even_order_kernels_sum_to_their_alias(self, scale, truncation):
        even_orders_sum_to_their_alias(sampled, scale, truncation)

    @pytest.mark.parametrize(("order", "total"), [(2, -0.568), (4, 22.4)])
    def test_even_sums_at_scale_one_half_are_far_from_zero(self, order, total):
        assert sampled_derivatives(0.5, order)[order].sum() == pytest.approx(total, rel=2e-3)
        assert 2 * (-1) ** (order // 2) * (2 * np.pi) ** order * np.exp(-(np.pi**2) / 2) == pytest.approx(
            total, rel=2e-3
        )


class TestSymmetry:
    """A sampled kernel has a centre, and mirrors in it with the parity of its order."""

    @given(scales, truncations)
    def test_kernels_are_even_or_odd(self, scale, truncation):
        has_an_odd_length_and_a_centre(sampled, scale, truncation)


def without_the_sign(x, scale, order):
    return (-1) ** order * exact(x, scale, order)


def without_root_two_in_the_amplitude(x, scale, order):
    return math.sqrt(2) ** order * exact(x, scale, order)


def without_root_two_in_the_argument(x, scale, order):
    return exact(np.asarray(x) * math.sqrt(2), scale, order)


def without_the_mass(x, scale, order):
    return scale * exact(x, scale, order)


def with_verkes_recurrence(x, scale, order):
    return gaussian_derivative(x, scale, order, hermite_verkes)


def shifted_half_a_pixel(scale, order, truncation):
    half = half_width(scale, truncation)
    return np.stack([exact(np.arange(-half, half + 1) + 0.5, scale, n) for n in range(order + 1)])


def of_even_length(scale, order, truncation):
    return sampled(scale, order, truncation)[:, :-1]


def truncated_at_two_scales(scale, order, truncation):
    half = math.ceil(2 * scale)
    return np.stack([exact(np.arange(-half, half + 1), scale, n) for n in range(order + 1)])


def sampled_with_verkes_recurrence(scale, order, truncation):
    return sampled_derivatives(scale, order, truncation=truncation, hermite=hermite_verkes)


def sweep(law, derivative):
    for order in range(5):
        law(derivative, 0.7, order)


@pytest.mark.parametrize(
    ("law", "defect"),
    [
        (is_the_slope_of_the_order_below, without_the_sign),
        (is_the_slope_of_the_order_below, without_root_two_in_the_amplitude),
        (is_the_slope_of_the_order_below, without_root_two_in_the_argument),
        (is_the_slope_of_the_order_below, with_verkes_recurrence),
        (has_one_moment, without_the_sign),
        (has_one_moment, without_root_two_in_the_amplitude),
        (has_one_moment, without_the_mass),
        (has_one_moment, with_verkes_recurrence),
        (widens_with_the_scale, without_the_mass),
    ],
)
def test_law_of_derivatives_rejects_a_planted_defect(law, defect):
    with pytest.raises(AssertionError):
        sweep(law, defect)


@pytest.mark.parametrize("law", [is_the_slope_of_the_order_below, has_one_moment, widens_with_the_scale])
def test_law_of_derivatives_accepts_scipy(law):
    sweep(law, exact)


@pytest.mark.parametrize("defect", [with_verkes_recurrence, without_root_two_in_the_argument, without_the_mass])
def test_law_of_separability_rejects_a_planted_defect(defect):
    with pytest.raises(AssertionError):
        is_the_outer_product(defect, 0.7, 2, 1)


@pytest.mark.parametrize(
    ("law", "defect"),
    [
        (odd_orders_sum_to_zero, shifted_half_a_pixel),
        (odd_orders_sum_to_zero, of_even_length),
        (even_orders_sum_to_their_alias, truncated_at_two_scales),
        (even_orders_sum_to_their_alias, sampled_with_verkes_recurrence),
        (even_orders_sum_to_their_alias, shifted_half_a_pixel),
        (has_an_odd_length_and_a_centre, shifted_half_a_pixel),
        (has_an_odd_length_and_a_centre, of_even_length),
    ],
)
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_law_of_samples_rejects_a_planted_defect(law, defect, scale):
    with pytest.raises(AssertionError):
        law(defect, scale, "text")


class TestHalfWidth:
    """Eq. 3.4, and what the listing's series of floats makes of it."""

    @pytest.mark.parametrize(("truncation", "widths"), [("listing", [2, 3, 4, 5, 7]), ("text", [2, 3, 3, 5, 6])])
    def test_of_the_five_nominal_scales(self, truncation, widths):
        assert [half_width(scale, truncation) for scale in NOMINAL_SCALES] == widths

    def test_listing_is_the_ceiling_of_the_listed_floats(self):
        half, root, one, more, two = NOMINAL_SCALES
        listed = (half, root, LISTED_SCALES[0], more, LISTED_SCALES[1])
        assert [math.ceil(3 * scale) for scale in listed] == [
            half_width(scale, "listing") for scale in (half, root, one, more, two)
        ]

    @given(scales)
    def test_the_two_readings_part_only_where_three_scales_are_whole(self, scale):
        whole = abs(3 * scale - round(3 * scale)) < 1e-8
        assert half_width(scale, "listing") - half_width(scale, "text") in ((0, 1) if whole else (0,))

    def test_an_unknown_reading_is_refused(self):
        with pytest.raises(UsageError, match="unknown truncation 'both'; choose 'listing' or 'text'"):
            half_width(1.0, "both")

    @pytest.mark.parametrize("scale", [0.0, -1.0, math.nan])
    def test_a_scale_that_is_none_is_refused(self, scale):
        with pytest.raises(UsageError, match="scale must be above 0"):
            half_width(scale)


class TestOrders:
    """The derivatives up to order n form a triangle of (n+2 over 2) pairs (eq. 3.5 and appendix A.1)."""

    @given(orders)
    def test_every_pair_occurs_once_and_lower_orders_come_first(self, order):
        pairs = derivative_orders(order)
        assert len(pairs) == len(set(pairs)) == comb(order + 2, 2, exact=True)
        assert [sum(pair) for pair in pairs] == sorted(sum(pair) for pair in pairs)
        assert set(pairs) == {(n, m) for n in range(order + 1) for m in range(order + 1 - n)}

    def test_derivatives_along_x_come_first(self):
        assert derivative_orders(2) == ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))


@given(scales, orders, truncations, norms)
def test_sampled_kernels_have_the_promised_shape(scale, order, truncation, norm):
    kernels = sampled_derivatives(scale, order, truncation=truncation, norm=norm)
    assert kernels.shape == (order + 1, 2 * half_width(scale, truncation) + 1)
    assert kernels.dtype == np.float64


def test_an_unknown_norm_is_refused():
    with pytest.raises(UsageError, match="unknown norm 'l2'; choose 'raw' or 'sigma"):
        sampled_derivatives(1.0, 2, norm="l2")
