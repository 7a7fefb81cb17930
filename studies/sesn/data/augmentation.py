"""The scale augmentation of training: each image gets a factor of its own, uniform in (low, 1 / low).

The published training draws one for an image each time it is shown; validation and test images are never augmented.
"""

from __future__ import annotations

import torch
from torch import Tensor

from repro.errors import UsageError
from studies.sesn.data.affine import scale_exact, scale_fast


def factors(count: int, low: float, generator: torch.Generator) -> Tensor:
    """Return `count` float64 factors from U(low, 1 / low), on the generator's device; 1 means none and draws nothing.

    Uniform, not log-uniform, as RandomAffine has it: for low = 0.5 two in three images grow.
    """
    if not 0 < low <= 1:
        raise UsageError(
            f"scale augmentation: wanted a lowest factor in (0, 1], got {low}; 1 is none, the published one is 0.5"
        )
    if low == 1:
        return torch.ones(count, dtype=torch.float64, device=generator.device)
    drawn = torch.rand(count, dtype=torch.float64, generator=generator, device=generator.device)
    return low + (1 / low - low) * drawn


def augment(images_BHW: Tensor, factors_B: Tensor, *, exact: bool = False) -> Tensor:
    """Return the uint8 images scaled by their factors, on the images' device.

    Within one grey level of Pillow; with `exact`, for audits, equal to it to the bit and computed on the CPU.
    """
    if not exact:
        return scale_fast(images_BHW, factors_B)
    scaled = scale_exact(images_BHW.cpu().numpy(), factors_B.cpu().numpy())
    return torch.from_numpy(scaled).to(images_BHW.device)
