"""One run to make, in plain values that travel between processes: a worker needs no tables to read it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run to make. `case_index` is the case's place in the experiment's declaration."""

    experiment: str
    case: str
    case_index: int
    replicate: int
    seed: int
    cost: float

    @property
    def key(self) -> tuple[str, str, int]:
        """Return what names the run inside its store."""
        return (self.experiment, self.case, self.replicate)

    @property
    def words(self) -> str:
        """Return how a line for a person names the run."""
        return f"{self.experiment} {self.case} replicate {self.replicate}"
