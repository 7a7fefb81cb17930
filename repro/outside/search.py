"""Find a tool's files below a path: all of them to read, a few of them to tell what the path is."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from repro.errors import InfrastructureError, NothingSelectedError

ENTRIES = 4000  # looked at, at most, to tell what a folder is
EACH = 1000  # of them in one folder, so that among thousands of runs there is a look into the first
OPENED = 64  # of these opened, at most
HEAD = 1 << 16  # bytes read of each
NEVER = frozenset({".git", "__pycache__", "node_modules", ".venv", "site-packages"})


def numbered(path: Path) -> tuple[tuple[str | int, ...], ...]:
    """Return what sorts paths with the numbers in their names by value: 2 before 10."""
    return tuple(
        tuple(int(text) if at % 2 else text for at, text in enumerate(re.split(r"(\d+)", part))) for part in path.parts
    )


def entries(folder: Path, most: int | None = None) -> Iterator[os.DirEntry[str]]:
    """Yield what lies below a folder, level by level, at most so many; links to folders are not followed.

    Raise InfrastructureError for a folder that cannot be listed.
    """
    waiting, left = [folder], math.inf if most is None else most
    each = None if most is None else EACH
    while waiting:
        inner = []
        for here in waiting:
            try:
                with os.scandir(here) as listed:
                    for entry in itertools.islice(listed, each):
                        left -= 1
                        if left < 0:
                            return
                        yield entry
                        if entry.is_dir(follow_symlinks=False) and entry.name not in NEVER:
                            inner.append(Path(entry.path))
            except OSError as error:
                raise InfrastructureError(
                    f"{here}: cannot be listed ({error.strerror}); see to its permissions"
                ) from error
        waiting = inner


def is_file(entry: os.DirEntry[str]) -> bool:
    """Say whether an entry is a file, or a link to one; a link that leads in a circle is none."""
    return os.path.isfile(entry.path)


def inside(folder: Path) -> list[Path]:
    """Return what lies in a folder itself, numbers by value. Raise InfrastructureError where it cannot be listed."""
    try:
        return sorted(folder.iterdir(), key=numbered)
    except OSError as error:
        raise InfrastructureError(f"{folder}: cannot be listed ({error.strerror}); see to its permissions") from error


def head(path: Path) -> bytes:
    """Return the first bytes of a file. Raise InfrastructureError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error


def begins(path: Path, wanted: Callable[[str], bool], holds: Callable[[bytes], bool]) -> bool:
    """Say whether a file, or one of the first such files below a folder, has a wanted name and begins as it should."""
    if path.is_file():
        return wanted(path.name) and holds(head(path))
    opened = 0
    for entry in entries(path, ENTRIES):
        if wanted(entry.name) and is_file(entry):
            if holds(head(Path(entry.path))):
                return True
            opened += 1
            if opened == OPENED:
                return False
    return False


def files(
    path: Path,
    wanted: Callable[[str], bool],
    what: str,
    holds: Callable[[bytes], bool] = lambda _: True,
    sure: Callable[[str], object] = lambda _: False,
) -> list[Path]:
    """Return a file as it is, whatever its name, or the files below a folder that have a wanted name and begin so.

    One whose name is surely the tool's is among them however it begins: it may be damaged, and is not to be absent.
    Sorted by their paths, numbers by value. Raise NothingSelectedError where there is none.
    """
    if path.is_file():
        return [path]
    named = [Path(entry.path) for entry in entries(path) if wanted(entry.name) and is_file(entry)]
    found = sorted((one for one in named if sure(one.name) or holds(head(one))), key=numbered)
    if not found:
        raise NothingSelectedError(f"{path}: no {what} is in there; name the folder that holds one")
    return found


def name_of(folder: Path, path: Path) -> str:
    """Return how a run's folder is called among those below a path: the way to it from there, else its own name."""
    below = folder.relative_to(path).as_posix() if path.is_dir() and folder.is_relative_to(path) else "."
    return below if below != "." else Path(os.path.abspath(folder)).name
