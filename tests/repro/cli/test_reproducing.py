"""What a reproduction is about to do in one line, and the cell that is judged first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from repro import registry
from repro.cli.reproducing import first_look, intent, verb_arguments
from repro.runs.plan import planned_runs
from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Case:
    """One value of each kind that a case can have."""

    text: str
    part: float
    flag: bool
    nothing: None = None


def studied(*cases: Case, deterministic: bool = False) -> Study:
    study = Study("made", smoke=Profile(None, replicates=1))

    @study.experiment([Case("of no interest", 1.0, True)], metrics=[Metric("m")], deterministic=True)
    def sizes(case: Case, run: object) -> dict[str, float]:
        """Count."""
        return {"m": 0.0}

    @study.experiment(cases, metrics=[Metric("m")], deterministic=deterministic)
    def drawn(case: Case, run: object) -> dict[str, float]:
        """Draw."""
        return {"m": 0.0}

    return study


def selected(study: Study, words: list[str]) -> list[tuple[str, int]]:
    """Return experiment and place of what the words of a command select."""
    assert words[0] == "--experiment"
    assert set(words[2::2]) <= {"--where"}
    return [
        (run.experiment, run.case_index)
        for run in planned_runs(study, "smoke", replicates=[0], experiments=[words[1]], where=words[3::2])
    ]


@pytest.mark.parametrize("name", registry.names())
def test_it_is_one_cell_of_each_study(name: str) -> None:
    assert len(selected(registry.load(name), first_look(name, "smoke"))) == 1


@pytest.mark.parametrize("text", ["plain", "with, comma", 'with "marks"', "a=b", "true"])
def test_values_of_every_kind_are_found_again(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    other = Case("other", 0.1, flag=True)
    study = studied(other, Case(text, 2**0.5 / 3, flag=False), other, other)
    monkeypatch.setattr(registry, "load", lambda name: study)
    assert selected(study, first_look("made", "smoke")) == [("drawn", 1)]


def test_where_nothing_is_drawn_it_is_any(monkeypatch: pytest.MonkeyPatch) -> None:
    study = studied(Case("a", 1.0, flag=True), deterministic=True)
    monkeypatch.setattr(registry, "load", lambda name: study)
    assert selected(study, first_look("made", "smoke")) == [("sizes", 0)]


@pytest.mark.parametrize(
    ("posargs", "said"),
    [
        ([], "made, profile smoke, on cpu: 3 cases, fresh seeds: 1; then a comparison with golden/made/smoke.md"),
        (["--fresh", "4", "--experiment", "drawn"], "made, profile smoke, on cpu: 2 cases, fresh seeds: 4; then "),
        (["--replicates", "0-2"], "made, profile smoke, on cpu: 3 cases, replicates 0-2; then "),
    ],
)
def test_the_intent_names_cases_and_seeds(monkeypatch: pytest.MonkeyPatch, posargs: list[str], said: str) -> None:
    study = studied(Case("a", 1.0, flag=True), Case("b", 1.0, flag=True))
    monkeypatch.setattr(registry, "load", lambda name: study)
    assert intent("made", verb_arguments(posargs)[0]).startswith(said)
