"""Grids of means over replicates, for experiments that declare axes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from repro.machine.terminal import escape, paint
from repro.study import _short, words_of

if TYPE_CHECKING:
    import pyarrow as pa

    from repro.study import Experiment, Study


COLUMNS = ["experiment", "metric", "case", "replicate", "value", "status"]


def grids(study: Study, table: pa.Table) -> str:
    """Return a grid of means over replicates for every experiment that declares axes and has rows in the table.

    The metric is the first the experiment declares. A cell whose runs left the real numbers says so by a count, one
    without a run is a dash.
    """
    blocks = []
    for experiment in study.experiments.values():
        if experiment.axes is None:
            continue
        rows = table.select(COLUMNS).to_pylist()
        metric = experiment.metrics[0]
        mine = [row for row in rows if row["experiment"] == experiment.name and row["metric"] == metric.name]
        blocks += _experiment_grids(experiment, mine)
    return "\n\n".join(blocks)


def _experiment_grids(experiment: Experiment, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    assert experiment.axes is not None
    down, across = experiment.axes
    groups: dict[str, dict[tuple[Any, Any], list[Mapping[str, Any]]]] = {}  # by the JSON of the other fields
    for row in rows:
        fields = json.loads(row["case"])
        place = (fields.pop(down), fields.pop(across))
        groups.setdefault(json.dumps(fields), {}).setdefault(place, []).append(row)
    metric = experiment.metrics[0]
    blocks, names = [], words_of(groups)
    for fields, cells in groups.items():
        downs, acrosses = (sorted({place[side] for place in cells}) for side in (0, 1))
        replicates = max(len(found) for found in cells.values())
        title = f"{experiment.name} {names[fields]}".strip()
        what = f"{metric.name} ({metric.unit}), {_replicates(replicates)}, {down} down, {across} across"
        head = f"{paint(title, 'bold')}: {what}"
        form = ".2f" if metric.unit == "%" else ".4g"
        made = [[_cell(cells.get((one, other), []), form) for other in acrosses] for one in downs]
        body = [[label, *line] for label, line in zip(_labels(downs), made, strict=True)]
        blocks.append(head + "\n" + _right([["", *_labels(acrosses)], *body]))
    return blocks


def _labels(values: Sequence[Any]) -> list[str]:
    """Return the values along an axis in a few digits, or in full where some would read the same."""
    short = [_short(value) for value in values]
    return [escape(text) for text in (short if len(set(short)) == len(short) else map(str, values))]


def _replicates(count: int) -> str:
    return "one replicate" if count == 1 else f"mean of {count} replicates"


def _cell(rows: Sequence[Mapping[str, Any]], form: str) -> str:
    values = [row["value"] for row in rows if row["status"] == "ok"]
    if not rows:
        return "-"
    if not values:
        statuses = {row["status"] for row in rows}
        return "diverged" if statuses == {"nonfinite"} else "failed"
    lost = len(rows) - len(values)
    return f"{fmean(values):{form}}" + (f" ({lost} lost)" if lost else "")


def _right(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
