"""Mistakes planted into the results of the toy project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from repro.runs.table import build, read, write
from tests.repro.conftest import RESULTS

Rows = list[dict[str, object]]


def plant(folder: Path, change: Callable[[Rows], Rows]) -> None:
    """Change the rows of the project's results."""
    write(folder / RESULTS, build(change(read(folder / RESULTS).to_pylist()), {}))


def first_pi_lower(rows: Rows) -> Rows:
    """Lower the first value of pi by one, far below its band."""
    place = next(index for index, row in enumerate(rows) if row["metric"] == "pi")
    value = rows[place]["value"]
    assert isinstance(value, float)
    rows[place]["value"] = value - 1.0
    return rows
