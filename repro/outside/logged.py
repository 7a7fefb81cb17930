"""What a tool kept of runs, in one form whatever the tool: parameters, and for each metric its values by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

State = Literal["finished", "failed", "unfinished"]
Value = str | int | float | bool | None  # of a parameter; names of nested ones are joined by dots


@dataclass(frozen=True)
class Curve:
    """The values of one metric of one run in the order of the file; NaN and infinities as they were meant.

    `values` is float64 of shape (N,); `steps` int64 and `epochs` float64 of the same shape, None where the tool keeps
    none. `precision` is how far, relative to it, a value may lie from what the training code handed over: 0.0 where all
    digits were kept, 2**-23 where it went through single precision. `after` says that it was measured once, after
    training: its step and epoch mean nothing.
    """

    values: np.ndarray
    steps: np.ndarray | None = None
    epochs: np.ndarray | None = None
    precision: float = 0.0
    after: bool = False


@dataclass(frozen=True)
class LoggedRun:
    """One run as its tool kept it.

    `name` tells it from the others of its log; `file` is what it was read from, `origin` where in that file. `fields`
    are parameters and configuration, a seed among them under the tool's own name where it keeps one. `state` is how the
    run ended as far as the files say, `why` in words where it did not finish. `notes` are what a reader has to know.
    """

    name: str
    file: Path
    fields: Mapping[str, Value]
    curves: Mapping[str, Curve]
    state: State = "finished"
    why: str = ""
    origin: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Log:
    """The runs that a tool kept in a file or folder; `version` is the tool's where the files name it.

    `left_out` names, with the reason, what is there and is no run, such as one that was deleted.
    """

    tool: str
    runs: tuple[LoggedRun, ...]
    version: str = ""
    left_out: tuple[str, ...] = field(default=())


def told_apart(runs: Sequence[LoggedRun]) -> tuple[LoggedRun, ...]:
    """Return the runs of a log; of those that share a name each has its origin in it, or else its place, too."""
    names = Counter(run.name for run in runs)
    pairs = Counter((run.name, run.origin) for run in runs)
    found = []
    for place, run in enumerate(runs, 1):
        mark = run.origin if pairs[run.name, run.origin] == 1 else f"{run.origin} {place}".strip()
        found.append(run if names[run.name] == 1 else replace(run, name=f"{run.name} ({mark})"))
    return tuple(found)
