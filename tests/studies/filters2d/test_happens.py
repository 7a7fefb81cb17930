"""What happens is worded from rows: every sentence belongs to a claim, is answered by the golden, and follows it."""

from __future__ import annotations

import pytest

from repro.audit import evidence
from repro.errors import NothingSelectedError
from studies.common.beside import NO_RUN
from studies.common.found import Found
from studies.filters2d import study
from studies.filters2d.figures import happens
from studies.filters2d.figures.happens import law, words
from tests.studies.goldens import smoke

CLAIMS = [claim for claim in evidence.claims_of("filters2d") if claim.happens]


def said(rows: list[dict[str, object]]) -> list[str]:
    return [line[-1] for line in study.figures["beside"](rows).rows]


def test_a_sentence_has_the_name_of_its_claim_and_none_is_left_over() -> None:
    named = [claim.happens for claim in CLAIMS]
    assert named == [f"figures.happens.{claim.id.replace('-', '_')}" for claim in CLAIMS]
    helpers = {name for name, one in vars(happens).items() if getattr(one, "__name__", "") == name}
    sentences = {name for name, one in vars(happens).items() if callable(one) and name[0].islower()} - helpers
    assert {f"figures.happens.{name}" for name in sentences} == {*named}


def test_every_sentence_is_answered_by_the_golden_and_follows_its_values() -> None:
    rows = smoke("filters2d").rows.to_pylist()
    before = said(rows)
    assert len(before) == len(CLAIMS)
    assert not [text for text in before if text == NO_RUN or "{" in text]
    moved = said([{**row, "value": None if row["value"] is None else 1.1 * row["value"] + 1} for row in rows])
    assert not [one for one, other in zip(before, moved, strict=True) if one == other]


def test_words_are_those_of_the_rows() -> None:
    def row(distance: float) -> dict[str, object]:
        case = '{"law":"gaussian_superposition"}'
        return {
            "experiment": "laws_stated",
            "metric": "apart",
            "case": case,
            "status": "ok",
            "replicate": 0,
            "value": distance,
        }

    sentence = words("it {law}", law=law("gaussian_superposition"))
    assert sentence(Found([row(0.0)])) == "it holds, to 1e-12 in float64"
    assert sentence(Found([row(0.25)])) == "it does not hold: the sides differ by 0.25 times"
    with pytest.raises(NothingSelectedError):
        sentence(Found([]))
