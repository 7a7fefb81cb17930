"""Finished runs in result rows, found by experiment, metric and fields of the case."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from repro.errors import NothingSelectedError, UsageError

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


def spread(values: Sequence[float], spec: str = ".3g") -> str:
    """Return mean, lowest and highest of values, as "5.9 (3.1 to 7.5)"."""
    return f"{statistics.fmean(values):{spec}} ({min(values):{spec}} to {max(values):{spec}})"
