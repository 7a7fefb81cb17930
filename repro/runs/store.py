"""Where finished runs live: one Parquet table a study and profile, and beside it a journal of those that came since."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from repro.errors import InfrastructureError
from repro.machine import files, locks, terminal
from repro.registry import root
from repro.runs import journal, pieces, table
from repro.runs.coded import Mask
from repro.runs.held import Held, MadeBy, RunKey, held

UNFINISHED = ".unfinished"  # of the folder beside a table that keeps the state of runs that were cut off
RERUNS = "reruns"  # the folder beside a table for the runs that its checks asked for
LOG_BYTES = 2**19  # of a journal's log, before it becomes a table
TOGETHER = 4  # so many tables of a journal become one, and so many of those again
JOIN_SHARE = 0.01  # of the time, at most, is spent on joining the journal into the table before the end


class Store:
    """The finished runs of one study and profile. Use `exclusive` to write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: Held | None = None
        self._log: journal.Writer | None = None
        self._number = 0  # of the log
        self._joined, self._join_seconds = time.monotonic(), 0.0

    @classmethod
    @contextmanager
    def exclusive(cls, path: Path) -> Iterator[Store]:
        """Open for writing; a second process that wants the same store is told so (exit 7).

        What a killed writer left in the journal is joined first, and at the end all that came.
        """
        busy = f"{path}: another command is writing this store; wait for it, or name another table (--results FILE)"
        with locks.exclusive(path.with_suffix(".lock"), busy):
            store = cls(path)
            begun = time.monotonic()
            store._take_up()
            store._joined = time.monotonic()
            store._join_seconds = store._joined - begun  # about as long as joining will take
            try:
                yield store
            except InfrastructureError:  # a machine that refuses to write; what the journal holds is kept as it is
                store._end_log()
                raise
            except BaseException:
                store.join()
                raise
            store.join()

    def _take_up(self) -> None:
        """Make what a killed writer left one table, and refuse it where it is not what was written."""
        files.sweep(self.path)
        for path in journal.pieces(self.path):
            files.sweep(path.with_suffix(".parquet"))
            if path.suffix == ".log" and journal.read(path)[1]:
                terminal.say(f"repro: {path}: the last append did not finish; it is dropped, its runs are made again")
        if files.there(self.path):
            pieces.hold(self.path)
        self.join()

    @property
    def table(self) -> pa.Table:
        """Return all rows."""
        if not pieces.there(self.path):
            return table.with_environments(table.SCHEMA.empty_table(), {})
        return pieces.read(self.path)

    def columns(self, names: Sequence[str]) -> pa.Table:
        """Return some columns of all rows, texts as dictionaries."""
        if not pieces.there(self.path):
            return table.SCHEMA.empty_table().select(list(names))
        return pieces.read(self.path, names, [name for name in names if name in pieces.TEXTS])

    def slices(self) -> Iterator[pa.Table]:
        """Yield the rows of the joined table in slices; for whoever has the store open to write."""
        self.join()
        with self._opened() as opened:
            yield from opened.slices(np.arange(sum(opened.sizes)))

    @property
    def runs(self) -> Held:
        """Return which runs there are."""
        if self._held is None:
            self._held = held(self.path)
        return self._held

    def holds(self, path: Path) -> bool:
        """Say whether a file is this store's: a table, one set aside or made again, a journal's, or a lock."""
        return belongs(path, self.path)

    @property
    def unfinished(self) -> Path:
        """Return the folder for the state of runs that are not finished."""
        return self.path.with_suffix(UNFINISHED)

    def done(self) -> dict[RunKey, MadeBy]:
        """Return the identity (settings, data, code) of every finished run by (experiment, case, replicate).

        A failed run is not finished: it is made again.
        """
        return self.runs.done()

    def append(
        self, runs: Sequence[Sequence[Mapping[str, Any]]], environments: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Add finished runs, a sequence of rows each, in place of a failed attempt at the same runs, or an older one.

        They are on the disk before this ends, all or none, at a cost that does not grow with what is there.
        """
        if self._log is None:
            self._number += 1
            self._log = journal.Writer(journal.folder_of(self.path) / f"{self._number}.log")
        self._log.append(runs, environments)
        self._held = None
        if self._log.size > LOG_BYTES:
            self._end_log()
            journal.to_table(journal.folder_of(self.path) / f"{self._number}.log")
            self._put_together()
        if time.monotonic() - self._joined > self._join_seconds / JOIN_SHARE:
            self.join()

    def join(self) -> None:
        """Write the table anew with all that the journal holds, a slice at a time."""
        start = time.monotonic()
        self._end_log()
        beside = [journal.to_table(path) if path.suffix == ".log" else path for path in journal.pieces(self.path)]
        if beside:
            with self._opened() as opened:
                opened.write(self.path, opened.standing())
            journal.remove(self.path, beside)
        self._joined = time.monotonic()
        self._join_seconds = self._joined - start

    def _put_together(self) -> None:
        """Join tables of the journal, so that their number grows with the logarithm of what is in them.

        The joined one takes the place of the last, and stands for the others while they are there.
        """
        span = TOGETHER
        while self._number % span == 0:
            some = [path for path in journal.pieces(self.path) if int(path.stem) > self._number - span]
            with pieces.Opened(some) as opened:
                opened.write(some[-1], opened.standing())
            journal.remove(self.path, some[:-1])
            span *= TOGETHER

    def _end_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None

    def _opened(self) -> pieces.Opened:
        own = [self.path] if files.there(self.path) else []
        return pieces.Opened([*own, *journal.pieces(self.path)])

    def set_aside(self, chosen: Mask, *, staying: Mask | None = None) -> Path | None:
        """Move some of `runs` into a numbered table beside this one; nothing is lost.

        Those `staying` are copied, and stand here until others take their place.
        """
        if not chosen.any():
            return None
        self.join()
        number = 1
        while (aside := self.path.with_name(f"{self.path.stem}.aside-{number}.parquet")).exists():
            number += 1
        with self._opened() as opened:
            order = np.arange(sum(opened.sizes))
            opened.write(aside, order[chosen[self.runs.rows]])
            going = chosen if staying is None else chosen & ~staying
            opened.write(self.path, order[~going[self.runs.rows]])
        self._held = None
        return aside


def belongs(path: Path, results: Path) -> bool:
    """Say whether a file is part of the store of a results table, or of what its checks ran again."""
    own, name = results.resolve(), path.name.lstrip(".")
    if path.parent in (own.with_suffix(UNFINISHED), journal.folder_of(own), journal.folder_of(reruns_path(own))):
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
