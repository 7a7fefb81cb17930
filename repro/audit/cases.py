"""The case that a claim names by its fields, and the options that choose it in a command."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from repro.errors import UsageError
from repro.runs.wanted import as_asked
from repro.study import Experiment


def named(experiment: Experiment, fields: Mapping[str, Any]) -> Any:
    """Return the one case that has these fields. Raise UsageError where none or several have."""
    found = [
        case
        for case in experiment.cases
        if all(hasattr(case, key) and _is(getattr(case, key), value) for key, value in fields.items())
    ]
    if len(found) != 1:
        raise UsageError(f"{len(found)} cases of '{experiment.name}' have {dict(fields)}; name fields of exactly one")
    return found[0]


def refuse_other(experiment: Experiment, case: Any) -> None:
    """Raise UsageError for what is none of an experiment's cases, naming the class that they are of."""
    if case not in experiment.cases:
        first = experiment.cases[0]
        raise UsageError(
            f"'{experiment.name}' has no case {case!r:.80}; give an instance of {type(first).__module__}."
            f"{type(first).__qualname__}, as {first!r:.80}"
        )


def _is(value: Any, written: Any) -> bool:
    """Say whether a case's field is what claims name: TOML writes a tuple as a list."""
    return bool(value == (tuple(written) if isinstance(value, tuple) and isinstance(written, list) else written))


def where(case: Any, fields: Iterable[str]) -> str:
    """Return the options that choose a case of a command by these fields, as a shell takes them."""
    return " ".join(f"--where {shlex.quote(f'{key}={as_asked(getattr(case, key))}')}" for key in fields)
