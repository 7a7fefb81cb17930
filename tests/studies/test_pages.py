"""A study's page accuses of nothing that the verdicts do not: each of its errata names the claims that found it."""

from __future__ import annotations

import itertools
import re

import pytest

from repro.audit import evidence
from tests.sources import PROJECT

FOUND = {"erratum", "not reproduced", "protocol mismatch", "transcription"}
CODE = re.compile(r"`([^`]+)`")


def errata(text: str) -> list[str]:
    """Return the items of the list right below the heading "Errata …" of a page, none where it has no such heading."""
    _, heading, rest = text.partition("\n## Errata ")
    lines = rest.partition("\n## ")[0].splitlines()[2:] if heading else []
    listed = itertools.takewhile(lambda line: line.startswith(("- ", "  ")), lines)
    return ["- " + item for item in "\n".join(listed).removeprefix("- ").split("\n- ")] if heading else []


def unfounded(item: str, verdicts: dict[str, str]) -> str:
    """Return what is wrong with an item: no claim is named, or one that no verdict speaks against; "" where none is."""
    named = [word for word in CODE.findall(item) if word in verdicts]
    return "names no claim" if not named else ", ".join(one for one in named if verdicts[one] not in FOUND)


PAGES = {path.stem.removeprefix("study-"): path.read_text("utf-8") for path in sorted(PROJECT.glob("docs/study-*.md"))}
ERRATA = [(study, item) for study, text in PAGES.items() for item in errata(text)]


@pytest.mark.parametrize(("study", "item"), ERRATA, ids=[f"{study}-{n}" for n, (study, _) in enumerate(ERRATA)])
def test_an_erratum_of_a_page_names_claims_that_verdicts_speak_against(study: str, item: str) -> None:
    assert unfounded(item, dict(evidence.verdicts(study))) == ""


def test_the_pages_with_errata_are_read() -> None:
    assert {study for study, _ in ERRATA} == {"dagnets", "filters2d", "rfnn", "sesn"}


PAGE = """# A page

## Errata that matter here

- One, of
  two lines (`wrong`).
- Two (`right`).

Cautions:

- Three.
"""


def test_an_item_without_a_verdict_is_found() -> None:
    """The planted faults: an item that names a claim which holds, and one that names none."""
    verdicts = {"wrong": "erratum", "right": "reproduced"}
    assert [unfounded(item, verdicts) for item in errata(PAGE)] == ["", "right"]
    assert unfounded("- `code` (`wrong`)", verdicts) == ""
    assert unfounded("- `code`", verdicts) == "names no claim"
    assert errata("# A page\n") == []
