"""Simulate how often unchanged code raises an alarm where values are not normal. Prints Markdown.

A table has 100 rows of one metric, equally spread, with n0 golden seeds and one new run a row; an alarm is any value
outside its band. Then each golden of the project: every seed in turn is left out and checked against the bands that
the others give; what does not pass is a false alarm, since nothing changed.
Usage: python bench/alarms.py [--tables 1000]
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from repro import bands, bless, golden, registry, stats
from repro.golden import ALPHA_BANDS

ROWS = 100
Draw = Callable[[np.random.Generator, tuple[int, ...]], stats.Floats]


def outliers(random: np.random.Generator, shape: tuple[int, ...]) -> stats.Floats:
    """Draw normal values of which one in a hundred is 8 standard deviations lower."""
    return random.standard_normal(shape) - 8.0 * (random.random(shape) < 0.01)


WORLDS: dict[str, Draw] = {
    "normal": lambda random, shape: random.standard_normal(shape),
    "skewed to the left (gamma, shape 2)": lambda random, shape: -random.gamma(2.0, size=shape),
    "Student's t, 3 degrees of freedom": lambda random, shape: random.standard_t(3, shape),
    "normal, but one run in a hundred 8 sd lower": outliers,
}


def alarm(random: np.random.Generator, draw: Draw, seeds: int) -> tuple[bool, bool]:
    """Make one golden and one check of it; say whether it alarms with bands of normal tails, and of measured ones."""
    golden, new = draw(random, (ROWS, seeds)), draw(random, (ROWS,))
    shrunken = stats.shrink_variances(golden.var(axis=1, ddof=1), np.full(ROWS, seeds - 1.0))
    low, high = stats.tails(list(golden), np.zeros(ROWS), shrunken)
    level = stats.sidak(ALPHA_BANDS, ROWS)
    critical = np.array([stats.t_critical(level, df) for df in shrunken.df.tolist()])
    score = (new - golden.mean(axis=1)) / (critical * np.sqrt(shrunken.variance * (1 + 1 / seeds)))
    return bool((np.abs(score) > 1).any()), bool((score > high).any() or (score < -low).any())


def left_out(path: Path) -> list[golden.CheckResult]:
    """Return a check of each seed of a golden against the bands of the others."""
    rows = bands.load(path).rows
    study = registry.load(path.parent.name)
    results = []
    for seed in sorted(set(rows["replicate"].to_pylist())):
        mine = pc.equal(rows["replicate"], seed)
        others = rows.filter(pc.invert(mine)).combine_chunks()
        known = bless.derive_bands(others, study, minimum_seeds=2)
        digests = {"rows_digest": bands.digest(others), "bands_digest": bands.digest(known)}
        results.append(golden.check(rows.filter(mine), others, bless.with_record(known, digests)))
    return results


def real() -> None:
    """Print what leaving out one seed in turn gives for every golden of the project."""
    print("\nOne seed of a golden left out in turn, and checked against the others\n")
    print("| golden | rows judged | checks | deviations | cannot compare |")
    print("| --- | --: | --: | --: | --: |")
    for path in sorted(registry.root().glob("golden/*/*.parquet")):
        if path.name.endswith(".bands.parquet") or not banded(bands.load(path).bands):
            continue
        codes = [result.exit_code for result in left_out(path)]
        name, rows = f"{path.parent.name} {path.stem}", banded(bands.load(path).bands)
        print(f"| {name} | {rows} | {len(codes)} | {codes.count(1)} | {codes.count(3)} |")


def banded(some: pa.Table) -> int:
    """Return how many rows of a golden have a band."""
    return some["kind"].to_pylist().count("band")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    tables = parser.parse_known_args()[0].tables
    print(f"\nFalse alarms of the bands, {ROWS} rows, one new run a row, {tables} tables each\n")
    print("| values | golden seeds | bands of normal tails | bands as they are |")
    print("| --- | --: | --: | --: |")
    for name, draw in WORLDS.items():
        for seeds in (10, 5):
            random = np.random.default_rng([seeds, len(name)])
            plain, measured = np.mean([alarm(random, draw, seeds) for _ in range(tables)], axis=0)
            print(f"| {name} | {seeds} | {100 * plain:.1f} % | {100 * measured:.1f} % |", flush=True)
    real()


if __name__ == "__main__":
    main()
