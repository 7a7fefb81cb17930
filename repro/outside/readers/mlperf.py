"""MLPerf logs: lines with `:::MLLOG` and a record in JSON, among any other text; a file a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError
from repro.machine import files
from repro.outside import parse, search
from repro.outside.logged import Log, LoggedRun, State, Value
from repro.outside.parse import Point

TOOL = "MLPerf"
TOKEN = ":::MLLOG"
ENDINGS = (".txt", ".log", ".out")
EPOCH, STEPS = "epoch_num", ("samples_count", "step", "step_num")  # where a metric was measured
START, STOP = "run_start", "run_stop"
ALWAYS = "eval_accuracy"  # a metric, wherever it was measured
PLACE = ("file", "lineno")  # of the call, in the metadata
MINUTE = 60_000  # milliseconds
TIME = "time_to_train"


@dataclass
class _Found:
    """What the records of a log said so far."""

    fields: dict[str, Value] = field(default_factory=dict)
    several: dict[str, None] = field(default_factory=dict)  # fields that were given more than one value
    points: dict[str, list[Point]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    times: dict[str, float] = field(default_factory=dict)
    status: str = ""
    again: int = 0


def recognises(path: Path) -> bool:
    """Say whether a path is a text with MLPerf records near its start, or a folder that holds one."""
    return search.begins(path, _named, _holds)


def _named(name: str) -> bool:
    return name.endswith(ENDINGS) or "." not in name


def _holds(head: bytes) -> bool:
    return TOKEN.encode() in head


def read(path: Path) -> Log:
    """Return the runs. Records that several ranks wrote count once."""
    sure = re.compile(r"result_\d+\.txt").fullmatch
    found = search.files(path, _named, f"text with {TOKEN}", _holds, sure)
    return Log(TOOL, tuple(_run(file, search.name_of(file, path)) for file in found))


def _run(file: Path, name: str) -> LoggedRun:
    found, broken = _Found(), []
    files.regular(file, "log", parse.AGAIN)
    with file.open(encoding="utf-8", errors="replace") as lines:  # what is no UTF-8 stands between the records
        for number, line in enumerate(lines, 1):
            for record in _records(line):
                if record is None:
                    broken.append(number)
                else:
                    _heard(found, record)
    if not found.seen:
        raise IntegrityError(f"{file}: no MLPerf log, no record follows {TOKEN}; {parse.AGAIN}")
    state, why = _end(found)
    curves = {key: parse.curve(points) for key, points in found.points.items()}
    if state == "finished" and {START, STOP} <= set(found.times):
        minutes = (found.times[STOP] - found.times[START]) / MINUTE
        curves[TIME] = parse.curve([(None, None, minutes)], after=True)
    return LoggedRun(name, file, found.fields, curves, state, why, notes=_notes(found, broken, TIME in curves))


def _notes(found: _Found, broken: list[int], timed: bool) -> tuple[str, ...]:
    notes = [f"{key} has several values and is no field" for key in found.several]
    if broken:
        notes.append(f"{len(broken)} records are damaged, the first in line {broken[0]}")
    if found.again:
        notes.append(f"{found.again} records that stand there again count once")
    if timed:
        notes.append(f"{TIME}: minutes, computed from {START} to {STOP}")
    return tuple(notes)


def _records(line: str) -> Iterator[dict[str, Any] | None]:
    """Yield the records of a line, None for one that is damaged; what follows a record is passed over."""
    decoder = json.JSONDecoder()
    for piece in line.split(TOKEN)[1:]:
        try:
            record, _ = decoder.raw_decode(piece.lstrip())
        except (ValueError, RecursionError):
            record = None
        yield record if isinstance(record, dict) and isinstance(record.get("key"), str) else None


def _heard(found: _Found, record: Mapping[str, Any]) -> None:
    """Add a record to what is known: a metric where it says when it was measured, else a field."""
    key, value = record["key"], record.get("value")
    said = record.get("metadata")
    metadata = {name: one for name, one in said.items() if name not in PLACE} if isinstance(said, dict) else {}
    step = next((parse.step_of(metadata[name]) for name in STEPS if name in metadata), None)
    epoch = parse.number(metadata.get(EPOCH))
    when = record.get("time_ms") if step is None and epoch is None else None  # ranks have clocks of their own
    same = json.dumps([key, value, metadata, when], sort_keys=True, default=str)
    if same in found.seen:
        found.again += 1
        return
    found.seen.add(same)
    if key in (START, STOP) and (time := parse.number(record.get("time_ms"))) is not None:
        found.times.setdefault(key, time)
    if key == STOP:
        found.status = str(metadata.get("status", found.status or "nothing"))
    if record.get("event_type", "POINT_IN_TIME") != "POINT_IN_TIME":
        return
    numbers = {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {key: value}
    for name, one in numbers.items():
        amount = parse.number(one)
        if amount is not None and (step is not None or epoch is not None or key == ALWAYS):
            found.points.setdefault(name, []).append((step, epoch, amount))
        elif isinstance(one, str | int | float):
            _field(found, name, one)


def _field(found: _Found, name: str, value: Value) -> None:
    """Keep a parameter, unless it was given another value: ranks may have seeds of their own."""
    if name in found.several or found.fields.get(name, value) != value:
        found.several[name] = None
        found.fields.pop(name, None)
    else:
        found.fields[name] = value


def _end(found: _Found) -> tuple[State, str]:
    if not found.status:
        return "unfinished", f"it has no {STOP}"
    return ("finished", "") if found.status == "success" else ("failed", f"{STOP} says {found.status}")
