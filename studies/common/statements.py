"""What a document says beside what result rows come to, statement by statement."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.errors import NothingSelectedError, UsageError
from repro.study import Figure

HEADERS = ("no.", "where", "the document says", "what happens", "experiment", "runs")
NO_RUN = "no run in these rows"

Rows = Sequence[Mapping[str, Any]]


class Found:
    """Finished runs in result rows, to be read by experiment, metric and fields of the case."""

    def __init__(self, rows: Rows) -> None:
        self._rows: dict[tuple[str, str], list[tuple[str, int, Mapping[str, Any]]]] = {}
        for row in rows:
            if row["status"] == "ok":
                key = (row["experiment"], row["metric"])
                self._rows.setdefault(key, []).append((row["case"], row["replicate"], row))

    def rows(self, experiment: str, metric: str, **fields: Any) -> list[Mapping[str, Any]]:
        """Return the rows of all cases with these fields, by case and replicate; raise NothingSelectedError."""
        chosen = sorted(self._rows.get((experiment, metric), []), key=lambda one: one[:2])
        found = [row for case, _, row in chosen if fields.items() <= json.loads(case).items()]
        if not found:
            about = " ".join(f"{name}={value}" for name, value in fields.items())
            raise NothingSelectedError(f"no finished run of {experiment} {about} with {metric}".replace("  ", " "))
        return found

    def values(self, experiment: str, metric: str, **fields: Any) -> list[float]:
        """Return the values of `rows`."""
        return [row["value"] for row in self.rows(experiment, metric, **fields)]

    def cases(self, experiment: str, metric: str, **fields: Any) -> dict[str, list[float]]:
        """Return the values of `rows` by case."""
        found: dict[str, list[float]] = {}
        for row in self.rows(experiment, metric, **fields):
            found.setdefault(row["case"], []).append(row["value"])
        return found

    def one(self, experiment: str, metric: str, **fields: Any) -> float:
        """Return the value that all of `rows` share. Raise UsageError where they do not."""
        values = {*self.values(experiment, metric, **fields)}
        if len(values) != 1:
            raise UsageError(
                f"{experiment}: wanted one value of {metric} for {fields}, got {len(values)}; say of which"
            )
        return values.pop()

    def hold(self, experiment: str, metric: str, wanted: float = 1.0, **fields: Any) -> str:
        """Return of how many cases every run has the wanted value, as "3 of 4"."""
        cases = self.cases(experiment, metric, **fields)
        return f"{sum(set(values) == {wanted} for values in cases.values())} of {len(cases)}"

    def spread(self, experiment: str, metric: str, spec: str = ".3g", **fields: Any) -> str:
        """Return the mean of the values of `rows`, the lowest and the highest."""
        return spread(self.values(experiment, metric, **fields), spec)

    def within(self, experiment: str, metric: str, spec: str = ".3g", **fields: Any) -> str:
        """Return the lowest and the highest of the values of `rows`."""
        values = self.values(experiment, metric, **fields)
        return f"{min(values):{spec}} to {max(values):{spec}}"

    def runs(self, experiments: Sequence[str]) -> str:
        """Return how many replicates the experiments have; the fewest and the most where they differ."""
        counts = []
        for experiment in experiments:
            chosen = [each for (name, _), each in self._rows.items() if name == experiment]
            counts.append(len({replicate for each in chosen for _, replicate, _ in each}))
        return f"{min(counts)}" if len(set(counts)) == 1 else f"{min(counts)} to {max(counts)}"


@dataclass(frozen=True)
class Statement:
    """Something that a document says, in our words and with its values as printed, and what answers it.

    `number` is the row of the study's plan; `happens` puts into words what the rows of the `experiments` come to.
    """

    number: str
    where: str
    says: str
    experiments: tuple[str, ...]
    happens: Callable[[Found], str]


def beside(statements: Sequence[Statement], rows: Rows, *, notes: str) -> Figure:
    """Return the statements beside what happens. Raise NothingSelectedError where the rows answer none of them."""
    found = Found(rows)
    lines = [_line(statement, found) for statement in statements]
    if all(line[3] == NO_RUN for line in lines):
        raise NothingSelectedError("beside: no finished run that answers a statement; `repro run STUDY` makes some")
    return Figure(HEADERS, lines, notes=notes)


def _line(statement: Statement, found: Found) -> list[str]:
    try:
        happens = statement.happens(found)
    except NothingSelectedError:
        happens = NO_RUN
    names = ", ".join(f"`{name}`" for name in statement.experiments)
    return [statement.number, statement.where, statement.says, happens, names, found.runs(statement.experiments)]


def spread(values: Sequence[float], spec: str = ".3g") -> str:
    """Return mean, lowest and highest of values, as "5.9 (3.1 to 7.5)"."""
    return f"{statistics.fmean(values):{spec}} ({min(values):{spec}} to {max(values):{spec}})"
