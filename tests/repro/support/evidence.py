"""Rows as an audit reads them, in place of tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from repro.audit import admitted
from repro.runs.rows import Row


def row(
    experiment: str,
    metric: str,
    case: str,
    replicate: int,
    value: float | None,
    *,
    curve: list[float] | None = None,
    status: str = "ok",
) -> Row:
    """A row of a run that is evidence."""
    curved = None if curve is None else np.array(curve).tobytes()
    return Row(experiment, case, metric, replicate, replicate, "1", value, status, None, "null", "", "c", "e", curved)


def plant(monkeypatch: pytest.MonkeyPatch, rows: Iterable[Row]) -> None:
    """Let every profile have these rows and no others."""
    held = list(rows)

    def of(_study: Any, profile: str, experiment: str) -> admitted.Admitted:
        return admitted.Admitted([one for one in held if one.experiment == experiment])

    monkeypatch.setattr(admitted, "of", of)
