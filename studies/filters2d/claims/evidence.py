"""What evidence comes as, and what several chapters take it from."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from torch import Tensor, nn

from repro import printed
from studies.filters2d import profiles

Shown = tuple[bool, str]


def relative(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference of two arrays over the largest value of the second."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def weight_shape(network: nn.Module, name: str = "weight") -> list[int]:
    """Return the shape of a network's weights of a name."""
    return [*network.get_parameter(name).size()]


@cache
def _claims() -> dict[str, list[str]]:
    entries = tomllib.loads(Path(profiles.__file__).with_name("claims.toml").read_text("utf-8"))["claim"]
    return {one["id"]: [one["published"]] if isinstance(one["published"], str) else one["published"] for one in entries}


def published(claim: str) -> list[float]:
    """Return the numbers that another claim has published."""
    return [float(printed.parse(text).value) for text in _claims()[claim]]
