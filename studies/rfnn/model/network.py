"""The two-layer RFNN and the control CNN (figures 4.2 and 4.4), with every reading of the thesis as a switch.

Shape legend: B batch, C channels, H height, W width, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.common.layout import keep_channels_together
from studies.common.randomness import draw_uniform, stream
from studies.rfnn.model.layers import GaussianConv2d, first_block

WIDTH_FIRST, WIDTH_SECOND, WIDTH_HIDDEN, CLASSES = 64, 128, 128, 10  # figures 4.2 and 4.4
DROPOUT = 0.5


@dataclass(frozen=True)
class Switches:
    """One reading of the thesis; the defaults are "as published".

    The final and the best accuracy over the epochs are both recorded, so that choice needs no switch.
    """

    layout: Literal["as_listed", "as_described"] = "as_listed"  # A.1 repeats kernels; eq. 2.15 gives each channel all
    truncation: Literal["listing", "text"] = "listing"  # A.2's float series: half widths 2,3,4,5,7; eq. 3.4: 2,3,3,5,6
    norm: Literal["raw", "sigma^n"] = "raw"  # A.1; sigma^n is Jacobsen's
    schedule: Literal["listing", "text"] = "listing"  # A.2 decays before epochs 10, 20, ...; section 4.2 after them
    optimiser_state: Literal["per_epoch", "persistent"] = "per_epoch"  # A.2 makes a new optimiser each epoch
    momentum: Literal["tied", "fixed"] = "tied"  # section 4.2 and A.2: 1 - 10 lr; fixed: 0.99
    gain: Literal["uniform", "ones"] = "uniform"  # batch-norm scale: PyTorch of 2018 drew U(0, 1), later ones set 1
    head: Literal["elu_dropout", "dropout_elu"] = "elu_dropout"  # A.2; figures 4.2 and 4.4 print the reverse
    bias: bool = True  # of the two weighted sums: on in experiments 1 and 2, off in 3 and 4 (section 4.8)
    upsample: Literal["none", "bilinear", "bilinear_corners", "pil"] = "none"  # section 4.7; torch 0.4 means bilinear
    recurrence: Literal["correct", "verkes"] = "correct"  # section 2.3.3; verkes is the negative control


AS_PUBLISHED = Switches()


Statistics = tuple[Tensor, Tensor]  # mean and biased variance of a batch of one-channel images, (1,) each


class TwoBlocks(nn.Module):
    """Input batch-norm, two blocks of convolution, max-pool and ELU, and a two-layer head.

    Whether `forward` trains or evaluates is a matter of its arguments: statistics of the batch and a dropout mask in
    training, neither in evaluation. Batch-norm stands on the input alone, so parts of a batch that share the whole
    batch's statistics add up to its gradient.
    """

    def __init__(self, first: nn.Module, second: nn.Module, switches: Switches, image_size: int) -> None:
        super().__init__()
        factor = 1 if switches.upsample == "none" else 2
        self.head_order = switches.head
        self.pool_second = 2 * factor  # section 4.7: the linear layers keep their size
        side = image_size * factor // 2 // self.pool_second
        self.batchnorm = nn.BatchNorm2d(1)
        self.first = first
        self.second = second
        self.hidden = nn.Linear(WIDTH_SECOND * side * side, WIDTH_HIDDEN)
        self.output = nn.Linear(WIDTH_HIDDEN, CLASSES)

    def first_pooled(self, x_BCHW: Tensor, statistics: Statistics) -> Tensor:
        """Return the first convolution of the normalised images, max-pooled."""
        norm = self.batchnorm
        x_BCHW = F.batch_norm(x_BCHW, *statistics, norm.weight, norm.bias, training=False, eps=norm.eps)
        return F.max_pool2d(self.first(x_BCHW), 2)

    def second_pooled(self, x_BCHW: Tensor) -> Tensor:
        """Return the second convolution, max-pooled."""
        return F.max_pool2d(self.second(x_BCHW), self.pool_second)

    def blocks(self, x_BCHW: Tensor, statistics: Statistics | None = None) -> tuple[Tensor, Tensor]:
        """Return the outputs of both blocks."""
        running = self.batchnorm.get_buffer("running_mean"), self.batchnorm.get_buffer("running_var")
        first = elu(self.first_pooled(x_BCHW, statistics or running))
        return first, elu(self.second_pooled(first))

    def forward(self, x_BCHW: Tensor, statistics: Statistics | None = None, keep_BD: Tensor | None = None) -> Tensor:
        """Return log-probabilities (B, 10).

        `statistics` are the mean and variance to normalise with (None: the running ones); `keep_BD` is the dropout
        mask over the hidden units, true where a unit is kept (None: no dropout).
        """
        _, out = self.blocks(x_BCHW, statistics)
        hidden = self.hidden(out.flatten(1))
        if self.head_order == "elu_dropout":
            hidden = drop(F.elu(hidden), keep_BD)
        else:
            hidden = F.elu(drop(hidden, keep_BD))
        return F.log_softmax(self.output(hidden), dim=1)


class RFNN(TwoBlocks):
    """The two-layer receptive fields network of figure 4.2, derivatives up to order 4; scales in pixels."""

    def __init__(self, first: float, second: float, switches: Switches = AS_PUBLISHED, *, image_size: int = 28) -> None:
        def layer(inputs: int, outputs: int, scale: float) -> GaussianConv2d:
            return GaussianConv2d(
                inputs,
                outputs,
                scale,
                layout=switches.layout,
                truncation=switches.truncation,
                norm=switches.norm,
                recurrence=switches.recurrence,
                bias=switches.bias,
            )

        first_layer, second_layer = layer(1, WIDTH_FIRST, first), layer(WIDTH_FIRST, WIDTH_SECOND, second)
        super().__init__(first_layer, second_layer, switches, image_size)

    def first_pooled(self, x_BCHW: Tensor, statistics: Statistics) -> Tensor:
        """Return the first convolution of the normalised images, max-pooled, spending no gradient on the images."""
        assert isinstance(self.first, GaussianConv2d)
        return first_block(self.batchnorm, self.first, x_BCHW, pool=2, statistics=statistics)

    def second_pooled(self, x_BCHW: Tensor) -> Tensor:
        """Return the second convolution, max-pooled by the layer itself."""
        out: Tensor = self.second(x_BCHW, pool=self.pool_second)
        return out


class ControlCNN(TwoBlocks):
    """The control network of figure 4.4; kernel sizes are odd, in pixels. The bias switch concerns the RFNN only."""

    def __init__(self, first: int, second: int, switches: Switches = AS_PUBLISHED, *, image_size: int = 28) -> None:
        first_layer = nn.Conv2d(1, WIDTH_FIRST, first, padding=first // 2)
        second_layer = nn.Conv2d(WIDTH_FIRST, WIDTH_SECOND, second, padding=second // 2)
        super().__init__(first_layer, second_layer, switches, image_size)
        keep_channels_together(first_layer)
        keep_channels_together(second_layer)


class _Elu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = F.elu(x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (out,) = ctx.saved_tensors
        by_input: Tensor = torch.ops.aten.elu_backward(grad, 1.0, 1.0, 1.0, True, out)
        return by_input


def elu(x: Tensor) -> Tensor:
    """Return ELU, with a gradient that comes of the value and costs no exponential."""
    out: Tensor = _Elu.apply(x)  # type: ignore[no-untyped-call]
    return out


def drop(x_BD: Tensor, keep_BD: Tensor | None) -> Tensor:
    """Apply dropout with a given mask: what is kept is doubled."""
    return x_BD if keep_BD is None else x_BD * keep_BD / (1 - DROPOUT)


@torch.no_grad()
def initialise(network: TwoBlocks, seed: int, gain: Literal["uniform", "ones"]) -> None:
    """Draw the initial parameters: U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's default law in 2018 and today.

    Each parameter has a stream of its own, so that no switch moves the weights of another layer.
    """
    for name in ("first", "second", "hidden", "output"):
        layer = network.get_submodule(name)
        weight = layer.get_parameter("weight")
        bound = 1 / math.sqrt(weight[0].numel())
        draw_uniform(weight, -bound, bound, stream(seed, f"init/{name}.weight"))
        if layer.bias is not None:
            draw_uniform(layer.get_parameter("bias"), -bound, bound, stream(seed, f"init/{name}.bias"))
    if gain == "uniform":
        draw_uniform(network.batchnorm.weight, 0, 1, stream(seed, "init/gain"))
    else:
        network.batchnorm.weight.fill_(1)
    network.batchnorm.bias.zero_()
