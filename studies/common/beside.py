"""What a document says beside what result rows come to, claim by claim; what it says stands in claims.toml alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.audit import evidence
from repro.errors import NothingSelectedError
from repro.study import Figure
from studies.common.found import Found

HEADERS = ("where", "the document says", "printed", "verdict", "what happens in these runs")
NO_RUN = "no run in these rows"


def beside(study: str, rows: Sequence[Mapping[str, Any]], *, notes: str) -> Figure:
    """Return the claims whose `happens` names a function from `Found` to words, with their blessed verdicts.

    Raise NothingSelectedError where the rows answer none of them.
    """
    found, verdicts = Found(rows), evidence.verdicts(study)
    lines, answered = [], False
    for claim in evidence.claims_of(study):
        if claim.happens:
            try:
                happens = evidence.function_of(study, claim.happens)(found)
                answered = True
            except NothingSelectedError:
                happens = NO_RUN
            lines.append([claim.where, claim.statement, claim.value, verdicts.get(claim.id, ""), happens])
    if not answered:
        raise NothingSelectedError(f"beside: no finished run that answers a claim; `repro run {study}` makes some")
    return Figure(HEADERS, lines, notes=notes)
