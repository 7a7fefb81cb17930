"""What there is, by content and by name: from it follows whether something made earlier would be made the same again.

A name is `KIND:REST`: `file` and `folder` with a path, `committed` with a path in the project as git's HEAD holds it,
`code` with a module's name for all the code of somebody's own that it reaches. A content is never guessed from a time
or a size. What no reading can follow has no name here: whoever needs it is not kept.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import json
import os
import platform
import sys
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
# What numerical libraries and the harness ask the environment for, by the beginnings of the names.
VARIABLES = (
    "ATEN_", "BLIS_", "CUBLAS_", "CUDA_", "DNNL_", "GOTO_", "KMP_", "MKL_", "NUMBA_", "NUMEXPR_", "NUMPY_", "NVIDIA_",
    "HOME", "MPL", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON", "PYTORCH_", "REPRO_", "TORCH", "XDG_CACHE_HOME",
)  # fmt: skip
NOT_ASKED = ("PYTHONPATH", "REPRO_DEBUG")  # where code lies is known by its content

Walks = dict[str, dict[str, dict[str, str]]]  # of a module: the contents of the files and folders that its walk saw


class Now:
    """What there is now, each thing looked at once, when it is first asked for; `further` looks at other kinds."""

    def __init__(self, further: Mapping[str, Callable[[str], str]]) -> None:
        self._look = {"file": file, "folder": folder, "committed": committed, "code": self._code, **further}
        self._known: dict[str, str] = {}
        self._modules: dict[str, Modules] = {}
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
        folders = sorted({os.path.dirname(path) for path in files} | {os.path.abspath(registry.root())})
        contents = {path: self.of(f"file:{path}") for path in files}
        return {"file": contents, "folder": {path: self.of(f"folder:{path}") for path in folders}}


def file(path: str) -> str:
    """Return the SHA-256 of a file, empty for none; of one that cannot be read, why: who reads it says the same."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except IsADirectoryError:
        return "folder"
    except OSError as error:
        return str(error.strerror)


def folder(path: str) -> str:
    """Return the digest of the names in a folder of what can be imported or read, empty for no folder."""
    try:
        with os.scandir(path) as entries:
            names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return str(error.strerror)
    top = os.path.abspath(registry.root()) == path  # where reports and results are written, too
    return digest(sorted(name for name in names if _counts(name, top=top)))


def _counts(name: str, *, top: bool) -> bool:
    if name.startswith(".") or name == "__pycache__/":
        return False
    return not top or name.endswith(CODE) or (name.endswith("/") and name.removesuffix("/") != git.RESULTS)


def committed(name: str) -> str:
    """Return the digest of a file of the project, by its name in it, as it is committed."""
    return hashlib.sha256(git.committed(registry.root(), name).encode()).hexdigest()


def covered() -> tuple[str, ...]:
    """Return the folders whose files follow from the environment and the harness."""
    places = (sys.prefix, sys.base_prefix, os.path.dirname(os.__file__), Path(__file__).parent.parent)
    return tuple(dict.fromkeys(path for place in places for path in (os.path.abspath(place), os.path.realpath(place))))


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
    told = {name: value for name, value in os.environ.items() if name.startswith(VARIABLES) and name not in NOT_ASKED}
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
