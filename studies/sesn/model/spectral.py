"""Convolution with a composed kernel as a product of spectra, by real matrix products alone.

Shape suffixes: B images, C channels in, O channels out, S scales, R = S O, N functions of the basis, Q = O C, H and W
image, K kernel, U and V frequencies down and across.

Tensors have the images last in memory. A complex product costs three real ones: "3 V" stands for the three factors,
then for the three products.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from studies.sesn.model.bases import Basis


@dataclass(frozen=True)
class _Axis:
    """The discrete Fourier transform along one side of an image, over a period just long enough.

    What wraps around lands outside the places that are asked for.
    """

    analyse_PX: Tensor  # complex: an image to its spectrum
    kernel_PK: Tensor  # complex: a kernel to its spectrum; correlation, so with the opposite sign
    synthesise_XP: Tensor  # complex: a spectrum to the output


def _axis(size: int, padding: int, kernel: int, support: int, used: int) -> _Axis:
    first = kernel // 2 - padding  # where the output begins, in pixels of the input
    far = max(size - 1 - first, first + used - 1)
    reach = min(support // 2, far)  # no output hears an input farther away
    turn = 2j * math.pi / (far + reach + 1) * torch.arange(far + reach + 1, dtype=torch.float64)[:, None]
    offsets = torch.arange(-(kernel // 2), kernel // 2 + 1)
    return _Axis(
        analyse_PX=torch.exp(-turn * torch.arange(size)),
        kernel_PK=torch.exp(turn * offsets) * (offsets.abs() <= reach),
        synthesise_XP=torch.exp(turn * torch.arange(first, first + used)).T / len(turn),
    )


def _half(period: int) -> Tensor:
    """Give how often each frequency 0 to period // 2 counts in the sum over all frequencies of a real line."""
    return torch.tensor([1.0 if 2 * n % period == 0 else 2.0 for n in range(period // 2 + 1)], dtype=torch.float64)


@dataclass(frozen=True)
class _Row:
    """Constant matrices of one frequency down the image, for all V frequencies across."""

    analyse: Tensor  # (3 V, 2 W): real and imaginary part of a line to its frequencies
    even: Tensor  # (V S, even functions): weights to the real part of the kernels' spectra
    odd: Tensor  # (V S, odd functions): to the imaginary part
    synthesise: Tensor  # (2 W, 3 V): back

    def to(self, like: Tensor) -> _Row:
        """Give it the type and the device of another tensor."""
        return _Row(*(m.to(like) for m in (self.analyse, self.even, self.odd, self.synthesise)))


def _row(u: int, real: bool, across: _Axis, even_UVSN: Tensor, odd_UVSN: Tensor) -> _Row:
    """Make the matrices; if this frequency of a real column is `real`, its lines have mirrored spectra."""
    period = len(across.analyse_PX)
    count_V = _half(period) if real else torch.ones(period, dtype=torch.float64)
    n = len(count_V)
    re, im = across.analyse_PX[:n].real, across.analyse_PX[:n].imag
    parts = torch.cat([re, -im], dim=1), torch.cat([im, re], dim=1)
    back_WV = across.synthesise_XP[:, :n] * count_V
    re, im = back_WV.real, back_WV.imag
    lines = torch.cat([re + im, im - re, -im], dim=1), torch.cat([im - re, -im - re, re], dim=1)
    return _Row(
        analyse=torch.cat([*parts, parts[0] + parts[1]]),
        even=even_UVSN[u, :n].flatten(0, 1),
        odd=odd_UVSN[u, :n].flatten(0, 1),
        synthesise=torch.cat([lines[0], torch.zeros_like(lines[1]) if real else lines[1]]),
    )


@dataclass(frozen=True)
class _Functions:
    """Spectra of the functions that have a part of one parity under a half turn: such a part is real, or imaginary."""

    index: Tensor  # which functions
    spectrum_UVSN: Tensor

    @staticmethod
    def of(part_NSKK: Tensor, down: _Axis, across: _Axis, imaginary: bool) -> _Functions:
        """Transform the functions whose part is not 0."""
        index = part_NSKK.flatten(1).any(dim=1).nonzero().flatten()
        spectrum = down.kernel_PK @ part_NSKK[index].to(down.kernel_PK.dtype) @ across.kernel_PK.T
        return _Functions(index, (spectrum.imag if imaginary else spectrum.real).permute(2, 3, 1, 0))


class Spectral:
    """The product of spectra for one basis, some of its scales and one size of image.

    `used` is how many rows and columns of the output are wanted, from the first.
    """

    def __init__(
        self,
        basis: Basis,
        scales: tuple[int, ...],
        size: tuple[int, int],
        padding: int,
        used: tuple[int, int],
        like: Tensor,
    ) -> None:
        support = max(basis.supports()[scale] for scale in scales)
        down, across = (_axis(each, padding, basis.size, support, n) for each, n in zip(size, used, strict=True))
        functions_NSKK = basis.functions()[:, list(scales)]
        turned_NSKK = functions_NSKK.flip(-1, -2)
        even = _Functions.of((functions_NSKK + turned_NSKK) / 2, down, across, imaginary=False)
        odd = _Functions.of((functions_NSKK - turned_NSKK) / 2, down, across, imaginary=True)
        self.scales, self.functions = len(scales), basis.count
        self.even, self.odd = even.index.to(like.device), odd.index.to(like.device)
        half_U = _half(len(down.analyse_PX))
        rows = (
            _row(u, bool(count == 1), across, even.spectrum_UVSN, odd.spectrum_UVSN) for u, count in enumerate(half_U)
        )
        self.rows = [row.to(like) for row in rows]
        wave_UH, back_HU = down.analyse_PX[: len(half_U)], down.synthesise_XP[:, : len(half_U)] * half_U
        self.down = torch.view_as_real(wave_UH).transpose(1, 2).flatten(0, 1).to(like)  # (2 U, H)
        self.up = torch.view_as_real(back_HU.conj().resolve_conj()).flatten(1).to(like)  # (H, 2 U)

    @staticmethod
    @lru_cache(maxsize=128)
    def of(
        basis: Basis,
        scales: tuple[int, ...],
        size: tuple[int, int],
        padding: int,
        used: tuple[int, int],
        dtype: torch.dtype,
        device: torch.device,
    ) -> Spectral:
        """Return the product with its constants made once."""
        return Spectral(basis, scales, size, padding, used, torch.empty(0, dtype=dtype, device=device))

    @property
    def width(self) -> int:
        """Return how many columns of the output are computed."""
        return len(self.rows[0].synthesise) // 2

    def size(self, images: int) -> int:
        """Return how many numbers one output channel has in the largest working array."""
        return max(len(row.analyse) for row in self.rows) * self.scales * images

    def lines(self, x_HWCB: Tensor, weights_NOC: Sequence[Tensor]) -> list[Tensor]:
        """Convolve, but for the last step, down the columns, which is left to `columns`: (2 U, W, S, O, B).

        The output channels come in parts, one for each of the weights, so that the work stays in the cache of a CPU.
        """
        channels, images = x_HWCB.shape[2:]
        room = self.new_lines(weights_NOC, images)
        parts = [(self._weights(weight), out) for weight, out in zip(weights_NOC, room, strict=True)]
        for u, (row, line) in enumerate(zip(self.rows, self._analysed(x_HWCB), strict=True)):
            x_VCB = (row.analyse @ line).view(-1, channels, images)
            for weights, out in parts:
                product_VRB = torch.bmm(self._kernels(row, weights, channels), x_VCB)
                target = out[2 * u : 2 * u + 2].view(2 * self.width, -1)
                torch.mm(row.synthesise, product_VRB.view(len(product_VRB), -1), out=target)
        return room

    def new_lines(self, weights_NOC: Sequence[Tensor], images: int) -> list[Tensor]:
        """Make room for `lines`, or for their gradients."""
        shape = (self.up.shape[1], self.width, self.scales)
        return [self.up.new_empty(*shape, weight.shape[1], images) for weight in weights_NOC]

    def columns(self, lines: Tensor, pixels: slice) -> Sequence[Tensor]:
        """Finish some columns: maps (H, W, O, B) of every scale."""
        return (self.up @ self._strip(lines, pixels)).view(len(self.up), -1, *lines.shape[2:]).unbind(2)

    def columns_gradient(self, pixels: slice, lines: Tensor) -> Tensor:
        """Make room for the gradients of some columns, which `begin` takes: (H, W, S, O, B)."""
        return lines.new_empty(len(self.up), pixels.stop - pixels.start, *lines.shape[2:])

    def begin(self, grads_HWSOB: Tensor, lines: Tensor, pixels: slice) -> None:
        """Begin the way back: from the gradients of some columns to those of `lines`, which are overwritten."""
        torch.mm(self.up.T, grads_HWSOB.flatten(1), out=self._strip(lines, pixels))

    def gradients(
        self, x_HWCB: Tensor, weights_NOC: Sequence[Tensor], grads: Sequence[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        """Return the gradients of the image, as (H, W, C, B), and of the weights, from those of `lines`."""
        channels, images = x_HWCB.shape[2:]
        parts = [(self._weights(weight), grad) for weight, grad in zip(weights_NOC, grads, strict=True)]
        grad_weights = [tuple(torch.zeros_like(weight) for weight in weights) for weights, _ in parts]
        lines = self._analysed(x_HWCB)
        for u, (row, line) in enumerate(zip(self.rows, lines, strict=True)):
            x_VBC = (row.analyse @ line).view(-1, channels, images).transpose(1, 2)
            grad_x_VCB = x_HWCB.new_zeros(len(row.analyse), channels, images)
            for (weights, grad), (grad_even, grad_odd) in zip(parts, grad_weights, strict=True):
                grad_VX = row.synthesise.T @ grad[2 * u : 2 * u + 2].view(2 * self.width, -1)
                grad_VRB = grad_VX.view(len(grad_VX), -1, images)
                kernel_VRC = self._kernels(row, weights, channels)
                grad_x_VCB.baddbmm_(kernel_VRC.transpose(1, 2), grad_VRB)
                grad_re, grad_im, grad_sum = torch.bmm(grad_VRB, x_VBC).view(3, len(row.even), -1).unbind()
                # The third factor is the sum of the other two, so its gradient goes to both.
                grad_even.addmm_(row.even.T, grad_re.add_(grad_sum))
                grad_odd.addmm_(row.odd.T, grad_im.add_(grad_sum))
            torch.mm(row.analyse.T, grad_x_VCB.flatten(1), out=line)  # last: the row's own input is overwritten
        grad_x_HWCB = (self.down.T @ lines.view(len(self.down), -1)).view_as(x_HWCB)
        return grad_x_HWCB, [self._by_function(grad, channels) for grad in grad_weights]

    @staticmethod
    def _strip(lines: Tensor, pixels: slice) -> Tensor:
        column = lines[0, 0].numel()
        return lines.view(len(lines), -1)[:, pixels.start * column : pixels.stop * column]

    def _analysed(self, x_HWCB: Tensor) -> Tensor:
        """Transform the columns: (U, 2 W, C B)."""
        return (self.down @ x_HWCB.flatten(1)).view(len(self.rows), 2 * x_HWCB.shape[1], -1)

    def _weights(self, weight_NOC: Tensor) -> tuple[Tensor, Tensor]:
        weight_NQ = weight_NOC.flatten(1)
        return weight_NQ[self.even], weight_NQ[self.odd]

    def _by_function(self, grads: tuple[Tensor, ...], channels: int) -> Tensor:
        """Merge the gradients of even and odd functions: (N, O, C)."""
        even_NQ, odd_NQ = grads
        out_NQ = even_NQ.new_zeros(self.functions, even_NQ.shape[1])
        out_NQ.index_add_(0, self.even, even_NQ).index_add_(0, self.odd, odd_NQ)
        return torch.unflatten(out_NQ, 1, (-1, channels))

    def _kernels(self, row: _Row, weights: tuple[Tensor, Tensor], channels: int) -> Tensor:
        """Compose the spectra of one row: (3 V, R, C), the factors real part, imaginary part and their sum."""
        even_NQ, odd_NQ = weights
        out = even_NQ.new_empty(3, len(row.even), even_NQ.shape[1])
        torch.mm(row.even, even_NQ, out=out[0])
        torch.mm(row.odd, odd_NQ, out=out[1])
        torch.add(out[0], out[1], out=out[2])
        return out.view(len(row.analyse), -1, channels)
