"""Verdicts for a terminal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from repro.audit.document import Audited
from repro.audit.verdicts import ERROR, VERDICTS
from repro.machine.terminal import columns, escape, paint

COLOURS = {
    "reproduced": "green",
    "not reproduced": "red",
    "erratum": "red",
    "protocol mismatch": "yellow",
    "transcription": "yellow",
    ERROR: "red",
}
WIDTH = 60  # characters of a published value or of evidence on the terminal


def summary(found: Sequence[Audited]) -> list[list[Any]]:
    """Return, for each study, how many claims got each word of `words`, and the share that has a judge."""
    by_study: dict[str, list[Audited]] = {}
    for one in found:
        by_study.setdefault(one.claim.study, []).append(one)
    if len(by_study) > 1:
        by_study["all"] = list(found)
    rows: list[list[Any]] = []
    for name, mine in by_study.items():
        counts = Counter[str](one.judgement.verdict for one in mine)
        judged = sum(1 for one in mine if one.claim.judge)
        rows.append([name, len(mine), *(counts[word] for word in words(found)), f"{100 * judged / len(mine):.0f} %"])
    return rows


def words(found: Sequence[Audited]) -> tuple[str, ...]:
    """Return the verdicts, and "error" where there is one."""
    return (*VERDICTS, *([ERROR] if any(one.judgement.verdict == ERROR for one in found) else []))


def summary_headers(found: Sequence[Audited]) -> tuple[str, ...]:
    """Return the headers of `summary`."""
    return "study", "claims", *words(found), "judged"


def render(found: Sequence[Audited], *, whole: bool, verdicts: Sequence[str]) -> str:
    """Return the verdicts for a terminal: a table of counts and one of claims, or the claims asked for in full."""
    if whole:
        return "\n\n".join(in_full(one) for one in found)
    shown = [one for one in found if not verdicts or one.judgement.verdict in verdicts]
    held = any(one.passage for one in found)  # to a document that is at hand
    lines = [
        [one.claim.study, one.claim.id, one.claim.where, *([_cut(one.passage)] if held else []), _cut(one.claim.value),
         _cut(one.judgement.evidence), paint(one.judgement.verdict, COLOURS.get(one.judgement.verdict, "bold"))]
        for one in shown
    ]  # fmt: skip
    headers = ["study", "claim", "where", *(["passage"] if held else []), "published", "found", "verdict"]
    listed = columns(headers, lines)
    failed = [escape(one.judgement.evidence) for one in found if one.judgement.verdict == ERROR]
    return "\n".join(
        [listed, "", columns(summary_headers(found), summary(found)), *(f"error: {text}" for text in failed)]
    )


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def in_full(one: Audited) -> str:
    """Return everything that is known of a claim, one line each."""
    record = one.record
    record["published"] = one.claim.value + ("" if one.claim.unit == "1" else f" {one.claim.unit}")
    if one.claim.rows:
        record["rows"] = json.dumps(dict(one.claim.rows))
    record["seconds"] = f"{one.seconds:.2f}"
    width = max(map(len, record))
    return "\n".join(
        f"{key.ljust(width)}  {escape(str(value))}" for key, value in record.items() if value not in (None, "", [])
    )
