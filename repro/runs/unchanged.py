"""What there is, by content and by name: from it follows whether something made earlier would be made the same again.

A name is `KIND:REST`: `file` and `folder` (the code in it) and `listing` (all in it) with a path, `committed` with a
path in the project as git's HEAD holds it, `code` with a module's name for all the code of somebody's own that it
reaches. A content is never guessed from a time or a size. What no reading can follow has no name here: whoever needs it
is not kept.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import json
import os
import platform
import stat
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from repro import registry
from repro.errors import UsageError
from repro.machine import git
from repro.machine.modules import Modules
from repro.machine.syntax import EVERYTHING
from repro.runs.provenance import processor

UNFOLLOWED = "loads code"  # how a walk words what makes code out of texts, or from a computed name
CODE = (".py", *importlib.machinery.EXTENSION_SUFFIXES)
# Variables of the environment that say where a terminal is and what it looks like, by the beginnings of their names:
# any other may steer what is computed. Where code lies is known by its content.
NOT_ASKED = (
    "COLORTERM", "COLUMNS", "DBUS_", "DISPLAY", "LESS", "LINES", "LS_COLORS", "OLDPWD", "PS1", "PWD",
    "PYTEST_CURRENT_TEST", "PYTHONPATH", "REPRO_DEBUG", "SHLVL", "SSH_", "TERM", "TMUX", "WINDOWID", "XDG_SESSION",
)  # fmt: skip

Walks = dict[str, dict[str, dict[str, str]]]  # of a module: the contents of the files and folders that its walk saw


class Now:
    """What there is now, each thing looked at once, when it is first asked for; `further` looks at other kinds."""

    def __init__(self, further: Mapping[str, Callable[[str], str]]) -> None:
        self._look = {
            "file": file,
            "folder": folder,
            "listing": listing,
            "committed": committed,
            "code": self._code,
            **further,
        }
        self._known: dict[str, str] = {}
        self._modules: dict[str, Modules] = {}
        self._covered = covered()
        self.walks: Walks = {}

    def learn(self, walks: Walks) -> None:
        """Take over walks that would be the same again."""
        self.walks |= {name: walk for name, walk in walks.items() if name not in self.walks and self._same(walk)}

    def of(self, name: str) -> str:
        """Return the content of a thing as a text, empty where it is not there or cannot be followed."""
        if name not in self._known:
            kind, _, rest = name.partition(":")
            self._known[name] = self._look[kind](rest)
        return self._known[name]

    def holds(self, things: Mapping[str, str]) -> bool:
        """Say whether all these things are what they were."""
        return all(self.of(name) == content for name, content in things.items())

    def follows(self, path: str) -> bool:
        """Say whether a file is part of code that was followed."""
        return any(path in walk["file"] for walk in self.walks.values())

    def _same(self, walk: Mapping[str, Mapping[str, str]]) -> bool:
        return all(self.holds({f"{kind}:{path}": found for path, found in walk[kind].items()}) for kind in walk)

    def _code(self, module: str) -> str:
        """Return the digest of a module, of the packages above it and of what they reach."""
        if module not in self.walks:
            found = self._walk(module)
            if found is None:
                return ""
            self.walks[module] = found
        return digest(self.walks[module]["file"])

    def _walk(self, module: str) -> dict[str, dict[str, str]] | None:
        """Follow the imports of a module; None where that does not say what will run."""
        registry.put_on_path()
        modules = self._modules.setdefault(module.partition(".")[0], Modules(module))
        parts = module.split(".")
        start = [(".".join(parts[:depth]), EVERYTHING) for depth in range(1, len(parts) + 1)]
        try:
            reached = modules.follow(start)
        except (UsageError, SyntaxError, UnicodeDecodeError):
            return None  # whoever imports it says why it cannot be
        if modules.find(module).kind not in ("source", "folder") or any(
            UNFOLLOWED in one for one in reached.unfollowed
        ):
            return None
        files = sorted({os.path.abspath(path) for path in modules.files(reached.modules)})
        # A file that is new beside these can stand before an installed package, or where none was.
        known = tuple(f"{one}{os.sep}" for one in self._covered)
        free = {os.path.abspath(place) for place in sys.path if os.path.isdir(place)}
        free = {place for place in free if not f"{place}{os.sep}".startswith(known)}
        folders = sorted({os.path.dirname(path) for path in files} | {os.path.abspath(registry.root())} | free)
        contents = {path: self.of(f"file:{path}") for path in files}
        return {"file": contents, "folder": {path: self.of(f"folder:{path}") for path in folders}}


def file(path: str) -> str:
    """Return the SHA-256 of a file, empty for none; of one that cannot be read, why: who reads it says the same."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return "folder" if os.path.isdir(path) else "no file"  # a pipe would be waited for
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return str(error.strerror)


def folder(path: str) -> str:
    """Return the digest of the names in a folder of what can be imported, empty for no folder."""
    return _names(path, lambda name: name.endswith((*CODE, "/")))


def listing(path: str) -> str:
    """Return the digest of the names in a folder, empty for no folder; hidden ones count for nothing."""
    return _names(path, lambda _: True)


def _names(path: str, counts: Callable[[str], bool]) -> str:
    try:
        with os.scandir(path) as entries:
            names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return str(error.strerror)
    mine = {"__pycache__/"} | ({f"{git.RESULTS}/"} if os.path.abspath(registry.root()) == path else set())
    return digest(sorted(name for name in names if not name.startswith(".") and name not in mine and counts(name)))


def committed(name: str) -> str:
    """Return the digest of a file of the project, by its name in it, as it is committed."""
    return hashlib.sha256(git.committed(registry.root(), name).encode()).hexdigest()


def covered() -> tuple[str, ...]:
    """Return the folders whose files follow from the environment and the harness."""
    paths = sysconfig.get_paths()
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    places = (*(paths[name] for name in names), os.path.dirname(os.__file__), Path(__file__).parent.parent)
    both = (path for place in map(str, places) for path in (os.path.abspath(place), os.path.realpath(place)))
    return tuple(dict.fromkeys(both))


def harness() -> str:
    """Return the digest of the harness's own sources: it decides what is asked and what an answer means."""
    home = Path(__file__).resolve().parent.parent
    places = (Path(where, name) for where, _, names in os.walk(home) for name in names)
    return digest({path.relative_to(home).as_posix(): file(str(path)) for path in places if path.suffix != ".pyc"})


def environment() -> str:
    """Return the digest of what else computes: Python, processor, installed packages, and what steers libraries."""
    home = os.path.abspath(registry.root())
    places = [
        place for place in dict.fromkeys(map(os.path.abspath, sys.path)) if place != home and os.path.isdir(place)
    ]
    packages = {
        place: sorted(name for name in os.listdir(place) if name.endswith(("-info", ".pth"))) for place in places
    }
    told = {name: value for name, value in os.environ.items() if name != "_" and not name.startswith(NOT_ASKED)}
    return digest(
        {
            "python": sys.version,
            "machine": [sys.platform, platform.machine(), *processor()],
            "packages": {place: names for place, names in packages.items() if names},
            "variables": told,
            "place": [home, os.getcwd()],
        }
    )


def digest(plain: Any) -> str:
    """Return the SHA-256 of a plain value's one form as JSON; what JSON does not have counts as it is written."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True, default=repr).encode()).hexdigest()
