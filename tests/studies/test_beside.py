"""What happens is read from finished runs of the case that is meant, and from no other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from repro import registry
from repro.errors import NothingSelectedError, UsageError
from studies.common.found import NO_RUN, Found, Statement, beside, spread
from tests.studies.goldens import smoke

PLANS = {"rbf": [f"R{number}" for number in range(1, 10)], "dagnets": [f"C{number}" for number in range(1, 18)]}
ELSEWHERE = {"rbf": {"R5", "R6"}}  # in profiles without a golden; the page says so


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

    def test_runs_are_replicates(self) -> None:
        assert Found(ROWS).runs(["some"]) == "2"
        assert Found(ROWS).runs(["some", "another"]) == "1 to 2"
        assert Found(ROWS).runs(["none"]) == "0"

    def test_a_spread_is_mean_lowest_and_highest(self) -> None:
        assert spread([1.0, 4.0], ".2g") == "2.5 (1 to 4)"


class TestBeside:
    STATEMENTS = (
        Statement("X1", "page 1", "it is 7", ("some",), lambda found: f"{found.one('some', 'error', y='b'):g}"),
        Statement("X2", "page 2", "it is nothing", ("none",), lambda found: found.spread("none", "error")),
    )

    def test_what_is_not_there_is_said(self) -> None:
        made = beside(self.STATEMENTS, ROWS, notes="Notes.")
        assert made.rows == [
            ["X1", "page 1", "it is 7", "7", "`some`", "2"],
            ["X2", "page 2", "it is nothing", NO_RUN, "`none`", "0"],
        ]
        assert made.notes == "Notes."

    def test_rows_that_answer_nothing_are_refused(self) -> None:
        with pytest.raises(NothingSelectedError, match="no finished run that answers a statement"):
            beside(self.STATEMENTS, [], notes="")


@pytest.mark.parametrize("study", PLANS)
class TestStudies:
    def test_every_row_of_the_plan_is_answered_or_named_on_the_page(self, study: str) -> None:
        from tests.test_docs import PROJECT

        page = (PROJECT / f"docs/study-{study}.md").read_text()
        numbers = {line[0] for line in registry.load(study).figures["beside"](smoke(study).rows.to_pylist()).rows}
        assert numbers == set(PLANS[study]) - ELSEWHERE.get(study, set())
        assert [number for number in ELSEWHERE.get(study, ()) if f"{number}, " not in page] == []

    def test_every_statement_is_answered_by_golden_rows_of_experiments_there_are(self, study: str) -> None:
        loaded = registry.load(study)
        lines = loaded.figures["beside"](smoke(study).rows.to_pylist()).rows
        assert [line for line in lines if line[3] == NO_RUN] == []
        named = {name.strip("`") for line in lines for name in line[4].split(", ")}
        assert named <= set(loaded.experiments)

    def test_without_rows_nothing_is_said(self, study: str) -> None:
        with pytest.raises(NothingSelectedError):
            registry.load(study).figures["beside"]([])

    def test_another_value_makes_another_table(self, study: str) -> None:
        """The planted fault: each statement moves when every value of its experiments does."""
        show, rows = registry.load(study).figures["beside"], smoke(study).rows.to_pylist()
        moved = [{**row, "value": None if row["value"] is None else 1.1 * row["value"] + 1} for row in rows]
        before, after = show(rows).rows, show(moved).rows
        assert [one[3] for one, other in zip(before, after, strict=True) if one[3] == other[3]] == []
