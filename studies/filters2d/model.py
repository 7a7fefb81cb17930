"""The notebook's networks, and convolutions of few channels that are not slow on a CPU.

oneDNN computes as many channels at once as a vector holds; where a layer has one, the others are for nothing. Layers
here are the same functions with their sums in another order; on another device they are torch's own.

Shape legend: B batch, C channels in, O channels out, H height, W width, L length, D hidden units, T neighbouring pixels
of a row, I by J kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.grad import conv2d_weight

from repro.errors import UsageError
from studies.common.randomness import stream
from studies.filters2d.cases import Head, Hidden

Made = TypeVar("Made", bound=nn.Module)

WIDTH = 64  # channels of the hidden layer of sections 7 and 8
PER_PIXEL_WIDTH = 16  # of the network in network, which the notebook leaves open
CLASSES = 10  # outputs of section 11's network, which has two classes to tell apart


def made(make: Callable[[], Made], seed: int, name: str) -> Made:
    """Return a new network as torch initialises it, from a seed, and leave torch's own generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, name).initial_seed())
        return make()


# Layers


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


# Networks


def activation(hidden: Hidden) -> nn.Module:
    """Return the layer between two convolutions. Raise UsageError for another name."""
    if hidden == "sigmoid":
        return nn.Sigmoid()
    if hidden == "relu":
        return nn.ReLU()
    raise UsageError(f"unknown activation {hidden!r}; choose sigmoid or relu")


def image_to_image(channels: int, kernel: int, hidden: Hidden, width: int = WIDTH) -> nn.Module:
    """Return one convolution, or two with an activation between them, that keep an image's size."""
    if channels < 1 or kernel % 2 == 0:
        raise UsageError(f"image to image: wanted channels from 1 and an odd kernel, got {channels} and {kernel}")
    pad = kernel // 2
    if hidden == "linear":
        return nn.Conv2d(channels, channels, kernel, padding=pad)
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, padding=pad),
        activation(hidden),
        nn.Conv2d(width, channels, 1) if kernel == 1 else FewOutputsConv2d(width, channels, kernel),
    )


def filter_layer(model: str, side: int) -> nn.Module:
    """Return what learns a filter of images (B, 1, side, side): one kernel, two 1-D kernels, or all weights."""
    if model == "full":
        return NeighbourConv2d(1, 1, 15, together=8)
    if model == "separable":
        return nn.Sequential(BandedConv2d((15, 1)), BandedConv2d((1, 15)))
    if model == "dense":
        return nn.Sequential(nn.Flatten(), nn.Linear(side**2, side**2), nn.Unflatten(1, (1, side, side)))
    raise UsageError(f"unknown filter layer {model!r}; choose full, separable or dense")


def block(channels: int, outputs: int) -> list[nn.Module]:
    """Return the layers of one block of section 11: 3 x 3 convolution, batch norm, maximum over 2 x 2, ReLU.

    The notebook's ReLU stands before the maximum: the same, to the bit, of four times as many values.
    """
    convolution = (
        NeighbourConv2d(1, outputs, 3, together=2) if channels == 1 else nn.Conv2d(channels, outputs, 3, padding=1)
    )
    return [convolution, nn.BatchNorm2d(outputs), nn.MaxPool2d(2, 2), nn.ReLU()]


