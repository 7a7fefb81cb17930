"""The one door of a study's claims to what they are judged by: what is published, rows of runs, and what is missing.

A study's evidence functions import this module and the front door, and nothing else of the harness. They return what
their claim's judge asks for (`repro.audit.verdicts.Evidence`), or `Missing`.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import registry
from repro.audit import blessed, claims
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, MEASURED
from repro.audit.measured import LEAST_RUNS
from repro.errors import UsageError, did_you_mean
from repro.golden import log, stored
from repro.runs import store, table
from repro.study import Experiment, Study, case_json

__all__ = [
    "LEAST_RUNS", "Claim", "Missing", "Shown", "claims_of", "faithful", "function_of", "grids", "published", "values",
    "verdicts",
]  # fmt: skip

Shown = tuple[bool, str]  # whether something holds, and what was seen
Row = Mapping[str, Any]
Places = Mapping[tuple[Any, Any], Any]  # what stands at each place of a grid: along its first axis, along its second
COLUMNS = ("experiment", "metric", "case", "replicate", "value", "curve", "status")


@dataclass(frozen=True)
class Missing:
    """Evidence that no table holds yet: what is missing, and how many runs it takes."""

    what: str
    runs: int


# What the document says


def claims_of(study: str) -> tuple[Claim, ...]:
    """Return the claims of a study."""
    return claims.load(claims.path_of(registry.root(), study), study, JUDGES)


def published(study: str, claim: str) -> tuple[str, ...]:
    """Return what a claim publishes, as printed. Raise UsageError for a claim that is none."""
    found = {one.id: one.published for one in claims_of(study)}
    if claim not in found:
        raise UsageError(f"study '{study}' has no claim '{claim}'{did_you_mean(claim, list(found))}")
    return found[claim]


def verdicts(study: str) -> dict[str, str]:
    """Return the blessed verdicts of a study's claims by id, {} where none were blessed."""
    root = registry.root()
    path = blessed.path_of(root)
    if not path.exists():
        return {}
    return {row["id"]: row["verdict"] for row in blessed.held(root) if row["study"] == study}


# What runs say


def evidence_of(study: Study, claim: Claim) -> Any:
    """Return what a claim is judged by: the answer of a function of the study's, or values from rows."""
    if claim.compute:
        return function_of(claim.study, claim.compute)()
    return values_from_rows(study, claim)


def function_of(study: str, name: str) -> Callable[..., Any]:
    """Return a study's function by its dotted name inside the study. Raise UsageError where there is none."""
    module, _, wanted = name.rpartition(".")
    full = f"studies.{study}.{module}"
    try:
        function: Callable[..., Any] | None = getattr(importlib.import_module(full), wanted, None)
    except ModuleNotFoundError as error:
        raise UsageError(f"studies/{study}/ has no module '{module}' ({error}); write it there") from error
    if function is None:
        raise UsageError(f"studies/{study}/: module '{module}' has no function '{wanted}'; write it there")
    return function


def values_from_rows(study: Study, claim: Claim) -> Any:
    """Return values from golden or stored rows: one where no seed moves it, else one a run, of faithful profiles only.

    A figure that no seed moves and that no stand-in's data enter is the same in every profile.
    """
    asked = dict(claim.rows)
    name, metric = asked.pop("experiment"), asked.pop("metric")
    if name not in study.experiments:
        raise UsageError(f"no experiment '{name}'{did_you_mean(name, list(study.experiments))}")
    experiment = study.experiments[name]
    if metric not in {one.name for one in experiment.metrics}:
        near = did_you_mean(metric, [one.name for one in experiment.metrics])
        raise UsageError(f"experiment '{name}' has no metric '{metric}'{near}")
    case = the_case(experiment, asked)
    for profile in profiles_for(study, experiment, case, measured=claim.judge in MEASURED):
        found = values(study.name, profile, name, metric, case)
        if found:
            if experiment.deterministic and claim.judge not in MEASURED:
                return one_value(found, name, metric)
            return found
    fields = " ".join(f"--where {key}={value}" for key, value in asked.items())
    command = f"repro run {study.name} --profile {faithful(study)} --experiment {name} {fields}".strip()
    return Missing(f"no faithful run yet: `{command}`", LEAST_RUNS)


def the_case(experiment: Experiment, fields: Mapping[str, Any]) -> Any:
    """Return the one case that has these fields. Raise UsageError where none or several have."""
    found = [
        case
        for case in experiment.cases
        if all(hasattr(case, key) and getattr(case, key) == value for key, value in fields.items())
    ]
    if len(found) != 1:
        raise UsageError(f"{len(found)} cases of '{experiment.name}' have {dict(fields)}; name fields of exactly one")
    return found[0]


