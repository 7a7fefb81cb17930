"""Read a bundle that a stranger made: what is plain and whole is returned, anything else refused before it is used.

Nothing is written to disk here. An archive may hold files only, one after the other with nothing before, between or
behind them, as `repro bundle` writes it; whatever two programs could read in two ways is refused.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from repro.errors import IntegrityError, UsageError
from repro.machine.files import there

ARCHIVE_BYTES = 256 * 2**20  # of the archive, and of all its files together
FILES = 100
NAME_BYTES = 200
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
LOCAL, LOCAL_MARK = struct.Struct("<4s5H3L2H"), b"PK\x03\x04"
END, END_MARK = struct.Struct("<4s4H2LH"), b"PK\x05\x06"
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED, SIZES_BEHIND = 1, 8  # bits of an entry's flags


def contents(path: Path) -> dict[str, bytes]:
    """Return every file of an archive by its name. Raise UsageError where there is none, IntegrityError with why not.

    The archive and all its files together may have `ARCHIVE_BYTES` each, and it `FILES` of them.
    """
    if not path.is_file():
        found = "no regular file" if there(path) else "no such file"
        raise UsageError(f"{path}: {found}; `repro bundle` makes one")
    try:
        if path.stat().st_size > ARCHIVE_BYTES:
            raise Refused(f"has more than {ARCHIVE_BYTES} bytes")
        return read(path.read_bytes())
    except Refused as error:
        raise IntegrityError(f"{path}: refused: {error}; nothing was unpacked") from error


class Refused(Exception):
    """Why an archive is not read."""


def read(content: bytes) -> dict[str, bytes]:
    """Return every file of an archive's bytes by its name. Raise Refused."""
    start, total = directory_of(content)
    try:
        entries = zipfile.ZipFile(BytesIO(content)).infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error, ValueError) as error:
        raise Refused(f"no archive that can be read ({error})") from error
    if not 0 < len(entries) <= FILES:
        raise Refused(f"holds {len(entries)} files, wanted 1 to {FILES}")
    if len(entries) != total:
        raise Refused(f"says that it holds {total} files, and holds {len(entries)}")
    for entry in entries:
        refuse_entry(entry)
    refuse_names([entry.filename for entry in entries])
    if sum(entry.file_size for entry in entries) > ARCHIVE_BYTES:
        raise Refused(f"would unpack to more than {ARCHIVE_BYTES} bytes")
    files, place = {}, 0
    for entry in sorted(entries, key=lambda one: one.header_offset):
        if entry.header_offset != place:
            raise Refused(f"'{entry.filename}' does not begin where the file before it ends")
        files[entry.filename], place = unpacked(content, entry)
    if place != start:
        raise Refused("there is something between the last file and the directory")
    return files


def directory_of(content: bytes) -> tuple[int, int]:
    """Return where the directory begins and how many files it is said to hold.

    It must reach to the record of the end, as that to the end itself.
    """
    if len(content) < END.size or not content.startswith(LOCAL_MARK):
        raise Refused("does not begin as an archive does")
    mark, disk, first, here, total, size, start, comment = END.unpack(content[-END.size :])
    if mark != END_MARK or comment:
        raise Refused("does not end as an archive does: it was cut short, or something stands behind it")
    if disk or first or here != total or start + size != len(content) - END.size:
        raise Refused("its directory is not where its end says")
    return int(start), int(total)


def refuse_entry(entry: zipfile.ZipInfo) -> None:
    """Refuse what is no plain file: a link, a folder, an encrypted file, an unknown method, hidden fields."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if stat.S_ISLNK(kind):
        raise Refused(f"'{entry.filename}' is a link")
    if entry.is_dir() or kind not in (0, stat.S_IFREG) or (entry.external_attr >> 16) & 0o7000:
        raise Refused(f"'{entry.filename}' is not a plain file")
    if entry.flag_bits & ENCRYPTED:
        raise Refused(f"'{entry.filename}' is encrypted")
    if entry.flag_bits & SIZES_BEHIND:
        raise Refused(f"'{entry.filename}' has its sizes behind it")
    if entry.flag_bits or entry.compress_type not in METHODS:
        raise Refused(f"'{entry.filename}' is packed in an unusual way")
    if entry.volume:
        raise Refused(f"'{entry.filename}' is said to be on another disk")
    if entry.extra or entry.comment:
        raise Refused(f"'{entry.filename}' has fields that could hide another name or size")


def refuse_names(names: Sequence[str]) -> None:
    """Refuse names that would leave the folder they are unpacked to, or could meet each other there."""
    for name in names:
        fault = fault_of_name(name)
        if fault:
            raise Refused(f"the name {name[:NAME_BYTES]!r} {fault}")
    lower = [name.lower() for name in names]
    for name in lower:
        if lower.count(name) > 1:
            raise Refused(f"the name '{name}' stands twice")
        if any(other.startswith(f"{name}/") for other in lower):
            raise Refused(f"'{name}' is a file and a folder")


def fault_of_name(name: str) -> str:
    """Return what is wrong with a name, nothing where it is a plain relative one."""
    parts = name.split("/")
    if len(name) > NAME_BYTES:
        return f"has more than {NAME_BYTES} characters"
    if name.startswith("/") or name[1:2] == ":":
        return "is absolute"
    if "\\" in name:
        return "has a backslash"
    if ".." in parts:
        return "leaves its folder"
    if "" in parts or "." in parts:
        return "has an empty part"
    if not all(PLAIN.issuperset(part) and not part.startswith((".", "-")) for part in parts):
        return "has characters other than letters, digits, '.', '_' and '-', or begins with one of the last"
    return ""


def unpacked(content: bytes, entry: zipfile.ZipInfo) -> tuple[bytes, int]:
    """Return the content of an entry and where it ends; what stands before it must say what the directory says."""
    begin = entry.header_offset + LOCAL.size
    header = content[entry.header_offset : begin]
    if len(header) < LOCAL.size:
        raise Refused(f"'{entry.filename}' lies outside of the archive")
    mark, _, flags, method, _, _, crc, packed, size, name_size, extra = LOCAL.unpack(header)
    name = content[begin : begin + name_size]
    said = (mark, flags, method, crc, packed, size, name, extra)
    known = (entry.flag_bits, entry.compress_type, entry.CRC, entry.compress_size, entry.file_size)
    if said != (LOCAL_MARK, *known, entry.filename.encode(), 0):
        raise Refused(f"'{entry.filename}' and its entry in the directory say different things")
    begin += name_size
    end = begin + packed
    found = inflated(content[begin:end], entry) if method == zipfile.ZIP_DEFLATED else content[begin:end]
    if len(found) != size or end > len(content):
        raise Refused(f"'{entry.filename}' does not have the size that is said")
    if zlib.crc32(found) != crc:
        raise Refused(f"'{entry.filename}' is damaged (its checksum differs)")
    return found, end


def inflated(packed: bytes, entry: zipfile.ZipInfo) -> bytes:
    """Return what packed bytes hold, one byte more than was said at most."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = machine.decompress(packed, entry.file_size + 1)
    except zlib.error as error:
        raise Refused(f"'{entry.filename}' is damaged ({error})") from error
    if len(found) > entry.file_size:
        raise Refused(f"'{entry.filename}' does not have the size that is said")
    if not machine.eof or machine.unused_data:
        raise Refused(f"'{entry.filename}' is cut short, or something stands behind it")
    return found
