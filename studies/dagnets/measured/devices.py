"""Where the branches of the timing listing put their results (section 4.3)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from studies.common.choosing import check_known

BRANCHES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "batch": lambda x, w: x.mm(w.t()),
    "loop": lambda x, w: torch.empty(x.size(0), w.size(0)),  # into which the rows are written, one by one
}


def branch_figures(name: str) -> dict[str, float]:
    """Return whether a branch's result lies where the input does, and whether on the CPU, for input that does not."""
    check_known("timing listing", "branch", name, BRANCHES)
    x, w = torch.empty(4, 3, device="meta"), torch.empty(2, 3, device="meta")
    device = BRANCHES[name](x, w).device
    return {"beside_input": float(device == x.device), "on_cpu": float(device.type == "cpu")}
