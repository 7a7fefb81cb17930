"""Laws of the Hermite polynomials, and proof that each of them notices a mistake."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from scipy.special import eval_hermite

from repro.errors import UsageError
from studies.common.hermite import hermite, hermite_verkes
from tests.property.strategies import orders, points

GRID = np.linspace(-3, 3, 25)


def envelope(x, order):
    """Bound |H_order| on [-|x|, |x|]: the polynomial with all its coefficients made positive."""
    below, here = 0.0, 1.0
    for n in range(1, order + 1):
        below, here = here, 2 * abs(x) * here + 2 * (n - 1) * below
    return here


def rounding(x, order):
    """Bound the rounding error of H_order(x), the last term where numbers are too small for a full mantissa."""
    number = np.finfo(float)
    return 4 * number.eps * (order + 1) * envelope(x, order) + number.tiny


def agrees_with_scipy(polynomial, x, order):
    assert abs(polynomial(x, order) - eval_hermite(order, x)) <= 2 * rounding(x, order)


def steps_by_the_recurrence(polynomial, x, order):
    expected = 2 * x * polynomial(x, order + 1) - 2 * (order + 1) * polynomial(x, order)
    assert abs(polynomial(x, order + 2) - expected) <= rounding(x, order + 2)


def has_the_parity_of_its_order(polynomial, x, order):
    assert polynomial(-x, order) == (-1) ** order * polynomial(x, order)


def grows_by_the_order_below(polynomial, x, order):
    h, n = 1e-4, order + 1
    slope = (polynomial(x + h, n) - polynomial(x - h, n)) / (2 * h)
    third = 8 * n * (n - 1) * (n - 2) * envelope(abs(x) + h, max(n - 3, 0))  # bounds the third derivative
    error = h**2 / 6 * third + rounding(abs(x) + h, n) / h
    assert abs(slope - 2 * n * polynomial(x, order)) <= error


class TestHermite:
    """H_n(x) = 2x H_{n-1} - 2(n-1) H_{n-2} with H_0 = 1 and H_1 = 2x (eqs 2.19 and 2.20; DLMF 18.9)."""

    @given(points, orders)
    def test_equals_scipy(self, x, order):
        agrees_with_scipy(hermite, x, order)

    @given(points, orders)
    def test_three_neighbouring_orders_obey_the_recurrence(self, x, order):
        steps_by_the_recurrence(hermite, x, order)


class TestParity:
    """H_n(-x) = (-1)^n H_n(x) (DLMF 18.6.1), exactly: rounding has no sign."""

    @given(points, orders)
    def test_mirrored_argument_keeps_or_flips_the_sign(self, x, order):
        has_the_parity_of_its_order(hermite, x, order)


class TestDerivative:
    """H_n' = 2n H_{n-1} (DLMF 18.9.25), within the error of a central difference."""

    @given(points, orders)
    def test_slope_is_a_multiple_of_the_order_below(self, x, order):
        grows_by_the_order_below(hermite, x, order)


def without_the_factor_two(x, order):
    """The probabilists' polynomials."""
    return 2 ** (-order / 2) * eval_hermite(order, np.asarray(x) / np.sqrt(2))


def with_the_wrong_sign(x, order):
    return (-1) ** (order // 2) * eval_hermite(order, x)


def off_centre(x, order):
    return eval_hermite(order, np.asarray(x) + 0.01)


def sweep(law, polynomial):
    for order in range(5):
        for x in GRID:
            law(polynomial, x, order)


@pytest.mark.parametrize(
    ("law", "defect"),
    [
        (agrees_with_scipy, hermite_verkes),
        (steps_by_the_recurrence, hermite_verkes),
        (grows_by_the_order_below, hermite_verkes),
        (agrees_with_scipy, without_the_factor_two),
        (grows_by_the_order_below, without_the_factor_two),
        (steps_by_the_recurrence, with_the_wrong_sign),
        (has_the_parity_of_its_order, off_centre),
    ],
)
def test_law_rejects_a_planted_defect(law, defect):
    with pytest.raises(AssertionError):
        sweep(law, defect)


@pytest.mark.parametrize(
    "law", [agrees_with_scipy, steps_by_the_recurrence, has_the_parity_of_its_order, grows_by_the_order_below]
)
def test_law_accepts_scipy(law):
    sweep(law, lambda x, n: eval_hermite(n, x))


def test_verkes_recurrence_differs_from_order_two_on():
    same = [np.array_equal(hermite(GRID, n), hermite_verkes(GRID, n)) for n in range(5)]
    assert same == [True, True, False, False, False]


def test_verkes_recurrence_is_the_one_section_2_3_3_quotes():
    np.testing.assert_allclose(hermite_verkes(GRID, 2), 4 * GRID**2 - 4)
    np.testing.assert_allclose(hermite_verkes(GRID, 3), 8 * GRID**3 - 20 * GRID)


def test_shape_of_the_argument_is_kept():
    assert hermite(np.zeros((2, 3)), 4).shape == (2, 3)


def test_negative_order_is_refused():
    with pytest.raises(UsageError, match="order must be 0 or more, got -1"):
        hermite(0.0, -1)
