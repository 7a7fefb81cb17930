"""Random numbers from explicit generators: named streams of a seed, initial values, dropout."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor, nn

from repro.errors import UsageError


def stream(seed: int, name: str, device: str = "cpu") -> torch.Generator:
    """Return a generator for one purpose; purposes of one seed are independent. Devices draw different numbers."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)


@torch.no_grad()
def draw_uniform(parameter: Tensor, low: float, high: float, generator: torch.Generator) -> None:
    """Fill a parameter from U(low, high), drawn in float32 on the CPU whatever its type and device."""
    parameter.copy_(torch.empty(parameter.shape, dtype=torch.float32).uniform_(low, high, generator=generator))


@torch.no_grad()
def draw_normal(parameter: Tensor, sd: float, generator: torch.Generator) -> None:
    """Fill a parameter from N(0, sd**2), drawn in float32 on the CPU whatever its type and device."""
    parameter.copy_(torch.empty(parameter.shape, dtype=torch.float32).normal_(0, sd, generator=generator))


class Dropout(nn.Module):
    """Zero each value with probability `p` in training and scale the others by 1 / (1 - p).

    The masks come from `generator`, which whoever trains sets; they are drawn on its device.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageError(f"dropout: wanted a probability in [0, 1), got {p}")
        self.p = p
        self.generator: torch.Generator | None = None

    def extra_repr(self) -> str:
        """Name the probability, for the printed form."""
        return f"p={self.p}"

    def forward(self, x: Tensor) -> Tensor:
        """Drop values in training; in evaluation return `x` itself. Raise UsageError without a generator."""
        if not self.training or self.p == 0:
            return x
        if self.generator is None:
            raise UsageError("dropout: no generator to draw the mask from; set .generator before training")
        keep = torch.empty(x.shape, device=self.generator.device).bernoulli_(1 - self.p, generator=self.generator)
        return x * (keep.to(x) / (1 - self.p))
