"""What several chapters take evidence from."""

from __future__ import annotations

from torch import Tensor, nn

from repro import printed
from repro.audit.evidence import published


def relative(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference of two arrays over the largest value of the second."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def weight_shape(network: nn.Module, name: str = "weight") -> list[int]:
    """Return the shape of a network's weights of a name."""
    return [*network.get_parameter(name).size()]


def numbers(claim: str) -> list[float]:
    """Return the numbers that another claim has published."""
    return [float(printed.parse(text).value) for text in published("filters2d", claim)]
