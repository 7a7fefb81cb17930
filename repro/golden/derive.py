"""Bands from golden rows: what each row allows later runs, a pure function of the rows and of what a study declares."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from repro.errors import CannotCompareError, IntegrityError, UsageError
from repro.golden import rule
from repro.golden.bands import BANDS_SCHEMA, Band
from repro.golden.stored import Golden, metadata
from repro.runs import shares
from repro.runs.rows import Cell
from repro.stats import alike
from repro.study import Experiment, Metric, Study

Line = dict[str, Any]  # one row of a results table, or one line of a bands table under construction


def cell_of(line: Line) -> Cell:
    """Return what a band is kept for."""
    return line["experiment"], line["case"], line["metric"]


def metric_of(study: Study, line: Line) -> Metric:
    """Return the declaration of a row's metric; an undeclared one counts as judged."""
    experiment: Experiment | None = study.experiments.get(line["experiment"])
    declared = {metric.name: metric for metric in experiment.metrics} if experiment else {}
    return declared.get(line["metric"], Metric(line["metric"]))


def derive_bands(rows: pa.Table, study: Study, *, minimum_seeds: int) -> pa.Table:
    """Return the bands of golden rows: a pure function of the rows and what the study declares about their metrics.

    The variances of a metric are shrunken over all its rows, and how its values scatter is measured over all of them;
    the level is that of all rows with a band together.
    """
    groups: dict[Cell, list[Line]] = defaultdict(list)
    for line in rows.to_pylist():
        groups[cell_of(line)].append(line)
    lines = [summarise(lines, study, minimum_seeds) for _, lines in sorted(groups.items())]
    banded = [line for line in lines if line["kind"] == "band"]
    level = rule.sidak(rule.ALPHA_ROWS, max(len(banded), 1))
    for metric in sorted({line["metric"] for line in banded}):
        mine = [line for line in banded if line["metric"] == metric]
        fit(mine, [finite(groups[cell_of(line)]) for line in mine])
    for line in banded:
        bound(line, level)
    return pa.Table.from_pylist(lines, schema=BANDS_SCHEMA)


def hold(golden: Golden, study: Study, name: Path | str) -> None:
    """Derive a golden's bands anew from its rows. Raise IntegrityError with the first place where the stored differ."""
    stored = golden.bands.to_pylist()
    fresh = derive_bands(golden.rows, study, minimum_seeds=metadata(golden.bands)["minimum_seeds"]).to_pylist()
    if len(fresh) != len(stored):
        raise IntegrityError(f"{name}: holds {len(stored)} bands, the golden's rows give {len(fresh)}")
    for wanted, said in zip(fresh, stored, strict=True):
        wrong = [column for column in BANDS_SCHEMA.names if not alike(wanted[column], said[column])]
        if wrong:
            what = f"{', '.join(wrong)} of {' '.join(cell_of(wanted))}"
            raise IntegrityError(f"{name}: not what the golden's rows give: {what}; restore it or bless anew")


def summarise(lines: Sequence[Line], study: Study, minimum_seeds: int) -> Line:
    """Return the line of one metric of one case, without a band yet."""
    first, metric = lines[0], metric_of(study, lines[0])
    values = finite(lines)
    n_test = next((line["n_test"] for line in lines if line["n_test"] is not None), None)
    if metric.counted and len(values) and not n_test:
        raise UsageError(f"{' '.join(cell_of(first))}: a counted metric needs n_test; let the experiment report it")
    if metric.counted and n_test:
        hold_shares(values, n_test, " ".join(cell_of(first)))
    line = {name: first[name] for name in ("experiment", "case", "metric", "unit", "settings", "data")}
    line |= {"judged": metric.judged, "n0": len(lines), "k0": len(lines) - len(values), "n_test": n_test}
    line |= {"quantum": metric.quantum(n_test)}
    if metric.step:
        hold_step(values, metric.step, " ".join(cell_of(first)))
    line |= {"mean": mean(values), "sd": float(values.std(ddof=1)) if len(values) > 1 else None}
    line |= dict.fromkeys(("s", "df", "suspect", "confirm", "low", "high", "detectable")) | asdict(rule.Shape())
    line["useful"] = metric.useful
    line["kind"] = kind_of(line, study.experiments[first["experiment"]].deterministic, minimum_seeds, values)
    return line


