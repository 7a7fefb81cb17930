"""Published cells and the seeds that they were made of, brought together: which runs belong to which cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside import cells, grids, joint, places, published, rows
from repro.outside.grids import Grid
from repro.outside.joint import KIND, PART, RESOLUTION, RUNS, Joint, Key, Pulled, plain_name, statistic_column
from repro.outside.places import SPREADS, Placed, label
from repro.outside.published import NoNumber, Published, Writing

RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹"
POWER = re.compile(  # of ten, in a column's name
    rf"(?<![\w.-])(?:10\s?(?:\^\{{?|\*\*)\s?[-+−]?\d|10[⁺⁻]?[{RAISED}]|1e[-+−]?\d)|[×x*·∙]\s?10+(?:(?!\d)|[⁺⁻{RAISED}])"
)
KINDS = tuple(dict.fromkeys(SPREADS.values()))
HINTS = 20  # cells without seeds for which a near name is looked for, which takes time


@dataclass(frozen=True)
class SeededCell:
    """A cell and its runs: what it publishes or why that cannot be read, and its seeds as texts.

    `lost` counts runs that gave no number; `said` is how many runs the document names, `spread` what it says of the
    spread. `scale` brings runs into the cell's unit, `resolution` is the unit of their last digit where that is known.
    """

    key: Key
    text: str
    line: int
    found: Published | NoNumber | None = None
    fault: str = ""
    runs: tuple[str, ...] = ()
    lost: int = 0
    said: int | None = None
    spread: str = "unknown"
    scale: str = "1"
    resolution: str | None = None
    table: str = ""
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return what the cell is called."""
        return " / ".join(filter(None, self.key))


@dataclass(frozen=True)
class Settings:
    """What is said of all cells at once, where columns do not say it of each."""

    writing: Writing = published.PLAIN
    form: str = ""
    table: int | None = None
    labels: int | None = None
    metric: str = ""
    seed_from: str = ""
    unit: str = ""
    runs: int | None = None
    spread: str = ""
    scale: str = ""
    scales: Path | None = None
    resolution: str = ""
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class SeededTable:
    """All cells of a table with their runs, and what else is to be said of the two files."""

    cells: tuple[SeededCell, ...]
    notes: tuple[str, ...]


def bring_together(cells_path: Path, seeds_path: Path, settings: Settings) -> SeededTable:
    """Return every cell of a table with its runs. A fault of one cell stands in it and stops no other.

    Raise UsageError, with file and columns, where the two do not fit together.
    """
    _hold(settings)
    table = grids.read(cells_path, settings.form, settings.table)
    seeds = grids.read(seeds_path)
    if not seeds.rows or not table.rows:
        raise NothingSelectedError(f"{seeds_path if table.rows else cells_path}: holds no row below its header")
    table = joint.named(table, seeds)
    text = joint.text_column(table.headers)
    where = f"{cells_path} and {seeds_path}"
    fit = joint.fit(
        table, seeds, where, text=text, metric=settings.metric, seed=settings.seed_from, labels=settings.labels
    )
    runs = joint.runs(seeds, fit, settings.writing)
    found = _long(table, text, fit, settings) if text else _wide(table, fit, settings)
    if settings.where:
        found = _selected(found, settings.where, fit)
    if settings.scales is not None:
        found = _scaled(found, settings.scales, fit)
    near = {one.key: did_you_mean(one.name, [" / ".join(key) for key in runs])
            for one in [one for one in found if one.key not in runs][:HINTS]}  # fmt: skip
    joined = [_joined(one, runs.get(one.key), near.get(one.key, "")) for one in _told_apart(found)]
    spare = [key for key in runs if key not in {one.key for one in found}]
    cut = rows.without_end(seeds_path, rows.form_of(seeds_path))
    notes = [f"{seeds_path}: its last line has no end; if it was cut there, its last run lacks digits"] if cut else []
    if spare and not settings.where:
        first = cells.cut(" / ".join(spare[0]))
        notes = [*notes, f"{seeds_path}: the runs of {len(spare)} of {len(runs)} are of no cell, first '{first}'"]
    return SeededTable(tuple(joined), tuple(notes))


