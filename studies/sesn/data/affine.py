"""Scale images about the published centre as Pillow's bicubic affine transform does: to the bit, or to one grey level.

Shape suffixes: B images, H and W their height and width, P and Q those of the result, N single pixels, T four taps.

Pillow's interpolation is the cubic convolution with a = -1. It repeats the outermost pixels, gives 0 where the centre
of a pixel falls outside the image, truncates, and does no anti-aliasing (source: Geometry.c of Pillow). The transform
is separable: down_PH image_HW across_QW^T.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repro.errors import UsageError

CENTRE_SHIFT = 0.5  # the recipe's centre is that of the image plus half a pixel: 14.5 of 28
LIMITS = (1e-6, 1e6)  # of a factor; beyond them there is no image left, or one pixel of it
BLOCK = {"cpu": 512, "cuda": 8192}  # images at a time; on the CPU what is worked on stays in the cache

# How far a float32 product may be from the real number. With u = 2^-24, the absolute weights of a pixel's four taps
# sum to at most 1.5, and a term is rounded at most five times (weight, product, three sums): each pass adds at most
# 5 u of 1.5 times the largest value. 255 * 1.5 * 5 u = 1.2e-4, then 1.5 * 1.2e-4 + 255 * 1.5^2 * 5 u = 3.5e-4.
ROUNDING = 2**-11


def coordinates(factors_B: Tensor, size: int) -> Tensor:
    """Return where each pixel of a side is taken from, (B, size) in float64, the image being the interval [0, size).

    The operations and their order are those of Pillow and of the recipe's matrix (r, 0, r * -c + c) with r = 1 / s; the
    published pixels do not come out with -c / s, which rounds once instead of twice.
    """
    centre = size / 2 + CENTRE_SHIFT
    pixels = torch.arange(size, dtype=torch.float64, device=factors_B.device) + 0.5
    ratio = 1 / factors_B.double()
    return ratio[:, None] * pixels + (ratio * -centre + centre)[:, None]


def rows(x_BP: Tensor, size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the matrices (B, P, size) that interpolate at coordinates of a side; a row outside the image is zero."""
    tap = (x_BP - 0.5).floor()
    after = x_BP - 0.5 - tap
    before = 1 - after
    inside = inside_of(x_BP, size)
    outer, inner = after * before * inside, (1 + after * before) * inside
    first = tap.clamp_(-1, size - 1).long() - 1
    out = torch.zeros((*x_BP.shape, size), dtype=dtype, device=x_BP.device)
    for step, weight in enumerate((-outer * before, before * inner, after * inner, -outer * after)):
        out.scatter_add_(2, (first + step).clamp_(0, size - 1)[..., None], weight.to(dtype)[..., None])
    return out


