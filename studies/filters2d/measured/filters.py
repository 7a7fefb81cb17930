"""Figures of filters and curves, which need no data: impulse response, waves, matrices, recursions, sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypedDict

import numpy as np
import torch
from scipy import signal
from torch import Tensor

from repro.errors import UsageError
from studies.common.rounding import significant
from studies.filters2d.data import signals
from studies.filters2d.data.signals import Array
from studies.filters2d.training.search import Values

FILTER_KERNEL = 15  # pixels of the layer that is to become the Gaussian filter

# The Gaussian filter


def true_kernel() -> Tensor:
    """Return the middle 15 x 15 pixels of the Gaussian filter's impulse response, which has 33 x 9."""
    return torch.from_numpy(signals.impulse_response(signals.SIGMAS, 2 * FILTER_KERNEL + 3))[9:24, 9:24]


def true_matrix(side: int) -> Tensor:
    """Return the matrix of the Gaussian filter on images of a side, edges included."""
    pixels = torch.eye(side**2).reshape(-1, side, side)
    return signals.gaussian(pixels, signals.SIGMAS).flatten(1).T


def impulse_figures() -> Values:
    """Return the support of the impulse response, and how much of it a 15 x 15 kernel holds."""
    response = signals.impulse_response(signals.SIGMAS, 65)
    kernel = true_kernel()
    return {
        "rows": float((response.max(axis=1) > 0).sum()),
        "columns": float((response.max(axis=0) > 0).sum()),
        "mass": significant(100 * float(response.sum())),
        "mass_in_kernel": significant(100 * float(kernel.sum())),
        "largest": significant(float(response.max())),
    }


# Curves and panels


class Planar(TypedDict, total=False):
    """What a panel of waves in the plane changes: the middle, the frequencies along both axes, the phase."""

    mu: tuple[float, float]
    freq: tuple[float, float]
    phase: float


PANELS_1D: tuple[dict[str, float], ...] = ({}, {"mu": 1.0}, {"mu": 2.0}, {"freq": 0.5}, {"freq": 1.0}, {"freq": 2.0})
PANELS_2D: tuple[Planar, ...] = (
    {}, {"mu": (5.0, 3.0)}, {"mu": (-2.0, 5.0)},
    {"freq": (0.2, 0.2)}, {"freq": (0.7, 0.7)}, {"freq": (1.0, 1.0)},
    {}, {"phase": 0.25}, {"phase": 0.5},
)  # fmt: skip


def panel(dimensions: int, number: int) -> Array:
    """Return the values of a panel of section 10, counted from 1, on the notebook's grid."""
    if dimensions == 1:
        return signals.wave_1d(np.linspace(-10, 10, 1000), **PANELS_1D[number - 1])
    x, y = np.meshgrid(np.linspace(-10, 10, 200), np.linspace(-10, 10, 200))
    return signals.wave_2d(x, y, **PANELS_2D[number - 1])


def panel_figures(dimensions: int, number: int) -> Values:
    """Return the range of a panel, and how far it is from being odd about its middle."""
    values = panel(dimensions, number)
    turned = values[::-1] if dimensions == 1 else values[::-1, ::-1]
    return {
        "lowest": significant(float(values.min())),
        "highest": significant(float(values.max())),
        "off_odd": round(float(np.abs(values + turned).max()), 6),
    }


CURVES: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "identity": (lambda x: 10 / (1 + np.exp(-0.4 * x)) - 5, lambda x: x),
    "softplus": (lambda x: 10 / (1 + np.exp(2.6 - 0.55 * x)), lambda x: np.log1p(np.exp(x))),
}


def approximation_figures(name: str, within: float) -> Values:
    """Return by how much a scaled sigmoid misses a function on an interval about 0 (section 13.2)."""
    x = np.linspace(-within, within, 2001)
    approximate, exact = CURVES[name]
    off = np.abs(approximate(x) - exact(x))
    return {"largest": significant(float(off.max())), "rms": significant(float(np.sqrt((off**2).mean())))}


# Colour matrices


MATRICES = {"learned": signals.LEARNED_XYZ, "srgb": signals.SRGB_TO_XYZ, "printed": signals.PRINTED_XYZ}


def matrix_figures(name: str) -> Values:
    """Return a matrix's sums of rows and its largest distance from the two others (section 5)."""
    mine = np.array(MATRICES[name])
    sums = {f"row_{number}": significant(float(row.sum())) for number, row in enumerate(mine, 1)}
    return sums | {
        f"off_{other}": float(significant(np.abs(mine - np.array(MATRICES[other])).max())) for other in MATRICES
    }


# Recursive filters, aliasing


def recursive_gaussian_figures(passes: int) -> Values:
    """Return how well a first-order recursion, run forwards and backwards, comes to the Gaussian filter of sigma 3.

    Each pass's kernel has the variance 2 a / (1 - a)^2, and `a` is chosen so that all of them have the Gaussian's.
    """
    share = signals.SMOOTHING**2 / passes
    decay = (share + 1 - math.sqrt(2 * share + 1)) / share
    pulse = np.zeros(201)
    pulse[100] = 1
    found = pulse
    for _ in range(passes):
        for turn in (1, -1):
            found = signal.lfilter([1 - decay], [1, -decay], found[::turn])[::turn]
    wanted = signals.gaussian(torch.from_numpy(pulse), (signals.SMOOTHING,)).numpy()
    off = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    return {"decay": significant(decay), "off": significant(off)}


def zone_plate(side: int = 256) -> Array:
    """Return rings whose frequency rises from 0 in the middle to half a period a pixel at the edges' middles."""
    x = np.arange(side) - side / 2
    return np.asarray(np.cos(np.pi * (x[:, None] ** 2 + x[None, :] ** 2) / side))


def every_fourth(image: Array, before: str) -> Array:
    """Keep every fourth pixel each way, as it is or after a Gaussian filter of 2 pixels."""
    return np.asarray(prepared(image, before)[::4, ::4])


def prepared(image: Array, before: str) -> Array:
    """Return an image as it is, or after a Gaussian filter of 2 pixels. Raise UsageError for another preparation."""
    if before == "gaussian":
        return signals.gaussian(torch.from_numpy(image), (2.0, 2.0)).numpy()
    if before != "nothing":
        raise UsageError(f"unknown preparation {before!r}; choose nothing or gaussian")
    return image


def sampling_figures(before: str) -> Values:
    """Return shares of power in percent: of the image above what kept pixels can carry, and of these what is folded.

    Every fourth pixel carries up to an eighth of a period a pixel (section 10).
    """
    image = prepared(zone_plate(), before)
    spectrum = np.fft.fft2(image)
    frequencies = np.abs(np.fft.fftfreq(len(image)))
    low = (frequencies[:, None] < 1 / 8) & (frequencies[None, :] < 1 / 8)
    carried, folded = (np.fft.ifft2(spectrum * part).real[::4, ::4] for part in (low, ~low))
    powers = [float((part**2).sum()) for part in (carried, folded)]
    return {
        "above": significant(100 * float((np.abs(spectrum[~low]) ** 2).sum() / (np.abs(spectrum) ** 2).sum())),
        "folded": significant(100 * powers[1] / sum(powers)),
    }
