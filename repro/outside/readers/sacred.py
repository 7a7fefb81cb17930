"""Sacred's FileStorageObserver: a folder a run with `run.json`, `config.json` and `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError
from repro.outside import parse, search
from repro.outside.logged import Curve, Log, LoggedRun, State
from repro.outside.parse import Point

TOOL = "Sacred"
NAME, CONFIG, METRICS = "run.json", "config.json", "metrics.json"
ENDS: Mapping[str, State] = {"COMPLETED": "finished", "FAILED": "failed", "TIMEOUT": "failed"}  # others did not end


def recognises(path: Path) -> bool:
    """Say whether a path is a file of a run, or a folder that holds runs."""
    return search.begins(_start(path), NAME.__eq__, _holds)


def _holds(head: bytes) -> bool:
    return b'"experiment"' in head and b'"artifacts"' in head


def _start(path: Path) -> Path:
    """Return the record of the run that a file belongs to; a folder as it is."""
    record = path.parent / NAME
    return record if path.name in (CONFIG, METRICS) and path.is_file() and record.is_file() else path


def read(path: Path) -> Log:
    """Return the runs; the number of a folder is a counter and no seed."""
    start = _start(path)
    records = [(file, parse.mapping_of(file, NAME)) for file in search.files(start, NAME.__eq__, NAME)]
    versions = {text for _, record in records for text in _versions(record)}
    return Log(TOOL, tuple(_run(file, record, start) for file, record in records), ", ".join(sorted(versions)))


def _versions(record: Mapping[str, Any]) -> list[str]:
    experiment = record.get("experiment")
    needs = experiment.get("dependencies") if isinstance(experiment, dict) else None
    return [text[8:] for text in needs if str(text).startswith("sacred==")] if isinstance(needs, list) else []


def _run(file: Path, record: Mapping[str, Any], path: Path) -> LoggedRun:
    said = str(record.get("status", "nothing"))
    state = ENDS.get(said, "unfinished")
    config, metrics = file.with_name(CONFIG), file.with_name(METRICS)
    curves = _curves(metrics) if metrics.is_file() else {}
    result, note = _result(record.get("result"), file)
    trace = record.get("fail_trace")
    last = f": {str(trace[-1]).strip()}" if isinstance(trace, list) and trace else ""
    return LoggedRun(
        name=search.name_of(file.parent, path),
        file=metrics if metrics.is_file() else file,
        fields=parse.flat(_plain(parse.json_of(config, CONFIG)), config) if config.is_file() else {},
        curves={**curves, **result},
        state=state,
        why="" if state == "finished" else f"{NAME} says {said}{last}",
        notes=(note,) if note else (),
    )


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a value without the wrapping that NumPy's numbers and tuples are stored in."""
    if depth > parse.DEPTH:
        return str(type(value).__name__)
    if isinstance(value, dict):
        if "py/object" in value and "value" in value:
            return value["value"]
        if "py/tuple" in value:
            return _plain(value["py/tuple"], depth + 1)
        return {name: _plain(inner, depth + 1) for name, inner in value.items()}
    return [_plain(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def _curves(file: Path) -> dict[str, Curve]:
    """Return the logged metrics; a step that stands twice has two values."""
    found = {}
    for name, held in parse.mapping_of(file, METRICS).items():
        values, steps = (held.get(key) for key in ("values", "steps")) if isinstance(held, dict) else (None, None)
        if not isinstance(values, list) or not isinstance(steps, list) or len(values) != len(steps):
            text = f"{file}: '{name}' has no list of values with as many steps; {parse.AGAIN}"
            raise IntegrityError(text)
        found[name] = parse.curve([_point(step, value, name, file) for step, value in zip(steps, values, strict=True)])
    return found


def _point(step: Any, value: Any, name: str, file: Path) -> Point:
    amount = parse.number(_plain(value))
    if amount is None:
        raise IntegrityError(f"{file}: '{name}' has {value!r} at step {step}, which is no number; {parse.AGAIN}")
    return parse.step_of(_plain(step)), None, amount


def _result(value: Any, file: Path) -> tuple[dict[str, Curve], str]:
    """Return what the run's function returned, each number of it, and a note where there is something else."""
    found, other = {}, []
    for name, one in parse.flat({"result": _plain(value)}, file).items():
        amount = parse.number(one)
        if amount is not None:
            found[name] = parse.curve([(None, None, amount)], after=True)
        elif one is not None:
            other.append(name)
    return found, f"no number, left out: {', '.join(other)}" if other else ""
