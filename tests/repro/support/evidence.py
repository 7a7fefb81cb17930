"""Rows as an audit reads them, in place of tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from repro.audit import admitted
from repro.audit.verdicts import Runs
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


class Alike(admitted.Admitted):
    """The same values of every metric of every case."""

    def runs(self, metric: str, case: str) -> Runs:
        """Return them."""
        return Runs(tuple(one.value for one in self.rows if one.value is not None))


def answer(monkeypatch: pytest.MonkeyPatch, *values: float) -> list[str]:
    """Let every case of every profile have these values, and return the profiles that are asked for, as they are."""
    asked: list[str] = []

    def of(_study: Any, profile: str, _experiment: str) -> admitted.Admitted:
        asked.append(profile)
        return Alike([row("any", "any", "{}", number, value) for number, value in enumerate(values)])

    monkeypatch.setattr(admitted, "of", of)
    return asked