def finite(lines: Sequence[Line]) -> rule.Floats:
    """Return the values of the runs that finished."""
    return np.array([line["value"] for line in lines if line["status"] == "ok"], dtype=np.float64)


def hold_step(values: rule.Floats, step: float, name: str) -> None:
    """Raise CannotCompareError where values are no multiple of `step` apart, up to the rounding of floats."""
    steps = (values - values[:1]) / step
    for value in values[np.abs(steps - np.round(steps)) > 1e-9 * (1.0 + np.abs(values) / step)].tolist():
        raise CannotCompareError(
            f"{name}: {float(values[0])!r} and {value!r} are no multiple of the declared step {step:g} apart; declare "
            "the grid that the values lie on, or none"
        )


def hold_shares(values: rule.Floats, n_test: int, name: str) -> None:
    """Raise CannotCompareError where a value is no share of so many items, whose quantum would be of another unit."""
    for value in shares.strange(values.tolist(), n_test):
        raise CannotCompareError(
            f"{name}: {value!r} is no share of {n_test} items in percent; return 100 * hits / n_test, or declare the "
            "metric without counted=True"
        )


def mean(values: np.ndarray[Any, np.dtype[np.float64]]) -> float | None:
    """Return the mean, exactly the value where all are equal, None where there are none."""
    if not len(values):
        return None
    return float(values[0]) if (values == values[0]).all() else math.fsum(values) / len(values)


def kind_of(line: Line, deterministic: bool, minimum: int, values: Collection[float]) -> str:
    """Return how later runs of this row are to be judged."""
    if not line["judged"]:
        return "recorded"
    if deterministic and line["k0"] == 0:
        if len(set(values)) > 1:
            raise CannotCompareError(f"{' '.join(cell_of(line))}: declared deterministic, and its replicates differ")
        return "exact"
    if not deterministic and line["n0"] < minimum:
        return "provisional"
    if line["k0"] == line["n0"]:
        return "diverges"
    return "provisional" if line["n0"] < 2 else "band"


def fit(lines: Sequence[Line], values: Sequence[rule.Floats]) -> None:
    """Enter shrunken standard deviations, their degrees of freedom and the shape into the lines of one metric."""
    df = np.array([line["n0"] - line["k0"] - 1 for line in lines], dtype=np.float64)
    raw = np.array([0.0 if line["sd"] is None else line["sd"] ** 2 for line in lines])
    quantum = np.array([line["quantum"] for line in lines])
    shrunken = rule.shrink_variances(rule.quantum_floor(raw, quantum), df)
    for line, variance, total in zip(lines, shrunken.variance.tolist(), shrunken.df.tolist(), strict=True):
        if math.isnan(variance):
            line["kind"] = "provisional"
        elif variance == 0.0:
            raise CannotCompareError(
                f"{' '.join(cell_of(line))}: no seed moves this continuous metric, so that no band can be drawn; "
                "declare its grid (step=..., 1 for epochs), it recorded (judged=False) or counted, or the experiment "
                "deterministic"
            )
        else:
            line |= {"s": math.sqrt(variance), "df": total}
    shape = asdict(rule.shape(values, rule.quantum_floor(np.zeros_like(quantum), quantum), shrunken))
    for line in lines:
        line.update(shape)


def bound(line: Line, level: float) -> None:
    """Enter the limits of one new run and of those that confirm at this level, and what they can see."""
    if line["kind"] != "band":
        return
    n, df = line["n0"] - line["k0"], line["df"]
    line["suspect"] = rule.suspect_limit(df, n, 1)
    line["confirm"] = rule.confirm_limit(level, df, n)
    line["detectable"] = line["s"] * rule.detectable(level, df, n)
    line["low"], line["high"] = Band(**line).limits(line["suspect"])
