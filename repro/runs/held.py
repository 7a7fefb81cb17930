"""Which runs a store holds, one entry a run: what is asked of a million of them without a million objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from repro.machine.git import is_dirty, is_unknown
from repro.runs import pieces, table
from repro.runs.coded import Coded, Mask, Numbers, coded, numbered, numbers_of

RunKey = tuple[str, str, int]  # experiment, case, replicate
MadeBy = tuple[str, str, str]  # settings, data, code
RUN = ("experiment", "case", "replicate")
IDENTITY = ("settings", "data", "code")
MOST_SHORT = 2**16
TEXTS = ("experiment", "case", *IDENTITY, "status", "commit")


@dataclass(frozen=True)
class Held:
    """The runs of a table: each column's entries, of a run's last row, in one order."""

    texts: dict[str, Coded]
    rows: Numbers  # of each row of the table, which run it is of
    units: tuple[Coded, Coded]  # of each row of the table, its metric and unit
    replicate: Numbers
    wall_seconds: NDArray[np.float64]

    def __len__(self) -> int:
        """Return how many runs these are."""
        return len(self.replicate)

    @property
    def finished(self) -> Mask:
        """Say of each run whether it is: a failed one is made again."""
        return self._said("status", lambda status: status != "failed")

    @property
    def uncommitted(self) -> Mask:
        """Say of each run whether its code was not, or not wholly, committed."""
        return self._said("commit", lambda commit: is_dirty(commit) or is_unknown(commit))

    def made(self, by: Callable[[str, str, MadeBy], bool]) -> Mask:
        """Say of each run what `by` says of its experiment, case and identity, asked once for each kind."""
        names = ("experiment", "case", *IDENTITY)
        kind = numbered([self.texts[name].codes for name in names])
        first = np.zeros(int(kind.max(initial=-1)) + 1, np.int64)
        first[kind] = np.arange(len(kind))
        kinds = zip(*(self._entries(name, first) for name in names), strict=True)
        return np.array([by(one[0], one[1], one[2:]) for one in kinds], bool)[kind]

    def measured(self, so: Callable[[str, str, str], bool]) -> Mask:
        """Say of each run whether `so` says yes of the experiment, metric and unit of each of its rows."""
        experiment = self.texts["experiment"]
        columns = [Coded(experiment.codes[self.rows], experiment.values), *self.units]
        kind = numbered([one.codes for one in columns])
        first = np.zeros(int(kind.max(initial=-1)) + 1, np.int64)
        first[kind] = np.arange(len(kind))
        names = zip(*([one.values[code] for code in one.codes[first].tolist()] for one in columns), strict=True)
        others = ~np.array([so(*name) for name in names], bool)[kind]
        return np.asarray(np.bincount(self.rows[others], minlength=len(self)) == 0)

    def keys(self, chosen: Mask) -> set[RunKey]:
        """Return the names of some runs."""
        return set(self._named(np.flatnonzero(chosen)))

    def mask(self, keys: Collection[RunKey]) -> Mask:
        """Say of each run whether it is one of these names."""
        return np.array([key in keys for key in self._named(np.arange(len(self)))], bool)

    def done(self) -> dict[RunKey, MadeBy]:
        """Return the identity of every finished run by its name."""
        places = np.flatnonzero(self.finished)
        made_by = zip(*(self._entries(name, places) for name in IDENTITY), strict=True)
        return dict(zip(self._named(places), made_by, strict=True))

    def replicates(self, chosen: Mask) -> dict[tuple[str, str], set[int]]:
        """Return the replicates of some runs by experiment and case."""
        places, bounds = self._by_case(np.flatnonzero(chosen), self.replicate)
        names = zip(*(self._entries(name, places[bounds[:-1]]) for name in RUN[:2]), strict=True)
        numbers = np.split(self.replicate[places], bounds[1:-1])
        return {name: set(some.tolist()) for name, some in zip(names, numbers, strict=False)}

    def seconds(self) -> dict[tuple[str, str], float]:
        """Return the wall seconds of the runs by experiment and case: the median, the higher of two middle ones."""
        places, bounds = self._by_case(np.arange(len(self)), self.wall_seconds)
        middle = places[(bounds[:-1] + bounds[1:]) // 2]
        names = zip(*(self._entries(name, middle) for name in RUN[:2]), strict=True)
        return dict(zip(names, self.wall_seconds[middle].tolist(), strict=True))

    def statuses(self) -> Counter[str]:
        """Return how many runs ended in each status."""
        status = self.texts["status"]
        counts = np.bincount(status.codes, minlength=len(status.values)).tolist()
        return Counter({name: count for name, count in zip(status.values, counts, strict=True) if count})

    def _said(self, name: str, say: Callable[[str], bool]) -> Mask:
        of = self.texts[name]
        return np.array([say(value) for value in of.values], bool)[of.codes] if of.values else np.zeros(0, bool)

    def _entries(self, name: str, places: Numbers) -> list[str]:
        of = self.texts[name]
        return [of.values[code] for code in of.codes[places].tolist()]

    def _named(self, places: Numbers) -> list[RunKey]:
        columns = (self._entries("experiment", places), self._entries("case", places))
        return list(zip(*columns, self.replicate[places].tolist(), strict=True))

    def _by_case(self, places: Numbers, within: NDArray[np.generic]) -> tuple[Numbers, Numbers]:
        """Return places case by case, those of one by `within`, and where each case begins, the end behind them."""
        cell = numbered([self.texts[name].codes[places] for name in RUN[:2]])
        counts = np.bincount(cell)
        inner = np.argsort(within[places])
        few = cell.astype(np.uint16 if len(counts) <= MOST_SHORT else np.int64)  # which numpy sorts by their digits
        order = inner[np.argsort(few[inner], kind="stable")]
        return places[order], np.concatenate([[0], np.cumsum(counts)])


def held(results: Path) -> Held:
    """Return which runs a store holds. Raise IntegrityError where its table, or its journal, is none."""
    columns = (*RUN, "metric", "unit", *IDENTITY, "status", "commit", "wall_seconds")
    if pieces.there(results):
        rows = pieces.read(results, columns, (*TEXTS, "metric", "unit"))
        table.refuse_gaps(rows, results)
    else:
        rows = table.SCHEMA.empty_table()
    run = table.keyed(rows, RUN)
    last = np.zeros(int(run.max(initial=-1)) + 1, np.int64)
    last[run] = np.arange(len(run))
    texts = {}
    for name in TEXTS:
        whole = coded(rows[name])
        texts[name] = Coded(whole.codes[last], whole.values)
    units = (coded(rows["metric"]), coded(rows["unit"]))
    return Held(texts, run, units, numbers_of(rows["replicate"])[last], numbers_of(rows["wall_seconds"])[last])
