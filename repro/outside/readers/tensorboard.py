"""TensorBoard's event files: scalars that they keep as numbers or as tensors, and hyper-parameters.

A folder with event files is a run. Those in folders below it belong to it where a writer puts parts of a run there:
hyper-parameters (`add_hparams`), one of several curves (`add_scalars`), training and validation (Keras, Estimators).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.outside import search
from repro.outside.events import PRECISION, Events, in_order, read_events
from repro.outside.logged import Curve, Log, LoggedRun, State, Value
from repro.outside.wire import BYTES, FIXED64, VARINT, Field, MalformedError, double, fields, text, unsigned, within

TOOL = "TensorBoard"
MARK = "tfevents"  # in the name of each event file
PARTS = ("train", "validation", "eval")  # folders in which Keras and Estimators keep the parts of a run
FAILURE = 2  # the status of a session of hyper-parameters (tensorboard/plugins/hparams/api.proto)


@dataclass
class Part:
    """The event files of one folder, read."""

    folder: Path
    files: list[Path]
    events: list[Events]

    @property
    def tags(self) -> set[str]:
        """Return the tags that have values."""
        return {tag for one in self.events for tag in one.points}

    @property
    def hparams(self) -> list[bytes]:
        """Return what the folder keeps for the plugin of hyper-parameters."""
        return [content for one in self.events for content in one.hparams]


def recognises(path: Path) -> bool:
    """Say whether a path is an event file, or a folder with one below it."""
    return search.begins(path, _is_event_file, lambda _: True)


def read(path: Path) -> Log:
    """Read the runs of an event file or of a folder. Raise NothingSelectedError where there is none."""
    folders: dict[Path, list[Path]] = {}
    for file in search.files(path, _is_event_file, f"event file (*{MARK}*)"):
        folders.setdefault(file.parent, []).append(file)
    parts = [
        Part(folder, folders[folder], [read_events(one) for one in folders[folder]])
        for folder in sorted(folders, key=search.numbered)
    ]
    runs, left_out = [], []
    for folder, members in _runs(parts, path).items():
        run = _run(folder, members, path)
        if run.curves or run.state != "finished":
            runs.append(run)
        else:
            left_out.append(f"{run.name}: holds no scalar")
    return Log(TOOL, tuple(runs), left_out=tuple(left_out))


def _is_event_file(name: str) -> bool:
    return MARK in name


def _runs(parts: Sequence[Part], path: Path) -> dict[Path, list[Part]]:
    """Return the folders that are runs, each with its parts, in the order of the folders from the top."""
    own = {part.folder for part in parts}
    above = {part.folder: next((one for one in part.folder.parents if one in own), None) for part in parts}
    sessions = Counter(above[part.folder] for part in parts if part.hparams)
    homes: dict[Path, Path] = {}
    runs: dict[Path, list[Part]] = {}
    for part in parts:
        over, home = above[part.folder], part.folder
        if over is not None and (sessions[over] == 1 if part.hparams else _curve_of(part, over)):
            home = over
        elif part.folder.name in PARTS and part.folder != path and part.folder.is_relative_to(path):
            home = part.folder.parent
        homes[part.folder] = homes.get(home, home)
        runs.setdefault(homes[part.folder], []).append(part)
    return runs


def _curve_of(part: Part, over: Path) -> str:
    """Return which of the curves that `add_scalars` draws together a folder below a run's holds, "" where it is none.

    torch puts it into a folder named tag_curve, slashes in the tag replaced, tensorboardX into tag/curve.
    """
    below = part.folder.relative_to(over).as_posix()
    for tag in part.tags if len(part.tags) == 1 else ():
        for begin in (f"{tag.replace('/', '_')}_", f"{tag}/"):
            if below.startswith(begin):
                return below.removeprefix(begin)
    return ""


def _run(folder: Path, parts: Sequence[Part], path: Path) -> LoggedRun:
    """Return what the parts of a run hold."""
    files = [file for part in parts for file in part.files]
    curves: dict[str, Curve] = {}
    fields_: dict[str, Value] = {}
    notes, whys, failed = [], [], False
    for part in parts:
        below = part.folder.relative_to(folder).as_posix()
        one = _curve_of(part, folder) if below != "." else ""
        for tag, steps, values, kinds, taken_back in in_order(part.events):
            name = tag if below == "." or part.hparams else f"{tag}/{one}" if one else f"{below}/{tag}"
            name = f"{below}/{tag}" if name in curves else name
            curves[name] = Curve(values, steps, precision=max(PRECISION.get(kind, 0.0) for kind in kinds))
            if taken_back:
                notes.append(f"{name}: {taken_back} values are left out, which a restart at their step took back")
        for file, events in zip(part.files, part.events, strict=True):
            whys += [f"{file.relative_to(folder)} {fault}" for fault in events.faults]
            notes += [f"{tag}: kept as a tensor that is not read" for tag in sorted(events.unread)]
        for content in part.hparams:
            try:
                found, ended = _hparams(content)
            except MalformedError as error:
                whys.append(f"its hyper-parameters are damaged ({error})")
                continue
            fields_ |= found
            failed |= ended == FAILURE
    state: State = "failed" if failed else "unfinished" if whys else "finished"
    if failed:
        whys.insert(0, "the session of its hyper-parameters ended in failure")
    name = search.name_of(folder, path)
    file = files[0] if len(files) == 1 else folder
    return LoggedRun(name, file, fields_, curves, state, "; ".join(whys), notes=tuple(notes))


def _hparams(content: bytes) -> tuple[dict[str, Value], int]:
    """Return the hyper-parameters of a session and the status that it ended with, 0 where this does not say."""
    data, found, status = memoryview(content), dict[str, Value](), 0
    for part in fields(data, 0, len(data)):
        if part.number == 3:  # the start of a session
            for entry in within(data, part):
                if entry.number == 1:
                    found |= _hparam(data, entry)
        elif part.number == 4:  # its end
            status = max((unsigned(data, one) for one in within(data, part) if one.number == 1), default=0)
    return found, status


def _hparam(data: memoryview, entry: Field) -> dict[str, Value]:
    """Return the name and the value of a hyper-parameter; whole numbers, which the file keeps as others, are whole."""
    name, value = "", None
    for part in within(data, entry):
        if part.number == 1:
            name = text(data, part)
        elif part.number == 2:
            value = _value(data, part)
    return {name: value}


def _value(data: memoryview, message: Field) -> Value:
    """Return a value as google/protobuf/struct.proto keeps it; lists and objects are left None."""
    value: Value = None
    for part in within(data, message):
        if part.number == 2 and part.kind == FIXED64:
            number = double(data, part)
            value = int(number) if number.is_integer() else number
        elif part.number == 3 and part.kind == BYTES:
            value = text(data, part)
        elif part.number == 4 and part.kind == VARINT:
            value = bool(unsigned(data, part))
    return value
