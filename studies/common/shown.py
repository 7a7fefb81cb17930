"""What a network is shown, in figures that no seed moves and a change of images, labels or their pairing does.

Shape legend: N images of a set, B batch, P values of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor

from studies.common.training import EVALUATION_BATCH, Inputs, Labelled

DECIMALS = 5  # inputs are float32 near 1, and some means near 0


def shown_figures(data: Labelled, inputs: Inputs) -> dict[str, float]:
    """Return how many images there are, mean and mean square of what a network sees of them, and two weighted means.

    An image's own weighted mean has a weight for each place in the image; over the set these are weighted by the labels
    (`by_label`), and by each image's place in the set (`by_place`).
    """
    size = EVALUATION_BATCH[data.images.device.type]
    seen = [inputs(images).double().cpu().flatten(1) for images in torch.split(data.images, size)]
    sums_N = torch.cat([x_BP @ weights(x_BP.shape[1], 0.7) / x_BP.shape[1] for x_BP in seen])
    squares_N = torch.cat([x_BP.square().mean(dim=1) for x_BP in seen])
    values = {
        "mean": torch.cat([x_BP.mean(dim=1) for x_BP in seen]).mean(),
        "mean_square": squares_N.mean(),
        "by_label": (data.labels_N.cpu() * sums_N).mean(),
        "by_place": (weights(len(data), 0.3) * sums_N).mean(),
    }
    return {"images": float(len(data))} | {name: held(float(value)) for name, value in values.items()}


def weights(count: int, step: float) -> Tensor:
    """Return 1 + sin(step * n) / 2 for n from 0, as float64."""
    return 1 + torch.sin(step * torch.arange(count, dtype=torch.float64)) / 2


def held(value: float) -> float:
    """Return a value to five decimals, a zero without its sign."""
    return round(value, DECIMALS) + 0.0


def first(data: Labelled, count: int) -> Labelled:
    """Return the first images of a set."""
    return Labelled(data.images[:count], data.labels_N[:count])
