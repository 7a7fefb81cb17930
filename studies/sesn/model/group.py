"""The group of scalings and translations, in exact numbers, and a finite group where its convolution can be summed.

An element (s, t) first scales by s, then translates by t (blog, "Mathematical background").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from repro.errors import UsageError


@dataclass(frozen=True)
class Element:
    """A scaling by `s` above 0 followed by a translation by `t`, both rational."""

    s: Fraction
    t: Fraction

    def __post_init__(self) -> None:
        if self.s <= 0:
            raise UsageError(f"scale-translation group: a scaling must be above 0, got {self.s}; 0 has no inverse")

    def __matmul__(self, first: Element) -> Element:
        """Return the element that does `first`, then this one."""
        return Element(self.s * first.s, self.s * first.t + self.t)

    def inverse(self) -> Element:
        """Return the element that undoes this one."""
        return Element(1 / self.s, -self.t / self.s)

    def __call__(self, x: Fraction) -> Fraction:
        """Move a point."""
        return self.s * x + self.t


UNIT = Element(Fraction(1), Fraction(0))

Residue = tuple[int, int]  # (s, t) modulo a prime, s not 0
Signal = Callable[[Residue], int]


@dataclass(frozen=True)
class Affine:
    """The maps x -> s x + t of the integers modulo a prime: a finite group with the product of scale and translation.

    Integrals over it are sums of integers, so that what eqs 2 to 4 say of convolutions holds exactly or not at all.
    """

    prime: int

    def __post_init__(self) -> None:
        if self.prime < 2 or any(self.prime % n == 0 for n in range(2, self.prime)):
            raise UsageError(f"affine group: {self.prime} is not a prime, so some scalings have no inverse; try 7")

    def elements(self) -> Iterator[Residue]:
        """Give all p (p - 1) elements."""
        return ((s, t) for s in range(1, self.prime) for t in range(self.prime))

    def product(self, second: Residue, first: Residue) -> Residue:
        """Return the element that does `first`, then `second`."""
        return second[0] * first[0] % self.prime, (second[0] * first[1] + second[1]) % self.prime

    def inverse(self, g: Residue) -> Residue:
        """Return the element that undoes `g`."""
        s = pow(g[0], -1, self.prime)
        return s, -s * g[1] % self.prime

    def convolve(self, f: Signal, psi: Signal, g: Residue) -> int:
        """Sum f(g') psi(g^-1 g') over the group (eq. 2)."""
        back = self.inverse(g)
        return sum(f(h) * psi(self.product(back, h)) for h in self.elements())

    def convolve_by_scale(self, f: Signal, psi: Signal, g: Residue) -> int:
        """Sum over input scales the correlations along the translations with the filter rescaled by s (eq. 3)."""
        (s, t), p = g, self.prime
        shrunk = pow(s, -1, p)
        return sum(
            f((scale, x)) * psi((shrunk * scale % p, shrunk * (x - t) % p)) for scale in range(1, p) for x in range(p)
        )

    def convolve_channels(self, f_C: list[Signal], psi_OC: list[list[Signal]], g: Residue) -> list[int]:
        """Sum over channels too, with one filter for each pair of channels (eq. 4)."""
        return [sum(self.convolve_by_scale(f, psi, g) for f, psi in zip(f_C, row, strict=True)) for row in psi_OC]

    def moved_left(self, f: Signal, by: Residue) -> Signal:
        """Return L f: x -> f(by^-1 x), what a transformed image looks like to the group."""
        back = self.inverse(by)
        return lambda g: f(self.product(back, g))
