"""Numbers for deterministic experiments, and the figures that come of them."""

from __future__ import annotations

import torch
from torch import Tensor

from studies.common.randomness import stream
from studies.common.rounding import significant

ROUNDING = 1e-12  # float64 sums of some hundred numbers near 1 agree to better


def drawn(name: str, *shape: int) -> Tensor:
    """Return float64 numbers from U(-1, 1), the same for a name on every machine."""
    return 2 * torch.rand(shape, generator=stream(0, name), dtype=torch.float64) - 1


def distance(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference over the largest value, 0 where it is rounding, else to six digits."""
    apart = float((found - wanted).abs().max() / wanted.abs().max())
    return 0.0 if apart < ROUNDING else significant(apart)
