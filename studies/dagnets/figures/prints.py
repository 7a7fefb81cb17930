"""The printed items beside what is computed for them now; needs no result rows."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from repro.study import Figure
from studies.dagnets.figures.judged import verdict_of
from studies.dagnets.measured.printed.comparison import Part, recomputed
from studies.dagnets.published.items import PUBLISHED

WIDTH = 60  # characters of a cell


def prints(_rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Return every printed item beside what comes out now."""
    rows, agreeing = [], 0
    for item in PUBLISHED:
        parts = recomputed(item)
        equal = sum(part.equal for part in parts)
        agreeing += equal == len(parts)
        verdict = verdict_of(item.name) if equal < len(parts) else ""
        ends = (f"{equal} of {len(parts)}", verdict, item.note)
        rows.append([item.topic, item.name, item.where, *_beside(parts), *ends])
    headers = ["topic", "item", "where", "printed", "computed", "equal", "verdict", "remark"]
    notes = (
        f"{agreeing} of {len(PUBLISHED)} items come out to the letter; of the others the verdict of their claims is "
        "shown, which judge them as they are meant. Numbers are compared at the printed precision, "
        "half a unit of the last digit; of an item that does not agree, the parts that differ are shown."
    )
    return Figure(headers, rows, notes=notes)


def _beside(parts: list[Part]) -> tuple[str, str]:
    """Return the printed and the computed parts as two cells: those that differ, where some do."""
    shown = [part for part in parts if not part.equal] or parts
    texts = ("; ".join(part.published for part in shown), "; ".join(part.computed for part in shown))
    printed, computed = (textwrap.shorten(text, WIDTH, placeholder=" …") for text in texts)
    return printed, computed
