"""Evidence on sections 2 to 6: linear filters, convolutions, fully connected layers, colours."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor, nn

from repro.audit.evidence import Shown
from studies.common.drawn import drawn
from studies.common.randomness import stream
from studies.filters2d import model
from studies.filters2d.cases import SEED
from studies.filters2d.claims.evidence import relative, weight_shape
from studies.filters2d.data import signals
from studies.filters2d.data.signals import Array
from studies.filters2d.measured import filters, sizes, transforms
from studies.filters2d.training import least_squares

# Chromaticities of red, green and blue, and the white they add up to: sRGB (IEC 61966-2-1), CIE RGB (CIE 1931, to the
# three decimals that its matrix is usually computed from).
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), (0.95047, 1.0, 1.08883)
CIE_RGB = ((0.735, 0.265), (0.274, 0.717), (0.167, 0.009)), (1.0, 1.0, 1.0)


# Section 2


def share_of_dots() -> float:
    """Return the share of ones among the dots of 1,000 images (section 2, In [3])."""
    return float(signals.dots(1000, 64, stream(SEED, "claims/dots")).double().mean())


def superposition_at_many_factors() -> float:
    """Return how far W * (a x + y) and a W * x + W * y lie apart at most, for 21 factors a (section 2)."""
    x, y = drawn("x", 64, 64), drawn("y", 64, 64)
    apart = [
        relative(
            signals.gaussian(factor * x + y, signals.SIGMAS),
            factor * signals.gaussian(x, signals.SIGMAS) + signals.gaussian(y, signals.SIGMAS),
        )
        for factor in np.linspace(-5, 5, 21).tolist()
    ]
    return max(apart)


def optimal_against_best_linear() -> Shown:
    """Compare the best linear answer to a task with the best of all: the positive part of a number (section 2)."""
    x = drawn("positive", 200, 1, 8, 8)
    wanted = x.clamp_min(0)
    layer = least_squares.best_convolution(x, wanted, 1).double()
    least, best = float(F.mse_loss(layer(x), wanted)), float(F.mse_loss(F.relu(x), wanted))
    return (
        best < least,
        f"positive parts of random numbers: the best linear answer misses by {least:.2g}, ReLU by {best:g}",
    )


# Section 3


def full_kernel_shape() -> list[int]:
    """Return the shape of the weights of the printed layer with one large kernel, made again (section 3, In [5])."""
    return weight_shape(nn.Conv2d(1, 1, 15, padding=7))


def layer_against_convolution() -> float:
    """Return how far a layer's answer lies from scipy's convolution with its turned kernel, bias apart (section 3)."""
    layer = model.made(lambda: model.filter_layer("full", 64), SEED, "claims/layer").double()
    x = drawn("x", 64, 64)
    with torch.no_grad():
        found = layer(x[None, None])[0, 0] - layer.get_parameter("bias")
    kernel = layer.get_parameter("weight").detach()[0, 0].numpy()[::-1, ::-1]
    return relative(found, torch.from_numpy(ndimage.convolve(x.numpy(), kernel, mode="constant")))


def layer_from_its_impulse_response() -> float:
    """Return how far a layer's answer lies from what its answers to one pixel and to none foretell (section 3)."""
    layer = model.made(lambda: model.filter_layer("full", 64), SEED, "claims/impulse").double()
    x = drawn("x", 1, 1, 64, 64)
    kernel = transforms.kernel_of(layer.float()).double()
    layer = layer.double()
    with torch.no_grad():
        found = layer(x) - layer(torch.zeros_like(x))
    return relative(found, F.conv2d(x, kernel.flip(0, 1)[None, None], padding=7))


def footprint() -> Shown:
    """Say whether 15 x 15 weights have room for 90 % of the filter's impulse response (sections 2 and 3)."""
    figures = filters.impulse_figures()
    return figures["mass_in_kernel"] > 90, (
        f"the impulse response has {figures['rows']:.0f} x {figures['columns']:.0f} pixels; "
        f"15 x 15 of them hold {figures['mass_in_kernel']:.1f} % of it"
    )


def separable_is_one_kernel() -> float:
    """Return how far two 1-D convolutions lie from the one whose kernel is their outer product (section 3.1)."""
    x, column, row = drawn("x", 1, 1, 40, 40), drawn("column", 15), drawn("row", 15)
    one_by_one = F.conv2d(F.conv2d(x, column[None, None, :, None]), row[None, None, None, :])
    return relative(one_by_one, F.conv2d(x, torch.outer(column, row)[None, None]))


