"""Numbers as a document prints them: their value, the unit of the last digit, and what else would print so."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from repro.errors import UsageError

NUMBER = re.compile(
    r"(?P<sign>[-+\N{MINUS SIGN}]?)(?P<whole>\d[\d,]*|(?=\.\d))(?P<point>\.?)(?P<decimals>\d*)(?:e(?P<power>[+-]?\d+))?"
)


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
        return abs(Decimal(repr(float(value))) - self.value) <= self.half

    def truncates(self, value: float) -> bool:
        """Say whether a value is printed so when the digits after the last are cut off."""
        return (Decimal(repr(float(value))) / self.unit).quantize(Decimal(1), ROUND_DOWN) * self.unit == self.value


def parse(text: str) -> Printed:
    """Read a printed number: 1,333,200 and 98.930 and 3.87e+10. Raise UsageError for anything else."""
    found = NUMBER.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"printed number: wanted digits as in 1,333,200 or 98.93 or 3.87e+10, got {text!r}")
    sign = "-" if found["sign"] in ("-", "\N{MINUS SIGN}") else ""
    digits = f"{sign}{found['whole'].replace(',', '') or '0'}.{found['decimals'] or '0'}"
    power = int(found["power"] or 0)
    return Printed(text, Decimal(digits).scaleb(power), Decimal(1).scaleb(power - len(found["decimals"])))
