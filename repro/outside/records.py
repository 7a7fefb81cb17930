"""The framing of TensorFlow's record files, in which event files are: a length, its CRC, the data, their CRC.

The format: https://www.tensorflow.org/tutorials/load_data/tfrecord. Lengths are held against their CRC, and so are data
of SMALLEST to LARGEST bytes; many records are gone through at once, word by word.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from repro.errors import InfrastructureError

LENGTH, BEFORE, AFTER = 8, 12, 4  # bytes: of a length, with its CRC before the data, of the CRC behind them
BLOCK = 8192  # records whose CRCs are made at once
SMALLEST, LARGEST = 8, 4096  # bytes: smaller data hold no number; larger ones, images mostly, would cost too much
POLYNOMIAL, MASK = 0x82F63B78, 0xA282EAD8  # CRC-32C as its bits are sent, and what TensorFlow adds to it


@dataclass(frozen=True)
class Records:
    """The records of a file that are whole: where the data of each begin, and their lengths, both int64 of shape (N,).

    `intact` says of which the data have the CRC that stands behind them, as far as that is checked. `fault` says in
    words what ends the records before the file does, "" where nothing does.
    """

    data: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    intact: np.ndarray
    fault: str

    def rows(self, chosen: np.ndarray, length: int) -> np.ndarray:
        """Return the data of chosen records, all of one length, as rows of bytes."""
        return np.asarray(sliding_window_view(self.data, length)[self.starts[chosen]])


def records(path: Path) -> Records:
    """Find the records of a file. Raise InfrastructureError where it cannot be read."""
    try:
        data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror})") from error
    view, size, length_at = data.data, len(data), struct.Struct("<Q").unpack_from
    lengths, at = [], 0
    while at + BEFORE <= size:
        (length,) = length_at(view, at)
        end = at + BEFORE + length + AFTER
        if end > size or not length:
            break
        lengths.append(length)
        at = end
    sizes = np.array(lengths, np.int64)
    found = np.cumsum(sizes + BEFORE + AFTER) - sizes - AFTER
    good = _good_lengths(data, found - BEFORE)
    fault = "" if size else "is empty"
    if not good.all():
        whole = int(good.argmin())
        fault = f"is damaged at byte {found[whole] - BEFORE}"
        found, sizes = found[:whole], sizes[:whole]
    elif at + BEFORE > size > at:
        fault = f"ends within the record at byte {at}"
    elif at < size:  # a length of nothing is none that a writer wrote, but what a crash leaves of a block of the disk
        cut = length and _good_lengths(data, np.array([at])).all()
        fault = f"{'ends within the record' if cut else 'is damaged'} at byte {at}"
    return Records(data, found, sizes, _intact(data, found, sizes), fault)


def _words(data: np.ndarray) -> np.ndarray:
    """Return the number of four bytes at each place."""
    return np.ndarray((max(len(data) - 3, 0),), "<u4", data, 0, (1,))


def _good_lengths(data: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Say of which records, by the place of their length, it has the CRC that stands behind it."""
    crc = masked_crc(data, places, np.full(len(places), LENGTH))
    return np.asarray(crc == _words(data)[places + LENGTH])


def _intact(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Say of which records the data have the CRC behind them; those that are not checked are taken for it."""
    intact = np.ones(len(starts), bool)
    checked = np.flatnonzero((lengths >= SMALLEST) & (lengths <= LARGEST))
    checked = checked[np.argsort(-lengths[checked], kind="stable")]
    for begin in range(0, len(checked), BLOCK):
        block = checked[begin : begin + BLOCK]
        crc = masked_crc(data, starts[block], lengths[block])
        intact[block] = crc == _words(data)[starts[block] + lengths[block]]
    return intact


def masked_crc(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the CRC of each stretch of at least 8 bytes, the longest first, masked as TensorFlow keeps it.

    In front of each there have to be as many bytes as make its length a multiple of four. Stretches are aligned at
    their ends and gone through word by word. A CRC begins as all ones, which is the same as none and the first four
    bytes the other way round; so zeros in front of a stretch leave it as it is.
    """
    width = -(-int(lengths.max(initial=0)) // 4) * 4
    places = starts + lengths - width + np.arange(0, width, 4)[:, None]
    words = _words(data)[np.maximum(places, 0)]
    first, before = np.divmod(width - lengths, 4)  # a stretch's first word, and the bytes of it in front of it
    own, every = INSIDE[before], np.arange(len(starts))
    words[first, every] = ~words[first, every] & own
    words[first + 1, every] ^= ~own
    crc = np.zeros(len(starts), np.uint32)
    for word, count in zip(words, np.searchsorted(first, np.arange(len(words)), side="right").tolist(), strict=True):
        mixed = crc[:count] ^ word[:count]
        crc[:count] = LOW[mixed & 0xFFFF] ^ HIGH[mixed >> 16]
    crc = ~crc
    return np.asarray((crc >> 15 | crc << 17) + np.uint32(MASK))


def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Return what each lower and each upper half of a word does to a CRC."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ POLYNOMIAL, table >> 1).astype(np.uint32)
    behind = [table]  # of a byte with so many behind it
    for _ in range(3):
        behind.append(behind[-1] >> 8 ^ table[behind[-1] & 0xFF])
    half = np.arange(1 << 16)
    low, high = half & 0xFF, half >> 8
    return behind[3][low] ^ behind[2][high], behind[1][low] ^ behind[0][high]


LOW, HIGH = _tables()
INSIDE = np.array([0xFFFFFFFF, 0xFFFFFF00, 0xFFFF0000, 0xFF000000], np.uint32)  # of a word without so many bytes