def _hold(settings: Settings) -> None:
    """Raise UsageError where what is said of all cells cannot be."""
    if settings.spread and settings.spread not in KINDS:
        near = did_you_mean(settings.spread, [*KINDS])
        raise UsageError(f"--spread {settings.spread}: no such spread{near} (spreads: {', '.join(KINDS)})")
    if settings.runs is not None and settings.runs < 1:
        raise UsageError(f"--runs {settings.runs}: wanted how many runs a mean is of, 1 or more")
    for name, text in (("scale", settings.scale), ("resolution", settings.resolution)):
        wrong = _wrong(name, text)
        if wrong:
            raise UsageError(f"--{name} {text}: {wrong}")


@lru_cache(maxsize=256)
def _wrong(name: str, text: str) -> str:
    """Return what is wrong with a scale or a resolution, "" for nothing."""
    try:
        value = published.number(text or "1").value
    except UsageError:
        return "wanted a number"
    if name == "scale":
        return "" if value else "wanted a number other than 0"
    return "" if value >= 0 else "wanted 0 or more"


def _long(table: Grid, text: str, fit: Joint, settings: Settings) -> list[SeededCell]:
    """Return the cells of a file that has each on a line of its own, or its mean and its spread on two."""
    place = {plain_name(name): number for number, name in enumerate(table.headers)}
    keys = [place[plain_name(name)] for name in fit.labels]
    beside = next((number for number, name in enumerate(table.headers) if _beside(name, table)), None)
    part = next((place[name] for name in PART if name in place), None)
    found: dict[int, tuple[Key, Placed, dict[str, str]]] = {}
    means: dict[Key, int] = {}
    for row, line in zip(table.rows, table.lines, strict=True):
        key = tuple(label(row[number]) for number in keys)
        said = "" if part is None else places.statistic(row[part])[1]
        own = row[beside] if beside is not None and row[beside].strip() else None
        kind = statistic_column(table.headers[beside]) if beside is not None else ""
        if said not in ("", "mean") and key in means:
            known, mean, facts = found[means[key]]
            found[means[key]] = known, replace(mean, own=row[place[plain_name(text)]], spread_is=said), facts
            continue
        means[key] = line
        facts = {name: row[number].strip() for name, number in place.items()}
        found[line] = key, Placed(key, "", row[place[plain_name(text)]], line, "", own, kind), facts
    return [_asked(key, one, facts, settings) for key, one, facts in found.values()]


def _beside(name: str, table: Grid) -> bool:
    """Say whether a column holds spreads as numbers; one that says in words what they are does not."""
    if not statistic_column(name):
        return False
    place = table.headers.index(name)
    return any(
        any(sign.isdigit() for sign in row[place]) and row[place].casefold() not in SPREADS for row in table.rows
    )


def _wide(table: Grid, fit: Joint, settings: Settings) -> list[SeededCell]:
    """Return the cells of a table as a document has it."""
    last = max(table.headers.index(name) for name in fit.labels) + 1
    kept = [table.headers.index(name) for name in fit.labels]
    found = []
    for one in places.placed(table, max(last, settings.labels or places.labels_of(table))):
        column = (label(one.column),) if fit.column or fit.each else ()
        found.append(_asked((*(one.labels[number] for number in kept), *column), one, {}, settings))
    return found


