"""The harness's own values as JSON, and back: dataclasses, enumerations, decimals, tuples and mappings by name."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

NAME, HARNESS = "is", "repro."  # the key that says what a value is; whose classes are made again


def written(value: Any) -> Any:
    """Return a value as JSON has it, None where what is read again would not be the same."""
    try:
        plain = json.loads(json.dumps(_plain(value)))
        return plain if value is not None and again(plain) == value else None
    except (TypeError, ValueError):
        return None


def again(plain: Any) -> Any:
    """Return the value that was written. Raise ValueError for what is none of ours."""
    if isinstance(plain, list):
        return [again(one) for one in plain]
    if not isinstance(plain, dict):
        return plain
    what, held = plain[NAME], plain["of"]
    if what == "dict":
        return {again(key): again(one) for key, one in held}
    if what == "tuple":
        return tuple(again(one) for one in held)
    if what == "decimal":
        return Decimal(held)
    module, _, name = what.partition(":")
    if not module.startswith(HARNESS) or module not in sys.modules:  # what judges is imported before
        raise ValueError(f"{what} is none of the harness's classes")
    kind = getattr(sys.modules[module], name)
    return kind(held) if issubclass(kind, Enum) else kind(**{key: again(one) for key, one in held.items()})


def _plain(value: Any) -> Any:
    kind = type(value)
    name = f"{kind.__module__}:{kind.__qualname__}"
    if isinstance(value, Enum):
        return {NAME: name, "of": value.value}
    if dataclasses.is_dataclass(value):
        held = {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {NAME: name, "of": held}
    if isinstance(value, Decimal):
        return {NAME: "decimal", "of": str(value)}
    if isinstance(value, tuple):
        return {NAME: "tuple", "of": [_plain(one) for one in value]}
    if isinstance(value, Mapping):
        return {NAME: "dict", "of": [[_plain(key), _plain(one)] for key, one in value.items()]}
    return [_plain(one) for one in value] if isinstance(value, list) else value
