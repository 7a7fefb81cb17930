"""The Gaussian convolution layer, written from its equations and in a fast form that gives the same numbers.

Shape suffixes: B images, C channels in, O channels out, R rows of the 1x1 sum (15 C at order 4), P distinct
(channel, derivative) pairs, H and W image, K kernel, D derivatives, Q = O C.

The fast form returns a BCHW view of a tensor with the images last in memory; the next layer takes it as it is.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.gaussian import Norm, Truncation, derivative_orders
from studies.rfnn.model import fast
from studies.rfnn.model.basis import Basis, Layout, Recurrence, pairs


class GaussianConv2d(nn.Module):
    """Filter every channel with fixed Gaussian derivatives, then sum the responses with learned weights (eq. 2.15).

    `weight` (O, R, 1, 1) and `bias` (O) are those of a 1x1 convolution over the responses and start as its do:
    uniform within 1 / sqrt(R). Zero padding keeps the size of the image.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale: float,
        *,
        order: int = 4,
        layout: Layout = "as_listed",
        truncation: Truncation = "listing",
        norm: Norm = "raw",
        recurrence: Recurrence = "correct",
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.layout: Layout = layout
        self.basis = Basis(float(scale), order, truncation, norm, recurrence)
        rows = len(pairs(in_channels, order, layout))
        self.weight = nn.Parameter(torch.empty(out_channels, rows, 1, 1))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.fast = True
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw weight, then bias, uniformly within 1 / sqrt(R)."""
        bound = 1 / math.sqrt(self.weight.shape[1])
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def extra_repr(self) -> str:
        """Name what the layer is made of, for its printed form."""
        return f"{self.in_channels}, {self.out_channels}, {self.basis}, layout={self.layout!r}"

    def plain(self, x_BCHW: Tensor) -> Tensor:
        """Evaluate the layer as its equations read: two grouped convolutions, then the 1x1 sum."""
        kernels = self.basis.kernels().to(x_BCHW)
        half = kernels.shape[1] // 2
        orders = torch.tensor(derivative_orders(self.basis.order), device=x_BCHW.device)
        derivative_R = torch.tensor([d for _, d in pairs(self.in_channels, self.basis.order, self.layout)])
        n_dx, n_dy = orders[derivative_R.to(x_BCHW.device)].unbind(1)
        out_BRHW = F.conv2d(x_BCHW, kernels[n_dx][:, None, None, :], groups=self.in_channels, padding=(0, half))
        out_BRHW = F.conv2d(out_BRHW, kernels[n_dy][:, None, :, None], groups=len(n_dy), padding=(half, 0))
        return F.conv2d(out_BRHW, self.weight, self.bias)

    def forward(self, x_BCHW: Tensor, pool: int = 1) -> Tensor:
        """Evaluate the layer in its fast form, and max-pool over windows of `pool`.

        With `fast` set to False the layer is evaluated as its equations read; only so can gradients be differentiated.
        """
        if not self.fast:
            out_BOHW = self.plain(x_BCHW)
            return F.max_pool2d(out_BOHW, pool) if pool > 1 else out_BOHW
        x_CHWB = x_BCHW.permute(1, 2, 3, 0).contiguous()
        few = self.layout == "as_listed" or self.in_channels == 1
        return self.biased(self._merged(x_CHWB, pool) if few else self._spectral(x_CHWB, pool))

    def biased(self, sum_HWOB: Tensor) -> Tensor:
        """Add the bias to pooled sums (it commutes with pooling) and give them as BOHW."""
        out_HWOB = sum_HWOB if self.bias is None else sum_HWOB + self.bias[:, None]
        return out_HWOB.permute(3, 2, 0, 1)

    def _merged(self, x_CHWB: Tensor, pool: int) -> Tensor:
        """Respond once for each distinct (channel, derivative), with the weights of its rows added up."""
        channel_P, derivative_P, position_R = fast.distinct(
            self.in_channels, self.basis.order, self.layout, x_CHWB.device
        )
        down_DHH, across_DWW = fast.filters(self.basis, *x_CHWB.shape[1:3], x_CHWB.dtype, x_CHWB.device)
        other = channel_P[self.in_channels :]
        response_PHWB = fast.filter_maps(x_CHWB, other, down_DHH[derivative_P], across_DWW[derivative_P])
        weight_RO = self.weight.flatten(1).T
        weight_PO = weight_RO.new_zeros(len(channel_P), self.out_channels).index_add(0, position_R, weight_RO)
        return fast.pooled_sum(weight_PO.T, response_PHWB, pool).permute(1, 2, 0, 3)

    def _spectral(self, x_CHWB: Tensor, pool: int) -> Tensor:
        """Multiply spectra: one product of channels a frequency, whatever the number of derivatives."""
        weight_QD = self.weight.reshape(self.out_channels * self.in_channels, -1)
        return fast.max_pool(fast.spectral_product(x_CHWB, weight_QD, self.basis), pool)


def batch_statistics(batchnorm: nn.BatchNorm2d, x_B1HW: Tensor) -> tuple[Tensor, Tensor]:
    """Give the mean and (biased) variance `batchnorm` normalises a batch with, and update its running statistics.

    In evaluation these are the running statistics, which then stay as they are.
    """
    running_mean, running_var = batchnorm.running_mean, batchnorm.running_var
    if running_mean is None or running_var is None or batchnorm.momentum is None:
        raise UsageError("first block: the batch-norm keeps no running statistics; use nn.BatchNorm2d's defaults")
    if not batchnorm.training:
        return running_mean, running_var
    with torch.no_grad():
        var, mean = torch.var_mean(x_B1HW, dim=(0, 2, 3), correction=0)
        n = x_B1HW.numel() // x_B1HW.shape[1]
        running_mean.lerp_(mean, batchnorm.momentum)
        running_var.lerp_(var * (n / (n - 1)), batchnorm.momentum)
        if batchnorm.num_batches_tracked is not None:
            batchnorm.num_batches_tracked += 1
    return mean, var


def first_block(
    batchnorm: nn.BatchNorm2d,
    layer: GaussianConv2d,
    x_B1HW: Tensor,
    *,
    pool: int = 1,
    statistics: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Evaluate `layer(batchnorm(x), pool)` for data `x`: no gradient reaches `x`, and none is spent on it.

    With `statistics` (of the whole batch, from `batch_statistics`) a part of a batch gives its part of the result,
    and the running statistics stay as they are.
    """
    mean, var = statistics if statistics is not None else batch_statistics(batchnorm, x_B1HW)
    standardised = (x_B1HW - mean) * torch.rsqrt(var + batchnorm.eps)
    return first_convolution(layer, standardised, batchnorm.weight, batchnorm.bias, pool)


