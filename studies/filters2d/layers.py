"""Convolutions of few channels that are not slow on a CPU: the same function as torch's, in another order of sums.

oneDNN computes as many channels at once as a vector holds; where a layer has one, the others are for nothing. On
another device the layers are torch's own.

Shape legend: B batch, C channels in, O channels out, H height, W width, T neighbouring pixels of a row, I by J kernel.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight


def shifted(rows: Tensor, count: int) -> Tensor:
    """Return a row (..., J) as often as said, each time a place further right: (..., count, J + count - 1)."""
    length = rows.shape[-1] + count - 1
    longer = F.pad(rows, (0, count)).unsqueeze(-2).expand(*rows.shape[:-1], count, length + 1)
    return longer.flatten(-2)[..., : count * length].reshape(*rows.shape[:-1], count, length)


def by_neighbours(x: Tensor, weight: Tensor, bias: Tensor | None, together: int) -> Tensor:
    """Return the convolution of images (B, C, H, W), zeros about them, with odd kernels (O, C, I, J).

    T neighbours of a row are T C channels in and T O out. Both are the same numbers in memory where channels are last,
    as they are in what is returned.
    """
    (outputs, channels, down, across), width = weight.shape, x.shape[-1]
    if width % together:
        x = F.pad(x, (0, -width % together))
    reach = -(-(across // 2) // together)  # in blocks of T, to either side
    blocks, start = 2 * reach + 1, reach * together - across // 2
    kernel = F.pad(shifted(weight, together), (start, blocks * together - start - across - together + 1))
    kernel = kernel.reshape(*kernel.shape[:-1], blocks, together).permute(3, 0, 5, 1, 2, 4)  # T, O, T, C, I, blocks
    kernel = kernel.reshape(together * outputs, together * channels, down, blocks)
    last = x.permute(0, 2, 3, 1)
    inputs = last.reshape(*last.shape[:2], -1, together * channels).permute(0, 3, 1, 2)
    repeated = None if bias is None else bias.repeat(together)
    found = F.conv2d(inputs, kernel.contiguous(memory_format=torch.channels_last), repeated, padding=(down // 2, reach))
    return found.permute(0, 2, 3, 1).reshape(*last.shape[:3], outputs)[:, :, :width].permute(0, 3, 1, 2)


class NeighbourConv2d(nn.Conv2d):
    """A convolution of odd kernels that keeps an image's size, by `together` neighbours at a time."""

    def __init__(self, channels: int, outputs: int, kernel: int, *, together: int) -> None:
        super().__init__(channels, outputs, kernel, padding=kernel // 2)
        self.together = together

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return (B, O, H, W)."""
        if x_BCHW.device.type != "cpu":
            return super().forward(x_BCHW)
        return by_neighbours(x_BCHW, self.weight, self.bias, self.together)


class _FewOutputs(torch.autograd.Function):
    """The convolution to few channels: all rows of the kernel as channels of their own, put where they belong, summed.

    Backward, few channels are those that come in, which torch is quick with.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        down, across = weight.shape[2:]
        rows = weight.flip(2).transpose(1, 2).flatten(0, 1).unsqueeze(2)  # O I, C, 1, J
        of_rows = F.conv2d(x, rows, padding=(0, across // 2)).flatten(2)
        return F.fold(of_rows, x.shape[2:], (down, 1), padding=(down // 2, 0)) + bias[:, None, None]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        turned, half = weight.flip(2, 3).transpose(0, 1), tuple(size // 2 for size in weight.shape[2:])
        of_x = F.conv2d(gradient, turned, padding=half)
        of_turned = conv2d_weight(gradient, turned.shape, x, padding=half)  # type: ignore[no-untyped-call]
        return of_x, of_turned.flip(2, 3).transpose(0, 1), gradient.sum((0, 2, 3))


class FewOutputsConv2d(nn.Conv2d):
    """A convolution of odd kernels from many channels to few that keeps an image's size."""

    def __init__(self, channels: int, outputs: int, kernel: int) -> None:
        super().__init__(channels, outputs, kernel, padding=kernel // 2)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return (B, O, H, W)."""
        if x_BCHW.device.type != "cpu":
            return super().forward(x_BCHW)
        found: Tensor = _FewOutputs.apply(x_BCHW, self.weight, self.bias)  # type: ignore[no-untyped-call]
        return found


class BandedConv2d(nn.Conv2d):
    """A convolution of one channel with a kernel of one row or one column: a product with a banded matrix."""

    def __init__(self, kernel: tuple[int, int]) -> None:
        super().__init__(1, 1, kernel, padding=(kernel[0] // 2, kernel[1] // 2))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return (B, 1, H, W)."""
        if x_BCHW.device.type != "cpu":
            return super().forward(x_BCHW)
        entries, down = self.weight.flatten(), self.weight.shape[2] > 1
        size, half = x_BCHW.shape[2 if down else 3], len(entries) // 2
        matrix = shifted(entries, size)[:, half : half + size]
        return (matrix @ x_BCHW if down else x_BCHW @ matrix.T) + self.get_parameter("bias")


class DownAcross(nn.Sequential):
    """A network that begins with a convolution of columns (I, 1) of one channel and one of rows (1, J).

    Nothing stands between the two: on a CPU they are one of I by J, by two neighbours at a time.
    """

    def __init__(self, down: nn.Conv2d, across: nn.Conv2d, *rest: nn.Module) -> None:
        super().__init__(down, across, *rest)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return what the layers make of images (B, 1, H, W), one after the other."""
        down, across = (self.get_submodule(name) for name in "01")
        if x_BCHW.device.type != "cpu":
            found: Tensor = across(down(x_BCHW))
        else:
            columns, rows = (layer.get_parameter("weight") for layer in (down, across))
            kernels = torch.einsum("ci,ocj->oij", columns[:, 0, :, 0], rows[:, :, 0])
            constant = down.get_parameter("bias")[:, None, None].expand(-1, 1, x_BCHW.shape[-1])
            found = by_neighbours(x_BCHW, kernels.unsqueeze(1), None, 2) + across(constant)  # zeros beyond the edges
        for layer in list(self)[2:]:
            found = layer(found)
        return found
