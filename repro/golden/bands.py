"""What a golden is: blessed rows, one band for each metric of each case, and digests that hold the two together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pyarrow as pa

from repro.golden import rule
from repro.runs.rows import Cell

BANDS_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("experiment", "case", "metric", "unit")]
    + [("judged", pa.bool_()), ("kind", pa.string()), ("n0", pa.int32()), ("k0", pa.int32())]
    + [(name, pa.float64()) for name in ("mean", "sd", "quantum", "s", "df")]
    + [(name, pa.float64()) for name in ("bias", "spread", "squares", "suspect", "confirm", "low", "high")]
    + [(name, pa.float64()) for name in ("detectable", "useful")]
    + [("settings", pa.string()), ("data", pa.string()), ("n_test", pa.int32())]
)


@dataclass(frozen=True)
class Band:
    """What the golden allows one metric of one case: a line of the bands table.

    `n0` runs were blessed, `k0` of them diverged; `mean` and `sd` are those of the finite ones, `s` the shrunken
    standard deviation with `df` degrees of freedom. `bias`, `spread` and `squares` are the shape of the metric's
    values (`rule.Shape`). One new run outside of `low` to `high`, which is `suspect` s away, is suspicious;
    `confirming` further ones, all `confirm` s away or more, confirm it. `detectable` is the smallest change found with
    80 % chance, `useful` the one that the study wants to see; both in the row's unit.
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

    @property
    def confirming(self) -> int:
        """Return how many further runs a suspicious one is given."""
        return rule.confirming(self.finite)

    @property
    def counted(self) -> bool:
        """Say whether the values are shares of counted items, and not on a grid of another kind."""
        return bool(self.n_test) and self.quantum == 100.0 / float(self.n_test or math.nan)

    def away(self, value: float) -> float:
        """Return how far a value is from the golden mean, in units of s; of a row with a band only."""
        return (value - float(self.mean or 0.0)) / float(self.s or math.nan)

    def limits(self, distance: float) -> tuple[float, float]:
        """Return the values that lie `distance` s from the mean."""
        centre, s = float(self.mean or 0.0), float(self.s or 0.0)
        return centre - distance * s, centre + distance * s


def as_bands(bands: pa.Table) -> list[Band]:
    """Return the lines of a bands table."""
    return list(map(Band, *(bands[name].to_pylist() for name in BANDS_SCHEMA.names)))
