"""What happens is read from finished runs of the case that is meant, and shown beside the claim it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from repro import registry
from repro.audit import evidence
from repro.audit.claims import Claim
from repro.errors import NothingSelectedError, UsageError
from studies.common.beside import HEADERS, NO_RUN, beside
from studies.common.found import Found, spread
from tests.studies.goldens import smoke

STUDIES = [name for name in registry.names() if "beside" in registry.load(name).figures]
HAPPENS = HEADERS.index("what happens in these runs")


def row(case: dict[str, Any], value: float, replicate: int = 0, **changed: Any) -> dict[str, Any]:
    made = {"experiment": "some", "metric": "error", "case": json.dumps(case), "replicate": replicate, "value": value}
    return made | {"status": "ok"} | changed


ROWS = [
    row({"x": 2, "y": "a"}, 3.0),
    row({"x": 1, "y": "a"}, 2.0, replicate=1),
    row({"x": 1, "y": "a"}, 1.0),
    row({"x": 1, "y": "b"}, 7.0),
    row({"x": 1, "y": "a"}, 0.0, replicate=2, status="nonfinite"),
    row({"x": 1, "y": "a"}, 9.0, metric="other"),
    row({"x": 1, "y": "a"}, 9.0, experiment="another"),
]


class TestFound:
    def test_values_are_of_finished_runs_by_case_and_replicate(self) -> None:
        found = Found(ROWS)
        assert found.values("some", "error", y="a") == [1.0, 2.0, 3.0]
        assert found.cases("some", "error", x=1) == {'{"x": 1, "y": "a"}': [1.0, 2.0], '{"x": 1, "y": "b"}': [7.0]}
        assert found.spread("some", "error", ".1f", x=1, y="a") == "1.5 (1.0 to 2.0)"
        assert found.within("some", "error", ".0f") == "1 to 7"

    def test_one_value_is_wanted_where_one_is_asked_for(self) -> None:
        assert Found(ROWS).one("some", "error", y="b") == 7.0
        with pytest.raises(UsageError, match=r"some: wanted one .*error.* for \{'x': 1\}, got 3"):
            Found(ROWS).one("some", "error", x=1)

    def test_cases_hold_a_value_in_every_run(self) -> None:
        rows = [row({"x": 1}, 1.0), row({"x": 1}, 0.0, replicate=1), row({"x": 2}, 1.0)]
        assert Found(rows).hold("some", "error") == "1 of 2"

    @pytest.mark.parametrize("asked", [("none", "error", {}), ("some", "none", {}), ("some", "error", {"x": 3})])
    def test_what_no_run_says_is_refused(self, asked: tuple[str, str, dict[str, Any]]) -> None:
        experiment, metric, fields = asked
        with pytest.raises(NothingSelectedError, match=f"no finished run of {experiment}"):
            Found(ROWS).values(experiment, metric, **fields)

    def test_a_spread_is_mean_lowest_and_highest(self) -> None:
        assert spread([1.0, 4.0], ".2g") == "2.5 (1 to 4)"


def claim(name: str, happens: str = "") -> Claim:
    return Claim("rfnn", name, f"page {name}", "value", f"It is {name}.", ("1", "2"), 1, happens=happens)


WORDINGS: dict[str, Callable[[Found], str]] = {
    "words.seven": lambda found: f"{found.one('some', 'error', y='b'):g}",
    "words.nothing": lambda found: found.spread("none", "error"),
}


class TestBeside:
    """On claims, wordings and verdicts made for it."""

    @pytest.fixture(autouse=True)
    def three_claims(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = (claim("seven", "words.seven"), claim("silent"), claim("nothing", "words.nothing"))
        monkeypatch.setattr("studies.common.beside.evidence.claims_of", lambda _study: made)
        monkeypatch.setattr("studies.common.beside.evidence.function_of", lambda _study, name: WORDINGS[name])
        monkeypatch.setattr("studies.common.beside.evidence.verdicts", lambda _study: {"seven": "reproduced"})

    def test_claims_with_words_stand_with_their_blessed_verdicts_and_what_is_not_there_is_said(self) -> None:
        made = beside("rfnn", ROWS, notes="Notes.")
        assert made.rows == [
            ["page seven", "It is seven.", "1; 2", "reproduced", "7"],
            ["page nothing", "It is nothing.", "1; 2", "", NO_RUN],
        ]
        assert (made.headers, made.notes) == (HEADERS, "Notes.")

    def test_rows_that_answer_nothing_are_refused(self) -> None:
        with pytest.raises(NothingSelectedError, match="no finished run that answers a claim; `repro run rfnn`"):
            beside("rfnn", [], notes="")


@pytest.mark.parametrize("study", STUDIES)
class TestStudies:
    def test_every_claim_with_words_is_answered_by_golden_rows_and_has_its_verdict(self, study: str) -> None:
        lines = registry.load(study).figures["beside"](smoke(study).rows.to_pylist()).rows
        assert len(lines) == sum(1 for claim in evidence.claims_of(study) if claim.happens)
        assert [line for line in lines if NO_RUN in line or "" in line] == []

    def test_without_rows_nothing_is_said(self, study: str) -> None:
        with pytest.raises(NothingSelectedError):
            registry.load(study).figures["beside"]([])

    def test_another_value_makes_another_table(self, study: str) -> None:
        """The planted fault: what happens moves beside each claim when every value of its experiments does."""
        show, rows = registry.load(study).figures["beside"], smoke(study).rows.to_pylist()
        moved = [{**row, "value": None if row["value"] is None else 1.1 * row["value"] + 1} for row in rows]
        before, after = show(rows).rows, show(moved).rows
        same = [one for one, other in zip(before, after, strict=True) if one[HAPPENS] == other[HAPPENS]]
        assert same == []


def test_studies_show_what_happens() -> None:
    assert {"dagnets", "filters2d", "rbf"} <= set(STUDIES)
