"""Laws that the notebook states, each as two computations that have to agree, in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from scipy import signal
from torch import Tensor, nn

from studies.common.drawn import distance, drawn
from studies.filters2d.data import signals
from studies.filters2d.data.signals import SIGMAS

Pair = tuple[Tensor, Tensor]
LAWS: dict[str, Callable[[], Pair]] = {}


def law(function: Callable[[], Pair]) -> Callable[[], Pair]:
    """Register a law under its function's name."""
    LAWS[function.__name__] = function
    return function


def law_figures(name: str) -> dict[str, float]:
    """Return how far the two sides of a law lie apart, relatively: 0 where it is rounding."""
    return {"apart": distance(*LAWS[name]())}


@law
def gaussian_superposition() -> Pair:
    """The Gaussian filter of 3 x + y is 3 times that of x plus that of y (section 2)."""
    x, y = drawn("x", 64, 64), drawn("y", 64, 64)
    return signals.gaussian(3 * x + y, SIGMAS), 3 * signals.gaussian(x, SIGMAS) + signals.gaussian(y, SIGMAS)


@law
def gaussian_by_impulse() -> Pair:
    """Away from the edges the filter is the convolution with its impulse response (section 2)."""
    x = drawn("x", 64, 64)
    response = signals.impulse_response(SIGMAS, 35)
    convolved = torch.from_numpy(signal.convolve2d(x.numpy(), response, mode="same"))
    return convolved[17:-17, 17:-17], signals.gaussian(x, SIGMAS)[17:-17, 17:-17]


@law
def gaussian_separable() -> Pair:
    """The impulse response is the product of a column and a row (section 3.1)."""
    response = signals.impulse_response(SIGMAS, 35)
    return torch.from_numpy(np.outer(response.sum(axis=1), response.sum(axis=0))), torch.from_numpy(response)


@law
def kernel_of_separable_ones() -> Pair:
    """A 9 x 9 kernel convolves as the sum of nine separable ones, from its singular values (section 3.1)."""
    x, kernel = drawn("x", 1, 1, 32, 32), drawn("kernel", 9, 9)
    columns, values, rows = torch.linalg.svd(kernel)
    parts = [
        F.conv2d(F.conv2d(x, column[None, None, :, None] * value), row[None, None, None, :])
        for column, value, row in zip(columns.T, values, rows, strict=True)
    ]
    return torch.stack(parts).sum(dim=0), F.conv2d(x, kernel[None, None])


@law
def kernel_as_matrix() -> Pair:
    """A convolution with zero padding is a matrix on the pixels (section 4)."""
    x, kernel = drawn("x", 12, 12), drawn("kernel", 1, 1, 5, 5)
    matrix = F.conv2d(torch.eye(144, dtype=torch.float64).reshape(144, 1, 12, 12), kernel, padding=2).reshape(144, 144)
    return matrix.T @ x.flatten(), F.conv2d(x[None, None], kernel, padding=2).flatten()


@law
def xyz_superposition() -> Pair:
    """RGB to XYZ as one matrix a pixel (section 5) would be additive, and that of sRGB values is not."""
    x, y = (0.25 + 0.2 * drawn(name, 1, 3, 8, 8) for name in "xy")
    return signals.xyz(x + y), signals.xyz(x) + signals.xyz(y)


@law
def xyz_of_linear_light() -> Pair:
    """Of linear light it is one matrix, which least squares recover (section 5)."""
    rgb = 0.5 + 0.5 * drawn("rgb", 1, 3, 16, 16)
    light, wanted = (one[0].flatten(1).T for one in (signals.linear_light(rgb), signals.xyz(rgb)))
    return torch.linalg.lstsq(light, wanted).solution.T, torch.tensor(signals.SRGB_TO_XYZ, dtype=torch.float64)


@law
def network_at_each_pixel() -> Pair:
    """Two 1 x 1 convolutions with sigmoids are one network at every pixel (section 6)."""
    x, first, second = drawn("x", 1, 3, 9, 9), drawn("first", 16, 3), drawn("second", 3, 16)
    layers = nn.Conv2d(3, 16, 1, bias=False), nn.Conv2d(16, 3, 1, bias=False)
    network = nn.Sequential(layers[0], nn.Sigmoid(), layers[1], nn.Sigmoid()).double().requires_grad_(False)
    for layer, weights in zip(layers, (first, second), strict=True):
        layer.weight.copy_(weights[:, :, None, None])
    by_pixel = torch.sigmoid(torch.sigmoid(x[0].flatten(1).T @ first.T) @ second.T).T
    return network(x)[0].flatten(1), by_pixel


def _dft(x: Tensor, norm: str) -> Tensor:
    found: Tensor = torch.fft.fft(x.to(torch.complex128), norm=norm)
    return found


@law
def fft_orthonormal() -> Pair:
    """The Fourier transform is a rotation, that is unitary, where it is normalised so (section 10)."""
    matrix = _dft(torch.eye(64), "ortho")
    return torch.view_as_real(matrix @ matrix.conj().T), torch.view_as_real(torch.eye(64, dtype=torch.complex128))


@law
def fft_as_defined() -> Pair:
    """As numpy and torch define it, it is a rotation and a scaling by the root of its length (section 10)."""
    matrix = _dft(torch.eye(64), "backward")
    return torch.view_as_real(matrix @ matrix.conj().T), torch.view_as_real(torch.eye(64, dtype=torch.complex128))


@law
def fft_backward() -> Pair:
    """Gradients go through it: the power of the spectrum has 2 N x for its gradient, by Parseval (section 10)."""
    x = drawn("x", 64).requires_grad_()
    torch.fft.fft(x).abs().square().sum().backward()
    assert x.grad is not None
    return x.grad, 2 * 64 * x.detach()


@law
def recursion_by_scipy() -> Pair:
    """The recursive filter is scipy's with b = (0, 0.3), a = (1, -0.7), started at the first value (section 14)."""
    x = drawn("x", 100).numpy()
    found, _ = signal.lfilter([0, 1 - signals.DECAY], [1, -signals.DECAY], x, zi=[x[0]])
    return torch.from_numpy(signals.recursive(x)), torch.from_numpy(found)


@law
def recursion_superposition() -> Pair:
    """The recursive filter is linear in its inputs, its start included (section 15)."""
    x, y = drawn("x", 100).numpy(), drawn("y", 100).numpy()
    sides = signals.recursive(3 * x + y), 3 * signals.recursive(x) + signals.recursive(y)
    return torch.from_numpy(sides[0]), torch.from_numpy(sides[1])
