"""The one door of a study's claims, asked of committed claims and verdicts and of rows made for it."""

from __future__ import annotations

import json

import pytest

from repro.audit import blessed, evidence
from repro.errors import UsageError
from repro.runs.rows import Row
from studies.rfnn.cases import SCALES
from tests.repro.support.evidence import plant, row

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


def rows_of(replicate: int, *, missing: tuple[float, float] = (0.0, 0.0), diverged: bool = False) -> list[Row]:
    """Return a replicate of rfnn's grid of scales, whose first cell may have diverged."""
    cells = [(first, second) for first in SCALES for second in SCALES if (first, second) != missing]
    return [
        row("scale_grid", "accuracy", json.dumps({"reading": "as_listed", "first": first, "second": second}),
            replicate, 90.0, curve=[80.0, 90.0],
            status="nonfinite" if diverged and (first, second) == cells[0] else "ok")
        for first, second in cells
    ]  # fmt: skip


class TestGrids:
    def test_only_whole_grids_count_and_say_what_diverged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plant(monkeypatch, [*rows_of(0), *rows_of(1, missing=(0.5, 0.5)), *rows_of(2, diverged=True)])
        found = evidence.grids("rfnn", "paper", "scale_grid", "accuracy", **CHOSEN)
        assert {replicate: len(grid) for replicate, grid in found.items()} == {0: 25, 2: 25}
        assert [place for place, value in found[2].items() if value is None] == [(0.5, 0.5)]
        curves = evidence.grids("rfnn", "paper", "scale_grid", "accuracy", column="curve", **CHOSEN)
        assert curves[0][0.5, 2.0] == [80.0, 90.0]

    def test_without_rows_there_is_no_grid(self, monkeypatch: pytest.MonkeyPatch) -> None:
        plant(monkeypatch, [])
        assert evidence.grids("rfnn", "paper", "scale_grid", "accuracy", **CHOSEN) == {}
