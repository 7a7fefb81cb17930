"""Join result tables from several machines; the same run with another value is a conflict, never a choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from repro.errors import CannotCompareError, UsageError
from repro.runs import pieces
from repro.runs.held import IDENTITY, RUN
from repro.runs.plan import refuse_foreign_seeds
from repro.runs.table import KEY, build, environments

SAME = ("seed", "unit", "status", "value", "curve", "n_test", "epochs", *IDENTITY)
SHOWN_CONFLICTS = 10


def merge(paths: Sequence[Path]) -> pa.Table:
    """Return the union of the tables' rows; a row that several hold is kept once, from the first.

    A failed run gives way to a finished one. Raises CannotCompareError (exit 3) naming every row whose seed, identity,
    status or value differs between tables, UsageError for tables of more than one study and profile, and IntegrityError
    for a seed that is not that of its run.
    """
    read = [pieces.read(path) for path in paths]
    for path, table in zip(paths, read, strict=True):
        refuse_foreign_seeds(table, path)
    owners = {
        pair for table in read for pair in zip(*(table[name].to_pylist() for name in ("study", "profile")), strict=True)
    }
    if len(owners) > 1:
        names = ", ".join(f"{study}/{profile}" for study, profile in sorted(owners))
        raise UsageError(f"the tables belong to {names}; merge the tables of one study and profile at a time")
    kept: dict[tuple[Any, ...], tuple[dict[str, Any], Path]] = {}
    conflicts: list[str] = []
    for path, table in zip(paths, read, strict=True):
        for row in table.to_pylist():
            key = tuple(row[name] for name in KEY)
            earlier = kept.get(key)
            if earlier is None or (earlier[0]["status"] == "failed" and row["status"] != "failed"):
                kept[key] = (row, path)
            elif row["status"] != "failed":
                conflicts += _conflict(earlier, (row, path))
    conflicts += _of_two_identities(kept.values())
    if conflicts:
        more = f" (+{len(conflicts) - SHOWN_CONFLICTS} more)" if len(conflicts) > SHOWN_CONFLICTS else ""
        raise CannotCompareError(
            f"{len(conflicts)} conflicts, nothing written; remove the wrong table, or keep them apart: "
            f"{'; '.join(conflicts[:SHOWN_CONFLICTS])}{more}"
        )
    records = {name: record for table in read for name, record in environments(table).items()}
    return build([row for row, _ in kept.values()], records)


def _of_two_identities(rows: Iterable[tuple[dict[str, Any], Path]]) -> list[str]:
    """Return the runs whose metrics are of different code, settings or data, as where one has a new name."""
    first: dict[tuple[Any, ...], tuple[dict[str, Any], Path]] = {}
    found: dict[tuple[Any, ...], str] = {}
    for row, path in rows:
        run = tuple(row[name] for name in RUN)
        one, where = first.setdefault(run, (row, path))
        differing = [name for name in IDENTITY if one[name] != row[name]]
        if differing:
            found.setdefault(
                run,
                f"{row['experiment']} {row['case']} replicate {row['replicate']}: {differing[0]} {one[differing[0]]} "
                f"of {one['metric']} in {where}, {row[differing[0]]} of {row['metric']} in {path}",
            )
    return [*found.values()]


def _conflict(one: tuple[dict[str, Any], Path], other: tuple[dict[str, Any], Path]) -> list[str]:
    differing = [name for name in SAME if one[0][name] != other[0][name]]
    if not differing:
        return []
    name = differing[0] if differing != ["value", "curve"] else "value"
    row = one[0]
    return [
        f"{row['experiment']} {row['case']} {row['metric']} replicate {row['replicate']}: "
        f"{name} {one[0][name]} in {one[1]}, {other[0][name]} in {other[1]}"
    ]
