"""What sections 4.4 and 4.5 print, computed anew: one function an item of `CONVOLUTION`."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from studies.dagnets.measured.printed.autograd import Numbers, Texts
from studies.dagnets.measured.printed.modules import named_sizes

IMAGE_NUMBERS = 256 * 256 * 3
FLOAT_BYTES = 4
POOLED = (((1, 2, 2, 1, 2, 1), (2, 0, 0, 0, 1, 0)), ((2, 0, 2, 1, 1, 1), (0, 0, 0, 1, 2, 1)))


def convolved(signal: tuple[int, ...], kernel: tuple[int, ...]) -> Numbers:
    """Return the slides' convolution of a signal with a kernel, which is not flipped."""
    x, weight = (torch.tensor(values, dtype=torch.float32).view(1, 1, -1) for values in (signal, kernel))
    return F.conv1d(x, weight).flatten().tolist()


def dense_parameters() -> Numbers:
    """Count the weights from 256 x 256 RGB to the same."""
    return [float(IMAGE_NUMBERS**2)]


def dense_memory() -> Numbers:
    """Return their memory in float32, in bytes."""
    return [float(FLOAT_BYTES * IMAGE_NUMBERS**2)]


def example() -> Numbers:
    """Convolve (1, 2, 3, 4) with (3, 2)."""
    return convolved((1, 2, 3, 4), (3, 2))


def ramp() -> Numbers:
    """Take differences along a ramp between two plateaus."""
    return convolved((0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4), (-1, 1))


def function_size() -> Texts:
    """Convolve 117 maps of 4 x 10 x 3 with five kernels of 2 x 3."""
    return [str(F.conv2d(torch.zeros(117, 4, 10, 3), torch.zeros(5, 4, 2, 3), torch.zeros(5)).size())]


def module_sizes() -> Texts:
    """Read the sizes of the same convolution as a module."""
    layer = nn.Conv2d(4, 5, (2, 3))
    return [*named_sizes(layer), str(layer(torch.zeros(117, 4, 10, 3)).size())]


def padding_and_stride() -> Numbers:
    """Convolve 3 x 5 pixels with a kernel of 3 x 3, padded and strided."""
    y = F.conv2d(torch.zeros(1, 2, 3, 5), torch.zeros(1, 2, 3, 3), stride=2, padding=(2, 1))
    return [float(size) for size in y.shape[1:]]


def dilation_loss() -> Numbers:
    """Count the samples that a kernel of 3 with dilation 4 takes off a signal."""
    signal = torch.zeros(1, 1, 40)
    return [float(40 - F.conv1d(signal, torch.zeros(1, 1, 3), dilation=4).shape[-1])]


def dilation_size() -> Texts:
    """Convolve 20 x 30 pixels with a kernel of 3 and dilation 4."""
    return [str(nn.Conv2d(1, 1, 3, dilation=4)(torch.zeros(1, 1, 20, 30)).size())]


def max_pooling() -> Numbers:
    """Take the maxima over pairs of the printed numbers."""
    return F.max_pool2d(torch.tensor(POOLED, dtype=torch.float32), (1, 2)).flatten().tolist()
