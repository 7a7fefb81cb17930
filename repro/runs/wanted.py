"""What a filter asks for: fields and their values, as after --where."""

from __future__ import annotations

import csv
from collections.abc import Sequence

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
