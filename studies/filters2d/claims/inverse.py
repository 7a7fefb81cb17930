"""Evidence on sections 7 to 10: mosaic, channel, frequencies, sampling."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.audit.evidence import Shown
from studies.common.drawn import drawn
from studies.common.randomness import stream
from studies.filters2d import model
from studies.filters2d.cases import SEED
from studies.filters2d.claims.evidence import relative, weight_shape
from studies.filters2d.data import signals
from studies.filters2d.data.signals import Array
from studies.filters2d.measured import filters, listings
from studies.filters2d.measured.transforms import KERNELS

MUCH = 10  # times as fast is much faster, as we take it

# Section 7


def colours_of_the_mosaic() -> Shown:
    """Say whether the mosaic keeps one colour of each pixel, green twice as often as the others (section 7)."""
    kept = signals.mosaic(torch.ones(1, 3, 32, 32))[0]
    shares = [100 * float(one.mean()) for one in kept]
    single = bool((kept.sum(dim=0) == 1).all())
    named = ", ".join(f"{name} {share:g} %" for name, share in zip(signals.COLOURS, shares, strict=True))
    return single and shares == [25, 50, 25], f"{named}; one colour a pixel: {'yes' if single else 'no'}"


def printed_mosaic_runs() -> Shown:
    """Say whether an image of three axes takes the four indices of the printed mosaic (section 7, In [25])."""
    raised = listings.listing_figures("bayer_index")["raised"]
    return raised == 0, "four indices on an image's three axes " + ("raise IndexError" if raised else "run")


def mosaic_kernel_shape() -> list[int]:
    """Return the shape of the weights of the printed layer for the mosaic, made again (section 7, In [27])."""
    return weight_shape(nn.Conv2d(3, 3, 5, padding=2))


def mosaic_filters() -> int:
    """Count the two-dimensional filters of that layer (section 7)."""
    return math.prod(mosaic_kernel_shape()[:2])


def shapes_of_two_layers(channels: int, kernel: int) -> list[int]:
    """Return the shapes of the weights of two convolutions with a sigmoid between them, one after the other."""
    made = model.image_to_image(channels, kernel, "sigmoid")
    return [*weight_shape(made, "0.weight"), *weight_shape(made, "2.weight")]


def mosaic_network_shapes() -> list[int]:
    """Return the shapes of the weights of the two layers for the mosaic (section 7, In [30])."""
    return shapes_of_two_layers(3, KERNELS["mosaic"])


# Section 8


def channel_network_shapes() -> list[int]:
    """Return the shapes of the weights of the two layers for the channel (section 8, In [39])."""
    return shapes_of_two_layers(1, KERNELS["channel"])


def channel_parameters() -> list[float]:
    """Return the channel's blur down and across and its noise, measured on its answer to one pixel (section 8)."""
    pixel = torch.zeros(1, 1, 41, 41)
    pixel[0, 0, 20, 20] = 1
    blurred = signals.gaussian(pixel, signals.CHANNEL_SIGMAS)[0, 0].double()
    from_middle = torch.arange(41, dtype=torch.float64) - 20
    sigmas = [float((blurred.sum(dim=1 - axis) * from_middle.square()).sum().sqrt()) for axis in (0, 1)]
    empty = signals.degraded(torch.zeros(100, 1, 28, 28), stream(SEED, "claims/noise"))
    return [*sigmas, float(empty.std())]


def channel_is_filter_plus_noise() -> float:
    """Return how far degraded images, less the noise of empty ones, lie from filtered images (section 8.1)."""
    images = drawn("images", 10, 1, 28, 28).float().abs()
    found, noise = (signals.degraded(x, stream(SEED, "claims/same")) for x in (images, torch.zeros_like(images)))
    return relative(found - noise, signals.gaussian(images, signals.CHANNEL_SIGMAS))


def formula_of_the_inverse(covariance: Tensor, blur: Tensor, noise: float) -> Tensor:
    """Return A = C W' (W C W' + s^2)^-1, the linear inverse of y = W x + v for x of covariance C, v of deviation s."""
    of_y = blur @ covariance @ blur.T + noise**2 * torch.eye(len(blur), dtype=torch.float64)
    found: Tensor = covariance @ blur.T @ torch.linalg.inv(of_y)
    return found


def linear_inverse_by_formula() -> float:
    """Return by how much the formula of the linear inverse misses the fit of least squares (section 8, summary).

    The fit is to a sample of x and y that has the covariances of the formula exactly.
    """
    blur, root = drawn("blur", 12, 12), drawn("root", 12, 12)
    noise, eye, none = 0.3, torch.eye(12, dtype=torch.float64), torch.zeros(12, 12, dtype=torch.float64)
    sent, received = torch.cat([root, none], dim=1), torch.cat([blur @ root, noise * eye], dim=1)
    fitted = torch.linalg.lstsq(received.T, sent.T).solution.T
    return relative(formula_of_the_inverse(root @ root.T, blur, noise), fitted)


