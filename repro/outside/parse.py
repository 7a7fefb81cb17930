"""JSON, YAML, CSV and numbers as tools write them, and curves made of their records."""

from __future__ import annotations

import csv
import functools
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from repro.errors import IntegrityError
from repro.machine import files
from repro.outside.logged import Curve, Value

SINGLE = 2.0**-23  # relative spacing of single precision
DEPTH, SIZE = 64, 20_000  # of nested parameters, and how many
AGAIN = "copy it again, or leave it out"

Point = tuple[int | None, float | None, float]  # step, epoch, value


# Texts


def json_of(path: Path, what: str) -> Any:
    """Return what a JSON file holds, NaN and infinities among it. Raise IntegrityError where it is not whole."""
    return json_in(files.read(path, what, AGAIN), path, what)


def json_in(content: str | bytes, path: Path, what: str, line: int = 1) -> Any:
    """Return what a piece of JSON holds that begins at a line of a file, in whichever UTF its bytes are."""
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        place = f"line {line + error.lineno - 1}, column {error.colno}"
        raise IntegrityError(f"{path}: no whole {what}, {place} ({error.msg}); {AGAIN}") from error
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path}: no {what}, not UTF-8 at byte {error.start}; {AGAIN}") from error
    except (ValueError, RecursionError) as error:  # a number of 10,000 digits; brackets without end
        raise IntegrityError(f"{path}: no {what} ({error}); {AGAIN}") from error


def mapping_of(path: Path, what: str) -> dict[str, Any]:
    """Return the mapping that a JSON file holds. Raise IntegrityError for another value."""
    found = json_of(path, what)
    if not isinstance(found, dict):
        raise IntegrityError(f"{path}: no {what}, it holds a {type(found).__name__} in place of a mapping; {AGAIN}")
    return found


def yaml_of(path: Path, what: str, text: str | None = None) -> Any:
    """Return what a YAML file holds, or a text of it. Raise IntegrityError where it is none.

    A file that a tool wrote ends in a line's end: without it `seed: 12` may have been `seed: 123`, and is refused.
    Dates, times and numbers with leading zeros stay texts, 1e-3 is a number (YAML 1.2), and of what a Python object was
    stored as stays the tag.
    """
    import yaml

    source = files.read_text(path, what, AGAIN) if text is None else text
    if text is None and not source.endswith("\n"):
        raise IntegrityError(f"{path}: no whole {what}, it ends in the middle of a line; {AGAIN}")
    try:
        return yaml.load(source, Loader=_loader())
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise IntegrityError(f"{path}: no {what} ({' '.join(str(error).split())}); {AGAIN}") from error


@functools.cache
def _loader() -> Any:
    """Return the reader of YAML, which makes no Python objects and takes no text for a time or an octal number."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader: Any = type("Loader", (base,), {})
    kept = ("bool", "null", "merge")  # of the resolvers of YAML 1.1
    loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0].rpartition(":")[2] in kept]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    whole = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
    real = re.compile(r"([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
    leading = re.compile(r"[-+]?0[0-9]+\Z")  # 007 is a name
    loader.add_implicit_resolver("tag:yaml.org,2002:str", leading, list("-+0"))
    loader.add_implicit_resolver("tag:yaml.org,2002:int", whole, list("-+0123456789"))
    loader.add_implicit_resolver("tag:yaml.org,2002:float", real, list("-+.0123456789"))
    loader.add_multi_constructor("", _plain)
    return loader


def _plain(loader: Any, suffix: str, node: Any) -> Any:
    """Return a node of a tag that only its writer knows: a tuple's sequence as it is, of anything else the tag."""
    name = suffix.removeprefix("tag:yaml.org,2002:").removeprefix("!")
    return loader.construct_sequence(node) if name == "python/tuple" else f"!{name}"


