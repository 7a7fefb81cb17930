"""Which declared case and metric a tool's run is about: one name on both sides maps by itself, others are asked for."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from repro.errors import UsageError, did_you_mean
from repro.outside import cells
from repro.outside.logged import LoggedRun, Value
from repro.study import Experiment, Metric, Study, case_json

SINGLE = 2.0**-23  # relative; a field that went through single precision is the declared one all the same
PERCENT, NONE = cells.PERCENT[0], cells.NONE
SHARE = re.compile("acc|err|precision|recall|f1|auc|iou|top|rate|share|fraction", re.IGNORECASE)  # names of shares
EMPTY = ("", "None", "null")


@dataclass(frozen=True)
class Target:
    """What an import is for: cases and metrics of an experiment, in a profile.

    `cases` are those of the experiment that the profile has. `metrics` has the tool's name of each metric, `units` the
    tool's units by our metric; `said` the values of case fields that are the same for every run, and `names` the tool's
    name of those whose own name it does not keep.
    """

    study: Study
    profile: str
    experiment: Experiment
    cases: tuple[Any, ...]
    metrics: Mapping[str, str] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> dict[str, Metric]:
        """Return the experiment's metrics by name."""
        return {metric.name: metric for metric in self.experiment.metrics}


def target(
    study: Study,
    profile: str,
    experiment: str,
    *,
    metrics: Mapping[str, str],
    said: Mapping[str, str],
    names: Mapping[str, str],
    units: Mapping[str, str],
) -> Target:
    """Return what an import is for; of the only experiment, where none is named. Raise UsageError for what is none."""
    known = [*study.experiments]
    if not experiment and len(known) > 1:
        raise UsageError(f"--experiment: which one do the runs answer? name it (experiments: {', '.join(known)})")
    chosen = experiment or known[0]
    if chosen not in study.experiments:
        near = did_you_mean(chosen, known)
        raise UsageError(f"study '{study.name}' has no experiment '{chosen}'{near} (experiments: {', '.join(known)})")
    cases = tuple(case for one, case in study.select(profile) if one.name == chosen)
    units = {name: cells.unit(unit) for name, unit in units.items()}
    found = Target(study, profile, study.experiments[chosen], cases, metrics, said, names, units)
    if not cases:
        raise UsageError(f"profile '{profile}' of study '{study.name}' has no case of '{chosen}'; name another")
    fields = [one.name for one in dataclasses.fields(cases[0])]
    for option, given, may in (
        ("--metric", metrics, [*found.declared]),
        ("--unit", units, [*found.declared]),
        ("--case", said, fields),
        ("--map", names, fields),
    ):
        for name in given:
            if name not in may:
                what = "metric" if may is not fields else "case field"
                raise UsageError(
                    f"{option} {name}=...: experiment '{chosen}' has no {what} '{name}'{did_you_mean(name, may)} "
                    f"({what}s: {', '.join(may) or 'none'})"
                )
    return found


# Metrics


def metrics_of(wanted: Target, there: Sequence[str], *, whole: bool = True) -> dict[str, str]:
    """Return the tool's name of each metric to be imported: as asked, else of all whose own name is there.

    Where what is `there` is not the `whole` list, as in a table that has metrics as values, those asked for may be.
    """
    if not wanted.metrics:
        found = {name: name for name in wanted.declared if name in there}
        if not found:
            raise UsageError(
                f"no metric of '{wanted.experiment.name}' ({', '.join(wanted.declared)}) is there by its own name; "
                f"name one by --metric OURS=THEIRS (there: {cells.few(there)})"
            )
        return found
    for name, theirs in wanted.metrics.items():
        if whole and theirs not in there:
            near = did_you_mean(theirs, list(there))
            raise UsageError(
                f"--metric {name}={theirs}: no run has a metric '{theirs}'{near} (there: {cells.few(there)})"
            )
    return dict(wanted.metrics)


def fields_of(wanted: Target, there: Sequence[str]) -> list[str]:
    """Return which columns of a table say what a case is."""
    names = [one.name for one in dataclasses.fields(wanted.cases[0]) if one.name not in wanted.said]
    return [theirs for name in names if (theirs := wanted.names.get(name, name)) in there]


