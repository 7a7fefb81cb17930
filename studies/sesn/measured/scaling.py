"""What the scale augmentation of training does to a blob."""

from __future__ import annotations

import torch

from studies.sesn.data.augmentation import augment

SIDE, BLOB = 28, 3.0  # pixels, of the probe and of its blob's deviation


def scaling_figures(count: int, low: float) -> dict[str, float]:
    """Return what scaling by `count` even steps from low to 1 / low makes of a blob in the middle of 28 x 28 pixels.

    The mean grey level, and the blob's mean distance below and to the right of the image's centre, in pixels; exact,
    since the fast form's last grey level is the processor's.
    """
    line = torch.arange(SIDE, dtype=torch.float64) - (SIDE - 1) / 2
    blob = torch.exp(-(line**2) / (2 * BLOB**2))
    images_BHW = (255 * blob[:, None] * blob).to(torch.uint8).expand(count, -1, -1)
    scaled = augment(images_BHW, torch.linspace(low, 1 / low, count, dtype=torch.float64), exact=True).double()
    grey = scaled.mean()
    down, across = ((scaled.mean((0, axis)) * line).sum() / scaled.mean((0, axis)).sum() for axis in (2, 1))
    return {"grey": float(grey), "centre_down": float(down), "centre_across": float(across)}
