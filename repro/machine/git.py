"""What git says of a folder: commit, changes, who commits. Read-only."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from repro.errors import UsageError

COMMIT_OUTSIDE = "REPRO_COMMIT"  # what the one who started the container found with git, which the image lacks
COMMIT = re.compile(r"[0-9a-f]{40}(\+dirty)?", re.ASCII)


def commit(root: Path) -> str:
    """Return "<40 hex>", "<40 hex>+dirty", or "" where there is no git, no commit or no tracked file in `root`.

    Dirty means that a tracked file differs or that an untracked file exists which git does not ignore. Where there is
    no git, as in the image, REPRO_COMMIT says what whoever started the container found. Raise UsageError where it says
    anything else.
    """
    if shutil.which("git") is None:
        said = os.environ.get(COMMIT_OUTSIDE, "")
        if said and not COMMIT.fullmatch(said):
            raise UsageError(f"{COMMIT_OUTSIDE}: expected 40 hex digits, perhaps with +dirty after them; unset it")
        return said
    head = _git(root, "rev-parse", "--verify", "HEAD")
    tracked = _git(root, "ls-files", "--", ".")
    if not head or not tracked:
        return ""
    return f"{head}+dirty" if _git(root, "status", "--porcelain", "--untracked-files=normal") else head


def committed(root: Path, name: str) -> str:
    """Return the text of a file as HEAD holds it, empty where there is no git, no commit or no such file in it."""
    if shutil.which("git") is None:
        return ""
    found = _git(root, "show", f"HEAD:./{name}")
    return f"{found}\n" if found else ""


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
    return done.stdout.strip() if done.returncode == 0 else ""