def _asked(key: Key, one: Placed, facts: Mapping[str, str], settings: Settings) -> SeededCell:
    """Return a cell that has not got its runs yet; what cannot be read of it is its fault."""

    def fact(names: Sequence[str]) -> str:
        return next((facts[name] for name in names if facts.get(name)), "")

    said, runs = fact(KIND), fact(RUNS)
    spread = settings.spread or one.spread_is or SPREADS.get(said.casefold(), "")
    notes = () if spread or not said or any(sign.isdigit() for sign in said) else (f"'{said}' says no known spread",)
    found: Published | NoNumber | None = None
    fault = "" if not runs or (runs.isdigit() and int(runs)) else f"runs are a whole number above 0, got {runs!r}"
    own = {"scale": settings.scale or fact(("scale",)), "resolution": settings.resolution or fact(RESOLUTION)}
    fault = fault or next(
        (f"{name} {text!r}: {_wrong(name, text)}" for name, text in own.items() if _wrong(name, text)), ""
    )
    if POWER.search(one.column) and not own["scale"]:
        fault = fault or (
            f"the column '{one.column}' states a power of ten; say `--scale` with what the seeds' runs are to be "
            "multiplied by, 1 where they are in the printed unit"
        )
    stated = cells.unit(settings.unit)
    stated = "" if stated == cells.SAME else stated  # which says what the runs are in
    try:
        found = published.in_unit(one.read(settings.writing), stated)
    except UsageError as error:
        fault = fault or str(error)
    text = one.text if one.own is None else f"{one.text.strip()} | {one.own.strip()}"
    unit = stated or cells.unit(fact(("unit",))) or (found.unit if isinstance(found, Published) else "")
    number = settings.runs or (int(runs) if runs.isdigit() else None)
    return SeededCell(
        key, text.strip(), one.line, found, fault, said=number, spread=spread or "unknown", notes=notes, unit=unit,
        scale=own["scale"] or "1", resolution=own["resolution"] or None,
        table=fact(("table",)),
    )  # fmt: skip


def _scaled(found: Sequence[SeededCell], path: Path, fit: Joint) -> list[SeededCell]:
    """Return cells with the scale and the resolution that a file of their own says of each."""
    scales = grids.read(path)
    place = {plain_name(name): number for number, name in enumerate(scales.headers)}
    missing = [name for name in (*fit.labels, "scale") if plain_name(name) not in place]
    if missing:
        raise UsageError(f"{path}: has no column '{missing[0]}' (columns: {', '.join(scales.headers)})")
    known = {tuple(label(row[place[plain_name(name)]]) for name in fit.labels): row for row in scales.rows}
    unit = next((place[name] for name in RESOLUTION if name in place), None)
    scaled = []
    for one in found:
        row = known.get(one.key[: len(fit.labels)])
        if row is None:
            scaled.append(replace(one, fault=one.fault or f"{path} has no line of it"))
            continue
        scale, resolution = row[place["scale"]].strip(), row[unit].strip() if unit is not None else ""
        wrong = _wrong("scale", scale) or _wrong("resolution", resolution)
        fault = one.fault or (f"{path}: {scale!r}, {resolution!r}: {wrong}" if wrong else "")
        scaled.append(replace(one, fault=fault, scale=scale or "1", resolution=resolution or one.resolution))
    return scaled


def _told_apart(found: Sequence[SeededCell]) -> Iterator[SeededCell]:
    """Yield the cells; one that has the name of an earlier one of its table is at fault, and so is that one."""
    lines: dict[tuple[str, Key], list[int]] = {}
    for one in found:
        lines.setdefault((one.table, one.key), []).append(one.line)
    for one in found:
        own = lines[one.table, one.key]
        words = f"{len(own)} cells have this name, at lines {', '.join(map(str, own))}; tell them apart"
        yield replace(one, fault=words) if len(own) > 1 else one


def _joined(one: SeededCell, runs: Pulled | None, near: str) -> SeededCell:
    """Return a cell with its runs."""
    if runs is None:
        if isinstance(one.found, NoNumber):
            return one
        return replace(one, fault=one.fault or f"no seeds are of '{one.name}'{near}")
    return replace(one, fault=one.fault or runs.fault, runs=tuple(runs.values), lost=runs.lost)


def _selected(found: Sequence[SeededCell], where: Sequence[str], fit: Joint) -> list[SeededCell]:
    """Return the cells whose labels are those asked for. Raise an error for a field or a value that no cell has."""
    kept, names = [*found], fit.fields
    for text in where:
        name, _, value = text.partition("=")
        place = next((number for number, own in enumerate(names) if plain_name(own) == plain_name(name)), None)
        if place is None or not value:
            raise UsageError(
                f"--where {text}: wanted FIELD=VALUE{did_you_mean(name, names)} (fields: {', '.join(names)})"
            )
        there = dict.fromkeys(one.key[place] for one in kept)
        kept = [one for one in kept if one.key[place] == label(value)]
        if not kept:
            raise NothingSelectedError(f"--where {text}: no cell is of it{did_you_mean(value, [*there])}")
    return kept
