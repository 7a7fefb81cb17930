"""What decides an image: the one recipe, a lock, the pins of images.toml; and what it costs to build.

The standard library is enough: nox imports this module.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro.errors import UsageError

BASE_CHOICE = "REPRO_BASE"
# Of each lock that an image is made of: gigabytes of free disk for the build, and in words what it costs.
NEEDS = {
    "cuda": (15, "5.7 GB", "3 GB", "5 to 10 minutes"),
    "cpu": (5, "1.7 GB", "0.4 GB", "2 to 4 minutes"),
    "small": (1, "0.3 GB", "30 MB", "a minute"),
}


@dataclass(frozen=True)
class Recipe:
    """What decides an image: the Containerfile, a lock, the pins of images.toml."""

    root: Path
    lock: str
    pins: Mapping[str, Any]

    @property
    def containerfile(self) -> Path:
        """Return the one recipe."""
        return self.root / "containers" / "Containerfile"

    @property
    def lock_file(self) -> Path:
        """Return the locked packages."""
        return self.root / "containers" / "lock" / f"{self.lock}.txt"

    @property
    def epoch(self) -> str:
        """Return the time stamp of everything built, in seconds since 1970."""
        return str(self.pins["source_date_epoch"])

    def name(self, base: str) -> str:
        """Return the image's name, which changes with anything that goes into it."""
        hasher = hashlib.sha256(json.dumps([base, self.epoch, self.pins["bases"][base]], default=str).encode())
        for path in (self.containerfile, self.lock_file, self.packages):
            hasher.update(path.read_bytes())
        return f"localhost/repro-{self.lock}:{base}-{hasher.hexdigest()[:16]}"

    @property
    def packages(self) -> Path:
        """Return the list of the local base's packages, one `name=version` a line."""
        return self.root / "containers" / "base" / "packages.txt"


def recipe(root: Path, lock: str = "cuda") -> Recipe:
    """Read the recipe of a lock. Raise UsageError for a lock that does not exist."""
    import tomllib

    found = Recipe(root, lock, tomllib.loads((root / "containers" / "images.toml").read_text("utf-8")))
    if lock not in NEEDS or not found.lock_file.is_file():
        raise UsageError(f"no lock '{lock}' for an image (there are: {', '.join(NEEDS)})")
    return found


def bases(wanted: Recipe) -> list[str]:
    """Return the bases to try, in order; REPRO_BASE names one of them."""
    chosen, known = os.environ.get(BASE_CHOICE) or "auto", list(wanted.pins["bases"])
    if chosen not in ("auto", *known):
        raise UsageError(f"{BASE_CHOICE}={chosen}: no such base; set one of auto, {', '.join(known)}")
    return known if chosen == "auto" else [chosen]
