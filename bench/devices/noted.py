"""What a run did that a GPU would refuse or wait for, and the line of a study that did it."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

COMMON = "common"  # below studies/: a line of it is told with the line of the study that called it


class WrongDevice(RuntimeError):
    """A GPU would refuse this."""


@dataclass
class Notes:
    """Of one run: its updates, how often each line waited for the device or copied to it, and what was refused.

    `seen` counts by what happened and where; `refused` is what is wrong, where, in the order of time.
    """

    root: Path
    updates: int = 0
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: list[tuple[str, str]] = field(default_factory=list)

    def happened(self, what: str) -> None:
        """Count something that is right once, and slow in every step."""
        self.seen[what, place(self.root)] += 1

    def refuse(self, what: str) -> None:
        """Note what a GPU would refuse, and raise it: a study that catches it hides nothing."""
        self.refused.append((what, place(self.root)))
        raise WrongDevice(what)


def place(root: Path) -> str:
    """Return the innermost line of a study that is at work, as path:line, and of a shared line also who called it.

    Autograd goes back in a thread of its own, which knows no study but in functions that are a study's: the line is
    then the one that asked for the gradients.
    """
    lines = _lines(sys._getframe(), root) or _lines(sys._current_frames()[threading.main_thread().ident or 0], root)
    if not lines:
        return "outside the studies"
    shared = f"studies/{COMMON}/"
    caller = next((line for line in lines if not line.startswith(shared)), "")
    return f"{lines[0]}, from {caller}" if caller not in ("", lines[0]) else lines[0]


def _lines(frame: FrameType | None, root: Path) -> list[str]:
    """Return a stack's lines below studies/, innermost first."""
    found, studies = [], f"{root}/studies/"
    while frame is not None:
        if frame.f_code.co_filename.startswith(studies):
            found.append(f"{frame.f_code.co_filename.removeprefix(f'{root}/')}:{frame.f_lineno}")
        frame = frame.f_back
    return found
