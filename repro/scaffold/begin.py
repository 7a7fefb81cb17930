"""Begin a study in a folder of its own: a package that runs, checks, audits, shows and bundles as it is."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import keyword
import os
import re
import string
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import repro
from repro import __distribution__, __version__, registry
from repro.errors import UsageError
from repro.machine import files

TEMPLATES = Path(__file__).with_name("templates")
# What a study's folder gets, `NAME` in it being the study's name, and which template it is made from.
FILES = {
    ".github/workflows/check.yml": "github.yml",
    ".gitignore": "gitignore",
    ".gitlab-ci.yml": "gitlab-ci.yml",
    "NAME/__init__.py": "declaration.py",
    "NAME/cases.py": "cases.py",
    "NAME/claims.py": "claims.py",
    "NAME/claims.toml": "claims.toml",
    "NAME/figures.py": "figures.py",
    "NAME/training.py": "training.py",
    "README.md": "README.md",
    "document/note.md": "note.md",
    "pyproject.toml": "pyproject.toml",
    "tests/test_NAME.py": "test.py",
}
BESIDE = ("document", "golden", "results", "studies", "tests")  # folders that lie, or may lie, beside the package
KEPT = {".git"}  # what a new study's folder may hold already


class Form(string.Template):
    """A template whose placeholders neither Python, TOML, YAML nor a shell writes: @@{name}."""

    delimiter = "@@"


def begin(name: str, folder: Path) -> list[Path]:
    """Write a study's files below a folder that does not exist, or is empty, and return their paths.

    All are written or none. Raise UsageError for a name that is no new package's, and for a folder that holds anything
    but a repository's `.git`.
    """
    refuse_name(name)
    refuse_folder(folder)
    values = {"name": name, "title": name.replace("_", " "), "distribution": __distribution__, "version": __version__}
    made = {one.replace("NAME", name): rendered(template, values) for one, template in FILES.items()}
    with files.refused(folder), _beside(folder) as scratch:
        for one, text in made.items():
            path = scratch / one
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if not folder.is_dir():
            scratch.rename(folder)
        else:
            for entry in sorted(scratch.iterdir()):
                entry.rename(folder / entry.name)
    return [folder / one for one in made]


def rendered(template: str, values: dict[str, str]) -> str:
    """Return a template's text with its placeholders filled in."""
    return Form((TEMPLATES / f"{template}.template").read_text("utf-8")).substitute(values)


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Yield a folder on the same disk, to be filled and moved; what is left of it is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.resolve().parent, prefix=f".{folder.resolve().name}.") as scratch:
        inner = Path(scratch, folder.resolve().name)
        inner.mkdir()
        yield inner


def refuse_folder(folder: Path) -> None:
    """Raise UsageError where a folder is there and holds anything, or is no folder."""
    if os.path.isdir(folder):
        held = sorted(one.name for one in folder.iterdir() if one.name not in KEPT)
        if held:
            raise UsageError(f"{folder}: is there and holds '{held[0]}'; nothing is overwritten: name another --path")
    elif files.there(folder):
        raise UsageError(f"{folder}: is there and is no folder; nothing is overwritten: name another --path")


def refuse_name(name: str) -> None:
    """Raise UsageError for a name that is no Python package's, or another's already."""
    plain = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        near = f"; did you mean '{plain}'?" if re.fullmatch(r"[a-z][a-z0-9_]*", plain) else ""
        raise UsageError(f"'{name}' names no study{near} (small letters, digits and _, a letter first)")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UsageError(f"'{name}' is a word of Python's own; name the study otherwise, as '{name}_study'")
    if name in sys.stdlib_module_names:
        raise UsageError(f"'{name}' is a module of Python's library, which the study would hide; name it otherwise")
    if name in BESIDE:
        raise UsageError(f"'{name}' is a folder beside a study's package; name the study otherwise")
    if name in registry.names():
        raise UsageError(f"there is a study '{name}' already, in {registry.folder(name)}; name the new one otherwise")
    if name == repro.__name__ or _installed(name):
        raise UsageError(f"'{name}' is an installed package, which the study would hide; name it otherwise")


def _installed(name: str) -> bool:
    """Say whether a package or a distribution of a name is installed; what merely lies in the current folder is not."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution(name.replace("_", "-"))
        return True
    found = importlib.util.find_spec(name)
    here = {Path(), Path.cwd()}
    return found is not None and not any(
        Path(place).parent in here for place in found.submodule_search_locations or [os.fspath(found.origin or "")]
    )
