"""Seeds that are not ours: many runs of unchanged code from public repositories, drawn into goldens and new runs.

The data are not part of the project: `real-seeds/seeds.csv` of the folder of real data, REPRO_DATA_DIR or shared/data
beside the project. A row is one configuration and metric; its runs are exchangeable, so that every draw of them is a
golden with new runs of the same code.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from bench.error_rates.planting import ROOT
from bench.error_rates.worlds import ROWS, Random, Table, check
from repro.golden import rule
from repro.golden.rule import Floats

TABULAR = ("rtdl-revisiting-models", "rtdl-num-embeddings", "tabular-dl-tabr")
FAMILIES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {  # repositories, metrics
    "test accuracy, tabular": (TABULAR, ("test_correct",)),
    "test accuracy, small test sets": (("dl-4-tsc",), ("test_correct",)),
    "training accuracy": (TABULAR, ("train_correct",)),
    "ROC AUC": (TABULAR, ("test_auc", "train_auc")),
    "loss: test RMSE": (TABULAR, ("test_rmse",)),
    "loss: training RMSE": (TABULAR, ("train_rmse",)),
    "best epoch or iteration, step 1": (TABULAR, ("best_epoch", "best_iteration")),
    "MLPerf epochs to converge, with their steps": (("logging",), ("epochs_to_converge",)),
}
THREE = ("test accuracy, tabular", "loss: test RMSE", "best epoch or iteration, step 1")
SIX = (*THREE, "training accuracy", "loss: training RMSE", "ROC AUC")
KINDS: Mapping[str, tuple[Sequence[str], int]] = {  # of goldens: their metrics, and rows of each
    **{family: ((family,), ROWS) for family in FAMILIES},
    "a golden of three metrics, 33 rows each": (THREE, 33),
    "a golden of six metrics, 15 rows each": (SIX, 15),
}


@dataclass(frozen=True)
class Bank:
    """The runs of one row, and the quantum that a study would declare."""

    values: Floats
    quantum: float


def path() -> Path:
    """Return where the seeds are, if they are anywhere."""
    folder = Path(os.environ.get("REPRO_DATA_DIR") or ROOT.parent / "shared" / "data")
    return folder / "real-seeds" / "seeds.csv"


@cache
def banks(family: str) -> Mapping[str, Sequence[Bank]]:
    """Return a family's rows by repository: those that a seed moves, of one configuration, each once."""
    repositories, metrics = FAMILIES[family]
    found: dict[str, list[Bank]] = defaultdict(list)
    seen = set()
    with path().open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            name = line["repository"].split("/")[1]
            if name not in repositories or line["metric"] not in metrics or line["values"] in seen:
                continue
            runs = np.array(line["values"].split(), dtype=np.float64)
            if "configs" in line["note"] or "distinct seeds" in line["note"] or len(np.unique(runs)) == 1:
                continue
            seen.add(line["values"])
            found[name].append(bank(line["metric"], runs, line["n_counted"]))
    return found


def bank(metric: str, runs: Floats, counted: str) -> Bank:
    """Return a row as a study would have it: shares in percent, whole numbers and epochs with their step."""
    if counted:
        return Bank(100.0 * runs / int(counted), 100.0 / int(counted))
    if metric == "epochs_to_converge":  # looked at now and then, in each row at another interval
        return Bank(runs, float(np.diff(np.unique(runs)).min()))
    return Bank(runs, 1.0 if metric.startswith("best_") else 0.0)


def drawn(random: Random, family: str, n0: int, n1: int, rows: int = ROWS) -> list[tuple[Floats, float]]:
    """Return so many rows of one repository, or all, each with its runs in an order of its own, and their quantum."""
    wanted = n0 + n1 + rule.confirming(n0)
    long = {name: [one for one in some if len(one.values) >= wanted] for name, some in banks(family).items()}
    long = {name: some for name, some in long.items() if len(some) >= min(rows, 10)}
    if not long:
        return []
    sizes = np.array([len(some) for some in long.values()], dtype=np.float64)
    chosen = [*long.values()][int(random.choice(len(long), p=sizes / sizes.sum()))]
    places = random.permutation(len(chosen))[:rows]
    return [(random.permutation(chosen[place].values)[:wanted], chosen[place].quantum) for place in places]


def made(
    random: Random, families: Sequence[str], n0: int, n1: int, rows: int = ROWS, shift: float = 0.0
) -> Table | None:
    """Return a table of these metrics, so many rows of each; None where no row has enough runs.

    `shift` moves the new runs of one row, either way, by so many standard deviations of all its drawn runs.
    """
    parts = [drawn(random, family, n0, n1, rows) for family in families]
    if not all(parts):
        return None
    runs = np.array([values for part in parts for values, _ in part])
    quantum = np.array([step for part in parts for _, step in part])
    metric = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    if shift:
        row = int(random.integers(len(runs)))
        runs[row, n0:] += shift * runs[row].std(ddof=1) * random.choice((-1.0, 1.0))
    return Table(runs[:, :n0], runs[:, n0 : n0 + n1], runs[:, n0 + n1 :], quantum, metric)


def block(kind: str, n0: int, n1: int, shift: float, tables: int, seed: int) -> dict[str, int]:
    """Check so many tables of a kind of golden; return counts, of tables 0 where no row has enough runs."""
    random = np.random.default_rng([seed, n0, n1, round(10 * shift), *kind.encode()])
    counts = dict.fromkeys(("tables", "refused", "any", "row", "shift", "dispersion", "reruns"), 0)
    for _ in range(tables):
        table = made(random, KINDS[kind][0], n0, n1, KINDS[kind][1], shift)
        if table is None:
            break
        alarms = check(table)
        counts["tables"] += not alarms.refused
        for name in ("refused", "any", "row", "shift", "dispersion", "reruns"):
            counts[name] += int(getattr(alarms, name))
    return counts
