"""Cases in words: short where that tells them apart, in full where it would not, wherever rows are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from repro.golden import findings, stored
from repro.runs.diff import compare, render
from repro.show import exports
from repro.show.grids import grids
from repro.study import Metric, Profile, Study, case_json, words_of
from tests.repro.support.checking import checked
from tests.repro.support.synthetic import build, golden_of, make_row

NEAR = ('{"lr":1.00001}', '{"lr":1.00002}')
IN_FULL = ("lr=1.00001", "lr=1.00002")


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (['{"lr":0.7071067811865476}'], ["lr=0.7071"]),
        ([*NEAR], [*IN_FULL]),
        (['{"x":1}', '{"x":1.0}', '{"x":true}', '{"x":"1"}'], ["x=1", "x=1.0", "x=True", 'x="1"']),
        (['{"x":0.0}', '{"x":-0.0}'], ["x=0", "x=-0"]),
        ([NEAR[0], NEAR[0]], ["lr=1", "lr=1"]),
        (["no case", '{"x":"é"}', '{"x":"é"}'], ["no case", "x=é", "x=é"]),
    ],
)
def test_words_tell_cases_apart(cases: list[str], expected: list[str]) -> None:
    names = words_of(cases)
    assert [names[case] for case in cases] == expected


METRIC = Metric("loss", "nats")


@dataclass(frozen=True)
class Rate:
    lr: float


def rated() -> Study:
    study = Study("invented", smoke=Profile(None, golden_seeds=10))
    study.experiment([Rate(1.00001), Rate(1.00002)], metrics=[METRIC])(noisy)
    return study


def noisy(case: Any, run: Any) -> None:
    """Draw."""


def near(replicates: range, shift: float = 0.0) -> list[dict[str, Any]]:
    return [
        make_row("noisy", case, METRIC, replicate, 1000 * replicate, 1.0 + 0.01 * ((7 * replicate) % 11) + shift)
        for case in NEAR
        for replicate in replicates
    ]


def golden(monkeypatch: pytest.MonkeyPatch) -> stored.Golden:
    monkeypatch.setattr("tests.repro.support.synthetic.rows_of", lambda study, replicates: near(replicates))
    return golden_of(rated())


class TestRowsOfCasesThatAreNear:
    """Rows of two learning rates that agree in four digits."""

    def test_in_a_check_and_what_it_exports(self, monkeypatch: pytest.MonkeyPatch) -> None:
        result = checked(near(range(20, 21), 9.0), golden(monkeypatch), confirm=False)
        shown = findings.render(result)
        items = exports.of_findings("invented/smoke", "golden/x.md", result.findings)
        names = [case.get("name", "") for case in ElementTree.fromstring(exports.junit(items)).iter("testcase")]
        assert sorted(names) == [f"noisy {text} loss" for text in IN_FULL]
        for text in IN_FULL:
            assert text in shown
            assert text in exports.check_markdown("x", result)

    def test_in_a_twin(self, monkeypatch: pytest.MonkeyPatch) -> None:
        twin = stored.twin(golden(monkeypatch))
        assert all(f"| {text} | loss |" in twin for text in IN_FULL)

    def test_in_a_comparison(self) -> None:
        shown = render(compare(build(near(range(1))), build(near(range(1), 1.0))))
        assert all(text in shown for text in IN_FULL)


@dataclass(frozen=True)
class Cell:
    down: float
    across: int
    lr: float = 1.0


def gridded(unit: str, *cases: Cell) -> Study:
    study = Study("invented", smoke=Profile(None))
    study.experiment(cases, metrics=[Metric("loss", unit)], axes=("down", "across"))(noisy)
    return study


def shown(unit: str, values: dict[Cell, float]) -> list[str]:
    rows = [make_row("noisy", case_json(case), Metric("loss", unit), 0, 1, value) for case, value in values.items()]
    return grids(gridded(unit, *values), build(rows)).splitlines()


class TestGrids:
    """Means on a terminal, each told from its neighbours."""

    @pytest.mark.parametrize(
        ("unit", "values", "expected"),
        [
            ("nats", (6.6e-5, 5e-4), "6.6e-05 0.0005"),
            ("1", (0.98765, 0.98), "0.9877 0.98"),
            ("%", (98.765, 9), "98.77 9.00"),
        ],
    )
    def test_small_values_are_no_zeros(self, unit: str, values: tuple[float, float], expected: str) -> None:
        lines = shown(unit, {Cell(1.0, 1): values[0], Cell(1.0, 2): values[1]})
        assert lines[-1].split()[1:] == expected.split()

    def test_places_that_are_near_have_their_own_names(self) -> None:
        lines = shown("nats", {Cell(1.00001, 1): 3.0, Cell(1.00002, 1): 4.0})
        assert [line.split()[0] for line in lines[-2:]] == ["1.00001", "1.00002"]

    def test_other_fields_that_are_near_are_no_replicates(self) -> None:
        """Two cases whose words are the same were averaged in one cell."""
        lines = shown("nats", {Cell(1.0, 1, 1.00001): 3.0, Cell(1.0, 1, 1.00002): 5.0})
        assert [line.split()[-1] for line in lines if line.startswith("1 ")] == ["3", "5"]
        assert [text for text in IN_FULL if any(text in line for line in lines)] == [*IN_FULL]
