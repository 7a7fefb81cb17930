"""Who is told of runs while they are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from repro.runs.planned import PlannedRun
from repro.runs.worker import Report

Progress = Callable[[PlannedRun, Report], None]


@dataclass(frozen=True)
class Listener:
    """Who is told of runs: in words what they are made for, how many there will be, and of each one that ended."""

    say: Callable[[str], None] = lambda _text: None
    begin: Callable[[int], None] = lambda _count: None
    ended: Progress = lambda _run, _report: None
