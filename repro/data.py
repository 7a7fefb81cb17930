"""Pinned data sets: found in a local folder or downloaded once, never used unless their SHA-256 is right."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import math
import os
import struct
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repro.errors import InfrastructureError, IntegrityError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

FOLDER_VARIABLE = "REPRO_DATA_DIR"
GZIP_MAGIC = b"\x1f\x8b"
IDX_UNSIGNED_BYTE = 0x08


@dataclass(frozen=True)
class DataSet:
    """Arrays with a pinned content.

    `content` is the SHA-256 of arrays and peak as `content_hash` computes it. `files` maps paths inside the data folder
    ("mnist/train-images-idx3-ubyte.gz") to the SHA-256 of their decompressed bytes; it is empty for a set that comes
    with an installed package. `read` gets the data folder (None for such a set). `download` fills an empty folder
    with the files. `stands_in_for` names the real set that this one replaces in small profiles: such data answer no
    claim. `peak` is the largest possible pixel value.
    """

    name: str
    title: str
    content: str
    read: Callable[[Path | None], Arrays]
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    download: Callable[[Path], None] | None = None
    stands_in_for: str = ""
    peak: int = 255

    def load(self) -> Arrays:
        """Return the verified arrays, read once per process; the arrays are read-only because callers share them."""
        return dict(_load_once(self))


@dataclass(frozen=True)
class DataStatus:
    """Where a data set was found, and whether its content is the pinned one; `detail` says why not."""

    name: str
    title: str
    where: str
    state: Literal["verified", "absent", "altered"]
    detail: str = ""


def content_hash(arrays: Mapping[str, NDArray[Any]], *, peak: int = 255) -> str:
    """Return the SHA-256 of named arrays: name, type, shape and little-endian bytes, in the order of the names.

    The peak, by which studies divide the pixels, is part of the content: another one gives other results.
    """
    import numpy as np

    digest = hashlib.sha256(f"peak {peak}\n".encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()


def locate(dataset: DataSet) -> Path | None:
    """Return the folder that holds every file of a data set, after downloading it if need be; None if it has no files.

    $REPRO_DATA_DIR comes first, then the user's cache. The files' content is not verified here.
    Raise InfrastructureError where there is nothing and no download succeeds.
    """
    if not dataset.files:
        return None
    folder, looked = _search(dataset)
    return folder or _download(dataset, looked)


def verify(dataset: DataSet, folder: Path) -> None:
    """Raise IntegrityError at the first file in `folder` whose decompressed content is not the pinned one."""
    for name, expected in dataset.files.items():
        path = _present(folder, name)
        if path is None:
            raise IntegrityError(f"data set '{dataset.name}': {folder} lacks {name}; {_next_step(dataset)}")
        got = hashlib.sha256(read_bytes(path)).hexdigest()
        if got != expected:
            raise IntegrityError(
                f"{path}: expected content with sha256 {expected}, got {got}; "
                f"remove this file, then {_next_step(dataset)}"
            )


def read_verified(dataset: DataSet) -> Arrays:
    """Return the arrays after checking the SHA-256 of every file and of the arrays; read anew at each call."""
    folder = locate(dataset)
    if folder is not None:
        verify(dataset, folder)
    return _read_checked(dataset, folder)


def status(dataset: DataSet) -> DataStatus:
    """Say where a data set is and whether it is the pinned one, without downloading anything."""
    folder, looked = _search(dataset) if dataset.files else (None, "")
    if dataset.files and folder is None:
        return DataStatus(dataset.name, dataset.title, "", "absent", looked)
    where = str(folder) if folder else "installed package"
    try:
        if folder:
            verify(dataset, folder)
        _read_checked(dataset, folder)
    except IntegrityError as error:
        return DataStatus(dataset.name, dataset.title, where, "altered", str(error))
    except InfrastructureError as error:
        return DataStatus(dataset.name, dataset.title, "", "absent", str(error))
    return DataStatus(dataset.name, dataset.title, where, "verified")


def read_bytes(path: Path) -> bytes:
    """Return a file's content, decompressed if it is a gzip file. Raise IntegrityError for a truncated one."""
    content = path.read_bytes()
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise IntegrityError(
            f"{path}: expected a whole gzip file, got {len(content)} bytes that do not decompress ({error}); "
            "remove this file and fetch it again"
        ) from error


