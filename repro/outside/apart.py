"""What tells runs apart: their seeds, and the fields in which they may not differ unless that was asked for."""

from __future__ import annotations

import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repro.errors import UsageError, did_you_mean
from repro.outside import cells
from repro.outside.logged import LoggedRun

if TYPE_CHECKING:
    from repro.outside.ask import Result

SEEDS = {"seed", "random_seed", "rng_seed", "random_state", "manual_seed", "global_seed", "seed_everything"}
MADE_ON = {"dataset", "task", "split", "env", "env_id", "environment"}  # what two kinds have to share to be compared
KINDS = {"method", "algorithm", "algo", *MADE_ON}  # never a run's name
NAME = "name"  # what --seed-from calls the names of runs
FOLDER = "folder"  # what --where and --across call the folders that names of runs lie in
SHOWN = 6  # values in a message
MEASURED = 3  # digits that a measured number is written with, as a rule; one that somebody chose has fewer


@dataclass(frozen=True)
class Seeds:
    """A label for each run, the fields that it was taken from, and what to say of that."""

    labels: tuple[int | str, ...]
    fields: tuple[str, ...]
    notes: tuple[str, ...] = ()


def seeds(path: Path, runs: Sequence[LoggedRun], seed_from: str, across: Collection[str] = ()) -> Seeds:
    """Return the seeds of runs: whole numbers from a field that is called so, whatever is in one that is asked for.

    Raise UsageError where no field is called seed, or several that differ are, and where a seed is none.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.fields))
    if seed_from == NAME and NAME not in known:
        return _names(path, runs, across)
    if seed_from:
        if seed_from not in known:
            names = [*known, NAME]
            raise UsageError(
                f"{path}: --seed-from {seed_from}: no such field{did_you_mean(seed_from, names)} "
                f"(fields: {cells.few(names)})"
            )
        return Seeds(tuple(_label(path, run, seed_from) for run in runs), (seed_from,))
    found = [name for name in known if is_seed(name)]
    if not found:
        first = cells.text(runs[0].name)
        fields = f", or --seed-from FIELD (fields: {cells.few(known)})" if known else ""
        near = next((f"--seed-from {name} if that is it, or " for name in known if "seed" in name.lower()), "")
        raise UsageError(
            f"{path}: nothing says which seed a run had; say {near}--seed-from {NAME} if each of the {len(runs)} is a "
            f"run of its own ({first}, ...){fields}"
        )
    differing = [name for name in found if any(_text(run, name) != _text(run, found[0]) for run in runs)]
    if differing:
        first, other = cells.cut(found[0]), cells.cut(differing[0])
        raise UsageError(
            f"{path}: '{first}' and '{other}' could both be the seed, and differ; say which by --seed-from"
        )
    return Seeds(tuple(_whole(path, run, found[0]) for run in runs), tuple(found))


def _names(path: Path, runs: Sequence[LoggedRun], across: Collection[str]) -> Seeds:
    """Return what runs are called in place of seeds, the numbers in their names where these tell all apart.

    Raise UsageError where several folders hold runs of the same names, as those of two methods do.
    """
    places = placed(runs)
    held = Counter(folder for folder, _ in places)
    again = Counter(stem for folder, stem in {*places} if held[folder] > 1)
    if FOLDER not in across and any(count > 1 for count in again.values()):
        raise UsageError(
            f"{path}: {len(held)} folders ({_some(held)}) hold runs of the same names; choose by --where "
            f"{FOLDER}={next(iter(held))}, or say --across {FOLDER} if each is a run of its own"
        )
    labels = [cells.numbered(stem if len(held) == 1 else run.name) for run, (_, stem) in zip(runs, places, strict=True)]
    if None in labels or len({*labels}) < len(labels):
        return Seeds(tuple(run.name for run in runs), ())
    return Seeds(tuple(label for label in labels if label is not None), ())


def placed(runs: Sequence[LoggedRun]) -> list[tuple[str, str]]:
    """Return the folder and the last part of each run's name; a last part that all share tells none apart."""
    parts = [run.name.split("/") for run in runs]
    while len(runs) > 1 and all(len(one) > 1 for one in parts) and len({one[-1] for one in parts}) == 1:
        parts = [one[:-1] for one in parts]
    return [("/".join(one[:-1]), one[-1]) for one in parts]


def is_seed(name: str) -> bool:
    """Say whether a field is called what seeds are called, wherever it is nested."""
    return _last(name) in SEEDS


def _last(name: str) -> str:
    """Return what a field is called, wherever it is nested."""
    return name.replace("/", ".").rpartition(".")[2].lower()


def _text(run: LoggedRun, name: str) -> str:
    return cells.text(run.fields.get(name)).strip()


def _present(path: Path, run: LoggedRun, name: str) -> str:
    """Return a seed as a text. Raise UsageError where a run has none."""
    words = _text(run, name)
    if cells.is_missing(words):
        raise UsageError(
            f"{path}: {run.name} has no {name}; leave it out by --where, or say --seed-from {NAME} if each is a run of "
            "its own"
        )
    return words


def _whole(path: Path, run: LoggedRun, name: str) -> int:
    """Return a seed that is a whole number. Raise UsageError for any other."""
    words = _present(path, run, name)
    value = cells.number(words)
    if value is None or not math.isfinite(value) or value != int(value):
        raise UsageError(
            f"{path}: {run.name}: {name} is {words!r:.40}, wanted a whole number; mend it, or say --seed-from {name} "
            "if it only tells runs apart"
        )
    return int(value) if (exact := cells.whole(words)) is None else exact


