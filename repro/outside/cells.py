"""Cells of tables and fields of runs as texts and numbers, and whether they are what was asked for."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repro.errors import UsageError

ALIKE = 1.5  # how far numbers of one size lie apart at most
LONGEST = 100  # digits of a whole number; Python makes no number of some thousands
SHOWN = 40  # characters of somebody's value in a message
NAMES = 20  # of them in a message
FAILED = re.compile(r"oom|out of memory|fail(ed|ure)?|error|crash(ed)?|killed|time ?out|timed out", re.I)
DIVERGED = re.compile(r"diverged", re.I)  # which says what NaN says
PERCENT = ("%", "points")  # a difference of percentages is in points
NONE = "1"  # the unit of a pure number, such as a fraction
SAME = "same"  # says that results are in the unit of what is published, whatever that is
UNITS = {
    **dict.fromkeys(("percent", "per cent", "pct", "percentage", "percentages"), "%"),
    **dict.fromkeys(("percentage points", "percent points", "per cent points", "pp"), "points"),
    **dict.fromkeys(("fraction", "fractions", "ratio", "share", "proportion"), NONE),
}  # in words; any other word is a unit of its own
MISSING = {"", "na", "n/a", "none", "null", "-", "--", "\N{EM DASH}", "\N{EN DASH}"}


def text(value: Any) -> str:
    """Return a cell as a text: whole floats as they are, true and false in small letters, nothing for None."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def number(value: Any) -> float | None:
    """Return a cell as a number, NaN and infinities included; None where it is none.

    Unlike Python, nobody's table means 931 by 93_1.
    """
    try:
        return None if isinstance(value, str) and "_" in value else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def unit(words: str) -> str:
    """Return the unit that somebody's word means: %, points and 1 have several, every other one is what it is."""
    return UNITS.get(" ".join(words.casefold().split()), words.strip())


def is_number(words: str) -> bool:
    """Say whether a text is a number."""
    return number(words) is not None


def is_missing(words: str) -> bool:
    """Say whether a text stands for nothing."""
    return words.lower() in MISSING


def advice(words: str) -> str:
    """Say what to do with a text that was to be a number."""
    if words.endswith("%"):
        return "which is no number; leave out the sign in the table, and say --unit %"
    if "," in words and number(words.replace(",", ".")) is not None:
        return f"which is no number; write a decimal point, as in {words.replace(',', '.')}"
    return "which is no number; mend it, or leave the cell empty where the run has none"


def same(value: Any, wanted: str) -> bool:
    """Say whether a value is what was asked for: the same text, but for blanks around it, or the same number."""
    words = text(value).strip()
    if words == wanted.strip():
        return True
    mine, theirs = number(words), number(wanted)
    return mine is not None and theirs is not None and mine == theirs and math.isfinite(mine)


class Wanted(dict[Any, bool]):
    """Whether a cell has one of some values, found out once for each that differs: the keys are what was met."""

    def __init__(self, values: Sequence[str]) -> None:
        self.values_wanted = values

    def __missing__(self, cell: Any) -> bool:
        found = self[cell] = any(same(cell, value) for value in self.values_wanted)
        return found


def numbered(words: str) -> int | None:
    """Return the one whole number in a name such as "seed-3" or "version_0"; None where there is none or several."""
    found = re.findall(r"\d+", words)
    return int(found[0]) if len(found) == 1 and len(found[0]) <= LONGEST else None


def whole(words: str) -> int | None:
    """Return the whole number that a text is, of any length that a seed has; None where it is none."""
    found = re.fullmatch(rf"[+-]?\d{{1,{LONGEST}}}", words)
    return int(found[0]) if found else None


def delimiter_of(head: str, form: str) -> str:
    """Return what parts the cells of a table: a semicolon or a tab where the header has no comma."""
    return "\t" if form == "tsv" else next((sign for sign in ",;\t" if sign in head), ",")


def cut(words: str) -> str:
    """Return a text as a message has it: no longer than it takes to recognise it."""
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def few(names: Iterable[str]) -> str:
    """Return the first of some names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - NAMES} more" if len(listed) > NAMES else ""
    return (", ".join(map(cut, listed[:NAMES])) or "none") + more


def hold_one_unit(
    metric: str, values: Mapping[str, float], *, said: str = "", percent: str = "", same: str = ""
) -> str:
    """Raise UsageError where some results look like fractions and the others like the same thing in percent.

    `said` is the unit that an option states. It settles what results are, but for one of fractions, which converts, and
    for percent where most results are none: among percentages a small one may be of a run that learned nothing. Then
    what was settled is returned, in words. `percent` and `same` are the options that would state these.
    """
    small = {run: value for run, value in values.items() if 0 < value <= 1}
    large = {run: value for run, value in values.items() if 1 < value <= 100}
    if not small or not large or len(small) + len(large) < len(values):
        return ""
    low, high = min(large.values()), max(large.values())
    if high / low >= ALIKE or not all(low / ALIKE < 100 * value < high * ALIKE for value in small.values()):
        return ""
    first, second = (next(iter(some.items())) for some in (small, large))
    found = f"{metric} is {first[1]:.4g} in {first[0]} and {second[1]:.4g} in {second[0]}"
    mostly = statistics.median(values.values()) > 1
    if said not in ("", NONE) and (mostly or said not in PERCENT):
        return f"{found}: both were read as they are, by the unit that was stated"
    ways = " or ".join(filter(None, (percent if mostly else "", same)))
    raise UsageError(
        f"{found}: fractions and percent are mixed; bring them into one unit"
        f"{f', or say {ways} if they are in one' if ways else ''}"
    )
