"""Where the build of an image finds packages: what pip is told by the user's variables, and wheels of this machine.

The standard library is enough: nox imports this module.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from repro.errors import InfrastructureError
from repro.machine import sets
from repro.machine.recipes import Recipe

# Where pip finds packages, by its own variables: addresses, and one's folders. What else is set for pip stays outside.
INDEXES = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL", "find-links": "PIP_FIND_LINKS"}
TRUSTED = {"trusted-host": "PIP_TRUSTED_HOST"}
WHEELS = "/run/context/wheels"  # the context's, as the build sees it


def gathered(wanted: Recipe, context: Path) -> str:
    """Make a build's context, and return the settings by which pip finds packages there, empty where none are its own.

    The context holds the lock, and of the folders in PIP_FIND_LINKS the wheels that it pins. The settings are no part
    of it, as an address may hold a password. Raise InfrastructureError where a wheel cannot be copied.
    """
    context.mkdir()
    shutil.copy2(wanted.lock_file, context)
    pins = set(sets.ENTRY.findall(wanted.lock_file.read_text("utf-8")))
    folders = [place for place in map(local, words(INDEXES["find-links"])) if place]
    wheels = [path for place in folders for path in sorted(place.glob("*.whl")) if pin(path) in pins]
    for path in wheels:
        (context / "wheels").mkdir(exist_ok=True)
        try:
            shutil.copy2(path, context / "wheels")
        except OSError as error:
            raise InfrastructureError(
                f"image: {path} cannot be copied for the build ({error.strerror}); free some room, or mend "
                f"{INDEXES['find-links']}"
            ) from error
    found = {name: [word for word in words(variable) if not local(word)] for name, variable in INDEXES.items()}
    found["find-links"] += [WHEELS] if wheels else []
    found |= {name: words(variable) for name, variable in TRUSTED.items()}
    lines = [f"{name} = {' '.join(said)}" for name, said in found.items() if said]
    return "\n".join(["[global]", *lines, ""]) if lines else ""


def words(variable: str) -> list[str]:
    """Return what a variable of the user's lists."""
    return os.environ.get(variable, "").split()


def local(place: str) -> Path | None:
    """Return the path on this machine that a place of packages is, None for an address."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if parts.scheme else Path(place).expanduser()


def pin(wheel: Path) -> tuple[str, str]:
    """Return name and version of a wheel, as a lock has them."""
    name, _, rest = wheel.name.partition("-")
    return re.sub(r"[-_.]+", "-", name).lower(), rest.partition("-")[0]
