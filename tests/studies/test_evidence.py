"""The one door of a study's claims, asked of committed claims and verdicts and of rows made for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from repro.audit import blessed, evidence
from repro.errors import UsageError
from studies.rfnn.cases import SCALES

CHOSEN = {"reading": "as_listed"}


def test_what_a_claim_publishes_is_as_printed() -> None:
    assert evidence.published("rfnn", "baseline-best") == ("99.01",)
    with pytest.raises(UsageError, match="study 'rfnn' has no claim 'baseline-bst'; did you mean 'baseline-best'"):
        evidence.published("rfnn", "baseline-bst")


def test_verdicts_are_a_study_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"study": "rfnn", "id": "one", "verdict": "reproduced"},
        {"study": "sesn", "id": "two", "verdict": "erratum"},
    ]
    monkeypatch.setattr(blessed, "held", lambda _root: rows)
    assert evidence.verdicts("rfnn") == {"one": "reproduced"}


def rows_of(
    replicate: int, *, missing: tuple[float, float] = (0.0, 0.0), diverged: bool = False
) -> list[dict[str, Any]]:
    """Return a replicate of rfnn's grid of scales, whose first cell may have diverged."""
    cells = [(first, second) for first in SCALES for second in SCALES if (first, second) != missing]
    return [
        {"experiment": "scale_grid", "metric": "accuracy", "replicate": replicate, "value": 90.0, "curve": [80.0, 90.0],
         "case": json.dumps({"reading": "as_listed", "first": first, "second": second}),
         "status": "nonfinite" if diverged and (first, second) == cells[0] else "ok"}
        for first, second in cells
    ]  # fmt: skip


class TestGrids:
    def test_only_whole_grids_count_and_hold_what_is_a_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = [*rows_of(0), *rows_of(1, missing=(0.5, 0.5)), *rows_of(2, diverged=True)]
        monkeypatch.setattr(evidence, "_tables", lambda _study, _profile: [rows])
        found = evidence.grids("rfnn", "paper", "scale_grid", "accuracy", **CHOSEN)
        assert {replicate: len(grid) for replicate, grid in found.items()} == {0: 25, 2: 24}
        curves = evidence.grids("rfnn", "paper", "scale_grid", "accuracy", column="curve", **CHOSEN)
        assert curves[0][0.5, 2.0] == [80.0, 90.0]

    def test_the_store_is_asked_where_the_golden_has_no_whole_grid(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tables = [rows_of(0, missing=(0.5, 0.5)), rows_of(7)]
        monkeypatch.setattr(evidence, "_tables", lambda _study, _profile: tables)
        assert [*evidence.grids("rfnn", "paper", "scale_grid", "accuracy", **CHOSEN)] == [7]
        monkeypatch.setattr(evidence, "_tables", lambda _study, _profile: [])
        assert evidence.grids("rfnn", "paper", "scale_grid", "accuracy", **CHOSEN) == {}
