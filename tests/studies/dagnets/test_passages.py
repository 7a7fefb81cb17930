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


@pytest.mark.parametrize("name", sorted({name for one in listings.LISTINGS for name in listings.undefined(one)}))
def test_a_name_that_is_called_undefined_is_used_and_never_imported(name: str, text: Text) -> None:
    word = re.compile(rf"(?<![\w.]){name}\b")
    assert word.search(text.passage(CLAIMS["missing-imports"]))
    made = re.compile(rf"^\s*(from \S+ )?import .*{word.pattern}|^\s*({name}(, \w+)*|\w+, {name}) = (?!{name}\b)")
    assert [line for line in text.lines if made.match(line)] == []
