"""The laws of the scale-translation group, and its convolution on a finite group (blog, eqs 2 to 4)."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from studies.sesn.model.group import UNIT, Affine, Element

rationals = st.fractions(max_denominator=50, min_value=-50, max_value=50)
elements = st.builds(Element, st.fractions(Fraction(1, 50), 50, max_denominator=50), rationals)
FINITE = Affine(5)
residues = st.tuples(st.integers(1, 4), st.integers(0, 4))
signals = st.lists(st.integers(-9, 9), min_size=20, max_size=20).map(
    lambda values: dict(zip(FINITE.elements(), values, strict=True)).__getitem__
)


def translated_first(second, first):
    """Compose as if an element translated before it scales: not this group."""
    return Element(second.s * first.s, first.t + second.t / first.s)


class TestElement:
    """(s2, t2) (s1, t1) = (s2 s1, s2 t1 + t2), the inverse is (1/s, -t/s), the unit (1, 0)."""

    @given(elements, elements, elements)
    def test_product_is_associative(self, a, b, c):
        assert (a @ b) @ c == a @ (b @ c)

    @given(elements)
    def test_inverse_undoes_on_both_sides(self, a):
        assert a @ a.inverse() == a.inverse() @ a == UNIT

    @given(elements)
    def test_unit_changes_nothing(self, a):
        assert a @ UNIT == UNIT @ a == a

    @given(elements, elements, rationals)
    def test_product_acts_as_one_after_the_other(self, a, b, x):
        assert (a @ b)(x) == a(b(x))

    @given(elements, elements)
    def test_quotient_is_the_blogs(self, b, a):
        assert b.inverse() @ a == Element(a.s / b.s, (a.t - b.t) / b.s)

    @given(elements, rationals)
    def test_translations_are_normal(self, a, t):
        conjugate = a @ Element(Fraction(1), t) @ a.inverse()
        assert conjugate == Element(Fraction(1), a.s * t)

    def test_scalings_are_not_normal(self):
        shift = Element(Fraction(1), Fraction(1))
        assert (shift @ Element(Fraction(2), Fraction(0)) @ shift.inverse()).t == -1

    def test_order_matters(self):
        double, shift = Element(Fraction(2), Fraction(0)), Element(Fraction(1), Fraction(1))
        assert (double @ shift, shift @ double) == (
            Element(Fraction(2), Fraction(2)),
            Element(Fraction(2), Fraction(1)),
        )

    def test_a_planted_order_of_scaling_and_translation_is_no_action(self):
        a, b = Element(Fraction(2), Fraction(1)), Element(Fraction(3), Fraction(1))
        assert translated_first(a, b)(Fraction(1)) != a(b(Fraction(1)))

    @pytest.mark.parametrize("s", [0, -1])
    def test_scaling_without_inverse_or_with_a_flip_is_refused(self, s):
        with pytest.raises(UsageError, match="must be above 0"):
            Element(Fraction(s), Fraction(0))


class TestConvolution:
    """[f * psi](g) = sum f(g') psi(g^-1 g') commutes with moving f from the left (eq. 2), and splits by scale (3)."""

    def convolved(self, f, psi, prime=FINITE):
        return {g: prime.convolve(f, psi, g) for g in prime.elements()}

    @given(signals, signals, residues)
    def test_is_equivariant_to_the_left(self, f, psi, by):
        moved = FINITE.moved_left(self.convolved(f, psi).__getitem__, by)
        assert self.convolved(FINITE.moved_left(f, by), psi) == {g: moved(g) for g in FINITE.elements()}

    def test_is_not_equivariant_to_the_right(self):
        f, psi = (lambda g: g[0] ** 2 + 3 * g[1]), (lambda g: g[0] * g[1] + g[1] ** 2)
        by = (2, 1)
        moved = {g: self.convolved(f, psi)[FINITE.product(g, by)] for g in FINITE.elements()}
        assert self.convolved(lambda g: f(FINITE.product(g, by)), psi) != moved

    @given(signals, signals, residues)
    def test_splits_into_correlations_of_rescaled_filters(self, f, psi, g):
        assert FINITE.convolve_by_scale(f, psi, g) == FINITE.convolve(f, psi, g)

    @given(st.lists(signals, min_size=6, max_size=6), st.lists(signals, min_size=2, max_size=2), residues)
    def test_channels_are_summed_with_a_filter_for_each_pair(self, filters, f_C, g):
        psi_OC = [filters[:2], filters[2:4], filters[4:]]
        expected = [sum(FINITE.convolve(f, psi, g) for f, psi in zip(f_C, row, strict=True)) for row in psi_OC]
        assert FINITE.convolve_channels(f_C, psi_OC, g) == expected

    @pytest.mark.parametrize("prime", [2, 3, 7])
    def test_holds_for_other_primes(self, prime):
        group = Affine(prime)
        f, psi = (lambda g: 2 * g[0] + g[1] ** 2), (lambda g: g[0] - 3 * g[1])
        assert all(group.convolve_by_scale(f, psi, g) == group.convolve(f, psi, g) for g in group.elements())
        by = (prime - 1, 1)
        moved = group.moved_left(self.convolved(f, psi, group).__getitem__, by)
        assert self.convolved(group.moved_left(f, by), psi, group) == {g: moved(g) for g in group.elements()}

    def test_forgetting_the_inverse_is_noticed(self):
        f, psi, by = (lambda g: g[0] ** 2 + 3 * g[1]), (lambda g: g[0] * g[1] + g[1] ** 2), (2, 1)

        def wrong(signal):
            return {g: sum(signal(h) * psi(FINITE.product(g, h)) for h in FINITE.elements()) for g in FINITE.elements()}

        moved = FINITE.moved_left(wrong(f).__getitem__, by)
        assert wrong(FINITE.moved_left(f, by)) != {g: moved(g) for g in FINITE.elements()}

    @given(residues, residues, residues)
    def test_finite_product_is_a_group(self, a, b, c):
        product = FINITE.product
        assert product(product(a, b), c) == product(a, product(b, c))
        assert product(a, FINITE.inverse(a)) == product(FINITE.inverse(a), a) == (1, 0)

    @pytest.mark.parametrize("number", [1, 4, 9])
    def test_modulus_that_is_no_prime_is_refused(self, number):
        with pytest.raises(UsageError, match="is not a prime"):
            Affine(number)
