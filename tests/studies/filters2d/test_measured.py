"""What experiments return: sizes as printed, laws that hold, lines that fail, and a correlation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from repro.errors import UsageError
from studies.common.randomness import stream
from studies.filters2d.cases import LAWS
from studies.filters2d.data import signals
from studies.filters2d.measured import laws, sizes
from studies.filters2d.measured.listings import LISTINGS, listing_figures
from studies.filters2d.measured.transforms import correlation


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("full", 226), ("separable", 32), ("dense", 16_781_312), ("shapes", 826_510), ("lstm", 233), ("lstm2", 681),
        ("mosaic", 228), ("channel", 122),
    ],
)  # fmt: skip
def test_parameters_are_those_of_the_notebook(name: str, parameters: int) -> None:
    assert sizes.network_figures(name)["parameters"] == parameters


@pytest.mark.parametrize(("name", "seen"), [("topology", 49), ("median", 225), ("lstm2", 117), ("mosaic_hidden", 243)])
def test_what_an_answer_sees(name: str, seen: int) -> None:
    assert sizes.view_figures(name)["seen"] == seen


def test_correlation_is_one_for_a_scaled_array_and_less_for_another() -> None:
    x = torch.rand((60, 1, 8, 8), generator=stream(0, "images"))
    assert correlation(3 * x + 1, x) == pytest.approx(1)
    assert abs(correlation(x, x.flip(0))) < 0.2


class TestListings:
    @pytest.mark.parametrize("name", LISTINGS)
    def test_they_raise_what_they_must(self, name: str) -> None:
        assert listing_figures(name) == {"raised": 1}

    def test_a_line_that_runs_or_fails_otherwise_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(LISTINGS, "runs", (lambda: None, IndexError))
        monkeypatch.setitem(LISTINGS, "fails", (lambda: int("x"), IndexError))
        assert [listing_figures(name)["raised"] for name in ("runs", "fails")] == [0, 0]
        with pytest.raises(UsageError, match="unknown listing 'none'"):
            listing_figures("none")


class TestLaws:
    def test_every_law_is_declared(self) -> None:
        assert sorted(laws.LAWS) == sorted(LAWS)

    @pytest.mark.parametrize("name", [name for name in LAWS if name not in ("xyz_superposition", "fft_as_defined")])
    def test_it_holds(self, name: str) -> None:
        assert laws.law_figures(name) == {"apart": 0}

    def test_two_do_not_hold_as_stated(self) -> None:
        assert laws.law_figures("xyz_superposition")["apart"] > 1
        assert laws.law_figures("fft_as_defined")["apart"] == 63

    def test_another_decay_breaks_the_recursion(self, monkeypatch: pytest.MonkeyPatch) -> None:
        recursive = signals.recursive

        def wrong(values: np.ndarray) -> np.ndarray:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(signals, "DECAY", 0.71)
                return recursive(values)

        monkeypatch.setattr(signals, "recursive", wrong)
        assert laws.law_figures("recursion_by_scipy")["apart"] > 1e-3

    def test_another_matrix_breaks_the_colours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        xyz = signals.xyz
        monkeypatch.setattr(signals, "xyz", lambda rgb: 1.001 * xyz(rgb))
        assert laws.law_figures("xyz_of_linear_light")["apart"] > 1e-4
