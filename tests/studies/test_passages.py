"""Every claim says where it stands, and the documents, where they are at hand, say there what they said."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro import registry
from repro.audit import passages
from repro.errors import UsageError
from tests.studies.registries import Registry

FIRST = {"rfnn": "000", "sesn": "001", "rbf": "002", "filters2d": "003", "dagnets": "004"}  # of the files' names


@pytest.fixture(params=registry.names())
def study(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def document(study: str, shared: Path) -> passages.Text:
    found = sorted((shared.parent / "seeds").glob(f"{FIRST[study]}_*.txt"))
    if not found:
        pytest.skip(f"the document of {study} is not here; it is not part of the project")
    return passages.read(found[0])


def test_a_claim_names_its_passage_or_where_else_it_stands(study: str) -> None:
    lost = [claim.id for claim in Registry(study).claims.values() if not (claim.digest or claim.elsewhere)]
    assert lost == []


def test_every_passage_is_in_the_document(study: str, document: passages.Text) -> None:
    for claim in Registry(study).claims.values():
        document.passage(claim)


def test_a_passage_is_not_found_one_line_further_down(study: str, document: passages.Text) -> None:
    moved = passages.Text(document.path, ["", *document.lines])
    wrong = 0
    for claim in Registry(study).claims.values():
        if claim.lines:
            try:
                moved.passage(claim)
            except UsageError:
                wrong += 1
    assert wrong == sum(1 for claim in Registry(study).claims.values() if claim.lines)
