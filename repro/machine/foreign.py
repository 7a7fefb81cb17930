"""Code of others that runs inside ours: what it raises, where that was, and that it never ends the program."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from repro import errors


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """Turn whatever code of a study raises, the end of the program included, into a UsageError about `what`."""
    try:
        yield
    except errors.ReproError:
        raise
    except (Exception, SystemExit) as error:
        raise errors.UsageError(f"{what}: {described(error)} ({place(error)}); mend it there") from error


def described(error: BaseException) -> str:
    """Return 'Type: message' on one line, the home folder as ~; an error whose text raises one says so."""
    try:
        message = without_home(" ".join(str(error).split()))
    except Exception as another:  # whatever somebody's __str__ raises
        message = f"its text raises {type(another).__name__}"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def place(error: BaseException) -> str:
    """Return file:line of the innermost frame that is the study's or ours, of any where none is."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if _mine(frame.filename)] or list(frames)
    return f"{_shown(mine[-1].filename)}:{mine[-1].lineno}" if mine else "no place known"


def without_home(text: str) -> str:
    """Return a text in which the user's home folder is ~, since tables and bundles are read by others."""
    home = os.path.expanduser("~").rstrip("/")
    return re.sub(rf"(?<![\w.~-]){re.escape(home)}(?![\w.-])", "~", text) if len(home) > 1 else text


def _mine(filename: str) -> bool:
    """Say whether a file is neither Python's nor an installed package's; ours is even where it is installed."""
    import sysconfig

    if Path(filename).is_relative_to(Path(errors.__file__).parent):
        return True
    named = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    foreign = {*named, os.path.dirname(os.__file__), *(folder for folder in sys.path if folder.endswith("-packages"))}
    return not filename.startswith("<") and not any(Path(filename).is_relative_to(folder) for folder in foreign)


def _shown(filename: str) -> str:
    here = Path.cwd()
    return os.path.relpath(filename, here) if Path(filename).is_relative_to(here) else without_home(filename)
