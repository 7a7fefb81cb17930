"""Residual networks for ImageNet (section 7.2; He et al. 2015, table 1), to count and to shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known

Placement = Literal["first", "middle"]  # of a bottleneck's stride: its first 1x1, as in the paper, or its 3x3

WIDTHS = (64, 128, 256, 512)
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
DEEP = 50  # from this depth on, blocks are bottlenecks
EXPANSION = 4
SIDE = 224  # pixels


def normed(before: int, after: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Return a convolution that keeps the size, but for the stride, and its batch normalisation."""
    if kernel < 1 or kernel % 2 == 0:
        raise UsageError(f"residual network: wanted an odd kernel, so that padding keeps the size, got {kernel}")
    convolution = nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)
    return [convolution, nn.BatchNorm2d(after)]


class Residual(nn.Module):
    """Add what a path of layers computes to its input, projected where the sizes differ."""

    def __init__(self, path: list[nn.Module], shortcut: list[nn.Module]) -> None:
        super().__init__()
        self.path, self.shortcut, self.rectify = nn.Sequential(*path), nn.Sequential(*shortcut), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return the rectified sum."""
        answer: Tensor = self.rectify(self.path(x) + self.shortcut(x))
        return answer


@dataclass(frozen=True)
class Block:
    """What a block is made for: channels before, inside and after, and its stride."""

    before: int
    inside: int
    after: int
    stride: int

    def shortcut(self) -> list[nn.Module]:
        """Return the projection, or nothing where the input can be added as it is."""
        return [] if self.stride == 1 and self.before == self.after else normed(self.before, self.after, 1, self.stride)

    def basic(self) -> Residual:
        """Return two 3x3 convolutions."""
        path = [*normed(self.before, self.inside, 3, self.stride), nn.ReLU(), *normed(self.inside, self.after, 3)]
        return Residual(path, self.shortcut())

    def bottleneck(self, placement: Placement) -> Residual:
        """Return a 3x3 convolution between two of 1x1."""
        first, middle = (self.stride, 1) if placement == "first" else (1, self.stride)
        path = [
            *normed(self.before, self.inside, 1, first), nn.ReLU(), *normed(self.inside, self.inside, 3, middle),
            nn.ReLU(), *normed(self.inside, self.after, 1),
        ]  # fmt: skip
        return Residual(path, self.shortcut())


def resnet(depth: int, placement: Placement = "first") -> nn.Sequential:
    """Return the network of a depth of table 1: the stem, four stages, the head. Raise UsageError for another depth."""
    if depth not in BLOCKS:
        raise UsageError(f"residual network: wanted a depth of {', '.join(map(str, BLOCKS))}, got {depth}")
    check_known("residual network", "place of the stride", placement, get_args(Placement))
    stages: list[nn.Module] = [nn.Sequential(*normed(3, 64, 7, 2), nn.ReLU()), nn.MaxPool2d(3, 2, padding=1)]
    before = 64
    for number, (width, count) in enumerate(zip(WIDTHS, BLOCKS[depth], strict=True)):
        after = width * (EXPANSION if depth >= DEEP else 1)
        blocks = []
        for place in range(count):
            block = Block(before, width, after, 2 if place == 0 and number else 1)
            blocks.append(block.bottleneck(placement) if depth >= DEEP else block.basic())
            before = after
        stages.append(nn.Sequential(*blocks))
    return nn.Sequential(*stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000))
