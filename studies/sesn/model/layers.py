"""Scale-convolutions, written from their equations and in a fast form that gives the same numbers.

Shape suffixes: B images, C channels in, O channels out, S scales, I scale offsets, N functions of the basis, H and W
image, K kernel.

`plain` is the published algorithm: compose all kernels at full size, convolve once. `forward` is the fast form unless
`fast` is False; it may give a view of a tensor with the images last in memory, which the next layer takes as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from studies.sesn.model import fast
from studies.sesn.model.bases import Basis
from studies.sesn.model.reduction import Reduction, project

__all__ = ["GroupConv1x1", "GroupConv2d", "LiftConv2d", "project"]


class _ScaleConv(nn.Module, ABC):
    """What the convolutions share: weights over a basis, a bias, two forms."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        basis: Basis,
        *,
        scale_size: int | None,
        stride: int,
        padding: int,
        bias: bool,
    ) -> None:
        super().__init__()
        if in_channels < 1 or out_channels < 1 or stride < 1 or padding < 0:
            raise UsageError(
                f"scale-convolution: channels {in_channels} and {out_channels} and stride {stride} must be above 0, "
                f"padding {padding} 0 or more"
            )
        self.in_channels, self.out_channels = in_channels, out_channels
        self.basis, self.stride, self.padding = basis, stride, padding
        offsets = () if scale_size is None else (scale_size,)
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, *offsets, basis.count))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.fast = True

    def extra_repr(self) -> str:
        """Name what the layer is made of, for its printed form."""
        return f"{self.in_channels}, {self.out_channels}, {self.basis}, stride={self.stride}, padding={self.padding}"

    def kernels(self) -> Tensor:
        """Compose the kernels of all scales: (O, C, S, K, K), with an axis I before S where the layer has one."""
        functions_NSKK = self.basis.functions_for(self.weight)
        kernels: Tensor = torch.tensordot(self.weight, functions_NSKK, dims=1)
        return kernels

    def forward(self, x: Tensor, *, project: bool = False, pool: int = 1, pool_padding: int = 0) -> Tensor:
        """Evaluate the layer, take the maximum over scales if asked, then over windows of `pool` pixels.

        Gives (B, O, S, H, W), or (B, O, H, W) if projected. Gradients of the fast form can be taken once only.
        """
        reduction = Reduction(project, pool, pool_padding)
        if not self.fast:
            return reduction(self.plain(x))
        self._check(x)
        out = self._fast(x, reduction)
        # The bias after the maxima, where there are fewer numbers: rounding is monotone, so max(x + b) is max(x) + b.
        return out if self.bias is None else out + self.bias.view(-1, *(1,) * (out.dim() - 2))

    @abstractmethod
    def plain(self, x: Tensor) -> Tensor:
        """Evaluate the layer as its equation reads."""

    @abstractmethod
    def _check(self, x: Tensor) -> None:
        """Raise UsageError for what the layer cannot take."""

    @abstractmethod
    def _fast(self, x: Tensor, reduction: Reduction) -> Tensor:
        """Evaluate the fast form, without bias, of what `_check` lets pass, and reduce."""

    def _check_size(self, x: Tensor, name: str) -> None:
        size, least = tuple(x.shape[-2:]), self.basis.size - 2 * self.padding
        if min(size) < least:
            raise UsageError(
                f"{name}: an image of {size} pixels, padded by {self.padding}, is smaller than the kernel of "
                f"{self.basis.size}; pass at least {least} pixels or more padding"
            )


