"""The training transform of STL-10, batched on the images' device: every random number is an argument.

Order and fill as in the released code: zero padding and crop, flip, division by 255, normalisation, one hole of zeros.
So the padding is black before normalisation, while the hole is the mean colour after it.
Shape legend: N images of a set, B batch, C channels, H height, W width.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.errors import UsageError

PEAK = 255
STL10_MEAN = (0.4467, 0.4398, 0.4066)  # the released code's, of red, green and blue in [0, 1]
STL10_STD = (0.2603, 0.2566, 0.2713)
SIDE = 96  # pixels
STATISTICS_CHUNK = 100


@dataclass(frozen=True)
class Recipe:
    """What the transform does; the defaults are the protocol's. Lengths in pixels, colours in [0, 1]."""

    padding: int = 12
    flip: float = 0.5  # probability
    hole: int = 32  # side
    mean: tuple[float, ...] = STL10_MEAN
    std: tuple[float, ...] = STL10_STD

    def __post_init__(self) -> None:
        if self.padding < 0 or not 0 <= self.flip <= 1 or self.hole < 0 or self.hole % 2:
            raise UsageError(
                "image transform: wanted padding >= 0, a flip probability in [0, 1] and an even hole >= 0, "
                f"got {self.padding}, {self.flip} and {self.hole}"
            )
        if len(self.mean) != len(self.std) or not all(sd > 0 for sd in self.std):
            raise UsageError(
                "image transform: wanted one mean and one SD above 0 for each channel, "
                f"got {self.mean} and {self.std}; is a channel constant?"
            )


PROTOCOL = Recipe()


@dataclass(frozen=True)
class Draws:
    """The random numbers of a batch: corner of the crop in the padded image, mirrored or not, centre of the hole."""

    offsets_B2: Tensor  # row, column; 0 to 2 * padding
    flipped_B: Tensor  # bool
    centres_B2: Tensor  # row, column

    def to(self, device: torch.device | str) -> Draws:
        """Return the same numbers on a device."""
        return Draws(*(part.to(device) for part in self._parts()))

    def split(self, count: int) -> list[Draws]:
        """Cut into the draws of `count` images at a time; the last may be of fewer."""
        return [Draws(*parts) for parts in zip(*(torch.split(part, count) for part in self._parts()), strict=True)]

    @staticmethod
    def join(draws: Sequence[Draws]) -> Draws:
        """Put draws one behind the other."""
        return Draws(*(torch.cat(parts) for parts in zip(*(each._parts() for each in draws), strict=True)))

    def _parts(self) -> tuple[Tensor, ...]:
        return self.offsets_B2, self.flipped_B, self.centres_B2


def draw(count: int, generator: torch.Generator, recipe: Recipe = PROTOCOL, *, side: int = SIDE) -> Draws:
    """Draw for `count` images of `side` pixels from a generator on the CPU: offsets, flips, centres, in this order.

    Offsets and centres are uniform over all pixels that they can be.
    """
    offsets_B2 = torch.randint(0, 2 * recipe.padding + 1, (count, 2), generator=generator)
    flipped_B = torch.rand(count, generator=generator) < recipe.flip
    centres_B2 = torch.randint(0, side, (count, 2), generator=generator)
    return Draws(offsets_B2, flipped_B, centres_B2)


def augment(images_BCHW: Tensor, draws: Draws, recipe: Recipe = PROTOCOL) -> Tensor:
    """Transform uint8 training images into the network's float32 input; `draws` lie on the images' device."""
    cropped_BCHW = pad_and_crop(images_BCHW, draws.offsets_B2, recipe.padding)
    x_BCHW = normalise(flip(cropped_BCHW, draws.flipped_B), recipe.mean, recipe.std)
    return cutout(x_BCHW, draws.centres_B2, recipe.hole)


def prepare(images_BCHW: Tensor, recipe: Recipe = PROTOCOL) -> Tensor:
    """Transform uint8 test images into the network's float32 input: nothing but normalisation."""
    return normalise(images_BCHW, recipe.mean, recipe.std)


def pad_and_crop(images_BCHW: Tensor, offsets_B2: Tensor, padding: int) -> Tensor:
    """Surround images with `padding` zeros and cut their size out again, at offsets (row, column) in the padded one."""
    height, width = images_BCHW.shape[2:]
    padded_BCHW = F.pad(images_BCHW, (padding,) * 4)
    windows = padded_BCHW.unfold(2, height, 1).unfold(3, width, 1)  # a view: B, C, row, column, H, W
    index_B = torch.arange(len(images_BCHW), device=images_BCHW.device)
    return windows[index_B, :, offsets_B2[:, 0], offsets_B2[:, 1]]


def flip(images_BCHW: Tensor, flipped_B: Tensor) -> Tensor:
    """Mirror left and right where `flipped_B` is true."""
    return torch.where(flipped_B[:, None, None, None], images_BCHW.flip(3), images_BCHW)


def normalise(images_BCHW: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return (x / 255 - mean) / std in float32, bit for bit as torchvision's ToTensor and Normalize on the CPU."""
    x_BCHW = images_BCHW / PEAK
    mean_C11, std_C11 = (_by_channel(values, x_BCHW.device) for values in (mean, std))
    return x_BCHW.sub_(mean_C11).div_(std_C11)


@lru_cache(maxsize=16)
def _by_channel(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Give a number a channel (C, 1, 1), brought to its device once."""
    return torch.tensor(values, device=device)[:, None, None]


def cutout(x_BCHW: Tensor, centres_B2: Tensor, side: int) -> Tensor:
    """Return the images with a square set to 0: rows and columns [centre - side / 2, centre + side / 2).

    What lies beyond the border is cut off, so that a hole is between side / 2 and side long (DeVries and Taylor, 2017).
    """
    inside = []
    for axis, length in enumerate(x_BCHW.shape[2:]):
        distance = torch.arange(length, device=x_BCHW.device) - centres_B2[:, axis, None]
        inside.append((distance >= -(side // 2)) & (distance < side // 2))
    rows_BH, columns_BW = inside
    return x_BCHW.masked_fill((rows_BH[:, :, None] & columns_BW[:, None, :])[:, None], 0)


def channel_statistics(images_NCHW: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and SD of each channel over all pixels of uint8 images, in [0, 1], from exact integer sums."""
    total_C = torch.zeros(images_NCHW.shape[1], dtype=torch.int64, device=images_NCHW.device)
    squares_C = total_C.clone()
    for part in torch.split(images_NCHW, STATISTICS_CHUNK):
        total_C += part.sum((0, 2, 3), dtype=torch.int64)
        squares_C += part.to(torch.int32).square().sum((0, 2, 3), dtype=torch.int64)
    count = images_NCHW.numel() // images_NCHW.shape[1]
    sums = list(zip(total_C.tolist(), squares_C.tolist(), strict=True))
    mean = tuple(total / (count * PEAK) for total, _ in sums)
    # In integers of any size: the products pass 64 bits.
    std = tuple(math.sqrt(count * squares - total**2) / (count * PEAK) for total, squares in sums)
    return mean, std


def recipe_for(train_images_NCHW: Tensor) -> Recipe:
    """Return the protocol's recipe with the mean and SD of these training images."""
    mean, std = channel_statistics(train_images_NCHW)
    return dataclasses.replace(PROTOCOL, mean=mean, std=std)
