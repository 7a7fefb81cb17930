"""Files as tools write them, made byte by byte: messages of Protocol Buffers, event files, logs of wandb."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from repro.errors import ReproError
from repro.outside.logged import Log

BLOCK = 1 << 15


def varint(value: int) -> bytes:
    """Return a whole number as a varint; negative ones have 64 bits."""
    value, found = value % (1 << 64), bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: int | float | bytes | str) -> bytes:
    """Return a field: a varint, a number of double precision, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


# Event files


def masked_crc(data: bytes) -> int:
    """Return TensorFlow's CRC of some bytes, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def record(data: bytes) -> bytes:
    """Return a record of TensorFlow's."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc(length)) + data + struct.pack("<I", masked_crc(data))


VERSION = record(field(1, 1.7e9) + field(3, "brain.Event:2"))


def single(tag: str, value: float) -> bytes:
    """Return a value of a summary as torch's SummaryWriter writes it."""
    return field(1, tag) + varint(2 << 3 | 5) + struct.pack("<f", value)


def tensor(tag: str, content: bytes, *, plugin: str = "scalars", kind: int = 1) -> bytes:
    """Return a value of a summary that is a tensor; `content` are fields of it besides its type."""
    metadata = field(9, field(1, field(1, plugin))) if plugin else b""
    return field(1, tag) + metadata + field(8, field(1, kind) + field(2, b"") + content)


def event(step: int, *values: bytes, wall: float = 1.7e9) -> bytes:
    """Return a record of an event with some values."""
    at = field(2, step) if step else b""
    return record(field(1, wall) + at + field(5, b"".join(field(1, value) for value in values)))


def restart(step: int) -> bytes:
    """Return a record by which a writer takes back the steps from one on."""
    return record(field(1, 1.7e9) + field(2, step) + field(7, field(1, 1)))


def events(path: Path, *records: bytes) -> Path:
    """Write an event file, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(VERSION + b"".join(records))
    return path


# Logs of wandb


def item(name: str | Sequence[str], value: object) -> bytes:
    """Return an item of a history, a summary or a configuration; a name in parts is nested. A text is JSON already."""
    names = field(1, name) if isinstance(name, str) else b"".join(field(2, one) for one in name)
    return names + field(16, value if isinstance(value, str) else json.dumps(value))


def history(step: int, values: Mapping[str, object]) -> bytes:
    """Return a record of what was logged at a step."""
    items = b"".join(field(1, item([name], value)) for name, value in values.items())
    return field(2, items + field(2, field(1, step)))


def summary(*items: bytes, remove: Iterable[bytes] = ()) -> bytes:
    """Return a record of a summary's changes."""
    return field(3, b"".join(field(1, one) for one in items) + b"".join(field(2, one) for one in remove))


def run_of(run: str, name: str, *config: bytes) -> bytes:
    """Return a record of a run with its configuration."""
    return field(17, field(1, run) + field(4, b"".join(field(1, one) for one in config)) + field(8, name))


def ended(code: int = 0) -> bytes:
    """Return a record of a run's end."""
    return field(18, field(1, code) if code else b"")


def wandb(path: Path, *records: bytes) -> Path:
    """Write a log of wandb, and return it."""
    written = bytearray(b":W&B\xe1\xbe\x00")
    for content in records:
        left, first = content, True
        while first or left:
            room = BLOCK - len(written) % BLOCK
            if room < 7:
                written += bytes(room)
                continue
            piece, left = left[: room - 7], left[room - 7 :]
            kind = (1 if not left else 2) if first else (4 if not left else 3)
            written += struct.pack("<IHB", zlib.crc32(piece, zlib.crc32(bytes([kind]))), len(piece), kind) + piece
            first = False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written)
    return path


# What is damaged


def cuts(content: bytes, count: int = 20) -> list[bytes]:
    """Return some bytes cut short at so many places, none of them and all but one among these."""
    return [content[: (len(content) - 1) * place // (count - 1)] for place in range(count)]


def read_or_refused(read: Callable[[], Log]) -> Log | str:
    """Return what is read, or the one line that says why nothing is; any other error is one of the test."""
    try:
        return read()
    except ReproError as error:
        return one_line(error)


def one_line(error: ReproError) -> str:
    """Return what an error says, in one line."""
    said = str(error)
    assert "\n" not in said, said
    return said
