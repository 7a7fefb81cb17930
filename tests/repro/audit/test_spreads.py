"""Sums of squares over boxes of rounding: the bounds are what no run that rounds so can pass."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.audit import made_of, spreads

whole = st.lists(st.integers(-40, 40), min_size=2, max_size=7).map(sorted)
halves = st.integers(1, 30)


def squares(values: Sequence[int | Fraction]) -> Fraction:
    """Return the sum of squared deviations, exactly."""
    mean = Fraction(sum(values), len(values))
    return sum(((value - mean) ** 2 for value in values), Fraction(0))


class TestBounds:
    """A sum of squared deviations is convex: its greatest value over a box is at a corner, its least may be inside."""

    @given(whole, halves)
    def test_the_greatest_is_that_of_all_corners(self, runs: list[int], half: int) -> None:
        corners = itertools.product(*((run - half, run + half) for run in runs))
        assert Fraction(spreads.most_squares(runs, half), len(runs)) == max(map(squares, corners))

    @given(whole, halves)
    def test_the_least_is_reached_and_nothing_in_the_box_is_below(self, runs: list[int], half: int) -> None:
        """At the minimum each run is as near the mean of all as its box lets it."""
        found = Fraction(*spreads.least_squares(runs, half))
        low, high = Fraction(runs[0]), Fraction(runs[-1])
        for _ in range(60):
            middle = (low + high) / 2
            nearest = [min(max(middle, Fraction(run - half)), Fraction(run + half)) for run in runs]
            mean = sum(nearest) / len(nearest)
            assert squares(nearest) >= found
            low, high = (low, middle) if mean <= middle else (middle, high)
        assert float(squares(nearest)) == pytest.approx(float(found), abs=1e-9)

    def test_a_spread_inside_the_box_is_not_missed(self) -> None:
        """No corner of a box has as little spread as some of its points."""
        assert spreads.least_squares([10, 20, 30], 10) == (0, 1)
        assert made_of.word(made_of.cell(("2 ± 0.3",), ["1", "2", "3"])).verdict == "inconclusive"

    @pytest.mark.parametrize(("spread", "fit"), [("0.4", 0), ("0.5", 1), ("1.0", 2), ("1.5", 1), ("1.6", 0)])
    def test_half_the_range_has_an_interval_too(self, spread: str, fit: int) -> None:
        assert made_of.cell((f"2 ± {spread}",), ["1", "3"]).fits["half-range"] == fit
