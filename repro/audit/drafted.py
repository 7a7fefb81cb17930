"""A draft of claims.toml from a published table, an entry a cell: what a person has to read, fill in and decide."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.audit.claims import SPREADS
from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.machine.terminal import escape
from repro.outside import cells, grids, places, published
from repro.outside.markup import words
from repro.outside.places import Placed
from repro.outside.published import NoNumber, Published, Writing
from repro.printed import Printed

REASON = 'reason = "not-built"  # put a judge in its place, and rows or compute'
HEAD = """\
# Drafted from {source}, for a person to read: nothing here is judged, and each claim stands as `not-built` until
# 1. `statement` says in words of your own what the document says, and `where` the place where it does; cells that
#    share a `where` are one table, whose spreads are read in one way;
# 2. a judge stands in the place of `reason`, with its evidence by `rows` or `compute`: `made_of` for the runs that
#    a cell was made of, `samples` for runs of ours. A `margin` is what would not matter, declared before any run;
# 3. claims that are no findings, and those that say another again (`restates`), are taken out or marked.
"""


@dataclass(frozen=True)
class Draft:
    """A draft as text, how many claims it has, and the cells that could not be read, each with why."""

    text: str
    claims: int
    faults: tuple[str, ...]


def draft(
    path: Path,
    *,
    writing: Writing = published.PLAIN,
    form: str = "",
    which: int | None = None,
    labels: int | None = None,
    unit: str = "",
    spread: str = "",
    runs: int | None = None,
    where: str = "",
) -> Draft:
    """Return a draft of the claims that a table makes, in the order of its cells.

    `unit`, `spread` and `runs` are taken as said for all cells and are left out where they are not. Raise UsageError
    for a table that cannot be read or a spread that claims do not have, NothingSelectedError where no cell is a number.
    """
    if spread and spread not in SPREADS:
        raise UsageError(f"--spread {spread}: no such spread{did_you_mean(spread, [*SPREADS])} ({', '.join(SPREADS)})")
    if runs is not None and runs < 1:
        raise UsageError(f"--runs {runs}: wanted how many runs a mean is of, 1 or more")
    unit = cells.unit(unit)
    table = grids.read(path, form, which)
    where = _seen(where or _title(table.title) or f"table of {path.name}")
    found = [*places.sections(places.placed(table, labels))]
    faults, entries, taken = [], [], set[str]()
    said = {"unit": unit, "spread": spread, "runs": runs}
    shown = {"unit": bool(unit), "spread": bool(spread), "runs": runs is not None}
    for one in found:
        place = f"{path.name}:{one.line}, row {_seen(one.row)}, column {_seen(one.column)}"
        try:
            read = published.in_unit(one.read(writing), unit)
        except UsageError as error:
            faults.append(f"{place}: {error}")
            entries.append(f"# {place}: cannot be read, {_seen(str(error))}\n")
            continue
        if isinstance(read, NoNumber):
            entries.append(f"# {place}: no number ({_seen(read.text)})\n")
        elif read.form == "interval":
            entries.append(f"# {place}: no mean ({_seen(read.text.strip())})\n")
        else:
            shown["unit"] |= read.percent
            own = _unique(_slug(one), taken)
            entries.append(f"# {place}\n{chr(10).join(_entry(one, read, own, where, said))}\n")
    if not taken:
        raise NothingSelectedError(f"{path}: no cell of the table is a number{f'; {faults[0]}' if faults else ''}")
    missing = [f"# Not said, and left out: {', '.join(name for name, here in shown.items() if not here)}.\n"]
    head = HEAD.format(source=_seen(path.name)) + (missing[0] if not all(shown.values()) else "")
    return Draft("\n".join([head, *entries]), len(taken), tuple(faults))


def _title(text: str) -> str:
    """Return what a table is called, or nothing where that cannot be read."""
    try:
        return words(text)
    except UsageError:
        return ""


def _seen(text: str) -> str:
    """Return a text on one line in which every character can be seen."""
    return escape(" ".join(text.split()))


def _entry(one: Placed, read: Published, own: str, where: str, said: dict[str, str | int | None]) -> Iterator[str]:
    """Yield the lines of a claim."""
    text = " ± ".join(published.canonical(read))
    statement = f"Row {_seen(one.row)}, column {_seen(one.column)}: {text}."
    unit = said["unit"] or read.unit
    beside = ", ".join([*([_interval(read.interval)] if read.interval else []), *read.besides])
    known = one.spread_is if one.spread_is != "unknown" else ""
    spread = said["spread"] or known or ("ci95" if read.level == "95" else "")
    yield "[[claim]]"
    yield f"id = {_text(own)}"
    yield f"where = {_text(where)}"
    yield f"kind = {_text('value' if read.spread is None else 'mean-and-deviation')}"
    yield f"statement = {_text(statement)}"
    yield f"published = {_text(text)}"
    if unit:
        yield f"unit = {_text(str(unit))}"
    if said["runs"] is not None:
        yield f"runs = {said['runs']}"
    if read.spread is not None and spread:
        yield f"spread = {_text(str(spread))}"
    if beside:
        yield f"note = {_text(_seen(f'Beside it stands {beside}.'))}"
    yield REASON


def _interval(ends: Sequence[Printed]) -> str:
    return f"the interval from {ends[0].text} to {ends[1].text}"


def _text(text: str) -> str:
    """Return a text as TOML has it."""
    return json.dumps(text, ensure_ascii=False)


def _slug(one: Placed) -> str:
    """Return a name for a claim of a cell."""
    flat = unicodedata.normalize("NFKD", f"{one.row} {one.column}").encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", flat).strip("-") or f"line-{one.line}"


def _unique(name: str, taken: set[str]) -> str:
    """Return a name that no claim has yet, and take it."""
    number = 2
    own = name
    while own in taken:
        own, number = f"{name}-{number}", number + 1
    taken.add(own)
    return own
