"""What a results table says about each row of a golden: fresh values, replays, and whatever keeps them apart."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from repro.golden.bands import Band
from repro.runs.coded import arrow
from repro.runs.rows import Cell, Row, as_rows


@dataclass(frozen=True)
class Weighed:
    """What is known about one row: the finite values and diverged runs of fresh evidence, and what is wrong with it.

    `replayed` counts the runs that repeat a golden run bit for bit (no evidence of their own), `own` those of them that
    are the golden's own rows, made once. `altered` says which ones should have and did not, `changed` which did not
    since other code made them, `faults` why values cannot be held against the band, `failed` counts crashed runs.
    `again` are the values and `again_diverged` the diverged runs of further fresh seeds, made to confirm; `outlying` is
    the replicate of the value farthest from the golden mean. `foreign` says that fresh evidence is of another kind of
    machine than the golden's rows of the experiment, `foreign_again` that what confirms is.
    """

    band: Band
    values: tuple[float, ...] = ()
    diverged: int = 0
    replayed: int = 0
    own: int = 0
    failed: int = 0
    altered: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    again: tuple[float, ...] = ()
    again_diverged: int = 0
    outlying: int = -1
    foreign: bool = False
    foreign_again: bool = False


@dataclass(frozen=True)
class Context:
    """What rows are weighed against: the golden runs by origin, and the kind of machine of each environment."""

    golden: Mapping[tuple[str | int, ...], Row]
    strata: Mapping[str, str]
    environments: Mapping[str, Collection[str]]  # of the golden's rows, by experiment

    @functools.cached_property
    def kinds(self) -> Mapping[str, Collection[str]]:
        """Return the golden's kinds of machine by experiment, which is one where it was blessed."""
        return {name: {self.strata[one] for one in found} for name, found in self.environments.items()}

    def foreign(self, row: Row) -> bool:
        """Say whether a row is of another kind of machine than all golden rows of its experiment."""
        return self.strata[row.environment] not in self.kinds.get(row.experiment, ())


def context_of(rows: Sequence[Row], golden: pa.Table, strata: Mapping[str, str]) -> Context:
    """Return what rows are weighed against; of the golden's runs, those of their seeds."""
    seeds = {row.seed for row in rows}
    places = [place for place, seed in enumerate(golden["seed"].to_pylist()) if seed in seeds]
    old = {row.origin: row for row in as_rows(golden.take(arrow(np.array(places, np.int64))))}
    environments: dict[str, set[str]] = defaultdict(set)
    for name, one in zip(golden["experiment"].to_pylist(), golden["environment"].to_pylist(), strict=True):
        environments[name].add(one)
    return Context(old, strata, environments)


def sound(rows: Sequence[Row]) -> tuple[list[Row], list[tuple[Row, str]]]:
    """Part the rows that can be read from those that cannot: a repeated key or seed, a number that is none."""
    kept, broken = [], []
    keys: set[tuple[Cell, str, int]] = set()
    for row in rows:
        replicate, seed = (row.cell, "replicate", row.replicate), (row.cell, "seed", row.seed)
        if replicate in keys or seed in keys:
            broken.append((row, f"replicate {row.replicate} (seed {row.seed}) stands twice"))
        elif row.status == "ok" and (row.value is None or not math.isfinite(row.value)):
            broken.append((row, f"replicate {row.replicate} says ok and holds {row.value}"))
        elif row.status != "ok" and row.value is not None:
            broken.append((row, f"replicate {row.replicate} is {row.status} and holds {row.value}"))
        elif row.status not in ("ok", "nonfinite", "failed"):
            broken.append((row, f"replicate {row.replicate} has the unknown status '{row.status}'"))
        else:
            keys |= {replicate, seed}
            kept.append(row)
    return kept, broken


def gather(
    results: Sequence[Row], reruns: Sequence[Row], bands: Mapping[Cell, Band], context: Context
) -> dict[Cell, Weighed]:
    """Return the evidence about every band that has at least one row in `results`; `reruns` add to it."""
    cells: dict[Cell, list[Row]] = defaultdict(list)
    again: dict[Cell, list[Row]] = defaultdict(list)
    replicates: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in results:
        cells[row.cell].append(row)
        replicates[row.experiment, row.case].add(row.replicate)
    for row in reruns:
        again[row.cell].append(row)
    return {
        cell: weigh(bands[cell], rows, again[cell], replicates[cell[:2]], context)
        for cell, rows in cells.items()
        if cell in bands
    }


