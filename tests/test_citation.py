"""How to cite: the file names this version, its licence, and every document that is audited."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from repro import __version__, registry
from tests.sources import PROJECT

TYPES = {"thesis", "blog", "slides", "generic", "article", "conference-paper", "report", "software-code"}


def faults(cited: dict[str, Any], project: dict[str, Any], studies: list[str]) -> list[str]:
    """Return where a citation is not right; what Citation File Format 1.2.0 requires of it is among that."""
    found = [f"no {key}" for key in ("cff-version", "message", "title", "authors") if not cited.get(key)]
    for key, wanted in (("cff-version", "1.2.0"), ("version", project["version"]), ("license", project["license"])):
        if cited.get(key) != wanted:
            found.append(f"{key} is {cited.get(key)}, wanted {wanted}")
    named = [author.get("name") for author in cited["authors"]]
    if named != [author["name"] for author in project["authors"]]:
        found.append(f"authors are {named}")
    references = cited.get("references", [])
    if sorted(one.get("notes", "") for one in references) != [f"study {name}" for name in sorted(studies)]:
        found.append("not one reference for each study")
    for one in references:
        people = [author.get("family-names") for author in one.get("authors", [])]
        if one.get("type") not in TYPES or not one.get("title") or not people or not all(people):
            found.append(f"{one.get('notes')}: wants a type, a title and authors")
        page = PROJECT / "docs" / f"{one.get('notes', '').replace(' ', '-')}.md"
        head = " ".join(page.read_text().split("\n\n")[1].split()) if page.exists() else ""
        absent = [str(part) for part in (*people, str(one.get("date-released"))[:4]) if str(part) not in head]
        if absent:
            found.append(f"{page.name} does not name {', '.join(absent)}")
    return found


@pytest.fixture
def cited() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    return read


@pytest.fixture
def project() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return read


def test_the_citation_is_right(cited: dict[str, Any], project: dict[str, Any]) -> None:
    assert faults(cited, project, registry.names()) == []
    assert cited["version"] == __version__
    assert (PROJECT / "LICENSE").read_text().startswith(cited["license"])


def test_a_wrong_citation_is_seen(cited: dict[str, Any], project: dict[str, Any]) -> None:
    names = registry.names()
    mistakes = (
        {"version": "9"}, {"license": "GPL"}, {"title": ""}, {"authors": [{"name": "Nobody"}]}, {"cff-version": "1.1"},
        {"references": cited["references"][1:]},
    )  # fmt: skip
    assert [len(faults({**cited, **mistake}, project, names)) for mistake in mistakes] == [1] * len(mistakes)
    first, *others = cited["references"]
    for mistake in ({"type": "novel"}, {"title": ""}, {"date-released": "1999-01-01"}):
        assert len(faults({**cited, "references": [{**first, **mistake}, *others]}, project, names)) == 1
    assert faults(cited, project, [*names, "new"]) == ["not one reference for each study"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", cited["version"])
