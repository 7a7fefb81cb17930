"""Experiments whose seed changes nothing: their runs are one run, counted often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import groupby

import pyarrow as pa

from repro.runs.rows import Cell, Row, as_rows
from repro.study import Study, case_json

ITEMS = 100_000  # of how many, at most, an undeclared share is looked for
FEW = 256  # rows that are Python's objects at once
TELLING = 8  # so many equal shares of counted items are no coincidence any more


Runs = dict[str, dict[str, dict[int, list[Row]]]]  # experiment, case, replicate -> the run's rows


def finished_runs(rows: Iterable[Row]) -> Runs:
    """Return the rows of the runs all of whose rows are ok, by experiment, case and replicate."""
    runs: Runs = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    bad = set()
    for row in rows:
        runs[row.experiment][row.case][row.replicate].append(row)
        if row.status != "ok":
            bad.add((row.experiment, row.case, row.replicate))
    for experiment, case, replicate in bad:
        del runs[experiment][case][replicate]
    return runs


def bits(run: Iterable[Row]) -> frozenset[tuple[object, ...]]:
    """Return everything a run found, to the bit."""
    return frozenset((row.metric, *row.outcome) for row in run)


def telling(run: Iterable[Row]) -> int:
    """Return how much it says that another run found the same: `TELLING` for a continuous value, 1 for a share."""
    return sum(1 if like_a_share(row) else TELLING for row in run)


def like_a_share(row: Row) -> bool:
    """Say whether a value is a whole number, or a share of counted items, which two seeds may well have in common.

    Where the number of items is not said, any fraction of few items counts as one: about one continuous value in two
    hundred does, which then proves less than it could.
    """
    value = row.value or 0.0
    if value.is_integer():
        return True
    if row.n_test:
        return abs(value * row.n_test / 100 - round(value * row.n_test / 100)) < 1e-6
    fraction = Fraction(value).limit_denominator(ITEMS)
    percent = Fraction(value / 100).limit_denominator(ITEMS)
    return min(abs(value - fraction), abs(value / 100 - percent)) < 1e-12


def recorded(study: Study) -> set[Cell]:
    """Return what a study only records, a run's time say: equal values of it prove nothing."""
    return {
        (one.name, case_json(case), metric.name)
        for one in study.experiments.values()
        for case in one.cases
        for metric in one.metrics
        if not metric.judged
    }


def seed_ignored(
    some: pa.Table, *, deterministic: Collection[str] = (), unjudged: Collection[Cell] = ()
) -> tuple[str, ...]:
    """Return the experiments in which seeds are no seeds: a run is found again, to the bit, under another replicate.

    One pair with a continuous value is enough; of shares of counted items alone, every replicate of every case has to
    be the same, and `TELLING` of them. `deterministic` experiments may repeat themselves; `unjudged` metrics (a run's
    time, say) prove nothing.
    """
    return alike(row for row in as_rows(some) if row.experiment not in deterministic and row.cell not in unjudged)


def may_repeat(
    slices: Iterable[pa.Table], *, deterministic: Collection[str] = (), unjudged: Collection[Cell] = ()
) -> bool:
    """Say whether two runs of a case may be the same, to go by the sum of their rows' hashes, as `seed_ignored` asks.

    Where it says no, none are: so it is asked of a large table first, a slice at a time. The rows of a case follow one
    another.
    """
    few = (some.slice(start, FEW) for some in slices for start in range(0, some.num_rows, FEW))
    rows = (row for some in few for row in as_rows(some))
    for _, case in groupby(rows, key=lambda row: (row.experiment, row.case)):
        sums: dict[int, int] = defaultdict(int)
        for row in case:
            if row.experiment not in deterministic and row.cell not in unjudged:
                sums[row.replicate] += hash((row.metric, *row.outcome))
        if len(set(sums.values())) < len(sums):
            return True
    return False


def alike(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the experiments of these rows in which seeds change nothing, or one is used twice."""
    guilty = []
    for experiment, cases in finished_runs(rows).items():
        repeated = [list(runs.values()) for runs in cases.values() if len(runs) > 1]
        equal = all(len({bits(run) for run in runs}) == 1 for runs in repeated)
        points = sum(telling(run) for runs in repeated for run in runs[1:])
        if any(map(twins, repeated)) or (repeated and equal and points >= TELLING):
            guilty.append(experiment)
    return tuple(guilty)


def twins(runs: Iterable[list[Row]]) -> bool:
    """Say whether two runs are the same to the bit and hold a continuous value."""
    seen: set[frozenset[tuple[object, ...]]] = set()
    for run in runs:
        found = bits(run)
        if found in seen and telling(run) >= TELLING:
            return True
        seen.add(found)
    return False


def repeats_golden(results: Sequence[Row], golden: pa.Table, stochastic: Collection[Cell]) -> tuple[str, ...]:
    """Return the experiments whose fresh runs are golden runs of other seeds: one with a continuous value, or all.

    The golden is only read in full for experiments that have a run none of whose values is new.
    """
    fresh = [row for row in results if row.cell in stochastic]
    known = set(golden["value"].to_pylist())
    candidates = finished_runs(fresh)
    suspects = sorted(
        name
        for name, cases in candidates.items()
        if any(all(row.value in known for row in run) for runs in cases.values() for run in runs.values())
    )
    if not suspects:
        return ()
    blessed = finished_runs(row for row in as_rows(golden) if row.cell in stochastic)
    return tuple(name for name in suspects if repeated(candidates[name], blessed.get(name, {})))


def repeated(candidates: Mapping[str, Mapping[int, list[Row]]], blessed: Mapping[str, Mapping[int, list[Row]]]) -> bool:
    """Say whether one fresh run that tells, or all of them together, repeat a golden run of the same case."""
    points, whole = 0, True
    for case, runs in candidates.items():
        old = list(blessed.get(case, {}).values())
        seeds = {run[0].seed for run in old}
        known = {bits(run) for run in old}
        for run in runs.values():
            if run[0].seed in seeds:
                continue
            if bits(run) not in known:
                whole = False
            elif telling(run) >= TELLING:
                return True
            else:
                points += telling(run)
    return whole and points >= TELLING
