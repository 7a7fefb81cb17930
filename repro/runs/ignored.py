"""Experiments whose seed changes nothing: their runs are one run, counted often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import pyarrow as pa

from repro.runs.rows import Cell, Row, as_rows

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
    points = 0
    for row in run:
        value = row.value or 0.0
        share = row.n_test and abs(value * row.n_test / 100 - round(value * row.n_test / 100)) < 1e-6
        points += 1 if share or value.is_integer() else TELLING
    return points


def seed_ignored(
    some: pa.Table, *, deterministic: Collection[str] = (), unjudged: Collection[Cell] = ()
) -> tuple[str, ...]:
    """Return the experiments whose finished replicates are equal to the bit in every case that has two or more.

    `deterministic` experiments may repeat themselves; `unjudged` metrics (a run's time, say) prove nothing. Fewer
    than `TELLING` equal shares of counted items and no continuous value are taken for chance, not for a proof.
    """
    return alike(row for row in as_rows(some) if row.experiment not in deterministic and row.cell not in unjudged)


def alike(rows: Iterable[Row]) -> tuple[str, ...]:
    """Return the experiments of these rows in which seeds change nothing."""
    guilty = []
    for experiment, cases in finished_runs(rows).items():
        repeated = [list(runs.values()) for runs in cases.values() if len(runs) > 1]
        equal = all(len({bits(run) for run in runs}) == 1 for runs in repeated)
        if repeated and equal and sum(telling(run) for runs in repeated for run in runs[1:]) >= TELLING:
            guilty.append(experiment)
    return tuple(guilty)


def repeats_golden(results: Sequence[Row], golden: pa.Table, stochastic: Collection[Cell]) -> tuple[str, ...]:
    """Return the experiments all of whose fresh runs equal a golden run of another seed to the bit.

    The golden is only read in full for experiments none of whose values is new.
    """
    fresh = [row for row in results if row.cell in stochastic]
    known = set(golden["value"].to_pylist())
    new = {row.experiment for row in fresh if row.status == "ok" and row.value not in known}
    suspects = sorted({row.experiment for row in fresh} - new)
    if not suspects:
        return ()
    blessed = finished_runs(row for row in as_rows(golden) if row.cell in stochastic)
    candidates = finished_runs(row for row in fresh if row.experiment in suspects)
    return tuple(name for name in suspects if all_repeat(candidates.get(name, {}), blessed.get(name, {})))


def all_repeat(
    candidates: Mapping[str, Mapping[int, list[Row]]], blessed: Mapping[str, Mapping[int, list[Row]]]
) -> bool:
    """Say whether there are fresh runs and all of them repeat a golden run of the same case."""
    points = 0
    for case, runs in candidates.items():
        old = list(blessed.get(case, {}).values())
        seeds = {run[0].seed for run in old}
        known = {bits(run) for run in old}
        for run in runs.values():
            if run[0].seed in seeds:
                continue
            if bits(run) not in known:
                return False
            points += telling(run)
    return points >= TELLING
