"""The planted mistakes of defects.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("defects.toml")


@dataclass(frozen=True)
class Defect:
    """A text of a file that is replaced by another, where it would show (`cases`) and who should see it (`tests`)."""

    name: str
    what: str
    study: str
    path: str
    old: str
    new: str
    cases: tuple[str, ...]
    tests: tuple[str, ...]


def load(path: Path = PATH) -> tuple[Defect, ...]:
    """Return the planted mistakes in the order of their file."""
    entries = tomllib.loads(path.read_text("utf-8"))["defect"]
    return tuple(
        Defect(**{**one, "cases": tuple(one["cases"].split()), "tests": tuple(one["tests"].split())}) for one in entries
    )


DEFECTS = load()
