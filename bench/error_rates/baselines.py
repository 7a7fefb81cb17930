"""Other rules for the same tables, as they are used elsewhere: does a row fail?

A table's golden values are (rows, n0) and its new ones (rows, n1), NaN where a run diverged. None of these rules knows
of diverged runs: a NaN among the new values fails a row, but for pytest-regressions, where NaN equals NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from repro.golden.rule import Floats
from repro.stats import t_critical

Failing = NDArray[np.bool_]
Rule = Callable[[Floats, Floats], Failing]


def one_run(golden: Floats, new: Floats) -> Failing:
    """Hold the new value to one stored run by pytest-regressions' tolerances, those of numpy.isclose."""
    result: Failing = ~np.isclose(new[:, 0], golden[:, 0], rtol=1e-5, atol=1e-8, equal_nan=True)
    return result


def by_hand(tolerance: float) -> Rule:
    """Return the rule that the mean may move by a share of itself."""

    def rule(golden: Floats, new: Floats) -> Failing:
        mean = np.nanmean(golden, axis=1)
        result: Failing = ~(np.abs(new.mean(axis=1) - mean) <= tolerance * np.abs(mean))
        return result

    return rule


def three_sd(golden: Floats, new: Floats) -> Failing:
    """Hold the mean of the new values to the golden's mean and three of its standard deviations."""
    mean, sd = np.nanmean(golden, axis=1), np.nanstd(golden, axis=1, ddof=1)
    result: Failing = ~(np.abs(new.mean(axis=1) - mean) <= 3.0 * sd)
    return result


def reference_points(golden: Floats, new: Floats) -> Failing:
    """Hold the mean to a one-sided 5 % t limit as MLPerf's reference convergence points do, here on the lower side.

    Best and worst golden run are left out of the mean and not of the deviation, whose divisor is n; it stands for both
    sides.
    """
    n0, n1 = (np.isfinite(some).sum(axis=1) for some in (golden, new))
    ordered = np.sort(golden, axis=1)  # NaN last
    sums = np.nansum(golden, axis=1) - ordered[:, 0] - np.nanmax(golden, axis=1)
    mean, sd = sums / np.maximum(n0 - 2, 1), np.nanstd(golden, axis=1)
    critical = np.array([t_critical(0.10, float(max(a + b - 2, 1))) for a, b in zip(n0, n1, strict=True)])
    result: Failing = ~(new.mean(axis=1) >= mean - critical * sd * np.sqrt(1.0 / n0 + 1.0 / np.maximum(n1, 1)))
    return result


def prediction_interval(golden: Floats, new: Floats) -> Failing:
    """Hold the mean to CORE-Bench's 95 % prediction interval of Student's t."""
    n0 = np.isfinite(golden).sum(axis=1)
    mean, sd = np.nanmean(golden, axis=1), np.nanstd(golden, axis=1, ddof=1)
    critical = np.array([t_critical(0.05, float(max(n - 1, 1))) for n in n0])
    result: Failing = ~(np.abs(new.mean(axis=1) - mean) <= critical * sd * np.sqrt(1.0 + 1.0 / n0))
    return result


RULES: Mapping[str, Rule] = {
    "pytest-regressions (one stored run)": one_run,
    "tolerance by hand, 0.5 %": by_hand(0.005),
    "tolerance by hand, 5 %": by_hand(0.05),
    "mean ± 3 sd": three_sd,
    "MLPerf's reference points": reference_points,
    "CORE-Bench's interval": prediction_interval,
}


def alarms(rule: Rule, golden: Floats, new: Floats) -> bool:
    """Say whether any row of a table fails."""
    with np.errstate(all="ignore"):
        usable = np.isfinite(golden).sum(axis=1) > 2
        return bool(rule(golden[usable], new[usable]).any()) if usable.any() else False


def table_of(values: list[dict[str, list[float | None] | float | None]]) -> tuple[Floats, Floats]:
    """Return golden (rows, n0) and new values (rows, 1) of kept rows."""
    width = max(len(row["golden"]) for row in values)  # type: ignore[arg-type]
    golden = np.full((len(values), width), math.nan)
    new = np.full((len(values), 1), math.nan)
    for place, row in enumerate(values):
        old = [math.nan if value is None else float(value) for value in row["golden"]]  # type: ignore[union-attr]
        golden[place, : len(old)] = old
        new[place, 0] = math.nan if row["new"] is None else float(row["new"])  # type: ignore[arg-type]
    return golden, new
