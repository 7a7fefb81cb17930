"""Layer, network and checkpoint on fixed inputs with fixed parameters: figures that no seed moves, in float64.

Shape legend: B batch, K centres, D features, C channels, H height, W width.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from repro.errors import UsageError
from studies.common.rounding import significant
from studies.common.training import reproducible
from studies.rbf.cases import Layer, Size
from studies.rbf.model.layer import SQUARED, RBFLayer, gaussians, logical_copies
from studies.rbf.model.network import DeepRBF
from studies.rbf.training import checkpoints

BATCH = 7
CHECKED = 5  # inputs and centres whose gradients are checked by finite differences
AGREE = 1e-12  # forms of the same distances differ by rounding in float64 only
LABELS = (3, 1)


def wave(shape: Iterable[int], step: float, start: float) -> Tensor:
    """Return sin(step * n + start), n counting the entries in order, as float64."""
    size = tuple(shape)
    return torch.sin(step * torch.arange(math.prod(size), dtype=torch.float64) + start).reshape(size)


@torch.no_grad()
def filled(layer: RBFLayer) -> RBFLayer:
    """Set centres and widths to waves: the widths lie around 0.8, far from 1, where sigma and sigma^2 are the same."""
    layer.double()
    layer.w_KD.copy_(1.5 * wave(layer.w_KD.shape, 0.7, 0.3))
    layer.sigma_K.copy_(0.8 + 0.3 * wave(layer.sigma_K.shape, 1.1, 0.1))
    return layer


def layer_figures(case: Layer) -> dict[str, float]:
    """Return activations, gradients and laws of one form of the layer, and what its logical copies take."""
    layer = filled(RBFLayer(case.features, case.centres, form=case.form))
    x_BD = (1.2 * wave((BATCH, case.features), 0.9, 0.5)).requires_grad_()
    with reproducible():
        h_BK = layer(x_BD)
        (h_BK * wave(h_BK.shape, 0.37, 0.2)).sum().backward()
        with torch.no_grad():
            values = activation_figures(layer, x_BD, h_BK)
            agree = (squared_by_loop(x_BD, layer.w_KD) - SQUARED[case.form](x_BD, layer.w_KD)).abs().max() < AGREE
        values |= {
            f"{name}_gradient": float(gradient_of(each).norm())
            for name, each in (("x", x_BD), ("w", layer.w_KD), ("sigma", layer.sigma_K))
        }
        flags = {"forms_agree": float(agree), "gradcheck": float(gradients_hold(layer, x_BD))}
    return {name: significant(value) for name, value in values.items()} | flags | copies_figures(x_BD, layer.w_KD)


def gradient_of(tensor: Tensor) -> Tensor:
    """Return what a backward pass left at a tensor."""
    assert tensor.grad is not None
    return tensor.grad


def activation_figures(layer: RBFLayer, x_BD: Tensor, h_BK: Tensor) -> dict[str, float]:
    """Return the range of the activations, that at the centres, and by how much squaring the sum again would miss."""
    squared_BK = squared_by_loop(x_BD, layer.w_KD)
    twice_BK = torch.exp(-squared_BK.square() / (2 * layer.sigma_K.square()))
    return {
        "mean": float(h_BK.mean()),
        "smallest": float(h_BK.min()),
        "largest": float(h_BK.max()),
        "at_centres": float(layer(layer.w_KD).diagonal().min()),
        "squared_twice": float((twice_BK - h_BK).abs().max()),
    }


def squared_by_loop(x_BD: Tensor, w_KD: Tensor) -> Tensor:
    """Return squared distances (B, K) one feature at a time: what the layer's forms are held against."""
    columns = zip(x_BD.unbind(dim=1), w_KD.unbind(dim=1), strict=True)
    return sum(((x_B[:, None] - w_K[None, :]) ** 2 for x_B, w_K in columns), torch.zeros((), dtype=x_BD.dtype))


