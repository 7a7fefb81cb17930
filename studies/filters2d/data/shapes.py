"""Outlines to tell apart (section 11), and blobs with their boundaries (section 12).

Shape legend: N images, H height, W width. Lengths are in pixels.
"""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndi
import torch
from torch import Tensor

from repro.errors import UsageError
from studies.filters2d.cases import Pair

MARGIN = 20  # a centre lies at least so far from the edge
RADII, HALVES = (5, 15), (8, 12)  # of circles and of the sides; the upper end is not drawn, as in numpy's randint
LEAST_DIFFERENCE = 2  # between the half sides of a rectangle that is told from squares
BLUR, NOISE = 1.0, 0.05
FULL_SIDE = 128  # of the notebook's images
SEEDS, BLOB_BLUR, FILLED = 0.1, 15.0, 70  # density, sigma at full size, and the percentile above which a blob lies
BLOB_NOISE = 0.01
CHUNK = 500  # images drawn at a time


def positions(side: int) -> int:
    """Return in how many places the centre of an outline can lie. Raise UsageError where there is none."""
    if side <= 2 * MARGIN:
        raise UsageError(
            f"outlines: wanted images of more than {2 * MARGIN} pixels a side, got {side}; give larger ones"
        )
    return (side - 2 * MARGIN) ** 2


def outlines(pair: Pair, count: int, side: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, side, side), blurred and noisy, and their classes (N,), 0 or 1, each as likely.

    Class 1 are circles, or rectangles that are no squares.
    """
    positions(side)
    if pair not in ("circle_square", "square_rectangle"):
        raise UsageError(f"outlines: unknown pair {pair!r}; choose circle_square or square_rectangle")
    classes = torch.randint(0, 2, (count,), generator=generator)
    draw = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    images = torch.empty(count, 1, side, side)
    for some, labels in zip(torch.split(images, CHUNK), torch.split(classes, CHUNK), strict=True):
        some[:, 0] = torch.from_numpy(_drawn(pair, labels.tolist(), side, draw))
    return images, classes


def _drawn(pair: Pair, labels: list[int], side: int, draw: np.random.Generator) -> np.ndarray:
    """Return outlines of the given classes (N, side, side), blurred, with a maximum of 1, and noisy."""
    images = np.zeros((len(labels), side, side))
    for image, label in zip(images, labels, strict=True):
        x, y = draw.integers(MARGIN, side - MARGIN, 2).tolist()
        if pair == "circle_square" and label == 1:
            circle(image, x, y, int(draw.integers(*RADII)))
        else:
            rectangle(image, x, y, *half_sides(pair, label, draw))
    images = ndi.gaussian_filter(images, (0, BLUR, BLUR))
    images /= images.max(axis=(1, 2), keepdims=True)
    return np.asarray(images + NOISE * draw.standard_normal(images.shape))


def half_sides(pair: Pair, label: int, draw: np.random.Generator) -> tuple[int, int]:
    """Draw the half sides of a rectangle, in pixels.

    Against circles stand rectangles of any sides, although the notebook speaks of squares; squares stand against
    rectangles whose half sides differ by two or more.
    """
    if pair == "square_rectangle" and label == 0:
        half = int(draw.integers(*HALVES))
        return half, half
    while True:
        across, down = draw.integers(*HALVES, 2).tolist()
        if pair == "circle_square" or abs(across - down) >= LEAST_DIFFERENCE:
            return across, down


def rectangle(image: np.ndarray, x: int, y: int, across: int, down: int) -> None:
    """Draw an outline one pixel wide whose sides are 2 across + 1 and 2 down + 1 pixels long, into an image (H, W)."""
    image[[y - down, y + down], x - across : x + across + 1] = 1
    image[y - down : y + down + 1, [x - across, x + across]] = 1


def circle(image: np.ndarray, x: int, y: int, radius: int) -> None:
    """Draw the pixels whose distance from the centre rounds to the radius, into an image (H, W)."""
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    image[np.rint(np.hypot(rows - y, columns - x)) == radius] = 1


def blobs(count: int, side: int, generator: torch.Generator) -> Tensor:
    """Return images (N, 1, side, side) of 0 and 1: blurred random dots, the highest 30 % of each image filled.

    The blur is that of the notebook in proportion to the side.
    """
    seeds = (torch.rand((count, side, side), generator=generator) < SEEDS).float().numpy()
    sigma = BLOB_BLUR * side / FULL_SIDE
    smooth = ndi.gaussian_filter(seeds, (0, sigma, sigma), mode="constant")
    levels = np.percentile(smooth, FILLED, axis=(1, 2), keepdims=True)
    return torch.from_numpy((smooth > levels).astype(np.float32)).unsqueeze(1)


def boundary(blobs: Tensor) -> Tensor:
    """Return the pixels of blobs (N, 1, H, W) that have a pixel outside among their eight neighbours, as 0 and 1."""
    interior = ndi.minimum_filter(blobs.numpy(), size=(1, 1, 3, 3))
    return torch.from_numpy(((blobs.numpy() - interior) > 0.5).astype(np.float32))


def with_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    """Add normal noise of 0.01 to images (N, 1, H, W) and stretch each to the range from 0 to 1."""
    noisy = images + torch.empty(images.shape).normal_(0, BLOB_NOISE, generator=generator)
    noisy = noisy - noisy.amin(dim=(1, 2, 3), keepdim=True)
    return noisy / noisy.amax(dim=(1, 2, 3), keepdim=True)


def filled(boundaries: Tensor) -> Tensor:
    """Return boundaries (N, 1, H, W) of 0 and 1 with what they enclose: the classical answer, which no layer learns."""
    return torch.from_numpy(np.stack([ndi.binary_fill_holes(one[0]) for one in boundaries.numpy() > 0.5])).float()[
        :, None
    ]


def overlap(found: Tensor, wanted: Tensor) -> float:
    """Return the intersection over the union of what is above 0.5 in images of one shape, over all of them."""
    one, other = found > 0.5, wanted > 0.5
    return float((one & other).sum() / (one | other).sum())
