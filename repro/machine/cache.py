"""The user's cache: where downloaded and generated data are kept, and how arrays get in and out of it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro.errors import IntegrityError
from repro.machine import files
from repro.machine.files import replacing, sweep

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]


def folder() -> Path | None:
    """Return the user's cache folder for data sets; None where the user has no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path(os.path.expanduser("~")) / ".cache"
    return base / "repro" if base.is_absolute() else None


def can_write(path: Path) -> bool:
    """Say whether files can be put into a folder, which is made if need be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path, os.W_OK)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of a file that is about to be made, waiting for another process that makes it."""
    with lock_of(path).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def busy(path: Path) -> bool:
    """Say whether another process is making a file, so that `alone` would wait."""
    with lock_of(path).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def lock_of(path: Path) -> Path:
    """Return the empty file whose lock stands for `path`."""
    return path.with_name(f".{path.name}.lock")


def save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays as an uncompressed .npz, whole or not at all."""
    import numpy as np

    sweep(path)
    with replacing(path, durable=True) as stream:
        np.savez(stream, **dict[str, Any](arrays))


def read(path: Path) -> Arrays:
    """Return the named arrays of an .npz. Raise IntegrityError, naming only the fault, where it does not read."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except PermissionError:
        raise  # the machine's, not the file's
    except Exception as error:  # readers of zip, header and array each have errors of their own
        raise IntegrityError(f"a file of {path.stat().st_size} bytes that does not read ({error})") from error


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values as JSON under the digest of all they say, whole or not at all; one writer after another."""
    text = _written(content)
    with alone(path):
        sweep(path)
        files.write(path, json.dumps({"seal": _seal(text)}) + "\n" + text)


def read_sealed(path: Path, remedy: str) -> dict[str, Any]:
    """Return what `write_sealed` wrote, {} where there is nothing. Raise IntegrityError where that was changed since.

    The seal finds damage and hasty edits, not somebody who makes it anew.
    """
    if not files.there(path):
        return {}
    seal, _, text = files.read_text(path, "file of what is kept", remedy).partition("\n")
    if seal != json.dumps({"seal": _seal(text)}):
        raise IntegrityError(f"{path}: what it says is not what was kept in it; {remedy}")
    found: dict[str, Any] = json.loads(text)
    return found


def _written(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _seal(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
