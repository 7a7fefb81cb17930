"""What a filter asks for: fields and their values, as after --where."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.errors import UsageError


def wanted(where: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the fields and values of 'field=value[,value]' texts. Raise UsageError for what is none.

    A value that holds a comma stands in double quotes, as in CSV.
    """
    found: list[tuple[str, list[str]]] = []
    for text in where:
        name, equals, values = text.partition("=")
        try:
            parts = next(csv.reader([values])) if name and equals and values else []
        except csv.Error:  # an end of line, or a text without end
            parts = []
        if not parts:
            raise UsageError(f"--where {text}: wanted field=value[,value...], for example --where first=0.5,1")
        found.append((name, parts))
    return found


def case_filter(where: Sequence[str]) -> Callable[[Any], bool]:
    """Return the test of cases for 'field=value[,value]' texts, as `field_filter` reads them."""
    keep = field_filter(where)
    return lambda case: keep(dataclasses.asdict(case))


def field_filter(where: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Return the test for 'field=value[,value]' texts; a number also matches its rounding to the decimals written."""
    asked = wanted(where)

    def keep(fields: Mapping[str, Any]) -> bool:
        return all(name in fields and any(_matches(fields[name], text) for text in texts) for name, texts in asked)

    return keep


def _matches(value: Any, text: str) -> bool:
    """Say whether a value is what a text says: as a number, to the decimals written, as Python or as JSON shows it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        decimals = len(text.partition(".")[2])
        return _number(text) == value or f"{value:g}" == text or (decimals > 0 and f"{value:.{decimals}f}" == text)
    return text in (as_text(value), json.dumps(value) if isinstance(value, list | tuple) else "")


def _number(text: str) -> int | float | None:
    """Return a text as a number, a whole one of any size; None for any other."""
    try:
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def as_asked(value: Any) -> str:
    """Return a value as --where takes it, whole numbers and others to their last digit."""
    plain = tuple(value) if isinstance(value, list) else value
    return quoted(repr(plain) if isinstance(plain, float) else as_text(plain))


def quoted(text: str) -> str:
    """Return a text in double quotes where --where would take it for several values."""
    return '"' + text.replace('"', '""') + '"' if {",", '"', "\n"} & {*text} else text


def as_text(value: Any) -> str:
    """Return a value as a case filter takes it."""
    if isinstance(value, float):
        return f"{value:g}"
    return json.dumps(value) if isinstance(value, bool | None) else str(value)
