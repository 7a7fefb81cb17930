"""What is wrong with a declaration: names, profiles, metrics, cases, figures, data."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections import Counter

from repro.errors import UsageError, did_you_mean
from repro.machine.terminal import escape
from repro.study import Experiment, Metric, Profile, Show, Study, case_json, settings_json


def check_study(study: Study, *, expected_name: str | None = None) -> None:
    """Refuse a study whose name, profiles, metrics, cases or seeds are inconsistent, naming every fault."""
    faults = (
        [f"is called '{study.name}' but found as '{expected_name}'"] if expected_name not in (None, study.name) else []
    )
    faults += [f"has {text!r} in what it declares, where a character cannot be seen" for text in _unseen(study)]
    if not study.profiles:
        faults.append("has no profile")
    if not study.experiments:
        faults.append("has no experiment")
    if not _is_whole(study.retries, 0):
        faults.append(f"wants {study.retries!r} retries (a whole number from 0 on)")
    for name, declared in study.profiles.items():
        faults += [f"profile '{name}' {fault}" for fault in _profile_faults(study, name, declared)]
    for experiment in study.experiments.values():
        faults += [f"experiment '{experiment.name}' {fault}" for fault in _experiment_faults(experiment)]
    for name, function in study.figures.items():
        faults += [f"figure '{name}' {fault}" for fault in _figure_faults(function)]
    names = Counter() if faults else Counter(one.name for one in study.data_sets())
    faults += [f"declares {count} different data sets called '{name}'" for name, count in names.items() if count > 1]
    if faults:
        raise UsageError(f"study '{study.name}' {'; '.join(faults)}")


def _unseen(study: Study) -> list[str]:
    """Return the names, units and fields that would move a cursor or begin a line where they are printed."""
    said = [study.name, study.title, *study.profiles, *study.experiments, *study.figures]
    for experiment in study.experiments.values():
        said += [text for metric in experiment.metrics for text in (metric.name, metric.unit)]
        fields = {
            value
            for case in experiment.cases
            if dataclasses.is_dataclass(case)
            for value in vars(case).values()
            if isinstance(value, str)
        }
        said += sorted(fields)
    return [text for text in said if isinstance(text, str) and escape(text) != text]


def _profile_faults(study: Study, name: str, declared: Profile) -> list[str]:
    faults = []
    if declared.replicates < 1 or declared.golden_seeds < 2:
        faults.append(f"wants {declared.replicates} replicates and {declared.golden_seeds} golden seeds (least: 1, 2)")
    if not _is_whole(declared.runs_per_device, 1):
        faults.append(f"fits {declared.runs_per_device!r} runs on a device (a whole number from 1 on)")
    if declared.device not in ("cpu", "cuda"):
        faults.append(f"names device '{declared.device}' (known: cpu, cuda)")
    if not declared.faithful and not declared.cannot_answer:
        faults.append("is not faithful and does not say what it cannot answer")
    for experiment, filters in (declared.experiments or {}).items():
        if experiment not in study.experiments:
            faults.append(f"names experiment '{experiment}'{did_you_mean(experiment, list(study.experiments))}")
            continue
        fields = {field.name for case in study.experiments[experiment].cases for field in dataclasses.fields(case)}
        faults += [f"filters {experiment} by '{key}', which no case has" for key in filters if key not in fields]
    if not faults and next(study.select(name), None) is None:
        faults.append("selects no case")
    if not faults:
        faults += _data_faults(study, name)
    try:
        settings_json(declared.settings)
    except (TypeError, ValueError) as error:
        faults.append(f"has settings that are not plain values ({error})")
    return faults


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _data_faults(study: Study, name: str) -> list[str]:
    declared = study.profiles[name]
    for _, case in study.select(name):
        try:
            data = declared.data_of(case)
        except Exception as error:  # whatever the study's function raises is the fault
            return [f"cannot say which data {case} wants ({type(error).__name__}: {error})"]
        if data is not None and not isinstance(getattr(data, "content", None), str):
            return [f"gives {case} {type(data).__name__} '{data}' for data, which is no DataSet"]
        if declared.faithful and data is not None and data.stands_in_for:
            return [f"is marked faithful, but its data '{data.name}' stand in for the real set"]
    return []


def _figure_faults(function: Show) -> list[str]:
    faults = [] if (function.__doc__ or "").strip() else ["has no docstring, which is what listings print"]
    if len(inspect.signature(function).parameters) != 1:
        faults.append("must take exactly one argument: the rows")
    return faults


def _off(metric: Metric) -> list[str]:
    faults = [] if metric.unit else ["without a unit"]
    if metric.step is not None and not (math.isfinite(metric.step) and metric.step > 0):
        faults.append(f"with step {metric.step} (wanted: a finite number above 0)")
    if metric.step is not None and metric.counted:
        faults.append("counted and with a step; leave out the step, a share moves by 100/n_test")
    if metric.counted and metric.unit != "%":
        faults.append(f"counted and in '{metric.unit}'; a share of counted items is in '%', return 100 * hits / n_test")
    return faults


def _experiment_faults(experiment: Experiment) -> list[str]:
    faults = []
    if not experiment.summary:
        faults.append("has no docstring, which is what listings print")
    if len(inspect.signature(experiment.function).parameters) != 2:
        faults.append("must take exactly two arguments: the case and the run, which brings the seed")
    if not experiment.metrics:
        faults.append("declares no metric")
    repeated = [name for name, count in Counter(metric.name for metric in experiment.metrics).items() if count > 1]
    faults += [f"declares metric '{name}' twice" for name in repeated]
    faults += [f"declares metric '{metric.name}' {fault}" for metric in experiment.metrics for fault in _off(metric)]
    if not experiment.cases:
        return [*faults, "has no case"]
    try:
        texts = Counter(case_json(case) for case in experiment.cases)
    except (TypeError, ValueError) as error:
        return [*faults, f"has a case that is not a dataclass of plain values ({error})"]
    faults += [f"has case {text} {count} times, which would share a seed" for text, count in texts.items() if count > 1]
    fields = {field.name for field in dataclasses.fields(experiment.cases[0])}
    if experiment.axes and not set(experiment.axes) <= fields:
        faults.append(f"spans its grid by {experiment.axes}, but cases have {', '.join(sorted(fields))}")
    return faults
