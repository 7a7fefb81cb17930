"""What a bundle's records may look like: a commit, an environment, an entry of the log. Anything else is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pyarrow as pa

from repro.errors import IntegrityError
from repro.golden import log
from repro.machine import git
from repro.runs.provenance import PLAIN_NAME

HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
WHO, REASON = 200, 10_000  # characters

Form = Callable[[Any], bool]


def text(limit: int) -> Form:
    """Return whether a value is printable text of bounded length."""
    return lambda value: isinstance(value, str) and len(value) <= limit and value.isprintable()


def like(pattern: re.Pattern[str]) -> Form:
    """Return whether a value is a text that a pattern matches whole."""
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def all_of(form: Form) -> Form:
    """Return whether a value is a list of such."""
    return lambda value: isinstance(value, list) and all(map(form, value))


def commit(value: Any) -> bool:
    """Say whether a value is a commit as git names it, perhaps with uncommitted changes, or unknown."""
    return value == "" or like(git.COMMIT)(value)


def count(value: Any) -> bool:
    """Say whether a value is a whole number above 0, which True is not."""
    return type(value) is int and value > 0


def hashes(value: Any) -> bool:
    """Say whether a value maps a golden's parts to hashes, a part that was not there to nothing."""
    known = {"rows", "bands", "twin"}
    return (
        isinstance(value, dict) and set(value) <= known and all(one == "" or like(HASH)(one) for one in value.values())
    )


ENTRY: Mapping[str, Form] = {
    "number": count,
    "previous": like(HASH),
    "when": like(TIME),
    "who": text(WHO),
    "reason": lambda value: isinstance(value, str) and text(REASON)(value.replace("\n", " ")),
    "what": text(WHO),
    "commits": all_of(commit),
    "images": all_of(like(PLAIN_NAME)),
    "rows": count,
    "before": lambda value: value is None or hashes(value),
    "after": hashes,
}
LOCK: Mapping[str, Form] = {
    "sha256": lambda value: value is None or like(HASH)(value),
    "pinned": lambda value: type(value) is bool,
    "unpinned_because": text(WHO),
}


IMPORTED_ROW: Mapping[str, Form] = {
    **{name: text(WHO) for name in ("tool", "version", "run", "theirs", "origin")},
    "file": text(REASON),
    "digest": like(HASH),
}


def fault_of(record: Any, forms: Mapping[str, Form]) -> str:
    """Return the first field of a record that is not of its form, nothing where all are."""
    if not isinstance(record, dict):
        return "itself"
    return next((name for name, form in forms.items() if name not in record or not form(record[name])), "")


def hold_log(entries: Iterable[log.Entry]) -> None:
    """Raise IntegrityError for the first entry of a log with a field that is none."""
    for place, entry in enumerate(entries, 1):
        fault = fault_of(entry, ENTRY)
        if fault:
            raise IntegrityError(f"golden/{log.NAME}:{place}: '{fault}' is not what stands there in a log")


def hold_environments(records: Any, name: str) -> None:
    """Raise IntegrityError for environments whose facts, as far as they are printed, are none."""
    if not isinstance(records, dict):
        raise IntegrityError(f"{name}: holds no records of environments")
    image: Form = lambda value: value is None or (isinstance(value, dict) and like(PLAIN_NAME)(value.get("tree", "")))  # noqa: E731
    forms = {"device": like(PLAIN_NAME), "image": image, "lock": lambda value: not fault_of(value, LOCK)}
    for place, record in records.items():
        fault = fault_of(record, forms)
        if fault:
            raise IntegrityError(f"{name}: '{fault}' of the environment {place} is not what stands there in a record")


def hold_commits(some: pa.Table, name: str) -> None:
    """Raise IntegrityError for a row whose commit is none."""
    odd = [value for value in dict.fromkeys(some["commit"].to_pylist()) if not commit(value)]
    if odd:
        raise IntegrityError(f"{name}: names the commit '{odd[0]}', which is none")
