"""Which sources a process imports, by their content at that moment: a file may be edited while runs are made."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path

from repro.machine.modules import SITES

INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in SITES)
LIBRARY = os.path.realpath(os.path.dirname(os.__file__)) + os.sep

_imported: dict[str, str] = {}  # by file, since they were last asked for
_ever: dict[str, str] = {}  # and since this process began


def note() -> None:
    """Note each source that is imported from now on, but those of Python itself and of installed packages.

    The loader asks for a file's time right before it reads it, whether it is compiled already or not.
    """
    asked = SourceFileLoader.path_stats

    def path_stats(self: SourceFileLoader, path: str) -> Mapping[str, float]:
        if not path.startswith(LIBRARY) and not any(part in path for part in INSTALLED):
            with contextlib.suppress(OSError, UnicodeDecodeError):  # which the import itself meets, and says
                read = {os.path.realpath(path): digest(Path(path).read_text("utf-8"))}
                _imported.update(read)
                _ever.update(read)
        return asked(self, path)

    SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign]


def taken() -> dict[str, str]:
    """Return what was imported since this was last asked for: the digest of each file."""
    found = dict(_imported)
    _imported.clear()
    return found


def as_told(contents: Mapping[str, str]) -> bool:
    """Say whether each source that this process ever imported has the digest that these have of it, if they do."""
    return all(contents.get(path, made) == made for path, made in _ever.items())


def digest(source: str) -> str:
    """Return the SHA-256 (hex) of a source as it is read, whatever ends its lines."""
    return hashlib.sha256(source.encode()).hexdigest()


class Package:
    """The modules of a package that this process has imported, as their files were then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._known: dict[str, tuple[int, int, int]] = {}

    def edited(self) -> str:
        """Return a file that was written since it was first seen here, "" for none; what is imported since is new.

        Only times, sizes and places on the disk are looked at: what is read would be taken for evidence.
        """
        for name, module in [*sys.modules.items()]:
            path = getattr(module, "__file__", None)
            if not path or not path.endswith(".py") or not f"{name}.".startswith(f"{self.name}."):
                continue
            with contextlib.suppress(OSError):  # a file that is gone was not edited
                stat = os.stat(path)
                mark = stat.st_mtime_ns, stat.st_size, stat.st_ino
                if self._known.setdefault(path, mark) != mark:
                    return str(path)
        return ""
