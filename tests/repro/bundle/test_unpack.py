"""Archives that a stranger could send: each refused, with its own reason, before anything of it is used."""

import io
import os
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bundle import unpack
from repro.bundle.pack import archive
from repro.bundle.unpack import Refused, contents, read
from repro.errors import IntegrityError, UsageError

FILES = {"a/one.txt": b"one " * 100, "two.txt": b"two", "zero": b""}
PLAIN = archive(FILES)
DIRECTORY = PLAIN.index(b"PK\x01\x02")


def test_what_was_packed_is_read() -> None:
    assert read(PLAIN) == FILES
    assert read(stored("plain")) == {"plain": b"content"}


def stored(*names: str, mode: int = 0o100644, content: bytes = b"content", **fields: object) -> bytes:
    """An archive of files with these names, a mode, and whatever fields an entry can have."""
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w") as target:
        warnings.simplefilter("ignore")  # zipfile warns of a name that stands twice
        for name in names:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = name
            entry.external_attr = mode << 16
            for field, value in fields.items():
                setattr(entry, field, value)
            target.writestr(entry, content)
    return made.getvalue()


def patched(content: bytes, place: int, form: str, value: int) -> bytes:
    """The bytes with a number written over what stands there."""
    return content[:place] + struct.pack(form, value) + content[place + struct.calcsize(form) :]


def both(content: bytes, local: int, central: int, form: str, value: int) -> bytes:
    """An archive of one file with a number changed in its header and in the directory."""
    return patched(patched(content, local, form, value), content.index(b"PK\x01\x02") + central, form, value)


def unseekable() -> bytes:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError("a stream")

    made = Stream()
    with zipfile.ZipFile(made, "w") as target:
        target.writestr("a", b"content")
    return made.getvalue()


def moved(content: bytes, at: int, what: bytes) -> bytes:
    """The archive with something put in at a place of its files, and the directory's record of its own place mended."""
    end = len(content) - unpack.END.size
    start = struct.unpack_from("<L", content, end + 16)[0]
    whole = content[:at] + what + content[at:]
    return patched(whole, end + len(what) + 16, "<L", start + len(what))


def overlapping() -> bytes:
    """Two entries of the directory that mean the same bytes."""
    one = stored("aa")
    start = one.index(b"PK\x01\x02")
    entry = one[start : len(one) - unpack.END.size]
    end = unpack.END.pack(unpack.END_MARK, 0, 0, 2, 2, 2 * len(entry), start, 0)
    return one[:start] + entry + entry.replace(b"aa", b"bb") + end


def behind_the_stream() -> bytes:
    """A packed file with more bytes than its stream needs."""
    content = b"x" * 100
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = machine.compress(content) + machine.flush() + b"hidden"
    one = bytearray(stored("a", content=packed))
    for local, central, form, value in ((8, 10, "<H", 8), (14, 16, "<L", zlib.crc32(content)), (22, 24, "<L", 100)):
        one = bytearray(both(bytes(one), local, central, form, value))
    return bytes(one)


