"""What the training transform of STL-10 does, read off probe images that went through it.

Shape legend: B batch, C channels, H height, W width, P padding pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from studies.common.randomness import stream
from studies.sesn.data.transforms import PROTOCOL, SIDE, Recipe, augment, draw, prepare

PROBE_LEFT, PROBE_RIGHT = 255, 160  # as pixels of the two halves; after normalisation neither padding nor hole
PROBE_BATCH = 100


def transform_statistics(seed: int, count: int, recipe: Recipe = PROTOCOL) -> dict[str, float]:
    """Return what `augment` does to `count` images, read off a probe image that goes through it.

    In pixels: mean side and area of the hole; lowest, highest and mean shift of the crop over both axes, with its SD.
    Between 0 and 1: share of holes as large as the protocol's, share of mirrored images. After normalisation: mean
    value of the padding in each channel, NaN where no pixel is padding.
    """
    generator = stream(seed, "transform statistics")
    found = []
    for start in range(0, count, PROBE_BATCH):
        size = min(PROBE_BATCH, count - start)
        x_BCHW = augment(_probe(size), draw(size, generator, recipe), recipe)
        found.append(_measure(x_BCHW, recipe))
    sides_2B, areas_B, shifts_2B, flipped_B, padding_CP = (torch.cat(part, -1) for part in zip(*found, strict=True))
    values = {
        "hole_side": sides_2B.mean(),
        "hole_area": areas_B.mean(),
        "full_hole_share": (areas_B == PROTOCOL.hole**2).double().mean(),
        "flip_share": flipped_B.mean(),
        "shift_lowest": shifts_2B.min(),
        "shift_highest": shifts_2B.max(),
        "shift_mean": shifts_2B.mean(),
        "shift_sd": shifts_2B.std(correction=0),
        "padding_red": padding_CP[0].mean(),
        "padding_green": padding_CP[1].mean(),
        "padding_blue": padding_CP[2].mean(),
    }
    return {name: float(value) for name, value in values.items()}


def _probe(count: int) -> Tensor:
    """Return images (B, 3, 96, 96) of two grey values, one for each half."""
    probe_W = torch.full((SIDE,), PROBE_RIGHT, dtype=torch.uint8)
    probe_W[: SIDE // 2] = PROBE_LEFT
    return probe_W.expand(count, 3, SIDE, SIDE)


def _measure(x_BCHW: Tensor, recipe: Recipe) -> tuple[Tensor, ...]:
    """Read float64 values off transformed probes.

    Sides of the hole (2, B), its area (B), shift of the crop (2, B), mirrored or not (B), values of the padding (3, P).
    """
    left, right = prepare(_probe(1), recipe)[0, 0, 0, [0, -1]]
    red_BHW = x_BCHW[:, 0]
    bright_BHW, hole_BHW = red_BHW == left, red_BHW == 0
    picture_BHW = bright_BHW | (red_BHW == right)
    half = SIDE // 2
    flipped_B = bright_BHW[..., :half].sum((1, 2)) < bright_BHW[..., half:].sum((1, 2))
    sides_2B = torch.stack([hole_BHW.any(axis).sum(1) for axis in (2, 1)])
    shifts_2B = torch.stack([_shift(picture_BHW.any(axis)) for axis in (2, 1)])
    shifts_2B[1] *= torch.where(flipped_B, -1, 1)
    padding_CP = x_BCHW.transpose(0, 1)[:, ~(picture_BHW | hole_BHW)]
    return tuple(value.double() for value in (sides_2B, hole_BHW.sum((1, 2)), shifts_2B, flipped_B, padding_CP))


def _shift(picture_BW: Tensor) -> Tensor:
    """Return how far a crop lies from the centre (B): lines that the picture lacks at the end, less at the start."""
    present_BW = picture_BW.to(torch.uint8)
    return present_BW.flip(1).argmax(1) - present_BW.argmax(1)
