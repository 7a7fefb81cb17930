"""What rows say in words: means with their range, and nothing where there is nothing."""

from __future__ import annotations

import json

import pytest

from repro.errors import NothingSelectedError
from studies.common.measured import Measured


def row(value: float | None, status: str = "ok", **case: object) -> dict[str, object]:
    return {"experiment": "e", "metric": "m", "case": json.dumps(case), "value": value, "status": status}


MEASURED = Measured([row(1.0, a=1), row(3.0, a=1), row(5.0, a=2), row(5.0, a=2), row(None, "nonfinite", a=1)])


def test_mean_and_range_of_the_runs_of_a_case() -> None:
    assert MEASURED.text("e", "m", "{:.1f}", a=1) == "2.0 (1.0 to 3.0)"
    assert MEASURED.mean("e", "m", a=1) == 2
    assert MEASURED.runs("e", "m") == 4


def test_what_is_written_the_same_is_written_once() -> None:
    assert MEASURED.text("e", "m", a=2) == "5"


def test_each_value_is_taken_back_before_the_mean() -> None:
    assert MEASURED.text("e", "m", "{:.0f}", of=lambda value: 10**value, a=1) == "505 (10 to 1000)"


def test_nothing_measured_is_no_number() -> None:
    with pytest.raises(NothingSelectedError, match="no finished run of e a=3 with m"):
        MEASURED.mean("e", "m", a=3)