BOMB = archive({"a": b"\0" * 1_000_000})
HOSTILE: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "nothing": (b"", "does not begin as an archive"),
    "a text": (b"hello " * 100, "does not begin as an archive"),
    "an empty archive": (unpack.END.pack(unpack.END_MARK, 0, 0, 0, 0, 0, 0, 0), "does not begin"),
    "cut in half": (PLAIN[: len(PLAIN) // 2], "does not end as an archive"),
    "cut by a byte": (PLAIN[:-1], "does not end as an archive"),
    "something before": (b"#!/bin/sh\n" + PLAIN, "does not begin as an archive"),
    "something behind": (PLAIN + b"\0", "does not end as an archive"),
    "a comment": (PLAIN[:-2] + b"\x02\x00hi", "does not end as an archive"),
    "an end that counts others": (
        patched(patched(PLAIN, len(PLAIN) - 14, "<H", 65_535), len(PLAIN) - 12, "<H", 65_535),
        "says that it holds 65535 files, and holds 3",
    ),
    "a file on another disk": (patched(PLAIN, DIRECTORY + 34, "<H", 7), "is said to be on another disk"),
    "an end elsewhere": (patched(PLAIN, len(PLAIN) - 6, "<L", DIRECTORY + 1), "directory is not where its end says"),
    "an archive of many disks": (patched(PLAIN, len(PLAIN) - 18, "<H", 1), "directory is not where its end says"),
    "fewer entries than said": (patched(PLAIN, len(PLAIN) - 12, "<H", 9), "directory is not where its end says"),
    "a broken directory": (patched(PLAIN, DIRECTORY, "<L", 0), "no archive that can be read"),
    "something between": (moved(PLAIN, DIRECTORY, b"hidden"), "something between the last file and the directory"),
    "overlapping files": (overlapping, "does not begin where the file before it ends"),
    "a link": (stored("a", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd"), "is a link"),
    "a folder": (stored("a/", content=b""), "is not a plain file"),
    "a device": (stored("a", mode=stat.S_IFCHR | 0o644), "is not a plain file"),
    "a pipe": (stored("a", mode=stat.S_IFIFO | 0o644), "is not a plain file"),
    "a program with rights": (stored("a", mode=stat.S_IFREG | stat.S_ISUID | 0o755), "is not a plain file"),
    "an absolute name": (stored("/etc/passwd"), "is absolute"),
    "a drive": (stored("C:evil"), "is absolute"),
    "a parent": (stored("../evil"), "leaves its folder"),
    "a parent within": (stored("a/../../evil"), "leaves its folder"),
    "a backslash": (stored("..\\evil"), "has a backslash"),
    "an empty part": (stored("a//b"), "has an empty part"),
    "a dot": (stored("./a"), "has an empty part"),
    "a hidden file": (stored(".bashrc"), "begins with one of the last"),
    "an option": (stored("-rf"), "begins with one of the last"),
    "a letter of another alphabet": (stored("\u0430"), "packed in an unusual way"),
    "a line feed": (stored("a\nb"), "has characters other than"),
    "a space": (stored("a b"), "has characters other than"),
    "a long name": (stored("a" * 201), "has more than 200 characters"),
    "a name twice": (stored("a", "b", "a"), "stands twice"),
    "a name in two cases": (stored("Readme", "README"), "stands twice"),
    "a file that is a folder": (stored("a", "a/b"), "is a file and a folder"),
    "too many files": (stored(*(f"f{number}" for number in range(101))), "holds 101 files"),
    "a bomb that says so": (both(BOMB, 22, 24, "<L", 2**31), "would unpack to more than"),
    "a bomb that says it is small": (both(BOMB, 22, 24, "<L", 10), "does not have the size that is said"),
    "a size too large": (both(BOMB, 22, 24, "<L", 1_000_001), "does not have the size that is said"),
    "two sizes": (patched(BOMB, 22, "<L", 10), "say different things"),
    "two names": (PLAIN.replace(b"two.txt", b"owt.txt", 1), "say different things"),
    "two checksums": (patched(BOMB, 14, "<L", 1), "say different things"),
    "an entry that points outside": (
        patched(stored("a"), stored("a").index(b"PK\x01\x02") + 42, "<L", 2**31),
        "does not begin where the file before it ends",
    ),
    "another checksum": (both(BOMB, 14, 16, "<L", 1), "is damaged \\(its checksum differs\\)"),
    "a damaged stream": (patched(BOMB, 31, "<L", 0xFFFFFFFF), "is damaged"),
    "encrypted": (both(stored("a"), 6, 8, "<H", 1), "is encrypted"),
    "sizes behind": (unseekable, "has its sizes behind it"),
    "an unusual method": (stored("a", compress_type=zipfile.ZIP_BZIP2), "packed in an unusual way"),
    "an extra field": (stored("a", extra=b"\x75\x70\x02\x00ab"), "fields that could hide"),
    "a comment of a file": (stored("a", comment=b"hi"), "fields that could hide"),
    "something behind a stream": (behind_the_stream, "is cut short, or something stands behind it"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(name: str, tmp_path: Path) -> None:
    made, reason = HOSTILE[name]
    path = tmp_path / "hostile.zip"
    path.write_bytes(made() if callable(made) else made)
    with pytest.raises(IntegrityError, match=reason) as caught:
        contents(path)
    assert str(caught.value).startswith(f"{path}: refused: ")
    assert "\n" not in str(caught.value)
    assert [found.name for found in tmp_path.iterdir()] == ["hostile.zip"]


def test_a_huge_archive_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.zip"
    with path.open("wb") as file:
        file.truncate(unpack.ARCHIVE_BYTES + 1)  # takes no disk
    with pytest.raises(IntegrityError, match="has more than 268435456 bytes"):
        contents(path)


def test_there_must_be_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    for name, found in (("", "no regular file"), ("pipe.zip", "no regular file"), ("absent.zip", "no such file")):
        with pytest.raises(UsageError, match=found):
            contents(tmp_path / name)


@given(st.data())
def test_no_changed_bit_goes_unseen(data: st.DataObject) -> None:
    """Whatever bit of an archive changes, it is refused or its files are the same."""
    content = bytearray(PLAIN)
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(Refused):
        assert read(bytes(content)) == FILES


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=2000), min_size=1, max_size=9))
def test_packing_and_unpacking_are_inverse(files: dict[str, bytes]) -> None:
    assert read(archive(files)) == files
    assert archive(files) == archive(dict(reversed(files.items())))
