"""Rows that are evidence, without a study that made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro import registry
from repro.audit import admitted
from repro.runs.rows import Row


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Row]:
    """Stand in for the rows that are evidence."""
    held: list[Row] = []
    monkeypatch.setattr(registry, "root", lambda: tmp_path)
    monkeypatch.setattr(
        admitted,
        "of",
        lambda _study, _profile, name: admitted.Admitted([one for one in held if one.experiment == name]),
    )
    return held
