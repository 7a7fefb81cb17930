"""TensorBoard's event files: the scalars in them, each tag's as arrays.

An event is a message (tensorflow/core/util/event.proto, framework/summary.proto, tensor.proto). Most events of a file
differ in their step, time and value alone, so one of them is read field by field, and those whose other bytes are the
same are read as columns of a matrix; whatever differs is read by itself, in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from repro.outside.records import Records, records
from repro.outside.wire import BYTES, FIXED32, FIXED64, VARINT, Field, MalformedError, fields, signed, text, within

SCALARS, HPARAMS = "scalars", "hparams"  # TensorBoard's plugins, by which it knows what a tensor is
RESTART = 1  # the status of a session log by which whoever writes takes back later steps
CONTENT = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}  # a tensor's data type, as NumPy writes it
LISTED = {5: (1, "<f4"), 6: (2, "<f8")}  # fields of a tensor that list values of a data type
PRECISION = {"<f4": 2.0**-23, "<f2": 2.0**-10}  # of a value, relative to it; of other types nothing is lost
TEMPLATES = 64  # of records of one length, before each is read by itself
LARGEST_MATRIX = 2**26  # bytes of records read at once
STEP_BITS, FIXED = 0x80, 0xFF  # of a byte, those in which records of one template agree


class Scalar(NamedTuple):
    """A value in a record: its tag, where it lies, and its type; no type where it is of none that is read."""

    tag: str
    plugin: str
    at: int
    kind: str


@dataclass
class Event:
    """Where in a record things stand; offsets are those of the record."""

    step: Field | None = None
    step_value: int = 0
    wall: int | None = None
    scalars: list[Scalar] = field(default_factory=list)
    plugins: dict[str, str] = field(default_factory=dict)
    hparams: list[bytes] = field(default_factory=list)
    restart: bool = False


class Points(NamedTuple):
    """Values of one tag as they stand in a file: the records that they are of, steps, values, what these were."""

    records: np.ndarray
    steps: np.ndarray
    values: np.ndarray
    kind: str


@dataclass
class Events:
    """What an event file holds: points by tag, the plugin of each tag, hyper-parameters, and steps taken back.

    `restarts` are the records from which on steps are counted again, and from which step; `unread` tags whose values
    are of a type that is not read; `broken` where records begin that are damaged; `fault` ends the file before its end.
    """

    points: dict[str, list[Points]] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    hparams: list[bytes] = field(default_factory=list)
    restarts: list[tuple[int, int]] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    broken: list[int] = field(default_factory=list)
    fault: str = ""

    @property
    def faults(self) -> list[str]:
        """Return what is wrong with the file, in words."""
        many = f"is damaged in {len(self.broken)} of its records, the first at byte {min(self.broken, default=0)}"
        return [*([self.fault] if self.fault else []), *([many] if self.broken else [])]


def read_events(path: Path) -> Events:
    """Read an event file as far as it is whole. Raise InfrastructureError where it cannot be read at all."""
    kept = records(path)
    found = Events(broken=kept.starts[~kept.intact].tolist(), fault=kept.fault)
    chosen = np.flatnonzero(kept.intact)
    chosen = chosen[np.argsort(kept.lengths[chosen], kind="stable")]
    for group in np.split(chosen, np.flatnonzero(np.diff(kept.lengths[chosen])) + 1):
        _group(kept, group, found)
    found.restarts.sort()
    return found


def _group(kept: Records, group: np.ndarray, found: Events) -> None:
    """Read records of one length: the first that is not read yet, and with it all that are like it."""
    left, count, templates = np.ones(len(group), bool), len(group), 0
    for place, index in enumerate(group.tolist()):
        if not left[place]:
            continue
        start, length = int(kept.starts[index]), int(kept.lengths[index])
        left[place], count = False, count - 1
        try:
            event = _event(kept.data.data[start : start + length])
        except MalformedError:
            found.broken.append(start)
            continue
        alike = event.scalars and templates < TEMPLATES and not (event.hparams or event.restart)
        others = np.flatnonzero(left)[: LARGEST_MATRIX // length] if alike else np.empty(0, np.int64)
        if len(others):
            templates += 1
            chosen = np.concatenate([[index], group[others]])
            rows = kept.rows(chosen, length)
            same = ~((rows ^ rows[0]) & _mask(event, length)).any(axis=1)
            left[others[same[1:]]], count = False, count - int(same[1:].sum())
            _keep(event, chosen[same], rows[same], found)
        elif event.scalars or event.hparams or event.restart:
            _keep(event, np.array([index]), kept.rows(np.array([index]), length), found)
        if not count:
            break


def _keep(event: Event, chosen: np.ndarray, rows: np.ndarray, found: Events) -> None:
    """Add what records of one template say."""
    steps = np.zeros(len(rows), np.uint64)
    if event.step is not None:
        for place, column in enumerate(range(event.step.start, event.step.end)):
            steps |= (rows[:, column].astype(np.uint64) & 0x7F) << np.uint64(7 * place)
    for tag, plugin in event.plugins.items():
        found.plugins.setdefault(tag, plugin)
    for tag, _, at, kind in event.scalars:
        if not kind:
            found.unread.add(tag)
            continue
        cells = np.ascontiguousarray(rows[:, at : at + np.dtype(kind).itemsize])
        with np.errstate(invalid="ignore"):  # of a NaN that signals
            values = cells.view(kind)[:, 0].astype(np.float64)
        points = Points(chosen, steps.view(np.int64), values, kind)
        found.points.setdefault(tag, []).append(points)
    found.hparams.extend(event.hparams)
    if event.restart:
        found.restarts.append((int(chosen[0]), event.step_value))


def _mask(event: Event, length: int) -> np.ndarray:
    """Return the bits of each byte of a record in which those like it agree with it."""
    mask = np.full(length, FIXED, np.uint8)
    if event.wall is not None:
        mask[event.wall : event.wall + 8] = 0
    if event.step is not None:
        mask[event.step.start : event.step.end] = STEP_BITS
    for scalar in event.scalars:
        if scalar.kind:
            mask[scalar.at : scalar.at + np.dtype(scalar.kind).itemsize] = 0
    return mask


def _event(record: memoryview) -> Event:
    """Read where in a record things stand."""
    event = Event()
    for part in fields(record, 0, len(record)):
        if part.number == 1 and part.kind == FIXED64:
            event.wall = part.start
        elif part.number == 2 and part.kind == VARINT:
            event.step, event.step_value = part, signed(record, part)
        elif part.number == 5:
            for value in within(record, part):
                if value.number == 1:
                    _value(record, value, event)
        elif part.number == 7:
            status = [signed(record, one) for one in within(record, part) if one.number == 1]
            event.restart = status == [RESTART]
    return event


def _value(record: memoryview, message: Field, event: Event) -> None:
    """Add a value of a summary to an event, where it is a scalar's or of hyper-parameters."""
    tag, plugin, content, single, tensor = "", "", b"", None, None
    for part in within(record, message):
        if part.number == 1:
            tag = text(record, part)
        elif part.number == 2 and part.kind == FIXED32:
            single = part
        elif part.number == 8:
            tensor = part
        elif part.number == 9:
            plugin, content = _plugin(record, part)
    if plugin == HPARAMS:
        event.hparams.append(content)
    elif single is not None:
        event.plugins[tag] = SCALARS
        event.scalars.append(Scalar(tag, SCALARS, single.start, "<f4"))
    elif tensor is not None and plugin in ("", SCALARS):
        if plugin:
            event.plugins[tag] = plugin
        event.scalars.append(Scalar(tag, plugin, *_number(record, tensor)))


