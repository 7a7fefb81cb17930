"""The one door of a study's claims to what they are judged by: what is published, rows of runs, and what is missing.

A study's evidence functions import this module and the front door, and nothing else of the harness. They return what
their claim's judge asks for (`repro.audit.verdicts.Evidence`), or `Missing`.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from repro import registry
from repro.audit import admitted, blessed, cases, claims, imports, units
from repro.audit.claims import Claim, claims_file
from repro.audit.judges import JUDGES, MEASURED
from repro.audit.measured import LEAST_RUNS
from repro.audit.paired import Cell, cells_asked, paired
from repro.audit.settled import profiles_for, refuse_unable
from repro.audit.verdicts import Evidence, Missing, MissingError, Noted, Runs, Shown
from repro.errors import UsageError, did_you_mean
from repro.machine.reads import about_to_read, by_a_door
from repro.runs.rows import Row
from repro.study import Experiment, Study, case_json

__all__ = [
    "LEAST_RUNS", "Claim", "Evidence", "Missing", "Runs", "Shown", "claims_of", "exact", "faithful", "function_of",
    "grids", "published", "values", "verdicts",
]  # fmt: skip

SEVERAL = "made_of"  # the judge of the runs that a print was made of, which knows several
Places = Mapping[tuple[Any, Any], Any]  # what stands at each place of a grid: along its first axis, along its second


# What the document says


def claims_of(study: str) -> tuple[Claim, ...]:
    """Return the claims of a study."""
    path = claims_file(study)
    with by_a_door(f"file:{os.path.abspath(path)}"):
        return claims.load(path, study, JUDGES)


def published(study: str, claim: str) -> tuple[str, ...]:
    """Return what a claim publishes, as printed. Raise UsageError for a claim that is none."""
    with by_a_door(f"published:{study}"):
        found = {one.id: one.published for one in claims.load(claims_file(study), study, JUDGES)}
    if claim not in found:
        raise UsageError(f"study '{study}' has no claim '{claim}'{did_you_mean(claim, list(found))}")
    return found[claim]


def verdicts(study: str) -> dict[str, str]:
    """Return the blessed verdicts of a study's claims by id, {} where none were blessed."""
    root = registry.root()
    return {row["id"]: row["verdict"] for row in blessed.held(root) if row["study"] == study}


# What runs say


def evidence_of(study: Study, claim: Claim) -> Any:
    """Return what a claim is judged by: the answer of a function of the study's, or values from rows."""
    if claim.compute:
        try:
            return function_of(claim.study, claim.compute)()
        except MissingError as error:
            return error.missing
    return values_from_rows(study, claim)


def function_of(study: str, name: str) -> Callable[..., Any]:
    """Return a study's function by its dotted name inside the study. Raise UsageError where there is none."""
    module, _, wanted = name.rpartition(".")
    full, where = f"{registry.package(study)}.{module}", registry.folder(study)
    try:
        function: Callable[..., Any] | None = getattr(importlib.import_module(full), wanted, None)
    except ModuleNotFoundError as error:
        raise UsageError(f"{where}/ has no module '{module}' ({error}); write it there") from error
    if function is None:
        raise UsageError(f"{where}/: module '{module}' has no function '{wanted}'; write it there")
    return function


def values_from_rows(study: Study, claim: Claim) -> Any:
    """Return what rows hold of a claim: a value where no seed moves it, else the `Runs` of a faithful profile.

    A figure that no seed moves and that no stand-in's data enter is the same in every profile. Of two cases, `above`
    and `below`, it is by how much the one exceeds the other, replicate by replicate. All is in the claim's unit.
    """
    asked = dict(claim.rows)
    if "study" in asked:  # what another document's study has counted already
        study = _study(asked.pop("study"))
    measured = claim.judge in MEASURED
    cells = [_cell(study, claim, fields) for fields in cells_asked(asked, measured=measured)]
    if not (measured or claim.judge == SEVERAL or cells[0].experiment.deterministic):
        raise UsageError(
            f"experiment '{cells[0].experiment.name}' draws random numbers, and the judge '{claim.judge}' knows of no "
            f"runs: one seed would decide; take one of {', '.join(MEASURED)}, or declare that no seed moves it"
        )
    profiles = profiles_for(study, cells[0].experiment, cells[0].case, measured=measured)
    brought = {profile: [_imported(study, profile, cell) for cell in cells] for profile in profiles}
    ours, found = _of_ours(study, cells, profiles, measured=measured)
    if not ours:
        for there in brought.values():
            taken = _of_imports(cells, there, measured=measured)
            if taken is not None:
                return taken
    words = imports.besides([one for there in brought.values() for one in there], ours=ours)
    if isinstance(found, Missing):
        return replace(found, what=f"{found.what}; {words}") if words else found
    return Noted(found, words) if words else found


