"""The smoke golden holds its rows to their bands."""

from __future__ import annotations

from repro.golden.check import check
from repro.runs import table
from tests.studies.goldens import smoke


def test_one_accuracy_lowered_by_five_points_is_a_deviation() -> None:
    held = smoke("rfnn")
    whole = held.rows.to_pylist()
    rows = [row for row in whole if row["replicate"] == whole[0]["replicate"]]
    learnt = next(row for row in rows if row["metric"] == "accuracy" and (row["value"] or 0) > 95)
    learnt["value"] -= 5
    assert check(table.build(rows, {}), held.rows, held.bands).exit_code == 1
