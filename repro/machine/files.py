"""Read a file that should be there; replace one whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from repro.errors import InfrastructureError, IntegrityError


def read(path: Path, what: str, remedy: str) -> bytes:
    """Return the content of a file that is there. Raise IntegrityError where it is no file, or a damaged one.

    `what` names what was expected; `remedy` is a next step. A pipe or a device is not opened: it might not end.
    """
    regular(path, what, remedy)
    try:
        return path.read_bytes()
    except PermissionError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error
    except OSError as error:
        raise IntegrityError(f"{path}: not a readable {what} ({error.strerror}); {remedy}") from error


def read_text(path: Path, what: str, remedy: str) -> str:
    """Return the text of a file that is there, as `read` does; lines end as they do in Python."""
    try:
        return read(path, what, remedy).decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: no {what}, not UTF-8 at byte {error.start}; {remedy}") from error


def regular(path: Path, what: str, remedy: str) -> None:
    """Raise IntegrityError where a folder, pipe, device or loop of links stands in a file's place."""
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no regular file"
        raise IntegrityError(f"{path}: {found}, wanted a {what}; {remedy}")


def there(path: Path) -> bool:
    """Say whether anything has this name, be it a link that leads nowhere."""
    return os.path.lexists(path)


def write(path: Path, content: str | bytes) -> None:
    """Replace a file, making the folders above it. Raise InfrastructureError where it cannot be written."""
    with refused(path), replacing(path) as stream:
        stream.write(content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content)


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Say of which file it is, and what to do, where the machine refuses to write it."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        text = f"{path}: cannot be written ({reason}), and is as it was; make room, allow it or name another file"
        raise InfrastructureError(text) from error


def sweep(path: Path) -> None:
    """Remove what killed writers of a file, or of the ones set aside from it, left beside it; a living one holds its.

    To be called under the lock of the file.
    """
    own = re.compile(rf"\.{re.escape(path.stem)}(\.aside-\d+)?{re.escape(path.suffix)}\.[a-z0-9_]{{8}}")
    for left in [one for one in path.parent.iterdir() if own.fullmatch(one.name)]:
        with contextlib.suppress(OSError), left.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def _begun(path: Path) -> tuple[int, str]:
    """Return a file beside `path`, by number and name, that is locked as long as its writer lives."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        fcntl.flock(handle, fcntl.LOCK_EX)
        if os.path.exists(name):  # not swept between its making and its lock
            return handle, name
        os.close(handle)


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Yield a stream whose content takes a file's place once all of it is there: a reader sees the old or the new one.

    Folders above are made, permissions stay, and an error leaves the file as it was. `durable` puts content and name on
    the disk before this ends. Raise OSError where the machine refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = _begun(path)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
            Path(name).chmod(mode)
            Path(name).replace(path)  # before the file is closed, and with it free to be swept
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        sync(path.parent)


def sync(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
