"""What holds for each study of the project, whatever it is about."""

from dataclasses import replace

import pytest

from repro import registry
from repro.plan import PlannedRun, planned_runs
from repro.worker import Order, Report, execute


def made(study: str, run: PlannedRun) -> Report:
    """Make a run of the smoke profile and return what it found, its time left out."""
    return replace(execute(Order(study, "smoke", run, device="cpu")), wall_seconds=0.0)


@pytest.mark.parametrize("name", registry.names())
def test_same_seed_same_row_and_next_replicate_another(name: str) -> None:
    """A run depends on its seed and on nothing that an earlier run left behind; asked of the first that ends."""
    study = registry.load(name)
    stochastic = [experiment.name for experiment in study.experiments.values() if not experiment.deterministic]
    runs = [run for run in planned_runs(study, "smoke", replicates=[0, 1]) if run.experiment in stochastic]
    first = next(run for run in runs if run.replicate == 0 and made(name, run).status == "ok")
    other = next(run for run in runs if (run.experiment, run.case, run.replicate) == (first.experiment, first.case, 1))
    one, again, another = made(name, first), made(name, first), made(name, other)
    assert one == again
    assert one.values != another.values


def test_a_run_that_ignores_its_seed_would_be_seen() -> None:
    study = registry.load("rfnn")
    runs = planned_runs(study, "smoke", replicates=[0, 1], where=["reading=as_listed", "first=1", "second=2"])
    one, other = made("rfnn", runs[0]), made("rfnn", replace(runs[1], seed=runs[0].seed))
    assert one.values == other.values
