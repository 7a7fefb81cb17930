"""The fast form of the scale-convolutions: convolve, and reduce a strip of the maps while it is in the cache of a CPU.

Shape suffixes: B images, C channels in, O channels out, S scales, I scale offsets, N functions of the basis, H and W
image, K kernel, U frequencies down, R = S O, P offsets in a patch.

Images are last in memory. Data of few channels are multiplied patch by patch; other batches are products of spectra.
What neither suits (a stride, a few images) is convolved by torch with kernels cut to their support.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from studies.sesn.model.bases import Basis
from studies.sesn.model.patches import Patches
from studies.sesn.model.reduction import Reduction, Span, expand, reduce
from studies.sesn.model.spectral import Spectral

STRIP = 1 << 20  # numbers in a working array that is to stay in the cache
FEW_CHANNELS = 4  # up to here patches are the faster
IDLE = 32  # images; from times on one CPU core


def lift(x_BCHW: Tensor, weight_OCN: Tensor, basis: Basis, stride: int, padding: int, reduction: Reduction) -> Tensor:
    """Convolve an image at every scale, without bias, and reduce: (B, O, S, H, W) or (B, O, H, W)."""
    data = x_BCHW.shape[1] <= FEW_CHANNELS and not x_BCHW.requires_grad
    if stride == 1 and data and x_BCHW.device.type == "cpu":
        return _images_first(patchwise(x_BCHW, weight_OCN, basis, padding, reduction), reduction)
    if stride == 1 and not data and spectra_pay(x_BCHW, weight_OCN.unsqueeze(2), basis):
        x_1HWCB = x_BCHW.permute(2, 3, 1, 0).unsqueeze(0)
        return _images_first(spectral(x_1HWCB, weight_OCN.unsqueeze(2), basis, padding, reduction), reduction)
    kernels_S = _cropped(weight_OCN, basis)
    return reduction(torch.stack([_direct(x_BCHW, each, basis, stride, padding) for each in kernels_S], dim=2))


def group(
    x_BCSHW: Tensor, weight_OCIN: Tensor, basis: Basis, stride: int, padding: int, reduction: Reduction
) -> Tensor:
    """Convolve scale by scale, without bias, and reduce: (B, O, S, H, W) or (B, O, H, W)."""
    if stride == 1 and spectra_pay(x_BCSHW, weight_OCIN, basis):
        x_SHWCB = x_BCSHW.permute(2, 3, 4, 1, 0)
        return _images_first(spectral(x_SHWCB, weight_OCIN, basis, padding, reduction), reduction)
    out = []
    for scale, kernel_OCIKK in enumerate(_cropped(weight_OCIN, basis)):
        x_BCIHW = x_BCSHW[:, :, scale : scale + weight_OCIN.shape[2]]
        heard_OCIKK = kernel_OCIKK[:, :, : x_BCIHW.shape[2]]
        out.append(_direct(x_BCIHW.flatten(1, 2), heard_OCIKK.flatten(1, 2), basis, stride, padding))
    return reduction(torch.stack(out, dim=2))


def spectra_pay(x: Tensor, weight_OCIN: Tensor, basis: Basis) -> bool:
    """Say whether products of spectra take fewer multiplications than convolutions with cut kernels.

    They do not for few channels on large images, where the transforms cost most, nor for a handful of images: to fetch
    a composed spectrum takes as long as to multiply it with `IDLE` images.
    """
    images, (height, width), (outputs, channels, offsets, count) = len(x), x.shape[-2:], weight_OCIN.shape
    direct = spectra = 0
    for support in basis.supports():
        half, period = (height + support // 2) // 2 + 1, width + support // 2
        transform = 6 * half * period * width + 2 * half * height * width
        pairs = outputs * channels * offsets
        direct += images * height * width * support**2 * pairs
        spectra += half * period * pairs * (3 * max(images, IDLE) + count)
        spectra += images * transform * (outputs + channels * offsets)
    return spectra < direct


def spectral(x_SHWCB: Tensor, weight_OCIN: Tensor, basis: Basis, padding: int, reduction: Reduction) -> Tensor:
    """Convolve by products of spectra, and reduce: (1 or S, H, W, O, B).

    One input scale is heard by all output scales; of several, output scale s hears s and those above it.
    """
    out: Tensor = _Spectra.apply(x_SHWCB, weight_OCIN, basis, padding, reduction)  # type: ignore[no-untyped-call]
    return out


def patchwise(x_BCHW: Tensor, weight_OCN: Tensor, basis: Basis, padding: int, reduction: Reduction) -> Tensor:
    """Convolve data patch by patch, with no gradient to the data, and reduce: (1 or S, H, W, O, B)."""
    height, width = (side + 2 * padding - basis.size + 1 for side in x_BCHW.shape[2:])
    patches = Patches.of(basis, padding, (reduction.used(height), reduction.used(width)))
    step = _step(patches.meets[-1] * reduction.pool * width * x_BCHW[0, :, 0, 0].numel(), x_BCHW.device)
    images = min(step, len(x_BCHW))
    across = reduction.spans(width, width)[0]
    strips = _Strips(patches, reduction, images, tuple(reduction.spans(height, step // images)), across)
    out: Tensor = _Patchwise.apply(x_BCHW, strips, *patches.kernels(weight_OCN, basis))  # type: ignore[no-untyped-call]
    return out


def _images_first(out_SHWOB: Tensor, reduction: Reduction) -> Tensor:
    return out_SHWOB[0].permute(3, 2, 0, 1) if reduction.project else out_SHWOB.permute(4, 3, 0, 1, 2)


def _cropped(weight: Tensor, basis: Basis) -> list[Tensor]:
    """Compose the kernels of each scale on their support: the axes of the weight but the last, then K and K."""
    functions_NSKK = basis.functions_for(weight)
    margins = [(basis.size - support) // 2 for support in basis.supports()]
    insides = [slice(margin, basis.size - margin) for margin in margins]
    return [torch.tensordot(weight, functions_NSKK[:, s, inside, inside], dims=1) for s, inside in enumerate(insides)]


def _direct(x_BCHW: Tensor, kernel_OCKK: Tensor, basis: Basis, stride: int, padding: int) -> Tensor:
    """Convolve with a cut kernel as its whole one would."""
    padding -= (basis.size - kernel_OCKK.shape[-1]) // 2
    if padding < 0:
        x_BCHW, padding = F.pad(x_BCHW, (padding,) * 4), 0
    return F.conv2d(x_BCHW, kernel_OCKK, stride=stride, padding=padding)


def _step(numbers: int, device: torch.device) -> int:
    """Return how many times so many numbers stay in the cache; a GPU takes them all."""
    return max(1, STRIP // numbers) if device.type == "cpu" else 1 << 40


@dataclass(frozen=True)
class _Part:
    """The input scales that are heard together, and the product for the output scales that hear them."""

    heard: slice
    product: Spectral

    def image(self, x_SHWCB: Tensor) -> Tensor:
        """Give what is heard as one image: (H, W, I C, B)."""
        return x_SHWCB[self.heard].movedim(0, 2).flatten(2, 3)

    def weights(self, weight_OCIN: Tensor, step: int) -> list[Tensor]:
        """Give the weights of what is heard, of `step` output channels at a time: (N, O, I C)."""
        heard_OCIN = weight_OCIN[:, :, : self.heard.stop - self.heard.start]
        return [part.permute(3, 0, 2, 1).flatten(2) for part in torch.split(heard_OCIN, step)]

    def add_gradients(
        self, grad_x_HWCB: Tensor, grads_NOC: list[Tensor], grad_x_SHWCB: Tensor, grad_weight_OCIN: Tensor
    ) -> None:
        """Add what the product gave to the gradients of all scales and weights."""
        channels = grad_x_SHWCB.shape[3]
        grad_x_SHWCB[self.heard] += torch.unflatten(grad_x_HWCB, 2, (-1, channels)).movedim(2, 0)
        grad_NOIC = torch.unflatten(torch.cat(grads_NOC, dim=1), 2, (-1, channels))
        grad_weight_OCIN[:, :, : grad_NOIC.shape[2]] += grad_NOIC.permute(1, 3, 2, 0)


@dataclass(frozen=True)
class _Plan:
    """How one convolution by spectra is done: what hears what, and the strips in which its maps are reduced."""

    parts: tuple[_Part, ...]
    reduction: Reduction
    step: int  # output channels at a time
    down: Span
    across: tuple[Span, ...]
    shape: tuple[int, ...]  # of the result: (1 or S, H, W, O, B)

    @staticmethod
    def of(x_SHWCB: Tensor, weight_OCIN: Tensor, basis: Basis, padding: int, reduction: Reduction) -> _Plan:
        """Plan the convolution of an image, heard by all scales, or of one image a scale."""
        scales, (outputs, _, offsets, _) = len(basis.scales), weight_OCIN.shape
        size = (x_SHWCB.shape[1], x_SHWCB.shape[2])
        height, width = (side + 2 * padding - basis.size + 1 for side in size)
        used = (reduction.used(height), reduction.used(width))
        heard = [slice(scale, min(scale + offsets, scales)) for scale in range(scales)]
        hearing: list[tuple[slice, tuple[int, ...]]] = [(each, (scale,)) for scale, each in enumerate(heard)]
        if len(x_SHWCB) == 1:
            hearing = [(slice(0, 1), tuple(range(scales)))]
        parts = [
            _Part(each, Spectral.of(basis, by, size, padding, used, x_SHWCB.dtype, x_SHWCB.device))
            for each, by in hearing
        ]
        images, device = x_SHWCB.shape[-1], x_SHWCB.device
        step = min(outputs, _step(max(part.product.size(images) for part in parts), device))
        windows = _step(used[0] * reduction.pool * scales * step * images, device)
        shape = (reduction.windows(height), reduction.windows(width), outputs, images)
        return _Plan(
            parts=tuple(parts),
            reduction=reduction,
            step=step,
            down=reduction.spans(height, shape[0])[0],
            across=tuple(reduction.spans(width, windows)),
            shape=(1 if reduction.project else scales, *shape),
        )

    def strips(self, lines: list[list[Tensor]]) -> Iterator[tuple[slice, Span, tuple[Tensor, ...]]]:
        """Give the output channels, the columns and the lines of all parts for each strip."""
        for number, of_parts in enumerate(zip(*lines, strict=True)):
            for span in self.across:
                yield slice(number * self.step, (number + 1) * self.step), span, of_parts


class _Spectra(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_SHWCB: Tensor, weight_OCIN: Tensor, basis: Basis, padding: int, reduction: Reduction
    ) -> Tensor:
        x_SHWCB = x_SHWCB.contiguous()
        plan = ctx.plan = _Plan.of(x_SHWCB, weight_OCIN, basis, padding, reduction)
        lines = [part.product.lines(part.image(x_SHWCB), part.weights(weight_OCIN, plan.step)) for part in plan.parts]
        out, winners = x_SHWCB.new_empty(plan.shape), x_SHWCB.new_empty(plan.shape)
        for outputs, span, of_parts in plan.strips(lines):
            maps_S = [
                maps
                for part, line in zip(plan.parts, of_parts, strict=True)
                for maps in part.product.columns(line, span.pixels)
            ]
            for number, (best, winner) in enumerate(reduce(maps_S, reduction, plan.down, span, axis=0)):
                out[number, :, span.windows, outputs] = best
                winners[number, :, span.windows, outputs] = winner
        ctx.save_for_backward(x_SHWCB, weight_OCIN, winners)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_SHWOB: Tensor) -> tuple[Tensor | None, ...]:
        x_SHWCB, weight_OCIN, winners = ctx.saved_tensors
        plan: _Plan = ctx.plan
        weights = [part.weights(weight_OCIN, plan.step) for part in plan.parts]
        lines = [
            part.product.new_lines(each, x_SHWCB.shape[-1]) for part, each in zip(plan.parts, weights, strict=True)
        ]
        for outputs, span, of_parts in plan.strips(lines):
            both = list(zip(plan.parts, of_parts, strict=True))
            strips = [part.product.columns_gradient(span.pixels, line) for part, line in both]
            reduced = [
                (grad_HWOB[:, span.windows, outputs], winner_HWOB[:, span.windows, outputs])
                for grad_HWOB, winner_HWOB in zip(grad_SHWOB, winners, strict=True)
            ]
            maps_S = [maps for strip in strips for maps in strip.unbind(2)]
            expand(reduced, maps_S, plan.reduction, plan.down, span, axis=0)
            for (part, line), strip in zip(both, strips, strict=True):
                part.product.begin(strip, line, span.pixels)
        # Only now, when every strip has written its columns: from here on lines are read whole.
        grad_x_SHWCB, grad_weight_OCIN = torch.zeros_like(x_SHWCB), torch.zeros_like(weight_OCIN)
        for part, weights_NOC, grads in zip(plan.parts, weights, lines, strict=True):
            found = part.product.gradients(part.image(x_SHWCB), weights_NOC, grads)
            part.add_gradients(*found, grad_x_SHWCB, grad_weight_OCIN)
        return grad_x_SHWCB, grad_weight_OCIN, None, None, None


@dataclass(frozen=True)
class _Strips:
    """The strips of some images and rows in which a convolution by patches is done."""

    patches: Patches
    reduction: Reduction
    images: int
    down: tuple[Span, ...]
    across: Span

    def of(self, x_BCHW: Tensor) -> Iterator[tuple[slice, Span, Tensor]]:
        """Give the images, the rows and the patches of each strip."""
        for start in range(0, len(x_BCHW), self.images):
            part = slice(start, start + self.images)
            padded_HCWB = self.patches.padded(x_BCHW[part])
            for span in self.down:
                yield part, span, self.patches.gather(padded_HCWB, span.pixels)

    def by_pixel(self, maps_OX: Tensor, span: Span) -> Tensor:
        """View maps as (O, H, W, B)."""
        return maps_OX.view(len(maps_OX), span.pixels.stop - span.pixels.start, self.patches.used[1], -1)


class _Patchwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_BCHW: Tensor, strips: _Strips, *kernels_S: Tensor) -> Tensor:
        reduction, across = strips.reduction, strips.across
        sides = (strips.down[-1].windows.stop, across.windows.stop)
        scales = 1 if reduction.project else len(kernels_S)
        out = x_BCHW.new_empty(scales, *sides, len(kernels_S[0]), len(x_BCHW))
        winners: list[Tensor] = []
        for part, span, patch_PX in strips.of(x_BCHW):
            maps_S = [strips.by_pixel(kernel @ patch_PX[: kernel.shape[1]], span) for kernel in kernels_S]
            for number, (best, winner) in enumerate(reduce(maps_S, reduction, span, across, axis=1)):
                out[number, span.windows, :, :, part] = best.permute(1, 2, 0, 3)
                winners.append(winner)
        ctx.strips = strips
        ctx.save_for_backward(x_BCHW, *winners, *kernels_S)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_SHWOB: Tensor) -> tuple[Tensor | None, ...]:
        strips: _Strips = ctx.strips
        count = len(strips.patches.meets)
        x_BCHW, *winners = ctx.saved_tensors[:-count]
        grads_S = [torch.zeros_like(kernel) for kernel in ctx.saved_tensors[-count:]]
        winner = iter(winners)  # consumed as `forward` appended them: strip by strip, in each scale by scale
        for part, span, patch_PX in strips.of(x_BCHW):
            maps_S = [patch_PX.new_empty(len(grad), patch_PX.shape[1]) for grad in grads_S]
            reduced = [(grad[span.windows, :, :, part].permute(2, 0, 1, 3), next(winner)) for grad in grad_SHWOB]
            pixels_S = [strips.by_pixel(maps, span) for maps in maps_S]
            expand(reduced, pixels_S, strips.reduction, span, strips.across, axis=1)
            for grad, maps in zip(grads_S, maps_S, strict=True):
                grad.addmm_(maps, patch_PX[: grad.shape[1]].T)
        return None, None, *grads_S
