"""How a published table and the seeds it was made of fit together, by the names of their columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from repro.errors import UsageError, did_you_mean
from repro.outside import cells, places, published
from repro.outside.grids import Grid
from repro.outside.places import label
from repro.outside.published import NoNumber, Writing

TEXT = ("printed", "cell", "published", "mean")  # what a column of cells may be called, the likeliest first
KIND = ("spread", "spread_said", "spread_is")
RUNS = ("runs", "runs_said", "n")
RESOLUTION = ("resolution", "seed_resolution")
PART = ("statistic", "stat")  # of a cell whose mean and spread stand on two lines
SEED = (
    "seed",
    "random_seed",
    "rng_seed",
    "fold",
    "run",
    "trial",
    "episode",
    "repeat",
    "replicate",
    "repetition",
    "iteration",
)
SUMMARIES = {*places.MEANS, *places.SPREADS, "median", "min", "max", "total", "sum", "all", "overall"} - {"unknown"}
EASY = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
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
Key = tuple[str, ...]


@dataclass(frozen=True)
class Joint:
    """How a table and its seeds fit together, by the names of their columns.

    `labels` are the columns that both have; `values` the seeds' that hold runs: one, or one for each column of the
    table, as `each` says; `column` is the seeds' that names the table's columns, `seed` the one that tells runs apart.
    """

    labels: tuple[str, ...]
    values: tuple[str, ...]
    column: str = ""
    each: bool = False
    seed: str = ""

    @property
    def fields(self) -> list[str]:
        """Return what tells cells apart."""
        return [*self.labels, *([self.column or "column"] if self.column or self.each else [])]


@dataclass
class Pulled:
    """The runs of one cell while they are read: their texts, the line of each seed, and what is wrong with them."""

    values: list[str] = field(default_factory=list)
    lost: int = 0
    lines: dict[str, int] = field(default_factory=dict)
    fault: str = ""


def plain_name(name: str) -> str:
    """Return a column's name as it is compared."""
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _is_key(name: str) -> bool:
    """Say whether a column may name cells: neither a seed nor what is said of a cell beside its name."""
    return bool(name) and plain_name(name) not in {*SEED, *NOT_KEYS, *TEXT} and statistic_column(name) == ""


def statistic_column(name: str) -> str:
    """Return what a column of spreads says these are, "" for another column."""
    stem, said = places.statistic(name)
    return said if not stem and said != "mean" else ""


def text_column(headers: Sequence[str]) -> str:
    """Return the column that holds cells where a file has each on a line of its own, "" where it is a table.

    One called "mean" does if spreads stand beside it, or nothing does: else it may be a table's column of averages.
    """
    names = {plain_name(name): name for name in headers}
    found = next((name for name in TEXT if name in names), "")
    if found == "mean" and len(headers) > 2 and not any(map(statistic_column, headers)):
        return ""
    return names.get(found, "")


def named(table: Grid, seeds: Grid) -> Grid:
    """Return a table whose first column has the seeds' name for it, where it has none and one column holds its labels.

    A column of the seeds that holds names of the table's columns is not the one.
    """
    if table.headers[0]:
        return table
    labels = {label(row[0]) for row in table.rows} - {""}
    fits = []
    for place, name in enumerate(seeds.headers):
        values = {label(row[place]) for row in seeds.rows}
        if _is_key(name) and values & labels and not values & {*table.headers[1:]}:
            fits.append(name)
    return replace(table, headers=(fits[0], *table.headers[1:])) if len(fits) == 1 else table


