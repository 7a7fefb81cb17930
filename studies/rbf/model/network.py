"""The deep RBF network of the exercise, with what the document leaves open as switches.

Shape legend: B batch, H height, W width, D features, K centres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.layout import keep_channels_together
from studies.common.randomness import draw_uniform, stream
from studies.rbf.model.layer import RBFLayer, Start
from studies.rbf.model.layer import initialise as initialise_layer

CLASSES = 10
FEATURES = 2
CENTRES = 100
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "sigmoid": torch.sigmoid}


class DeepRBF(nn.Module):
    """Two blocks of convolution, pooling, batch norm and activation; 2 features; 100 centres; 10 classes.

    Open in the document: the number of blocks, `channels`, the odd `kernel` (pixels), the `activation`. `side` is the
    images' height and width in pixels.
    """

    def __init__(
        self,
        side: int,
        channels: Sequence[int] = (32, 32),
        *,
        kernel: int = 5,
        activation: Literal["relu", "sigmoid"] = "relu",
    ) -> None:
        super().__init__()
        if side < 4:
            raise UsageError(f"deep RBF network: wanted images of 4 pixels a side or more, got {side}")
        if kernel < 1 or kernel % 2 == 0:
            raise UsageError(f"deep RBF network: wanted an odd kernel, so that padding keeps the size, got {kernel}")
        check_known("deep RBF network", "activation", activation, ACTIVATIONS)
        if len(channels) != 2 or min(channels) < 1:
            raise UsageError(f"deep RBF network: wanted 2 numbers of channels from 1, got {tuple(channels)}")
        self.side = side
        self.activation = ACTIVATIONS[activation]
        first, second = channels
        self.conv1 = nn.Conv2d(1, first, kernel, padding=kernel // 2)
        self.norm1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, kernel, padding=kernel // 2)
        self.norm2 = nn.BatchNorm2d(second)
        keep_channels_together(self.conv1)
        keep_channels_together(self.conv2)
        self.to_features = nn.Linear(second * (side // 4) ** 2, FEATURES)
        self.rbf = RBFLayer(FEATURES, CENTRES)
        self.output = nn.Linear(CENTRES, CLASSES)

    def features(self, x_BCHW: Tensor) -> Tensor:
        """Return what the RBF layer sees of images (B, 1, side, side): (B, 2)."""
        wanted = (1, self.side, self.side)
        if x_BCHW.dim() != 4 or x_BCHW.shape[1:] != wanted:
            raise UsageError(
                f"deep RBF network: wanted images (B, {', '.join(map(str, wanted))}), got {tuple(x_BCHW.shape)}; "
                "build it for images of that size, with one channel"
            )
        for conv, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            x_BCHW = self.activation(norm(F.max_pool2d(conv(x_BCHW), 2)))
        features_BD: Tensor = self.to_features(x_BCHW.flatten(1))
        return features_BD

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the classes' logits (B, 10)."""
        logits: Tensor = self.output(self.rbf(self.features(x_BCHW)))
        return logits


def initialise(network: DeepRBF, seed: int, start: Start = "normal") -> None:
    """Draw every parameter, each from a stream of its own; `start` is the RBF layer's.

    Convolutions and linear layers start as torch starts them, U(-1/sqrt(fan in), 1/sqrt(fan in)).
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(module.weight[0].numel())
            for part, parameter in module.named_parameters():
                draw_uniform(parameter, -bound, bound, stream(seed, f"start/{name}.{part}"))
    initialise_layer(network.rbf, stream(seed, "start/rbf"), start)
