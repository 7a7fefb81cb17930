"""Pinned data sets: found in a local folder, downloaded or made once, never used unless their SHA-256 is right."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import math
import os
import re
import struct
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.machine import cache
from repro.machine.modules import code_of_module
from repro.machine.reads import about_to_open

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

FOLDER_VARIABLE = "REPRO_DATA_DIR"
MD5 = "md5:"  # starts the digest of a file whose publisher gives only that; other digests are SHA-256
BY_FILES = "files:"  # starts the content of a set that is pinned by its files alone
GENERATED = "generated"  # the folder below the user's cache that keeps what took time to make
GZIP_MAGIC = b"\x1f\x8b"
IDX_UNSIGNED_BYTE = 0x08


@dataclass(frozen=True)
class DataSet:
    """Arrays with a pinned content.

    `content` is the SHA-256 of arrays and peak as `content_hash` computes it, or `pinned_by_files(files)` where
    nobody could compute that yet. `files` maps paths inside the data folder ("mnist/train-images-idx3-ubyte.gz") to
    the SHA-256, or "md5:" and the MD5, of their decompressed bytes; it is empty for a set that comes with an
    installed package. `read` gets the data folder (None for such a set). `download` fills an empty folder with the
    files. `stands_in_for` names the real set that this one replaces in small profiles: such data answer no claim.
    `peak` is the largest possible pixel value. A `generated` set takes time to make: `read` makes it from the files,
    and the arrays are kept in the user's cache under their content and the code that made them, so that it is made
    once a machine and again by other code.
    """

    name: str
    title: str
    content: str
    read: Callable[[Path | None], Arrays]
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    download: Callable[[Path], None] | None = None
    stands_in_for: str = ""
    peak: int = 255
    generated: bool = False

    def __post_init__(self) -> None:
        """Refuse a set pinned by its files that has none, has others, or is generated from them."""
        by_files = self.content.startswith(BY_FILES)
        if by_files and (self.generated or not self.files or self.content != pinned_by_files(self.files)):
            raise UsageError(
                f"data set '{self.name}': content '{self.content}' pins a set by its files, and these are not they, or "
                "it is generated; give pinned_by_files(files), or the SHA-256 of the arrays"
            )

    @property
    def pin(self) -> str:
        """Return what the content is held to, as a reader is told it."""
        return self.content if self.content.startswith(BY_FILES) else f"sha256 {self.content}"

    def load(self) -> Arrays:
        """Return the verified arrays, read once per process; the arrays are read-only because callers share them."""
        return dict(_load_once(self))


@dataclass(frozen=True)
class DataStatus:
    """Where a data set was found, and whether its content is the pinned one; `detail` says why not."""

    name: str
    title: str
    where: str
    state: Literal["verified", "absent", "altered", "not made yet"]
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


def pinned_by_files(files: Mapping[str, str]) -> str:
    """Return a content that follows from the files' names and digests: only a change of theirs changes it.

    It does not see a reader that changed, as rows do; a set whose arrays are known is pinned by them.
    """
    lines = "".join(f"{name} {digest}\n" for name, digest in sorted(files.items()))
    return BY_FILES + hashlib.sha256(lines.encode()).hexdigest()


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
        kind, wanted = ("md5", expected.removeprefix(MD5)) if expected.startswith(MD5) else ("sha256", expected)
        got = hashlib.new(kind, read_bytes(path), usedforsecurity=False).hexdigest()
        if got != wanted:
            raise IntegrityError(
                f"{path}: expected content with {kind} {wanted}, got {got}; "
                f"remove this file, then {_next_step(dataset)}"
            )


def read_verified(dataset: DataSet) -> Arrays:
    """Return the arrays after checking the SHA-256 of every file and of the arrays; read anew at each call.

    A generated set is read from the user's cache, or else made and put there; two processes make it once.
    """
    path = kept_at(dataset)
    if path is None:
        return _read_sources(dataset)
    if path.is_file():
        return _read_kept(dataset, path)
    if not cache.can_write(path.parent):
        return _read_sources(dataset)
    with cache.alone(path):
        if path.is_file():
            return _read_kept(dataset, path)
        arrays = _read_sources(dataset)
        _keep(dataset, path, arrays)
    return arrays


def kept_at(dataset: DataSet) -> Path | None:
    """Return where a generated set is kept, made already or not; None for any other set and without a cache."""
    folder = cache.folder()
    if not dataset.generated or folder is None:
        return None
    # The generator's code is in the name: one that changed makes its set anew, and so is held to the content.
    return folder / GENERATED / f"{dataset.name}-{dataset.content[:16]}-{code_behind(dataset.read)[:16]}.npz"


def code_behind(read: Callable[..., Any]) -> str:
    """Return the SHA-256 of the code behind a `read`, a partial one or an object's too."""
    while isinstance(read, functools.partial):
        read = read.func
    name = read.__module__ if hasattr(read, "__qualname__") else type(read).__module__
    return code_of_module(name) or hashlib.sha256(b"no source").hexdigest()


def remove(dataset: DataSet) -> tuple[Path, ...]:
    """Remove what the user's cache holds of a data set and return the files removed, nothing in $REPRO_DATA_DIR.

    Of a generated set that is what was made, earlier contents included; its sources belong to other sets. Of any
    other set it is the downloaded files, which sets made of the same files then lack too.
    """
    folder = cache.folder()
    if folder is None:
        return ()
    given = os.environ.get(FOLDER_VARIABLE)
    own = Path(given).resolve() if given else None
    mine = [path for path in _held(dataset, folder) if own is None or own not in path.resolve().parents]
    for path in mine:
        path.unlink()
        cache.lock_of(path).unlink(missing_ok=True)
    return tuple(mine)


