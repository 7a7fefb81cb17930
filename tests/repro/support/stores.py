"""Runs of a made-up study, the table that they come to, and a store that was left as a killed process leaves it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from repro.runs import journal, table
from repro.runs.store import Store

HERE = {"here": {"machine": "x86"}}


def run(replicate: int, case: str = "{}", status: str = "ok", value: float = 1.5) -> list[dict[str, Any]]:
    """Return the two rows of a run."""
    common = {
        "study": "s", "experiment": "e", "case": case, "profile": "smoke", "replicate": replicate, "seed": replicate,
        "unit": "1", "curve": [0.1 * replicate, 1.0 / 3.0, -0.0], "status": status, "detail": "", "n_test": None,
        "epochs": 3, "wall_seconds": 0.25, "device": "cpu", "settings": "null", "data": "", "code": "c" * 64,
        "environment": "here", "commit": "a" * 40, "finished": datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
        "attempts": 1,
    }  # fmt: skip
    return [
        {**common, "metric": metric, "value": value + replicate if status == "ok" else None} for metric in ("x", "y")
    ]


def many(count: int) -> list[list[dict[str, Any]]]:
    """Return runs of five cases in an order that is none of theirs."""
    runs = [run(number // 5, f'{{"n":{number % 5}}}') for number in range(count)]
    random.Random(count).shuffle(runs)
    return runs


def as_one(runs: list[list[dict[str, Any]]]) -> pa.Table:
    """Return the table that these runs come to."""
    rows = table.build([row for some in runs for row in some], HERE)
    return rows.sort_by([(name, "ascending") for name in table.KEY])


@contextmanager
def killed(path: Path) -> Iterator[Store]:
    """Write a store as a process does that dies at the end: nothing is joined."""
    store = Store(path)
    store._join_seconds = float("inf")
    yield store
    store._end_log()


def logged(folder: Path, *batches: list[list[dict[str, Any]]]) -> Path:
    """Return a log with an append for each of these."""
    log = journal.Writer(path := folder / "smoke.journal" / "1.log")
    for batch in batches:
        log.append(batch, HERE)
    log.close()
    return path