def fit(
    table: Grid,
    seeds: Grid,
    where: str,
    *,
    text: str = "",
    metric: str = "",
    seed: str = "",
    labels: int | None = None,
) -> Joint:
    """Return how two files fit together. Raise UsageError, with the columns of both, where they do not."""
    own = {plain_name(name): name for name in seeds.headers}
    for option, name in (("metric", metric), ("seed-from", seed)):
        if name and plain_name(name) not in own:
            near = did_you_mean(name, [*seeds.headers])
            columns = ", ".join(seeds.headers)
            raise UsageError(f"--{option} {name}: no such column{near} in the seeds (columns: {columns})")
    seed = own[plain_name(seed)] if seed else next((own[name] for name in SEED if name in own), "")
    value = own.get(plain_name(metric or "value"), "")
    shared = [name for name in table.headers if _is_key(name) and plain_name(name) in own]
    seen = f"{where}: (columns: {', '.join(table.headers)}; and {', '.join(seeds.headers)})"
    if text and any(plain_name(name) == "id" for name in shared):
        shared = [name for name in shared if plain_name(name) == "id"]
    if not shared:
        raise UsageError(
            f"{seen} have no column in common that names cells; give both an 'id', or one name to the rows"
        )
    taken = {value, seed, *(own[plain_name(name)] for name in shared)}
    rest = [name for name in seeds.headers if _is_key(name) and name not in taken]
    if not value and not text:
        own_columns = dict.fromkeys(one.column for one in places.placed(table, labels))
        values = tuple(own[plain_name(name)] for name in own_columns if plain_name(name) in own)
        naming = tuple(name for name in shared if own[plain_name(name)] not in values)
        if naming and values:
            return Joint(naming, values, each=True, seed=seed)
    if not value and len(rest) == 1:
        value, rest = rest[0], []
    if not value:
        raise UsageError(f"{seen} which column of the seeds holds the runs? call it 'value' or say `--metric COLUMN`")
    if text:
        return Joint(tuple(shared), (value,), seed=seed)
    if len(rest) > 1:
        raise UsageError(f"{seen} which of {', '.join(rest)} names the table's columns? leave out the others")
    return Joint(tuple(shared), (value,), rest[0] if rest else "", seed=seed)


def runs(seeds: Grid, joint: Joint, writing: Writing) -> dict[Key, Pulled]:
    """Return the runs by the names of their cells."""
    place = {plain_name(name): number for number, name in enumerate(seeds.headers)}
    keys = [place[plain_name(name)] for name in (*joint.labels, *([joint.column] if joint.column else []))]
    values = [(place[plain_name(name)], (label(name),) if joint.each else ()) for name in joint.values]
    seed = place[plain_name(joint.seed)] if joint.seed else None
    names = _names(row[key] for row in seeds.rows for key in keys)
    found: dict[Key, Pulled] = {}
    for row, line in zip(seeds.rows, seeds.lines, strict=True):
        own = tuple(names[row[key]] for key in keys)
        for column, name in values:
            if joint.each and not row[column].strip():
                continue  # a column of another table's runs is longer
            pulled = found.setdefault((*own, *name), Pulled())
            _pull(pulled, row[column], "" if seed is None else row[seed].strip(), line, writing)
    return found


def _names(texts: Iterable[str]) -> dict[str, str]:
    """Return names without their dress. Raise UsageError where two are one without it: in a file of runs marks tell."""
    found = {text: label(text) for text in dict.fromkeys(texts)}
    met: dict[str, str] = {}
    for text, name in found.items():
        before = met.setdefault(name, text)
        if before.split() != text.split():
            raise UsageError(
                f"{before.strip()!r} and {text.strip()!r} of the seeds are one name without their marks; give each a "
                "name of its own, in both files"
            )
    return found


def _states_none(word: str) -> bool:
    """Say whether a word says that a run gave no number, and is no slip."""
    ended = cells.FAILED.fullmatch(word) or cells.DIVERGED.fullmatch(word)
    return word.casefold() in published.NOTHING or cells.is_missing(word) or bool(ended)


def _pull(pulled: Pulled, text: str, seed: str, line: int, writing: Writing) -> None:
    """Take one run of a cell."""
    if seed.casefold().rstrip(".") in SUMMARIES:
        pulled.fault = pulled.fault or f"line {line} of the seeds: {seed!r} is no run; leave such lines out"
    if seed and pulled.lines.setdefault(seed, line) != line:
        pulled.fault = pulled.fault or f"seed {seed} stands twice, at lines {pulled.lines[seed]} and {line}; leave one"
    try:
        value = text.strip()
        if not EASY.fullmatch(value):
            one = published.read(value, writing)
            if not isinstance(one, NoNumber) and (one.spread is not None or one.interval is not None):
                raise UsageError(f"a run is one number, got {value!r}")
            if isinstance(one, NoNumber) and value.isalpha() and not _states_none(value):
                raise UsageError(f"wanted a number, got {value!r}")
            value = "" if isinstance(one, NoNumber) else one.mean.text
        pulled.lost += not value
        pulled.values += [value] if value else []
    except UsageError as error:
        pulled.fault = pulled.fault or f"line {line} of the seeds: {error}"
