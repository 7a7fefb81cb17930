"""What the rows of a result table say of a case, in a few words for a reader."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from repro.errors import NothingSelectedError


class Measured:
    """The finished runs of a table, asked by experiment, metric and fields of the case."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._found: dict[tuple[str, str], list[tuple[dict[str, Any], float]]] = {}
        for row in rows:
            case = json.loads(row["case"])
            if row["status"] == "ok":
                self._found.setdefault((row["experiment"], row["metric"]), []).append((case, row["value"]))

    def values(self, experiment: str, metric: str, **case: Any) -> list[float]:
        """Return the values of the runs whose case has these fields. Raise NothingSelectedError where there is none."""
        found = [
            value
            for fields, value in self._found.get((experiment, metric), [])
            if all(fields.get(name) == wanted for name, wanted in case.items())
        ]
        if not found:
            fields = " ".join(f"{name}={value}" for name, value in case.items())
            raise NothingSelectedError(
                f"no finished run of {experiment} {fields} with {metric}; `repro run` makes some"
            )
        return found

    def mean(self, experiment: str, metric: str, **case: Any) -> float:
        """Return the mean over the runs."""
        return statistics.fmean(self.values(experiment, metric, **case))

    def text(
        self,
        experiment: str,
        metric: str,
        form: str = "{:.3g}",
        of: Callable[[float], float] = lambda value: value,
        **case: Any,
    ) -> str:
        """Return mean, lowest and highest over the runs in a number format, once where all are written the same.

        `of` is applied to each value first, as to take the number back from its logarithm.
        """
        values = [of(value) for value in self.values(experiment, metric, **case)]
        low, high = form.format(min(values)), form.format(max(values))
        return low if low == high else f"{form.format(statistics.fmean(values))} ({low} to {high})"

    def runs(self, experiment: str, metric: str, **case: Any) -> int:
        """Return how many runs there are."""
        return len(self.values(experiment, metric, **case))