class LiftConv2d(_ScaleConv):
    """Convolve an image with every kernel at every scale: T -> H (eq. 4, one input scale).

    `weight` (O, C, N) and `bias` (O) start at 0.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        basis: Basis,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, basis, scale_size=None, stride=stride, padding=padding, bias=bias)

    def plain(self, x_BCHW: Tensor) -> Tensor:
        """Evaluate the layer as its equation reads, as one convolution with (O S, C, K, K)."""
        self._check(x_BCHW)
        # Channels and scales exchanged before the two are merged; a plain reshape mixes them (blog, footnote 4).
        kernels_OSCKK = self.kernels().transpose(1, 2)
        bias = None if self.bias is None else self.bias.repeat_interleave(kernels_OSCKK.shape[1])
        out = F.conv2d(x_BCHW, kernels_OSCKK.flatten(0, 1), bias, stride=self.stride, padding=self.padding)
        return torch.unflatten(out, 1, kernels_OSCKK.shape[:2])

    def _check(self, x: Tensor) -> None:
        if x.dim() != 4 or x.shape[1] != self.in_channels:
            raise UsageError(f"lifting convolution: wanted images (B, {self.in_channels}, H, W), got {tuple(x.shape)}")
        self._check_size(x, "lifting convolution")

    def _fast(self, x_BCHW: Tensor, reduction: Reduction) -> Tensor:
        return fast.lift(x_BCHW, self.weight, self.basis, self.stride, self.padding, reduction)


class GroupConv2d(_ScaleConv):
    """Convolve over pixels and scales: H -> H (eq. 4).

    `weight` (O, C, I, N) and `bias` (O) start at 0. Output scale s hears input scales s, s + 1, ..., s + I - 1, where
    they exist, each through kernels drawn at scale s.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        basis: Basis,
        *,
        scale_size: int = 1,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
    ) -> None:
        if not 1 <= scale_size <= len(basis.scales):
            raise UsageError(
                f"group convolution: scale_size must be 1 to the number of scales, {len(basis.scales)}, "
                f"got {scale_size}; hear fewer scales or add some to the basis"
            )
        super().__init__(
            in_channels, out_channels, basis, scale_size=scale_size, stride=stride, padding=padding, bias=bias
        )
        self.scale_size = scale_size

    def plain(self, x_BCSHW: Tensor) -> Tensor:
        """Evaluate the layer as its equation reads: for each offset a convolution in as many groups as scales."""
        self._check(x_BCSHW)
        kernels_ISOCKK = self.kernels().permute(2, 3, 0, 1, 4, 5)
        out = self._offset(x_BCSHW, 0, kernels_ISOCKK[0])
        for offset in range(1, self.scale_size):
            out = out + self._offset(x_BCSHW, offset, kernels_ISOCKK[offset])
        return out if self.bias is None else out + self.bias.view(-1, 1, 1, 1)

    def _offset(self, x_BCSHW: Tensor, offset: int, kernels_SOCKK: Tensor) -> Tensor:
        """Convolve the input scales `offset` above the output's, with zeros for those that do not exist."""
        scales, outputs = kernels_SOCKK.shape[:2]
        heard = F.pad(x_BCSHW[:, :, offset:], (0, 0, 0, 0, 0, offset)).transpose(1, 2)
        kernels = kernels_SOCKK.flatten(0, 1)
        out = F.conv2d(heard.flatten(1, 2), kernels, stride=self.stride, padding=self.padding, groups=scales)
        return torch.unflatten(out, 1, (scales, outputs)).transpose(1, 2)

    def _check(self, x: Tensor) -> None:
        wanted = (self.in_channels, len(self.basis.scales))
        if x.dim() != 5 or tuple(x.shape[1:3]) != wanted:
            raise UsageError(
                f"group convolution: wanted (B, {wanted[0]} channels, {wanted[1]} scales, H, W), got {tuple(x.shape)}"
            )
        self._check_size(x, "group convolution")

    def _fast(self, x_BCSHW: Tensor, reduction: Reduction) -> Tensor:
        return fast.group(x_BCSHW, self.weight, self.basis, self.stride, self.padding, reduction)


class GroupConv1x1(nn.Module):
    """Mix channels at every pixel and scale alike. `weight` (O, C, 1, 1) starts at 0; there is no bias."""

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.zeros(out_channels, in_channels, 1, 1))

    def forward(self, x_BCSHW: Tensor) -> Tensor:
        """Evaluate the layer: (B, O, S, H, W)."""
        return F.conv3d(x_BCSHW, self.weight[..., None], stride=(1, self.stride, self.stride))
