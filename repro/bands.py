"""What a golden is: blessed rows, one band for each metric of each case, and digests that hold the two together."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from repro import table
from repro.errors import CannotCompareError, IntegrityError
from repro.text import case_words

METHOD = "two-stage-t/4"  # name of the rule that draws the bands; another rule gets another name

BANDS_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("experiment", "case", "metric", "unit")]
    + [("judged", pa.bool_()), ("kind", pa.string()), ("n0", pa.int32()), ("k0", pa.int32())]
    + [(name, pa.float64()) for name in ("mean", "sd", "quantum", "s", "df")]
    + [(name, pa.float64()) for name in ("bias", "spread", "squares", "suspect", "confirm", "low", "high")]
    + [(name, pa.float64()) for name in ("detectable", "useful")]
    + [("settings", pa.string()), ("data", pa.string()), ("n_test", pa.int32())]
)

Cell = tuple[str, str, str]  # experiment, case, metric
COLUMNS = ("experiment", "case", "metric", "replicate", "seed", "unit", "value", "status", "n_test", "settings")
ROW_COLUMNS = (*COLUMNS, "data", "code", "environment")


class Row(NamedTuple):
    """One row as the check reads it; `curve` is the bytes of its float64 values."""

    experiment: str
    case: str
    metric: str
    replicate: int
    seed: int
    unit: str
    value: float | None
    status: str
    n_test: int | None
    settings: str
    data: str
    code: str
    environment: str
    curve: bytes | None

    @property
    def cell(self) -> Cell:
        """Return what a band is kept for."""
        return self.experiment, self.case, self.metric

    @property
    def outcome(self) -> tuple[str, str, bytes | None]:
        """Return what must repeat bit for bit when nothing changed."""
        return self.status, "" if self.value is None else self.value.hex(), self.curve

    @property
    def origin(self) -> tuple[str | int, ...]:
        """Return what names the run wherever and by whatever code it was made."""
        return (*self.cell, self.seed, self.settings, self.data)


@dataclass(frozen=True)
class Band:
    """What the golden allows one metric of one case: a line of the bands table.

    `n0` runs were blessed, `k0` of them diverged; `mean` and `sd` are those of the finite ones, `s` the shrunken
    standard deviation with `df` degrees of freedom. `bias`, `spread` and `squares` are the shape of the metric's
    values (`rule.Shape`). One new run outside of `low` to `high`, which is `suspect` s away, is suspicious; four
    further ones, all `confirm` s away or more, confirm it. `detectable` is the smallest change found with 80 % chance,
    `useful` the one that the study wants to see; both in the row's unit.
    """

    experiment: str
    case: str
    metric: str
    unit: str
    judged: bool
    kind: str
    n0: int
    k0: int
    mean: float | None
    sd: float | None
    quantum: float
    s: float | None
    df: float | None
    bias: float
    spread: float
    squares: float
    suspect: float | None
    confirm: float | None
    low: float | None
    high: float | None
    detectable: float | None
    useful: float | None
    settings: str
    data: str
    n_test: int | None

    @property
    def cell(self) -> Cell:
        """Return what the band is kept for."""
        return self.experiment, self.case, self.metric

    @property
    def finite(self) -> int:
        """Return how many golden runs have a value."""
        return self.n0 - self.k0

    def away(self, value: float) -> float:
        """Return how far a value is from the golden mean, in units of s; of a row with a band only."""
        return (value - float(self.mean or 0.0)) / float(self.s or math.nan)

    def limits(self, distance: float) -> tuple[float, float]:
        """Return the values that lie `distance` s from the mean."""
        centre, s = float(self.mean or 0.0), float(self.s or 0.0)
        return centre - distance * s, centre + distance * s


@dataclass(frozen=True)
class Golden:
    """The blessed rows of a study's profile, and one band for each metric of each case."""

    rows: pa.Table
    bands: pa.Table


def path_of(root: Path, study: str, profile: str) -> Path:
    """Return where a golden's rows lie below a project's root; the bands and the twin as text lie beside them."""
    return root / "golden" / study / f"{profile}.parquet"


def bands_path(path: Path) -> Path:
    """Return the bands table that belongs to a golden's rows."""
    return path.with_suffix(".bands.parquet")


def twin_path(path: Path) -> Path:
    """Return the twin as text of a golden's rows."""
    return path.with_suffix(".md")


def load(path: Path) -> Golden:
    """Read a golden; one that does not exist cannot be compared with (exit 3), half of one is corrupt (exit 6).

    Its rows were validated when they were written; that they are still those is what the digest in the bands says.
    """
    if not path.exists() and not bands_path(path).exists():
        raise CannotCompareError(f"{path}: no such golden; `repro bless` makes one from a table of results")
    for half in (path, bands_path(path)):
        if not half.exists():
            raise IntegrityError(f"{half}: missing half of a golden; restore it from version control")
    return Golden(table.read_file(path), read_bands(bands_path(path)))


def read_record(path: Path) -> dict[str, Any]:
    """Return a golden's own record of itself from the file of its rows or bands, whatever the columns are."""
    try:
        return record_of(pq.read_schema(path))
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"{path}: not a readable part of a golden ({reason}); restore it") from error


