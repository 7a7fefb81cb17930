"""Tables, grids and colours for a terminal; nothing here computes a result."""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import NoneType
from typing import TYPE_CHECKING, Any

from repro.errors import PASS

if TYPE_CHECKING:
    import pyarrow as pa

    from repro.study import Experiment, Study

COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def say(arguments: Namespace, text: str) -> None:
    """Print talk on standard error, unless asked to be quiet."""
    if not arguments.quiet:
        print(text, file=sys.stderr)


def print_json(value: Any) -> int:
    """Print a value as JSON on standard output and return the exit code of a pass."""
    print(json.dumps(value, indent=2, default=str))
    return PASS


def paint(text: str, colour: str) -> str:
    """Return the text in a colour where standard output is a terminal and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m"


def columns(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, show: Callable[[Any], str] = str) -> str:
    """Return rows under headers, numbers to the right and words to the left; `show` gives the text of a cell."""
    texts = [[show(cell) for cell in row] for row in rows]
    widths = [max(len(cell) for cell in column) for column in zip(headers, *texts, strict=True)]
    numeric = numbers(headers, rows)

    def line(cells: Sequence[str]) -> str:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        ]
        return "  ".join(parts).rstrip()

    return "\n".join(line(cells) for cells in (headers, *texts))


def numbers(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Say of each column whether it holds numbers, and at most gaps (None) between them."""
    kinds = [{type(cell) for cell in column} for column in zip(*rows, strict=True)] or [set() for _ in headers]
    return [
        bool(found - {NoneType}) and all(issubclass(kind, int | float | NoneType) for kind in found) for found in kinds
    ]


def duration(seconds: float | None) -> str:
    """Return seconds as a reader would say them: 42 s, 12 min, 3.5 h."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def case_words(case: str) -> str:
    """Return a case's canonical JSON as 'field=value' words, floats to four digits."""
    fields: dict[str, Any] = json.loads(case)
    return " ".join(f"{name}={_short(value)}" for name, value in fields.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
        body = [[_short(one), *(_cell(cells.get((one, other), [])) for other in acrosses)] for one in downs]
        blocks.append(head + "\n" + _right([["", *map(_short, acrosses)], *body]))
    return blocks


def counted(counts: Mapping[str, int]) -> str:
    """Return counts in words, without those of nothing: '2 deviates, 48 agrees'."""
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


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
