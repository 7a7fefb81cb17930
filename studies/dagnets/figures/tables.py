"""Tables from result rows: what happens beside what is said, printed items that do not come out, what is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.common.beside import beside as beside_claims
from studies.common.found import Found
from studies.dagnets.figures.judged import HOLDS, verdict_of
from studies.dagnets.published.items import PUBLISHED

TRAINED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("training_listing", {}, "as listed"),
    *(("batch_sizes", {"batch": batch}, f"{batch:,} images an update") for batch in (10, 100, 1000)),
)
NOTES = (
    "Verdicts are those blessed. Of several values mean, lowest and highest. All but `training_listing`, `batch_sizes` "
    "and `speed_ups`, which measures times, find the same in every run. 8x8 digits, enlarged, stand in for MNIST."
)

Rows = Sequence[Mapping[str, Any]]


def beside(rows: Rows) -> Figure:
    """Return the claims beside what the rows come to."""
    return beside_claims("dagnets", rows, notes=NOTES)


def differing(rows: Rows) -> Figure:
    """Return the printed items of which a part does not come out and of which a claim does not hold either."""
    found, table, holding = Found(rows), [], []
    agreeing, totals = 0, [0.0, 0.0]
    for item in PUBLISHED:
        parts, equal = (
            found.one("printed_values", name, topic=item.topic, item=item.name) for name in ("parts", "equal")
        )
        totals = [totals[0] + equal, totals[1] + parts]
        agreeing += parts == equal
        verdict = HOLDS if parts == equal else verdict_of(item.name)
        if verdict != HOLDS:
            cells = (item.where, "; ".join(item.parts), f"{equal:g} of {parts:g}", verdict, item.note)
            table.append([f"`{item.name}`", *cells])
        elif parts != equal:
            holding.append(f"`{item.name}`")
    notes = (
        f"{agreeing} of {len(PUBLISHED)} items come out to the letter, and of all their parts {totals[0]:g} of "
        f"{totals[1]:g}. Others hold by their claims, which take a print as it is meant: {', '.join(holding)}."
    )
    return Figure(["item", "where", "printed", "parts that come out", "verdict", "remark"], table, notes=notes)


def trainings(rows: Rows) -> Figure:
    """Return what is trained: errors and losses after the last epoch."""
    found, table = Found(rows), []
    for experiment, fields, name in TRAINED:
        runs = found.rows(experiment, "error", **fields)
        spreads = [found.spread(experiment, metric, ".3g", **fields) for metric in ("error", "loss", "train_loss")]
        table.append([f"`{experiment}`", name, runs[0]["epochs"], len(runs), *spreads])
    headers = ["experiment", "case", "epochs", "runs", "test error, %", "test loss, nats", "training loss, nats"]
    return Figure(headers, table, notes="Mean, lowest and highest of the runs, after the last epoch.")
