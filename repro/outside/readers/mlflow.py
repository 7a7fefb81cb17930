"""MLflow's two stores, read from their files: the database of SQLite, and the folders that came before it.

MLflow of 3 refuses to read the folders; nothing of it is asked. Runs that were deleted are named and left out.
"""

from __future__ import annotations

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.machine import files
from repro.outside import cells, search, sqlite
from repro.outside.logged import Curve, Log, LoggedRun, State, Value, told_apart
from repro.outside.parse import curve, number, step_of, yaml_of

TOOL = "MLflow"
TABLES = frozenset({"experiments", "runs", "metrics", "params", "tags"})
UPGRADE = "run `mlflow db upgrade` on a copy"
META, TRASH = "meta.yaml", ".trash"
DELETED, ACTIVE = "deleted", "active"
OWN = "mlflow."  # begins the tags that MLflow sets itself
NAME = "mlflow.runName"
STATUSES = ("", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")  # by the number in the folders
ENDS: Mapping[str, tuple[State, str]] = {
    "FINISHED": ("finished", ""),
    "FAILED": ("failed", "MLflow says FAILED"),
    "KILLED": ("failed", "MLflow says KILLED"),
}
AGAIN = "copy it again, or leave it out"

Measured = tuple[int, int | None, float]  # time in milliseconds, step, value


def recognises(path: Path) -> bool:
    """Say whether a path is a store of MLflow, of either kind, or an experiment or a run of one in folders."""
    return bool(sqlite.databases(path, TABLES)) or (path.is_dir() and any(map(_is_run, _stores(path))))


def read(path: Path) -> Log:
    """Read the runs of a store. Raise UsageError where both kinds are there, IntegrityError for a damaged database."""
    if path.is_file():
        databases, stores = [path], list[Path]()
    else:
        databases, stores = sqlite.databases(path, TABLES), _stores(path)
    if databases and stores:
        raise UsageError(f"{path}: holds {databases[0].name} and runs in folders; name one of the two")
    trash = _trash(path) if path.is_dir() else []
    if not (databases or stores or trash):
        raise NothingSelectedError(f"{path}: no {META} of a run and no database of MLflow is in there")
    runs, left_out = list[LoggedRun](), list[str]()
    for one in databases:
        _read_database(one, runs, left_out)
    for folder in stores:
        _read_folder(folder, runs, left_out)
    left_out += [f"{one.name} in {TRASH}: an experiment that was deleted" for one in trash]
    return Log(TOOL, told_apart(runs), left_out=tuple(left_out))


def _curves(measured: Mapping[str, Sequence[Measured]]) -> tuple[dict[str, Curve], tuple[str, ...]]:
    """Return each metric's values in the order of their times, and what has to be known of them."""
    curves, notes = dict[str, Curve](), list[str]()
    for name, points in sorted(measured.items()):
        in_time = sorted(points, key=lambda point: point[0])
        curves[name] = curve([(step, None, value) for _, step, value in in_time])
        most = Counter(step for _, step, _ in in_time).most_common(1)[0]
        if most[1] > 1:
            notes.append(f"{name}: {most[1]} values of step {most[0]}, in the order of their times; 0 is also no step")
    return curves, tuple(notes)


# The database


def _read_database(path: Path, runs: list[LoggedRun], left_out: list[str]) -> None:
    """Add the runs of a database."""
    with sqlite.opened(path) as database:

        def rows(query: str) -> list[sqlite.Row]:
            return sqlite.select(database, path, query, UPGRADE)

        experiments = {one: rest for one, *rest in rows("SELECT experiment_id, name, lifecycle_stage FROM experiments")}
        found = rows("SELECT run_uuid, status, lifecycle_stage, experiment_id FROM runs ORDER BY start_time, run_uuid")
        params, tags = (_by_run(rows(f'SELECT run_uuid, "key", value FROM {table}')) for table in ("params", "tags"))
        measured = _by_run(rows('SELECT run_uuid, "key", timestamp, step, value, is_nan FROM metrics ORDER BY rowid'))
    for run, status, stage, experiment in found:
        title, of_experiment = experiments.get(experiment, ["", ACTIVE])
        own = {str(key): value for key, value in tags[run]}
        name = str(own.get(NAME) or run)
        if DELETED in (stage, of_experiment):
            what = "" if stage == DELETED else " with its experiment"
            left_out.append(f"{name} ({run}): deleted{what}")
            continue
        points: dict[str, list[Measured]] = defaultdict(list)
        for key, time, step, value, is_nan in measured[run]:
            point = (step_of(time), step_of(step), math.nan if is_nan else _unclipped(value))
            if point[0] is None or point[1] is None or point[2] is None:
                raise IntegrityError(f"{path}: {key} of {name} is {value!r} at step {step!r}; {sqlite.AGAIN}")
            points[str(key)].append((point[0], point[1], point[2]))
        curves, notes = _curves(points)
        state, why = ENDS.get(str(status), ("unfinished", f"MLflow says {status}"))
        fields = _fields(title, params[run], own)
        runs.append(LoggedRun(name, path, fields, curves, state, why, str(run), notes))


def _unclipped(value: Any) -> float | None:
    """Return a number as it was logged: infinities, for which the database has no room, stand as the largest number."""
    found = number(value)
    if found is not None and abs(found) >= sys.float_info.max:
        return math.copysign(math.inf, found)
    return found


def _fields(experiment: Any, params: Sequence[Sequence[Any]], tags: Mapping[str, Any]) -> dict[str, Value]:
    """Return parameters before tags that a user set before the experiment, all of them texts."""
    own = [(key, value) for key, value in tags.items() if not key.startswith(OWN)]
    return {str(key): str(value) for key, value in [("experiment", experiment), *own, *params]}


def _by_run(rows: Sequence[sqlite.Row]) -> dict[Any, list[sqlite.Row]]:
    """Return the rows of each run, without its number."""
    found: dict[Any, list[sqlite.Row]] = defaultdict(list)
    for run, *rest in rows:
        found[run].append(rest)
    return found


# The folders


def _stores(path: Path) -> list[Path]:
    """Return the folders of runs: the folder itself, those of its experiment, of its store, of the store below it."""
    if _is_run(path):
        return [path]
    if (path / META).is_file() and (runs := _runs(path)):
        return runs
    for store in (path, path / "mlruns"):
        experiments = [one for one in _folders(store) if (one / META).is_file()] if store.is_dir() else []
        if runs := [run for one in experiments for run in _runs(one)]:
            return runs
    return []


def _runs(experiment: Path) -> list[Path]:
    """Return the folders of the runs of an experiment, one whose description is damaged among them."""
    below = _folders(experiment)
    return [one for one in below if _is_run(one) or (one / "metrics").is_dir() or (one / "params").is_dir()]


def _folders(path: Path) -> list[Path]:
    return [one for one in search.inside(path) if one.is_dir() and one.name != TRASH]


def _trash(path: Path) -> list[Path]:
    """Return the experiments in a store's trash."""
    where = next((one for one in (path / TRASH, path / "mlruns" / TRASH) if one.is_dir()), None)
    return _folders(where) if where else []


def _is_run(folder: Path) -> bool:
    """Say whether a folder has the description of a run."""
    meta = folder / META
    head = search.head(meta) if meta.is_file() else b""
    return bool({line.partition(b":")[0] for line in head.splitlines()} & {b"run_id", b"run_uuid"})


def _read_folder(folder: Path, runs: list[LoggedRun], left_out: list[str]) -> None:
    """Add the run that a folder is. What is damaged in it makes it unfinished."""
    faults: list[str] = []
    meta = _meta(folder, faults)
    experiment = _meta(folder.parent, faults) if (folder.parent / META).is_file() else {}
    tags = {name: _text(one) for name, one in _files(folder / "tags")}
    name = str(meta.get("run_name") or tags.get(NAME) or folder.name)
    if DELETED in (meta.get("lifecycle_stage"), experiment.get("lifecycle_stage")):
        left_out.append(f"{name} ({folder.name}): deleted")
        return
    if not faults and meta.get("lifecycle_stage") != ACTIVE:
        faults.append(f"{META} does not say whether it was deleted")
    params = [(key, _text(one)) for key, one in _files(folder / "params")]
    measured = {key: _measured(one, key, faults) for key, one in _files(folder / "metrics")}
    curves, notes = _curves({key: points for key, points in measured.items() if points})
    status = step_of(meta.get("status"))
    word = STATUSES[status] if status is not None and 0 < status < len(STATUSES) else f"status {meta.get('status')}"
    state, why = ENDS.get(word, ("unfinished", f"MLflow says {word}"))
    if faults and state == "finished":
        state, why = "unfinished", "; ".join(faults)
    fields = _fields(experiment.get("name", ""), params, tags)
    runs.append(LoggedRun(name, folder, fields, curves, state, why, folder.name, (*notes, *faults)))


def _meta(folder: Path, faults: list[str]) -> dict[str, Any]:
    """Return what a folder's meta.yaml says, nothing where it is damaged."""
    try:
        found = yaml_of(folder / META, "description of a run")
    except IntegrityError as error:
        faults.append(f"{folder.name}/{META} is damaged ({str(error).removeprefix(f'{folder / META}: ')})")
        return {}
    return found if isinstance(found, dict) else {}


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Return the files below a folder by their names, which have a slash for each folder on the way."""
    if not folder.is_dir():
        return []
    found = [Path(entry.path) for entry in search.entries(folder) if search.is_file(entry)]
    return [(one.relative_to(folder).as_posix(), one) for one in sorted(found, key=search.numbered)]


def _text(path: Path) -> str:
    return files.read_text(path, "parameter", AGAIN)


def _measured(path: Path, name: str, faults: list[str]) -> list[Measured]:
    """Return the whole lines of a metric's file: time, value and, but for files of before 2019, step."""
    *lines, torn = files.read_text(path, "metric", AGAIN).split("\n")
    if torn:
        faults.append(f"{name} ends in the middle of a line")
    found = list[Measured]()
    for line in lines:
        time, value, step = (*line.split(), "0")[:3] if len(line.split()) > 1 else ("", "", "")
        amount, whole = cells.number(value), [step_of(cells.number(text)) for text in (time, step)]
        if amount is None or whole[0] is None or whole[1] is None:
            faults.append(f"{name} has the line {line[:40]!r}, which is none of a metric")
            break
        found.append((whole[0], whole[1], amount))
    return found
