"""Which pixels the kernels of a basis meet, so that one array of patches serves them all.

Shape suffixes: B images, C channels in, O channels out, S scales, N functions of the basis, H and W image, K kernel,
P offsets in a patch, of which a smaller scale meets the first ones only.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from studies.sesn.model.bases import Basis

Block = tuple[int, int, int, int]  # offsets from the centre of a patch: top, bottom, left, right, ends not included


def _blocks(supports: Sequence[int]) -> list[Block]:
    """Cut the largest square into rectangles such that each support is a number of the first ones."""
    halves = sorted({support // 2 for support in supports})
    blocks = [(-halves[0], halves[0] + 1, -halves[0], halves[0] + 1)]
    for inner, outer in itertools.pairwise(halves):
        blocks += _frame(inner, outer)
    return blocks


def _frame(inner: int, outer: int) -> list[Block]:
    """Give the four rectangles of a square of half side `outer` around one of half side `inner`."""
    return [
        (-outer, -inner, -outer, outer + 1),
        (inner + 1, outer + 1, -outer, outer + 1),
        (-inner, inner + 1, -outer, -inner),
        (-inner, inner + 1, inner + 1, outer + 1),
    ]


@dataclass(frozen=True)
class Patches:
    """The patches of one size of image for one basis: offsets in blocks, and how many of them each scale meets."""

    blocks: tuple[Block, ...]
    meets: tuple[int, ...]
    reach: int  # from the centre of a patch to its border
    first: int  # the centre of the first patch, in pixels of the input
    used: tuple[int, int]  # height and width of the maps, as far as they are wanted

    @staticmethod
    @lru_cache(maxsize=64)
    def of(basis: Basis, padding: int, used: tuple[int, int]) -> Patches:
        """Lay out the patches of a layer with so much padding."""
        supports = basis.supports()
        meets = tuple(support**2 for support in supports)
        return Patches(tuple(_blocks(supports)), meets, supports[-1] // 2, basis.size // 2 - padding, used)

    def kernels(self, weight_OCN: Tensor, basis: Basis) -> list[Tensor]:
        """Compose the kernels of each scale on the offsets it meets: (O, P C)."""
        down, across = (torch.tensor(_offsets(self.blocks)) + basis.size // 2).unbind(1)
        functions_NSP = basis.functions()[:, :, down, across].to(weight_OCN)
        return [
            torch.tensordot(weight_OCN, functions_NSP[:, scale, :n], dims=1).transpose(1, 2).flatten(1)
            for scale, n in enumerate(self.meets)
        ]

    def padded(self, x_BCHW: Tensor) -> Tensor:
        """Give the image with all that the patches meet and nothing else: (H, C, W, B)."""
        margins = []
        for size, used in zip(reversed(x_BCHW.shape[2:]), reversed(self.used), strict=True):
            margins += [self.reach - self.first, self.first + used + self.reach - size]
        return F.pad(x_BCHW, margins).permute(2, 1, 3, 0).contiguous()

    def gather(self, x_HCWB: Tensor, rows: slice) -> Tensor:
        """Copy the patches around some rows of the maps, from a `padded` image: (P C, H W B)."""
        _, channels, _, images = x_HCWB.shape
        down, channel, across, _ = x_HCWB.stride()
        count, run = rows.stop - rows.start, self.used[1] * images
        out = x_HCWB.new_empty(self.meets[-1], channels, count, run)
        begin = 0
        for top, bottom, left, right in self.blocks:
            shape = (bottom - top, right - left, channels, count, run)
            origin = (rows.start + top + self.reach) * down + (left + self.reach) * across
            source = x_HCWB.as_strided(shape, (down, across, channel, down, 1), origin)
            end = begin + shape[0] * shape[1]
            out[begin:end].view(shape).copy_(source)
            begin = end
        return out.view(self.meets[-1] * channels, -1)


def _offsets(blocks: Sequence[Block]) -> list[tuple[int, int]]:
    return [(y, x) for top, bottom, left, right in blocks for y in range(top, bottom) for x in range(left, right)]
