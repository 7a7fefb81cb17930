"""What section 7.2 prints about residual networks, computed anew: one function an item of `RESNET`."""

from __future__ import annotations

from studies.dagnets.measured import counts
from studies.dagnets.measured.printed.autograd import Numbers
from studies.dagnets.model import resnets


def weights(before: int, after: int, kernel: int, *, bias: bool = True) -> int:
    """Count the parameters of a convolution."""
    return (kernel * kernel * before + bias) * after


def block() -> Numbers:
    """Count the parameters of two 3x3 convolutions of 64 channels."""
    return [2.0 * weights(64, 64, 3)]


def wide_block() -> Numbers:
    """Count the parameters of two 3x3 convolutions of 256 channels."""
    return [2.0 * weights(256, 256, 3)]


def bottleneck() -> Numbers:
    """Count the parameters of the bottleneck as the slide sums them."""
    return [float(weights(256, 64, 1, bias=False) + weights(64, 64, 3) + weights(64, 256, 1, bias=False))]


def sizes() -> Numbers:
    """Read the sides of the maps of the 50-layer network."""
    return [float(side) for side in counts.sides(50)]


def flops() -> Numbers:
    """Count the products of the five networks."""
    return [counts.resnet_figures(depth, "first")["products"] for depth in resnets.BLOCKS]
