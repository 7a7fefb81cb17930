"""Verdicts for a terminal."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from repro.audit.document import Audited
from repro.audit.verdicts import CONTRADICTED, ERROR, VERDICTS
from repro.machine.terminal import columns, escape, paint
from repro.show.telling import in_order, tally

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
    """Return, for each study, how many distinct claims got each word of `words`, and how many are not counted."""
    by_study: dict[str, list[Audited]] = {}
    for one in found:
        by_study.setdefault(one.claim.study, []).append(one)
    if len(by_study) > 1:
        by_study["all"] = list(found)
    rows: list[list[Any]] = []
    for name, mine in by_study.items():
        counts = tally((one.claim, one.judgement.word) for one in mine)
        share = f"{100 * counts.judged / counts.distinct:.0f} %" if counts.distinct else ""
        each = [counts.by.get(word, 0) for word in words(found)]
        brought = [counts.imported] if _imported(found) else []
        rows.append([name, counts.distinct, *each, *brought, share, counts.restating, counts.by_definition])
    return rows


def _imported(found: Sequence[Audited]) -> bool:
    """Say whether imported runs gave a verdict: it is then counted as that, and not among those of our own."""
    return any(one.judgement.imported for one in found)


def words(found: Sequence[Audited]) -> tuple[str, ...]:
    """Return the verdicts, and "error" where there is one."""
    return (*VERDICTS, *([ERROR] if any(one.judgement.verdict == ERROR for one in found) else []))


def summary_headers(found: Sequence[Audited]) -> tuple[str, ...]:
    """Return the headers of `summary`."""
    brought = ["imported"] if _imported(found) else []
    return "study", "distinct claims", *words(found), *brought, "judged", "restating", "by definition"


def render(found: Sequence[Audited], *, whole: bool, verdicts: Sequence[str]) -> str:
    """Return the verdicts for a terminal: a table of counts and one of claims, or the claims asked for in full."""
    if whole:
        return "\n\n".join(in_full(one) for one in found)
    shown = in_order([one for one in found if not verdicts or one.judgement.verdict in verdicts])
    held = any(one.passage for one in found)  # to a document that is at hand
    there = {(one.claim.study, one.claim.id) for one in shown}
    lines = [_line(one, there, held=held) for one in shown]
    headers = ["study", "claim", "where", *(["passage"] if held else []), "published", "found", "weight", "verdict"]
    listed = columns(headers, lines)
    failed = [escape(one.judgement.evidence) for one in found if one.judgement.verdict == ERROR]
    return "\n".join(
        [listed, "", columns(summary_headers(found), summary(found)), *(f"error: {text}" for text in failed)]
    )


def _line(one: Audited, there: Collection[tuple[str, str]], *, held: bool) -> list[str]:
    """Return a claim's line of the list; one that restates another stands under it, or says which it is."""
    claim, verdict, word = one.claim, one.judgement.verdict, one.judgement.word
    under = (claim.study, claim.restates) in there
    name = f"└ {claim.id}" if under else f"{claim.id} (restates {claim.restates})" if claim.restates else claim.id
    weight = claim.weight if (verdict in CONTRADICTED and claim.counts) or claim.weight == "definition" else ""
    passage = [_cut(one.passage)] if held else []
    said = [*passage, _cut(claim.value), _cut(one.judgement.evidence)]
    return [claim.study, name, claim.where, *said, weight, paint(word, COLOURS.get(verdict, "bold"))]


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def in_full(one: Audited) -> str:
    """Return everything that is known of a claim, one line each."""
    record = one.record
    said = one.claim.value
    record["published"] = one.claim.value_in_unit if any(map(str.isdigit, said)) else said  # an order has no unit
    if one.claim.rows:
        record["rows"] = json.dumps(dict(one.claim.rows))
    for key in ("p", "power"):
        record[key] = None if record[key] is None else f"{record[key]:.2g}"
    record["imported"] = "; ".join(
        f"{theirs['runs']} runs of {theirs['tool']}, {theirs['file']} (SHA-256 {theirs['digest'][:12]}...)"
        for theirs in record["imported"]
    )
    record["exit_code"] = record["exit_code"] or None
    record["seconds"] = f"{one.seconds:.2f}"
    width = max(map(len, record))
    return "\n".join(
        f"{key.ljust(width)}  {escape(str(value))}" for key, value in record.items() if value not in (None, "", [])
    )
