"""Imported runs as evidence: they answer a claim only where no run of ours is there, and the evidence says so.

The two are never mixed. Rows of a file that has changed since it was read are set aside, and said.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.audit.verdicts import Origin
from repro.errors import ReproError
from repro.machine.files import there
from repro.machine.reads import about_to_read, by_a_door
from repro.outside import imported, sources
from repro.outside.imported import ImportedRow, Imports

FILES = 2  # of a tool that evidence names; how many more there are is said
REASONS = 3  # why runs left no value, that are named
LOST = ("failed", "unfinished")


@dataclass(frozen=True)
class ImportedCell:
    """The imported runs of a metric of one case: those that count, and in words why others do not.

    One that left no number counts, as it does for `repro judge`: survivors reproduce nothing.
    """

    rows: tuple[ImportedRow, ...] = ()
    left_out: tuple[str, ...] = ()
    number: int = 0  # of all, those that are left out included

    @property
    def values(self) -> tuple[float, ...]:
        """Return what those found that ended in a number."""
        return tuple(row.value for row in self.rows if row.value is not None)

    @property
    def precision(self) -> float:
        """Return how far the values may lie from what the training handed over, relative to it."""
        return max((row.precision for row in self.rows), default=0.0)

    @property
    def diverged(self) -> int:
        """Return how many left the real numbers."""
        return sum(row.status == "nonfinite" for row in self.rows)

    @property
    def by_seed(self) -> dict[str | None, float | None]:
        """Return what they found by seed, None where one left no number."""
        return {row.seed: row.value for row in sorted(self.rows, key=lambda row: row.seed or "")}

    @property
    def lost(self) -> tuple[ImportedRow, ...]:
        """Return those that left no value for another reason than that they diverged."""
        return tuple(row for row in self.rows if row.status in LOST)


def of(study: str, profile: str, experiment: str, metric: str, case: str, unit: str) -> ImportedCell:
    """Return the imported runs of a metric of a case; a `unit` that is not the metric's of then lets none count.

    Raise IntegrityError where the table is none.
    """
    path = imported.path_of(study, profile)
    with by_a_door(f"file:{os.path.abspath(path)}"):
        written = path.stat().st_mtime_ns if there(path) else 0
        table = _table(path, written)
        if isinstance(table, ReproError):
            raise table
        for reading in table.readings.values():
            about_to_read(*sources.names_to_hear(reading.files))
        outdated = _outdated(path, written)
    mine = [row for row in table.rows if row.cell == (experiment, case, metric)]
    reasons: Counter[str] = Counter()
    kept = []
    for row in mine:
        why = _not_counted(row, unit, outdated, table)
        if why:
            reasons[why] += 1
        else:
            kept.append(row)
    words = tuple(f"{number} imported runs left out, {why}" for why, number in reasons.items())
    return ImportedCell(tuple(kept), words, len(mine))


def _not_counted(row: ImportedRow, unit: str, outdated: Mapping[str, str], table: Imports) -> str:
    """Return why an imported row is no evidence, nothing where it is."""
    if row.reading in outdated:
        return f"{outdated[row.reading]} since: `{table.readings[row.reading].command}`"
    if row.unit != unit:
        return f"read in '{row.unit}', and the metric is in '{unit}': `{table.readings[row.reading].command}`"
    return ""


@functools.lru_cache(maxsize=16)
def _table(path: Path, _written: int) -> Imports | ReproError:
    """Return a profile's imported rows, or what speaks against the table, not to ask again for each claim."""
    try:
        return imported.read_if_there(path)
    except ReproError as error:
        return error


@functools.lru_cache(maxsize=16)
def _outdated(path: Path, written: int) -> dict[str, str]:
    """Return why readings of a table are outdated, asked once a command."""
    table = _table(path, written)
    return {} if isinstance(table, ReproError) else table.outdated()


def forget() -> None:
    """Forget which files are here: a long process may see them change."""
    _table.cache_clear()
    _outdated.cache_clear()


def origins(rows: Sequence[ImportedRow]) -> tuple[Origin, ...]:
    """Return the files that rows come from."""
    counts = Counter((row.by, row.file, row.digest) for row in rows)
    return tuple(Origin(*which, number) for which, number in sorted(counts.items()))


def words(rows: Sequence[ImportedRow]) -> str:
    """Say how many runs of which tools and files these are."""
    parts = []
    for tool in sorted({row.by for row in rows}):
        mine = [row for row in rows if row.by == tool]
        files = sorted({row.file for row in mine})
        more = f" and {len(files) - FILES} more files" if len(files) > FILES else ""
        parts.append(f"{len(mine)} runs from {', '.join(files[:FILES])}{more} ({tool})")
    return " and ".join(parts)


def why(lost: Sequence[ImportedRow]) -> str:
    """Say why runs left no value, by the reasons that their files give."""
    counts = Counter(f"{row.status}: {row.detail or 'no reason is given'}" for row in lost)
    said = [f"{number} {reason}" for reason, number in counts.most_common(REASONS)]
    more = f" and {len(counts) - REASONS} more reasons" if len(counts) > REASONS else ""
    return f"{'; '.join(said)}{more}"


def besides(some: Sequence[ImportedCell], *, ours: bool) -> str:
    """Say which imported runs are left out, nothing where there are none."""
    number = sum(one.number for one in some)
    why = "since runs of ours are there" if ours else "since one of the two cases has none"
    return f"{number} imported runs left out, {why}" if number else ""
