"""What git says of a folder, or of the repositories that files lie in: commit, changes, who commits. Read-only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from repro.errors import UsageError

COMMIT_OUTSIDE = "REPRO_COMMIT"  # what the one who started the container found with git, which the image lacks
DIRTY = "+dirty"  # ends a commit with changes that are not in it
UNKNOWN = "no commit"  # of one repository among several; a text that is empty names none at all
ONE = r"[0-9a-f]{40}(\+dirty)?"
COMMIT = re.compile(rf"({ONE}|{UNKNOWN}(?=;))(; [\w.-]+ ({ONE}|{UNKNOWN}))*", re.ASCII)  # the last ones with a name
RESULTS = "results"  # what runs leave, and no part of what made them
Ignoring = Callable[[Path], bool]


def nothing(_path: Path) -> bool:
    """Say of no file that it is to be ignored."""
    return False


def commit(root: Path, ignoring: Ignoring = nothing) -> str:
    """Return "<40 hex>", "<40 hex>+dirty", or "" where there is no git, no commit or no tracked file in `root`.

    Dirty means that `dirty_files` finds some. Where there is no git, as in the image, REPRO_COMMIT says what whoever
    started the container found. Raise UsageError where it says anything else.
    """
    if shutil.which("git") is None:
        said = os.environ.get(COMMIT_OUTSIDE, "")
        if said and not re.fullmatch(ONE, said, re.ASCII):
            raise UsageError(f"{COMMIT_OUTSIDE}: expected 40 hex digits, perhaps with +dirty after them; unset it")
        return said
    head = _git(root, "rev-parse", "--verify", "HEAD")
    tracked = _git(root, "ls-files", "--", ".")
    if not head or not tracked:
        return ""
    return f"{head}{DIRTY}" if dirty_files(root, ignoring) else head


def dirty_files(root: Path, ignoring: Ignoring = nothing) -> list[str]:
    """Return the files of the repository that `root` lies in which differ from HEAD or are new, as it names them.

    Left out are what git ignores, byte code, what is below `results/` in `root` or at the repository's top, and what
    `ignoring` says of a path. Empty where there is no git.
    """
    if shutil.which("git") is None:
        return []
    top = _git(root, "rev-parse", "--show-toplevel")
    if not top:
        return []
    places = (Path(top, RESULTS), root.resolve() / RESULTS)
    found = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all").split("\0")
    names = sorted(line[3:] for line in found if line)
    return [name for name in names if not _left(Path(top, name), places) and not ignoring(Path(top, name))]


def _left(path: Path, places: Sequence[Path]) -> bool:
    """Say whether a file is what running leaves behind: results and byte code."""
    return path.suffix == ".pyc" or any(place in path.parents for place in places)


def repository(file: Path) -> Path | None:
    """Return the top folder of the repository that a file lies in, None for none."""
    return next((folder for folder in file.resolve().parents if (folder / ".git").exists()), None)


def commits(owners: Mapping[Path, str], project: Path, ignoring: Ignoring = nothing) -> str:
    """Return the commits of the repositories that files lie in, that of the first file's first and without a name.

    `owners` names the package that each file is of, by which further repositories are known: "<40 hex>; mylib <40
    hex>+dirty". Where there is no git, REPRO_COMMIT stands for the files below `project`.
    """
    parts = [
        (owners[files[0]], commit(top, ignoring) if top is not None and not ignored(top, files) else "")
        for top, files in repositories(owners, project).items()
    ]
    if len(parts) < 2:
        return parts[0][1] if parts else ""
    return "; ".join([parts[0][1] or UNKNOWN, *(f"{name} {found or UNKNOWN}" for name, found in parts[1:])])


def repositories(files: Iterable[Path], project: Path) -> dict[Path | None, list[Path]]:
    """Return the files by the repository that they lie in, None for those in none.

    Where there is no git that is the project for what lies below it, and nothing for the rest.
    """
    found: dict[Path | None, list[Path]] = {}
    inside, without = project.resolve(), shutil.which("git") is None
    for file in files:
        path = file.resolve()
        place = (inside if inside in path.parents else None) if without else repository(path)
        found.setdefault(place, []).append(file)
    return found


def ignored(top: Path, files: Sequence[Path]) -> list[str]:
    """Return those of some files of a repository that git ignores and so knows nothing of, as it names them."""
    if shutil.which("git") is None:
        return []
    names = [os.fspath(file.resolve()) for file in files]
    found = _git(top, "ls-files", "--others", "--ignored", "--exclude-standard", "-z", "--", *names)
    return [name for name in found.split("\0") if name]


def is_dirty(commit: str) -> bool:
    """Say whether a commit, or one of several, has changes that are not in it."""
    return DIRTY in commit


def is_unknown(commit: str) -> bool:
    """Say whether a commit, or one of several, is not known."""
    return not commit or UNKNOWN in commit


def committed(root: Path, name: str) -> str:
    """Return the text of a file as HEAD holds it, empty where there is no git, no commit or no such file in it."""
    if shutil.which("git") is None:
        return ""
    found = _git(root, "show", f"HEAD:./{name}")
    return f"{found}\n" if found else ""


def is_committed(root: Path, *names: str) -> bool:
    """Say whether HEAD holds a file of one of these names; no where there is no git, no commit or no such file."""
    return shutil.which("git") is not None and bool(_git(root, "ls-tree", "--name-only", "HEAD", "--", *names))


def committer(root: Path) -> str:
    """Return "Name <mail>" of whoever would commit now, empty where git is absent or knows nobody."""
    if shutil.which("git") is None:
        return ""
    named = {name: value for name, value in os.environ.items() if name.startswith("GIT_COMMITTER_")}
    name, found, _ = _git(root, "var", "GIT_COMMITTER_IDENT", variables=named).rpartition("> ")
    return f"{name}>" if found else ""


def _git(folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Return what a read-only git command prints; an empty text where `folder` is in no repository."""
    # A container's user seldom owns the mounted project, and a hook's GIT_DIR would point at another repository.
    options = ("--no-optional-locks", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C", os.fspath(folder))
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | dict(variables or {})
    done = subprocess.run(["git", *options, *arguments], capture_output=True, text=True, env=clean, check=False)
    # Not the spaces before it: the first line of a status may begin with one.
    return done.stdout.rstrip() if done.returncode == 0 else ""
