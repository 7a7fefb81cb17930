"""Numbers of prints and of evidence held against one another: no digit of either is rounded away.

Only a float is given the noise of its last bits, as 0.1 + 0.2 has it, and 0.1 of single precision; whole numbers and
decimals are exact.
"""

from __future__ import annotations

import decimal
import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

from repro import printed
from repro.audit.verdicts import FURTHEST
from repro.errors import UsageError
from repro.printed import Printed

DOUBLE = 17  # significant digits that tell any float from the next
WHOLE = 2**53  # from here on, not every whole number is a float
ULPS = 4  # that a short sum or product may be off by
SINGLE = 2.0**-23  # relative: the same of single precision, which 0.1 is 0.10000000149011612 in
SHORT = 9  # significant digits that tell any number of single precision from the next
SHARE = 100  # of half a printed unit, to which that noise is held in any case: a print of 17 digits has none left
LONG = 10**100  # a whole number that is shown by its first digits


def read(text: str) -> Printed:
    """Read a printed number with all its digits. Raise UsageError for what is none, or too large or fine."""
    with decimal.localcontext() as context:
        context.prec = max(context.prec, len(text) + 1)
        try:
            number = printed.parse(text)
        except decimal.DecimalException as error:
            raise too_far(text) from error
    if max(abs(number.value.adjusted()), abs(number.unit.adjusted())) > FURTHEST:
        raise too_far(text)
    return number


def too_far(text: str) -> UsageError:
    """Return the error of a print that no document means."""
    return UsageError(f"printed number: {text!r:.60} is too large or too fine; look for a slip in its power")


def inexact(value: Any) -> bool:
    """Say whether a number is a float, of whichever library, whose last bits may be noise."""
    return not isinstance(value, Integral | Decimal)


def exact(value: Any) -> Fraction:
    """Return a finite number as it prints in full."""
    return Fraction(value if isinstance(value, Decimal) else printed.exact(value))


def noise(*values: float, precision: float = 0.0) -> Fraction:
    """Return how far the last bits of the largest of some floats may be off.

    They are those of single precision where all values are of that, or where `precision`, relative, says so of what
    was logged. That a number was rounded to few digits is no noise.
    """
    largest = max(map(abs, values), default=0.0)
    lost = max(precision, SINGLE if single(values) else 0.0)
    return max(Fraction(ULPS * math.ulp(largest)), Fraction(min(lost, SINGLE) * largest))


def single(values: Sequence[float]) -> bool:
    """Say whether floats are of single precision: each is one, and some take more digits than that tells apart."""
    return all(map(_is_single, values)) and any(map(_is_long, values))


def _is_single(value: float) -> bool:
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except OverflowError:
        return False


def _is_long(value: float) -> bool:
    """Say whether a fraction has more digits than somebody types, as 0.25 has not."""
    return value != int(value) and len(printed.exact(value).normalize().as_tuple().digits) > SHORT


def settled(distance: float, noise: float) -> float:
    """Return a distance; one within noise is none."""
    return 0.0 if abs(distance) <= noise else distance


def hold_digits(number: Printed, value: Any) -> None:
    """Raise UsageError where a print has more digits than the float that is held against it."""
    digits = number.value.adjusted() - number.unit.adjusted() + 1
    if inexact(value) and number.value and digits > DOUBLE:
        raise UsageError(
            f"{number.text.strip()!r:.60} has {digits} digits and a float holds {DOUBLE}; return the value as a whole "
            "number or a Decimal"
        )


def rounds(number: Printed, value: Any) -> bool:
    """Say whether a value is printed so when it is rounded, half a unit to either side included."""
    hold_digits(number, value)
    half = Fraction(number.half)
    slack = min(noise(float(value)), half / SHARE) if inexact(value) else Fraction(0)
    return abs(exact(value) - Fraction(number.value)) <= half + slack


def truncates(number: Printed, value: Any) -> bool:
    """Say whether a value is printed so when the digits after the last are cut off."""
    unit = Fraction(number.unit)
    return math.trunc(exact(value) / unit) * unit == Fraction(number.value)


def keeps(side: str, limit: Printed, value: Any) -> bool:
    """Say whether a value lies on a side of a limit, one of > >= < <=; a float within noise of it lies on the limit."""
    hold_digits(limit, value)
    over = exact(value) - Fraction(limit.value)
    slack = noise(float(value)) if inexact(value) else Fraction(0)
    return {">": over > slack, ">=": over >= -slack, "<": over < -slack, "<=": over <= slack}[side]


def whole(value: Any) -> int:
    """Return a count. Raise UsageError for a fraction, and for a float that may have lost its last digits."""
    if value != int(value):
        raise UsageError(f"counts are whole numbers, got {value}")
    if inexact(value) and abs(value) >= WHOLE:
        raise UsageError(f"the count found is {value!r}, and from 2**53 on floats skip whole numbers; return an int")
    return int(value)


def said(value: Any, form: str) -> str:
    """Return a number in a form such as ".6g"; a whole one may be larger than floats are."""
    return f"{Decimal(int(value)) if isinstance(value, Integral) and abs(int(value)) >= LONG else value:{form}}"


def in_full(value: int, form: str = ",") -> str:
    """Return a whole number with all digits but where these would fill a page."""
    return f"{value:{form}}" if abs(value) < LONG else said(value, ".12g")
