"""Optuna's studies in SQLite: a trial is a run, its parameters decoded; only a complete one has a result."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError, NothingSelectedError
from repro.outside import sqlite
from repro.outside.logged import Curve, Log, LoggedRun, State, Value
from repro.outside.parse import curve, flat, number, step_of

TOOL = "Optuna"
TABLES = frozenset({"studies", "trials", "trial_values", "trial_params", "version_info"})
UPGRADE = "run `optuna storage upgrade` on a copy, with an Optuna of 3 or later"
STORED: Mapping[str, float] = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}  # types without a value
WAITING = "WAITING"
ENDS: Mapping[str, tuple[State, str]] = {
    "COMPLETE": ("finished", ""),
    "PRUNED": ("unfinished", "it was pruned; the value that is stored is its last report, and no result"),
    "FAIL": ("failed", "it failed"),
    "RUNNING": ("unfinished", "it did not end"),
}
INTERMEDIATE = "intermediate"  # the name of the curve of what a trial reported


def recognises(path: Path) -> bool:
    """Say whether a path is a database of Optuna, or a folder with one in it."""
    return bool(sqlite.databases(path, TABLES))


def read(path: Path) -> Log:
    """Read the trials of the studies of a database. Raise IntegrityError where it is damaged or of an older schema."""
    files = [path] if path.is_file() else sqlite.databases(path, TABLES)
    if not files:
        raise NothingSelectedError(f"{path}: no database of Optuna is in there; name the file")
    runs: list[LoggedRun] = []
    versions, left_out = set[str](), list[str]()
    for file in files:
        of_file = _Database(file, f"{file.stem}/" if len(files) > 1 else "")
        versions.add(of_file.version)
        runs += of_file.runs()
        left_out += of_file.waiting()
    return Log(TOOL, tuple(runs), ", ".join(sorted(versions)), tuple(left_out))


class _Database:
    """What the tables of a database hold, by trial."""

    def __init__(self, path: Path, prefix: str) -> None:
        """Read the tables."""
        self.path = path
        with sqlite.opened(path) as database:

            def rows(query: str) -> list[sqlite.Row]:
                return sqlite.select(database, path, query, UPGRADE)

            self.version = ", ".join(str(name) for (name,) in rows("SELECT library_version FROM version_info"))
            self.studies = {study: str(name) for study, name in rows("SELECT study_id, study_name FROM studies")}
            several = len(self.studies) > 1
            self.names: dict[int, str] = {}
            self.trials = rows("SELECT trial_id, number, study_id, state FROM trials ORDER BY trial_id")
            for trial, order, study, _ in self.trials:
                of_study = f"{self.studies.get(study, study)}/" if several else ""
                self.names[trial] = f"{prefix}{of_study}trial {order}"
            self.metrics = {
                study: self.json(text)
                for study, text in rows(
                    "SELECT study_id, value_json FROM study_system_attributes WHERE \"key\" = 'study:metric_names'"
                )
            }
            columns = "trial_id, param_name, param_value, distribution_json"
            self.params = _by_trial(rows(f"SELECT {columns} FROM trial_params ORDER BY param_id"))
            self.attributes = _by_trial(
                rows('SELECT trial_id, "key", value_json FROM trial_user_attributes ORDER BY trial_user_attribute_id')
            )
            self.values = _by_trial(
                rows("SELECT trial_id, objective, value, value_type FROM trial_values ORDER BY objective")
            )
            columns = "trial_id, step, intermediate_value, intermediate_value_type"
            self.reports = _by_trial(
                rows(f"SELECT {columns} FROM trial_intermediate_values ORDER BY trial_intermediate_value_id")
            )

    def json(self, text: Any) -> Any:
        """Return what a piece of JSON in a table holds."""
        try:
            return json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise IntegrityError(f"{self.path}: a text in the database is no JSON ({error}); {sqlite.AGAIN}") from error

    def number(self, value: Any, kind: str) -> float:
        """Return a number by its type, which comes before the value."""
        found = STORED.get(kind, number(value) if kind == "FINITE" else None)
        if found is None:
            raise IntegrityError(f"{self.path}: a value of the type '{kind}' is {value!r}; {sqlite.AGAIN}")
        return found

    def waiting(self) -> list[str]:
        """Name the trials that did not begin."""
        return [f"{self.names[trial]}: did not begin" for trial, _, _, state in self.trials if state == WAITING]

    def runs(self) -> list[LoggedRun]:
        """Return the trials that began."""
        return [self.run(*row) for row in self.trials if row[3] != WAITING]

    def run(self, trial: int, order: int, study: int, ended: str) -> LoggedRun:
        """Return a trial. Parameters stand for themselves, a user's attributes below a name that no parameter has."""
        if ended not in ENDS:
            raise IntegrityError(f"{self.path}: {self.names[trial]} has the unknown state '{ended}'; {sqlite.AGAIN}")
        state, why = ENDS[ended]
        fields: dict[str, Value] = {"study": self.studies.get(study, ""), "number": order}
        for name, text in self.attributes[trial]:
            fields |= flat({str(name): self.json(text)}, self.path)
        for name, value, text in self.params[trial]:
            fields[str(name)] = self.parameter(value, self.json(text))
        curves: dict[str, Curve] = {}
        if self.reports[trial]:
            reports = [(self.step(step), None, self.number(value, kind)) for step, value, kind in self.reports[trial]]
            curves[INTERMEDIATE] = curve(reports)
        values = self.values[trial]
        given = self.metrics.get(study)
        for place, value, kind in values if ended == "COMPLETE" else ():
            name = "value" if len(values) == 1 else f"value_{place}"
            if isinstance(given, list) and place in range(len(given)):
                name = str(given[place])
            curves[name] = curve([(None, None, self.number(value, kind))], after=True)
        stored = ", ".join(f"{self.number(value, kind)!r}" for _, value, kind in values)
        notes = (f"{stored} is stored as its value, and is left out",) if values and ended != "COMPLETE" else ()
        origin = f"trial_id {trial}"
        return LoggedRun(self.names[trial], self.path, fields, curves, state, why, origin, notes)

    def step(self, value: Any) -> int:
        """Return a step."""
        found = step_of(value)
        if found is None:
            raise IntegrityError(f"{self.path}: the step of a report is {value!r}; {sqlite.AGAIN}")
        return found

    def parameter(self, value: Any, distribution: Any) -> Value:
        """Return a parameter as the objective got it: of a choice what was chosen, of an integer no fraction."""
        attributes = distribution.get("attributes") if isinstance(distribution, dict) else None
        found, whole = number(value), step_of(value)
        if not isinstance(attributes, dict) or found is None:
            raise IntegrityError(f"{self.path}: a parameter is stored as {value!r}, {distribution!r}; {sqlite.AGAIN}")
        kind = str(distribution.get("name"))
        if kind == "CategoricalDistribution":
            choices = attributes.get("choices")
            if not isinstance(choices, list) or whole is None or not 0 <= whole < len(choices):
                raise IntegrityError(f"{self.path}: the choice {value!r} is none of {choices!r}; {sqlite.AGAIN}")
            return _plain(choices[whole])
        return whole if kind.startswith("Int") and whole is not None else found


def _plain(value: Any) -> Value:
    """Return a choice, which Optuna keeps as JSON."""
    return value if isinstance(value, str | int | float | bool) or value is None else json.dumps(value)


def _by_trial(rows: Sequence[sqlite.Row]) -> dict[Any, list[sqlite.Row]]:
    """Return the rows of each trial, without its number."""
    found: dict[Any, list[sqlite.Row]] = defaultdict(list)
    for trial, *rest in rows:
        found[trial].append(rest)
    return found
