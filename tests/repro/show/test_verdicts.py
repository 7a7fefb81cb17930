"""A claim in full on a terminal: numbers as a reader wants them, and nothing that looks like Python."""

from __future__ import annotations

from dataclasses import replace

from repro.audit.claims import Claim
from repro.audit.document import Audited
from repro.audit.verdicts import Judgement, Origin
from repro.show.verdicts import in_full

CLAIM = Claim("toy", "it", "table 1", "order", "Ours is better.", ("ours above base",), 7, "%", judge="order")
THEIRS = Origin("mlflow", "mlflow.db", "0123456789abcdef" * 4, 6)


def test_a_claim_in_full_is_in_words_and_short_numbers() -> None:
    said = Judgement("reproduced", "+6.82", n=6, p=0.9989883713929789, power=0.98058232, imported=(THEIRS,))
    lines = dict(line.split(maxsplit=1) for line in in_full(Audited(CLAIM, said, 0.5)).splitlines())
    assert (lines["p"], lines["power"], lines["seconds"]) == ("1", "0.98", "0.50")
    assert lines["imported"] == "6 runs of mlflow, mlflow.db (SHA-256 0123456789ab...)"
    assert lines["published"] == "ours above base"
    assert "exit_code" not in lines


def test_a_unit_stands_behind_numbers_only() -> None:
    claim = replace(CLAIM, published=("82.8 ± 1.1",))
    lines = in_full(Audited(claim, Judgement("reproduced", "83.2"), 0.0)).splitlines()
    assert any(line.split() == ["published", "82.8", "±", "1.1", "%"] for line in lines)
