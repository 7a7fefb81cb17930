"""Each registry covers its document, and its headlines are computed: a study's are the table in NAME/headlines.py."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.studies.registries import Registry

TABLES = {
    path.parent.name: importlib.import_module(f"tests.studies.{path.parent.name}.headlines")
    for path in sorted(Path(__file__).parent.glob("*/headlines.py"))
}


@pytest.mark.parametrize("study", TABLES)
def test_the_registry_covers_the_document(study: str) -> None:
    for found, least in zip(Registry(study).counts(), TABLES[study].LEAST, strict=True):
        assert found >= least


@pytest.mark.parametrize(
    ("study", "claim", "verdict", "words"),
    [(study, *headline) for study, table in TABLES.items() for headline in table.HEADLINES],
)
def test_a_headline_is_computed(study: str, claim: str, verdict: str, words: str) -> None:
    found = Registry(study).judgement(claim)
    assert found.verdict == verdict
    assert words in found.evidence
