"""What holds for each study of the project, whatever it is about."""

from dataclasses import replace
from pathlib import Path

import pytest

from repro import registry
from repro.golden import bless
from repro.runs.plan import planned_runs
from repro.study import case_json
from tests.studies.goldens import ROOT, report_of, smoke

GOLDENS = sorted(path for path in ROOT.glob("golden/*/*.parquet") if not path.name.endswith(".bands.parquet"))


@pytest.mark.parametrize("name", registry.names())
def test_same_seed_same_row_and_next_replicate_another(name: str) -> None:
    """A run depends on its seed and on nothing that an earlier run left behind; asked of the first that ends."""
    study = registry.load(name)
    stochastic = [experiment.name for experiment in study.experiments.values() if not experiment.deterministic]
    runs = [run for run in planned_runs(study, "smoke", replicates=[0, 1]) if run.experiment in stochastic]
    reports = ((run, report_of(name, run)) for run in runs if run.replicate == 0)
    first, one = next((run, report) for run, report in reports if report.status == "ok")
    other = next(run for run in runs if (run.experiment, run.case, run.replicate) == (first.experiment, first.case, 1))
    another, again = report_of(name, other), report_of(name, first)
    assert one == again
    assert one.values != another.values


def test_a_run_that_ignores_its_seed_would_be_seen() -> None:
    study = registry.load("rfnn")
    runs = planned_runs(study, "smoke", replicates=[0, 1], where=["reading=as_listed", "first=1", "second=2"])
    one, other = report_of("rfnn", runs[0]), report_of("rfnn", replace(runs[1], seed=runs[0].seed))
    assert one.values == other.values


@pytest.mark.parametrize("name", registry.names())
def test_settings_and_cases_stand_in_one_room(name: str) -> None:
    """The fingerprint of every experiment takes in the whole module of these classes, so no profile may stand there.

    The room is one module, or one for the settings and the first cases, and others for cases that came later.
    """
    study = registry.load(name)
    values = [case for experiment in study.experiments.values() for case in experiment.cases]
    settings = [profile.settings for profile in study.profiles.values()]
    room = f"studies.{name}.cases"
    assert {type(value).__module__ for value in settings} == {room}
    assert {".".join(type(value).__module__.split(".")[:3]) for value in values} == {room}


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_committed_bands_follow_from_the_committed_rows(path: Path) -> None:
    bless.rederive(path, registry.load(path.parent.name))


@pytest.mark.parametrize("name", registry.names())
def test_the_smoke_golden_holds_every_case_with_enough_seeds(name: str) -> None:
    study, rows = registry.load(name), smoke(name).rows
    declared = {(experiment.name, case_json(case)) for experiment, case in study.select("smoke")}
    assert declared == set(zip(rows["experiment"].to_pylist(), rows["case"].to_pylist(), strict=True))
    assert len(set(rows["replicate"].to_pylist())) >= study.profiles["smoke"].golden_seeds
