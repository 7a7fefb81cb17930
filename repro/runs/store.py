"""Where finished runs live: one Parquet table a study and profile, replaced atomically after every finished run."""

from __future__ import annotations

import fcntl
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro.errors import InfrastructureError
from repro.machine import files
from repro.machine.git import is_dirty, is_unknown
from repro.registry import root
from repro.runs import table

RUN = ("experiment", "case", "replicate")
UNFINISHED = ".unfinished"  # of the folder beside a table that keeps the state of runs that were cut off
RERUNS = "reruns"  # the folder beside a table for the runs that its checks asked for
IDENTITY = ("settings", "data", "code")


class Store:
    """The finished runs of one study and profile. Use `exclusive` to write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.table = table.read(path) if files.there(path) else table.with_environments(table.SCHEMA.empty_table(), {})

    @classmethod
    @contextmanager
    def exclusive(cls, path: Path) -> Iterator[Store]:
        """Open for writing; a second process that wants the same store is told so (exit 7)."""
        with files.refused(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            held = path.with_suffix(".lock").open("w")
        with held as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise InfrastructureError(
                    f"{path}: another `repro run` is writing this store; wait for it, or give one --results FILE"
                ) from error
            files.sweep(path)
            yield cls(path)

    def holds(self, path: Path) -> bool:
        """Say whether a file is this store's: a table, one set aside or made again, a lock, or one being written."""
        return belongs(path, self.path)

    @property
    def unfinished(self) -> Path:
        """Return the folder for the state of runs that are not finished."""
        return self.path.with_suffix(UNFINISHED)

    def done(self) -> dict[tuple[str, str, int], tuple[str, str, str]]:
        """Return the identity (settings, data, code) of every finished run by (experiment, case, replicate).

        A failed run is not finished: it is made again.
        """
        columns = [self.table[name].to_pylist() for name in (*RUN, *IDENTITY, "status")]
        return {row[:3]: row[3:6] for row in zip(*columns, strict=True) if row[6] != "failed"}

    def append(self, rows: Sequence[dict[str, Any]], environments: dict[str, dict[str, Any]]) -> None:
        """Add the rows of finished runs, in place of a failed attempt at the same runs, and write the table."""
        added = table.build(rows, environments)
        again = {tuple(row[name] for name in RUN) for row in rows}
        runs = zip(*(self.table[name].to_pylist() for name in RUN), strict=True)
        kept = self.table.filter(pa.array([run not in again for run in runs], pa.bool_()))
        merged = table.concatenate([kept, added])
        table.write(self.path, merged)
        self.table = merged

    def set_aside(self, runs: set[tuple[str, str, int]]) -> Path | None:
        """Move runs made by other code, settings or data into a numbered table beside this one; nothing is lost."""
        if not runs:
            return None
        keys = zip(*(self.table[name].to_pylist() for name in RUN), strict=True)
        stale = pa.array([key in runs for key in keys], pa.bool_())
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.aside-{number}.parquet")).exists():
            number += 1
        table.write(aside, self.table.filter(stale))
        self.table = self.table.filter(pc.invert(stale))
        table.write(self.path, self.table)
        return aside

    def statuses(self) -> Counter[str]:
        """Return how many runs ended in each status."""
        columns = [self.table[name].to_pylist() for name in (*RUN, "status")]
        return Counter({row[:3]: row[3] for row in zip(*columns, strict=True)}.values())

    def uncommitted(self) -> set[tuple[str, str, int]]:
        """Return the runs of code that was not, or not wholly, committed."""
        columns = [self.table[name].to_pylist() for name in (*RUN, "commit")]
        return {row[:3] for row in zip(*columns, strict=True) if is_dirty(row[3]) or is_unknown(row[3])}

    def seconds(self) -> dict[tuple[str, str], float]:
        """Return the wall seconds of earlier runs by (experiment, case): the median over replicates."""
        grouped: dict[tuple[str, str], list[float]] = {}
        for experiment, case, seconds in zip(
            *(self.table[name].to_pylist() for name in ("experiment", "case", "wall_seconds")), strict=True
        ):
            grouped.setdefault((experiment, case), []).append(seconds)
        return {key: sorted(values)[len(values) // 2] for key, values in grouped.items()}


def belongs(path: Path, results: Path) -> bool:
    """Say whether a file is part of the store of a results table, or of what its checks ran again."""
    own, name = results.resolve(), path.name.lstrip(".")
    if path.parent == own.with_suffix(UNFINISHED):
        return True
    kind = name.startswith(f"{own.stem}.") and (name == f"{own.stem}.lock" or ".parquet" in name)
    beside = own.parent.parent if own.parent.name == RERUNS else own.parent
    return kind and path.parent in (beside, beside / RERUNS)


def results_path(study: str, profile: str) -> Path:
    """Return where the results of a study's profile are kept."""
    return root() / "results" / study / f"{profile}.parquet"


def reruns_path(results: Path) -> Path:
    """Return where the runs are kept that checks of a results table asked for."""
    return results.parent / RERUNS / results.name
