"""The examples of the page on audits say what the judges say."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from repro.audit import claims, evidence
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES
from repro.stats import Sample
from tests.sources import PROJECT

PAGE = PROJECT / "docs" / "audit.md"
SECTION = PAGE.read_text("utf-8").partition("## Each judge by an example\n")[2].partition("\n## ")[0]
EXAMPLES = re.findall(r"```python\n(.*?)```", SECTION, re.S)
KNOWN = {"math": math, "Runs": evidence.Runs, "Shown": evidence.Shown, "Missing": evidence.Missing, "Sample": Sample}


def played(example: str) -> tuple[Claim, Any, tuple[str, str]]:
    """Return an example's claim, what its function returns, and what it says of both."""
    seen: dict[str, Any] = {}
    names = {**KNOWN, "claim": lambda **keys: seen.update(keys), "says": lambda *words: seen.update(said=words)}
    before = set(names)
    exec(compile("from __future__ import annotations\n" + example, str(PAGE), "exec"), names)
    (function,) = (names[name] for name in set(names) - before - {"__builtins__", "annotations"})
    published, said = seen.pop("published"), seen.pop("said")
    parts = (published,) if isinstance(published, str) else tuple(published)
    return Claim("toy", "it", "1", "value", "S.", parts, 1, **seen), function(), said


@pytest.mark.parametrize("example", EXAMPLES, ids=[re.findall(r'judge="(\w+)"', one)[0] for one in EXAMPLES])
def test_an_example_says_what_the_judge_says(example: str) -> None:
    claim, found, said = played(example)
    judgement = JUDGES[claim.judge].decide(claim, found)
    assert (judgement.verdict, judgement.evidence) == said


def test_every_judge_has_an_example_and_an_entry() -> None:
    shown = {played(one)[0].judge for one in EXAMPLES}
    assert shown == set(JUDGES)
    assert [name for name in JUDGES if f"| `{name}` |" not in PAGE.read_text("utf-8")] == []


def test_another_word_is_seen() -> None:
    claim, found, said = played(EXAMPLES[0].replace("reproduced", "erratum"))
    assert JUDGES[claim.judge].decide(claim, found).verdict != said[0]


def test_the_rows_of_the_example_are_read(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", SECTION, re.S)
    asked = tomllib.loads(block)["rows"]
    path = tmp_path / "claims.toml"
    head = '[[claim]]\nid = "it"\nwhere = "1"\nkind = "order"\nstatement = "S."\npublished = "less"\n'
    path.write_text(head + block, "utf-8")
    (claim,) = claims.load(path, "toy", JUDGES)
    assert claim.rows == asked
    assert [one["method"] for one in (asked["above"], asked["below"])] == ["baseline", "ours"]
