"""The kernels made by hand (section 4.4), and how pooling bears a shift (section 4.5)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.study import Run
from studies.common.choosing import check_known
from studies.common.images import enlarged
from studies.common.rounding import significant

KERNELS = {
    "identity": ((0, 0, 0), (0, 1, 0), (0, 0, 0)),
    "box": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "across": ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)),
    "down": ((-1, -1, -1), (0, 0, 0), (1, 1, 1)),
    "laplacian": ((0, -1, 0), (-1, 4, -1), (0, -1, 0)),
}
SHOWN, COUNT = 12, 1000  # the image of the slides, and how many are moved
SIDE, LARGE_SIDE, CELL = 28, 32, 4  # pixels


def answers(image_HW: Tensor) -> dict[str, Tensor]:
    """Return the map that each kernel makes of an image of grey levels, as whole numbers in float64."""
    x = image_HW[None, None].double()
    kernels = {name: torch.tensor(rows, dtype=torch.float64) for name, rows in KERNELS.items()}
    return {name: F.conv2d(x, kernel[None, None])[0, 0] for name, kernel in kernels.items()}


def images(run: Run, side: int) -> Tensor:
    """Return the first training images, enlarged to a side, as uint8 (N, side, side). Raise UsageError without data."""
    return enlarged(torch.tensor(run.dataset.load()["train_images"][:COUNT]), run.dataset.peak, side)


def kernel_figures(name: str, run: Run) -> dict[str, float]:
    """Return the sum of a kernel, and sum, least and largest value of what it makes of the shown image."""
    check_known("kernel made by hand", "name", name, KERNELS)
    found = answers(images(run, SIDE)[SHOWN])[name]
    weights = sum(sum(row) for row in KERNELS[name])
    return {
        "kernel_sum": float(weights),
        "sum": float(found.sum()),
        "lowest": float(found.min()),
        "highest": float(found.max()),
    }


def shift_figures(pixels: int, run: Run) -> dict[str, float]:
    """Return the change of images, and of their maxima over 4 x 4 pixels, when they move to the right, relatively."""
    x = images(run, LARGE_SIDE).unsqueeze(1).double()
    moved = F.pad(x, (pixels, 0))[..., :LARGE_SIDE]
    pooled, pooled_moved = (F.max_pool2d(one, CELL) for one in (x, moved))
    return {
        "raw": significant(float((moved - x).norm() / x.norm())),
        "pooled": significant(float((pooled_moved - pooled).norm() / pooled.norm())),
    }
