"""Evidence on what the blog says of groups, normalisation and group convolution, in exact numbers where that can be."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np

from repro.audit.evidence import Shown
from studies.sesn.model.group import UNIT, Affine, Element, Residue, Signal

TRIALS = 200
FINITE = Affine(7)  # 42 elements


def _rational(draw: random.Random, low: int) -> Fraction:
    return Fraction(draw.randint(low, 9), draw.randint(1, 9))


def _elements(count: int) -> list[tuple[Element, ...]]:
    """Return as many triples of elements as there are trials, the same at each call."""
    draw = random.Random(0)
    return [tuple(Element(_rational(draw, 1), _rational(draw, -9)) for _ in range(count)) for _ in range(TRIALS)]


def _always(trials: Iterable[bool]) -> Shown:
    """Say whether all trials are true, and how many are not."""
    outcomes = list(trials)
    failed = outcomes.count(False)
    return failed == 0, f"{failed} of {len(outcomes):,} trials in exact numbers fail"


def _scaling(s: Fraction) -> Element:
    return Element(s, Fraction(0))


def _translation(t: Fraction) -> Element:
    return Element(Fraction(1), t)


# S, T and H (mathematical background)


def scaling_group() -> Shown:
    """Ask whether scalings multiply, 1 / s undoes s, and 1 changes nothing."""
    return _always(
        _scaling(g.s) @ _scaling(h.s) == _scaling(g.s * h.s)
        and _scaling(g.s).inverse() == _scaling(1 / g.s)
        and _scaling(g.s) @ _scaling(1 / g.s) == UNIT
        and _scaling(g.s) @ UNIT == _scaling(g.s)
        for g, h in _elements(2)
    )


def scaling_powers() -> Shown:
    """Ask whether a to the minus n undoes a to the n."""
    return _always(_scaling(g.s**n).inverse() == _scaling(g.s**-n) for g, *_ in _elements(1) for n in range(-3, 4))


def scaling_listing() -> Shown:
    """Ask whether the elements listed for the discrete S are powers of a, for a = 3."""
    a = Fraction(3)
    listed = [a**-2, a - 1, Fraction(1), a, a**2]
    ratios = [high / low for low, high in pairwise(listed)]
    words = f"for a = {a} it reads {', '.join(map(str, listed))}, in steps of {', '.join(map(str, ratios))}"
    return set(ratios) == {a}, words


def translation_group() -> Shown:
    """Ask whether translations add, -t undoes t, and 0 changes nothing."""
    return _always(
        _translation(g.t) @ _translation(h.t) == _translation(g.t + h.t)
        and _translation(g.t) @ _translation(-g.t) == UNIT
        and _translation(g.t).inverse() == _translation(-g.t)
        and _translation(g.t) @ UNIT == _translation(g.t)
        for g, h in _elements(2)
    )


def translations_scaled() -> Shown:
    """Ask whether whole pixels are too few for T: do scalings move some of them off the grid?"""
    moved = [(_scaling(Fraction(2) ** n) @ _translation(Fraction(t))).t for n in range(-3, 4) for t in range(1, 17)]
    off = sum(t.denominator != 1 for t in moved)
    return off > 0, f"{off} of {len(moved)} shifts by whole pixels are none after scaling by a power of 2"


def group_product() -> Shown:
    """Ask whether the printed product is associative and is one map after the other."""
    return _always(
        (k @ h) @ g == k @ (h @ g) and h @ g == Element(h.s * g.s, h.s * g.t + h.t) and (h @ g)(k.t) == h(g(k.t))
        for g, h, k in _elements(3)
    )


def scaling_comes_first() -> Shown:
    """Ask whether an element is its scaling followed by its translation, and whether the order matters."""
    right = [_translation(g.t) @ _scaling(g.s) == g for g, *_ in _elements(1)]
    other = sum(_scaling(g.s) @ _translation(g.t) == g for g, *_ in _elements(1))
    return all(right), f"so it is in all {len(right):,} trials; the other order gives the same element in {other}"


def left_quotient() -> Shown:
    """Ask whether the product with an inverse on the left is as printed."""
    return _always(h.inverse() @ g == Element(g.s / h.s, (g.t - h.t) / h.s) for g, h in _elements(2))


def inverse_element() -> Shown:
    """Ask whether the printed inverse undoes an element from both sides."""
    printed = ((g, Element(1 / g.s, -g.t / g.s)) for g, *_ in _elements(1))
    return _always(back @ g == UNIT == g @ back and back == g.inverse() for g, back in printed)


def unit_element() -> Shown:
    """Ask whether (1, 0) changes nothing from either side."""
    one = Element(Fraction(1), Fraction(0))
    return _always(one @ g == g == g @ one for g, *_ in _elements(1))


def semidirect_product() -> Shown:
    """Ask whether H is semidirect: T is normal, S and T meet in the unit, and every element is one of each."""
    pairs = _elements(2)
    normal = all((h @ _translation(g.t) @ h.inverse()).s == 1 for g, h in pairs)
    factored = all(_translation(g.t) @ _scaling(g.s) == g for g, _ in pairs)
    direct = sum((h @ _scaling(g.s) @ h.inverse()).t == 0 for g, h in pairs)
    words = f"T is normal in all {len(pairs):,} trials; S in {direct}, so the product is not direct"
    return normal and factored and direct < len(pairs), words


def truncated_scales() -> Shown:
    """Ask whether the listed finite S has N_S elements, holds the unit, and steps evenly, for a = 2 and N_S = 4."""
    a, count = Fraction(2), 4
    listed = [a, *(a**-n for n in range(1, count + 1))]
    ratios = {high / low for low, high in pairwise(listed)}
    words = f"for a = {a} and N_S = {count} it reads {', '.join(map(str, listed))}: {len(listed)} elements"
    words += "" if 1 in listed else ", without 1"
    return 1 in listed and len(listed) == count and len(ratios) == 1, words


# Normalisation (eq. 1)


def norm_in_one_dimension() -> float:
    """Return how far eq. 1 moves the integral of a function on a line, relative to it, at 20 scales."""
    x = np.arange(-80, 80, 0.004)

    def integral(sigma: float) -> float:
        return float(((1 + (x / sigma) ** 2 + x / sigma) * np.exp(-((x / sigma) ** 2) / 2)).sum() * 0.004) / sigma

    return max(abs(integral(sigma) / integral(1.0) - 1) for sigma in np.linspace(0.1, 4.0, 20))


# Group convolution (eqs. 2 to 4)


def _signal(number: int) -> Signal:
    """Return one of many functions of the finite group with whole values."""
    draw = random.Random(number)
    values = {g: draw.randint(-9, 9) for g in FINITE.elements()}
    return lambda g: values[g]


def _largest(left: Callable[[Residue], int], right: Callable[[Residue], int]) -> float:
    """Return the largest difference of two functions over the finite group."""
    return float(max(abs(left(g) - right(g)) for g in FINITE.elements()))


def left_equivariance() -> float:
    """Return how far convolving a moved signal lies from moving the convolved one, over the finite group."""
    f, psi = _signal(1), _signal(2)
    found = {g: FINITE.convolve(f, psi, g) for g in FINITE.elements()}

    def differ(by: Residue) -> float:
        moved = FINITE.moved_left(f, by)
        return _largest(lambda g: FINITE.convolve(moved, psi, g), FINITE.moved_left(lambda g: found[g], by))

    return max(differ(by) for by in ((3, 2), (1, 5), (6, 0), (5, 4)))


def translated_filter() -> float:
    """Return how far the two printed integrands of eq. 2 lie apart, over pairs of elements of the finite group."""
    psi = _signal(2)

    def differ(g: Residue) -> float:
        back = FINITE.inverse(g)
        return _largest(FINITE.moved_left(psi, g), lambda h: psi(FINITE.product(back, h)))

    return max(differ(g) for g in FINITE.elements())


def haar_measure() -> float:
    """Return how far moving a function by 20 elements changes its integral with ds dt / s^2, relative to it."""
    u = np.arange(-9, 9, 0.05)[:, None]  # log s
    every = np.arange(-120, 120, 0.05)

    def integral(s: float, by: float) -> float:
        t = every[np.abs(every - by) < 8 * s]  # beyond, the function is below 1e-25
        moved = np.exp(-((u - np.log(s)) ** 2) - ((t - by) / s) ** 2 - 0.5 * (u - np.log(s)) * np.tanh((t - by) / s))
        return float((moved * np.exp(-u)).sum())  # ds / s^2 is du / s

    whole = integral(1.0, 0.0)
    return max(abs(integral(s, by) / whole - 1) for s in (0.5, 0.8, 1.25, 2.0) for by in (-3.0, -1.0, 0.0, 0.7, 2.0))


def sum_over_scales() -> float:
    """Return how far eq. 3 lies from eq. 2, over all elements of the finite group."""
    f, psi = _signal(1), _signal(2)
    return _largest(lambda g: FINITE.convolve(f, psi, g), lambda g: FINITE.convolve_by_scale(f, psi, g))


def sum_over_channels() -> float:
    """Return how far eq. 4 lies from eq. 2 summed over three input channels, over the finite group."""
    f_C, psi_OC = [_signal(n) for n in range(3)], [[_signal(10 + 3 * m + n) for n in range(3)] for m in range(2)]
    return max(
        abs(whole - sum(FINITE.convolve(f, psi, g) for f, psi in zip(f_C, row, strict=True)))
        for g in FINITE.elements()
        for whole, row in zip(FINITE.convolve_channels(f_C, psi_OC, g), psi_OC, strict=True)
    )
