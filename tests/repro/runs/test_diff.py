"""Differences of two result tables: each sort found, the fast way equal to the slow one."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import IntegrityError, UsageError
from repro.runs import journal
from repro.runs.diff import as_json, compare, compare_files, render
from repro.runs.table import with_environments
from tests.repro.support.synthetic import build, diverge, invented, rows_of, write

ROWS = rows_of(invented(), range(3))


def edited(index: int, **changes: object) -> pa.Table:
    return build([{**row, **changes} if place == index else row for place, row in enumerate(ROWS)])


def test_equal_tables_are_equal() -> None:
    found = compare(build(ROWS), build(ROWS))
    assert found.exit_code == 0
    assert render(found) == f"EQUAL: {len(ROWS)} rows, 0 removed, 0 added, 0 changed"


def test_differing_facts_are_named_and_decide_nothing() -> None:
    one = {"cpu": "a", "threads": 1, "image": None, "packages": {"numpy": "2", "scipy": "1"}}
    other = {**one, "cpu": "b", "image": {"tree": "3d"}, "packages": {"numpy": "2", "scipy": "1.1"}}
    found = compare(with_environments(build(ROWS), {"1": one}), with_environments(build(ROWS), {"2": other, "3": one}))
    assert found.exit_code == 0
    facts = ("cpu: a -> a | b", "image.tree: absent -> 3d", "packages.scipy: 1 -> 1 | 1.1")
    assert found.facts == facts
    assert render(found).startswith("the environments differ in cpu: a -> a | b\n")


@pytest.mark.parametrize(
    ("column", "value"),
    [("value", 1.0), ("unit", "bits"), ("n_test", 5), ("settings", "{}"), ("data", ""), ("status", "failed")],
)
def test_every_compared_column_is_compared(column: str, value: object) -> None:
    found = compare(build(ROWS), edited(4, **{column: value}))
    assert found.exit_code == 1
    assert [(change.column, change.first, change.second) for change in found.changed] == [
        (column, ROWS[4][column], value)
    ]
    assert column in render(found)


def test_a_diverged_run_is_no_number() -> None:
    lost = dict(ROWS[4])
    diverge(lost)
    found = compare(build(ROWS), edited(4, **lost), absolute=1e9)
    assert {change.column for change in found.changed} >= {"value", "status"}
    assert compare(edited(4, **lost), edited(4, **lost)).exit_code == 0


def test_nan_equals_nothing() -> None:
    assert compare(edited(4, value=math.nan), edited(4, value=math.nan), absolute=1.0).exit_code == 1


def test_rows_that_come_and_go_are_found_in_any_order() -> None:
    found = compare(build(ROWS[1:]), build(ROWS[:-1][::-1]))
    assert [len(found.added), len(found.removed), len(found.changed)] == [1, 1, 0]
    assert found.exit_code == 1
    assert "removed" in render(found)
    assert "added" in render(found)
    assert compare(build(ROWS), build(ROWS[::-1])).exit_code == 0


def test_a_doubled_key_is_refused() -> None:
    with pytest.raises(IntegrityError, match="have the key of another row"):
        compare(build(ROWS), build([*ROWS, ROWS[0]]))


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), st.floats(0, 2), st.floats(0, 0.1))
def test_the_order_of_rows_changes_no_difference(shifts: list[float], absolute: float, relative: float) -> None:
    rows = [{**row, "value": row["value"] + shift} for row, shift in zip(ROWS, shifts, strict=False)]
    rows += ROWS[len(rows) :]
    fast, slow = (
        compare(build(ROWS), build(other), absolute=absolute, relative=relative) for other in (rows, rows[::-1])
    )
    assert fast.changed == slow.changed
    wanted = [
        abs(new["value"] - old["value"]) > absolute + relative * abs(new["value"])
        for old, new in zip(ROWS, rows, strict=True)
    ]
    assert len(fast.changed) == sum(wanted)


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_tolerances_are_finite_and_not_negative(bad: float) -> None:
    with pytest.raises(UsageError, match="tolerances"):
        compare(build(ROWS), build(ROWS), absolute=bad)


def test_a_relative_tolerance_is_of_the_second_table() -> None:
    """As the help says: 10 % of 90.5 are less than the 9.5 that it is away from 100."""
    high, low = edited(4, value=100.0), edited(4, value=90.5)
    assert [len(compare(*pair, relative=0.1).changed) for pair in ((high, low), (low, high))] == [1, 0]


@pytest.mark.parametrize(
    ("column", "value"), [("seed", 1), ("code", "other"), ("curve", [1.0]), ("epochs", 9), ("detail", "else")]
)
def test_what_is_not_compared_is_said_where_it_differs(column: str, value: object) -> None:
    found = compare(build(ROWS), edited(4, **{column: value}))
    assert (found.exit_code, found.noted) == (0, (column,))
    assert f"not compared, and not the same: {column}\nEQUAL: " in render(found)


def test_files_are_compared_and_the_largest_change_comes_first(tmp_path: Path) -> None:
    rows = [dict(row) for row in ROWS]
    rows[0]["value"] += 1.0
    rows[1]["value"] += 9.0
    found = compare_files(write(tmp_path / "a.parquet", ROWS), write(tmp_path / "b.parquet", rows))
    assert len(found.changed) == 2
    assert str(rows[1]["value"]) in render(found, limit=1)
    assert json.loads(json.dumps(as_json(found)))["exit_code"] == 1


@pytest.mark.parametrize("column", ["value", "seed", "detail", "wall_seconds"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_table_that_is_not_what_was_written_is_compared_with_none(tmp_path: Path, column: str, beside: bool) -> None:
    """Values that somebody had edited in the file were differences of the runs."""
    one, other = write(tmp_path / "a.parquet", ROWS), write(tmp_path / "b.parquet", ROWS)
    if beside:  # what a journal holds is read with it
        folder = journal.folder_of(other)
        folder.mkdir()
        write(folder / "1.parquet", rows_of(invented(), range(3, 4)))
    found = pq.read_table(other)
    changed = ["else" if column == "detail" else value + 3 for value in found[column].to_pylist()]
    place = found.schema.get_field_index(column)
    field = found.schema.field(column)
    pq.write_table(found.set_column(place, field, pa.array(changed, field.type)), other)
    for pair in ((one, other), (other, one)):
        with pytest.raises(IntegrityError, match=r"b\.parquet: its rows are not what was written, by its own digest"):
            compare_files(*pair)