def _of_ours(study: Study, cells: Sequence[Cell], profiles: Sequence[str], *, measured: bool) -> tuple[bool, Any]:
    """Return whether there are runs of ours at all, and what they say, or why they do not."""
    fixed, refused, ours = cells[0].experiment.deterministic and not measured, None, False
    few: tuple[bool, Any] | None = None  # of a profile before one that has enough runs
    for profile in profiles:
        found = [_found(study, profile, cell, 1 if fixed else LEAST_RUNS) for cell in cells]
        ours = ours or any(isinstance(one, Missing) or one.values or one.diverged for one in found)
        there = found[0] if len(cells) == 1 else _difference(study, profile, cells, found)
        if isinstance(there, Missing):
            refused = refused or there
        elif measured and (there.values or there.diverged):
            there = _of_profile(study, profile, there)
            if len(there.values) + there.diverged >= LEAST_RUNS:
                return True, there
            few = few or (True, there)
        elif there.values or there.diverged:
            return True, _numbers(there, fixed, cells[0].experiment.name, cells[0].metric)
    if few:
        return few
    start = f"repro run {study.name} --profile {faithful(study)} --experiment"
    commands = dict.fromkeys(f"`{f'{start} {one.experiment.name} {one.where}'.strip()}`" for one in cells)
    return ours, refused or Missing(f"no faithful run yet: {' and '.join(commands)}", LEAST_RUNS)


def _of_profile(study: Study, profile: str, runs: Runs) -> Runs:
    """Return runs with the name of their profile beside them, where several are faithful."""
    if sum(one.faithful for one in study.profiles.values()) < 2:
        return runs
    return replace(runs, besides="; ".join(filter(None, (runs.besides, f"runs of profile {profile}"))))


def _imported(study: Study, profile: str, cell: Cell) -> imports.ImportedCell:
    """Return the imported runs of a cell."""
    unit = next(metric.unit for metric in cell.experiment.metrics if metric.name == cell.metric)
    return imports.of(study.name, profile, cell.experiment.name, cell.metric, case_json(cell.case), unit)


def _of_imports(cells: Sequence[Cell], there: Sequence[imports.ImportedCell], *, measured: bool) -> Any:
    """Return what imported runs of a profile say, or why none is evidence; None where there are none of one of both."""
    if not all(one.number for one in there):
        return None
    left_out = "; ".join(dict.fromkeys(text for one in there for text in one.left_out))
    if not all(one.rows for one in there):
        return Missing(left_out, LEAST_RUNS)
    rows = [row for one in there for row in one.rows]
    words = "; ".join(filter(None, (imports.words(rows), left_out)))
    lost = [row for one in there for row in one.lost]
    runs = _in_unit(cells[0], there[0])
    if len(cells) > 1:
        if any(None in one.by_seed for one in there):
            return Missing(f"{words}; runs without a seed cannot be paired: import again with --seed-from", None)
        seeds, precisions = {row.seed for row in lost}, [one.precision for one in there]
        runs = paired([one.by_seed for one in there], cells, "seeds", precisions, seeds)
    runs = replace(runs, besides="; ".join(filter(None, (imports.why(lost), runs.besides))))
    if measured:
        return Noted(runs, words, imports.origins(rows))
    fixed = cells[0].experiment.deterministic
    found = _numbers(runs, fixed, cells[0].experiment.name, cells[0].metric)
    return found if isinstance(found, Missing) else Noted(found, words, imports.origins(rows))


def _in_unit(cell: Cell, there: imports.ImportedCell) -> Runs:
    return cell.converted(Runs(there.values, there.diverged, lost=len(there.lost)), there.precision)


