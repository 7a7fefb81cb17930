"""Grids of means over replicates, for experiments that declare axes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from repro.machine.terminal import escape, paint
from repro.study import _short

if TYPE_CHECKING:
    import pyarrow as pa

    from repro.study import Experiment, Study


def grids(study: Study, table: pa.Table) -> str:
    """Return a grid of means over replicates for every experiment that declares axes and has rows in the table.

    The metric is the first the experiment declares. A cell whose runs left the real numbers says so by a count, one
    without a run is a dash.
    """
    blocks = []
    for experiment in study.experiments.values():
        if experiment.axes is None:
            continue
        rows = table.select(["experiment", "metric", "case", "replicate", "value", "status"]).to_pylist()
        metric = experiment.metrics[0]
        mine = [row for row in rows if row["experiment"] == experiment.name and row["metric"] == metric.name]
        blocks += _experiment_grids(experiment, mine)
    return "\n\n".join(blocks)


def _experiment_grids(experiment: Experiment, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    assert experiment.axes is not None
    down, across = experiment.axes
    groups: dict[str, dict[tuple[Any, Any], list[Mapping[str, Any]]]] = {}
    for row in rows:
        fields = json.loads(row["case"])
        place = (fields.pop(down), fields.pop(across))
        name = " ".join(f"{key}={_short(value)}" for key, value in fields.items())
        groups.setdefault(name, {}).setdefault(place, []).append(row)
    metric = experiment.metrics[0]
    blocks = []
    for name, cells in groups.items():
        downs, acrosses = (sorted({place[side] for place in cells}) for side in (0, 1))
        replicates = max(len(found) for found in cells.values())
        title = f"{experiment.name} {name}".strip()
        what = f"{metric.name} ({metric.unit}), {_replicates(replicates)}, {down} down, {across} across"
        head = f"{paint(title, 'bold')}: {what}"
        body = [[_text(one), *(_cell(cells.get((one, other), [])) for other in acrosses)] for one in downs]
        blocks.append(head + "\n" + _right([["", *map(_text, acrosses)], *body]))
    return blocks


def _text(value: Any) -> str:
    return escape(_short(value))


def _replicates(count: int) -> str:
    return "one replicate" if count == 1 else f"mean of {count} replicates"


def _cell(rows: Sequence[Mapping[str, Any]]) -> str:
    values = [row["value"] for row in rows if row["status"] == "ok"]
    if not rows:
        return "-"
    if not values:
        statuses = {row["status"] for row in rows}
        return "diverged" if statuses == {"nonfinite"} else "failed"
    lost = len(rows) - len(values)
    return f"{fmean(values):.2f}" + (f" ({lost} lost)" if lost else "")


def _right(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