def first_convolution(
    layer: GaussianConv2d, standardised_B1HW: Tensor, gain: Tensor, offset: Tensor, pool: int = 1
) -> Tensor:
    """Evaluate `layer(gain * x + offset, pool)` for data `x`, with gradients to gain and offset and none to `x`.

    Inside the zero padding R(gain x + offset) = gain R(x) + offset R(1), so that the responses R need no gradient.
    """
    if layer.in_channels != 1 or standardised_B1HW.requires_grad:
        raise UsageError("first block: needs one input channel that takes no gradient; call layer(gain * x + offset)")
    if not layer.fast:
        plain: Tensor = layer(standardised_B1HW * gain + offset, pool)
        return plain
    x_HWB = standardised_B1HW.squeeze(1).permute(1, 2, 0)
    down_DHH, across_DWW = fast.filters(layer.basis, *x_HWB.shape[:2], x_HWB.dtype, x_HWB.device)
    n_dx = [n for n, _ in derivative_orders(layer.basis.order)]
    response_DHWB = fast.responses(x_HWB, down_DHH, across_DWW, n_dx)
    affine = (gain, offset, fast.edges(down_DHH, across_DWW))
    return layer.biased(fast.pooled_sum(layer.weight.flatten(1), response_DHWB, pool, affine).permute(1, 2, 0, 3))