def read_idx(folder: Path | None, name: str, *, dimensions: int) -> NDArray[np.uint8]:
    """Return the unsigned bytes of an IDX file, gzip or plain. Source: the format's description on MNIST's home page.

    The header is 0, 0, the type (8: unsigned byte), the number of dimensions, then each size as a big-endian int32.
    """
    import numpy as np

    path = _present(folder, name) if folder is not None else None
    if path is None:
        raise InfrastructureError(f"no file {name} in {folder}; put it there or set {FOLDER_VARIABLE}")
    content = read_bytes(path)
    magic = bytes((0, 0, IDX_UNSIGNED_BYTE, dimensions))
    header = 4 + 4 * dimensions
    if content[:4] != magic or len(content) < header:
        raise IntegrityError(
            f"{path}: expected an IDX file that starts with {magic.hex()}, got {content[:4].hex() or 'nothing'}; "
            "remove this file and fetch it again"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    if len(content) != header + math.prod(shape):
        raise IntegrityError(
            f"{path}: expected {header + math.prod(shape)} bytes for shape {shape}, got {len(content)}; "
            "remove this file and fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


@functools.cache
def _load_once(dataset: DataSet) -> Arrays:
    arrays = read_verified(dataset)
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _read_checked(dataset: DataSet, folder: Path | None) -> Arrays:
    arrays = dataset.read(folder)
    got = content_hash(arrays, peak=dataset.peak)
    if got != dataset.content:
        raise IntegrityError(
            f"data set '{dataset.name}' from {folder or 'an installed package'}: expected arrays with content sha256 "
            f"{dataset.content}, got {got}; look at what changed before using it (shapes "
            f"{ {name: array.shape for name, array in sorted(arrays.items())} })"
        )
    return arrays


def _cache_folder() -> Path | None:
    """Return the user's cache folder for data sets; None where the user has no home."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = given if given.is_absolute() else Path(os.path.expanduser("~")) / ".cache"
    return base / "repro" if base.is_absolute() else None


def _places() -> Iterator[tuple[str, Path]]:
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        yield f"{FOLDER_VARIABLE}={given}", Path(given)
    cache = _cache_folder()
    if cache:
        yield f"cache {cache}", cache


def _search(dataset: DataSet) -> tuple[Path | None, str]:
    """Return the first folder with every file, or None and one line saying where they were sought."""
    looked = [] if os.environ.get(FOLDER_VARIABLE) else [f"{FOLDER_VARIABLE} (not set)"]
    for label, folder in _places():
        missing = [name for name in dataset.files if _present(folder, name) is None]
        if not missing:
            return folder, ""
        looked.append(f"{label} ({f'lacks {missing[0]}' if folder.is_dir() else 'no such folder'})")
    return None, "looked in " + ", ".join(looked)


def _present(folder: Path, name: str) -> Path | None:
    """Return the file as named, or else its decompressed twin."""
    candidates = (folder / name, folder / name.removesuffix(".gz"))
    return next((path for path in candidates if path.is_file()), None)


def _next_step(dataset: DataSet) -> str:
    fetch = "run again with a network to download it, or " if dataset.download else ""
    first, *others = dataset.files
    return f"{fetch}set {FOLDER_VARIABLE} to a folder with {first}{f' and {len(others)} more' if others else ''}"


def _download(dataset: DataSet, looked: str) -> Path:
    """Download into a temporary folder inside the cache, verify, then move each file into place atomically."""
    cache = _cache_folder()
    lost = f"no data set '{dataset.name}': {looked}"
    if dataset.download is None or cache is None:
        raise InfrastructureError(f"{lost}; {_next_step(dataset)}")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=cache) as temporary:
            folder = Path(temporary)
            with contextlib.redirect_stdout(sys.stderr):
                dataset.download(folder)
            verify(dataset, folder)
            for name in dataset.files:
                _move(folder, cache, name)
    except IntegrityError as error:
        raise IntegrityError(f"download of '{dataset.name}' refused, nothing kept: {error}") from error
    except (OSError, RuntimeError, ImportError) as error:
        reason = textwrap.shorten(str(error), 160) or type(error).__name__
        raise InfrastructureError(f"{lost}; download failed ({reason}); {_next_step(dataset)}") from error
    return cache


def _move(folder: Path, cache: Path, name: str) -> None:
    source = _present(folder, name)
    if source is None:
        raise IntegrityError(f"the download lacks {name}; run again")
    target = cache / source.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
