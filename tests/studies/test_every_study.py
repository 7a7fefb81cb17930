"""What holds for each study of the project, whatever it is about."""

from dataclasses import replace
from pathlib import Path

import pytest

from repro import registry
from repro.golden import bless
from repro.runs.plan import planned_runs
from repro.runs.planned import PlannedRun
from repro.study import case_json
from tests.sources import PROJECT
from tests.studies.goldens import report_of, smoke

GOLDENS = sorted(path for path in PROJECT.glob("golden/*/*.parquet") if not path.name.endswith(".bands.parquet"))


def stochastic(name: str, replicate: int) -> list[PlannedRun]:
    """Return the runs of a replicate of a study's experiments that draw random numbers, cheapest first."""
    study = registry.load(name)
    fixed = {experiment.name for experiment in study.experiments.values() if experiment.deterministic}
    runs = planned_runs(study, "smoke", replicates=[replicate])
    return [run for run in runs if run.experiment not in fixed]


@pytest.mark.parametrize("name", registry.names())
def test_same_seed_same_row_and_next_replicate_another(name: str) -> None:
    """A run depends on its seed and on nothing that an earlier run left behind; asked of the first that ends."""
    reports = ((run, report_of(name, run)) for run in stochastic(name, 0))
    first, one = next((run, report) for run, report in reports if report.status == "ok")
    other = next(run for run in stochastic(name, 1) if run.key[:2] == first.key[:2])
    another, again = report_of(name, other), report_of(name, first)
    assert one == again
    assert one.values != another.values


def test_a_run_that_ignores_its_seed_would_be_seen() -> None:
    first, second = stochastic("sesn", 0)[0], stochastic("sesn", 1)[0]
    one, other = report_of("sesn", first), report_of("sesn", replace(second, seed=first.seed))
    assert one.values == other.values != report_of("sesn", second).values


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
