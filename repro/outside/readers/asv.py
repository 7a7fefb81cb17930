"""asv: a results file a commit and environment; each benchmark and set of its parameters is a run."""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError
from repro.outside import parse, search
from repro.outside.logged import Log, LoggedRun, Value

TOOL = "asv"
VERSION = 2  # of the form of results files
BENCHMARKS = "benchmarks.json"
FIELDS = ("commit_hash", "env_name", "python")
NAMED = re.compile(r"[0-9a-f]{8}-.*\.json")  # a commit and an environment
LONGEST = 1000  # characters of a parameter that is read as Python


def recognises(path: Path) -> bool:
    """Say whether a path is a results file, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.endswith(".json") and name not in (BENCHMARKS, "machine.json")


def _holds(head: bytes) -> bool:
    return head.startswith(b"{") and b'"commit_hash"' in head and b'"result_columns"' in head


def read(path: Path) -> Log:
    """Return each value of each results file: null is a failure, NaN is skipped or not a number, which nobody can tell.

    What a benchmark returned that is no number is left out.
    """
    runs: list[LoggedRun] = []
    left_out: list[str] = []
    for file in search.files(path, _named, "results file", _holds, NAMED.fullmatch):
        held = parse.mapping_of(file, "results file")
        columns, results = held.get("result_columns"), held.get("results")
        if held.get("version") != VERSION or not isinstance(columns, list) or not isinstance(results, dict):
            text = f"{file}: no results file of version {VERSION}, but of {held.get('version')}"
            raise IntegrityError(f"{text}; let `asv update` write it anew")
        names, start = _parameter_names(file), search.name_of(file.with_suffix(""), path)
        for benchmark, row in results.items():
            if not isinstance(row, list):
                raise IntegrityError(f"{file}: '{benchmark}' is no row of {len(columns)} columns; {parse.AGAIN}")
            cells = dict(zip(columns, row, strict=False))
            fields = _fields(held)
            for run, other in _runs(benchmark, cells, names.get(benchmark, []), file, f"{start}/{benchmark}", fields):
                runs.append(run)
                left_out += [other] if other else []
    return Log(TOOL, tuple(run for run in runs if run.curves or run.state == "failed"), left_out=tuple(left_out))


def _fields(held: Mapping[str, Any]) -> dict[str, Value]:
    machine = held.get("params")
    name = machine.get("machine") if isinstance(machine, dict) else None
    known = {key: held[key] for key in FIELDS if isinstance(held.get(key), str)}
    return {**known, **({"machine": name} if isinstance(name, str) else {})}


def _parameter_names(file: Path) -> dict[str, list[str]]:
    """Return the names of each benchmark's parameters, which stand in a file above the machine's folder, if at all."""
    listed = file.parent.parent / BENCHMARKS
    held = parse.mapping_of(listed, BENCHMARKS) if listed.is_file() else {}
    found = {name: one.get("param_names") for name, one in held.items() if isinstance(one, dict)}
    return {name: [str(one) for one in names] for name, names in found.items() if isinstance(names, list)}


def _runs(
    benchmark: str,
    cells: Mapping[str, Any],
    names: Sequence[str],
    file: Path,
    start: str,
    fields: Mapping[str, Value],
) -> list[tuple[LoggedRun, str]]:
    """Return a run for each set of parameters of a benchmark, with why its value is left out, where it is."""
    params, values = cells.get("params") or [], cells.get("result")
    if not isinstance(params, list) or not all(isinstance(one, list) for one in params):
        raise IntegrityError(f"{file}: the parameters of '{benchmark}' are no lists; {parse.AGAIN}")
    sets = list(itertools.islice(itertools.product(*params), parse.SIZE))
    values = [None] * len(sets) if values is None else values
    if not isinstance(values, list) or len(values) != len(sets):
        text = f"{file}: '{benchmark}' has not one value for each of {len(sets)} sets of parameters"
        raise IntegrityError(f"{text}; {parse.AGAIN}")
    titles = [*names, *(f"param{number}" for number in range(len(names), len(params)))][: len(params)]
    found = []
    for texts, value in zip(sets, values, strict=True):
        chosen = dict(zip(titles, map(_parameter, texts), strict=True))
        words = ", ".join(f"{key}={one}" for key, one in chosen.items())
        name = f"{start}({words})" if words else start
        run, other = _run(name, benchmark, value, file, {**fields, **chosen})
        found.append((run, other))
    return found


def _run(name: str, benchmark: str, value: Any, file: Path, fields: Mapping[str, Value]) -> tuple[LoggedRun, str]:
    if value is None:
        return LoggedRun(name, file, fields, {}, "failed", "asv kept null: the benchmark failed"), ""
    amount = parse.number(value)
    if amount is None:
        return LoggedRun(name, file, fields, {}), f"{name}: it returned no number"
    notes = ("NaN: skipped or not a number, asv writes both alike",) if math.isnan(amount) else ()
    curves = {benchmark: parse.curve([(None, None, amount)], after=True)}
    return LoggedRun(name, file, fields, curves, origin=f"results.{benchmark}", notes=notes), ""


def _parameter(text: Any) -> Value:
    """Return a parameter, which asv keeps as Python writes it; what is no plain value stays as it is written."""
    written = str(text)
    if len(written) > LONGEST:
        return written
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return written
    return found if isinstance(found, str | int | float) or found is None else written
