"""Hold a study's committed smoke golden against runs made anew, in this process, with or without a planted mistake."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from repro import registry
from repro.errors import DEVIATION
from repro.golden import findings, stored
from repro.golden.check import check
from repro.runs import table
from repro.runs.plan import identity, named_runs, planned_runs
from repro.runs.planned import PlannedRun
from repro.runs.runner import Request, rows_from
from repro.runs.worker import Order, Report, execute
from repro.study import settings_json
from tests.sources import PROJECT


@dataclass(frozen=True)
class Mistake:
    """A mistake to plant in a study's code, the runs of the smoke profile that show it, and how their check ends.

    `forget` empties what the code remembers between runs, before and after.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    experiment: str
    where: tuple[str, ...] = ()
    exit_code: int = DEVIATION
    forget: Callable[[], None] = lambda: None

    @property
    def runs(self) -> tuple[str, ...]:
        """Return what chooses the runs: the experiment, then fields of the case."""
        return (self.experiment, *self.where)


def shuffle_labels(patch: pytest.MonkeyPatch, module: ModuleType, share: float = 0.05) -> None:
    """Plant a mistake in the module that loads a study's images: this share of the training labels stand elsewhere."""
    import torch

    from studies.common.training import Labelled

    resident = module.resident

    def shuffled(run: object, *parts: str, classes: int) -> tuple[Labelled, ...]:
        whole, *others = resident(run, *parts, classes=classes)
        draw = torch.Generator().manual_seed(0)
        chosen = torch.randperm(len(whole), generator=draw)[: round(share * len(whole))]
        labels = whole.labels_N.clone()
        labels[chosen] = labels[chosen[torch.randperm(len(chosen), generator=draw)]]
        return Labelled(whole.images, labels), *others

    patch.setattr(module, "resident", shuffled)


@cache
def smoke(study: str) -> stored.Golden:
    """Return the golden of a study's smoke profile."""
    return stored.load(stored.path_of(PROJECT, study, "smoke"))


def fresh_runs(study: str, *, experiments: Collection[str], where: Collection[str] = ()) -> list[PlannedRun]:
    """Return chosen runs of the smoke profile with the first seed that the golden does not hold."""
    replicate = max(smoke(study).rows["replicate"].to_pylist()) + 1
    loaded = registry.load(study)
    return planned_runs(loaded, "smoke", replicates=[replicate], experiments=[*experiments], where=[*where])


def report_of(study: str, run: PlannedRun) -> Report:
    """Make one run in this process and return what it found, its time left out."""
    settings = settings_json(registry.load(study).profiles["smoke"].settings)
    return replace(execute(Order(study, "smoke", settings, run, device="cpu")), wall_seconds=0.0)


def check_with(study: str, runs: Collection[PlannedRun]) -> findings.CheckResult:
    """Check one replicate: the given runs made now, all other cells as the golden's first replicate has them.

    What the check wants to see again is made now too.
    """
    held = smoke(study)
    again = {(run.experiment, run.case) for run in runs}
    everything = held.rows.to_pylist()
    first: dict[tuple[str, str], int] = {}
    for row in everything:
        cell = (row["experiment"], row["case"])
        first[cell] = min(row["replicate"], first.get(cell, row["replicate"]))
    rows: list[dict[str, Any]] = [
        row
        for row in everything
        if (cell := (row["experiment"], row["case"])) not in again and row["replicate"] == first[cell]
    ]
    results = table.build(rows + made_now(study, runs), table.environments(held.rows))
    reruns: list[dict[str, Any]] = []
    while True:
        some = table.build(reruns, {})
        result = check(results, held.rows, held.bands, reruns=some)
        missing = [run for run in result.wanted if run[:2] in again]  # the golden's own cells need no other run
        if not missing:
            return result
        reruns += made_now(study, named_runs(registry.load(study), "smoke", missing))


def check_cell(study: str, experiment: str, *where: str) -> findings.CheckResult:
    """Check fresh runs of an experiment's cases, as `check_with` does."""
    return check_with(study, fresh_runs(study, experiments=[experiment], where=where))


def made_now(study: str, runs: Collection[PlannedRun]) -> list[dict[str, Any]]:
    """Make runs in this process and return their rows."""
    loaded = registry.load(study)
    wanted = identity(loaded, "smoke")
    common = {"environment": "here", "commit": "", "device": "cpu"}
    rows: list[dict[str, Any]] = []
    for run in runs:
        request = Request(study=loaded, profile="smoke", runs=[run], device="cpu", jobs=1)
        rows += rows_from(request, run, report_of(study, run), wanted, common)
    return rows
