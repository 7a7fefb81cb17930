"""Golden runs that a new golden takes over: of older code, and no evidence of today's, until they are made again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from repro.errors import IntegrityError
from repro.golden import log, stored
from repro.golden.findings import RunKey
from repro.runs import table
from repro.runs.rows import digest


def carried(root: Path, study: str, profile: str, rows: pa.Table, old: Collection[RunKey]) -> set[RunKey]:
    """Return those of the runs `old` in `rows` that the golden of before holds, every row of them as it is here.

    Its bands may be of an older rule. Raise IntegrityError where its rows are not those that were blessed.
    """
    path = stored.path_of(root, study, profile)
    if not old or not path.exists():
        return set()
    entry = log.newest(log.read(log.path_of(root)), f"{study}/{profile}")
    if entry is None:  # of a first bless that was cut short: nothing was blessed
        return set()
    held = table.read(path)
    if entry["after"].get("rows") != digest(held):
        raise IntegrityError(f"{path}: not the rows that were blessed; {log.RESTORE}")
    before, now = by_run(held), by_run(rows)
    return {run for run in old if run in before and before[run] == now[run]}


def by_run(some: pa.Table) -> dict[RunKey, list[str]]:
    """Return each run's rows as texts, in the order of their metric."""
    found: dict[RunKey, list[str]] = defaultdict(list)
    for row in some.to_pylist():
        found[row["experiment"], row["case"], row["replicate"]].append(repr([row[name] for name in table.SCHEMA.names]))
    return {run: sorted(mine) for run, mine in found.items()}
