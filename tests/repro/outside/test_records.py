"""Framing, CRCs and messages: what two formats of binary logs are made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import InfrastructureError
from repro.outside import wire
from repro.outside.records import LARGEST, SMALLEST, masked_crc, records
from tests.repro.outside.encoded import field, record, varint
from tests.repro.outside.encoded import masked_crc as by_bits


class TestCrc:
    """All stretches at once have the CRC that each has bit by bit."""

    @given(st.lists(st.binary(min_size=8, max_size=40), min_size=1, max_size=8))
    def test_stretches_of_any_lengths(self, stretches: list[bytes]) -> None:
        stretches.sort(key=len, reverse=True)
        data = b"...".join([b"", *stretches])
        starts = np.cumsum([len(one) + 3 for one in [b"", *stretches[:-1]]])
        found = masked_crc(np.frombuffer(data, np.uint8), starts, np.array([len(one) for one in stretches]))
        assert found.tolist() == [by_bits(one) for one in stretches]

    def test_the_check_value_of_the_catalogue(self) -> None:
        crc = 0xE3069283  # CRC-32/ISCSI of "123456789"
        expected = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        assert masked_crc(np.frombuffer(b"...123456789", np.uint8), np.array([3]), np.array([9]))[0] == expected


def test_records_of_every_length_are_found_and_whole(tmp_path: Path) -> None:
    sizes = [1, 7, SMALLEST, 9, 100, LARGEST, LARGEST + 1]
    path = tmp_path / "file"
    path.write_bytes(b"".join(record(b"x" * size) for size in sizes))
    found = records(path)
    assert (found.lengths.tolist(), found.fault, bool(found.intact.all())) == (sizes, "", True)
    assert bytes(found.rows(np.array([4]), 100)[0]) == b"x" * 100


@pytest.mark.parametrize(("size", "seen"), [(SMALLEST, True), (LARGEST, True), (LARGEST + 1, False)])
def test_a_change_in_the_data_is_seen_up_to_the_size_that_is_checked(tmp_path: Path, size: int, seen: bool) -> None:
    content = bytearray(record(b"x" * size))
    content[12 + size // 2] ^= 1
    (tmp_path / "file").write_bytes(content)
    assert records(tmp_path / "file").intact.tolist() == [not seen]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="cannot be read"):
        records(tmp_path / "none")


class TestMessages:
    @given(st.integers(0, 2**64 - 1))
    def test_a_whole_number_comes_back(self, value: int) -> None:
        data = memoryview(varint(value))
        assert wire.varint(data, 0, len(data)) == (value, len(data))

    @given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text("aé漢😀"))
    def test_fields_come_back(self, whole: int, real: float, text: str) -> None:
        data = memoryview(field(1, whole) + field(2, real) + field(300, text))
        first, second, third = wire.fields(data, 0, len(data))
        assert (first.number, second.number, third.number) == (1, 2, 300)
        assert (wire.signed(data, first), wire.double(data, second)) == (whole, real)
        assert wire.text(data, third) == text

    @given(st.binary(max_size=60))
    def test_any_bytes_are_fields_or_refused(self, content: bytes) -> None:
        data = memoryview(content)
        try:
            found = list(wire.fields(data, 0, len(data)))
        except wire.MalformedError:
            return
        assert all(0 <= one.start <= one.end <= len(data) for one in found)

    def test_a_length_past_the_end_is_refused(self) -> None:
        data = memoryview(varint(1 << 3 | 2) + varint(1 << 60) + b"x")
        with pytest.raises(wire.MalformedError, match="past its message"):
            list(wire.fields(data, 0, len(data)))
