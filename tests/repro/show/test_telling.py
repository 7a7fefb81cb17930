"""What counts of an audit are distinct findings, and they are told by what they weigh."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from repro import registry
from repro.audit import blessed
from repro.audit.claims import Claim
from repro.audit.document import Audit, Audited
from repro.audit.verdicts import ERROR, VERDICTS, Judgement
from repro.errors import UsageError
from repro.show import exports, pages
from repro.show.telling import MEANINGS, by_gravity, in_order, tally
from repro.show.verdicts import render


def audited(name: str, verdict: str = "erratum", study: str = "toy", **changed: Any) -> Audited:
    claim = Claim(study, name, "section 1", "count", "Something.", ("3",), 1, judge="count", **changed)
    return Audited(claim, Judgement(verdict, "4"), 0.0)  # type: ignore[arg-type]


FOUND = [
    audited("right", "reproduced"),
    audited("slip", weight="slip"),
    audited("again", restates="grave"),
    audited("one", weight="number"),
    audited("grave", weight="conclusion"),
    audited("differs", "not reproduced", weight="conclusion"),
    audited("letters", "reproduced", weight="definition"),
    audited("once-more", "reproduced", restates="right"),
    audited("open", "inconclusive", study="other"),
    audited("damaged", "transcription", study="other"),
]
ORDER = ["differs", "grave", "again", "one", "slip", "right", "once-more", "letters", "open", "damaged"]


def names(found: list[Audited]) -> list[str]:
    return [one.claim.id for one in found]


def test_every_word_has_a_meaning() -> None:
    assert list(MEANINGS) == [*VERDICTS, ERROR]


def test_what_restates_another_or_holds_by_definition_is_not_counted_again() -> None:
    made = tally((one.claim, one.judgement.verdict) for one in FOUND)
    assert (made.distinct, made.by["erratum"], made.by["reproduced"]) == (7, 3, 1)
    assert (made.restating, made.by_definition, made.judged) == (2, 1, 7)
    assert names(list(Audit(tuple(FOUND), ()).contradicted)) == ["slip", "one", "grave", "differs"]


def test_what_weighs_most_comes_first_and_a_difference_before_an_error() -> None:
    assert names(by_gravity(FOUND)) == ["differs", "grave", "one", "slip"]
    assert names(in_order(FOUND)) == ORDER


def test_nothing_is_lost_where_the_claim_that_is_restated_is_not_there() -> None:
    assert names(in_order([audited("again", restates="grave")])) == ["again"]


def test_the_terminal_lists_them_so_and_counts_them_once() -> None:
    lines = render(FOUND, whole=False, verdicts=[]).splitlines()
    assert [line.split()[1] for line in lines[1:4]] == ["differs", "grave", "└"]
    assert "└ again" in lines[3]
    weights = [re.split(r"  +", line)[5:] for line in lines[1:7]]
    assert weights == [
        ["conclusion", "not reproduced"], ["conclusion", "erratum"], ["erratum"], ["number", "erratum"],
        ["slip", "erratum"], ["reproduced"],
    ]  # fmt: skip
    counts = [re.split(r"  +", line) for line in lines[-4:]]
    assert dict(zip(counts[0], counts[1], strict=True)) == {
        "study": "toy", "distinct claims": "5", "reproduced": "1", "not reproduced": "1", "inconclusive": "0",
        "erratum": "3", "protocol mismatch": "0", "transcription": "0", "not testable": "0", "judged": "100 %",
        "restating": "2", "by definition": "1",
    }  # fmt: skip
    assert counts[3][:2] == ["all", "7"]


def test_a_filter_that_hides_the_restated_claim_says_which_it_is() -> None:
    listed = render(
        [audited("grave", "reproduced"), audited("again", restates="grave")], whole=False, verdicts=["erratum"]
    )
    assert "again (restates grave)" in listed


CLAIMS = "".join(
    f'[[claim]]\nid = "{name}"\nwhere = "1"\nkind = "count"\nstatement = "S."\npublished = "3"\njudge = "count"\n'
    f'compute = "claims.three"\n{more}\n'
    for name, more in [("one", ""), ("two", 'restates = "one"'), ("three", 'weight = "definition"'), ("four", "")]
)


def blessed_project(monkeypatch: pytest.MonkeyPatch, root: Path, *ids: str) -> None:
    monkeypatch.setattr(registry, "folder", lambda name: root / "studies" / name)
    (root / "studies/toy").mkdir(parents=True)
    (root / "studies/toy/claims.toml").write_text(CLAIMS)
    records = [{"study": "toy", "id": name, "published": ["3"], "verdict": "erratum"} for name in ids]
    blessed.bless_audit(root, records, reason="a", studies=["toy"])


def test_a_page_counts_distinct_claims_as_the_registry_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blessed_project(monkeypatch, tmp_path, "one", "two", "three", "four")
    lines = pages.counts(tmp_path)
    assert lines[0].split(" | ")[1:3] == ["distinct claims", "reproduced"]
    assert lines[2] == "| toy | 2 | 0 | 0 | 0 | 2 | 0 | 0 | 0 | 1 | 1 |"
    assert lines[3] == "| all | 2 | 0 | 0 | 0 | 2 | 0 | 0 | 0 | 1 | 1 |"


def test_a_blessed_verdict_of_a_claim_that_is_gone_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blessed_project(monkeypatch, tmp_path, "one", "five")
    with pytest.raises(UsageError, match=r"claims\.toml: no claim 'five', of which a verdict is blessed"):
        pages.counts(tmp_path)


def test_damage_of_transcription_fails_nothing_in_exports() -> None:
    items = exports.of_claims([audited("damaged", "transcription").record])
    assert (items[0].state, items[0].level) == ("skipped", "note")
    assert 'failures="0"' in exports.junit(items)
    assert '"level": "note"' in exports.sarif("repro audit", items)