def _cell(study: Study, claim: Claim, fields: dict[str, Any]) -> Cell:
    """Return what fields name of a study. Raise UsageError where that is not one metric of one case."""
    cell = _named(study, fields.pop("experiment"), fields.pop("metric"), fields)
    declared = next(one for one in cell.experiment.metrics if one.name == cell.metric)
    return replace(cell, times=units.factor(claim, declared))


def _named(study: Study, name: str, metric: str, fields: Mapping[str, Any]) -> Cell:
    """Return a metric of one case in the metric's own unit. Raise UsageError for a name that is none."""
    experiment = _experiment(study, name, metric)
    case = cases.named(experiment, fields)
    return Cell(experiment, metric, case, cases.where(case, fields), Decimal(1))


def _experiment(study: Study, name: str, metric: str) -> Experiment:
    """Return an experiment that has a metric. Raise UsageError for a name that is none."""
    if name not in study.experiments:
        raise UsageError(f"no experiment '{name}'{did_you_mean(name, list(study.experiments))}")
    declared = [one.name for one in study.experiments[name].metrics]
    if metric not in declared:
        raise UsageError(f"experiment '{name}' has no metric '{metric}'{did_you_mean(metric, declared)}")
    return study.experiments[name]


def _found(study: Study, profile: str, cell: Cell, least: int) -> Runs | Missing:
    """Return a cell's runs in the claim's unit, or why those that there are are no evidence."""
    runs = _runs(study, profile, cell.experiment.name, cell.metric, cell.case, least)
    if isinstance(runs, Missing):
        return runs
    return cell.converted(runs)


def _difference(study: Study, profile: str, cells: Sequence[Cell], found: Sequence[Runs | Missing]) -> Runs | Missing:
    """Return by how much one cell exceeds another in each replicate that both have; it diverged where one did.

    What one of the two lacks is left out, and said. Where nothing of one is evidence, its reason is that of both.
    """
    missing = [one for one in found if isinstance(one, Missing)]
    if missing:
        return missing[0]
    sides = [
        admitted.of(study, profile, one.experiment.name).by_replicate(one.metric, case_json(one.case)) for one in cells
    ]
    runs = paired(sides, cells, "replicates")
    words = [runs.besides, *(one.besides for one in found if isinstance(one, Runs))]
    return replace(runs, besides="; ".join(dict.fromkeys(filter(None, words))))


def _study(name: str) -> Study:
    """Return a study whose rows are asked for: what it declares decides which of them are evidence."""
    about_to_read(f"code:{registry.package(name)}")
    return admitted.declared(name)


def _numbers(found: Runs, fixed: bool, experiment: str, metric: str) -> Any:
    """Return the values for a judge that knows of no runs, one where no seed moves it; where some left none, none."""
    if found.diverged or found.lost:
        total = len(found.values) + found.diverged + found.lost
        diverged = f"{found.diverged} of {total} runs diverged" if found.diverged else ""
        lost = f"{found.lost} of {total} runs left no value" if found.lost else ""
        return Missing("; ".join(filter(None, (diverged, lost, found.besides))), None)
    return one_value(found.values, experiment, metric) if fixed else list(found.values)


def _runs(study: Study, profile: str, experiment: str, metric: str, case: Any, least: int) -> Runs | Missing:
    """Return the runs of a case, or why those that there are are no evidence; without any, no values."""
    found, text = admitted.of(study, profile, experiment), case_json(case)
    runs = found.runs(metric, text)
    if not (found.ignored or study.experiments[experiment].deterministic) and found.frozen(metric, text):
        what = (
            f"no seed moves {metric}: all {len(runs.values)} runs found {runs.values[0]:.6g}, so that they are one run"
        )
        return Missing(f"{what}; draw every random number from run.seed, or declare the experiment deterministic", None)
    if found.ignored or not (runs.values or runs.diverged):
        fields = (one.name for one in dataclasses.fields(case))
        return found.refused(least, where=cases.where(case, fields), cases=[text]) or runs
    return runs


def faithful(study: Study) -> str:
    """Return the name of a faithful profile. Raise UsageError for a study without one."""
    for name, profile in study.profiles.items():
        if profile.faithful:
            return name
    raise UsageError(f"study '{study.name}' has no faithful profile, so no measured claim of its can be judged")


