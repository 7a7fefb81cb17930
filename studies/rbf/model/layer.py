"""The exercise's radial basis function layer: its activation read in both of the document's ways, and a fast form.

Shape legend: B batch, K centres, D features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from repro.errors import UsageError
from studies.common.choosing import check_known
from studies.common.randomness import draw_normal, draw_uniform

Form = Literal["norm", "copies", "product"]
Start = Literal["normal", "linear", "features"]


def logical_copies(x_BD: Tensor, w_KD: Tensor) -> tuple[Tensor, Tensor]:
    """Return inputs and centres as (B, K, D) without copying: the stride is 0 wherever one value stands for many."""
    shape = (len(x_BD), *w_KD.shape)
    return x_BD.unsqueeze(dim=1).expand(shape), w_KD.unsqueeze(dim=0).expand(shape)


def squared_by_norm(x_BD: Tensor, w_KD: Tensor) -> Tensor:
    """Return squared distances (B, K) as the layer's first slide reads: the norm a, squared in the activation."""
    x_BKD, w_BKD = logical_copies(x_BD, w_KD)
    a_BK: Tensor = torch.linalg.vector_norm(w_BKD - x_BKD, dim=2)
    return a_BK.square()


def squared_by_copies(x_BD: Tensor, w_KD: Tensor) -> Tensor:
    """Return squared distances (B, K) as the slide on batches reads: squares, summed over the features, no root."""
    x_BKD, w_BKD = logical_copies(x_BD, w_KD)
    return (w_BKD - x_BKD).square().sum(dim=2)


def squared_by_product(x_BD: Tensor, w_KD: Tensor) -> Tensor:
    """Return squared distances (B, K) as |x|^2 - 2 x.w + |w|^2, by one matrix product and without (B, K, D) values.

    The rounding error is of the order of |x|^2, not of the distance; what it makes negative becomes 0.
    """
    squares_BK = x_BD.square().sum(dim=1, keepdim=True) + w_KD.square().sum(dim=1)
    return torch.addmm(squares_BK, x_BD, w_KD.T, alpha=-2).clamp_min(0)


SQUARED: dict[Form, Callable[[Tensor, Tensor], Tensor]] = {
    "norm": squared_by_norm,
    "copies": squared_by_copies,
    "product": squared_by_product,
}


def gaussians(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor, form: Form = "product") -> Tensor:
    """Return the activations (B, K) of inputs: exp(-|w_k - x|^2 / (2 sigma_k^2))."""
    return torch.exp(-SQUARED[form](x_BD, w_KD) / (2 * sigma_K.square()))


class RBFLayer(nn.Module):
    """Answer inputs (B, D) with h = exp(-|w_k - x|^2 / (2 sigma_k^2)), (B, K), each in (0, 1] and 1 at its centre.

    sigma may change its sign, on which h does not depend; at 0 the answer at the centre is not a number. Beyond 14
    sigma or so from a centre, h is 0 in float32. Centres start at 0 and sigma at 1: see `initialise`.
    """

    def __init__(self, features: int, centres: int, *, form: Form = "product") -> None:
        super().__init__()
        if features < 1 or centres < 1:
            raise UsageError(
                f"RBF layer: wanted at least 1 feature (D) and 1 centre (K), got D={features} and K={centres}; "
                "the document takes D=2 and K=100"
            )
        check_known("RBF layer", "form", form, SQUARED)
        self.form = form
        self.w_KD = nn.Parameter(torch.zeros(centres, features))
        self.sigma_K = nn.Parameter(torch.ones(centres))

    def extra_repr(self) -> str:
        """Name the sizes and the form, for the printed layer."""
        centres, features = self.w_KD.shape
        return f"features={features}, centres={centres}, form={self.form}"

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return the activations (B, K); raise UsageError for inputs that are not (B, D)."""
        if x_BD.dim() != 2 or x_BD.shape[1] != self.w_KD.shape[1]:
            raise UsageError(
                f"RBF layer: wanted inputs (B, {self.w_KD.shape[1]}), got {tuple(x_BD.shape)}; "
                "give each input as many features as a centre has"
            )
        return gaussians(x_BD, self.w_KD, self.sigma_K, self.form)


def initialise(layer: RBFLayer, generator: torch.Generator, start: Start = "normal") -> None:
    """Draw centres and widths.

    "normal" is the document's: centres from N(0, 1), sigma 1. "linear" is how torch starts a linear layer of this
    shape, both from U(-1/sqrt(D), 1/sqrt(D)): the default that we take the document to call inappropriate. "features"
    starts like "normal" until `place` moves the centres.
    """
    check_known("RBF layer", "start", start, ("normal", "linear", "features"))
    if start == "linear":
        bound = 1 / math.sqrt(layer.w_KD.shape[1])
        draw_uniform(layer.w_KD, -bound, bound, generator)
        draw_uniform(layer.sigma_K, -bound, bound, generator)
        return
    draw_normal(layer.w_KD, 1.0, generator)
    nn.init.ones_(layer.sigma_K)


@torch.no_grad()
def place(layer: RBFLayer, points_KD: Tensor) -> None:
    """Put the centres on K points and let each sigma be the points' mean standard deviation over the features."""
    if points_KD.shape != layer.w_KD.shape:
        raise UsageError(
            f"RBF layer: wanted points {tuple(layer.w_KD.shape)} for its centres, got {tuple(points_KD.shape)}"
        )
    layer.w_KD.copy_(points_KD)
    layer.sigma_K.fill_(points_KD.std(dim=0, correction=0).mean())
