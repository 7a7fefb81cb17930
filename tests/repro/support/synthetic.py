"""Small result tables of an invented study, for tests that compare tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from repro.golden import bless
from repro.golden.stored import Golden
from repro.runs import table
from repro.seeds import derive_seed
from repro.study import Metric, Profile, Study, case_json

Row = dict[str, Any]
COMMIT = "c" * 40


@dataclass(frozen=True)
class Point:
    """The cases of the invented study."""

    x: int


METRICS = (Metric("accuracy", "%", counted=True), Metric("loss", "nats"), Metric("seconds", "s", judged=False))


def invented(cases: int = 4, golden_seeds: int = 10) -> Study:
    """A study with a stochastic and a deterministic experiment."""
    study = Study("invented", smoke=Profile(None, golden_seeds=golden_seeds))

    @study.experiment([Point(x) for x in range(cases)], metrics=METRICS)
    def noisy(case: Point, run: Any) -> dict[str, float]:
        """Draw."""
        return {}

    @study.experiment([Point(0)], metrics=("total",), deterministic=True)
    def exact(case: Point, run: Any) -> dict[str, float]:
        """Add up."""
        return {}

    return study


def make_row(experiment: str, case: str, metric: Metric, replicate: int, seed: int, value: float) -> Row:
    return {
        "study": "invented", "experiment": experiment, "case": case, "profile": "smoke", "replicate": replicate,
        "seed": seed, "metric": metric.name, "unit": metric.unit, "value": value, "curve": [value / 2, value],
        "status": "ok", "detail": "", "n_test": 1000 if metric.counted else None, "epochs": 2, "wall_seconds": 1.0,
        "device": "cpu", "settings": "null", "data": "d" * 64, "code": "code", "environment": "here",
        "commit": COMMIT, "finished": datetime(2024, 1, 1, tzinfo=UTC),
    }  # fmt: skip


def rows_of(study: Study, replicates: range) -> list[Row]:
    """Rows of all replicates; the values follow from the seed, so that the same replicate gives the same rows."""
    rows = []
    for experiment, case in study.select("smoke"):
        for replicate in replicates if not experiment.deterministic else range(1):
            random = np.random.default_rng(1000 * replicate + case.x)
            seed = derive_seed(study.name, experiment.name, case_json(case), replicate)
            for metric in experiment.metrics:
                value = 90.0 + case.x % 8 + float(random.normal(0.0, 0.5))  # a share stays below 100 %
                if metric.counted:
                    value = round(value, 1)
                if experiment.deterministic:
                    value = 1.25
                rows.append(make_row(experiment.name, case_json(case), metric, replicate, seed, value))
    return rows


def build(rows: list[Row]) -> pa.Table:
    """Rows as a table, whatever is wrong with them."""
    return table.build(rows, {"here": {}})


def golden_of(study: Study, replicates: range = range(10), edit: Callable[[Row], None] = lambda row: None) -> Golden:
    """The golden of these replicates, blessed in memory."""
    rows = rows_of(study, replicates)
    for row in rows:
        edit(row)
    profile = study.profiles["smoke"]
    ordered = build(rows).sort_by([(name, "ascending") for name in table.KEY]).combine_chunks()
    now = datetime(2024, 1, 2, tzinfo=UTC)
    return bless.assemble(ordered, study, minimum_seeds=profile.golden_seeds, reason="a test", now=now)


def diverge(row: Row) -> None:
    """Make the row's run leave the real numbers."""
    row |= {"status": "nonfinite", "value": None, "curve": None, "n_test": None}


def write(path: Path, rows: list[Row]) -> Path:
    """Write rows as a results file."""
    table.write(path, build(rows))
    return path


def with_profile(study: Study, **changes: Any) -> Study:
    """The study with another smoke profile."""
    study.profiles["smoke"] = dataclasses.replace(study.profiles["smoke"], **changes)
    return study
