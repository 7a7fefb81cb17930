"""docs/adding-a-study.md names every declaration of an author: no field, argument, key or judge is left out."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from repro.audit.claims import OPTIONAL, REQUIRED, SPREADS
from repro.audit.judges import JUDGES
from repro.data import DataSet
from repro.errors import IntegrityError
from repro.study import Experiment, Figure, Metric, Outcome, Profile, Run, Study
from tests.sources import PROJECT
from tests.studies.test_protocol import KEYS

PAGE = (PROJECT / "docs/adding-a-study.md").read_text()


def fields(kind: type[Any]) -> list[str]:
    """Return a dataclass's fields in their order."""
    return [one.name for one in dataclasses.fields(kind)]


# What is declared, by the text that its part of the page begins with.
DECLARED = {
    "`Study(": list(inspect.signature(Study).parameters),
    "`Profile(settings, data, ...)`": fields(Profile),
    "`@study.experiment(": fields(Experiment),
    "`Metric(name": fields(Metric),
    "is a `Run`:": [*fields(Run), "dataset"],
    "or an `Outcome`:": fields(Outcome),
    "`Figure(headers": fields(Figure),
    "## Data sets": fields(DataSet),
    "## Claims": [*REQUIRED, *OPTIONAL, *JUDGES, *SPREADS, "Runs", "Shown", "Missing"],
    "## The protocol": [*KEYS, *(name for names in KEYS.values() for name in names), "where", "says", "ours"],
}


def part(page: str, begin: str) -> str:
    """Return the page from a text to where the next thing declared begins."""
    assert page.count(begin) == 1, f"{begin} stands {page.count(begin)} times"
    rest = page.partition(begin)[2]
    ends = [rest.find(other) for other in (*DECLARED, "\n## ") if rest.find(other) >= 0]
    return begin + rest[: min(ends, default=len(rest))]


def unnamed(names: list[str], text: str) -> list[str]:
    """Return the names that a text does not give in code."""
    code = " ".join(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S)))
    return [name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", code)]


@pytest.mark.parametrize("begin", DECLARED)
def test_every_name_is_on_the_page(begin: str) -> None:
    assert unnamed(DECLARED[begin], part(PAGE, begin)) == []


def test_a_field_that_is_left_out_is_seen() -> None:
    for begin, name in (("`Metric(name", "useful"), ("## Claims", "restates"), ("## Data sets", "stands_in_for")):
        assert unnamed(DECLARED[begin], part(PAGE.replace(f"`{name}`", ""), begin)) == [name]


def test_the_data_set_of_the_page_is_what_it_is_pinned_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = part(PAGE, "## Data sets")
    code, table = (re.findall(rf"```{kind}\n(.*?)```", text, re.S)[0] for kind in ("python", "text"))
    space: dict[str, Any] = {}
    exec(compile(code, "docs/adding-a-study.md", "exec"), space)
    monkeypatch.setenv("REPRO_DATA_DIR", str(tmp_path))
    path = tmp_path / "plants" / "heights.csv"
    path.parent.mkdir()
    path.write_text(table)
    assert space["PLANTS"].load()["height"].tolist() == [1.5, 2.25, 1.75]
    path.write_text(table.replace("1.75", "1.76"))
    again = dataclasses.replace(space["PLANTS"], title="read anew")
    with pytest.raises(IntegrityError, match=r"heights.csv: expected content with sha256 9114"):
        again.load()
