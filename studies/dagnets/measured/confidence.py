"""What squared error and cross-entropy say of an answer that is ever more right (section 5.1)."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studies.common.choosing import check_known
from studies.common.rounding import significant

Loss = Literal["mean_square", "cross_entropy"]
Array = NDArray[np.float64]
SCORES = np.arange(0, 1001) / 100  # of the right class; the other one's is 0


def loss_of(loss: Loss, right: ArrayLike, other: ArrayLike) -> Array:
    """Return the loss of two scores: against (1, 0) for the squared error, in nats for the cross-entropy."""
    check_known("answers", "loss", loss, get_args(Loss))
    x: Array = np.asarray(right, np.float64)
    y: Array = np.asarray(other, np.float64)
    losses: Array = ((x - 1) ** 2 + y**2) / 2 if loss == "mean_square" else np.logaddexp(x, y) - x
    return losses


def confidence_figures(loss: Loss) -> dict[str, float]:
    """Return the score of the right class at which a loss is lowest, and the loss at a score of 1 and of 10."""
    losses = loss_of(loss, SCORES, 0.0)
    return {
        "lowest_at": float(SCORES[losses.argmin()]),
        "loss_at_1": significant(float(losses[100])),
        "loss_at_10": significant(float(losses[1000])),
    }
