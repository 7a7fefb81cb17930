"""The files that an import read, each by its content: rows are outdated once one of them is not what it was.

Python's own opening of files is heard while a log is read, so that a seed in a second file counts, too; what the log
says that it was read from is added, since compiled code opens files unheard.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from repro import registry
from repro.machine.reads import Reads, recorded
from repro.outside.logged import Log
from repro.runs import unchanged

HOME = "~/"  # stands in a table for the user's home folder, whose name is nobody's business

Files = dict[str, str]  # SHA-256 by name, as `named` has it


def named(path: Path) -> str:
    """Return how a table names a file: below the project from its root, below the user's home from there."""
    whole = Path(os.path.abspath(path))
    for above, sign in ((registry.root().resolve(), ""), (Path.home(), HOME)):
        for place in (whole, whole.resolve()):
            if place.is_relative_to(above) and above != Path(above.anchor):
                return f"{sign}{place.relative_to(above).as_posix()}"
    return whole.as_posix()


def located(name: str) -> Path:
    """Return where the file of a name in a table lies here."""
    if name.startswith(HOME):
        return Path.home() / name.removeprefix(HOME)
    return registry.root() / name  # an absolute name stays what it is


def followed(path: Path, read: Callable[[], Log]) -> tuple[Log, Files]:
    """Read a log at a path, and return it with the files that this read: at the path, below it, or beside it."""
    near = Path(os.path.abspath(path if path.is_dir() else path.parent))
    reads = Reads(_content, unchanged.covered())
    with recorded(reads):
        log = read()
    opened = [Path(name.removeprefix("file:")) for name in reads.opened if name.startswith("file:")]
    before = {named(one): reads.opened[f"file:{one}"] for one in opened if one.is_relative_to(near)}
    told = {one for run in log.runs for one in _files_of(run.file, before)} | ({path} if path.is_file() else set())
    return log, {named(one): unchanged.file(str(one)) for one in sorted(told)} | before


def _files_of(file: Path, heard: Files) -> list[Path]:
    """Return a file; of a folder its files, and those below it where nothing was heard to be opened there."""
    if not file.is_dir():
        return [file]
    own = f"{named(file)}/"
    if any(name.startswith(own) for name in heard):
        return [one for one in file.iterdir() if one.is_file()]
    return [Path(where, name) for where, _, names in os.walk(file) for name in names]


def _content(name: str) -> str:
    kind, _, path = name.partition(":")
    return unchanged.file(path) if kind == "file" else ""


def digest(path: Path, files: Mapping[str, str]) -> str:
    """Return the SHA-256 of a file that was read, of a folder that of what was read in it."""
    if not path.is_dir():
        return files[named(path)]
    own = f"{named(path)}/"
    return unchanged.digest({name: content for name, content in files.items() if name.startswith(own)})


def changed(files: Mapping[str, str]) -> str:
    """Say of the first of some files that is not what it was what became of it, nothing where all are."""
    for name, content in files.items():
        now = unchanged.file(str(located(name)))
        if now != content:
            return f"{name} {'has changed' if now else 'is gone'}"
    return ""


def names_to_hear(files: Iterable[str]) -> list[str]:
    """Return the files as whoever listens to what is read knows them (`repro.machine.reads`)."""
    return [f"file:{os.path.abspath(located(name))}" for name in files]