def least_squares_is_the_posterior() -> float:
    """Return how far the answer of least squared error lies from the share of ones, for each input (section 8.2).

    Twenty inputs, each with targets of 0 and 1 drawn with a chance of its own: one weight an input is free to take any
    value, as a large enough network is.
    """
    generator = stream(SEED, "claims/posterior")
    inputs = torch.randint(0, 20, (20000,), generator=generator)
    targets = (torch.rand(20000, generator=generator) < inputs / 20).double()
    one_hot = torch.nn.functional.one_hot(inputs, 20).double()
    answers = torch.linalg.lstsq(one_hot, targets[:, None]).solution[:, 0]
    shares = torch.stack([targets[inputs == each].mean() for each in range(20)])
    return relative(answers, shares)


# Section 10


def transformed(x: Array) -> tuple[Array, int]:
    """Return the Fourier transform of 2^n numbers, halving as Cooley and Tukey do, and the complex products it took."""
    if len(x) == 1:
        return x.astype(np.complex128), 0
    (even, few), (odd, more) = transformed(x[::2]), transformed(x[1::2])
    turned = odd * np.exp(-2j * np.pi * np.arange(len(odd)) / len(x))
    return np.r_[even + turned, even - turned], few + more + len(odd)


def layer_of_frequencies(x: Array) -> tuple[Array, int]:
    """Return the Fourier transform by a layer that has two filters for each frequency, and its real products."""
    waves = torch.fft.fft(torch.eye(len(x), dtype=torch.float64))
    filters_OIL = torch.cat([waves.real, waves.imag])[:, None]
    found = F.conv1d(torch.from_numpy(x)[None, None], filters_OIL).flatten()
    return (found[: len(x)] + 1j * found[len(x) :]).numpy(), len(found) * filters_OIL[0].numel()


def fft_products(length: int = 256) -> Shown:
    """Say whether a layer takes ten times the products of a fast transform with the same outcome (section 10)."""
    x = drawn("window", length).numpy()
    (fast, complex_products), (dense, products) = transformed(x), layer_of_frequencies(x)
    same = all(np.allclose(one, np.fft.fft(x)) for one in (fast, dense))
    few = 4 * complex_products
    return same and products > MUCH * few, (
        f"{few:,} real products for a window of {length} in place of {products:,}, {products / few:.0f} times; "
        f"numpy's numbers from both: {'yes' if same else 'no'}"
    )


def fft_superposition() -> float:
    """Return how far the transform of a sum lies from the sum of transforms (section 10)."""
    x, y = drawn("x", 64), drawn("y", 64)
    apart = torch.fft.fft(3 * x + y) - (3 * torch.fft.fft(x) + torch.fft.fft(y))
    return float(apart.abs().max())


def waves_by_complex_numbers() -> float:
    """Return how far the panels of waves lie from imaginary parts of complex ones at most (section 10, In [45])."""
    x = np.linspace(-10, 10, 1000)
    apart = []
    for number, changed in enumerate(filters.PANELS_1D, 1):
        values = {"mu": 0.0, "freq": 1.0, "phase": 0.0} | changed
        turn = 2j * np.pi * (values["freq"] * x + values["phase"])
        apart.append(np.abs(filters.panel(1, number) - np.exp(turn - (x - values["mu"]) ** 2 / 2).imag).max())
    return float(max(apart))


def planar_waves_by_complex_numbers() -> float:
    """Return the same for the panels in the plane (section 10, In [46])."""
    x, y = np.meshgrid(np.linspace(-10, 10, 200), np.linspace(-10, 10, 200))
    apart = []
    for number, changed in enumerate(filters.PANELS_2D, 1):
        (a, b), (f, g) = changed.get("mu", (0.0, 0.0)), changed.get("freq", (0.7, 0.7))
        phase = changed.get("phase", 0.0)
        wave = np.exp(1j * np.pi * (f * x + g * y + phase) - ((x - a) ** 2 + (y - b) ** 2) / 2)
        apart.append(np.abs(filters.panel(2, number) - wave.imag).max())
    return float(max(apart))


def aliasing() -> Shown:
    """Say whether keeping every fourth pixel folds power back that a filter before it takes away (section 10)."""
    plain, smooth = (filters.sampling_figures(before)["folded"] for before in ("nothing", "gaussian"))
    return (
        plain > 1 and smooth < plain,
        f"of rings, {plain:.0f} % of what is kept is folded, {smooth:.0f} % after a filter",
    )


def printed_subsampling() -> Shown:
    """Say whether the slice that is printed keeps every fourth pixel of a picture (section 10, In [48])."""
    picture: Array = np.arange(64.0 * 64 * 3).reshape(64, 64, 3)
    found, wanted = picture[:, :4, :4], picture[::4, ::4]
    return np.array_equal(
        found, wanted
    ), f"of {picture.shape} it keeps {found.shape}, every fourth pixel is {wanted.shape}"
