"""Convolutions of few channels beside torch's own: the same answers and gradients, to rounding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.filters2d import model

WITHIN = 1e-10  # of the largest, in float64


def convolution(network: nn.Conv2d, x: Tensor) -> Tensor:
    return F.conv2d(x, network.weight, network.bias, padding=network.padding)  # type: ignore[arg-type]


def in_turn(network: nn.Sequential, x: Tensor) -> Tensor:
    for layer in network:
        x = layer(x)
    return x


def down_across() -> model.DownAcross:
    down = nn.Conv2d(1, 4, (7, 1), padding=(3, 0))
    return model.DownAcross(down, nn.Conv2d(4, 6, (1, 5), padding=(0, 2)), nn.Sigmoid(), nn.Conv2d(6, 1, 1))


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[..., Tensor], tuple[int, ...]]] = {
    "15 x 15, eight together": (lambda: model.NeighbourConv2d(1, 1, 15, together=8), convolution, (3, 1, 16, 24)),
    "a width that is no multiple": (lambda: model.NeighbourConv2d(2, 3, 5, together=4), convolution, (3, 2, 7, 29)),
    "a kernel within one block": (lambda: model.NeighbourConv2d(1, 8, 3, together=2), convolution, (4, 1, 12, 12)),
    "one to few": (lambda: model.FewOutputsConv2d(16, 1, 11), convolution, (3, 16, 9, 14)),
    "several to few": (lambda: model.FewOutputsConv2d(16, 3, 5), convolution, (3, 16, 8, 8)),
    "a column": (lambda: model.BandedConv2d((15, 1)), convolution, (3, 1, 20, 9)),
    "a row": (lambda: model.BandedConv2d((1, 15)), convolution, (3, 1, 9, 20)),
    "a row that is shorter than the kernel": (lambda: model.BandedConv2d((1, 15)), convolution, (3, 1, 2, 5)),
    "down and across": (down_across, in_turn, (3, 1, 11, 13)),
}


def figures(network: nn.Module, form: Callable[[Tensor], Tensor], x: Tensor, weights: Tensor) -> list[Tensor]:
    """Return answers and the gradients of a weighted sum of them, of the images and of each parameter."""
    network.zero_grad()
    images = x.clone().requires_grad_()
    answer = form(images)
    (answer * weights).sum().backward()
    return [answer.detach(), *(one.grad.clone() for one in (images, *network.parameters()) if one.grad is not None)]


@pytest.mark.parametrize("name", CASES)
def test_answers_and_gradients_are_those_of_torchs_own(name: str) -> None:
    make, plain, shape = CASES[name]
    torch.manual_seed(0)
    network, x = make().double(), torch.randn(shape, dtype=torch.float64)
    weights = torch.randn(network(x).shape, dtype=torch.float64)
    ours = figures(network, network, x, weights)
    torchs = figures(network, lambda images: plain(network, images), x, weights)
    assert len(ours) == len(torchs) == 2 + len(list(network.parameters()))
    for one, other in zip(ours, torchs, strict=True):
        assert one.shape == other.shape
        assert float((one - other).abs().max()) <= WITHIN * float(other.abs().max())


@pytest.mark.parametrize("name", CASES)
def test_on_another_device_they_are_torchs_own(name: str) -> None:
    make, _, shape = CASES[name]
    network = make()
    assert network.to("meta")(torch.empty(shape, device="meta")).shape == make()(torch.zeros(shape)).shape


def test_a_shifted_row_stands_one_place_further_right_each_time() -> None:
    found = model.shifted(torch.tensor([1.0, 2.0]), 3)
    assert found.tolist() == [[1, 2, 0, 0], [0, 1, 2, 0], [0, 0, 1, 2]]
