"""The networks on fixed inputs with fixed parameters: figures that no seed moves, and any change of a layer does."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.sesn.model import mnist, wrn

WRN_PREFIX = "stl10_"
GAIN, WRN_GAIN = 2.0, 0.4  # keep logits near 1
WRN_SIDE = 24  # pixels
LABELS = (3, 1)


def wave(shape: Iterable[int], step: float, start: float) -> Tensor:
    """Return sin(step * n + start), n counting the entries in order, as float64."""
    size = tuple(shape)
    return torch.sin(step * torch.arange(math.prod(size), dtype=torch.float64) + start).reshape(size)


@torch.no_grad()
def fill(parameters: Iterable[tuple[str, Tensor]], gain: float) -> None:
    """Set named parameters, in the order given, to waves: kernels by their fan-in, gains near 1, offsets near 0."""
    for number, (name, parameter) in enumerate(parameters):
        values = wave(parameter.shape, 0.7, 1.3 * number)
        if parameter.dim() >= 2:
            values = values * gain / math.sqrt(parameter.numel() / parameter.shape[0])
        else:
            values = 1 + 0.2 * values if name.endswith("weight") else 0.1 * values
        parameter.copy_(values)


def inputs(count: int, channels: int, side: int) -> Tensor:
    """Return a product of two waves as images (count, channels, side, side) in float64."""
    shape = (count, channels, side, side)
    return wave(shape, 0.037, 0.2) * wave(shape, 0.61, 0.5)


def forward_figures(name: str) -> dict[str, float]:
    """Return parameters, logits, loss and gradient of a network: of `mnist`, or of `wrn` as "stl10_<variant>".

    The wide residual networks are evaluated at width 1; `parameters` counts those of width 8. In evaluation mode.
    """
    if name.startswith(WRN_PREFIX):
        variant = next(one for one in wrn.VARIANTS if name == WRN_PREFIX + one)
        with torch.device("meta"):
            whole: nn.Module = wrn.build(variant)
        network: nn.Module = wrn.build(variant, widen=1)
        gain, x_BCHW = WRN_GAIN, inputs(len(LABELS), 3, WRN_SIDE)
    else:
        whole = network = mnist.build(name)
        gain, x_BCHW = GAIN, inputs(len(LABELS), 1, 28).clamp_min(0)
    network.double().eval()
    fill(network.named_parameters(), gain)
    with reproducible():
        logits = network(x_BCHW)
        loss = F.cross_entropy(logits, torch.tensor(LABELS))
        gradients = torch.autograd.grad(loss, list(network.parameters()))
    squares = sum(float(gradient.square().sum()) for gradient in gradients)
    figures = {"logit_norm": float(logits.detach().norm()), "loss": loss.item(), "gradient_norm": math.sqrt(squares)}
    parameters = sum(parameter.numel() for parameter in whole.parameters())
    return {"parameters": float(parameters)} | {name: significant(value) for name, value in figures.items()}
