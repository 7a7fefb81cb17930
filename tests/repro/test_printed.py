"""Printed numbers: value, unit of the last digit, and which other values print so."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro import printed
from repro.errors import UsageError


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("226", "226", "1"), ("1,333,200", "1333200", "1"), ("98.930", "98.930", "0.001"),
        ("-7.788", "-7.788", "0.001"),
        ("\N{MINUS SIGN}0.5", "-0.5", "0.1"), ("3.87e+10", "38700000000", "100000000"), ("2e-3", "0.002", "0.001"),
        ("+0.08", "0.08", "0.01"), (".5", "0.5", "0.1"), ("2.", "2", "1"),
    ],
)  # fmt: skip
def test_value_and_unit(text: str, value: str, unit: str) -> None:
    found = printed.parse(text)
    assert (found.value, found.unit) == (Decimal(value), Decimal(unit))


@pytest.mark.parametrize("text", ["", "98.93 %", "1.2.3", "about 5", "nan", "1e", "--2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="wanted digits as in"):
        printed.parse(text)


@given(st.decimals(min_value=-1000, max_value=1000, places=2), st.floats(-0.0049, 0.0049))
def test_a_value_within_half_a_unit_prints_so(value: Decimal, off: float) -> None:
    assert printed.parse(f"{value:.2f}").rounds(float(value) + off)
    assert not printed.parse(f"{value:.2f}").rounds(float(value) + 0.0151)


def test_what_is_cut_off_is_told_from_what_is_rounded() -> None:
    number = printed.parse("73")
    assert (number.rounds(73.856), number.truncates(73.856)) == (False, True)
    assert (number.rounds(72.7), number.truncates(72.7)) == (True, False)
    assert printed.parse("-0.5").truncates(-0.58)