def gradients_hold(layer: RBFLayer, x_BD: Tensor) -> bool:
    """Say whether the gradients by inputs, centres and widths are those of finite differences, for a few centres."""
    points = [each.detach()[:CHECKED].clone().requires_grad_() for each in (x_BD, layer.w_KD, layer.sigma_K)]

    def answers(x_BD: Tensor, w_KD: Tensor, sigma_K: Tensor) -> Tensor:
        return gaussians(x_BD, w_KD, sigma_K, layer.form)

    return torch.autograd.gradcheck(answers, points, raise_exception=False)


def copies_figures(x_BD: Tensor, w_KD: Tensor) -> dict[str, float]:
    """Return the stride of the repeated axes, and how many bytes lie behind the logical copies of the inputs."""
    x_BKD, w_BKD = logical_copies(x_BD, w_KD)
    return {
        "copy_stride": float(x_BKD.stride(1) + w_BKD.stride(0)),
        "copy_bytes": float(x_BKD.untyped_storage().nbytes()),
    }


@torch.no_grad()
def filled_network(case: Size) -> DeepRBF:
    """Return a network with waves for parameters and for running statistics, evaluating."""
    network = DeepRBF(case.side, (case.first, case.second), activation=case.activation).double().eval()
    for number, (name, value) in enumerate(network.state_dict().items()):
        if not value.is_floating_point():
            continue
        values = wave(value.shape, 0.7, 1.3 * number)
        if value.dim() >= 2:
            values = values * 2 / math.sqrt(value[0].numel())
        elif name.startswith("norm") and name.endswith(("weight", "running_var")):
            values = 1 + 0.2 * values
        value.copy_(values)
    filled(network.rbf)
    return network


def images_of(case: Size) -> Tensor:
    """Return a product of two waves as images (2, 1, side, side), values in [0, 1]."""
    shape = (len(LABELS), 1, case.side, case.side)
    return (wave(shape, 0.037, 0.2) * wave(shape, 0.61, 0.5)).clamp_min(0)


def network_figures(case: Size) -> dict[str, float]:
    """Return numbers of parameters, and features, logits, loss and gradient for fixed images."""
    network = filled_network(case)
    with reproducible():
        features_BD = network.features(images_of(case))
        logits = network(images_of(case))
        loss = F.cross_entropy(logits, torch.tensor(LABELS))
        loss.backward()  # type: ignore[no-untyped-call]
    counts = {
        "parameters": network.parameters(),
        "rbf_parameters": network.rbf.parameters(),
        "output_parameters": network.output.parameters(),
    }
    squares = sum(float(gradient_of(parameter).square().sum()) for parameter in network.parameters())
    values = {
        "feature_norm": float(features_BD.detach().norm()),
        "logit_norm": float(logits.detach().norm()),
        "loss": loss.item(),
        "gradient_norm": math.sqrt(squares),
    }
    return {name: float(sum(each.numel() for each in parts)) for name, parts in counts.items()} | {
        name: significant(value) for name, value in values.items()
    }


@torch.no_grad()
def round_trip_figures(case: Size) -> dict[str, float]:
    """Return what a checkpoint holds, whether it gives the same logits to the bit, and whether another's is refused."""
    network, content = filled_network(case), io.BytesIO()
    checkpoints.save(network, content)
    other = DeepRBF(case.side, (case.first, case.second), activation=case.activation).double().eval()
    checkpoints.restore(other, io.BytesIO(content.getvalue()))
    wider = DeepRBF(case.side, (case.first + 1, case.second), activation=case.activation)
    with reproducible():
        same = torch.equal(network(images_of(case)), other(images_of(case)))
    return {
        "entries": float(len(network.state_dict())),
        "numbers": float(sum(value.numel() for value in network.state_dict().values())),
        "restored": float(same),
        "refused": float(refuses(wider, content.getvalue())),
    }


def refuses(network: DeepRBF, content: bytes) -> bool:
    """Say whether a network refuses a checkpoint."""
    try:
        checkpoints.restore(network, io.BytesIO(content))
    except UsageError:
        return True
    return False