def _label(path: Path, run: LoggedRun, name: str) -> int | str:
    """Return what tells a run apart: a whole number where it is one."""
    words = _present(path, run, name)
    return words if (value := cells.whole(words)) is None else value


def key(one: Result, across: Collection[str]) -> tuple[int | str, ...]:
    """Return what tells a result from all others: its seed, with the fields across which runs may differ."""
    return (one.seed, *(cells.text(one.fields.get(name)) for name in across if name in one.fields or name != FOLDER))


def told_apart(
    path: Path, results: Sequence[Result], seed_fields: Sequence[str], across: Collection[str], duplicate: str
) -> tuple[list[Result], list[str]]:
    """Return the results, one for each seed, and what to say of those that are left out.

    A run that failed and whose seed another finished is left out. Raise UsageError where runs of different kinds would
    be taken for one sample, and where two runs have one seed and nothing says which.
    """
    kept, notes = _retried(results, across)
    skipped = {*seed_fields, *across}
    differing = {
        name: values
        for name in dict.fromkeys(name for one in kept for name in one.fields)
        if name not in skipped and len(values := _values(kept, name)) > 1
    }
    telling = [name for name, values in differing.items() if _last(name) in KINDS or _mixes(values, len(kept))]
    if telling:
        name = telling[0]
        others = f" (so they do in {cells.few(telling[1:])})" if telling[1:] else ""
        raise UsageError(
            f"{path}: the runs differ in '{name}' ({_some(differing[name])}){others}; choose by --where {name}=VALUE, "
            f"or say --across {name} if that is meant"
        )
    by_key: dict[tuple[int | str, ...], list[Result]] = defaultdict(list)
    for one in kept:
        by_key[key(one, across)].append(one)
    again = [mine for mine in by_key.values() if len(mine) > 1]
    if again and not duplicate:
        mine = again[0]
        apart = [name for name in differing if len(_values(mine, name)) > 1]
        differ = f", and differ in {', '.join(apart[:SHOWN])}" if apart else ""
        choose = f"choose by --where {apart[0]}=VALUE, or " if apart else ""
        seed = cells.cut(str(mine[0].seed))
        raise UsageError(
            f"{path}: {len(mine)} runs have seed {seed} ({', '.join(one.run for one in mine[:SHOWN])})"
            f"{differ}; {choose}say which counts by --duplicate first or --duplicate last"
        )
    if again:
        kept = [mine[0] if duplicate == "first" else mine[-1] for mine in by_key.values()]
        notes.append(f"{len(again)} seeds have several runs; of each the {duplicate} counts")
    ids = [name for name in differing if name not in across]
    if ids:
        notes.append(f"taken for a name or a measurement, as hardly two runs agree in it: {cells.few(ids)}")
    return kept, notes


def sides(path: Path, first: Sequence[Result], second: Sequence[Result], skipped: Collection[str]) -> list[str]:
    """Return what to say of the fields in which two kinds of runs differ beside those that are `skipped`.

    Raise UsageError where they were made on different things, as on two data sets.
    """
    differing = {}
    for name in dict.fromkeys(name for one in (*first, *second) for name in one.fields):
        values = _values(first, name), _values(second, name)
        if name not in skipped and {*values[0]} != {*values[1]}:
            differing[name] = values
    for name, (ours, theirs) in differing.items():
        if _last(name) in MADE_ON:
            raise UsageError(
                f"{path}: the two kinds of runs differ in '{name}', too ({_some(ours)}; {_some(theirs)}); choose by "
                f"--where {name}=VALUE, or say --across {name} if that is meant"
            )
    told = [
        f"{cells.cut(name)} ({_some(ours)}; {_some(theirs)})"
        for name, (ours, theirs) in differing.items()
        if len(ours) == len(theirs) == 1
    ]
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return [f"the two kinds of runs differ in {', '.join(told[:SHOWN])}{more}, too"] if told else []


def _retried(results: Sequence[Result], across: Collection[str]) -> tuple[list[Result], list[str]]:
    """Leave out runs without a result whose seed another run finished."""
    done = {key(one, across) for one in results if one.state == "finished"}
    left = [one for one in results if one.state != "finished" and key(one, across) in done]
    notes = [f"left out: {one.run} {one.state} ({one.why}), its seed {one.seed} was run again" for one in left]
    return [one for one in results if one.state == "finished" or key(one, across) not in done], notes


def _values(results: Sequence[Result], name: str) -> Counter[str]:
    return Counter(cells.text(one.fields.get(name)).strip() for one in results)


def _mixes(values: Counter[str], runs: int) -> bool:
    """Say whether a field that differs puts runs of different kinds together.

    What hardly repeats does not: a name that every run has for itself, or a measured number with few ties. Somebody
    chose a number of one or two digits, as a rate of 0.01 is.
    """
    if len(values) == runs:
        return False
    measured = all(cells.is_number(one) for one in values) and any("." in one for one in values)
    return not (measured and 2 * len(values) > runs and statistics.median(map(_digits, values)) >= MEASURED)


def _digits(number: str) -> int:
    """Return how many digits a number is written with, zeros before the first other one left out."""
    return len(re.sub("[^0-9]", "", re.split("[eE]", number)[0]).lstrip("0"))


def _some(values: Counter[str]) -> str:
    shown = [cells.cut(value) or "nothing" for value in list(values)[:SHOWN]]
    return ", ".join(shown) + (f" and {len(values) - SHOWN} more" if len(values) > SHOWN else "")
