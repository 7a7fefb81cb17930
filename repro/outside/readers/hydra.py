"""Hydra: a folder a job, with its configuration below `.hydra` and the file of metrics that the job itself wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.machine import files
from repro.outside import parse, search
from repro.outside.logged import Curve, Log, LoggedRun
from repro.outside.readers import lightning

TOOL = "Hydra"
FOLDER = ".hydra"
STEMS = ("metrics", "results")
NAMES = tuple(f"{stem}{ending}" for stem in STEMS for ending in (".json", ".jsonl", ".csv"))  # of a job's metrics


def recognises(path: Path) -> bool:
    """Say whether a path is the folder of a job or of a sweep, or the metrics file of a job."""
    if path.is_file():
        return path.name in NAMES and (path.parent / FOLDER).is_dir()
    if (path / FOLDER).is_dir():
        return True
    return any(entry.name == FOLDER and entry.is_dir() for entry in search.entries(path, search.ENTRIES))


def read(path: Path) -> Log:
    """Return the jobs, in the order of their numbers; one without its metrics failed.

    Raise NothingSelectedError where no job has metrics, UsageError where one has several files of them.
    """
    folder = path.parent if path.is_file() else path
    jobs = sorted({Path(entry.path).parent for entry in search.entries(folder) if entry.name == FOLDER})
    if not jobs:
        raise NothingSelectedError(f"{path}: no folder {FOLDER} is in there; name the folder of a sweep or a job")
    written = {job: _metrics(job) for job in jobs}
    if not any(written.values()):
        raise NothingSelectedError(
            f"{path}: none of {len(jobs)} jobs has a file of metrics ({', '.join(NAMES)}, or Lightning's); read what "
            "the jobs did write by its own --format"
        )
    runs = [_run(job, written[job], folder) for job in sorted(jobs, key=search.numbered)]
    return Log(TOOL, tuple(runs), _version(jobs))


def _metrics(job: Path) -> Path | None:
    """Return the metrics file of a job: its own, else the only one of Lightning below it."""
    there = [job / name for name in NAMES if (job / name).is_file()]
    there = there or [
        Path(entry.path) for entry in search.entries(job) if entry.name == lightning.NAME and search.is_file(entry)
    ]
    if len(there) > 1:
        names = ", ".join(one.relative_to(job).as_posix() for one in there)
        raise UsageError(f"{job}: several files of metrics ({names}); read the right one by its own --format")
    return there[0] if there else None


def _version(jobs: list[Path]) -> str:
    """Return Hydra's version, from the first job that kept it."""
    for job in jobs:
        file = job / FOLDER / "hydra.yaml"
        if file.is_file():
            found = parse.yaml_of(file, "hydra.yaml")
            return str(parse.flat(found, file).get("hydra.runtime.version") or "")
    return ""


def _run(job: Path, metrics: Path | None, path: Path) -> LoggedRun:
    """Return a job: all of its configuration, not only what the command line set."""
    config = job / FOLDER / "config.yaml"
    there = config.is_file()
    fields = parse.flat(parse.yaml_of(config, "config.yaml"), config) if there else {}
    notes: tuple[str, ...] = () if there else (f"no {FOLDER}/config.yaml: its parameters are unknown",)
    name = search.name_of(job, path)
    if metrics is None:
        why = f"no file of metrics ({NAMES[0]}) in its folder; nothing else says how it ended"
        return LoggedRun(name, job, fields, {}, "failed", why, notes=notes)
    curves, torn, other = _curves(metrics, own=metrics.parent == job)
    if other:
        notes += (f"no numbers, left out: {', '.join(other)}",)
    why = f"{metrics.name} ends in the middle of a line" if torn else ""
    return LoggedRun(name, metrics, fields, curves, "unfinished" if torn else "finished", why, notes=notes)


def _curves(file: Path, *, own: bool) -> tuple[Mapping[str, Curve], bool, tuple[str, ...]]:
    """Return the curves of a file, whether it is torn, and the names of what is no number.

    One record without a step or an epoch was measured once, after training.
    """
    if not own or lightning.wrote(file):
        return *lightning.curves_of(file), ()
    records: Sequence[Mapping[str, Any]]
    torn = False
    if file.suffix == ".csv":
        records, torn = lightning.records_of(file)
    elif file.suffix == ".jsonl":
        records, torn = _lines(file)
    else:
        records = _records(parse.json_of(file, file.name), file)
    points, other = parse.points_of(records)
    once = len(records) == 1 and not {"step", "epoch"} & set(records[0])
    return {name: parse.curve(found, after=once) for name, found in points.items()}, torn, other


def _records(held: Any, file: Path) -> list[dict[str, Any]]:
    """Return the records of a metrics file: a list of them, or one, whose lists are each a curve."""
    records = held if isinstance(held, list) else [held]
    if not all(isinstance(record, dict) for record in records):
        raise IntegrityError(f"{file}: no metrics, wanted records of a name and a number each; {parse.AGAIN}")
    if isinstance(held, dict) and held and all(isinstance(values, list) for values in held.values()):
        if len({len(values) for values in held.values()}) > 1:
            raise IntegrityError(f"{file}: its lists are not of one length; {parse.AGAIN}")
        return [dict(zip(held, values, strict=True)) for values in zip(*held.values(), strict=True)]
    return [{**parse.flat(record, file)} for record in records]


def _lines(file: Path) -> tuple[list[dict[str, Any]], bool]:
    """Return the records of a file of JSON lines, and whether the last was torn."""
    text = files.read_text(file, file.name, parse.AGAIN)
    lines = text.split("\n")
    torn = bool(lines.pop())
    found = []
    for at, line in enumerate(lines, 1):
        if line.strip():
            found += _records(parse.json_in(line, file, file.name, at), file)
    return found, torn
