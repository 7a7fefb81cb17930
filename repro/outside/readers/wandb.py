"""Runs that wandb kept offline: the .wandb file, a log as LevelDB has it of messages of Protocol Buffers.

The framing: https://github.com/google/leveldb/blob/main/doc/log_format.md, after seven bytes of wandb's own and with
the CRC of zlib. The messages: wandb/proto/wandb_internal.proto; of them the few fields that say how a run went. Nothing
of wandb is asked, whose own reader is gone.
"""

from __future__ import annotations

import json
import math
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.machine import files
from repro.outside import search
from repro.outside.logged import Log, LoggedRun, State, Value, told_apart
from repro.outside.parse import Point, curve, flat, number, step_of
from repro.outside.wire import Field, MalformedError, fields, signed, text, unsigned, within

TOOL = "wandb"
SUFFIX = ".wandb"
MAGIC = b":W&B"
START, BLOCK, HEADER = 7, 1 << 15, 7  # bytes: of wandb's own, of a block (these among them), in front of a piece
PLACES = ((0, 4), (4, 6), (6, 7))  # of CRC, length and kind in front of a piece
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4  # pieces of a record
HISTORY, SUMMARY, CONFIG, RUN, EXIT, HEAD = 2, 3, 5, 17, 18, 21  # fields of a record: what it is of
NAMED: Mapping[int, str] = {3: "project", 6: "group", 7: "job_type"}  # fields of a run that tell it from others
SPELT: Mapping[Any, float] = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
SUMMARISED = "summary."  # begins the name of a number of the summary that is not the last one logged
NOT_ENDED = "it has no record of its end: it did not end, or was not written down to the end"


@dataclass
class Written:
    """What the records of a file say, the later ones over the earlier."""

    path: Path
    config: dict[str, Value] = field(default_factory=dict)
    about: dict[str, Value] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=lambda: defaultdict(list))
    summary: dict[str, float] = field(default_factory=dict)
    name: str = ""
    run: str = ""
    version: str = ""
    code: int | None = None
    fault: str = ""


def recognises(path: Path) -> bool:
    """Say whether a path is a .wandb file, or a folder with one below it."""
    return search.begins(path, _is_log, lambda head: head.startswith(MAGIC))


def _is_log(name: str) -> bool:
    return name.endswith(SUFFIX)


def read(path: Path) -> Log:
    """Read the runs of a .wandb file, or of those below a folder. Raise NothingSelectedError where there is none."""
    found = [_read(one) for one in search.files(path, _is_log, f"{SUFFIX} file")]
    return Log(
        TOOL, told_apart([run for run, _ in found]), ", ".join(sorted({version for _, version in found if version}))
    )


def _read(path: Path) -> tuple[LoggedRun, str]:
    """Read a file as far as it is whole, and the version of wandb that wrote it."""
    data = memoryview(files.read(path, "log of wandb", "copy it again"))
    kept = Written(path)
    for record in _records(data, kept):
        try:
            _take(memoryview(record), kept)
        except MalformedError as error:
            kept.fault = f"it is damaged: a record has {error}"
            break
    curves = {name: curve(points) for name, points in sorted(kept.points.items())}
    notes = []
    for name, value in sorted(kept.summary.items()):
        last = float(curves[name].values[-1]) if name in curves else None
        if last is None:
            curves[name] = curve([(None, None, value)], after=True)
        elif kept.code is not None and last != value and not (math.isnan(last) and math.isnan(value)):
            curves[f"{SUMMARISED}{name}"] = curve([(None, None, value)], after=True)
            notes.append(f"{name}: {value!r} in the summary, {last!r} as last logged")
    state: State = "finished" if kept.code == 0 else "unfinished" if kept.code is None else "failed"
    whys = [kept.fault] if kept.fault else []
    if kept.code is None:
        whys.append(NOT_ENDED)
    elif kept.code:
        whys.append(f"its exit code is {kept.code}")
    if kept.fault and state == "finished":
        state = "unfinished"
    told = kept.about | kept.config
    name = kept.name or kept.run or path.stem
    return LoggedRun(name, path, told, curves, state, "; ".join(whys), kept.run, tuple(notes)), kept.version


# The framing


