"""Evidence on data, transforms, networks and what they cost: preprocessing and results sections."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from repro.audit.evidence import Shown
from studies.common.randomness import stream
from studies.sesn.data import scaled, transforms
from studies.sesn.data.affine import scale_exact
from studies.sesn.model import mnist, wrn
from studies.sesn.published import results

PREPRINT = "1910.11093"  # links, reference [7]
DRAWS = 1_000_000
TOLERATED = 1.63  # of the Kolmogorov-Smirnov distance times the root of the number: 1 %


def year_of_the_preprint() -> int:
    """Return the year in the number of the paper's preprint, whose first digits are year and month."""
    return 2000 + int(PREPRINT[:2])


# Scaled MNIST


def uniform_factors() -> Shown:
    """Ask whether the factors of all six realisations are uniform from 0.3 to 1."""
    low, high = scaled.FACTORS
    count = scaled.PUBLISHED.train + scaled.PUBLISHED.val + scaled.PUBLISHED.test
    drawn = [np.sort(scaled.scale_factors(count, k)) for k in range(len(scaled.PNG_MD5))]
    steps = np.arange(count) / count
    worst = max(float(np.abs((one - 0.3) / 0.7 - steps).max()) * math.sqrt(count) for one in drawn)
    ends = float(min(one[0] for one in drawn)), float(max(one[-1] for one in drawn))
    inside = ends[0] >= 0.3 and ends[1] <= 1 and (low, high) == (0.3, 1.0)
    words = f"{ends[0]:.5f} to {ends[1]:.5f}; largest distance from uniform {worst:.2f}, {TOLERATED} being tolerated"
    return inside and worst < TOLERATED, words


def scaled_sides() -> list[int]:
    """Return the sides of an image after scaling by 0.3."""
    return list(_shrunken().shape)


def zeros_around() -> Shown:
    """Ask whether a white image shrunk by 0.3 is surrounded by zeros."""
    image = _shrunken()
    white = int((image > 0).sum())
    border = np.concatenate([image[:6].ravel(), image[-6:].ravel(), image[:, :6].ravel(), image[:, -6:].ravel()])
    return not border.any() and white > 0, f"{image.size - white} of {image.size} pixels are 0, all near the border"


def _shrunken() -> NDArray[np.uint8]:
    white = np.full((1, scaled.SIDE, scaled.SIDE), 255, dtype=np.uint8)
    shrunken: NDArray[np.uint8] = scale_exact(white, np.array([scaled.FACTORS[0]]))[0]
    return shrunken


# STL-10


def _pictures(count: int) -> torch.Tensor:
    side = transforms.SIDE
    drawn = torch.randint(0, 256, (count, 3, side, side), generator=stream(0, "pictures"))
    return (drawn * torch.tensor([1.0, 0.6, 0.3])[:, None, None]).to(torch.uint8)


def normalised_channels() -> float:
    """Return how far mean and deviation of each channel lie from 0 and 1 after normalisation with their own."""
    images = _pictures(20)
    x = transforms.prepare(images, transforms.recipe_for(images)).double()
    mean, sd = x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
    return max(float(mean.abs().max()), float((sd - 1).abs().max()))


def cropped_sides() -> list[int]:
    """Return the sides of an image after padding and cropping."""
    images = _pictures(8)
    offsets = transforms.draw(8, stream(0, "crop")).offsets_B2
    return list(transforms.pad_and_crop(images, offsets, transforms.PROTOCOL.padding).shape[2:])


def share_flipped() -> float:
    """Return how many of a million images are mirrored, in percent."""
    return 100 * float(transforms.draw(DRAWS, stream(0, "flips")).flipped_B.double().mean())


def holes() -> list[int]:
    """Return the number of holes in an image that is cut in its middle, and their side."""
    side = transforms.SIDE
    middle = torch.tensor([[side // 2, side // 2]])
    x = transforms.cutout(torch.ones(1, 1, side, side), middle, transforms.PROTOCOL.hole)[0, 0]
    labelled, count = ndimage.label(x.numpy() == 0)
    (found, *_) = ndimage.find_objects(labelled)
    return [count, found[0].stop - found[0].start]


# Networks and what they cost


def parameters_on_mnist() -> list[int]:
    """Return the number of parameters of the eight networks, in the order of the results section."""
    return [sum(one.numel() for one in mnist.build(name).parameters()) for name in _listed()]


def parameters_of_plain_networks() -> list[int]:
    """Return the number of parameters of the two plain CNNs."""
    return [sum(one.numel() for one in mnist.build(name).parameters()) for name in ("cnn_28", "cnn_56")]


def _listed() -> list[str]:
    return [f"{kind}_{side}{plus}" for plus in ("", "p") for kind in ("scalar", "vector") for side in (28, 56)]


def parameters_on_stl10() -> list[int]:
    """Return the number of parameters of WRN-16-8 and of the variants A, B and C."""
    with torch.device("meta"):
        return [sum(one.numel() for one in wrn.build(variant).parameters()) for variant in wrn.VARIANTS]


def millions_on_stl10() -> float:
    """Return the millions of parameters of the STL-10 network that is farthest from 11 of them."""
    return max((count / 1e6 for count in parameters_on_stl10()), key=lambda millions: abs(millions - 11))


def listed_names() -> list[str]:
    """Return the names of the networks that the published runs are of, in the order of the printed list."""
    run = {f"{results.PREFIX}{one.model}" for one in results.published_runs()}
    known = [f"{results.PREFIX}{name}" for name in _listed() if name in mnist.ARCHITECTURES]
    return [name if name in run else f"{name} (not run)" for name in known]


def _products_on_mnist(name: str) -> int:
    """Return the multiplications of one image, by direct convolution."""
    one = mnist.ARCHITECTURES[name]
    inputs = (1, *one.channels[:2])
    sides = (one.image, one.image // 2, one.image // 4)
    kernel = max(1, len(one.scales)) * one.size**2
    convolved = sum(
        c_in * c_out * kernel * side**2 for c_in, c_out, side in zip(inputs, one.channels, sides, strict=True)
    )
    return convolved + 4 * one.channels[2] * one.hidden + one.hidden * mnist.CLASSES


def _ratios() -> list[float]:
    """Return the multiplications of the eight networks in units of those of the plain CNN of equal size."""
    plain = {side: _products_on_mnist(f"cnn_{side}") for side in (28, 56)}
    return [_products_on_mnist(name) / plain[mnist.ARCHITECTURES[name].image] for name in _listed()]


def cost_is_high() -> Shown:
    """Ask whether each network multiplies more than twice as much as the plain CNN of as many parameters."""
    found = _ratios()
    words = f"{min(found):.1f} to {max(found):.1f} times the multiplications of a plain CNN of as many parameters"
    return min(found) > 2, words