def weigh(band: Band, rows: Sequence[Row], reruns: Sequence[Row], replicates: set[int], context: Context) -> Weighed:
    """Return the evidence about one band: what is fresh, what repeats a golden run, what does not fit."""
    altered, changed, replayed, own = [], [], 0, 0
    fresh: dict[bool, list[Row]] = {False: [], True: []}  # of the results; of the runs that confirm
    made = {row.replicate: row for row in rows}
    for again, row in [(False, row) for row in rows] + [(True, row) for row in reruns]:
        first = made.get(row.replicate) if again else None
        twin = context.golden.get(row.origin) if band.judged and row.status != "failed" else None
        # In this order: a run made a second time is no new seed (of the golden's own it is a replay), a golden seed is
        # no fresh one, and what repeats its golden run adds nothing; only what is left is evidence of its own.
        if first is not None and repeats(row, first):
            if band.judged and row.outcome != first.outcome:
                altered.append(f"does not repeat: {difference(row, first, 'the results')}")
            elif twin is not None and is_own(first, twin) and not is_own(row, twin):
                replayed += twin.outcome == row.outcome
        elif twin is None and first is not None:
            if band.judged and row.outcome != first.outcome and like(row, first, context):
                changed.append(f"{difference(row, first, 'the results')}, by other {', '.join(differing(row, first))}")
        elif twin is None:
            fresh[again].append(row)
        elif twin.outcome == row.outcome:
            replayed += 1
            own += is_own(row, twin)
        elif repeats(row, twin):
            altered.append(f"same seed, same code, same environment, another value: {difference(row, twin, 'golden')}")
        else:
            if like(row, twin, context):
                changed.append(f"{difference(row, twin, 'golden')}, by other {', '.join(differing(row, twin))}")
            if not again:
                fresh[again].append(row)
    values = {row.replicate: row.value for row in fresh[False] if row.status == "ok" and row.value is not None}
    confirming = sorted(fresh[True], key=lambda row: row.replicate)
    return Weighed(
        band,
        values=tuple(values.values()),
        diverged=sum(row.status == "nonfinite" for row in fresh[False]),
        replayed=replayed,
        own=own,
        failed=sum(row.status == "failed" for row in (*fresh[False], *confirming)),
        altered=tuple(altered),
        changed=tuple(changed),
        faults=tuple(misfits(band, rows, replicates)),
        again=tuple(row.value for row in confirming if row.status == "ok" and row.value is not None),
        again_diverged=sum(row.status == "nonfinite" for row in confirming),
        outlying=max(values, key=lambda name: abs(values[name] - (band.mean or 0.0))) if values else -1,
        foreign=any(map(context.foreign, fresh[False])),
        foreign_again=any(map(context.foreign, confirming)),
    )


def like(row: Row, other: Row, context: Context) -> bool:
    """Say whether two runs are of one kind of machine."""
    return context.strata[row.environment] == context.strata[other.environment]


def is_own(row: Row, twin: Row) -> bool:
    """Say whether a row is the golden's own, made once."""
    return row.finished == twin.finished and repeats(row, twin)


def repeats(row: Row, other: Row) -> bool:
    """Say whether two runs of one seed are to be the same to the bit: the same code in the same environment."""
    return not differing(row, other)


def differing(row: Row, other: Row) -> list[str]:
    """Return in what two runs of one seed differ, of what decides their bits."""
    return [name for name in ("code", "environment", "settings", "data") if getattr(row, name) != getattr(other, name)]


def difference(row: Row, twin: Row, whose: str) -> str:
    """Say how a run that should repeat another differs from it."""
    now, then = (row.status if row.value is None else repr(row.value) for row in (row, twin))
    what = f"{now}, {whose} {then}" if now != then else f"{now} with another curve"
    return f"replicate {row.replicate} has {what}"


def misfits(band: Band, rows: Iterable[Row], replicates: Collection[int]) -> list[str]:
    """Return why these rows do not estimate what the band is about, [] when they do."""
    found: dict[str, None] = {}
    present = set()
    for row in rows:
        present.add(row.replicate)
        if row.unit != band.unit:
            found[f"unit '{row.unit}', golden '{band.unit}'"] = None
        if row.settings != band.settings:
            found[f"settings {row.settings}, golden {band.settings}"] = None
        if row.data != band.data:
            found[f"data '{row.data[:12]}', golden '{band.data[:12]}'"] = None
        if row.n_test != band.n_test and (row.status == "ok" or row.n_test is not None):
            found[f"n_test {row.n_test}, golden {band.n_test}"] = None
    absent = sorted(set(replicates) - present)
    if absent:
        found[f"no row for replicate {', '.join(map(str, absent))}, which other metrics of the case have"] = None
    return list(found)