def _records(data: memoryview, kept: Written) -> Iterator[bytes]:
    """Yield the records of a file, and say in `kept` what ends them before the file does."""
    at, pieces = START, list[bytes]()
    if data[: len(MAGIC)] != MAGIC:
        kept.fault = "it is no log of wandb" if len(data) else "it is empty"
        return
    while at < len(data):
        room = BLOCK - at % BLOCK
        if room < HEADER:  # a block ends in zeros where no piece fits
            at += room
            continue
        start, at = at, at + HEADER
        if at > len(data):
            kept.fault = f"it ends within the record at byte {start}"
            return
        crc, length, kind = (int.from_bytes(data[start + one : start + other], "little") for one, other in PLACES)
        content = data[at : at + length]
        if length > room - HEADER or kind not in (FULL, FIRST, MIDDLE, LAST):
            kept.fault = f"it is damaged at byte {start}"
            return
        if len(content) < length:
            kept.fault = f"it ends within the record at byte {start}"
            return
        if zlib.crc32(content, zlib.crc32(bytes([kind]))) != crc or (kind in (FULL, FIRST)) == bool(pieces):
            kept.fault = f"it is damaged at byte {start}"
            return
        at += length
        pieces.append(bytes(content))
        if kind in (FULL, LAST):
            yield b"".join(pieces)
            pieces.clear()
    if pieces:
        kept.fault = "it ends within a record"


# The messages


def _take(data: memoryview, kept: Written) -> None:
    """Add what a record says."""
    for part in fields(data, 0, len(data)):
        if part.number == HISTORY:
            _take_history(data, part, kept)
        elif part.number == SUMMARY:
            _take_summary(data, part, kept)
        elif part.number == CONFIG:
            _take_config(data, part, kept)
        elif part.number == RUN:
            _take_run(data, part, kept)
        elif part.number == EXIT:
            kept.code = next((signed(data, one) for one in within(data, part) if one.number == 1), 0)
        elif part.number == HEAD:
            for one in within(data, part):
                if one.number == 1:
                    producer = [text(data, it) for it in within(data, one) if it.number == 1]
                    kept.version = "".join(producer).partition("+")[0]


def _take_run(data: memoryview, message: Field, kept: Written) -> None:
    for part in within(data, message):
        if part.number == 1:
            kept.run = text(data, part)
        elif part.number == 4:
            _take_config(data, part, kept)
        elif part.number == 5:
            _take_summary(data, part, kept)
        elif part.number == 8:
            kept.name = text(data, part)
        elif part.number in NAMED:
            kept.about[NAMED[part.number]] = text(data, part)


def _take_config(data: memoryview, message: Field, kept: Written) -> None:
    """Set and remove parameters; a nested one replaces what was below its name."""
    for part in within(data, message):
        name, value = _item(data, part)
        if part.number in (1, 2):
            _remove(name, kept.config)
        if part.number == 1 and name.partition(".")[0] != "_wandb":
            kept.config |= flat({name: value}, kept.path)


def _take_summary(data: memoryview, message: Field, kept: Written) -> None:
    """Set and remove numbers of the summary; those that begin with an underscore are wandb's own."""
    for part in within(data, message):
        name, value = _item(data, part)
        if part.number in (1, 2):
            _remove(name, kept.summary)
        if part.number == 1 and not name.startswith("_"):
            kept.summary |= _numbers(name, value)


def _remove(name: str, values: dict[str, Any]) -> None:
    """Remove a value, and else those below its name."""
    if name in values:
        del values[name]
        return
    for one in [one for one in values if one.startswith(f"{name}.")]:
        del values[one]


def _take_history(data: memoryview, message: Field, kept: Written) -> None:
    """Add the values of a step; `epoch` among them is the epoch of the others."""
    step, values = None, dict[str, float]()
    for part in within(data, message):
        if part.number == 1:
            values |= _numbers(*_item(data, part))
        elif part.number == 2:
            step = next((unsigned(data, one) for one in within(data, part) if one.number == 1), 0)
    counted = step_of(values.get("_step")) if step is None else step_of(step)
    for name, value in values.items():
        if not name.startswith("_"):
            kept.points[name].append((counted, values.get("epoch"), value))


def _item(data: memoryview, message: Field) -> tuple[str, Any]:
    """Return the name of an item, its parts joined by dots, and its value; None for what is no JSON."""
    key, nested, value = "", list[str](), None
    for part in within(data, message):
        if part.number == 1:
            key = text(data, part)
        elif part.number == 2:
            nested.append(text(data, part))
        elif part.number == 16:
            try:
                value = json.loads(text(data, part))
            except (ValueError, RecursionError) as error:
                raise MalformedError(f"a value that is no JSON ({error})") from error
    return ".".join(nested) or key, value


def _numbers(name: str, value: Any) -> dict[str, float]:
    """Return the numbers in a value by their names: itself, or those of a mapping; of pictures and the like none."""
    if isinstance(value, dict):
        inner = {} if "_type" in value else value
        return {one: found for key, it in inner.items() for one, found in _numbers(f"{name}.{key}", it).items()}
    found = SPELT.get(value) if isinstance(value, str) else number(value)
    return {} if found is None else {name: found}
