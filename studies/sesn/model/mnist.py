"""The MNIST networks of the released experiments, the plain CNNs of equal size, and small ones for quick runs.

Shape legend: B batch, C channels, S scales, H height, W width, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError, did_you_mean
from studies.common.randomness import Dropout, draw_uniform, stream
from studies.sesn.model.bases import Basis
from studies.sesn.model.batchnorm import BatchNorm
from studies.sesn.model.layers import GroupConv2d, LiftConv2d

CLASSES = 10
DROPOUT = 0.7
Kind = Literal["scalar", "vector", "cnn"]


@dataclass(frozen=True)
class Architecture:
    """What tells one network from another.

    `scales` are in pixels, `size` is the side of the largest kernel, `basis_side` squared the number of functions a
    kernel is combined from (a plain CNN's kernel has that side). Networks for 56 pixels enlarge the image themselves.
    """

    kind: Kind
    image: Literal[28, 56]
    scales: tuple[float, ...] = ()
    size: int = 7
    mult: float = 1.4
    channels: tuple[int, int, int] = (32, 63, 95)
    hidden: int = 256
    basis_side: int = 7

    @property
    def basis(self) -> Basis:
        """Return the functions that the kernels of a steerable network are combined from."""
        return Basis("B", self.size, self.basis_side, self.scales, self.mult)


SMALL_CHANNELS = (8, 16, 24)
SMALL_SCALES = (1.0, 1.5, 2.25)

ARCHITECTURES: dict[str, Architecture] = {
    # The released script's eight models; scales are rounded to two decimals there.
    "scalar_28": Architecture("scalar", 28, (1.7, 2.45, 3.54, 5.1), 15, 1.5),
    "scalar_28p": Architecture("scalar", 28, (1.5, 2.16, 3.12, 4.5), 13, 1.4),
    "scalar_56": Architecture("scalar", 56, (2.0, 2.83, 4.0), 15, 1.4),
    "scalar_56p": Architecture("scalar", 56, (1.0, 1.73, 3.0), 17, 1.4),
    "vector_28": Architecture("vector", 28, (1.5, 2.6, 4.5), 13, 1.5),
    "vector_28p": Architecture("vector", 28, (1.5, 2.6, 4.5), 15, 1.4),
    "vector_56": Architecture("vector", 56, (2.0, 2.52, 3.17, 4.0), 15, 1.5),
    "vector_56p": Architecture("vector", 56, (1.5, 1.89, 2.38, 3.0), 13, 1.4),
    "cnn_28": Architecture("cnn", 28),
    "cnn_56": Architecture("cnn", 56),
    # Ours, for runs of seconds: 25 functions or weights a kernel, so that all three have the same size.
    "scalar_small": Architecture("scalar", 28, SMALL_SCALES, 9, 1.4, SMALL_CHANNELS, 64, 5),
    "vector_small": Architecture("vector", 28, SMALL_SCALES, 9, 1.4, SMALL_CHANNELS, 64, 5),
    "cnn_small": Architecture("cnn", 28, (), 5, 1.4, SMALL_CHANNELS, 64, 5),
}


class MnistNetwork(nn.Module):
    """Three blocks of convolution, ReLU, max-pool and batch-norm, then a two-layer head.

    A scalar network takes the maximum over scales in each block, a vector network in the last alone, a plain CNN has
    one scale throughout. ReLU comes after pooling here: the two commute, and there is less to do.
    """

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        inputs = (1, *architecture.channels[:2])
        self.convolutions = nn.ModuleList()
        self.norms = nn.ModuleList()
        for block, (c_in, c_out) in enumerate(zip(inputs, architecture.channels, strict=True)):
            self.convolutions.append(_convolution(architecture, c_in, c_out, first=block == 0))
            self.norms.append(BatchNorm(c_out))
        self.hidden = nn.Linear(4 * architecture.channels[2], architecture.hidden, bias=False)
        self.hidden_norm = nn.BatchNorm1d(architecture.hidden)
        self.dropout = Dropout(DROPOUT)
        self.output = nn.Linear(architecture.hidden, CLASSES)

    def features(self, x_B1HW: Tensor) -> Tensor:
        """Return the output of the three blocks (B, C, 2, 2) for 28 x 28 images."""
        last_pool = 4
        if self.architecture.image == 56:
            # After standardising, and by copying pixels: nn.Upsample(scale_factor=2), mnist_ses.py of the release.
            x_B1HW = F.interpolate(x_B1HW, scale_factor=2, mode="nearest")
            last_pool = 8
        x = self._block(0, x_B1HW, pool=2)
        x = self._block(1, x, pool=2)
        return self._block(2, x, pool=last_pool, pool_padding=2)

    def forward(self, x_B1HW: Tensor) -> Tensor:
        """Return logits (B, 10) for images (B, 1, 28, 28)."""
        # The norm before ReLU here, and after it in the blocks (mnist_ses.py of the release).
        hidden_BD = F.relu(self.hidden_norm(self.hidden(self.features(x_B1HW).flatten(1))))
        out: Tensor = self.output(self.dropout(hidden_BD))
        return out

    def _block(self, block: int, x: Tensor, *, pool: int, pool_padding: int = 0) -> Tensor:
        convolution, norm = self.convolutions[block], self.norms[block]
        if self.architecture.kind == "cnn":
            x = F.max_pool2d(convolution(x), pool, padding=pool_padding)
        else:
            last = self.architecture.kind == "scalar" or block == 2
            x = convolution(x, project=last, pool=pool, pool_padding=pool_padding)
        out: Tensor = norm(F.relu(x))  # the norm last: its statistics are of what pooling left (mnist_ses.py)
        return out


def _convolution(architecture: Architecture, c_in: int, c_out: int, *, first: bool) -> nn.Module:
    padding = architecture.size // 2
    if architecture.kind == "cnn":
        return nn.Conv2d(c_in, c_out, architecture.size, padding=padding)
    layer = LiftConv2d if first or architecture.kind == "scalar" else GroupConv2d
    return layer(c_in, c_out, architecture.basis, padding=padding, bias=True)


def build(name: str) -> MnistNetwork:
    """Return a network by the name of its architecture; its parameters are still to be drawn by `initialise`."""
    if name not in ARCHITECTURES:
        known = list(ARCHITECTURES)
        raise UsageError(f"no network '{name}'{did_you_mean(name, known)} (networks: {', '.join(known)})")
    return MnistNetwork(ARCHITECTURES[name])


@torch.no_grad()
def initialise(network: MnistNetwork, seed: int) -> None:
    """Draw the initial parameters as the released code does, each from a stream of its own.

    Weights are U(-1/sqrt(fan_in), 1/sqrt(fan_in)), where the fan-in of a steerable kernel counts its functions, not its
    pixels. Biases of steerable convolutions start at 0, those of other layers like weights.
    """
    for name, layer in network.named_modules():
        if isinstance(layer, LiftConv2d | GroupConv2d | nn.Conv2d | nn.Linear):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            draw_uniform(layer.weight, -bound, bound, stream(seed, f"init/{name}.weight"))
            if layer.bias is not None and isinstance(layer, nn.Conv2d | nn.Linear):
                draw_uniform(layer.bias, -bound, bound, stream(seed, f"init/{name}.bias"))
            elif layer.bias is not None:
                layer.bias.zero_()