def table_of(path: Path, what: str) -> tuple[list[dict[str, str]], bool]:
    """Return the rows of a CSV file without their empty cells, and whether its last line was torn, which is left out.

    Each row has its line under the empty name. Raise IntegrityError for a row that does not fit the header.
    """
    text = files.read_text(path, what, AGAIN).removeprefix("\ufeff")
    torn = not text.endswith(("\n", "\r"))
    if torn:
        text = text[: text.rfind("\n") + 1]
    rows = csv.reader(io.StringIO(text, newline=""))
    found = []
    try:
        header = next(rows, [])
        if len(set(header)) < len(header):
            raise IntegrityError(f"{path}: two columns have one name ({', '.join(header)}); {AGAIN}")
        for row in rows:
            if row and len(row) != len(header):
                sizes = f"{len(row)} cells, the header has {len(header)}"
                raise IntegrityError(f"{path}: line {rows.line_num} has {sizes}; {AGAIN}")
            cells = {name: cell for name, cell in zip(header, row, strict=False) if cell and name}
            found.append({**cells, "": str(rows.line_num)})
    except csv.Error as error:
        raise IntegrityError(f"{path}: line {rows.line_num} is no CSV ({error}); {AGAIN}") from error
    return [row for row in found if len(row) > 1], torn


# Values


def number(value: Any) -> float | None:
    """Return a number as a float; None for what is none: texts, truth values, nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:  # an integer above 1.8e308
        return math.inf if value > 0 else -math.inf


def flat(value: Any, where: Path) -> dict[str, Value]:
    """Return nested parameters under names joined by dots; a list becomes its JSON text.

    Raise IntegrityError where they are nested too deep, or are too many.
    """
    found: dict[str, Value] = {}
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        name, one, depth = waiting.pop()
        if depth > DEPTH or len(found) + len(waiting) > SIZE:
            raise IntegrityError(f"{where}: parameters are nested {DEPTH} deep, or more than {SIZE}; {AGAIN}")
        if isinstance(one, Mapping):
            inner = [(f"{name}.{key}" if name else str(key), nested, depth + 1) for key, nested in one.items()]
            waiting += reversed(inner)
        elif isinstance(one, str | int | float | bool) or one is None:
            found[name] = one
        else:
            found[name] = _listed(one, where)
    found.pop("", None)  # a value that is no mapping has no name
    return found


def _listed(value: Any, where: Path) -> str:
    """Return the JSON text of a list, of one with too much in it the size: YAML's aliases may unfold without end."""
    waiting, seen = [value], 0
    while waiting and seen <= SIZE:
        one = waiting.pop()
        waiting += one if isinstance(one, list) else one.values() if isinstance(one, Mapping) else ()
        seen += 1
    if waiting:
        return f"{len(value)} values"
    try:
        return json.dumps(value, default=str)
    except (ValueError, RecursionError, TypeError) as error:
        raise IntegrityError(f"{where}: a list of parameters cannot be written down ({error}); {AGAIN}") from error


# Curves


def curve(points: Sequence[Point], *, precision: float = 0.0, after: bool = False) -> Curve:
    """Return points as a curve: steps where each has one, epochs where one has one (NaN for the others)."""
    steps, epochs = [step for step, _, _ in points], [epoch for _, epoch, _ in points]
    whole = [step for step in steps if step is not None]
    some = any(epoch is not None for epoch in epochs)
    return Curve(
        values=np.array([value for _, _, value in points], dtype=np.float64),
        steps=np.array(whole, dtype=np.int64) if len(whole) == len(steps) and not after else None,
        epochs=np.array([math.nan if epoch is None else epoch for epoch in epochs], dtype=np.float64)
        if some and not after
        else None,
        precision=precision,
        after=after,
    )


def step_of(value: Any) -> int | None:
    """Return a step, None for what is no whole number of 64 bits."""
    found = number(value)
    return int(value) if found is not None and abs(found) < 2**63 and found == int(found) else None


def points_of(records: Iterable[Mapping[str, Any]]) -> tuple[dict[str, list[Point]], tuple[str, ...]]:
    """Return the points of each metric of records, which hold `step` and `epoch` among their numbers.

    Second, the names whose values are no numbers, which are left out.
    """
    found: dict[str, list[Point]] = {}
    other: dict[str, None] = {}
    for record in records:
        step, epoch = step_of(record.get("step")), number(record.get("epoch"))
        for name, value in record.items():
            if name in ("step", "epoch"):
                continue
            amount = number(value)
            if amount is None:
                other[name] = None
            else:
                found.setdefault(name, []).append((step, epoch, amount))
    return found, tuple(other)
