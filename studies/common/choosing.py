"""Refuse a name that is none of those known, rather than take it for one of them."""

from __future__ import annotations

from collections.abc import Iterable

from repro.errors import UsageError


def check_known(where: str, what: str, name: object, known: Iterable[str]) -> None:
    """Raise UsageError for a name that is not known."""
    names = list(known)
    if name not in names:
        raise UsageError(f"{where}: unknown {what} {name!r}; choose one of {', '.join(names)}")
