"""Messages of Protocol Buffers read field by field, without their description.

The encoding: https://protobuf.dev/programming-guides/encoding. A message is a stretch of a file; nothing of it is
copied before it is asked for, and no length in it reaches past its end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # how a field is written; 3 and 4, groups, are of before 2008
SIZES = {FIXED64: 8, FIXED32: 4}
LONGEST = 10  # bytes of a varint


class MalformedError(ValueError):
    """Say that a stretch of bytes is no message; readers turn it into what became of the file."""


class Field(NamedTuple):
    """One field: its number, how it is written, and where its content lies (of a varint: its bytes)."""

    number: int
    kind: int
    start: int
    end: int


def varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """Return the unsigned number at a place and where it ends."""
    value = shift = 0
    for place in range(at, min(end, at + LONGEST)):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place + 1
        shift += 7
    raise MalformedError(f"a number that does not end at byte {at}")


def fields(data: memoryview, start: int, end: int) -> Iterator[Field]:
    """Yield the fields of the message in a stretch, in their order. Raise MalformedError where it is none."""
    at = start
    while at < end:
        key, at = varint(data, at, end)
        kind, begin = key & 7, at
        if kind == VARINT:
            at = varint(data, at, end)[1]
        elif kind == BYTES:
            length, begin = varint(data, at, end)
            at = begin + length
        elif kind in SIZES:
            at += SIZES[kind]
        else:
            raise MalformedError(f"a field of the unknown kind {kind} at byte {begin}")
        if at > end:
            raise MalformedError(f"a field at byte {begin} that reaches past its message")
        yield Field(key >> 3, kind, begin, at)


def within(data: memoryview, field: Field) -> Iterator[Field]:
    """Yield the fields of the message that a field is."""
    if field.kind != BYTES:
        raise MalformedError(f"a number where a message should be at byte {field.start}")
    return fields(data, field.start, field.end)


def unsigned(data: memoryview, field: Field) -> int:
    """Return the number that a varint is, whole and not negative."""
    if field.kind != VARINT:
        raise MalformedError(f"no whole number at byte {field.start}")
    return varint(data, field.start, field.end)[0]


def signed(data: memoryview, field: Field) -> int:
    """Return the number that a varint is, of 64 bits with a sign."""
    value = unsigned(data, field)
    return value - (1 << 64) if value >> 63 else value


def double(data: memoryview, field: Field) -> float:
    """Return the number of double precision that a field is."""
    if field.kind != FIXED64:
        raise MalformedError(f"no number of double precision at byte {field.start}")
    value: float = struct.unpack_from("<d", data, field.start)[0]
    return value


def text(data: memoryview, field: Field) -> str:
    """Return the text that a field is; bytes that are none of UTF-8 are shown as such."""
    if field.kind != BYTES:
        raise MalformedError(f"a number where a text should be at byte {field.start}")
    return bytes(data[field.start : field.end]).decode(errors="backslashreplace")
