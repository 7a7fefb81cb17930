"""Realisations of scaled MNIST beside what was published of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studies.common.rounding import significant
from studies.sesn.data.scaled import FILED, PIXEL_SHA256, PNG_MD5, pixel_sha256, png_md5

PEAK = 255


def pixel_moments(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and SD of all pixels of uint8 images in [0, 1], from exact counts of the grey levels."""
    counts = np.bincount(images.ravel(), minlength=PEAK + 1).tolist()
    number = sum(counts)
    total = sum(level * count for level, count in enumerate(counts))
    squares = sum(level**2 * count for level, count in enumerate(counts))
    return total / number / PEAK, math.sqrt(number * squares - total**2) / number / PEAK


def realisation_figures(arrays: Mapping[str, NDArray[Any]], realisation: int) -> dict[str, float]:
    """Return how many of the three parts have the known pixels, and whether the files would have the published MD5.

    Also how many images there are of each kind, and mean and SD of the training pixels in [0, 1].
    """
    known = PIXEL_SHA256[realisation]
    mean, sd = pixel_moments(arrays["train_images"])
    return {
        "equal_parts": float(sum(pixel_sha256(arrays[f"{part}_images"]) == known[part] for part in FILED)),
        "equal_files": float(png_md5(arrays) == PNG_MD5[realisation]),
        **{f"{part}_images": float(len(arrays[f"{part}_images"])) for part in FILED},
        "mean": significant(mean),
        "sd": significant(sd),
    }