def matrices(factors_B: Tensor, size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return the matrices (B, size, size) that scale a side by each factor."""
    return rows(coordinates(checked(factors_B), size), size, dtype)


def scale_exact(images_BHW: NDArray[np.uint8], factors_B: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the images scaled by their factors, equal to Pillow's to the bit."""
    factors = torch.from_numpy(np.array(factors_B, dtype=np.float64))
    _check_pair(images_BHW.dtype == np.uint8, images_BHW.shape, factors)
    height, width = images_BHW.shape[1:]
    y = coordinates(checked(factors), height)
    return resample(images_BHW, y, y if width == height else coordinates(factors, width))


def scale_fast(images_BHW: Tensor, factors_B: Tensor) -> Tensor:
    """Return the images scaled by their factors, computed where the images are, within one grey level of Pillow's.

    Factors on an accelerator are not looked at, which would wait for it: check them before they go there.
    """
    device = images_BHW.device
    _check_pair(images_BHW.dtype == torch.uint8, images_BHW.shape, factors_B)
    factors = checked(factors_B).to(device, torch.float64)
    out = torch.empty_like(images_BHW)
    blocks = (torch.split(each, BLOCK[device.type]) for each in (images_BHW, out, factors))
    for part, scaled, factor in zip(*blocks, strict=True):
        scaled.copy_(_scaled_block(part, factor).clamp_(0, 255))
    return out


def resample(images_BHW: NDArray[np.uint8], y_BP: Tensor, x_BQ: Tensor) -> NDArray[np.uint8]:
    """Return the images (B, P, Q) that Pillow's bicubic transform gives at coordinates down and across, to the bit.

    A float32 product gives almost every pixel. Those that its rounding may have put on the wrong side of a whole level
    are computed again in Pillow's own order.
    """
    out = np.zeros((len(images_BHW), y_BP.shape[1], x_BQ.shape[1]), dtype=np.uint8)
    # Images of similar size stand side by side, so that the empty margin of a block need not be computed.
    order = torch.argsort(inside_of(y_BP, images_BHW.shape[1]).sum(1), stable=True)
    for block in torch.split(order, BLOCK["cpu"]):
        images, y = images_BHW[block.numpy()], y_BP[block]
        x = y if x_BQ is y_BP else x_BQ[block]
        p = _covered(inside_of(y, images.shape[1]))
        q = p if x is y else _covered(inside_of(x, images.shape[2]))
        y = y[:, p]
        out[block.numpy(), p, q] = _resample_block(images, y, y if x_BQ is y_BP else x[:, q])
    return out


def inside_of(x_BP: Tensor, size: int) -> Tensor:
    """Say which coordinates lie in an image of this side."""
    return (x_BP >= 0) & (x_BP < size)


def checked(factors_B: Tensor) -> Tensor:
    """Return the factors. Raise UsageError at the first that is no factor, unless they are on an accelerator."""
    if factors_B.device.type == "cpu":
        wrong = ~((factors_B >= LIMITS[0]) & (factors_B <= LIMITS[1]))
        if wrong.any():
            at = int(wrong.int().argmax())
            raise UsageError(
                f"scale factors: wanted numbers from {LIMITS[0]:g} to {LIMITS[1]:g}, got {float(factors_B[at]):g} "
                f"at index {at}; give one positive factor for each image"
            )
    return factors_B


def _check_pair(is_uint8: bool, shape: Sequence[int], factors_B: Tensor) -> None:
    if not is_uint8 or len(shape) != 3:
        raise UsageError(
            f"images to scale: wanted uint8 of shape (B, H, W), got {'uint8' if is_uint8 else 'another type'} "
            f"of shape {tuple(shape)}; scale before converting to floats"
        )
    if factors_B.shape != (shape[0],):
        raise UsageError(
            f"scale factors: wanted one for each of {shape[0]} images, got shape {tuple(factors_B.shape)}; "
            "draw as many as there are images"
        )


def _scaled_block(images_BHW: Tensor, factors_B: Tensor) -> Tensor:
    """Return grey levels not yet truncated; float64 on an accelerator, whose float32 products may be TF32."""
    height, width = images_BHW.shape[1:]
    dtype = torch.float32 if images_BHW.device.type == "cpu" else torch.float64
    down = rows(coordinates(factors_B, height), height, dtype)
    across = down if width == height else rows(coordinates(factors_B, width), width, dtype)
    return _product(down, images_BHW.to(dtype), across)


def _product(down_BPH: Tensor, images_BHW: Tensor, across_BQW: Tensor) -> Tensor:
    """Apply the matrices; on the CPU through numpy, whose float32 no setting of torch makes coarser."""
    if images_BHW.device.type == "cpu":
        return torch.from_numpy(down_BPH.numpy() @ images_BHW.numpy() @ across_BQW.mT.numpy())
    return down_BPH @ images_BHW @ across_BQW.mT


def _covered(inside_BP: Tensor) -> slice:
    """Return the range of pixels that some image of a block covers."""
    found = inside_BP.any(0).nonzero()
    return slice(int(found[0]), int(found[-1]) + 1) if len(found) else slice(0, 0)


def _resample_block(images_BHW: NDArray[np.uint8], y_BP: Tensor, x_BQ: Tensor) -> NDArray[np.uint8]:
    down = rows(y_BP, images_BHW.shape[1], torch.float32)
    across = down if x_BQ is y_BP else rows(x_BQ, images_BHW.shape[2], torch.float32)
    sums = _product(down, torch.from_numpy(images_BHW).float(), across)
    below = sums.sub_(ROUNDING).clamp_(0, 255)
    levels = below.to(torch.uint8).numpy()
    above = below.add_(2 * ROUNDING).to(torch.uint8).numpy()
    at = np.unravel_index(np.flatnonzero(levels != above), levels.shape)
    levels[at] = _in_pillow_s_order(images_BHW, at[0], y_BP.numpy()[at[0], at[1]], x_BQ.numpy()[at[0], at[2]])
    return levels


def _in_pillow_s_order(
    images_BHW: NDArray[np.uint8], image_N: NDArray[np.intp], y_N: NDArray[np.float64], x_N: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Interpolate single pixels inside the image with the operations of Pillow, in float64."""
    (down, y_NT), (across, x_NT) = (_taps(at, side) for at, side in zip((y_N, x_N), images_BHW.shape[1:], strict=True))
    values = images_BHW[image_N[:, None, None], y_NT[:, :, None], x_NT[:, None, :]].astype(np.float64)
    value_N = _cubic(_cubic(values, across[:, None]), down)
    return np.clip(value_N, 0, 255).astype(np.uint8)


def _taps(x_N: NDArray[np.float64], size: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return the distance beyond the second tap, and the four taps (N, T) with the border repeated."""
    tap = np.floor(x_N - 0.5)
    return x_N - 0.5 - tap, np.clip(tap.astype(np.intp)[:, None] + np.arange(-1, 3), 0, size - 1)


def _cubic(values_T: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate along the last axis, in the order of Pillow's BICUBIC macro: another one rounds differently."""
    v1, v2, v3, v4 = np.moveaxis(values_T, -1, 0)
    linear, quadratic, cubic = -v1 + v3, 2 * (v1 - v2) + v3 - v4, -v1 + v2 - v3 + v4
    value: NDArray[np.float64] = v2 + at * (linear + at * (quadratic + at * cubic))
    return value
