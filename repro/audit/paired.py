"""The case that a claim's `rows` name, or two of them, and by how much the one exceeds the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from repro.audit import digits
from repro.audit.judges import MEASURED
from repro.audit.verdicts import Runs
from repro.errors import UsageError
from repro.runs import shares
from repro.study import Experiment

PAIR = ("above", "below")  # two cases in a claim's `rows`: by how much the one exceeds the other


@dataclass(frozen=True)
class Cell:
    """A metric of one case as a claim's `rows` name it, with what turns its values into the claim's unit."""

    experiment: Experiment
    metric: str
    case: Any
    where: str
    times: Decimal

    def converted(self, runs: Runs, precision: float = 0.0) -> Runs:
        """Return runs in the claim's unit, and their noise; `precision`, relative, is what a log says of it."""
        values = tuple(shares.converted(value, self.times) for value in runs.values)
        noise = digits.noise(*runs.values, precision=precision) * Fraction(self.times)
        return replace(runs, values=values, noise=float(noise))


def cells_asked(rows: Mapping[str, Any], *, measured: bool) -> list[dict[str, Any]]:
    """Return the fields of each case that a claim's `rows` name: one, or that `above` and the one `below`."""
    shared = {key: value for key, value in rows.items() if key not in PAIR}
    sides = [rows[key] for key in PAIR if key in rows]
    if not sides:
        return [shared]
    if len(sides) != len(PAIR) or not all(isinstance(side, Mapping) for side in sides):
        raise UsageError("'rows' wants two tables of fields, 'above' and 'below', or neither")
    if not measured:
        raise UsageError(f"'rows' with 'above' and 'below' are runs, for one of the judges {', '.join(MEASURED)}")
    return [{**shared, **side} for side in sides]


def paired(
    sides: Sequence[Mapping[Any, float | None]],
    cells: Sequence[Cell],
    what: str,
    precisions: Sequence[float] = (0, 0),
    lost: Collection[Any] = (),
) -> Runs:
    """Return by how much one cell exceeds another in all that both have; `what` words what runs are paired by.

    Those of `lost` left no value on a side, and any other without a number diverged. What one side lacks is left out,
    and said, unless it left no number: left out, it would let survivors reproduce a claim.
    """
    without = {which for side in sides for which, value in side.items() if value is None}
    found, noise = [], 0.0
    for side, cell, precision in zip(sides, cells, precisions, strict=True):
        finite = {which: value for which, value in side.items() if value is not None}
        runs = cell.converted(Runs(tuple(finite.values())), precision)
        found.append(dict(zip(finite, runs.values, strict=True)))
        noise = max(noise, runs.noise)
    above, below = found
    values = tuple(above[which] - below[which] for which in sorted(above.keys() & below.keys()))
    alone = len((sides[0].keys() ^ sides[1].keys()) - without)
    words = f"{alone} {what} that one of the two cases lacks left out" * (alone > 0)
    return Runs(values, len(without.difference(lost)), words, len(without.intersection(lost)), noise)
