"""Invented outcomes of evidence that was made again."""

from __future__ import annotations

from collections.abc import Mapping

from repro.golden.outcomes import Dated, Repeated

FACTS = {"packages.torch": ("2.0",), "threads": ("1",), "lock.sha256": ("ab",), "packages.repro": ("0.1.0",)}
FILES = {"studies/some/measured.py": "f0", "studies/some/model.py": "f1"}


def run(experiment: str = "a", *, bits: str = "1", word: str = "same", **fields: str) -> Repeated:
    """Return a run of an experiment, the same but for what is said."""
    values = {"code": "c", "settings": "s", "data": "d", **fields}
    return Repeated(f"some/smoke/{experiment}", '{"x":0}', 0, bits=bits, word=word, seconds=0.5, **values)


def dated(
    when: str,
    *runs: Repeated,
    facts: Mapping[str, tuple[str, ...]] | None = None,
    files: Mapping[str, str] | None = None,
    **fields: int,
) -> Dated:
    """Return an outcome of runs; each experiment reaches all files."""
    named = {**FILES, **(files or {})}
    reaches = {one.of: tuple(named) for one in runs}
    return Dated(when, "e" * 40, {**FACTS, **(facts or {})}, named, reaches, runs, **fields)  # type: ignore[arg-type]
