"""Simulated tables of means and spreads, printed from their own runs: who is accused, and which wrong digit is seen.

A table has one reading of its spreads; its runs are published in full or rounded, and its prints are made of them in
full. The judge `made_of` gets the published runs, and `samples`, which is for independent samples, gets the same.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from math import sqrt

import numpy as np

from bench.error_rates.worlds import Random
from repro import stats
from repro.audit import made_of
from repro.audit.claims import SPREADS, Claim
from repro.audit.judges import JUDGES
from repro.audit.spreads import TRIED
from repro.errors import UsageError

CELLS = 12  # of a table
MOST_RUNS = 12
RUN_DIGITS = (2, 3, 4, 5, 6, None)  # decimals of published runs, or all
FINENESS = ("coarser than the print", "as fine as the print", "1 digit finer", "2 digits finer or more", "in full")
FINER = FINENESS[2:]  # where the digits of the runs allow a changed digit to be seen


@dataclass(frozen=True)
class PrintedCell:
    """A cell: mean and spread as printed, and its runs as published."""

    mean: str
    spread: str
    runs: Sequence[float | str]


def shown(value: float, digits: int, way: str) -> str:
    """Return a number as it prints."""
    return str(Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), way))


def spread_of(runs: Sequence[float], reading: str) -> float:
    """Return a spread in floating point, as a table's author has it from a library."""
    n = len(runs)
    if reading == "half-range":
        return (max(runs) - min(runs)) / 2
    found = statistics.pstdev(runs) if reading.endswith("-n") else statistics.stdev(runs)
    if reading.startswith("sd"):
        return found
    times = {"se": 1.0, "ci95": 1.96, "ci95-t": stats.t_critical(0.05, n - 1)}[reading.removesuffix("-n")]
    return times * found / sqrt(n)


def made(random: Random, reading: str, digits: int, left: int | None) -> list[PrintedCell]:
    """Return a table of so many decimals under a reading, whose runs have `left` decimals, or all."""
    n = int(random.integers(2, MOST_RUNS + 1))
    way = str(random.choice((ROUND_HALF_EVEN, ROUND_HALF_UP)))
    cells = []
    for _ in range(CELLS):
        centre, sd = random.uniform(0.0, 100.0), 10.0 ** random.uniform(-1.5, 1.0)
        runs = [float(value) for value in random.normal(centre, sd, n)]
        kept = runs if left is None else [shown(value, left, way) for value in runs]
        mean, spread = shown(statistics.fmean(runs), digits, way), shown(spread_of(runs, reading), digits, way)
        cells.append(PrintedCell(mean, spread, kept))
    return cells


def changed(random: Random, cells: Sequence[PrintedCell], digits: int, part: str) -> list[PrintedCell]:
    """Return a table with each mean, or each spread, one unit of its last digit higher or lower; no spread below 0."""
    unit = Decimal(1).scaleb(-digits)
    found = []
    for one in cells:
        before = Decimal(getattr(one, part))
        moved = before + int(random.choice((-1, 1))) * unit
        found.append(replace(one, **{part: str(moved if part == "mean" or moved >= 0 else before + unit)}))
    return found


def said_of(cells: Sequence[PrintedCell]) -> made_of.Agreement:
    """Return what `made_of` says of a table."""
    return made_of.table(
        {str(place): made_of.cell((one.mean, one.spread), one.runs) for place, one in enumerate(cells)}
    )


def sampled(one: PrintedCell, reading: str, digits: int) -> str:
    """Return the verdict of `samples`, with a margin of a unit of the last digit; "refused" where it gives none.

    It is told what stands behind the ±, which `made_of` has to find.
    """
    spread = reading.split("-")[0]
    claim = Claim(
        "simulated", "cell", "table", "mean-and-deviation", "A mean.", (f"{one.mean} ± {one.spread}",), 1,
        runs=len(one.runs), margin=10.0**-digits, spread=spread if spread in SPREADS else "unknown",
    )  # fmt: skip
    try:
        return JUDGES["samples"].decide(claim, [float(run) for run in one.runs]).verdict
    except UsageError:
        return "refused"


def fineness(digits: int, left: int | None) -> str:
    """Return how published runs compare with what is printed of them."""
    return FINENESS[4] if left is None else FINENESS[min(max(left - digits, -1), 2) + 1]


def counted(tables: int, seed: int = 0) -> dict[str, dict[str, dict[str, int]]]:
    """Return what both judges say of so many tables: counts of cells by how fine their runs are, and of tables."""
    random = np.random.default_rng(seed)
    found: dict[str, Counter[str]] = {name: Counter() for name in FINENESS}
    whole: Counter[str] = Counter(tables=0, accused=0, readable=0, alone=0)
    for _ in range(tables):
        reading, digits = str(random.choice(TRIED)), int(random.integers(1, 5))
        left = RUN_DIGITS[int(random.integers(len(RUN_DIGITS)))]
        cells = made(random, reading, digits, left)
        wrong = changed(random, cells, digits, "mean")
        said = {
            "true": said_of(cells),
            "mean": said_of(wrong),
            "spread": said_of(changed(random, cells, digits, "spread")),
        }
        counts = found[fineness(digits, left)]
        for place, (one, other) in enumerate(zip(cells, wrong, strict=True)):
            counts["cells"] += 1
            counts.update(f"{name}: {table.said[str(place)].verdict}" for name, table in said.items())
            counts[f"samples, true: {sampled(one, reading, digits)}"] += 1
            counts[f"samples, mean: {sampled(other, reading, digits)}"] += 1
        whole["tables"] += 1
        whole["accused"] += any(one.verdict == "erratum" for one in said["true"].said.values())
        whole["readable"] += reading in said["true"].readings
        whole["alone"] += said["true"].readings == (reading,)
    return {"cells": {name: dict(counts) for name, counts in found.items()}, "whole": {"all": dict(whole)}}
