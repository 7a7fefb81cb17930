"""Tables, grids and colours for a terminal; nothing here computes a result."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import NoneType

from repro.errors import PASS

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

COLOURS = {"red": "31", "green": "32", "yellow": "33", "bold": "1"}


def say(text: str, *, quiet: bool = False) -> None:
    """Print talk on standard error, unless asked to be quiet."""
    if not quiet:
        print(text, file=sys.stderr)


def print_json(value: Any) -> int:
    """Print a value as JSON on standard output and return the exit code of a pass."""
    import json

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


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> list[str]:
    """Return the lines of a Markdown table, the columns said to be `right` set to that side."""
    sides = ["--:" if one else "---" for one in right] or ["---"] * len(headers)
    return [markdown_line(line) for line in (headers, sides, *rows)]


def markdown_line(cells: Sequence[str]) -> str:
    """Return one line of a Markdown table; a bar or a line's end inside a cell does not end the cell."""
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"


def duration(seconds: float | None) -> str:
    """Return seconds as a reader would say them: 42 s, 12 min, 3.5 h."""
    if seconds is None:
        return "unknown"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(counts: Mapping[str, int]) -> str:
    """Return counts in words, without those of nothing: '2 deviates, 48 agrees'."""
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
