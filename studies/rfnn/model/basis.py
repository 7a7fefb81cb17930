"""Which Gaussian derivatives a layer filters with, and which of them each weight belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from repro.errors import UsageError
from studies.common.gaussian import Norm, Truncation, derivative_orders, sampled_derivatives
from studies.common.hermite import hermite, hermite_verkes

Layout = Literal["as_listed", "as_described"]
Recurrence = Literal["correct", "verkes"]

_RECURRENCES = {"correct": hermite, "verkes": hermite_verkes}


@dataclass(frozen=True)
class Basis:
    """Which sampled Gaussian derivatives a layer filters with."""

    scale: float
    order: int = 4
    truncation: Truncation = "listing"
    norm: Norm = "raw"
    recurrence: Recurrence = "correct"

    def kernels(self) -> Tensor:
        """Sample the 1-D derivatives of order 0 to `order`: float64 (order + 1, K)."""
        if self.recurrence not in _RECURRENCES:
            raise UsageError(f"Gaussian layer: unknown recurrence {self.recurrence!r}; choose 'correct' or 'verkes'")
        polynomial = _RECURRENCES[self.recurrence]
        sampled = sampled_derivatives(
            self.scale, self.order, truncation=self.truncation, norm=self.norm, hermite=polynomial
        )
        return torch.from_numpy(sampled)


def pairs(in_channels: int, order: int, layout: Layout) -> tuple[tuple[int, int], ...]:
    """List the (channel, derivative) that each row of the 1x1 sum responds to.

    "as_listed": the kernels are repeated along their first axis, so row r holds derivative r // in_channels, but a
    grouped convolution gives row r the channel r // derivatives (appendix A.1): a channel sees one or two derivatives.
    "as_described": every channel sees every derivative (eq. 2.15).
    """
    n_derivatives = len(derivative_orders(order))
    rows = range(in_channels * n_derivatives)
    if layout == "as_listed":
        return tuple((row // n_derivatives, row // in_channels) for row in rows)
    if layout == "as_described":
        return tuple((row // n_derivatives, row % n_derivatives) for row in rows)
    raise UsageError(f"Gaussian layer: unknown layout {layout!r}; choose 'as_listed' or 'as_described'")
