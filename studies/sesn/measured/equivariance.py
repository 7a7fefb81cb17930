"""How far layers and stacks of layers are from scale equivariance, on images known in closed form.

The images are functions of the plane, so that a rescaled one is sampled, not interpolated. Errors are relative and
squared: |L phi - phi L|^2 / |L phi|^2, sums over positions and channels.

Shape legend: P positions, K kernel, N functions, S scales, B batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from studies.common.randomness import draw_normal, stream
from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.sesn.model.bases import Basis
from studies.sesn.model.layers import GroupConv2d, LiftConv2d

Floats = NDArray[np.float64]
Image = Callable[[Floats, Floats], Floats]  # intensity at positions (down, across), pixels from the centre

BLOBS = 12
REACH = 12  # pixels from the centre, within which single layers are compared
STACK_SCALES = (1.0, math.sqrt(2), 2.0, 2 * math.sqrt(2))
STACK_SIZE = 17  # three deviations of the widest function to either side
STACK_SIDE = 65
CHANNELS = 4
CENTRE = 8  # pixels from the centre that even three unpadded layers leave


def blobs(seed: int = 0, count: int = BLOBS) -> Image:
    """Return a sum of Gaussian blobs, 3 to 6 pixels wide, about the centre."""
    draw = np.random.default_rng(seed)
    down, across = draw.uniform(-REACH, REACH, (2, count))
    width, height = draw.uniform(3, 6, count), draw.uniform(-1, 1, count)

    def image(y: Floats, x: Floats) -> Floats:
        square = (y[..., None] - down) ** 2 + (x[..., None] - across) ** 2
        value: Floats = np.exp(-square / (2 * width**2)) @ height
        return value

    return image


def texture(seed: int, waves: int = 24, fastest: float = 0.5) -> Image:
    """Return a sum of plane waves of up to `fastest` radians a pixel, which fills the plane."""
    draw = np.random.default_rng(seed)
    speed, angle, phase = draw.uniform(0, fastest, waves), draw.uniform(0, np.pi, waves), draw.uniform(0, 7, waves)
    height = draw.uniform(-1, 1, waves)

    def image(y: Floats, x: Floats) -> Floats:
        turn = y[..., None] * (speed * np.sin(angle)) + x[..., None] * (speed * np.cos(angle)) + phase
        value: Floats = np.cos(turn) @ height
        return value

    return image


def zoomed(image: Image, factor: float) -> Image:
    """Return the image enlarged by a factor about the centre."""
    return lambda y, x: image(y / factor, x / factor)


def responses(kernels_NKK: Floats, image: Image, positions_P2: Floats) -> Floats:
    """Return each kernel's response (N, P) at positions that need not be whole pixels."""
    offsets = np.arange(kernels_NKK.shape[-1]) - kernels_NKK.shape[-1] // 2
    y = positions_P2[:, 0, None, None] + offsets[:, None]
    x = positions_P2[:, 1, None, None] + offsets
    patches_PQ = image(*np.broadcast_arrays(y, x)).reshape(len(positions_P2), -1)
    out: Floats = kernels_NKK.reshape(len(kernels_NKK), -1) @ patches_PQ.T
    return out


def relative(difference: Any, whole: Any) -> float:
    """Return the ratio of two sums of squares."""
    return float((difference**2).sum() / (whole**2).sum())


def lifting_errors(basis: Basis) -> tuple[list[float], list[float]]:
    """Return the equivariance error of the functions between each scale and the next, and that of one scale's alone.

    The image is enlarged by the ratio of the two scales; the second list is for kernels that stay as they are.
    """
    functions_NSKK = basis.functions().numpy()
    line = np.arange(-REACH, REACH + 1, 3.0)
    positions_P2 = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    image = blobs()
    steerable: list[float] = []
    fixed: list[float] = []
    for index, (small, large) in enumerate(pairwise(basis.scales)):
        factor = large / small
        before = responses(functions_NSKK[:, index], image, positions_P2)
        for kernels, found in ((functions_NSKK[:, index + 1], steerable), (functions_NSKK[:, index], fixed)):
            after = responses(kernels, zoomed(image, factor), factor * positions_P2)
            found.append(relative(after - before, before))
    return steerable, fixed