def factor(wanted: Target, metric: Metric, theirs: str, values: Iterable[float]) -> Decimal:
    """Return what turns a log's values into a metric's unit: percent and fraction convert, nothing else does.

    Raise UsageError where percent and values that none exceeds 1 leave open which of the two they are, or a share
    without a unit and values that all exceed 1, and where a share of counted items would be none.
    """
    unit = wanted.units.get(metric.name, "")
    option = f"--unit {metric.name}"
    finite = [abs(value) for value in values if math.isfinite(value)]
    some, own = [value for value in finite if value], cells.unit(metric.unit)
    if not unit:
        if own == NONE and SHARE.search(metric.name) and some and 1 < min(some) <= max(some) <= 100:
            raise UsageError(
                f"metric '{metric.name}' is no percentage and '{theirs}' is {min(finite):g} to {max(finite):g}; say "
                f"{option}={PERCENT} if these are percent, {option}={NONE} if they are what the metric is"
            )
        if own == PERCENT and finite and max(finite) <= 1:
            raise UsageError(
                f"metric '{metric.name}' is in % and '{theirs}' is nowhere above {max(finite):g}; say {option}={NONE} "
                f"if these are fractions, {option}={PERCENT} if they are percent"
            )
        return Decimal(1)
    if unit == own:
        return Decimal(1)
    both = {(PERCENT, NONE): Decimal("0.01"), (NONE, PERCENT): Decimal(100)}
    if (unit, own) not in both:
        raise UsageError(
            f"{option}={unit}: metric '{metric.name}' is in '{metric.unit}', and that converts into no '{unit}'; "
            "percent and fraction alone convert"
        )
    times = both[unit, own]
    if metric.counted and finite and max(finite) * float(times) > 100:
        raise UsageError(
            f"{option}={unit}: '{theirs}' is up to {max(finite):g}, and as a share of counted items it would be "
            f"{max(finite) * float(times):g} %; leave the option out, or name another"
        )
    return times


# Cases


def case_of(wanted: Target, run: LoggedRun) -> str:
    """Return the JSON of the declared case that a run is of. Raise UsageError where there is none, or several."""
    asked = {one.name: _asked(wanted, one.name, run) for one in dataclasses.fields(wanted.cases[0])}
    found = [case for case in wanted.cases if all(alike(getattr(case, name), value) for name, value in asked.items())]
    words = " ".join(f"{name}={_text(value)}" for name, value in asked.items())
    if len(found) > 1:
        raise UsageError(f"{run.file}: run '{run.name}' ({words}) is of {len(found)} declared cases; say one by --case")
    if found:
        return case_json(found[0])
    for name, value in asked.items():
        known = [_text(getattr(case, name)) for case in wanted.cases]
        if not any(alike(getattr(case, name), value) for case in wanted.cases):
            near = did_you_mean(_text(value), list(dict.fromkeys(known)))
            named = isinstance(value, str) and name not in wanted.said and not cells.is_number(value)
            other = f"--where {wanted.names.get(name, name)}={value} --case {name}=OURS"
            raise UsageError(
                f"{run.file}: run '{run.name}' has {name}={_text(value)}, which no case of "
                f"'{wanted.experiment.name}' has{near} ({name}: {cells.few(dict.fromkeys(known))}); declare it, or "
                f"leave such runs out by --where{f', or say which of ours it names: {other}' if named else ''}"
            )
    raise UsageError(
        f"{run.file}: run '{run.name}' has {words}, and no declared case of '{wanted.experiment.name}' has all "
        "of that; declare it, or leave such runs out by --where"
    )


def _asked(wanted: Target, name: str, run: LoggedRun) -> Value:
    """Return what a run has of a case's field. Raise UsageError where nothing says it."""
    if name in wanted.said:
        said, other = wanted.said[name], run.fields.get(name)
        meant = [one for one in (getattr(case, name) for case in wanted.cases) if alike(one, other)]
        if meant and not any(alike(one, said) for one in meant):
            raise UsageError(
                f"--case {name}={said}: run '{run.name}' of {run.file} has {name}={_text(other)}, which is another "
                "case; leave such runs out by --where, or leave out --case"
            )
        return said
    theirs = wanted.names.get(name, name)
    if theirs in run.fields:
        return run.fields[theirs]
    known, there = list(dict.fromkeys(_text(getattr(case, name)) for case in wanted.cases)), [*run.fields]
    if name in wanted.names:
        near = did_you_mean(theirs, there)
        raise UsageError(
            f"--map {name}={theirs}: run '{run.name}' of {run.file} has no field '{theirs}'{near} "
            f"(fields: {cells.few(there)})"
        )
    if len(known) == 1:
        return known[0]  # the study declares no other
    raise UsageError(
        f"{run.file}: nothing says which '{name}' run '{run.name}' has ({name}: {cells.few(known)}); name the log's "
        f"field by --map {name}=THEIRS (fields: {cells.few(there)}), or say it for every run by --case {name}=VALUE"
    )


def alike(ours: Any, theirs: Value) -> bool:
    """Say whether a log's value of a field is the declared one: numbers by their value, all else by its text."""
    if isinstance(ours, bool) or isinstance(theirs, bool):
        return str(ours).lower() == str(theirs).lower()
    if isinstance(ours, int | float):
        try:
            number = float(str(theirs))
        except ValueError:
            return False
        return number == ours if isinstance(ours, int) else math.isclose(number, ours, rel_tol=SINGLE)
    if ours is None:
        return theirs is None or str(theirs) in EMPTY
    return _text(ours) == _text(theirs)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
