"""Replace a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from repro.errors import UsageError


def write(path: Path, content: str | bytes) -> None:
    """Replace a file, making the folders above it. Raise UsageError where it cannot be written."""
    try:
        with replacing(path) as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        text = f"{path}: cannot be written ({reason}), and is as it was; make room, allow it or name another file"
        raise UsageError(text) from error


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """Yield a stream whose content takes a file's place once all of it is there: a reader sees the old or the new one.

    Folders above are made, permissions stay, and an error leaves the file as it was. `durable` puts content and name on
    the disk before this ends. Raise OSError where the machine refuses.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    if durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
