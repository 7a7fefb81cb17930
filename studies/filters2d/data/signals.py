"""The signals of the notebook, and the classical filters that the networks are to learn.

Shape legend: N images or sequences, C channels, H height, W width, L length. Everything is float32 unless it says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.ndimage as ndi
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.errors import UsageError

DENSITY = 0.02  # of dots, section 2
SIGMAS = (4.0, 1.0)  # of the Gaussian filter down and across, pixels, section 2
CHANNEL_SIGMAS, NOISE = (2.0, 0.5), 0.02  # section 8
MEDIAN = 4  # pixels, section 13
PULSES, SMOOTHING, GAIN = 0.1, 3.0, 4.0  # density, sigma and factor of the 1-D smoothing, section 16
COLOURS = ("red", "green", "blue")
DECAY = 0.7  # of the recursive filter, section 14

# Linear sRGB to XYZ under D65 (IEC 61966-2-1), which is what "RGB to XYZ" means for 8-bit images; the matrix that the
# notebook prints beside its result, which is that of CIE RGB under illuminant E; and the result printed in section 5.
SRGB_TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
PRINTED_XYZ = ((0.4887180, 0.3106803, 0.2006017), (0.1762044, 0.8129847, 0.0108109), (0.0, 0.0102048, 0.9897952))
LEARNED_XYZ = ((0.4338, 0.2210, 0.2749), (0.2466, 0.5524, 0.1801), (-0.0104, 0.0857, 0.9661))

Array = NDArray[np.float64]


def dots(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Return images (N, 1, side, side) whose pixels are 1 with probability 0.02 and else 0 (section 2)."""
    return (torch.rand((count, 1, side, side), generator=generator) < DENSITY).float()


def gaussian(images: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Filter the last axes of an array by Gaussians, reflecting at the edges and cut off at 4 sigma, as scipy does."""
    every = (0.0,) * (images.dim() - len(sigmas)) + tuple(sigmas)
    return torch.from_numpy(ndi.gaussian_filter(images.numpy(), every))


def impulse_response(sigmas: Sequence[float], side: int) -> Array:
    """Return the Gaussian filter's answer to one pixel in the middle of an image of odd side, in float64."""
    image = np.zeros((side, side))
    image[side // 2, side // 2] = 1
    return np.asarray(ndi.gaussian_filter(image, sigmas))


def degraded(images: Tensor, generator: torch.Generator) -> Tensor:
    """Send images through the channel of section 8: blurred by (2, 0.5) pixels, plus normal noise of 0.02."""
    noise = torch.empty(images.shape).normal_(0, NOISE, generator=generator)
    return gaussian(images, CHANNEL_SIGMAS) + noise


def mosaic(images: Tensor, row: int = 0) -> Tensor:
    """Keep one colour a pixel of images (N, 3, H, W) and set the others to 0, by the Bayer pattern of section 7.

    Blue stands where `row` plus the pixel's row, and its column, are even; red where both are odd; green elsewhere.
    """
    if images.dim() != 4 or images.shape[1] != len(COLOURS):
        raise UsageError(f"Bayer mosaic: wanted images (N, 3, H, W), got {tuple(images.shape)}; give three colours")
    rows, columns = ((torch.arange(size) + start) % 2 for size, start in zip(images.shape[-2:], (row, 0), strict=True))
    odd_HW = rows[:, None] + columns[None, :]  # of a pixel's two numbers
    keeps = torch.stack([odd_HW == {"red": 2, "green": 1, "blue": 0}[colour] for colour in COLOURS])
    return images * keeps


def xyz(rgb: Tensor) -> Tensor:
    """Return CIE XYZ of sRGB images (N, 3, H, W) in [0, 1]: decoded (IEC 61966-2-1), then a matrix (section 5)."""
    matrix = torch.tensor(SRGB_TO_XYZ, dtype=rgb.dtype)
    return torch.einsum("xc,nchw->nxhw", matrix, linear_light(rgb))


def linear_light(rgb: Tensor) -> Tensor:
    """Undo the transfer function of sRGB, values in [0, 1] (IEC 61966-2-1)."""
    return torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def grey(rgb: Tensor) -> Tensor:
    """Return the mean of the three colours (N, 1, H, W), as section 13 does."""
    return rgb.mean(dim=1, keepdim=True)


def median(images: Tensor) -> Tensor:
    """Return the median over 4 x 4 pixels, reflecting at the edges (section 13); the upper one of the middle two."""
    return torch.from_numpy(ndi.median_filter(images.numpy(), size=(1, 1, MEDIAN, MEDIAN)))


def box_mean(images: Tensor) -> Tensor:
    """Return the mean over 4 x 4 pixels, where the median lies too: what a learned median is to be better than."""
    return torch.from_numpy(ndi.uniform_filter(images.numpy(), size=(1, 1, MEDIAN, MEDIAN)))


def pulses(count: int, length: int, generator: torch.Generator) -> Tensor:
    """Return sequences (N, 1, L) that are 1 with probability 0.1 and else 0 (section 16)."""
    return (torch.rand((count, 1, length), generator=generator) < PULSES).float()


def smoothed(sequences: Tensor) -> Tensor:
    """Return 4 times the Gaussian filter of sigma 3 of sequences (N, 1, L) (section 16)."""
    return GAIN * gaussian(sequences, (SMOOTHING,))


def recursive(values: Array) -> Array:
    """Filter a sequence by y[0] = x[0], y[i] = 0.7 y[i-1] + 0.3 x[i-1], in float64 (section 14)."""
    found = np.empty(len(values), dtype=np.float64)
    value = float(values[0])
    for place, entry in enumerate(values.tolist()):
        found[place] = value
        value = DECAY * value + (1 - DECAY) * entry
    return found


def wave_1d(x: Array, *, mu: float = 0.0, freq: float = 1.0, phase: float = 0.0) -> Array:
    """Return a sine of `freq` periods a unit under a Gaussian of sigma 1 about `mu` (section 10)."""
    return np.asarray(np.exp(-((x - mu) ** 2) / 2) * np.sin(2 * np.pi * (freq * x + phase)))


def wave_2d(
    x: Array, y: Array, *, mu: Sequence[float] = (0.0, 0.0), freq: Sequence[float] = (0.7, 0.7), phase: float = 0.0
) -> Array:
    """Return the same in the plane, with half as many periods a unit, as section 10 has it."""
    under = np.exp(-((x - mu[0]) ** 2 + (y - mu[1]) ** 2) / 2)
    return np.asarray(under * np.sin(np.pi * (freq[0] * x + freq[1] * y + phase)))