def read_bands(path: Path) -> pa.Table:
    """Read a bands table and refuse a file that is not one, or of another rule (exit 6)."""
    try:
        with pq.ParquetFile(path) as file:
            method = record_of(file.schema_arrow).get("method", METHOD)
            if method != METHOD:
                raise IntegrityError(
                    f"{path}: drawn by the rule '{method}', this version's is '{METHOD}'; bless the golden's rows again"
                )
            table.check_schema(file.schema_arrow, path, BANDS_SCHEMA)
            return file.read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"{path}: not a readable bands table ({reason}); restore it") from error


def metadata(some: pa.Table) -> dict[str, Any]:
    """Return the golden's own record of itself, {} where there is none."""
    return record_of(some.schema)


def record_of(schema: pa.Schema) -> dict[str, Any]:
    """Return the record that a schema carries; an empty table of it would import pandas where that is installed."""
    found: dict[str, Any] = json.loads((schema.metadata or {}).get(b"repro.golden", b"{}"))
    return found


def digest(some: pa.Table) -> str:
    """Return the SHA-256 of a table's names and values, in row order; how the file is written does not matter."""
    hasher = hashlib.sha256(json.dumps([some.num_rows, some.column_names]).encode())
    for column in some.columns:
        update(hasher, column.combine_chunks())
    return hasher.hexdigest()


def update(hasher: Any, values: Any) -> None:
    """Add which entries are empty, how long the others are, and their content."""
    hasher.update(raw(values.is_null().cast(pa.uint8())))
    present = values.drop_null()
    if pa.types.is_list(values.type):
        hasher.update(raw(pc.list_value_length(present)))
        update(hasher, present.flatten())
    elif pa.types.is_string(values.type):
        hasher.update(raw(pc.binary_length(present)))
        _, places, content = present.buffers()
        bounds = np.frombuffer(places, np.int32, len(present) + 1, 4 * present.offset) if len(present) else (0, 0)
        hasher.update(memoryview(content or b"")[bounds[0] : bounds[-1]])
    elif pa.types.is_timestamp(values.type):
        hasher.update(raw(present.cast(pa.int64())))
    else:
        hasher.update(raw(present.cast(pa.uint8()) if pa.types.is_boolean(values.type) else present))


def raw(values: Any) -> bytes:
    """Return the bytes of an array of numbers without empty entries.

    By DLPack: pyarrow's own conversion imports pandas where that is installed, which costs more than the check.
    """
    return np.from_dlpack(values).tobytes() if len(values) else b""


def curves(some: pa.Table) -> list[bytes | None]:
    """Return each row's curve as bytes, so that equal means equal in every bit."""
    column = some["curve"].combine_chunks()
    if column.values.null_count:
        return [None if curve is None else repr(curve).encode() for curve in column.to_pylist()]
    content = raw(column.values)
    offsets = [8 * place for place in column.offsets.to_pylist()]
    present = column.is_valid().to_pylist()
    return [content[a:b] if there else None for a, b, there in zip(offsets, offsets[1:], present, strict=False)]


def as_rows(some: pa.Table) -> list[Row]:
    """Return the table's rows as the check reads them."""
    if not some.num_rows:
        return []
    return list(map(Row, *(some[name].to_pylist() for name in ROW_COLUMNS), curves(some)))


def as_bands(bands: pa.Table) -> list[Band]:
    """Return the lines of a bands table."""
    return list(map(Band, *(bands[name].to_pylist() for name in BANDS_SCHEMA.names)))


def twin(golden: Golden) -> str:
    """Return the golden as a text that a reviewer can read and compare."""
    first, record = golden.rows.slice(0, 1).to_pylist()[0], metadata(golden.rows)
    environments = ", ".join(sorted(pc.unique(golden.rows["environment"]).to_pylist()))
    head = [f"# Golden of {first['study']}, profile {first['profile']}", "", f"Reason: {record['reason']}", ""]
    head += [f"Blessed {record['blessed']} from commit {record['commit']}, environment {environments}.", ""]
    head += [f"Method {record['method']}, {record['alpha']:.2g} false alarms a check; {record['minimum_seeds']} seeds."]
    for line in as_bands(golden.bands):
        if f"## {line.experiment}" not in head:
            head += ["", f"## {line.experiment}", ""]
            head += ["| case | metric | unit | kind | n | diverged | mean | sd | run again outside of | sees |"]
            head += ["|---|---|---|---|--:|--:|--:|--:|---|--:|"]
        case = case_words(line.case).replace("|", "\\|")
        numbers = f"{line.n0} | {line.k0} | {number(line.mean)} | {number(line.sd)}"
        band = "" if line.low is None else f"{number(line.low)} to {number(line.high)}"
        head += [
            f"| {case} | {line.metric} | {line.unit} | {line.kind} | {numbers} | {band} | {number(line.detectable)} |"
        ]
    return "\n".join(head) + "\n"


def number(value: float | None) -> str:
    """Return a number to six digits, nothing for none."""
    return "" if value is None else f"{value:.6g}"