def basis_figures(basis: Basis) -> dict[str, float]:
    """Return what can be said of a basis without training: ranks, norms, sums, equivariance errors.

    `odd_functions` counts those that change sign when mirrored along an axis, and so sum to zero; `even_sum` is the
    largest sum of any other at the largest scale.
    """
    functions_NSKK = basis.functions()
    flat_SNQ = functions_NSKK.permute(1, 0, 2, 3).flatten(2)
    norms_SN = flat_SNQ.norm(dim=2)
    odd_N = (
        ((functions_NSKK == -functions_NSKK.flip(2)) | (functions_NSKK == -functions_NSKK.flip(3))).flatten(1).all(1)
    )
    ranks_S = torch.linalg.matrix_rank(flat_SNQ / norms_SN[..., None], rtol=1e-9)
    steerable, fixed = lifting_errors(basis)
    figures = {
        "functions": float(len(functions_NSKK)),
        "rank_smallest": float(ranks_S[0]),
        "rank_largest": float(ranks_S[-1]),
        "odd_functions": float(odd_N.sum()),
        "norm_last": float(norms_SN[-1].mean()),
        "even_sum": float(flat_SNQ[-1, ~odd_N].sum(dim=1).abs().max()),
        "error_best": min(steerable),
        "error_worst": max(steerable),
        "fixed_best": min(fixed),
        "fixed_worst": max(fixed),
    }
    return {name: significant(value) for name, value in figures.items()}


class Stack(nn.Module):
    """Layers with ReLU between them and random weights: one that lifts, then group convolutions."""

    def __init__(self, layer: str, depth: int, padded: bool, seed: int) -> None:
        super().__init__()
        scales = STACK_SCALES[1:2] if layer == "ordinary" else STACK_SCALES
        basis = Basis("A", STACK_SIZE, 3, scales)
        padding = STACK_SIZE // 2 if padded else 0
        scale_size = 2 if layer == "interacting" else 1
        layers: list[LiftConv2d | GroupConv2d] = [LiftConv2d(1, CHANNELS, basis, padding=padding)]
        for _ in range(depth - 1):
            layers.append(GroupConv2d(CHANNELS, CHANNELS, basis, scale_size=scale_size, padding=padding))
        self.layers = nn.ModuleList(layers)
        for number, one in enumerate(layers):
            draw_normal(one.weight, 1 / math.sqrt(one.weight[0].numel()), stream(seed, f"init/{number}"))
        self.double()

    @torch.no_grad()
    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Return the last layer's output (B, C, S, H, W), before any ReLU."""
        out: Tensor = self.layers[0](x_BCHW)
        for one in self.layers[1:]:
            out = one(F.relu(out))
        return out


def sampled(image: Image, side: int) -> Tensor:
    """Return an image (1, 1, side, side) on whole pixels about the centre; `side` is odd."""
    line = np.arange(side, dtype=np.float64) - side // 2
    return torch.from_numpy(image(*np.meshgrid(line, line, indexing="ij")))[None, None]


def centre(x: Tensor, reach: int, step: int = 1) -> Tensor:
    """Return every `step`-th pixel within `reach` steps of the centre of the last two axes."""
    middle = x.shape[-1] // 2
    part = slice(middle - reach * step, middle + reach * step + 1, step)
    return x[..., part, part]


def stack_errors(layer: str, depth: int, padded: bool, seed: int) -> dict[str, float]:
    """Return log10 errors of a random stack between an image and the image enlarged by 2.

    `log10_error` takes all positions that both have, `log10_error_centre` those of the middle, where padding is far;
    `log10_error_projected` compares maxima over scales in the middle, which also lose the scales at either end.
    """
    stack = Stack(layer, depth, padded, seed)
    image = texture(seed)
    with reproducible():
        small = stack(sampled(image, STACK_SIDE))
        large = stack(sampled(zoomed(image, 2), 2 * STACK_SIDE - 1))
    shift = 0 if layer == "ordinary" else 2  # two steps of sqrt(2)
    before, after = small[:, :, : small.shape[2] - shift], large[:, :, shift:]
    reach = small.shape[-1] // 2

    def error(first: Tensor, second: Tensor, reach: int) -> float:
        first, second = centre(first, reach), centre(second, reach, step=2)
        return math.log10(relative(second - first, first))

    return {
        "log10_error": error(before, after, reach),
        "log10_error_centre": error(before, after, CENTRE),
        "log10_error_projected": error(small.amax(2), large.amax(2), CENTRE),
    }
