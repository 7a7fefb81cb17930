"""Steerable bases: 2-D Hermite polynomials under a Gaussian, sampled once at every scale.

Shape suffixes: N functions, S scales, K kernel, P sampled points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.polynomial import hermite_e
from numpy.typing import NDArray
from torch import Tensor

from repro.errors import UsageError

Array = NDArray[np.float64]
Order = tuple[int, int]  # along x (down), along y (across)


def hermite(x: Array, order: int) -> Array:
    """Evaluate the probabilists' polynomial He_order."""
    return hermite_e.HermiteE.basis(order)(x)


@dataclass(frozen=True)
class Basis:
    """Functions that a kernel is a weighted sum of, at each of its scales (pixels, ascending).

    Kind "A" has one Gaussian a scale and every product of orders below `effective_size`. Kind "B" has Gaussians of
    scale, scale / mult, scale / mult**2, ... with the products of total order up to `max_order`, as many as
    effective_size**2. At a small scale the functions are cut to a square as much smaller than the kernel, whose odd
    size is `size`, as the scale is than the largest.
    """

    kind: Literal["A", "B"]
    size: int
    effective_size: int
    scales: tuple[float, ...]
    mult: float = 1.4
    max_order: int = 4

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem:
            raise UsageError(f"basis {self.kind}: {problem}")

    def _problem(self) -> str | None:
        if self.kind not in ("A", "B"):
            return "unknown kind; choose 'A' or 'B'"
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            return f"scales must be one or more pixels above 0, got {self.scales}; pass such as (1.0, 1.4)"
        if any(low >= high for low, high in zip(self.scales, self.scales[1:], strict=False)):
            return f"scales must ascend, got {self.scales}; sort them and drop what comes twice"
        if self.size < 1 or self.size % 2 == 0:
            return f"size must be odd and above 0, got {self.size}; the kernel needs a pixel in its centre"
        if self.effective_size < 1 or self.max_order < 0 or not 0 < self.mult < math.inf:
            return (
                f"effective_size {self.effective_size}, mult {self.mult} and max_order {self.max_order} "
                "make no functions; pass at least 1, above 0 and at least 0"
            )
        return None

    @property
    def count(self) -> int:
        """Return N, the number of functions and so of weights of one kernel."""
        return self.effective_size**2

    def supports(self) -> tuple[int, ...]:
        """Return the side of the square, in pixels, outside which the functions of a scale are exactly 0."""
        return tuple(int(self.size * scale / self.scales[-1]) // 2 * 2 + 1 for scale in self.scales)

    def functions(self) -> Tensor:
        """Return the functions, of L2 norm 1 at the first scale: float64 (N, S, K, K), shared, not to be written to."""
        return _functions(self)

    def functions_for(self, like: Tensor) -> Tensor:
        """Return the functions with the type and on the device of another tensor; they are brought there once."""
        return _functions_for(self, like.dtype, like.device)


@lru_cache(maxsize=64)
def _functions(basis: Basis) -> Tensor:
    sampled = [_at_scale(basis, *pair) for pair in zip(basis.scales, basis.supports(), strict=True)]
    functions_NSKK = np.stack(sampled, axis=1)
    norm_N = np.sqrt((functions_NSKK[:, 0] ** 2).sum(axis=(1, 2)))
    if not norm_N.all():
        raise UsageError(
            f"basis {basis.kind}: {int((norm_N == 0).sum())} of {basis.count} functions are 0 at scale "
            f"{basis.scales[0]}, cut to {basis.supports()[0]} pixels; pass a larger size or closer scales"
        )
    # One norm for all scales, of the functions as they are cut: one for each would undo the 1 / scale of each axis, by
    # which responses to an enlarged image stay as they are (normalize_basis_by_min_scale, ses_basis.py of the release).
    return torch.from_numpy(functions_NSKK / norm_N[:, None, None, None])


@lru_cache(maxsize=64)
def _functions_for(basis: Basis, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _functions(basis).to(device, dtype)


def _at_scale(basis: Basis, scale: float, support: int) -> Array:
    """Sample the functions at one scale on its support and pad them with zeros: (N, K, K)."""
    functions_NPP = np.concatenate([_products(sigma, orders, support) for sigma, orders in _members(basis, scale)])
    margin = (basis.size - support) // 2
    return np.pad(functions_NPP[: basis.count], ((0, 0), (margin, margin), (margin, margin)))


def _members(basis: Basis, scale: float) -> list[tuple[float, list[Order]]]:
    """List the Gaussians of a scale, in pixels, each with the orders of its products; x varies fastest."""
    if basis.kind == "A":
        side = range(basis.effective_size)
        return [(scale, [(x, y) for y in side for x in side])]
    side = range(basis.max_order + 1)
    orders = [(x, y) for y in side for x in side if x + y <= basis.max_order]
    gaussians = math.ceil(basis.count / len(orders))  # widest first: what is over `count` is cut from the narrowest
    return [(scale / basis.mult**step, orders) for step in range(gaussians)]


def _products(sigma: float, orders: list[Order], support: int) -> Array:
    """Multiply a function down with a function across: (len(orders), P, P)."""
    half = support // 2
    points_P = np.arange(-half, half + 1) / sigma
    envelope_P = np.exp(-0.5 * points_P**2) / sigma
    lines = [envelope_P * hermite(points_P, order) for order in range(1 + max(max(pair) for pair in orders))]
    return np.stack([np.outer(lines[x], lines[y]) for x, y in orders])
