"""What a planted mistake is caught by is the mistake: neither the way it is planted, nor rows that were kept."""

from __future__ import annotations

import pytest

import repro.data
from repro.errors import PASS, IntegrityError
from repro.golden import findings
from studies.sesn.data import scaled
from studies.sesn.model import layers
from tests.studies.goldens import check_cell
from tests.studies.sesn.mistakes import centre_of_the_image, plainly


def test_layers_evaluated_plainly_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.LiftConv2d, "forward", plainly)
    result = check_cell("sesn", "forward", "model=scalar_small")
    assert result.exit_code == PASS, findings.render(result)


def test_images_scaled_about_another_centre_are_not_the_pinned_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    centre_of_the_image(monkeypatch)
    monkeypatch.setattr(repro.data, "kept_at", lambda _: None)  # made anew, not read from the cache
    with pytest.raises(IntegrityError, match="digits-scale-0"):
        repro.data.read_verified(scaled.SCALED_DIGITS)
