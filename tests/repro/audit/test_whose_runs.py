"""What a study's own function asks for is runs that can answer a claim, or an error that says which can."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from repro.audit import evidence, settled
from repro.errors import UsageError
from repro.runs.rows import Row
from repro.study import Metric, Profile, Study, case_json
from tests.repro.support.evidence import row

METRICS = (Metric("time", "ms"),)


@dataclass(frozen=True)
class Place:
    """A method at a place of a grid."""

    method: str
    down: int
    across: int


@dataclass(frozen=True)
class Other:
    """A case of no experiment here."""

    method: str


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Study:
    def small(case: Any) -> Any:
        return SimpleNamespace(name="digits", stands_in_for="mnist") if case.method == "shown" else None

    study = Study(
        "toy",
        smoke=Profile({"n": 1}, small, cannot_answer="x"),
        paper=Profile({"n": 9}, faithful=True),
    )
    places = [Place(method, down, across) for method in ("ours", "shown") for down in (0, 1) for across in (0, 1)]

    @study.experiment(places, metrics=METRICS, axes=("down", "across"))
    def train(case: Place, run: Any) -> dict[str, float]:
        """Train."""
        return {}

    @study.experiment(places, metrics=METRICS, axes=("down", "across"), deterministic=True)
    def counted(case: Place, run: Any) -> dict[str, float]:
        """Count."""
        return {}

    @study.experiment(places, metrics=METRICS, axes=("down", "across"), deterministic=True)
    def scaled(case: Place, run: Any) -> dict[str, float]:
        """Count with settings."""
        return run.settings

    monkeypatch.setattr(evidence, "_study", lambda _: study)
    monkeypatch.setattr(settled, "may_read_settings", lambda _study, name: name == "scaled")
    return study


@pytest.mark.parametrize("ask", ["values", "grids"])
@pytest.mark.parametrize(
    ("experiment", "method", "why"),
    [
        ("train", "ours", "it is not faithful; ask for those of paper"),
        ("train", "shown", "it is not faithful, and its data 'digits' stand in for mnist; ask for those of paper"),
        (
            "counted",
            "shown",
            "it is not faithful, and its data 'digits' stand in for mnist; ask for those of paper",
        ),
        ("scaled", "ours", "it is not faithful, and its settings may enter; ask for those of paper"),
        ("counted", "ours", ""),
    ],
)
def test_runs_that_answer_no_claim_are_refused(
    study: Study, there: list[Row], ask: str, experiment: str, method: str, why: str
) -> None:
    """Five smoke runs on data that stand in for the real ones were evidence like any, and a claim was accused."""
    places = [one for one in study.experiments[experiment].cases if one.method == method]
    there += [row(experiment, "time", case_json(one), number, 1.5) for one in places for number in range(5)]

    def asked(profile: str) -> int:
        if ask == "values":
            return len(evidence.values("toy", profile, experiment, "time", places[0]).values)
        return len(evidence.grids("toy", profile, experiment, "time", method=method))

    assert asked("paper") == 5
    if not why:
        assert asked("smoke") == 5
        return
    with pytest.raises(UsageError) as refused:
        asked("smoke")
    assert str(refused.value) == f"runs of '{experiment}' in profile 'smoke' of study 'toy' answer no claim: {why}"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"profile": "papers"}, "no profile 'papers'; did you mean 'paper'"),
        ({"experiment": "trian"}, "no experiment 'trian'; did you mean 'train'"),
        ({"metric": "tim"}, "experiment 'train' has no metric 'tim'; did you mean 'time'"),
    ],
)
def test_a_name_that_is_none_is_an_error(study: Study, there: list[Row], changed: dict[str, str], words: str) -> None:
    """A metric that no run has was evidence that is not there yet."""
    asked = {"profile": "paper", "experiment": "train", "metric": "time"} | changed
    with pytest.raises(UsageError, match=words):
        evidence.values("toy", *asked.values(), Place("ours", 0, 0))
    with pytest.raises(UsageError, match=words):
        evidence.grids("toy", *asked.values())


@pytest.mark.parametrize("case", [{"method": "ours", "down": 0, "across": 0}, Other("ours"), Place("ours", 0, 2), None])
def test_what_is_no_case_of_the_experiment_names_the_class(study: Study, there: list[Row], case: object) -> None:
    """A mapping was a TypeError in our code, and a case that cannot be run was waited for."""
    with pytest.raises(UsageError) as refused:
        evidence.values("toy", "paper", "train", "time", case)
    assert str(refused.value) == (
        f"'train' has no case {case!r}; give an instance of {__name__}.Place, as Place(method='ours', down=0, across=0)"
    )
