"""Numbers as a document prints them: their value, the unit of the last digit, and what else would print so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from numbers import Integral

from repro.errors import UsageError

SIGN = r"[-+\N{MINUS SIGN}]?"
NUMBER = re.compile(
    rf"(?P<sign>{SIGN})(?P<whole>[1-9]\d{{0,2}}(?:,\d{{3}})+|\d+|(?=\.\d))"
    rf"(?P<point>\.?)(?P<decimals>\d*)(?:[eE](?P<power>{SIGN}\d+))?"
)
COMMA = re.compile(rf"{SIGN}\d+,\d+(?:[eE]{SIGN}\d+)?")  # no thousands, or NUMBER would have read it


@dataclass(frozen=True)
class Printed:
    """A printed number: its value and the unit of its last digit; trailing zeros count."""

    text: str
    value: Decimal
    unit: Decimal

    @property
    def half(self) -> Decimal:
        """Return how far a value may lie from the printed one and still be rounded to it."""
        return self.unit / 2

    def rounds(self, value: float) -> bool:
        """Say whether a value is printed so when it is rounded, half a unit to either side included."""
        return abs(exact(value) - self.value) <= self.half

    def truncates(self, value: float) -> bool:
        """Say whether a value is printed so when the digits after the last are cut off."""
        return (exact(value) / self.unit).to_integral_value(ROUND_DOWN) * self.unit == self.value


def exact(value: float) -> Decimal:
    """Return a finite number as it prints in full; a whole one of any size loses no digit."""
    return Decimal(int(value)) if isinstance(value, Integral) else Decimal(repr(float(value)))


def parse(text: str) -> Printed:
    """Read a printed number: 1,333,200 and 98.930 and 3.87e+10; a comma parts thousands. Raise UsageError else."""
    found = NUMBER.fullmatch(text.strip())
    if found is None:
        comma = COMMA.fullmatch(text.strip())
        hint = f"; write a decimal point: {comma[0].replace(',', '.')}" if comma else ""
        raise UsageError(f"printed number: wanted digits as in 1,333,200 or 98.93 or 3.87e+10, got {text!r}{hint}")
    sign = "-" if found["sign"] in ("-", "\N{MINUS SIGN}") else ""
    digits = f"{sign}{found['whole'].replace(',', '') or '0'}.{found['decimals'] or '0'}"
    power = int((found["power"] or "0").replace("\N{MINUS SIGN}", "-"))
    return Printed(text, Decimal(digits).scaleb(power), Decimal(1).scaleb(power - len(found["decimals"])))
