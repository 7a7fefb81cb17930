"""A whole published table against the seeds it was made of: a verdict a cell, and the one reading of its spreads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro.audit import made_of, spreads
from repro.audit.made_of import SAID, Entry
from repro.audit.spreads import READINGS
from repro.audit.verdicts import CONTRADICTED, ERROR, Judgement
from repro.errors import DEVIATION, PASS, UNDERPOWERED, USAGE, UsageError
from repro.outside import cells
from repro.outside.published import NoNumber, Published
from repro.outside.seeded import SeededCell, Settings, bring_together
from repro.printed import Printed

UNITS = "give both in one unit"  # what the judge says of runs that are a hundredth of the print, or the hundredfold
LABELS = {
    "median": re.compile(r"\bmed(ian)?\b", re.IGNORECASE),
    "highest": re.compile(r"\b(best|top|max(imum)?|highest)\b", re.IGNORECASE),
    "lowest": re.compile(r"\b(best|min(imum)?|lowest)\b", re.IGNORECASE),
}  # what a row or a column is called that holds no means
NONE, UNKNOWN, INTERVALS = "no spread", "unknown", "intervals"  # kinds of spreads beside those that are known


@dataclass(frozen=True)
class CellVerdict:
    """A cell of a table, and what is said of it."""

    cell: SeededCell
    judgement: Judgement

    @property
    def record(self) -> dict[str, Any]:
        """Return what is known of the cell, for JSON."""
        found, said = self.cell.found, self.judgement
        read = found if isinstance(found, Published) else None
        return {
            "cell": self.cell.name, "table": self.cell.table, "line": self.cell.line, "published": self.cell.text,
            "form": read.form if read else None, "mean": read.mean.text if read else None,
            "spread": read.spread.text if read and read.spread else None, "unit": self.cell.unit,
            "verdict": said.verdict, "evidence": said.evidence, "runs": said.n, "ours": said.ours,
            "theirs": said.theirs, "more": said.more,
        }  # fmt: skip


@dataclass(frozen=True)
class TableVerdict:
    """What is said of every cell of a file in its order, and by table the readings that its spreads have in common.

    Of several readings the cells' digits do not tell which it is; there is none where no cell has a spread.
    """

    cells: tuple[CellVerdict, ...]
    readings: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """Return 2 where a cell could not be judged, else 1 where one is an erratum, 4 where one is undecided, or 0."""
        words = {one.judgement.verdict for one in self.cells}
        if ERROR in words:
            return USAGE
        if words & {*CONTRADICTED}:
            return DEVIATION
        return UNDERPOWERED if "inconclusive" in words else PASS

    @property
    def record(self) -> dict[str, Any]:
        """Return all of it, for JSON."""
        return {
            "cells": [one.record for one in self.cells],
            "readings": {name: [READINGS[one] for one in readings] for name, readings in self.readings.items()},
            "notes": [*self.notes],
        }


def judge_table(cells: Path | str, seeds: Path | str, settings: Settings | None = None) -> TableVerdict:
    """Judge the cells of a table, each against its seeds; one that cannot be judged is an error and stops no other.

    Raise UsageError where the two files cannot be read or do not fit together.
    """
    settings = settings or Settings()
    asking = bring_together(Path(cells), Path(seeds), settings)
    said: dict[int, Judgement] = {}
    entries: dict[int, Entry] = {}
    for place, one in enumerate(asking.cells):
        entry = _entry(one)
        if isinstance(entry, Judgement):
            said[place] = entry
        else:
            entries[place] = entry
    readings = {}
    for name, places in _tables(asking.cells, entries).items():
        own = {place: entries[place] for place in places}
        names = {asking.cells[place].name: place for place in own}
        agreed = made_of.table({label: own[place] for label, place in names.items()})
        readings[name] = agreed.readings
        said |= {
            place: _said(asking.cells[place], own[place], agreed.said[label], settings)
            for label, place in names.items()
        }
    verdicts = tuple(CellVerdict(one, said[place]) for place, one in enumerate(asking.cells))
    return TableVerdict(verdicts, readings, asking.notes)


def _tables(cells: Sequence[SeededCell], entries: Mapping[int, Entry]) -> dict[str, list[int]]:
    """Return which cells have one reading: those of a table, apart where they are said to have spreads of other kinds.

    Intervals are a kind; cells without a spread go with any, and those of no known kind with the one that is known.
    """
    found: dict[str, dict[str, list[int]]] = {}
    for place, entry in entries.items():
        one = cells[place]
        kind = NONE if entry.spread is None else one.spread
        kind = INTERVALS if isinstance(one.found, Published) and one.found.interval is not None else kind
        found.setdefault(one.table, {}).setdefault(kind, []).append(place)
    tables: dict[str, list[int]] = {}
    for name, kinds in found.items():
        known = [kind for kind in kinds if kind not in (NONE, UNKNOWN, INTERVALS)]
        if len(known) == 1:
            kinds[known[0]] += kinds.pop(UNKNOWN, [])
        if len(kinds) > 1:
            loose = kinds.pop(NONE, [])
            kinds[next(iter(kinds))] += loose
        for kind, places in kinds.items():
            tables[f"{name} ({kind})".strip() if len(kinds) > 1 else name] = sorted(places)
    return tables


def _entry(one: SeededCell) -> Entry | Judgement:
    """Return a cell as the judge takes it, or what is said of it where there is nothing to judge."""
    if one.fault:
        return Judgement(ERROR, one.fault, code=USAGE)
    if not isinstance(one.found, Published):
        return _of_none(one)
    if not one.runs:
        return Judgement("inconclusive", f"none of {one.lost} runs gave a number", n=0)
    spread = "ci95" if one.spread == "unknown" and one.found.level == "95" else one.spread
    words = [*one.notes, *(f"beside it {text}" for text in one.found.besides)]
    try:
        return made_of.held(
            one.found.mean, one.found.spread, one.runs, said=one.said, lost=one.lost, besides="; ".join(words),
            readings=SAID[spread], scale=one.scale, resolution=one.resolution,
        )  # fmt: skip
    except UsageError as error:
        return Judgement(ERROR, str(error), code=error.exit_code)


def _of_none(one: SeededCell) -> Judgement:
    """Return what is said of a cell without a number: nothing is to be judged, unless its runs have numbers."""
    text = one.found.text if isinstance(one.found, NoNumber) else one.text
    if one.runs:
        return Judgement("inconclusive", f"no number ({text}), and {len(one.runs)} runs gave one", n=len(one.runs))
    lost = f", as none of {one.lost} runs gave one" if one.lost else ""
    return Judgement("not testable", f"no number ({text}){lost}")


def _said(one: SeededCell, entry: Entry, said: Judgement, settings: Settings) -> Judgement:
    """Return what is said of a cell that is written with an interval, evenly or not, and of one in another unit."""
    if said.verdict in CONTRADICTED:
        try:
            runs = {f"run {number}": float(run) for number, run in enumerate(one.runs, 1)}
            said_unit = cells.unit(settings.unit)
            cells.hold_one_unit("one", runs, said=said_unit, percent="--unit %", same=f"--unit {cells.SAME}")
        except UsageError as error:
            return Judgement(ERROR, str(error), code=error.exit_code)
        named = spreads.other_statistic(entry.sums, entry.mean) if not entry.mean_fits else ""
        if named and LABELS[named].search(one.name):
            words = (
                f"the {named} of {entry.count} prints so, as '{one.name}' says; only means and their spreads are judged"
            )
            return replace(said, verdict="inconclusive", evidence=words)
    if said.verdict == "inconclusive" and UNITS in said.evidence:
        return replace(said, evidence=f"{said.evidence} by `--scale`")
    found = one.found
    if not isinstance(found, Published) or found.interval is None or not entry.whole:
        return said
    stated = found.form != "interval"
    if (stated and not entry.mean_fits) or (said.verdict == "reproduced" and found.spread is not None):
        return said
    mean = f"mean {entry.middle:.12g} of {entry.count}" if entry.mean_fits else f"{entry.count}"
    if _fits_ends(entry, found.interval):
        return replace(said, verdict="reproduced", evidence=f"{mean}; the interval is from the lowest to the highest")
    if found.spread is not None and any(entry.fits.values()):
        return said
    words = f"{mean}; the interval is of no reading that is tried, nor from the lowest to the highest"
    return replace(said, verdict="inconclusive", evidence=words)


def _fits_ends(entry: Entry, interval: tuple[Printed, Printed]) -> bool:
    """Say whether an interval prints as the lowest and the highest run."""
    sums = entry.sums
    ends = zip((sums.runs[0], sums.runs[-1]), interval, strict=True)
    return all(abs(run * sums.step - end.value) <= end.half + sums.half * sums.step for run, end in ends)
