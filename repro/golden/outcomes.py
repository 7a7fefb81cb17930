"""Dated outcomes of evidence that was made again, a line of JSON each, in a file that only grows.

A line says all that a later one is compared with: the bits of each run, and what they hang on. Nothing guards the file
but version control; a line that is no outcome is refused by its number.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from repro.errors import IntegrityError
from repro.machine import files

VERSION = 1  # of a line
# What became of a run beside its golden, from the gravest down; the last two are the golden's bits, and fresh seeds.
WORDS = ("failed", "cannot compare", "deviates", "suspicious", "moved", "agrees", "same")
FAILED, CANNOT, DEVIATES, SUSPICIOUS, MOVED, AGREES, SAME = WORDS
RESTORE = "restore the file from version control, or take that line out"


@dataclass(frozen=True)
class Repeated:
    """A run that was made again. `of` is "STUDY/PROFILE/EXPERIMENT", `bits` stands for all judged values and curves.

    `code`, `settings` and `data` are the first digits of what a row records under these names; `word` is one of WORDS.
    """

    of: str
    case: str
    replicate: int
    code: str
    settings: str
    data: str
    bits: str
    word: str
    seconds: float

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what names the run in every outcome."""
        return self.of, self.case, self.replicate


@dataclass(frozen=True)
class Dated:
    """What came of one time that evidence was made again.

    `when` is UTC to the second, `commit` that of the code, `facts` what the runs' records say of the environment, each
    fact with its values. `files` maps the files of the code to the first digits of their SHA-256, `reaches` each
    experiment to those that it can reach. `left` counts runs that were chosen and not made; `golden` says what is
    not as it was for the golden, of runs that are no longer the golden's to the bit.
    """

    when: str
    commit: str
    facts: Mapping[str, tuple[str, ...]]
    files: Mapping[str, str]
    reaches: Mapping[str, tuple[str, ...]]
    runs: tuple[Repeated, ...]
    golden: tuple[str, ...] = ()
    left: int = 0
    exit_code: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Return how many runs there are of each word, gravest last."""
        return {word: sum(run.word == word for run in self.runs) for word in reversed(WORDS)}

    @property
    def word(self) -> str:
        """Return the gravest word of its runs."""
        return min((run.word for run in self.runs), key=WORDS.index)


def read(path: Path) -> list[Dated]:
    """Return the outcomes of a log, oldest first, [] where there is none; joined branches may have mixed its lines.

    Raise IntegrityError for the first line that is no outcome.
    """
    if not files.there(path):
        return []
    *lines, rest = files.read(path, "log of outcomes", RESTORE).split(b"\n")
    if rest:
        raise IntegrityError(f"{path}:{len(lines) + 1}: the last line has no end, so that it was cut; {RESTORE}")
    found: list[Dated] = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(_parsed(line))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise IntegrityError(f"{path}:{number}: no outcome of `repro decay` ({reason:.90}); {RESTORE}") from error
    return sorted(found, key=lambda one: one.when)


def hold(path: Path) -> None:
    """Raise InfrastructureError where a log cannot be written; what `append` finds at the end was made for nothing."""
    new = not path.exists()
    with _opened(path):
        pass
    if new:
        path.unlink()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with files.refused(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            yield stream


def append(path: Path, outcome: Dated) -> None:
    """Add an outcome at the end of a log, on the disk before this ends; other writers wait for their turn.

    Raise IntegrityError where the log is none, InfrastructureError where it cannot be written.
    """
    line = written(outcome)
    with _opened(path) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        read(path)
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def written(outcome: Dated) -> bytes:
    """Return the line that an outcome is written as.

    Its runs are lists, in the order of the fields of `Repeated`, and what an experiment reaches are places in `files`.
    """
    places = {name: place for place, name in enumerate(outcome.files)}
    plain = {
        "version": VERSION, **asdict(outcome), "runs": [[*asdict(run).values()] for run in outcome.runs],
        "reaches": {of: [places[name] for name in names] for of, names in outcome.reaches.items()},
    }  # fmt: skip
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _parsed(line: bytes) -> Dated:
    """Return the outcome that a line is; where it is none, what reading it as one raises."""
    plain = json.loads(line)
    names = {"version", *(field.name for field in fields(Dated))}
    if not isinstance(plain, dict) or set(plain) != names:
        other = sorted(set(plain) ^ names)[0] if isinstance(plain, dict) else ""
        raise ValueError(f"wanted the fields of an outcome, but for {other!r}" if other else "wanted an object")
    version = plain.pop("version")
    if version != VERSION:
        raise ValueError(f"version {version!r}, wanted {VERSION}")
    datetime.strptime(plain["when"], "%Y-%m-%dT%H:%M:%SZ")
    if not plain["runs"]:
        raise ValueError("no runs")
    plain["runs"] = tuple(_run(one) for one in plain["runs"])
    plain["facts"] = {key: tuple(map(_text, values)) for key, values in plain["facts"].items()}
    files_of = [key for key, value in plain["files"].items() if _text(value)]
    plain["reaches"] = {of: tuple(files_of[_count(place)] for place in some) for of, some in plain["reaches"].items()}
    plain["golden"] = tuple(map(_text, plain["golden"]))
    return Dated(**plain | {name: _count(plain[name]) for name in ("left", "exit_code")})


def _run(values: Sequence[Any]) -> Repeated:
    """Return the run that a list stands for."""
    run = Repeated(*values)
    for value in (run.of, run.case, run.code, run.settings, run.data, run.bits):
        _text(value)
    if run.word not in WORDS or run.of.count("/") != 2 or not math.isfinite(run.seconds):
        raise ValueError(f"no run: {values!r}")
    _count(run.replicate)
    return run


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"wanted a text, got {value!r}")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"wanted a count, got {value!r}")
    return value
