"""What is asked of somebody's results, and the one way to an answer, whatever tool wrote them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside import apart, cells, formats, points
from repro.outside.logged import Log, LoggedRun, State, Value

RUN = "run"  # names a run where a field of its own does not


@dataclass(frozen=True)
class Ask:
    """What is wanted of results: a metric, of runs whose fields have one of the values named, one number of each run.

    `epoch` is "last", "best:METRIC" (where METRIC is largest; "best:min:METRIC" where it is smallest) or a number, and
    needed where a run has several values. `duplicate` is "first" or "last", and needed where one step has two values or
    one seed two runs. `seed_from` names the field that tells runs apart, or "name" for their names; without it, it is
    the field called seed. `across` names fields in which the runs may differ. Of a log, "run" is a field too, the run's
    name, and so is "folder", the folder that this lies in.
    """

    metric: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    epoch: str = ""
    duplicate: str = ""
    seed_from: str = ""
    across: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise UsageError for a choice that is none."""
        if self.duplicate not in ("", "first", "last"):
            raise UsageError(f"--duplicate {self.duplicate}: wanted first or last")
        points.hold_epoch(self.epoch)


@dataclass(frozen=True)
class Result:
    """One number of one run; NaN where the run left none or left the real numbers.

    `seed` is a whole number, or a text where the field asked for is one. `state` is "finished" where the run ended and
    left a number, be it none that is real; else `why` says in words what became of it. `end` is the epoch or step of a
    curve's end, where that is what counts.
    """

    run: str
    seed: int | str
    value: float
    fields: Mapping[str, Value]
    file: Path
    origin: str
    precision: float = 0.0
    state: State = "finished"
    why: str = ""
    end: float | None = None


@dataclass(frozen=True)
class Answer:
    """The results that were asked for, in the order of the files; `notes` are what a reader has to know."""

    ask: Ask
    tool: str
    version: str
    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    def key(self, one: Result) -> tuple[int | str, ...]:
        """Return what tells a result from all others: its seed, with the fields across which runs may differ."""
        return apart.key(one, self.ask.across)

    @property
    def finite(self) -> list[Result]:
        """Return the results that are numbers."""
        return [one for one in self.results if one.state == "finished" and math.isfinite(one.value)]

    @property
    def diverged(self) -> list[Result]:
        """Return those of runs that left the real numbers."""
        return [one for one in self.results if one.state == "finished" and not math.isfinite(one.value)]

    @property
    def lost(self) -> list[Result]:
        """Return those of runs that failed, did not end, or left nothing."""
        return [one for one in self.results if one.state != "finished"]


def answer(path: Path, ask: Ask, form: str = "") -> Answer:
    """Return what a file or folder holds of what is asked, of a format that is named or recognised.

    Raise UsageError, with what was found and the option that decides, where it is ambiguous; NothingSelectedError where
    there is nothing of it; IntegrityError for a damaged file.
    """
    form = form or formats.recognised(path)
    if form in formats.TABLES:
        from repro.outside.readers import tables

        metrics = dict.fromkeys((ask.metric, *points.metrics_of(ask.epoch)))
        log = tables.select(path, form, [*metrics], ask.where, [ask.seed_from])
        runs = log.runs
    else:
        log = formats.read(path, form)
        runs = chosen(path, log, ask.where, (ask.metric, *points.metrics_of(ask.epoch)))
    results, notes = results_of(path, runs, ask)
    left = tuple(f"left out: {what}" for what in log.left_out)
    return Answer(ask, log.tool, log.version, tuple(results), (*notes, *left))


def results_of(path: Path, runs: Sequence[LoggedRun], ask: Ask) -> tuple[list[Result], list[str]]:
    """Return the one number of each of some runs of one kind that is asked for, and what a reader has to know.

    Raise UsageError where that is ambiguous: seeds, epochs, two runs of one seed, or runs that are not of one kind.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.fields))
    for name in ask.across:
        if name not in (*known, apart.FOLDER):
            raise UsageError(f"{path}: --across {name}: no such field{did_you_mean(name, known)} ({cells.few(known)})")
    told = apart.seeds(path, runs, ask.seed_from, ask.across)
    results = [_result(path, run, seed, ask) for run, seed in zip(runs, told.labels, strict=True)]
    kept, notes = apart.told_apart(path, results, told.fields, ask.across, ask.duplicate)
    chosen_so = points.caveats(runs, ask.metric, ask.epoch)
    labels = {one.seed for one in kept}
    if len(labels) < len(kept):  # which across alone allows
        chosen_so.append(f"{len(kept)} runs of {len(labels)} seeds, across {', '.join(ask.across)}, count one by one")
    return kept, [*told.notes, *chosen_so, *notes, *dict.fromkeys(note for run in runs for note in run.notes)]


def chosen(path: Path, log: Log, where: Mapping[str, Sequence[str]], asked_for: Sequence[str]) -> tuple[LoggedRun, ...]:
    """Return the runs of a log that have these values in these fields.

    Raise UsageError for an unknown field, or for a metric that is `asked_for` and that no run has.
    """
    if not log.runs:
        left = f" ({'; '.join(log.left_out)})" if log.left_out else ""
        raise NothingSelectedError(f"{path}: no run of {log.tool} in it{left}; name another file or folder")
    runs = log.runs
    folders = {run.name: folder for run, (folder, _) in zip(runs, apart.placed(runs), strict=True)}
    own = (RUN, apart.FOLDER) if any(folders.values()) else (RUN,)
    known = list(dict.fromkeys([*(name for run in runs for name in run.fields), *own]))
    for name, values in where.items():
        if name not in known:
            raise UsageError(f"{path}: no field '{name}'{did_you_mean(name, known)} (fields: {cells.few(known)})")
        met = list(dict.fromkeys(cells.text(of(run, name, folders)) for run in runs))
        runs = tuple(run for run in runs if any(cells.same(of(run, name, folders), value) for value in values))
        if not runs:
            value = ",".join(values)
            near = did_you_mean(value, met)
            raise NothingSelectedError(f"{path}: no run has {name}={value}{near} ({name}: {cells.few(met)})")
    metrics = list(dict.fromkeys(name for run in log.runs for name in run.curves))
    for metric in asked_for:
        if metric not in metrics:
            known_too = f"(metrics: {cells.few(metrics)})"
            raise UsageError(f"{path}: no metric '{metric}'{did_you_mean(metric, metrics)} {known_too}")
    return runs


def of(run: LoggedRun, name: str, folders: Mapping[str, str]) -> Value:
    """Return a run's field, or its name, or the folder that this lies in."""
    return run.fields.get(name, {RUN: run.name, apart.FOLDER: folders[run.name]}.get(name))


def _result(path: Path, run: LoggedRun, seed: int | str, ask: Ask) -> Result:
    """Return the one number of a run that is asked for."""
    value, why = points.one(path, run, ask.metric, ask.epoch, ask.duplicate)
    state: State = run.state
    if state == "finished" and why:
        state = "unfinished"
    curve = run.curves.get(ask.metric)
    return Result(
        run.name, seed, value if state == "finished" else math.nan, run.fields, run.file, run.origin,
        curve.precision if curve else 0.0, state, run.why or why if state != "finished" else "",
        points.end(curve) if curve and ask.epoch in ("", "last") else None,
    )  # fmt: skip
