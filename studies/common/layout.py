"""How the numbers of a network lie in memory."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def keep_channels_together(convolution: nn.Conv2d) -> None:
    """Let what a convolution gives have its channels next to each other in memory, in which torch pools much faster.

    It goes by its weights. torch's own `channels_last` leaves those of one input channel as they are, and with them the
    output.
    """
    weight = convolution.weight
    _, channels, height, width = weight.shape
    strides = (channels * height * width, 1, width * channels, channels)
    weight.data = torch.empty_strided(weight.shape, strides, dtype=weight.dtype, device=weight.device).copy_(weight)
