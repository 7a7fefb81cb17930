"""What the smoke golden's rows tell of a planted mistake."""

from __future__ import annotations

import pytest

from repro.errors import DEVIATION
from tests.studies.goldens import check_cell
from tests.studies.rbf.mistakes import evaluation_mode_forgotten


def test_only_the_network_s_answers_tell_a_forgotten_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what catches it is the mode: what the network is shown stays the same."""
    evaluation_mode_forgotten(monkeypatch)
    findings = check_cell("rbf", "shown_images", "part=test").findings
    moved = {finding.metric for finding in findings if finding.code == DEVIATION}
    assert moved
    assert all(metric.startswith("network_") for metric in moved)
