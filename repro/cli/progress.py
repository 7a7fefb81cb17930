"""Say on standard error how far runs have come."""

from __future__ import annotations

import sys
import threading
import time

from repro import checkpoint
from repro.machine import terminal

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from repro.runs.planned import PlannedRun
    from repro.runs.worker import Report

QUIET_SECONDS = 10.0  # after which a sign of life is due, where no run has ended
REDRAW_SECONDS = 1.0  # of the bar's clock


class Progress:
    """Show each finished run: a bar on a terminal, otherwise one line a run, and one where none ends for a while.

    `names` are those of cases, in words; without them no run gets a line of its own, as of runs that a check makes
    again. `unfinished` is the folder that keeps the state of runs under way, which says how far each is. Nothing is
    shown when asked to be quiet.
    """

    def __init__(self, names: Mapping[str, str] | None = None, *, quiet: bool, unfinished: Path | None = None) -> None:
        self.names = names
        self.unfinished = unfinished
        self.quiet = quiet
        self.total = self.count = 0
        self.bar: Any = None
        self.started = self.said = time.monotonic()
        self.begun = time.time()
        self.over = threading.Event()
        self.clock: threading.Thread | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Show no more of the runs that were begun."""
        self.over.set()
        if self.clock is not None:
            self.clock.join()
        if self.bar is not None:
            self.bar.close()
        self.clock = self.bar = None

    def begin(self, total: int) -> None:
        """Take note of how many runs there will be, those before at their end."""
        self.end()
        self.over = threading.Event()
        self.total, self.count = total, 0
        self.started = self.said = time.monotonic()
        self.begun = time.time()
        if self.quiet or sys.stderr is None or not total:
            return
        if sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, unit="run", dynamic_ncols=True, leave=False)
        self.clock = threading.Thread(target=self._live, daemon=True)
        self.clock.start()

    def _live(self) -> None:
        while not self.over.wait(REDRAW_SECONDS if self.bar is not None else QUIET_SECONDS / 2):
            if self.bar is not None:
                self.bar.set_description_str(self.under_way(), refresh=True)
            elif time.monotonic() - self.said >= QUIET_SECONDS / 2:
                far = self.under_way()
                self.say(f"[{self.count}/{self.total}] {self.so_far()}{far and f'; {far}'}")

    def under_way(self) -> str:
        """Return how far the runs are that are being made, an empty text where none has said so yet."""
        found = checkpoint.heads(self.unfinished, self.begun) if self.unfinished else []
        return f"under way: {', '.join(f'{100 * head.share:.0f} %' for head in found)}" if found else ""

    def so_far(self) -> str:
        """Return how long this has taken, and what is left if it goes on so."""
        seconds = time.monotonic() - self.started
        left = seconds / self.count * (self.total - self.count) if self.count else None
        after = f"{terminal.duration(seconds)} so far"
        return after if left is None else f"{after}, about {terminal.duration(left)} left"

    def say(self, text: str) -> None:
        """Print a line, and take note of when."""
        self.said = time.monotonic()
        terminal.say(text)

    def __call__(self, run: PlannedRun, report: Report) -> None:
        """Take note of one finished run."""
        self.count += 1
        found = ", ".join(f"{name} {value:.4g}" for name, value in (report.values or {}).items())
        said = found or f"{report.status}: {report.detail}"
        text = f"{run.experiment} {self.names[run.case]} r{run.replicate}: {said}" if self.names is not None else ""
        if self.bar is not None:
            self.bar.update(1)
            self.bar.set_postfix_str(terminal.escape(text)[:70])
        elif text and not self.quiet:
            self.say(f"[{self.count}/{self.total}] {text} ({report.wall_seconds:.1f} s)")
