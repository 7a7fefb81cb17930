"""The slides' claims are held to the slides, where their text is at hand: it is no part of the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.audit import passages
from repro.audit.passages import Text
from studies.dagnets.claims import listings
from tests.studies.registries import Registry

CLAIMS = Registry("dagnets").claims


@pytest.fixture(scope="module")
def text(shared: Path) -> Text:
    found = sorted((shared.parent / "seeds").glob("004_*.txt"))
    if not found:
        pytest.skip("the text of the slides is not there")
    return passages.read(found[0])


def test_each_claim_stands_in_the_slides_or_says_that_no_line_has_it() -> None:
    assert [claim.id for claim in CLAIMS.values() if not (claim.lines and claim.digest) and not claim.elsewhere] == []
    assert {claim.id for claim in CLAIMS.values() if claim.elsewhere} == {
        f"{network}-parameters{how}" for network in ("lenet5", "alexnet", "vgg19") for how in ("", "-by-list")
    }


def test_passages_are_in_the_slides(text: Text) -> None:
    assert [claim.id for claim in CLAIMS.values() if claim.lines and not text.passage(claim)] == []


@pytest.mark.parametrize("name", sorted({name for one in listings.LISTINGS for name in listings.undefined(one)}))
def test_a_name_that_is_called_undefined_is_used_and_never_imported(name: str, text: Text) -> None:
    word = re.compile(rf"(?<![\w.]){name}\b")
    assert word.search(text.passage(CLAIMS["missing-imports"]))
    made = re.compile(rf"^\s*(from \S+ )?import .*{word.pattern}|^\s*({name}(, \w+)*|\w+, {name}) = (?!{name}\b)")
    assert [line for line in text.lines if made.match(line)] == []
