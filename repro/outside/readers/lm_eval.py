"""lm-evaluation-harness: a results file an evaluation, each task of it a run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError
from repro.outside import parse, search
from repro.outside.logged import Log, LoggedRun

TOOL = "lm-evaluation-harness"
NAMED = re.compile(r".*_\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d+\.json")
START = re.compile(rb'\s*\{\s*"results"\s*:\s*\{')
KEYED = re.compile(rb'"[^",\n]+,[^",\n]+"\s*:')  # a metric and its filter
NEVER = ("device", "batch_sizes", "use_cache", "model_dtype", "model_num_parameters")  # "cuda:0" without any GPU


def recognises(path: Path) -> bool:
    """Say whether a path is a results file, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.endswith(".json")


def _holds(head: bytes) -> bool:
    return bool(START.match(head) and KEYED.search(head))


def read(path: Path) -> Log:
    """Return each task of each results file. What is no metric of a filter, as `sample_len`, is passed over."""
    found = search.files(path, _named, "results file", _holds, NAMED.fullmatch)
    files = [(file, parse.mapping_of(file, "results file")) for file in found]
    versions = {str(held["lm_eval_version"]) for _, held in files if held.get("lm_eval_version")}
    runs = [run for file, held in files for run in _runs(file, held, path)]
    return Log(TOOL, tuple(runs), ", ".join(sorted(versions)))


def _runs(file: Path, held: Mapping[str, Any], path: Path) -> list[LoggedRun]:
    results = held.get("results")
    if not isinstance(results, dict) or not all(isinstance(metrics, dict) for metrics in results.values()):
        raise IntegrityError(f"{file}: no results file, it has no mapping of tasks to metrics; {parse.AGAIN}")
    config = held.get("config")
    said = {key: value for key, value in config.items() if key not in NEVER} if isinstance(config, dict) else {}
    fields = parse.flat(said, file)
    name = search.name_of(file.with_suffix(""), path)
    return [_run(f"{name}/{task}", file, held, task, {"task": task, **fields}) for task in results]


def _run(name: str, file: Path, held: Mapping[str, Any], task: str, fields: Mapping[str, Any]) -> LoggedRun:
    """Return what a task came to. Only keys of a metric and a filter are metrics; "N/A" is missing."""
    curves, notes = {}, []
    for key, value in held["results"][task].items():
        amount = parse.number(value)
        if "," not in key:
            continue
        if amount is None:
            notes.append(f"{key} is {value!r}: missing")
        else:
            curves[key] = parse.curve([(None, None, amount)], after=True)
    counts = _of(held, "n-samples", task)
    if isinstance(counts, dict):
        whole, used = parse.number(counts.get("original")), parse.number(counts.get("effective"))
        if whole is not None and used is not None and used < whole:
            notes.append(f"{used:.0f} of {whole:.0f} samples were used: no figure of the whole task")
    shots, version = _of(held, "n-shot", task), _of(held, "versions", task)
    more = {"num_fewshot": shots, "task_version": version}
    known = {key: value for key, value in more.items() if isinstance(value, str | int | float)}
    return LoggedRun(name, file, {**fields, **known}, curves, origin=f"results.{task}", notes=tuple(notes))


def _of(held: Mapping[str, Any], key: str, task: str) -> Any:
    found = held.get(key)
    return found.get(task) if isinstance(found, dict) else None
