"""What a network is shown in an epoch of training and in the test.

Shape legend: B batch, H height, W width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from repro.study import Run
from studies.common.training import resident
from studies.sesn.model.mnist import CLASSES
from studies.sesn.training.mnist import batches, tested


class Witness(nn.Module):
    """Stands in for a network: says the same of every image, and keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Tensor] = []

    def forward(self, x_B1HW: Tensor) -> Tensor:
        """Return logits (B, 10) of zero."""
        self.shown.append(x_B1HW.double())
        return x_B1HW.new_zeros(len(x_B1HW), CLASSES)


def shown_figures(part: Literal["train", "test"], low: float, run: Run) -> dict[str, float]:
    """Return how many images a network is shown in an epoch of training or in the test, and their mean and SD."""
    (data,) = resident(run, part, classes=CLASSES)
    witness = Witness()
    if part == "test":
        tested(witness, data)
    else:
        for x_B1HW, _ in batches(data, low=low, batch=128, seed=0, epoch=1):
            witness(x_B1HW)
    shown = torch.cat(witness.shown)
    return {"images": float(len(shown)), "mean": float(shown.mean()), "sd": float(shown.std(correction=0))}
