"""A study is found, and one that contradicts itself is refused before anything runs."""

import importlib.metadata
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from repro import faults, registry
from repro.data import DataSet
from repro.errors import UsageError
from repro.study import Metric, Profile, Study, case_json, grid


@dataclass(frozen=True)
class Case:
    size: int
    extra: object = None


SMOKE = Profile(None, cannot_answer="anything")


def estimate(case: Case, run: object) -> dict[str, float]:
    """Estimate."""
    return {"pi": 3.0}


def make(cases=(Case(1), Case(2)), metrics=("pi",), function=estimate, axes=None, **profiles: Profile) -> Study:
    study = Study("toy", **(profiles or {"smoke": SMOKE}))
    study.experiment(cases, metrics=metrics, axes=axes)(function)
    return study


def undocumented(case: Case, run: object) -> dict[str, float]:
    return {"pi": 3.0}


def without_run(case: Case) -> dict[str, float]:
    """Estimate without a seed."""
    return {"pi": 3.0}


STAND_IN = DataSet("digits", "Digits", content="ab" * 32, read=lambda folder: {}, stands_in_for="mnist")
REAL = DataSet("mnist", "MNIST", content="cd" * 32, read=lambda folder: {})
OTHER = DataSet("mnist", "Another of that name", content="ef" * 32, read=lambda folder: {})


def by_size(**sets: DataSet | None) -> Callable[[Case], DataSet | None]:
    """A set a case: `one` for size 1, `two` for size 2."""
    return lambda case: sets[{1: "one", 2: "two"}[case.size]]


def test_a_consistent_study_passes() -> None:
    faults.check_study(make(), expected_name="toy")


@pytest.mark.parametrize(
    ("study", "said"),
    [
        (lambda: Study("toy", smoke=SMOKE), "has no experiment"),
        (lambda: make(metrics=()), "declares no metric"),
        (lambda: make(metrics=("pi", "pi")), "metric 'pi' twice"),
        (lambda: make(metrics=(Metric("pi", ""),)), "without a unit"),
        (lambda: make(metrics=(Metric("pi", step=0.0),)), "with step 0.0 .wanted: a finite number above 0"),
        (lambda: make(metrics=(Metric("pi", step=math.inf),)), "with step inf"),
        (lambda: make(metrics=(Metric("pi", step=math.nan),)), "with step nan"),
        (lambda: make(metrics=(Metric("pi", "%", counted=True, step=1.0),)), "'pi' counted and with a step"),
        (lambda: make(metrics=(Metric("pi", counted=True),)), "'pi' counted and in '1'; a share of counted items is"),
        (lambda: make(cases=()), "has no case"),
        (lambda: make(cases=(Case(1), Case(1))), "2 times, which would share a seed"),
        (lambda: make(cases=(Case(1, extra=object()),)), "not a dataclass of plain values"),
        (lambda: make(cases=(Case(1, extra=float("nan")),)), "not a dataclass of plain values"),
        (lambda: make(function=undocumented), "no docstring"),
        (lambda: make(function=without_run), "the run, which brings the seed"),
        (lambda: make(axes=("size", "width")), "spans its grid by"),
        (lambda: make(smoke=Profile(None)), "does not say what it cannot answer"),
        (lambda: make(smoke=Profile(None, replicates=0, cannot_answer="x")), "wants 0 replicates"),
        (lambda: make(smoke=Profile(None, device="tpu", cannot_answer="x")), "device 'tpu'"),
        (lambda: make(paper=Profile(None, data=STAND_IN, faithful=True)), "stand in for the real set"),
        (
            lambda: make(paper=Profile(None, data=by_size(one=REAL, two=STAND_IN), faithful=True)),
            "stand in for the real",
        ),
        (
            lambda: make(smoke=Profile(None, data=by_size(one=REAL), cannot_answer="x")),
            "cannot say which data .*size=2",
        ),
        (lambda: make(smoke=Profile(None, data=by_size(one=None, two="mnist"), cannot_answer="x")), "is no DataSet"),
        (
            lambda: make(smoke=Profile(None, data=by_size(one=REAL, two=OTHER), cannot_answer="x")),
            "declares 2 different data sets called 'mnist'",
        ),
        (lambda: make(smoke=Profile(None, experiments={"estimat": {}}, cannot_answer="x")), "did you mean 'estimate'"),
        (
            lambda: make(smoke=Profile(None, experiments={"estimate": {"seize": (1,)}}, cannot_answer="x")),
            "no case has",
        ),
        (
            lambda: make(smoke=Profile(None, experiments={"estimate": {"size": (3,)}}, cannot_answer="x")),
            "selects no case",
        ),
        (lambda: make(smoke=Profile(object(), cannot_answer="x")), "settings that are not plain values"),
    ],
)
def test_an_inconsistent_study_is_refused(study, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        faults.check_study(study())


def test_data_sets_are_those_of_the_selected_cases_once_each_in_declared_order() -> None:
    study = make(
        cases=(Case(2), Case(1), Case(1, extra="again")),
        smoke=Profile(None, data=by_size(one=REAL, two=STAND_IN), cannot_answer="x"),
        one=Profile(None, data=by_size(one=REAL), experiments={"estimate": {"size": (1,)}}, cannot_answer="x"),
        none=Profile(None, data=lambda case: None, cannot_answer="x"),
        fixed=Profile(None, data=REAL, cannot_answer="x"),
    )
    faults.check_study(study)
    assert study.data_sets("smoke") == (STAND_IN, REAL)
    assert study.data_sets("one") == study.data_sets("fixed") == (REAL,)
    assert study.data_sets("none") == ()
    assert study.data_sets() == (STAND_IN, REAL)
    assert study.profiles["smoke"].data_of(Case(2)) is STAND_IN
    assert study.profiles["fixed"].data_of(Case(2)) is REAL


def test_a_study_offers_data_that_no_profile_uses() -> None:
    study = Study("toy", data=[STAND_IN, REAL], smoke=Profile(None, REAL, cannot_answer="x"))
    assert study.data_sets() == (REAL, STAND_IN)
    assert study.data_sets("smoke") == (REAL,)


def one_more(rows: object, more: object) -> None:
    """Want more than the rows."""


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda rows: None, "figure '<lambda>' has no docstring"),
        (one_more, "must take exactly one argument: the rows"),
    ],
)
def test_a_figure_that_listings_or_the_verb_cannot_use_is_refused(function, said: str) -> None:
    study = make()
    study.figure(function)
    with pytest.raises(UsageError, match=said):
        faults.check_study(study)


def test_an_experiment_is_declared_once() -> None:
    study = make()
    with pytest.raises(UsageError, match="declares experiment 'estimate' twice"):
        study.experiment((Case(3),), metrics=("pi",))(estimate)


def test_an_unknown_study_is_answered_with_the_nearest(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match=r"no study 'montecalro'; did you mean 'montecarlo'\? \(studies: montecarlo\)"):
        registry.load("montecalro")


def test_studies_of_other_packages_are_found_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outside = make()
    point = SimpleNamespace(name="toy", value="outside:study", load=lambda: outside)
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [point] if group == "repro.studies" else [])
    assert registry.names() == ["toy"]
    assert registry.load("toy") is outside


def test_grid_and_canonical_json() -> None:
    cases = grid(Case, size=(1, 2), extra=(0.5, "b"))
    assert [case_json(case) for case in cases] == [
        '{"extra":0.5,"size":1}',
        '{"extra":"b","size":1}',
        '{"extra":0.5,"size":2}',
        '{"extra":"b","size":2}',
    ]
