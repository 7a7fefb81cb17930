"""Which folder is the project's: said aloud, marked, or else the nearest that can be no other; and why that one."""

from __future__ import annotations

import contextlib
import functools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from repro.errors import UsageError

VARIABLE = "REPRO_ROOT"
OPTION = "--root"
MARK = "tool.repro"
PROJECT = "pyproject.toml"
ENTRY_POINTS = "repro.studies"
SHARED = "common"  # a package below studies/ that is no study
NO_MARKS: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Root:
    """The project's folder, as seen from the working directory, why it is that one, and what its mark holds.

    `offered` maps the names of studies to objects, as "package:study": the entry points of a marked project, which are
    found before it is installed. `path` is the folder that their packages lie in. `guessed` is a root that nobody named
    or marked.
    """

    folder: Path
    because: str
    path: Path
    guessed: bool
    offered: Mapping[str, str] = field(default_factory=dict)


_kept: list[dict[tuple[str, str], Root]] = []  # by what is named and the working directory, while that is asked once


@contextlib.contextmanager
def looked_for_once() -> Iterator[None]:
    """Let the disk be asked for the project's folder once, of each working directory: hundreds of claims ask for it."""
    _kept.append({})
    try:
        yield
    finally:
        _kept.pop()


def find() -> Root:
    """Return the project's folder. Raise UsageError where one is named that is none, or a mark cannot be read.

    Named by --root or REPRO_ROOT; else the nearest folder upwards whose pyproject.toml has [tool.repro]; else the
    nearest upwards, in this repository, that holds a study; else the working directory.
    """
    named, here = os.environ.get(VARIABLE, ""), os.getcwd()
    if not _kept:
        return _look(named, here)
    if (named, here) not in _kept[-1]:
        _kept[-1][named, here] = _look(named, here)
    return _kept[-1][named, here]


def _look(named: str, here: str) -> Root:
    """Return the project's folder by its name, if it has one, and the working directory."""
    if named:
        _refuse_missing(named, VARIABLE)
        return _of(os.path.abspath(named), here, f"{OPTION} or {VARIABLE} names it")
    for folder in _upwards(here):
        if _marks(folder) is not None:
            return _of(folder, here, f"its {PROJECT} has [{MARK}]")
    for folder in _upwards(here):
        if _holds_study(folder):
            return _of(folder, here, "it is the nearest folder that holds a study below studies/", guessed=True)
        if os.path.exists(f"{folder}/.git"):  # what lies above a repository is no part of it
            break
    text = "it is the current folder; nothing there or above it is marked or holds a study"
    return _of(here, here, text, guessed=True)


@contextlib.contextmanager
def named(folder: str | None) -> Iterator[None]:
    """Let a folder be the project's meanwhile, for this process and those that it starts; None changes nothing."""
    if folder is None:
        yield
        return
    _refuse_missing(folder, OPTION)
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = os.path.abspath(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def studies_below(folder: Path) -> list[str]:
    """Return the names of the packages below a project's `studies/`."""
    return sorted(path.parent.name for path in folder.glob("studies/*/__init__.py") if path.parent.name != SHARED)


def _refuse_missing(folder: str, by: str) -> None:
    if not os.path.isdir(folder):
        raise UsageError(
            f"{by} {folder}: no such folder; name the one that holds studies/, or a {PROJECT} with [{MARK}]"
        )


def _upwards(folder: str) -> Iterator[str]:
    """Yield a folder and those above it. Roots are asked for thousands of times, and texts are quicker than paths."""
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder:
            return
        folder = above


def _of(folder: str, here: str, because: str, *, guessed: bool = False) -> Root:
    """Return a folder as the root, with what its mark holds; near the current folder it is seen from there."""
    marks = _marks(folder) or NO_MARKS
    near = folder == here or f"{here}/".startswith(f"{folder}/") or folder.startswith(f"{here}/")
    seen = Path("." if folder == here else os.path.relpath(folder, here) if near else folder)
    return Root(seen, because, seen / marks.get("path", "."), guessed, marks.get("offered", NO_MARKS))


def _holds_study(folder: str) -> bool:
    """Say whether one of the packages below `studies/` speaks of the harness: other people have studies, too."""
    try:
        names = sorted(os.listdir(f"{folder}/studies"))
    except OSError:
        return False
    return any(_speaks(f"{folder}/studies/{name}/__init__.py") for name in names if name != SHARED)


def _speaks(path: str) -> bool:
    state = _state(path)
    try:
        return state is not None and _named_in(path, *state)
    except OSError:
        return False  # nobody's to read


def _state(path: str) -> tuple[int, int, int] | None:
    """Return what changes with a file's content; None where none is, or a pipe or device, which might not end."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if stat.S_ISREG(found.st_mode) else None


@functools.lru_cache(maxsize=64)
def _named_in(path: str, *_state: int) -> bool:
    return b"repro" in Path(path).read_bytes()


def _marks(folder: str) -> Mapping[str, Any] | None:
    """Return what a folder's pyproject.toml says of the harness, None where it says nothing."""
    path = f"{folder}/{PROJECT}"
    state = _state(path)
    return None if state is None else _read(path, *state)


@functools.lru_cache(maxsize=64)
def _read(path: str, *_state: int) -> Mapping[str, Any] | None:
    """Return the mark in a file of a state, since a root is asked for thousands of times."""
    import tomllib  # here: every verb's parser imports this module

    try:
        content = Path(path).read_bytes()
        found = tomllib.loads(content.decode("utf-8")) if b"repro" in content else {}
    except OSError:
        return None  # a folder, or nobody's to read: it marks nothing
    except (ValueError, RecursionError) as error:
        if b"[tool.repro" not in content:
            return None  # another tool's to complain of
        raise UsageError(f"{path}: not readable as TOML ({error}); mend it there") from error
    mark = _table(found, "tool", "repro")
    if mark is None:
        return None
    strange = sorted({*mark} - {"path"})
    inside = mark.get("path", ".")
    if strange or not isinstance(inside, str) or os.path.isabs(inside) or ".." in Path(inside).parts:
        got = f"'{strange[0]}'" if strange else f"path = {inside!r}"
        raise UsageError(
            f"{path}: [{MARK}] has {got}; it may hold `path`, the folder below that packages lie in, and nothing else"
        )
    offered = _table(found, "project", "entry-points", ENTRY_POINTS) or {}
    return {"path": inside, "offered": {str(name): str(value) for name, value in offered.items()}}


def _table(found: Mapping[str, Any], *names: str) -> Mapping[str, Any] | None:
    """Return a table within tables, None where there is none."""
    at: Any = found
    for name in names:
        at = at.get(name) if isinstance(at, Mapping) else None
    return at if isinstance(at, Mapping) else None