def values(study: str, profile: str, experiment: str, metric: str, case: Any) -> Runs:
    """Return what the runs of a case found of a metric, of golden and store together; no values where none was made.

    `case` is one of the experiment's, an instance of the study's own class. Where runs are there and none is evidence,
    the claim is inconclusive by itself (MissingError). Raise UsageError for a name or a case that is none, and for a
    profile whose runs can answer no claim: one that is not faithful, where a seed, a stand-in's data or settings enter.
    """
    declared = _study(study)
    named = _experiment(declared, experiment, metric)
    cases.refuse_other(named, case)
    refuse_unable(declared, profile, named, [case])
    found = _runs(declared, profile, experiment, metric, case, LEAST_RUNS)
    if isinstance(found, Missing):
        raise MissingError(found)
    return found


def exact(study: str, experiment: str, *metrics: str, **fields: Any) -> list[float]:
    """Return metrics of one case of a deterministic experiment, the case that has these fields; each is one number.

    They are the same in every profile in which no stand-in's data and no other settings enter. Where no run that is
    evidence has them, the claim is inconclusive by itself (MissingError). Raise UsageError for an experiment that a
    seed moves.
    """
    declared, found = _study(study), []
    for metric in metrics:
        cell = _named(declared, experiment, metric, fields)
        if not cell.experiment.deterministic:
            raise UsageError(f"experiment '{experiment}' draws random numbers; ask for `values` of it")
        profiles = profiles_for(declared, cell.experiment, cell.case, measured=False)
        _, answer = _of_ours(declared, [cell], profiles, measured=False)
        if isinstance(answer, Missing):
            raise MissingError(answer)
        found.append(answer)
    return found


def grids(
    study: str, profile: str, experiment: str, metric: str, *, column: str = "value", **fields: Any
) -> dict[int, Places]:
    """Return a metric, or its "curve" over epochs, over an experiment's grid by replicate; {} where no grid is whole.

    Of golden and store together. A place is the values of the experiment's two axes; one that diverged holds None.
    Replicates that lack a place are left out. `fields` choose among cases that have them. Where no grid is whole since
    runs are no evidence, the claim is inconclusive by itself (MissingError). Raise UsageError as `values` does, and for
    an experiment without axes.
    """
    declared = _study(study)
    named = _experiment(declared, experiment, metric)
    refuse_unable(declared, profile, named, _having(named, fields))
    there = admitted.of(declared, profile, experiment)
    found = {} if there.ignored else complete(there.rows, named, metric, column, **fields)
    refused = None if found else there.refused(LEAST_RUNS)
    if refused:
        raise MissingError(refused)
    return found


def complete(
    rows: Sequence[Row], experiment: Experiment, metric: str, column: str = "value", **fields: Any
) -> dict[int, Places]:
    """Return the grids of those replicates in some rows for which every place of an experiment has run."""
    if experiment.axes is None:
        raise UsageError(f"experiment '{experiment.name}' declares no axes, so it has no grid; give it axes=(...)")
    down, across = experiment.axes
    places = {(getattr(case, down), getattr(case, across)) for case in _having(experiment, fields)}
    seen: dict[int, dict[tuple[Any, Any], Any]] = {}
    for row in rows:
        if (row.experiment, row.metric) == (experiment.name, metric):
            case = json.loads(row.case)
            if all(case.get(key, value) == value for key, value in fields.items()):
                place = (case[down], case[across])
                seen.setdefault(row.replicate, {})[place] = _content(row, column) if row.status == "ok" else None
    return {replicate: grid for replicate, grid in sorted(seen.items()) if set(grid) == places}


def _having(experiment: Experiment, fields: Mapping[str, Any]) -> list[Any]:
    """Return the cases that have these values of those fields that they have at all."""
    return [one for one in experiment.cases if all(getattr(one, key, value) == value for key, value in fields.items())]


def _content(row: Row, column: str) -> Any:
    return row.numbers if column == "curve" else row.value


def one_value(values: Sequence[float], experiment: str, metric: str) -> float:
    """Return the value that all runs share. Raise UsageError where a deterministic experiment has several."""
    if len(set(values)) != 1 or not math.isfinite(values[0]):
        raise UsageError(f"{metric} of the deterministic experiment '{experiment}' has {len(set(values))} values")
    return values[0]