def _plugin(record: memoryview, metadata: Field) -> tuple[str, bytes]:
    """Return the name of the plugin that a summary's metadata name, and what they hold for it."""
    name, content = "", b""
    for data in within(record, metadata):
        if data.number == 1:
            for part in within(record, data):
                if part.number == 1:
                    name = text(record, part)
                elif part.number == 2 and part.kind == BYTES:
                    content = bytes(record[part.start : part.end])
    return name, content


def _number(record: memoryview, tensor: Field) -> tuple[int, str]:
    """Return where the one number of a tensor lies, and its type, "" where it is not one or of none that is read."""
    kind, places = 0, list[tuple[int, int, int]]()  # of values: field, start, end
    for part in within(record, tensor):
        if part.number == 1:
            kind = signed(record, part)
        elif part.number == 4 or part.number in LISTED:
            places.append((part.number, part.start, part.end))
        elif part.number > 4:
            return 0, ""
    if len(places) != 1:
        return 0, ""
    number, start, end = places[0]
    listed, code = LISTED.get(number, (kind, CONTENT.get(kind, "")))
    whole = code and listed == kind and end - start == np.dtype(code).itemsize
    return (start, code) if whole else (0, "")


def in_order(files: list[Events]) -> Iterator[tuple[str, np.ndarray, np.ndarray, set[str], int]]:
    """Yield each scalar tag of a folder's files: steps, values, their types, and how many were taken back.

    Values stand in the order of the files. As in TensorBoard, whoever starts again at a step takes back the values from
    that step on that were written before.
    """
    plugins: dict[str, str] = {}
    for found in files:
        plugins = found.plugins | plugins
    for tag in sorted(name for name, plugin in plugins.items() if plugin == SCALARS):
        steps, values = np.empty(0, np.int64), np.empty(0)
        kinds, before = set[str](), 0
        for found in files:
            points = found.points.get(tag, [])
            kinds |= {one.kind for one in points}
            own = np.concatenate([one.records for one in points]) if points else np.empty(0, np.int64)
            order = np.argsort(own, kind="stable")
            place = np.concatenate([np.full(len(steps), -1), own[order]])
            steps = np.concatenate([steps, *(one.steps for one in points)])
            values = np.concatenate([values, *(one.values for one in points)])
            earlier = len(place) - len(order)
            steps[earlier:], values[earlier:] = steps[earlier:][order], values[earlier:][order]
            for record, step in found.restarts:
                stays = (place > record) | (steps < step)
                before += int((~stays).sum())
                place, steps, values = place[stays], steps[stays], values[stays]
        if kinds:
            yield tag, steps, values, kinds, before
