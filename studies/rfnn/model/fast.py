"""The matrix products behind the fast form of the Gaussian layer.

Shape suffixes: B images, C channels in, O channels out, R rows of the 1x1 sum, P maps, H and W image, D derivatives,
Q = O C weights of one derivative, U and V frequencies down and across.

Tensors have the images last in memory (CHWB), so that a step is one large matrix product, or a few.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from studies.common.gaussian import derivative_orders
from studies.rfnn.model.basis import Basis, Layout, pairs

STRIP = 1 << 18  # numbers in a working array that is to stay in the cache


@lru_cache(maxsize=64)
def distinct(in_channels: int, order: int, layout: Layout, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Give channel and derivative of each distinct pair, and the pair of each row.

    One pair of each channel comes first, in the order of the channels; then the others.
    """
    rows = pairs(in_channels, order, layout)
    first = {channel: (channel, derivative) for channel, derivative in reversed(rows)}
    ordered = [first[channel] for channel in sorted(first)]
    ordered += sorted(set(rows) - set(ordered))
    position = {pair: index for index, pair in enumerate(ordered)}
    channel_P, derivative_P = torch.tensor(ordered, device=device).unbind(1)
    return channel_P, derivative_P, torch.tensor([position[pair] for pair in rows], device=device)


@lru_cache(maxsize=64)
def filters(basis: Basis, height: int, width: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give the matrices (D, H, H) and (D, W, W) by which each 2-D derivative filters down and across an image."""
    kernels = basis.kernels()
    half = kernels.shape[1] // 2
    n_dx, n_dy = torch.tensor(derivative_orders(basis.order)).unbind(1)

    def lines(size: int) -> Tensor:
        offset = torch.arange(size) - torch.arange(size)[:, None]
        return kernels[:, (offset + half).clamp(0, 2 * half)] * (offset.abs() <= half)

    return lines(height)[n_dy].to(device, dtype), lines(width)[n_dx].to(device, dtype)


def edges(down_DHH: Tensor, across_DWW: Tensor) -> Tensor:
    """Return the responses (D, H, W, 1) to an image of ones: they are not constant, as zeros stand around it."""
    return (down_DHH.sum(2)[:, :, None] * across_DWW.sum(2)[:, None, :]).unsqueeze(-1)


@torch.no_grad()
def responses(x_HWB: Tensor, down_DHH: Tensor, across_DWW: Tensor, n_dx: Sequence[int]) -> Tensor:
    """Return the responses (D, H, W, B) of data to each derivative, across once for each of the orders `n_dx`."""
    height, width, images = x_HWB.shape
    first = [n_dx.index(n) for n in range(max(n_dx) + 1)]  # a derivative of each order across
    x_WHB = x_HWB.transpose(0, 1).reshape(width, -1)
    across = torch.cat([across_DWW[d] for d in first])  # not by an index, which would be copied to a GPU in each step
    lines = (across @ x_WHB).view(len(first), width, height, images)
    lines = lines.transpose(1, 2).reshape(len(first), height, width * images)
    out = x_HWB.new_empty(len(n_dx), height, width * images)
    for n, down, target in zip(n_dx, down_DHH, out, strict=True):
        torch.mm(down, lines[n], out=target)
    return out.view(len(n_dx), height, width, images)


def filter_maps(x_CHWB: Tensor, other: Tensor, down_PHH: Tensor, across_PWW: Tensor) -> Tensor:
    """Apply to each map its own matrix across and its own matrix down: to every channel, then to those of `other`."""
    out: Tensor = _Filter.apply(x_CHWB, other, down_PHH, across_PWW)  # type: ignore[no-untyped-call]
    return out


class _Filter(torch.autograd.Function):
    """Take some maps at a time, so that on a CPU a map is in its cache from the first matrix to the second."""

    @staticmethod
    def forward(ctx: Any, x_CHWB: Tensor, other: Tensor, down_PHH: Tensor, across_PWW: Tensor) -> Tensor:
        ctx.save_for_backward(other, down_PHH, across_PWW)
        channels, height, width, images = x_CHWB.shape
        out = x_CHWB.new_empty(len(down_PHH), height, width * images)
        for part in _parts(channels, len(out), x_CHWB[0]):
            x = x_CHWB[part] if part.stop <= channels else x_CHWB[other[part.start - channels : part.stop - channels]]
            lines = torch.bmm(across_PWW[part], x.transpose(1, 2).reshape(-1, width, height * images))
            lines = lines.view(-1, width, height, images).transpose(1, 2).reshape(-1, height, width * images)
            torch.bmm(down_PHH[part], lines, out=out[part])
        return out.view(-1, height, width, images)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_PHWB: Tensor) -> tuple[Tensor, None, None, None]:
        other, down_PHH, across_PWW = ctx.saved_tensors
        maps, height, width, images = grad_PHWB.shape
        channels = maps - len(other)
        out = grad_PHWB.new_empty(channels, height, width, images)
        for part in _parts(channels, maps, grad_PHWB[0]):
            lines = torch.bmm(down_PHH[part].mT, grad_PHWB[part].reshape(-1, height, width * images))
            lines = lines.view(-1, height, width, images).transpose(1, 2).reshape(-1, width, height * images)
            grad = torch.bmm(across_PWW[part].mT, lines).view(-1, width, height, images).transpose(1, 2)
            if part.stop <= channels:
                out[part] = grad
            else:
                out.index_add_(0, other[part.start - channels : part.stop - channels], grad)
        return out, None, None, None


def _parts(channels: int, maps: int, one: Tensor) -> list[slice]:
    """Return the first maps, one a channel, then the others, in parts of about STRIP numbers on a CPU."""
    step = max(1, STRIP // one.numel()) if one.device.type == "cpu" else maps
    bounds = [*range(0, channels, step), *range(channels, maps, step), maps]
    return [slice(*bound) for bound in itertools.pairwise(bounds)]


def max_pool(x_HWCB: Tensor, size: int) -> Tensor:
    """Pool as torch's max_pool2d, which is fast where what is pooled alike lies together, as channels and images do."""
    height, width, channels, images = x_HWCB.shape
    if size == 1:
        return x_HWCB
    x_1NHW = x_HWCB.reshape(1, height, width, channels * images).permute(0, 3, 1, 2)
    return F.max_pool2d(x_1NHW, size).permute(0, 2, 3, 1).view(height // size, width // size, channels, images)


def pooled_sum(
    weight_OP: Tensor, response_PHWB: Tensor, pool: int, affine: tuple[Tensor, Tensor, Tensor] | None = None
) -> Tensor:
    """Sum responses with weights and max-pool: (O, H, W, B); what does not fill a window is left.

    With `affine` = (gain, offset, edge), the responses of constant data and edge_PHW1 those to ones, the sum is over
    gain response + offset edge.
    """
    ones = affine or (None, None, None)
    out: Tensor = _PooledSum.apply(weight_OP, response_PHWB, pool, *ones)  # type: ignore[no-untyped-call]
    return out


class _PooledSum(torch.autograd.Function):
    """Sum and pool some rows of the images at a time, so that on a CPU the sums before pooling stay in its cache.

    To torch's pooling the images are channels that lie together.
    """

    @staticmethod
    def forward(
        ctx: Any,
        weight_OP: Tensor,
        response_PHWB: Tensor,
        pool: int,
        gain: Tensor | None,
        offset: Tensor | None,
        edge_PHW1: Tensor | None,
    ) -> Tensor:
        outputs, (_, height, width, images) = len(weight_OP), response_PHWB.shape
        windows = height // pool
        step = max(1, STRIP // (pool * outputs * width * images)) if weight_OP.device.type == "cpu" else windows
        ctx.strips = [slice(start, min(start + step, windows)) for start in range(0, windows, step)]
        out = weight_OP.new_empty(outputs, windows, width // pool, images)
        places = torch.empty_like(out, dtype=torch.int32)  # half of what torch gives
        for strip in ctx.strips:
            rows = slice(strip.start * pool, strip.stop * pool)
            response = response_PHWB[:, rows]
            if gain is not None and offset is not None and edge_PHW1 is not None:
                response = torch.addcmul(offset * edge_PHW1[:, rows], gain, response)
            sums = (weight_OP @ response.flatten(1)).view(outputs, -1, width, images)
            pooled, place = torch.ops.aten.max_pool2d_with_indices(sums.permute(0, 3, 1, 2), [pool, pool])
            out[:, strip], places[:, strip] = pooled.permute(0, 2, 3, 1), place.permute(0, 2, 3, 1)
        ctx.save_for_backward(weight_OP, response_PHWB, gain, offset, edge_PHW1, places)
        ctx.pool = pool
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_OHWB: Tensor) -> tuple[Tensor | None, ...]:
        weight_OP, response_PHWB, gain, offset, edge_PHW1, places = ctx.saved_tensors
        pool, outputs, (_, height, width, images) = ctx.pool, len(weight_OP), response_PHWB.shape
        by_response_PO, by_edge_PO = torch.zeros_like(weight_OP.T), torch.zeros_like(weight_OP.T)
        grad_response = torch.empty_like(response_PHWB) if ctx.needs_input_grad[1] else None
        if grad_response is not None:
            grad_response[:, height // pool * pool :] = 0
        for strip in ctx.strips:
            rows = slice(strip.start * pool, strip.stop * pool)
            sums = grad_OHWB.new_empty(outputs, rows.stop - rows.start, width, images).permute(0, 3, 1, 2)
            pooled, place = (part[:, strip].permute(0, 3, 1, 2) for part in (grad_OHWB, places))
            grad = torch.ops.aten.max_pool2d_with_indices_backward(
                pooled, sums, [pool, pool], [pool, pool], [0, 0], [1, 1], False, place.long()
            )
            grad_ON = grad.permute(0, 2, 3, 1).flatten(1)
            by_response_PO.addmm_(response_PHWB[:, rows].flatten(1), grad_ON.T)
            if grad_response is not None:
                torch.mm(weight_OP.T, grad_ON, out=grad_response[:, rows].flatten(1))
            if edge_PHW1 is not None:
                edge_P = edge_PHW1[:, rows].flatten(1)
                by_edge_PO.addmm_(edge_P, grad_ON.view(outputs, edge_P.shape[1], -1).sum(2).T)
        if edge_PHW1 is None:
            return by_response_PO.T, grad_response, None, None, None, None
        grad_gain, grad_offset = ((weight_OP * part.T).sum().view_as(gain) for part in (by_response_PO, by_edge_PO))
        return (gain * by_response_PO + offset * by_edge_PO).T, None, None, grad_gain, grad_offset, None


@dataclass(frozen=True)
class _Row:
    """Constant matrices of one frequency down the image, for all V frequencies across.

    A complex product costs three real ones; "3 V" stands for the three factors, then for the three products.
    """

    analyse: Tensor  # (3 V, 2 W): real and imaginary part of a line to its frequencies
    compose: Tensor  # (3 V, D): the weights of the derivatives to the kernel's frequencies
    synthesise: Tensor  # (2 W, 3 V): back

    def to(self, device: torch.device, dtype: torch.dtype) -> _Row:
        return _Row(*(m.to(device, dtype) for m in (self.analyse, self.compose, self.synthesise)))


@dataclass(frozen=True)
class _Plan:
    down: Tensor  # (2 U, H): column of an image to real and imaginary part of its frequencies
    up: Tensor  # (H, 2 U): back
    rows: tuple[_Row, ...]  # U of them


@lru_cache(maxsize=32)
def _plan(basis: Basis, height: int, width: int, dtype: torch.dtype, device: torch.device) -> _Plan:
    """Build the transforms; a period of size + reach suffices, as what wraps around lands outside the image."""
    kernels = basis.kernels()
    half = kernels.shape[1] // 2

    def line(size: int) -> tuple[Tensor, Tensor]:
        """Give the waves (period, size) of a transform and the spectra (order + 1, period) of the derivatives."""
        reach = min(half, size - 1)
        turn = -2j * math.pi / (size + reach) * torch.arange(size + reach, dtype=torch.float64)[:, None]
        near = kernels[:, half - reach : half + reach + 1].to(turn.dtype)
        return torch.exp(turn * torch.arange(size)), near @ torch.exp(-turn * torch.arange(-reach, reach + 1)).T

    (wave_UH, line_y), (wave_VW, line_x) = line(height), line(width)
    half_U = _half(len(wave_UH))
    wave_UH = wave_UH[: len(half_U)]
    n_dx, n_dy = torch.tensor(derivative_orders(basis.order)).unbind(1)
    rows = []
    for u in range(len(wave_UH)):
        real = half_U[u] == 1  # this frequency of a real column is real: its lines have mirrored spectra
        count_V = _half(len(wave_VW)) if real else torch.ones(len(wave_VW), dtype=torch.float64)
        spectrum_DV = line_y[n_dy, u, None] * line_x[n_dx, : len(count_V)]
        rows.append(_row(wave_VW[: len(count_V)], spectrum_DV, count_V / len(wave_VW), real=bool(real)))
    down = torch.view_as_real(wave_UH).transpose(1, 2).reshape(-1, height)
    up = down.T * (half_U / len(line_y[0])).repeat_interleave(2)
    return _Plan(down.to(device, dtype), up.to(device, dtype), tuple(row.to(device, dtype) for row in rows))


def _half(period: int) -> Tensor:
    """Give how often each frequency 0 to period // 2 counts in the sum over all frequencies of a real line."""
    return torch.tensor([1.0 if 2 * n % period == 0 else 2.0 for n in range(period // 2 + 1)], dtype=torch.float64)


def _row(wave_VW: Tensor, spectrum_DV: Tensor, count_V: Tensor, *, real: bool) -> _Row:
    re, im = wave_VW.real, wave_VW.imag
    parts = torch.cat([re, -im], dim=1), torch.cat([im, re], dim=1)
    kernel = spectrum_DV.real.T, spectrum_DV.imag.T
    re, im = re.T * count_V, -im.T * count_V
    back = torch.cat([re + im, im - re, -im], dim=1), torch.cat([im - re, -im - re, re], dim=1)
    return _Row(
        analyse=torch.cat([*parts, parts[0] + parts[1]]),
        compose=torch.cat([*kernel, kernel[0] + kernel[1]]),
        synthesise=torch.cat([back[0], torch.zeros_like(back[1]) if real else back[1]]),
    )


def spectral_product(x_CHWB: Tensor, weight_QD: Tensor, basis: Basis) -> Tensor:
    """Convolve every channel with every derivative and sum with weights, by products of spectra: (H, W, O, B)."""
    out: Tensor = _SpectralProduct.apply(x_CHWB, weight_QD, basis)  # type: ignore[no-untyped-call]
    return out


class _SpectralProduct(torch.autograd.Function):
    """Take one frequency down the image at a time, so that the work stays in the cache of a CPU."""

    @staticmethod
    def forward(ctx: Any, x_CHWB: Tensor, weight_QD: Tensor, basis: Basis) -> Tensor:
        channels, height, width, images = x_CHWB.shape
        outputs = len(weight_QD) // channels
        ctx.save_for_backward(x_CHWB, weight_QD)
        ctx.plan = plan = _plan(basis, height, width, x_CHWB.dtype, x_CHWB.device)
        lines = _lines(plan.down, x_CHWB.permute(1, 2, 0, 3))
        back = x_CHWB.new_empty(len(plan.rows), 2 * width, outputs * images)
        for row, line, target in zip(plan.rows, lines, back, strict=True):
            x_VCB = (row.analyse @ line).view(-1, channels, images)
            kernel_VOC = (row.compose @ weight_QD.T).view(-1, outputs, channels)
            torch.mm(row.synthesise, torch.bmm(kernel_VOC, x_VCB).view(len(x_VCB), -1), out=target)
        return _image(plan.up, back, width, images)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_HWOB: Tensor) -> tuple[Tensor, Tensor, None]:
        x_CHWB, weight_QD = ctx.saved_tensors
        plan: _Plan = ctx.plan
        channels, _, width, images = x_CHWB.shape
        outputs = grad_HWOB.shape[2]
        lines, grads = _lines(plan.down, x_CHWB.permute(1, 2, 0, 3)), _lines(plan.up.T, grad_HWOB)
        grad_weight_QD = torch.zeros_like(weight_QD)
        for row, line, grad in zip(plan.rows, lines, grads, strict=True):
            x_VCB = (row.analyse @ line).view(-1, channels, images)
            grad_VOB = (row.synthesise.T @ grad).view(-1, outputs, images)
            kernel_VOC = (row.compose @ weight_QD.T).view(-1, outputs, channels)
            grad_kernel_VOC = torch.bmm(grad_VOB, x_VCB.transpose(1, 2))
            grad_weight_QD.addmm_(grad_kernel_VOC.view(len(x_VCB), -1).T, row.compose)
            grad_x_VCB = torch.bmm(kernel_VOC.transpose(1, 2), grad_VOB)
            torch.mm(row.analyse.T, grad_x_VCB.view(len(x_VCB), -1), out=line)
        return _image(plan.down.T, lines, width, images).permute(2, 0, 1, 3), grad_weight_QD, None


def _lines(down: Tensor, x_HWCB: Tensor) -> Tensor:
    """Transform the columns: (U, 2 W, C B)."""
    height, width = x_HWCB.shape[:2]
    return (down @ x_HWCB.reshape(height, -1)).view(len(down) // 2, 2 * width, -1)


def _image(up: Tensor, lines: Tensor, width: int, images: int) -> Tensor:
    """Transform columns back: (H, W, C, B)."""
    return (up @ lines.view(up.shape[1], -1)).view(len(up), width, -1, images)
