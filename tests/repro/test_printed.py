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
        ("+0.08", "0.08", "0.01"), (".5", "0.5", "0.1"), ("2.", "2", "1"), ("1,500", "1500", "1"),
        ("3.2E-5", "0.000032", "0.000001"), ("3e\N{MINUS SIGN}5", "0.00003", "0.00001"), ("1,000.5", "1000.5", "0.1"),
    ],
)  # fmt: skip
def test_value_and_unit(text: str, value: str, unit: str) -> None:
    found = printed.parse(text)
    assert (found.value, found.unit) == (Decimal(value), Decimal(unit))


@pytest.mark.parametrize("text", ["", "98.93 %", "1.2.3", "about 5", "nan", "1e", "--2"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="wanted digits as in"):
        printed.parse(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("0,985", "0.985"), ("1,5", "1.5"), ("98,5", "98.5"), ("1234,567", "1234.567"), ("3,2E-5", "3.2E-5")],
)
def test_a_decimal_comma_is_no_mark_of_thousands(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"write a decimal point: {meant}$"):
        printed.parse(text)


def test_a_whole_number_of_any_size_is_compared_in_every_digit() -> None:
    number = printed.parse("12,345,678,901,234,567")
    assert number.rounds(12_345_678_901_234_567)
    assert not number.rounds(12_345_678_901_234_568)


def test_a_very_large_value_is_a_value() -> None:
    number = printed.parse("0.50")
    assert (number.rounds(3.4e38), number.truncates(3.4e38)) == (False, False)


@given(st.decimals(min_value=-1000, max_value=1000, places=2), st.floats(-0.0049, 0.0049))
def test_a_value_within_half_a_unit_prints_so(value: Decimal, off: float) -> None:
    assert printed.parse(f"{value:.2f}").rounds(float(value) + off)
    assert not printed.parse(f"{value:.2f}").rounds(float(value) + 0.0151)


def test_what_is_cut_off_is_told_from_what_is_rounded() -> None:
    number = printed.parse("73")
    assert (number.rounds(73.856), number.truncates(73.856)) == (False, True)
    assert (number.rounds(72.7), number.truncates(72.7)) == (True, False)
    assert printed.parse("-0.5").truncates(-0.58)
