"""Outcomes of evidence that was made again, drawn: a table, a picture as SVG, a badge."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from xml.sax.saxutils import escape as inert

from repro.golden.outcomes import AGREES, CANNOT, DEVIATES, FAILED, MOVED, SAME, SUSPICIOUS, WORDS, Dated
from repro.golden.steps import Step, steps
from repro.machine.git import is_dirty
from repro.machine.terminal import columns, escape

HEADERS = ("when", "commit", *reversed(WORDS), "left", "changed since the time before")
COLOURS = {  # of bars, told apart in grey and by who sees no red
    SAME: "#2f7d5b", AGREES: "#7fb89a", MOVED: "#e3b341", SUSPICIOUS: "#d9822b", DEVIATES: "#b3261e",
    CANNOT: "#6b4a8c", FAILED: "#222222",
}  # fmt: skip
BADGES = {
    SAME: "brightgreen", AGREES: "brightgreen", MOVED: "yellow", SUSPICIOUS: "orange", DEVIATES: "red",
    CANNOT: "red", FAILED: "red",
}  # fmt: skip
SHOWN = 40  # outcomes in a picture, the last ones
WIDTH, HIGH, LEFT, TOP, LINE = 820, 150, 44, 34, 17  # pixels: of the picture, its bars, their margins, a line of text
SIGNS = 118  # in a line of the text below the bars


def since(outcomes: Sequence[Dated]) -> list[list[Step]]:
    """Return the steps that end at each outcome, but for those at which nothing changed at all."""
    found: list[list[Step]] = [[] for _ in outcomes]
    for one in steps(outcomes):
        if one.text:
            found[one.number].append(one)
    return found


def rendered(outcomes: Sequence[Dated]) -> str:
    """Return the outcomes as a table, oldest first."""
    lines = [
        [
            one.when, _short(one.commit), *one.counts.values(), one.left,
            "; and ".join(step.text for step in ends) or ("nothing" if number else ""),
        ]
        for number, (one, ends) in enumerate(zip(outcomes, since(outcomes), strict=True))
    ]  # fmt: skip
    return columns(HEADERS, lines)


def _short(commit: str) -> str:
    """Return the first digits of a commit, or of several, with a plus where not all was committed."""
    return " ".join(f"{one[:10]}{'+' * is_dirty(one)}" for one in commit.split(" | "))


def as_json(outcomes: Sequence[Dated]) -> list[dict[str, Any]]:
    """Return the outcomes for machines, each with the steps that end at it."""
    return [
        {
            **asdict(one), "counts": one.counts,
            "steps": [{**asdict(step), "text": step.text} for step in ends],
        }
        for one, ends in zip(outcomes, since(outcomes), strict=True)
    ]  # fmt: skip


def badge(outcomes: Sequence[Dated]) -> str:
    """Return the last outcome as JSON that shields.io's endpoint badge reads (its schema version 1)."""
    last = outcomes[-1]
    counts = {word: count for word, count in last.counts.items() if count}
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    made: Mapping[str, Any] = {
        "schemaVersion": 1, "label": "evidence", "message": f"{said} on {last.when[:10]}",
        "color": BADGES[last.word] if not last.left else "lightgrey",
        "isError": last.exit_code != 0,
    }  # fmt: skip
    return json.dumps(made, indent=2) + "\n"


def picture(outcomes: Sequence[Dated]) -> str:
    """Return a bar for each of the last outcomes, a part for each word, and the steps at which bits changed below.

    What is not as it was for the goldens, the last time, stands there too.

    The same outcomes give the same bytes. Read without colours: each part has its word and count as its title.
    """
    shown = outcomes[-SHOWN:]
    most = max(len(one.runs) for one in shown)
    wide = (WIDTH - 2 * LEFT) / len(shown)
    parts, below = _legend(), []
    for number, (one, ends) in enumerate(zip(shown, since(outcomes)[-SHOWN:], strict=True)):
        left = LEFT + number * wide
        parts += _bar(one, left, wide, most)
        for step in (step for step in ends if step.changed):
            below.append(step)
            parts += _mark(len(below), left)
    lines = [
        line
        for number, step in enumerate(below, 1)
        for line in _folded(f"{number}  {step.before} to {step.after}: {step.text}")
    ] or ["No bit changed from one time to the next."]
    lines += _folded(f"not as blessed: {'; '.join(shown[-1].golden)}") if shown[-1].golden else []
    y = TOP + HIGH + 44
    parts += [_text(LEFT, y + LINE * number, line) for number, line in enumerate(lines)]
    high = y + LINE * len(lines)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{high}" viewBox="0 0 {WIDTH} {high}" '
        'role="img" font-family="sans-serif" font-size="12">'
    )
    title = f"<title>Evidence made again, {shown[0].when} to {shown[-1].when}</title>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{high}" fill="#ffffff"/>', *parts, "</svg>"]) + "\n"


def _legend() -> list[str]:
    """Return a square and a word for each colour, in a row above the bars."""
    parts, left = [], float(LEFT)
    for word, colour in COLOURS.items():
        parts.append(f'<rect x="{left:g}" y="8" width="10" height="10" fill="{colour}"/>')
        parts.append(_text(left + 14, 17, word))
        left += 32 + 7 * len(word)
    return parts


def _bar(one: Dated, left: float, wide: float, most: int) -> list[str]:
    """Return an outcome's bar, as high as it has runs, from the same at the bottom up, and when it was."""
    parts, y = [], float(TOP + HIGH)
    inside = min(0.8 * wide, 60.0)
    for word, count in one.counts.items():
        high = HIGH * count / most
        y -= high
        if count:
            place = f'x="{left + (wide - inside) / 2:.1f}" y="{y:.1f}" width="{inside:.1f}" height="{high:.1f}"'
            title = f"<title>{one.when}: {count} {word}</title>"
            parts.append(f'<rect {place} fill="{COLOURS[word]}">{title}</rect>')
    middle = left + wide / 2
    parts.append(_text(middle, TOP + HIGH + 15, one.when[:10], anchor="middle", size=min(11.0, wide / 5.6)))
    return parts


def _mark(number: int, left: float) -> list[str]:
    """Return a broken line before a bar, with the number of the step that it stands for."""
    line = f'<line x1="{left:.1f}" y1="{TOP - 4}" x2="{left:.1f}" y2="{TOP + HIGH + 4}" stroke="#444444"'
    return [f'{line} stroke-dasharray="4 3"/>', _text(left + 3, TOP + 6, str(number))]


def _text(x: float, y: float, text: str, *, anchor: str = "start", size: float = 12.0) -> str:
    return f'<text x="{x:.1f}" y="{y:g}" text-anchor="{anchor}" font-size="{size:.1f}">{inert(escape(text))}</text>'


def _folded(text: str) -> list[str]:
    """Return a text in lines that fit below the bars."""
    return textwrap.wrap(text, SIGNS, subsequent_indent="    ", break_on_hyphens=False)
