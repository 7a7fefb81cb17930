"""Published cells and the seeds that they were made of, brought together: which runs belong to which cell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.outside import grids, places, published
from repro.outside.grids import Grid
from repro.outside.places import SPREADS, Placed, label
from repro.outside.published import NoNumber, Published, Writing

TEXT = ("printed", "cell", "published", "mean")  # what a column of cells may be called, the likeliest first
KIND = ("spread", "spread_said", "spread_is")
RUNS = ("runs", "runs_said", "n")
RESOLUTION = ("resolution", "seed_resolution")
PART = ("statistic", "stat")  # of a cell whose mean and spread stand on two lines
EASY = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
SEED = ("seed", "fold", "run", "trial", "episode", "repeat", "replicate", "repetition", "iteration")
NOT_KEYS = {
    "source_path",
    "source",
    "file",
    "line",
    "note",
    "where",
    "unit",
    "scale",
    "table",
    *KIND,
    *RUNS,
    *RESOLUTION,
    *PART,
}
HINTS = 20  # cells without seeds for which a near name is looked for, which takes time
Key = tuple[str, ...]


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


@dataclass
class Pulled:
    """The runs of one cell while they are read: their texts, the line of each seed, and what is wrong with them."""

    values: list[str] = field(default_factory=list)
    lost: int = 0
    lines: dict[str, int] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Joint:
    """How a table and its seeds fit together, by the names of their columns.

    `labels` are the columns that both have; `values` the seeds' that hold runs: one, or one for each column of the
    table, as `each` says; `column` is the seeds' that names the table's columns.
    """

    labels: tuple[str, ...]
    values: tuple[str, ...]
    column: str = ""
    each: bool = False

    @property
    def fields(self) -> list[str]:
        """Return what tells cells apart."""
        return [*self.labels, *([self.column or "column"] if self.column or self.each else [])]


def bring_together(cells_path: Path, seeds_path: Path, settings: Settings) -> SeededTable:
    """Return every cell of a table with its runs. A fault of one cell stands in it and stops no other.

    Raise UsageError, with file and columns, where the two do not fit together.
    """
    table = grids.read(cells_path, settings.form, settings.table)
    seeds = grids.read(seeds_path)
    if not seeds.rows or not table.rows:
        raise NothingSelectedError(f"{seeds_path if table.rows else cells_path}: holds no row below its header")
    names = {_plain(name): name for name in table.headers}
    text = next((names[name] for name in TEXT if name in names), "")
    fit = _fit(table, seeds, text, settings, f"{cells_path} and {seeds_path}")
    runs = _runs(seeds, fit, settings.writing)
    found = _long(table, text, fit, settings) if text else _wide(table, fit, settings)
    if settings.where:
        found = _selected(found, settings.where, fit)
    if settings.scales is not None:
        found = _scaled(found, settings.scales, fit)
    near = {one.key: did_you_mean(one.name, [" / ".join(key) for key in runs])
            for one in [one for one in found if one.key not in runs][:HINTS]}  # fmt: skip
    joined = [_joined(one, runs.get(one.key), near.get(one.key, "")) for one in _told_apart(found)]
    spare = [key for key in runs if key not in {one.key for one in found}]
    notes = []
    if spare and not settings.where:
        notes = [
            f"{seeds_path}: the runs of {len(spare)} of {len(runs)} are of no cell, first '{' / '.join(spare[0])}'"
        ]
    return SeededTable(tuple(joined), tuple(notes))


def _plain(name: str) -> str:
    """Return a column's name as it is compared."""
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _is_key(name: str) -> bool:
    """Say whether a column may name cells: neither a seed nor what is said of a cell beside its name."""
    return bool(name) and _plain(name) not in {*SEED, *NOT_KEYS, *TEXT} and statistic_column(name) == ""


def statistic_column(name: str) -> str:
    """Return what a column of spreads says these are, "" for another column."""
    stem, said = places.statistic(name)
    return said if not stem and said != "mean" else ""


def _fit(table: Grid, seeds: Grid, text: str, settings: Settings, where: str) -> Joint:
    """Return how two files fit together. Raise UsageError, with the columns of both, where they do not."""
    own = {_plain(name): name for name in seeds.headers}
    shared = [name for name in table.headers if _is_key(name) and _plain(name) in own]
    value = own.get(_plain(settings.metric or "value"), "")
    if settings.metric and not value:
        raise UsageError(
            f"--metric {settings.metric}: no such column{did_you_mean(settings.metric, [*seeds.headers])} in the seeds "
            f"(columns: {', '.join(seeds.headers)})"
        )
    seen = f"{where}: (columns: {', '.join(table.headers)}; and {', '.join(seeds.headers)})"
    if text and any(_plain(name) == "id" for name in shared):
        shared = [name for name in shared if _plain(name) == "id"]
    if not shared:
        raise UsageError(
            f"{seen} have no column in common that names cells; give both an 'id', or one name to the rows"
        )
    rest = [
        name for name in seeds.headers if _is_key(name) and name != value and _plain(name) not in map(_plain, shared)
    ]
    if not value and not text:
        own_columns = dict.fromkeys(one.column for one in places.placed(table, settings.labels))
        values = tuple(own[_plain(name)] for name in own_columns if _plain(name) in own)
        labels = [name for name in shared if own[_plain(name)] not in values]
        if labels and values:
            return Joint(tuple(labels), values, each=True)
    if not value and len(rest) == 1:
        value, rest = rest[0], []
    if not value:
        raise UsageError(f"{seen} which column of the seeds holds the runs? call it 'value' or say `--metric COLUMN`")
    if text:
        return Joint(tuple(shared), (value,))
    if len(rest) > 1:
        raise UsageError(f"{seen} which of {', '.join(rest)} names the table's columns? leave out the others")
    return Joint(tuple(shared), (value,), rest[0] if rest else "")