def shape_classifier(side: int, head: Head = "dense") -> nn.Sequential:
    """Return section 11's network for images (B, 1, side, side).

    "dense" ends as printed, in two linear layers that see where a feature is; "pooled" has a fourth block and takes
    the mean over the image, so that they cannot.
    """
    if side < 8 or side % 8:
        raise UsageError(f"shape classifier: wanted a side that 8 divides, got {side}")
    blocks = block(1, 8) + block(8, 16) + block(16, 32)
    if head == "pooled":
        return nn.Sequential(*blocks, *block(32, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))
    if head != "dense":
        raise UsageError(f"shape classifier: unknown head {head!r}; choose dense or pooled")
    features = 32 * (side // 8) ** 2
    dense = [nn.Flatten(), nn.Linear(features, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, CLASSES)]
    return nn.Sequential(*blocks, *dense)


def topology_network(width: int = 16, kernel: int = 7) -> nn.Sequential:
    """Return section 12's network: one hidden layer of 7 x 7 kernels, which is all of an image that a pixel sees."""
    return nn.Sequential(
        nn.Conv2d(1, width, kernel, padding=(kernel - 1) // 2), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid(),
    )  # fmt: skip


def median_network() -> nn.Sequential:
    """Return section 13's network: 1-D kernels of 15 down and across, sigmoids, 1 x 1 at the end."""
    return DownAcross(
        nn.Conv2d(1, 16, (15, 1), padding=(7, 0)), nn.Conv2d(16, 32, (1, 15), padding=(0, 7)), nn.Sigmoid(),
        nn.Conv2d(32, 1, 1), nn.Sigmoid(),
    )  # fmt: skip


class SequenceLSTM(nn.Module):
    """An LSTM over sequences (B, C, L) that returns (B, D or 2 D, L), the two directions one after the other."""

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool = True) -> None:
        super().__init__()
        if inputs < 1 or hidden < 1:
            raise UsageError(f"LSTM: wanted inputs and hidden units from 1, got {inputs} and {hidden}")
        self.lstm = nn.LSTM(inputs, hidden, bidirectional=bidirectional)

    def forward(self, x_BCL: Tensor) -> Tensor:
        """Return the hidden states. Raise UsageError for another shape."""
        if x_BCL.dim() != 3 or x_BCL.shape[1] != self.lstm.input_size:
            wanted = f"(B, {self.lstm.input_size}, L)"
            raise UsageError(f"LSTM: wanted sequences {wanted}, got {tuple(x_BCL.shape)}; give as many channels")
        states: Tensor = self.lstm(x_BCL.permute(2, 0, 1))[0]
        return states.permute(1, 2, 0)


class RowLSTM(nn.Module):
    """An LSTM along every row of images (B, C, H, W), all rows alike; it returns (B, D or 2 D, H, W)."""

    def __init__(self, inputs: int, hidden: int, *, bidirectional: bool) -> None:
        super().__init__()
        self.along = SequenceLSTM(inputs, hidden, bidirectional=bidirectional)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the hidden states of each row's LSTM."""
        batch, channels, height, width = x_BCHW.shape
        rows = x_BCHW.transpose(1, 2).reshape(batch * height, channels, width)
        states: Tensor = self.along(rows)
        return states.reshape(batch, height, states.shape[1], width).transpose(1, 2)


class TwoDirectionLSTM(nn.Module):
    """Section 16's LSTM2: an LSTM along the rows, one along the columns of its states, a convolution for the output.

    Through rows and columns each output sees all of the image. `outputs` of 0 leaves the convolution away.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int = 0, *, bidirectional: bool = True) -> None:
        super().__init__()
        states = hidden * (2 if bidirectional else 1)
        self.rows = RowLSTM(inputs, hidden, bidirectional=bidirectional)
        self.columns = RowLSTM(states, hidden, bidirectional=bidirectional)
        self.output = nn.Conv2d(states, outputs, 1) if outputs else nn.Identity()

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the outputs (B, outputs, H, W)."""
        along_rows = self.rows(x_BCHW)
        along_columns = self.columns(along_rows.transpose(2, 3)).transpose(2, 3)
        found: Tensor = self.output(along_columns)
        return found


def smoother(model: str) -> nn.Module:
    """Return what learns to smooth sequences: section 16's LSTM, or a linear filter of 25 weights."""
    if model == "lstm":
        return nn.Sequential(SequenceLSTM(1, 4), nn.Sigmoid(), nn.Conv1d(8, 1, 1))
    if model == "fir":
        return nn.Conv1d(1, 1, 25, padding=12)
    raise UsageError(f"unknown smoother {model!r}; choose lstm or fir")


def topology_networks(name: str) -> Callable[[], nn.Module]:
    """Return what makes a network of section 12, or the one of section 16 that sees the whole image."""
    if name == "convolutional":
        return topology_network
    if name == "lstm2":
        return lambda: nn.Sequential(TwoDirectionLSTM(1, 8, 1), nn.Sigmoid())
    raise UsageError(f"unknown network {name!r}; choose convolutional or lstm2")


def make_network(name: str) -> tuple[nn.Module, tuple[int, ...]]:
    """Return one of the notebook's networks and the shape of an input to it."""
    image = (1, 1, 64, 64)
    widths = {"colour": (3, 1, 16), "mosaic": (3, 5, 64), "channel": (1, 11, 64)}
    base, _, kind = name.partition("_")
    if base in widths:
        channels, kernel, width = widths[base]
        return image_to_image(channels, kernel, "sigmoid" if kind else "linear", width), (1, channels, 32, 32)
    others: dict[str, Callable[[], tuple[nn.Module, tuple[int, ...]]]] = {
        "full": lambda: (filter_layer("full", 64), image),
        "separable": lambda: (filter_layer("separable", 64), image),
        "dense": lambda: (filter_layer("dense", 64), image),
        "shapes": lambda: (shape_classifier(128), (2, 1, 128, 128)),
        "shapes_pooled": lambda: (shape_classifier(128, "pooled"), (2, 1, 128, 128)),
        "topology": lambda: (topology_network(), (2, 1, 128, 128)),
        "median": lambda: (median_network(), (1, 1, 32, 32)),
        "lstm": lambda: (smoother("lstm"), (3, 1, 200)),
        "lstm2": lambda: (TwoDirectionLSTM(1, 4, 1), (2, 1, 9, 13)),
    }
    if name not in others:
        raise UsageError(f"unknown network {name!r}; choose one of {', '.join([*widths, *others])}")
    return others[name]()
