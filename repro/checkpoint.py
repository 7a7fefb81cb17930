"""What is kept of a run that is not finished, so that one that was cut off is taken up where it was.

A study keeps its state, as bytes, after each part of its work, an epoch say, and asks for it before the first. Only the
very run that kept it gets it back: the same case and seed, by the same code, settings and data, in one environment.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from repro.machine import files

EVERY_S = 20.0  # between two writings: a run that is cut off loses no more, and the part of its work that was begun
LONGEST_HEAD = 65_536  # bytes


@dataclass(frozen=True)
class Head:
    """What the file of an unfinished run says of it: experiment and case, seconds of work, and the share done, 0 to 1.

    The share is of what is done in epochs or the like; what a run does after the last of them is not in it.
    """

    of: tuple[str, str]
    seconds: float
    share: float


def heads(folder: Path, since: float = 0.0) -> list[Head]:
    """Return what is said of the unfinished runs in a folder that were kept `since` (seconds of the epoch) or later.

    A file that says no share, or is damaged, or ends meanwhile says nothing.
    """
    found = (head_of(path, since) for path in sorted(folder.glob("*.checkpoint")))
    return [head for head in found if head is not None and head.share > 0]


def head_of(path: Path, since: float = 0.0) -> Head | None:
    """Return what a file says of its unfinished run, with a share of 0 where it says none; None as `heads` has it."""
    try:
        if path.stat().st_mtime < since:
            return None
        with path.open("rb") as file:
            said = json.loads(file.readline(LONGEST_HEAD))
        experiment, case = said["of"]
        return Head((str(experiment), str(case)), float(said["seconds"]), float(said["share"] or 0.0))
    except (OSError, ValueError, LookupError, TypeError):
        return None


class Checkpoint:
    """The state of one unfinished run, in a file that is replaced whole or not at all.

    `name` is the run's: a file of another one, or one whose content is not what was written, is no state of it. `of`
    are its experiment and case, for those who ask how far it came. While `genuine` says no, as where the process has
    code that was edited since the run was ordered, nothing is kept: its name would promise other code.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        of: tuple[str, str] = ("", ""),
        *,
        every_s: float = EVERY_S,
        genuine: Callable[[], bool] = lambda: True,
    ) -> None:
        self.path = path
        self.name = name
        self.of = of
        self.every_s = every_s
        self.genuine = genuine
        self.before_s = 0.0  # that earlier parts of the run took
        self._begun = self._kept = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds that the run has taken so far, those before it was cut off included."""
        return self.before_s + time.monotonic() - self._begun

    def load(self) -> bytes | None:
        """Return the state that was kept, None where there is none of this run."""
        if not files.there(self.path):
            return None
        files.sweep(self.path)
        head, _, content = files.read(self.path, "checkpoint", "remove it and run again").partition(b"\n")
        try:
            said = json.loads(head)
            right = (said["run"], said["sha256"]) == (self.name, hashlib.sha256(content).hexdigest())
            seconds = float(said["seconds"])
        except (ValueError, LookupError, TypeError):
            return None
        if not right:
            return None
        self.before_s = seconds
        return content

    def due(self) -> bool:
        """Say whether it is time to keep the state again."""
        return time.monotonic() - self._kept >= self.every_s

    def keep(self, content: bytes, share: float | None = None) -> None:
        """Keep a state in place of the one before, with the share of its work that is done, 0 to 1, where it is known.

        Raise InfrastructureError where it cannot be written.
        """
        if not self.genuine():
            return
        said = {"run": self.name, "sha256": hashlib.sha256(content).hexdigest(), "seconds": round(self.seconds, 3)}
        head = json.dumps(said | {"of": self.of, "share": share})
        files.write(self.path, head.encode() + b"\n" + content)
        self._kept = time.monotonic()