def faithful(study: Study) -> str:
    """Return the name of a faithful profile. Raise UsageError for a study without one."""
    for name, profile in study.profiles.items():
        if profile.faithful:
            return name
    raise UsageError(f"study '{study.name}' has no faithful profile, so no measured claim of its can be judged")


def profiles_for(study: Study, experiment: Experiment, case: Any, *, measured: bool) -> list[str]:
    """Return the profiles whose rows can answer a claim, the faithful ones first; only these where it is `measured`."""
    able = [name for name, profile in study.profiles.items() if profile.faithful]
    for name, profile in study.profiles.items():
        data = profile.data_of(case)
        if experiment.deterministic and not measured and name not in able and (data is None or not data.stands_in_for):
            able.append(name)
    return able


def values(study: str, profile: str, experiment: str, metric: str, case: Any) -> list[float]:
    """Return the finished values of a case's metric, from the golden and else from the store; [] where none is."""
    text = case_json(case)
    for rows in _tables(study, profile):
        found = [
            float(row["value"])
            for row in rows
            if (row["experiment"], row["metric"], row["case"], row["status"]) == (experiment, metric, text, "ok")
        ]
        if found:
            return found
    return []


def grids(
    study: str, profile: str, experiment: str, metric: str, *, column: str = "value", **fields: Any
) -> dict[int, Places]:
    """Return a metric, or its "curve" over epochs, over an experiment's grid by replicate; {} where no grid is whole.

    From the golden and else from the store. A place is the values of the experiment's two axes; places that left the
    real numbers are not in it, and replicates that lack one are left out. `fields` choose among cases that have them.
    Raise UsageError for an experiment without axes.
    """
    declared = registry.load(study).experiments[experiment]
    for rows in _tables(study, profile):
        found = complete(rows, declared, metric, column=column, **fields)
        if found:
            return found
    return {}


def complete(
    rows: Sequence[Row], experiment: Experiment, metric: str, *, column: str = "value", **fields: Any
) -> dict[int, Places]:
    """Return the grids of those replicates in some rows for which every place of an experiment has run."""
    if experiment.axes is None:
        raise UsageError(f"experiment '{experiment.name}' declares no axes, so it has no grid; give it axes=(...)")
    down, across = experiment.axes
    places = {
        (getattr(case, down), getattr(case, across))
        for case in experiment.cases
        if all(getattr(case, key, value) == value for key, value in fields.items())
    }
    seen: dict[int, dict[tuple[Any, Any], Any]] = {}
    for row in rows:
        if (row["experiment"], row["metric"]) == (experiment.name, metric):
            case = json.loads(row["case"])
            if all(case.get(key, value) == value for key, value in fields.items()):
                place = (case[down], case[across])
                seen.setdefault(row["replicate"], {})[place] = row[column] if row["status"] == "ok" else None
    return {
        replicate: {place: value for place, value in grid.items() if value is not None}
        for replicate, grid in sorted(seen.items())
        if set(grid) == places
    }


def _tables(study: str, profile: str) -> list[Sequence[Row]]:
    """Return the rows that a profile has: the golden's as they were blessed, then the store's."""
    root = registry.root()
    golden, results = stored.path_of(root, study, profile), store.results_path(study, profile)
    found = [_blessed_rows(root, study, profile, _changed(root, golden))] if golden.exists() else []
    return [*found, *([_stored_rows(results, _changed(root, results))] if results.exists() else [])]


def _changed(root: Path, path: Path) -> tuple[int, ...]:
    """Return when a table, and what a golden is held to, were written last: rows are read once while it is the same."""
    files = (path, stored.bands_path(path), stored.twin_path(path), log.path_of(root))
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


@functools.lru_cache(maxsize=8)
def _blessed_rows(root: Path, study: str, profile: str, _changed: tuple[int, ...]) -> list[Row]:
    return list(log.blessed(root, study, profile).rows.select(COLUMNS).to_pylist())


@functools.lru_cache(maxsize=8)
def _stored_rows(path: Path, _changed: tuple[int, ...]) -> list[Row]:
    return list(table.read(path).select(COLUMNS).to_pylist())


def one_value(values: Sequence[float], experiment: str, metric: str) -> float:
    """Return the value that all runs share. Raise UsageError where a deterministic experiment has several."""
    if len(set(values)) != 1 or not math.isfinite(values[0]):
        raise UsageError(f"{metric} of the deterministic experiment '{experiment}' has {len(set(values))} values")
    return values[0]
