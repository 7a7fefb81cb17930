"""What is measured of the scale augmentation tells the published centre from another."""

from __future__ import annotations

import pytest

from studies.sesn.data import affine
from studies.sesn.measured.scaling import scaling_figures


class TestScalingFigures:
    def test_the_published_centre_moves_what_is_scaled_down(self) -> None:
        """A blob about pixel 13.5 of 28 is half a pixel above the transform's centre, 14.5 - 0.5, and moves with it."""
        figures = scaling_figures(61, 0.5)
        assert figures["centre_down"] == pytest.approx(figures["centre_across"], abs=1e-9)
        assert abs(figures["centre_down"]) > 0.05

    def test_another_centre_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(affine, "CENTRE_SHIFT", 0.0)
        figures = scaling_figures(61, 0.5)
        assert abs(figures["centre_down"]) < 0.01
