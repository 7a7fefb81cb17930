"""Follow programs that say nothing, by what they put into a folder: a bar on a terminal, else lines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

EVERY_SECONDS = 10.0  # between two lines where nobody watches
REDRAW_SECONDS = 1.0  # between two looks where somebody does
PATIENCE_SECONDS = 10.0  # for a program that was told to end
BAR = 24  # signs


def size(folder: str | os.PathLike[str]) -> int:
    """Return the bytes of all files below a folder; what goes away while it is looked at counts as nothing."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        total += size(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return total


class Growth:
    """Runs commands one after another, and shows how far a folder has come on its way to `whole` bytes.

    `whole` is 0 where nobody knows; what is shown never goes back.
    """

    def __init__(self, folder: Path, whole: int, log: Path) -> None:
        self.folder, self.whole, self.log = folder, whole, log
        self.started, self.reached, self.shown = time.monotonic(), 0, 0.0
        self.bar = sys.stderr.isatty()

    def __enter__(self) -> Growth:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    @property
    def seconds(self) -> float:
        """Return how long this has taken so far."""
        return time.monotonic() - self.started

    @property
    def wait(self) -> float:
        """Return the seconds to the next look, those that commands before this one took being over."""
        due = EVERY_SECONDS - (self.seconds - self.shown)
        return REDRAW_SECONDS if self.bar else max(due, 0.0)

    def run(self, line: Sequence[str], variables: Mapping[str, str], what: str, cwd: Path) -> tuple[int, str]:
        """Run a command in a folder, its output into the log, and return its exit code and what it said.

        It is ended where this is interrupted, lest it goes on writing.
        """
        start = self.log.stat().st_size if self.log.is_file() else 0
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                line, cwd=cwd, env=dict(variables), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            try:
                while not _ended(process, self.wait):
                    self.show(what)
            except BaseException:
                _end(process)
                raise
        with self.log.open("rb") as log:
            log.seek(start)
            return process.returncode, log.read().decode("utf-8", "replace")

    def show(self, what: str) -> None:
        """Say how far it is: the bar anew, or a line where the last one is long ago."""
        self.reached = max(self.reached, size(self.folder))
        text = progress(self.reached, self.whole, self.seconds, what, bar=self.bar)
        if self.bar:
            print(f"\r\x1b[2K{text}", end="", file=sys.stderr, flush=True)
        elif self.seconds - self.shown >= EVERY_SECONDS / 2:  # a short command's last look comes soon after another's
            print(f"  {text}", file=sys.stderr, flush=True)
            self.shown = self.seconds

    def clear(self) -> None:
        """Take the bar away."""
        if self.bar:
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


def progress(reached: int, whole: int, seconds: float, what: str, *, bar: bool) -> str:
    """Return how far it is, in words and, where asked, as a bar; past its end only what is there."""
    mega, after = f"{reached / 1e6:,.0f}", f"{seconds:.0f} s, at {what}"
    if not 0 < reached <= whole:
        return f"{mega} MB on disk after {after}"
    part = reached / whole
    drawn = f"[{'#' * int(BAR * part):.<{BAR}}] " if bar else ""
    return f"{drawn}{part:.0%}: {mega} of about {whole / 1e6:,.0f} MB on disk after {after}"


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    """Interrupt a command, and kill it where it does not end."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
    if not _ended(process, PATIENCE_SECONDS):
        process.kill()
        process.wait()
