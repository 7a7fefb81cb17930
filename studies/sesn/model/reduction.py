"""Maximum over scales and over windows of pixels, in one pass over maps that are made a strip at a time.

Shape suffixes: S scales, H and W image. Maps are (..., H, W, ...), with the axis of H given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.errors import UsageError


def project(x_BCSHW: Tensor) -> Tensor:
    """Take the maximum over scales; the first of equal values gets the gradient."""
    return x_BCSHW.max(dim=2).values


@dataclass(frozen=True)
class Span:
    """Some windows along one side of the maps, and the pixels they cover.

    `before` and `after` count the pixels of the first and last window that lie outside the map.
    """

    windows: slice
    pixels: slice
    before: int
    after: int


@dataclass(frozen=True)
class Reduction:
    """What follows a convolution: the maximum over scales or not, then over windows of `pool` pixels that touch."""

    project: bool = False
    pool: int = 1
    padding: int = 0

    def __post_init__(self) -> None:
        if self.pool < 1 or not 0 <= self.padding <= self.pool // 2:
            raise UsageError(
                f"pooling: got a window of {self.pool} and padding {self.padding}; "
                "pass a window above 0 and pad half of it at most"
            )

    def __call__(self, x_BCSHW: Tensor) -> Tensor:
        """Reduce as the equations read, one maximum after the other."""
        out = project(x_BCSHW) if self.project else x_BCSHW
        if self.pool == 1:
            return out
        self.windows(min(out.shape[-2:]))
        pooled = F.max_pool2d(out.flatten(0, -4), self.pool, padding=self.padding)
        return torch.unflatten(pooled, 0, out.shape[:-3])

    def windows(self, size: int) -> int:
        """Return how many windows a side of `size` pixels has, one at least."""
        if size + 2 * self.padding < self.pool:
            raise UsageError(f"pooling: a window of {self.pool} does not fit a map of {size} pixels; pool less")
        return (size + 2 * self.padding - self.pool) // self.pool + 1

    def used(self, size: int) -> int:
        """Return how many pixels of a side lie in a window; the others need not be computed."""
        return min(size, self.windows(size) * self.pool - self.padding)

    def spans(self, size: int, step: int) -> list[Span]:
        """Cut a side into spans of `step` windows."""
        count = self.windows(size)
        return [self._span(size, first, min(first + step, count)) for first in range(0, count, step)]

    def _span(self, size: int, first: int, last: int) -> Span:
        start, stop = (window * self.pool - self.padding for window in (first, last))
        pixels = slice(max(start, 0), min(stop, size))
        return Span(slice(first, last), pixels, pixels.start - start, stop - pixels.stop)


def reduce(
    maps_S: Sequence[Tensor], reduction: Reduction, down: Span, across: Span, *, axis: int
) -> list[tuple[Tensor, Tensor]]:
    """Reduce the maps of all scales, to one if projected, and say which of its candidates each value comes from.

    The maps hold the pixels of the two spans. Of equal values the first position wins, and at one position the first
    scale, as when one maximum follows the other. Candidates are told as numbers of the maps' own type: products with
    them are faster than choices.
    """
    padded_S = _padded(maps_S, (down, across), axis)
    return [_best(_candidates(maps, reduction, axis)) for maps in _rivals(padded_S, reduction)]


def expand(
    reduced: Sequence[tuple[Tensor, Tensor]],
    maps_S: Sequence[Tensor],
    reduction: Reduction,
    down: Span,
    across: Span,
    *,
    axis: int,
) -> None:
    """Write into the maps of all scales the gradients of the reduced ones: each goes to the value that won.

    `reduced` has gradient and winner of each map that `reduce` gave.
    """
    padded_S = _padded(maps_S, (down, across), axis)
    for (grad, winner), rivals in zip(reduced, _rivals(padded_S, reduction), strict=True):
        won = torch.empty_like(grad)
        for number, candidate in enumerate(_candidates(rivals, reduction, axis)):
            torch.eq(winner, number, out=won)
            torch.mul(grad, won, out=candidate)  # 0 where it lost, so the maps may come uninitialised
    for maps, padded in zip(maps_S, padded_S, strict=True):
        if padded is not maps:
            maps.copy_(_inside(padded, maps.shape, (down, across), axis))


def _rivals(maps_S: Sequence[Tensor], reduction: Reduction) -> list[Sequence[Tensor]]:
    """Group the maps between which the maximum chooses."""
    return [maps_S] if reduction.project else [[maps] for maps in maps_S]


def _candidates(maps_S: Sequence[Tensor], reduction: Reduction, axis: int) -> Iterator[Tensor]:
    """Give, in order of preference, what each value of the reduced map may come from."""
    pool, before = reduction.pool, (slice(None),) * axis
    for y, x, maps in itertools.product(range(pool), range(pool), maps_S):
        yield maps[(*before, slice(y, None, pool), slice(x, None, pool))]


def _best(candidates: Iterator[Tensor]) -> tuple[Tensor, Tensor]:
    best = next(candidates).clone(memory_format=torch.contiguous_format)
    winner, larger = torch.zeros_like(best), torch.empty_like(best)
    for number, candidate in enumerate(candidates, 1):
        # Compared before `best` moves on, and strictly: of equal values the first gets the gradient. Numbers ascend, so
        # that the larger of two is the later winner.
        torch.gt(candidate, best, out=larger)
        torch.maximum(winner, larger.mul_(number), out=winner)
        torch.maximum(best, candidate, out=best)
    return best, winner


def _padded(maps_S: Sequence[Tensor], spans: tuple[Span, Span], axis: int) -> list[Tensor]:
    """Complete the windows at the border of the maps with values that never win."""
    margins = [span.before + span.after for span in spans]
    if not any(margins):
        return list(maps_S)
    out_S = []
    for maps in maps_S:
        shape = list(maps.shape)
        shape[axis : axis + 2] = [size + margin for size, margin in zip(shape[axis : axis + 2], margins, strict=True)]
        wider = maps.new_full(shape, -math.inf)  # as torch.nn.MaxPool2d pads; zeros would win over negative values
        _inside(wider, maps.shape, spans, axis).copy_(maps)
        out_S.append(wider)
    return out_S


def _inside(maps: Tensor, shape: Sequence[int], spans: tuple[Span, Span], axis: int) -> Tensor:
    for each, span in enumerate(spans, axis):
        maps = maps.narrow(each, span.before, shape[each])
    return maps
