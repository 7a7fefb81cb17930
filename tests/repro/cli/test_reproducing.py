"""What a reproduction is about to do in one line, and the cell that is judged first."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from repro import registry
from repro.cli.reproducing import first_look, intent, verb_arguments
from repro.errors import UsageError
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


def test_what_selects_runs_selects_what_they_are_compared_with() -> None:
    chosen = ["--experiment", "drawn", "--where", "part=1.0", "--profile", "smoke"]
    run, check = verb_arguments([*chosen, "--device", "cpu", "--sarif=a b", "--jobs=2", "-q"])
    assert run == [*chosen, "--device", "cpu", "--jobs", "2", "-q", "--fresh", "1"]
    assert check == [*chosen, "--sarif", "a b", "--jobs", "2", "-q", "--replay"]


@pytest.mark.parametrize(
    ("posargs", "seeds", "replays"),
    [
        ([], ["--fresh", "1"], True),
        (["--replicates", "3"], [], True),
        (["--fresh", "2"], [], True),
        (["--no-confirm"], ["--fresh", "1"], False),
        (["--profile=lite"], ["--fresh", "1"], False),
    ],
)
def test_seeds_are_fresh_and_smoke_is_replayed(posargs: list[str], seeds: list[str], replays: bool) -> None:
    run, check = verb_arguments(posargs)
    assert run[-len(seeds) :] == seeds or not seeds
    assert run.count("--fresh") == ("--replicates" not in posargs)
    assert check.count("--replay") == replays
    assert run.count("--profile") == check.count("--profile") == 1


@pytest.mark.parametrize(
    ("posargs", "said"),
    [
        (["--experimnt", "a"], "--experimnt: neither .* takes it; did you mean '--experiment'?"),
        (["smoke"], "smoke: neither `repro run` nor `repro check` takes it"),
        (["--where"], "--where: wanted a value behind it"),
    ],
)
def test_what_neither_verb_takes_is_refused(posargs: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        verb_arguments(posargs)


@pytest.mark.parametrize(
    ("posargs", "said"),
    [
        ([], "made, profile smoke, on cpu: 3 cases, fresh seeds: 1; then a comparison with golden/made/smoke.md"),
        (["--fresh", "4", "--experiment", "drawn"], "made, profile smoke, on cpu: 2 cases, fresh seeds: 4; then "),
        (["--where", "part=2.0"], "made, profile smoke, on cpu: 1 case, fresh seeds: 1; then "),
        (["--device", "cuda"], "made, profile smoke, on cuda: 3 cases, fresh seeds: 1; then "),
        (["--replicates", "0-2"], "made, profile smoke, on cpu: 3 cases, replicates 0-2; then "),
    ],
)
def test_the_intent_names_cases_and_seeds(monkeypatch: pytest.MonkeyPatch, posargs: list[str], said: str) -> None:
    study = studied(Case("a", 1.0, flag=True), Case("b", 2.0, flag=True))
    monkeypatch.setattr(registry, "load", lambda name: study)
    assert intent("made", verb_arguments(posargs)[0]).startswith(said)
