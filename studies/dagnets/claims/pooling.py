"""Evidence on pooling (section 4.5), computed when it is asked for."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from repro.audit.evidence import Shown
from studies.common.drawn import distance, drawn
from studies.dagnets.claims.layers import IMAGES


def pooling_by_blocks() -> float:
    """Compare pooling with maxima and means of blocks, in each channel of each sample (4.5)."""
    x = drawn("x", 2, 3, 8, 9)
    blocks = x.unfold(2, 2, 2).unfold(3, 3, 3)
    pairs = ((F.max_pool2d, blocks.amax((-2, -1))), (F.avg_pool2d, blocks.mean((-2, -1))))
    return max(distance(pool(x, (2, 3)), wanted) for pool, wanted in pairs)


def size_of_a_pooled_map() -> Shown:
    """Read the sizes of pooled maps, for 36 pairs of sizes (4.5)."""
    right = sum(
        F.max_pool2d(torch.zeros(2, 3, high, wide), (h, w)).shape == (2, 3, high // h, wide // w)
        for high, wide, h, w in IMAGES
    )
    return right == len(IMAGES), f"{right} of {len(IMAGES)} maps are floor(H / h) x floor(W / w)"


def moved_pictures() -> Shown:
    """Move drawn smooth pictures by a pixel, and ask whether pooling takes a third of the change away (4.5).

    The third is a bound of ours: maxima across the direction of the shift alone take a tenth.
    """
    rough = drawn("pictures", 20, 1, 8, 8)
    x = F.interpolate(rough, size=32, mode="bilinear", align_corners=False).relu()
    moved = F.pad(x, (1, 0))[..., :32]
    raw = float((moved - x).norm() / x.norm())
    pooled, after = (F.max_pool2d(one, 4) for one in (x, moved))
    change = float((after - pooled).norm() / pooled.norm())
    return (
        change < 2 / 3 * raw,
        f"a shift by a pixel changes 20 smooth pictures by {raw:.3f}, their 4x4 maxima by {change:.3f}",
    )


def steps_by_default() -> Shown:
    """Read stride and padding of convolutions and poolings of several kernels, not given (4.5)."""
    layers = [nn.Conv2d(1, 1, size) for size in (2, 3, 5)]
    convolutions = {(*layer.stride, *layer.padding) for layer in layers}
    poolings = {(nn.MaxPool2d(size).stride == size, nn.MaxPool2d(size).padding) for size in (2, 3, 5)}
    ok = convolutions == {(1, 1, 0, 0)} and poolings == {(True, 0)}
    return (
        ok,
        f"convolutions, stride and padding: {convolutions}; poolings, stride the kernel's and padding: {poolings}",
    )