def separable_are_some() -> Shown:
    """Say whether some kernels are not separable, by their rank (section 3.1)."""
    kernel, separable = drawn("kernel", 15, 15), torch.from_numpy(signals.impulse_response(signals.SIGMAS, 35))
    ranks = [int(torch.linalg.matrix_rank(one)) for one in (separable, kernel)]
    return ranks[0] == 1 < ranks[
        1
    ], f"the Gaussian's kernel has rank {ranks[0]}, a random one of 15 x 15 rank {ranks[1]}"


def separable_products() -> Shown:
    """Compare the products that a pixel takes with one kernel and with two 1-D ones (section 3)."""
    few, many = (sizes.network_figures(name)["kernel_products"] for name in ("separable", "full"))
    return few < many, f"{few:.0f} products a pixel in place of {many:.0f}"


# Section 4


def dense_shape() -> list[int]:
    """Return the shape of the weights of the fully connected layer (section 4, In [14])."""
    with torch.device("meta"):
        return weight_shape(model.filter_layer("dense", 64), "1.weight")


def matrix_of_a_convolution(side: int = 16, reach: int = 2) -> tuple[Array, Tensor]:
    """Return the matrix of a random convolution on the pixels of an image, and its kernel (section 4)."""
    kernel = drawn("kernel", 2 * reach + 1, 2 * reach + 1)
    pixels = torch.eye(side**2, dtype=torch.float64).reshape(-1, 1, side, side)
    return F.conv2d(pixels, kernel[None, None], padding=reach).flatten(1).T.numpy(), kernel


def structure_of_the_matrix() -> Shown:
    """Say whether a convolution's matrix has tied weights, is sparse, and is regular (section 4)."""
    matrix, kernel = matrix_of_a_convolution()
    values = np.unique(matrix[matrix != 0])
    filled = 100 * float((matrix != 0).mean())
    shifted = matrix.reshape(16, 16, 16, 16)
    regular = np.array_equal(shifted[4:9, 4:9, 4:9, 4:9], shifted[6:11, 6:11, 6:11, 6:11])
    holds = len(values) <= kernel.numel() and filled < 50 and regular
    return holds, (
        f"a 5 x 5 kernel on 16 x 16 pixels: {len(values)} different weights in {matrix.size:,}, {filled:.1f} % of them "
        f"not 0, rows the same but for a shift: {'yes' if regular else 'no'}"
    )


# Section 5


def changed_pixels() -> Shown:
    """Say whether RGB to XYZ of a pixel depends on that pixel alone (section 5)."""
    rgb = 0.5 + 0.5 * drawn("rgb", 1, 3, 9, 9)
    other = rgb.clone()
    other[0, :, 4, 5] = 1 - other[0, :, 4, 5]
    moved = (signals.xyz(other) != signals.xyz(rgb)).any(dim=1).sum()
    return int(moved) == 1, f"one pixel changed in 81 changes {int(moved)}"


def matrix_from_primaries(primaries: tuple[tuple[float, float], ...], white: tuple[float, ...]) -> Array:
    """Return the matrix from linear RGB to XYZ whose columns are the primaries and whose rows sum to the white."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    return np.asarray(columns * np.linalg.solve(columns, np.array(white)))


def matrix_of_the_images() -> list[float]:
    """Return the nine entries of the matrix behind 8-bit images, from the primaries of sRGB (section 5)."""
    return matrix_from_primaries(*SRGB).flatten().tolist()


def matrix_of_cie_rgb() -> list[float]:
    """Return the nine entries of the matrix of CIE RGB under illuminant E, from its primaries (section 5)."""
    return matrix_from_primaries(*CIE_RGB).flatten().tolist()


def nearest_matrix() -> Shown:
    """Say whether the printed matrix is the nearer of the two to the learned one (section 5, Out[23] and Out[24])."""
    printed, right = (filters.matrix_figures("learned")[f"off_{name}"] for name in ("printed", "srgb"))
    return printed < right, f"entries are up to {printed:.3f} off the printed matrix's, up to {right:.3f} off sRGB's"


# Section 6


def network_at_many_pixels() -> float:
    """Return how far two 1 x 1 convolutions lie from a network run pixel by pixel, both from torch (section 6)."""
    layers = model.made(lambda: model.image_to_image(3, 1, "sigmoid", 16), SEED, "claims/pixels").double()
    x = drawn("x", 1, 3, 6, 6)
    per_pixel = nn.Sequential(nn.Linear(3, 16), nn.Sigmoid(), nn.Linear(16, 3)).double()
    with torch.no_grad():
        for name, parameter in per_pixel.named_parameters():
            parameter.copy_(layers.get_parameter(name).view_as(parameter))
        one_by_one = torch.stack([per_pixel(pixel) for pixel in x[0].flatten(1).T]).T
        return relative(layers(x)[0].flatten(1), one_by_one)
