"""What is simulated is what a check does: the bench's arrays and `repro.golden.check` say the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from bench.error_rates import worlds
from repro.golden import bands, rule
from repro.golden import bless as blessing
from repro.golden.check import check
from repro.golden.findings import DEVIATES, CheckResult
from repro.study import Metric, Profile, Study, case_json
from tests.repro.support.synthetic import Point, build, make_row

METRICS = (
    Metric("accuracy", "%", counted=True),
    Metric("best", "epoch", step=1.0),
)  # by their number in a simulated table


def study_of(table: worlds.Table) -> Study:
    study = Study("invented", smoke=Profile(None, golden_seeds=5))
    numbers = np.unique(table.metric)

    @study.experiment([Point(x) for x in range(len(table.golden) // len(numbers))], metrics=METRICS[: len(numbers)])
    def noisy(case: Point, run: object) -> dict[str, float]:
        """Draw."""
        return {}

    return study


def table_of(values: rule.Floats, metric: Sequence[int], first: int) -> pa.Table:
    """Rows of the invented study: a case for each row of a metric, a replicate for each column, from number `first`."""
    rows = []
    for place, line in enumerate(values.tolist()):
        x = place % (len(values) // len(set(metric)))
        for number, value in enumerate(line):
            replicate, declared = first + number, METRICS[metric[place]]
            row = make_row("noisy", case_json(Point(x)), declared, replicate, 1000 * replicate + x, value)
            row |= {"n_test": 10_000 if declared.counted else None, "curve": None}
            if math.isnan(value):
                row |= {"status": "nonfinite", "value": None, "n_test": None}
            rows.append(row)
    return build(rows)


def said_by_the_check(table: worlds.Table) -> CheckResult | None:
    """What a check says of a simulated table, with the further runs that it wants; None where a row has no band."""
    metric = table.metric.tolist()
    old = table_of(table.golden, metric, 0).sort_by([("case", "ascending"), ("metric", "ascending")])
    now = blessing.assemble(old, study_of(table), minimum_seeds=2, reason="r", now=blessing.datetime.now(blessing.UTC))
    lines = bands.as_bands(now.bands)
    if {band.kind for band in lines} != {"band"}:
        return None
    again = table_of(table.again, metric, 10 + table.new.shape[1])
    wanted = {band.case: band.confirming for band in lines}
    pairs = zip(again["case"].to_pylist(), again["replicate"].to_pylist(), strict=True)
    made = [replicate < 10 + table.new.shape[1] + wanted[case] for case, replicate in pairs]
    return check(table_of(table.new, metric, 10), now.rows, now.bands, reruns=again.filter(pa.array(made)))


@pytest.mark.parametrize("world", ["unequal", "diverging", "outlying"])
@pytest.mark.parametrize("defect", ["", "one row, 8 sd", "all rows, 0.6 sd", "scatter doubled", "one row diverges"])
def test_the_simulation_says_what_the_check_says(world: str, defect: str) -> None:
    random = np.random.default_rng([*world.encode(), *defect.encode()])
    for _ in range(3):
        table = worlds.made(worlds.WORLDS[world], random, 25, 10, 1, worlds.DEFECTS.get(defect))
        found, said = said_by_the_check(table), worlds.check(table)
        if found is not None:
            odd = [one for one in found.findings if one.word == DEVIATES]
            assert (found.counts[DEVIATES] > 0) == said.any, (said, odd)


@pytest.mark.parametrize("n0", [5, 10])
@pytest.mark.parametrize("defect", ["", "one row, 8 sd", "all rows, 0.6 sd", "scatter doubled"])
def test_it_does_so_of_two_metrics_of_few_rows_with_steps_of_their_own(n0: int, defect: str) -> None:
    random, change = np.random.default_rng([n0, *defect.encode()]), worlds.DEFECTS.get(defect)
    for _ in range(4):
        shares, epochs = (worlds.made(worlds.WORLDS[name], random, 15, n0, 1, change) for name in ("unequal", "coarse"))
        both = {
            name: np.concatenate([getattr(one, name) for one in (shares, epochs)])
            for name in ("golden", "new", "again", "quantum")
        }
        table = worlds.Table(**both, metric=np.repeat([0, 1], 15))
        found, said = said_by_the_check(table), worlds.check(table)
        assert found is not None
        tables = {
            one.metric: one.text for one in found.findings if one.case.startswith("all ") and one.word == DEVIATES
        }
        rows = [one for one in found.findings if one.word == DEVIATES and not one.case.startswith("all ")]
        assert (bool(rows), bool(tables)) == (said.row, said.shift or said.dispersion), (rows, tables, said)