def _runs(seeds: Grid, fit: Joint, writing: Writing) -> dict[Key, Pulled]:
    """Return the runs by the names of their cells."""
    place = {_plain(name): number for number, name in enumerate(seeds.headers)}
    keys = [place[_plain(name)] for name in (*fit.labels, *([fit.column] if fit.column else []))]
    values = [(place[_plain(name)], (label(name),) if fit.each else ()) for name in fit.values]
    seed = next((place[name] for name in SEED if name in place), None)
    names: dict[str, str] = {}
    found: dict[Key, Pulled] = {}
    for row, line in zip(seeds.rows, seeds.lines, strict=True):
        own = tuple(
            names[row[key]] if row[key] in names else names.setdefault(row[key], label(row[key])) for key in keys
        )
        for column, name in values:
            if fit.each and not row[column].strip():
                continue  # a column of another table's runs is longer
            pulled = found.setdefault((*own, *name), Pulled())
            _pull(pulled, row[column], "" if seed is None else row[seed].strip(), line, writing)
    return found


def _pull(pulled: Pulled, text: str, seed: str, line: int, writing: Writing) -> None:
    """Take one run of a cell."""
    if seed and pulled.lines.setdefault(seed, line) != line:
        pulled.fault = pulled.fault or f"seed {seed} stands twice, at lines {pulled.lines[seed]} and {line}; leave one"
    try:
        value = text.strip()
        if not EASY.fullmatch(value):
            one = published.read(value, writing)
            if not isinstance(one, NoNumber) and (one.spread is not None or one.interval is not None):
                raise UsageError(f"a run is one number, got {value!r}")
            value = "" if isinstance(one, NoNumber) else one.mean.text
        pulled.lost += not value
        pulled.values += [value] if value else []
    except UsageError as error:
        pulled.fault = pulled.fault or f"line {line} of the seeds: {error}"


def _long(table: Grid, text: str, fit: Joint, settings: Settings) -> list[SeededCell]:
    """Return the cells of a file that has each on a line of its own, or its mean and its spread on two."""
    place = {_plain(name): number for number, name in enumerate(table.headers)}
    keys = [place[_plain(name)] for name in fit.labels]
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
            found[means[key]] = known, replace(mean, own=row[place[_plain(text)]], spread_is=said), facts
            continue
        means[key] = line
        facts = {name: row[number].strip() for name, number in place.items()}
        found[line] = key, Placed(key, "", row[place[_plain(text)]], line, "", own, kind), facts
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
    fault = "" if not runs or runs.isdigit() else f"runs are a whole number, got {runs!r}"
    try:
        found = one.read(settings.writing)
    except UsageError as error:
        fault = fault or str(error)
    text = one.text if one.own is None else f"{one.text.strip()} | {one.own.strip()}"
    unit = fact(("unit",)) or (found.unit if isinstance(found, Published) else "")
    number = settings.runs or (int(runs) if runs.isdigit() else None)
    return SeededCell(
        key, text.strip(), one.line, found, fault, said=number, spread=spread or "unknown", notes=notes, unit=unit,
        scale=settings.scale or fact(("scale",)) or "1", resolution=settings.resolution or fact(RESOLUTION) or None,
        table=fact(("table",)),
    )  # fmt: skip


def _scaled(found: Sequence[SeededCell], path: Path, fit: Joint) -> list[SeededCell]:
    """Return cells with the scale and the resolution that a file of their own says of each."""
    scales = grids.read(path)
    place = {_plain(name): number for number, name in enumerate(scales.headers)}
    missing = [name for name in (*fit.labels, "scale") if _plain(name) not in place]
    if missing:
        raise UsageError(f"{path}: has no column '{missing[0]}' (columns: {', '.join(scales.headers)})")
    known = {tuple(label(row[place[_plain(name)]]) for name in fit.labels): row for row in scales.rows}
    unit = next((place[name] for name in RESOLUTION if name in place), None)
    scaled = []
    for one in found:
        row = known.get(one.key[: len(fit.labels)])
        if row is None:
            scaled.append(replace(one, fault=one.fault or f"{path} has no line of it"))
            continue
        resolution = (row[unit].strip() if unit is not None else "") or one.resolution
        scaled.append(replace(one, scale=row[place["scale"]].strip(), resolution=resolution))
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
        place = next((number for number, own in enumerate(names) if _plain(own) == _plain(name)), None)
        if place is None or not value:
            raise UsageError(
                f"--where {text}: wanted FIELD=VALUE{did_you_mean(name, names)} (fields: {', '.join(names)})"
            )
        there = dict.fromkeys(one.key[place] for one in kept)
        kept = [one for one in kept if one.key[place] == label(value)]
        if not kept:
            raise NothingSelectedError(f"--where {text}: no cell is of it{did_you_mean(value, [*there])}")
    return kept
