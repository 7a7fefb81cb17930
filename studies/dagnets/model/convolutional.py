"""Turn a classifier into a fully convolutional network (section 7.2).

Shape legend: B images, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from repro.errors import UsageError


def convolution_of(linear: nn.Linear, size_CHW: Sequence[int]) -> nn.Conv2d:
    """Return the convolution that computes a linear layer on maps of a size, whatever the extent of its input."""
    channels, height, width = size_CHW
    weight = linear.weight.detach()
    made = nn.Conv2d(
        channels, linear.out_features, (height, width), bias=linear.bias is not None, device=weight.device,
        dtype=weight.dtype,
    )  # fmt: skip
    with torch.no_grad():
        made.weight.copy_(weight.view_as(made.weight))
        if made.bias is not None:
            made.bias.copy_(linear.bias)
    return made


@torch.no_grad()
def convolutionize(layers: Sequence[nn.Module], size_CHW: Sequence[int]) -> nn.Sequential:
    """Return layers that take larger images too, for layers that take images of one size; linear ones are converted.

    The others are shared, not copied, and run once on zeros, in evaluation mode; a Flatten goes. Raise UsageError where
    the images do not fit a layer, and for a BatchNorm1d, which takes no maps.
    """
    made: list[nn.Module] = []
    weight = next((parameter for layer in layers for parameter in layer.parameters()), torch.zeros(()))
    x = torch.zeros(1, *size_CHW, device=weight.device, dtype=weight.dtype)
    for number, layer in enumerate(layers):
        if isinstance(layer, nn.Flatten):
            continue
        size = tuple(x.shape[1:])
        if isinstance(layer, nn.Conv2d) and layer.in_channels != size[0]:
            raise UsageError(f"convolutionize: layer {number} takes {layer.in_channels} channels, got maps {size}")
        if isinstance(layer, nn.BatchNorm1d):
            raise UsageError(f"convolutionize: layer {number} is a BatchNorm1d, which takes no maps; leave it out")
        if isinstance(layer, nn.Linear) and layer.in_features != x[0].numel():
            raise UsageError(
                f"convolutionize: linear layer {number} takes {layer.in_features} numbers, got maps {size}, "
                f"{x[0].numel()} numbers; give the size of the images that the network was made for"
            )
        made.append(convolution_of(layer, size) if isinstance(layer, nn.Linear) else layer)
        x = _evaluated(made[-1], x)
    return nn.Sequential(*made)


def _evaluated(layer: nn.Module, x_BCHW: Tensor) -> Tensor:
    """Return a layer's answer in evaluation mode; mode and running statistics are left as they were."""
    modes = [(module, module.training) for module in layer.modules()]
    answer: Tensor = layer.eval()(x_BCHW)
    for module, training in modes:
        module.training = training
    return answer