def status(dataset: DataSet) -> DataStatus:
    """Say where a data set is and whether it is the pinned one, without downloading or generating anything."""
    kept = kept_at(dataset)
    if kept is not None and kept.is_file():
        return _judged(dataset, str(kept), lambda: _read_kept(dataset, kept))
    folder, looked = _search(dataset) if dataset.files else (None, "")
    if dataset.files and folder is None:
        return DataStatus(dataset.name, dataset.title, "", "absent", looked)
    where = str(folder) if folder else "installed package"
    if dataset.generated:
        return DataStatus(dataset.name, dataset.title, where, "not made yet")
    return _judged(dataset, where, lambda: _read_from(dataset, folder))


def _judged(dataset: DataSet, where: str, read: Callable[[], object]) -> DataStatus:
    """Read a data set to say whether it is the pinned one."""
    try:
        read()
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


def _read_sources(dataset: DataSet) -> Arrays:
    """Return the arrays as `read` makes them of the files, downloaded if need be."""
    return _read_from(dataset, locate(dataset))


def _read_from(dataset: DataSet, folder: Path | None) -> Arrays:
    if folder is not None:
        verify(dataset, folder)
    return _read_checked(dataset, folder)


def _read_kept(dataset: DataSet, path: Path) -> Arrays:
    """Return a generated set from the cache. Raise IntegrityError unless its content is the pinned one."""
    wanted, step = f"{path}: expected arrays with content sha256 {dataset.content}, got", "to have it made anew"
    try:
        arrays = cache.read(path)
    except IntegrityError as error:
        raise IntegrityError(f"{wanted} {error}; `repro data {dataset.name} --remove`, {step}") from error
    got = content_hash(arrays, peak=dataset.peak)
    if got != dataset.content:
        raise IntegrityError(f"{wanted} {got}; `repro data {dataset.name} --remove`, {step}")
    return arrays


def _keep(dataset: DataSet, path: Path, arrays: Arrays) -> None:
    try:
        cache.save(path, arrays)
    except OSError as error:
        raise InfrastructureError(
            f"data set '{dataset.name}' was made and cannot be kept in {path.parent} ({error.strerror}); "
            "make room there, or set XDG_CACHE_HOME to another folder"
        ) from error


def _held(dataset: DataSet, folder: Path) -> list[Path]:
    """Return the files below the user's cache that belong to a data set."""
    if dataset.generated:
        mine = re.compile(
            rf"{re.escape(dataset.name)}-[0-9a-f]{{16}}(-[0-9a-f]{{16}})?\.npz"
        )  # earlier ones have no code
        return sorted(path for path in (folder / GENERATED).glob("*.npz") if mine.fullmatch(path.name))
    return [path for name in dataset.files for path in _twins(folder, name) if path.is_file()]


def _read_checked(dataset: DataSet, folder: Path | None) -> Arrays:
    try:
        arrays = dataset.read(folder)
    except ImportError as error:
        raise InfrastructureError(f"data set '{dataset.name}': {error}, which reads it; install it") from error
    if dataset.content.startswith(BY_FILES):
        return arrays  # the files were verified just before
    if (got := content_hash(arrays, peak=dataset.peak)) != dataset.content:
        raise IntegrityError(
            f"data set '{dataset.name}' from {folder or 'an installed package'}: expected arrays with content sha256 "
            f"{dataset.content}, got {got}; look at what changed before using it (shapes "
            f"{ {name: array.shape for name, array in sorted(arrays.items())} })"
        )
    return arrays


def _places() -> Iterator[tuple[str, Path]]:
    if given := os.environ.get(FOLDER_VARIABLE):
        yield f"{FOLDER_VARIABLE}={given}", Path(given)
    if folder := cache.folder():
        yield f"cache {folder}", folder


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
    about_to_open(*_twins(folder, name))
    return next((path for path in _twins(folder, name) if path.is_file()), None)


def _twins(folder: Path, name: str) -> tuple[Path, ...]:
    """Return where a file may lie: as named, and decompressed; one path where the name is of no packed file."""
    return tuple(dict.fromkeys((folder / name, folder / name.removesuffix(".gz"))))


def _next_step(dataset: DataSet) -> str:
    fetch = "run again with a network to download it, or " if dataset.download else ""
    first, *others = dataset.files
    return f"{fetch}set {FOLDER_VARIABLE} to a folder with {first}{f' and {len(others)} more' if others else ''}"


def _download(dataset: DataSet, looked: str) -> Path:
    """Download into a temporary folder inside the cache, verify, then move each file into place atomically."""
    target = cache.folder()
    lost = f"no data set '{dataset.name}': {looked}"
    if dataset.download is None or target is None:
        raise InfrastructureError(f"{lost}; {_next_step(dataset)}")
    try:
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=target) as temporary:
            folder = Path(temporary)
            with contextlib.redirect_stdout(sys.stderr):
                dataset.download(folder)
            verify(dataset, folder)
            for name in dataset.files:
                _move(folder, target, name)
    except IntegrityError as error:
        raise IntegrityError(f"download of '{dataset.name}' refused, nothing kept: {error}") from error
    except (OSError, RuntimeError, ImportError) as error:
        reason = textwrap.shorten(str(error), 160) or type(error).__name__
        raise InfrastructureError(f"{lost}; download failed ({reason}); {_next_step(dataset)}") from error
    return target


def _move(folder: Path, into: Path, name: str) -> None:
    source = _present(folder, name)
    if source is None:
        raise IntegrityError(f"the download lacks {name}; run again")
    target = into / source.relative_to(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
