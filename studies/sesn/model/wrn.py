"""WRN-16-8 for STL-10 and its scale-equivariant variants A, B and C.

Source: the released networks of the paper that the document reproduces (protocol: STL-10), after wide residual networks
(Zagoruyko and Komodakis, 2016). Shape legend: B batch, C channels, S scales, H height, W width.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.randomness import Dropout, draw_normal, draw_uniform, stream
from studies.sesn.model.bases import Basis
from studies.sesn.model.batchnorm import BatchNorm
from studies.sesn.model.layers import GroupConv1x1, GroupConv2d, LiftConv2d, project

Variant = Literal["wrn", "a", "b", "c"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

FIRST_WIDTH = 16
BLOCKS = 2  # a group: 16 layers are 6 * 2 + 4
STRIDES = (1, 2, 2)
SIZE, EFFECTIVE_SIZE = 7, 3  # pixels; basis A: 9 functions, as many as a plain 3 x 3 kernel has weights
SCALE_COUNT, SCALE_STEP = 3, 1.41
SMALLEST_SCALE = {"a": 0.9, "b": 0.9, "c": 1.1}  # pixels

CONVOLUTIONS = (nn.Conv2d, LiftConv2d, GroupConv2d, GroupConv1x1)


def basis(variant: Literal["a", "b", "c"]) -> Basis:
    """Return the functions that the kernels of a scale-equivariant variant are combined from."""
    scales = tuple(SMALLEST_SCALE[variant] * SCALE_STEP**step for step in range(SCALE_COUNT))
    return Basis("A", SIZE, EFFECTIVE_SIZE, scales)


class Block(nn.Module):
    """Pre-activation residual block: norm, ReLU, convolution, norm, ReLU, dropout, convolution; plus the shortcut.

    Where the width changes, the shortcut is a 1 x 1 convolution of the activated input, else it is the input itself.
    With `pooled` the first convolution lifts the activated input's maximum over scales; `scale_size` is how many
    neighbouring scales it combines.
    """

    def __init__(
        self,
        variant: Variant,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        dropout: float,
        pooled: bool,
        scale_size: int,
    ) -> None:
        super().__init__()
        self.pooled = pooled
        self.norm1 = BatchNorm(in_channels)
        if pooled:
            self.conv1 = _lifting(variant, in_channels, out_channels, stride=stride)
        else:
            self.conv1 = _convolution(variant, in_channels, out_channels, stride=stride, scale_size=scale_size)
        self.norm2 = BatchNorm(out_channels)
        self.dropout = Dropout(dropout)
        self.conv2 = _convolution(variant, out_channels, out_channels)
        self.shortcut = _pointwise(variant, in_channels, out_channels, stride) if in_channels != out_channels else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, [S,] H / stride, W / stride) for x (B, C, [S,] H, W)."""
        active = F.relu(self.norm1(x))
        # Where the width changes, the shortcut too starts from the activated input (stl_ses.py of the release).
        kept = x if self.shortcut is None else self.shortcut(active)
        out = F.relu(self.norm2(self.conv1(project(active) if self.pooled else active)))
        total: Tensor = kept + self.conv2(self.dropout(out))
        return total


class WideResNet(nn.Module):
    """A convolution, three groups of two blocks, maximum over scales, norm, ReLU, global average, linear layer.

    Variant A keeps the scales apart, B starts its second and third group from the maximum over scales, C combines
    two neighbouring scales in the first convolution of its first group.
    """

    def __init__(self, variant: Variant, widen: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.variant = variant
        self.conv = _lifting(variant, 3, FIRST_WIDTH)
        blocks, width = [], FIRST_WIDTH
        for group, stride in enumerate(STRIDES):
            wide = FIRST_WIDTH * widen * 2**group
            pooled, scale_size = variant == "b" and group > 0, 2 if variant == "c" and group == 0 else 1
            blocks += [
                Block(variant, width, wide, stride=stride, dropout=dropout, pooled=pooled, scale_size=scale_size),
                Block(variant, wide, wide, stride=1, dropout=dropout, pooled=False, scale_size=1),
            ]
            width = wide
        self.blocks = nn.Sequential(*blocks)
        self.norm = BatchNorm(width)
        self.output = nn.Linear(width, classes)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return logits (B, classes) for normalised images (B, 3, H, W)."""
        out = self.blocks(self.conv(x_BCHW))
        # Maximum over scales before the last norm, which so has statistics of one map a channel (stl_ses.py).
        out_BCHW = out if self.variant == "wrn" else project(out)
        logits: Tensor = self.output(F.relu(self.norm(out_BCHW)).mean((2, 3)))
        return logits


def build(variant: Variant, *, widen: int = 8, classes: int = 10, dropout: float = 0.3) -> WideResNet:
    """Return a network; `widen` 8 is the paper's. Its parameters are still to be drawn by `initialise`."""
    if variant not in VARIANTS:
        raise UsageError(f"wide residual network: no variant {variant!r}; choose one of {', '.join(VARIANTS)}")
    if widen < 1 or classes < 2:
        raise UsageError(f"wide residual network: wanted widen >= 1 and classes >= 2, got {widen} and {classes}")
    return WideResNet(variant, widen, classes, dropout)


@torch.no_grad()
def initialise(network: WideResNet, seed: int) -> None:
    """Draw the initial parameters as the released code does, each from a stream of its own.

    A convolution's weights are N(0, 2 / n), n being their number for one input channel. The linear layer's are
    U(-1 / sqrt(fan_in), 1 / sqrt(fan_in)) and its bias 0. Norms start at gain 1, offset 0.
    """
    for name, layer in network.named_modules():
        generator = stream(seed, f"init/{name}.weight")
        if isinstance(layer, CONVOLUTIONS):
            draw_normal(layer.weight, math.sqrt(2 / layer.weight[:, 0].numel()), generator)
        elif isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            draw_uniform(layer.weight, -bound, bound, generator)
            layer.bias.zero_()
        elif isinstance(layer, BatchNorm):
            layer.reset_parameters()


def _lifting(variant: Variant, in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Module:
    if variant == "wrn":
        return _convolution(variant, in_channels, out_channels, stride=stride)
    return LiftConv2d(in_channels, out_channels, basis(variant), stride=stride, padding=SIZE // 2)


def _convolution(
    variant: Variant, in_channels: int, out_channels: int, *, stride: int = 1, scale_size: int = 1
) -> nn.Module:
    if variant == "wrn":
        return nn.Conv2d(
            in_channels, out_channels, EFFECTIVE_SIZE, stride=stride, padding=EFFECTIVE_SIZE // 2, bias=False
        )
    return GroupConv2d(
        in_channels, out_channels, basis(variant), scale_size=scale_size, stride=stride, padding=SIZE // 2
    )


def _pointwise(variant: Variant, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if variant == "wrn":
        return nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
    return GroupConv1x1(in_channels, out_channels, stride=stride)
