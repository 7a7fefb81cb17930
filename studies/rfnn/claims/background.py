"""Evidence for what chapters 1 to 3 say in passing: Gaussians, matrix products, dead nodes, momentum, groups."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from repro.audit.evidence import Shown
from studies.common import gaussian
from studies.rfnn.claims.formulas import Descent, draws, gap
from studies.rfnn.claims.kernels import kernels_2d


def difference_is_laplacian() -> Shown:
    """Ask whether a difference of Gaussians has the shape of the Laplacian of one, widths 10 % apart (chapter 1)."""
    x, y = np.meshgrid(np.linspace(-5, 5, 101), np.linspace(-5, 5, 101))
    square = x**2 + y**2
    narrow, wide = (np.exp(-square / (2 * width**2)) / (2 * math.pi * width**2) for width in (1.0, 1.1))
    laplacian = (square - 2) * np.exp(-square / 2) / (2 * math.pi)
    alike = float(np.corrcoef((wide - narrow).ravel(), laplacian.ravel())[0, 1])
    return alike > 0.99, f"their correlation is {alike:.3f}"


def convolution_by_product() -> float:
    """Compare torch's conv1d with one product by a matrix whose rows are the kernel, shifted (chapter 1)."""
    x, kernel = draws(20), draws(5, seed=1)
    shifted = torch.zeros(16, 20, dtype=torch.float64)
    for row in range(16):
        shifted[row, row : row + 5] = kernel
    return gap(F.conv1d(x[None, None], kernel[None, None])[0, 0], shifted @ x)


def awake_after_training(slope_below: float) -> float:
    """Return for what share of 100 inputs a node is above zero after 1,000 steps to 1, having been below for all."""
    inputs, weight, offset = draws(100, 3).numpy(), draws(3, seed=1).numpy(), -9.0
    for _ in range(1000):
        before = inputs @ weight + offset
        slope = np.where(before > 0, 1.0, slope_below)
        back = 2 * (slope * before - 1) * slope / len(before)  # of the mean square, through the node
        weight, offset = weight - 0.5 * (back @ inputs), offset - 0.5 * back.sum()
    return float((inputs @ weight + offset > 0).mean())


def leaky_recovers() -> Shown:
    """Ask whether a node that is below zero for every input comes back with a slope of 0.01 there (section 2.1.1)."""
    leaky, plain = awake_after_training(0.01), awake_after_training(0.0)
    words = f"after 1,000 steps {100 * leaky:.0f} % of the inputs put it above zero, with no slope {100 * plain:.0f} %"
    return leaky > 0 and plain == 0, words


def momentum_scheme() -> float:
    """Compare forty steps with a velocity, as section 2.1.4 tells, with torch's SGD with momentum, on a quadratic."""
    matrix = torch.diag(torch.tensor([0.3, 1.0, 4.0], dtype=torch.float64))
    rate, mass = 0.05, 0.9
    place, velocity = draws(3), torch.zeros(3, dtype=torch.float64)
    descent = Descent(place)
    worst = 0.0
    for _ in range(40):
        velocity = mass * velocity - rate * (matrix @ place)
        place = place + velocity
        descent.step(matrix @ descent.place, rate, mass)
        worst = max(worst, gap(descent.place, place))
    return worst


def one_channel_a_filter() -> Shown:
    """Ask whether each filter of a layer, as deep as its input, gives one channel (section 3.3.2)."""
    layer = nn.Conv2d(3, 9, 1)
    out = layer(torch.zeros(1, 3, 8, 8))
    depth = layer.weight.shape[1]
    return (depth, out.shape[1]) == (3, len(layer.weight)), f"{len(layer.weight)} filters, {out.shape[1]} channels"


def groups_blind() -> Shown:
    """Ask whether a grouped convolution must treat its channels alike (section 3.3.2).

    Each channel alone is given to a layer of three groups, and what comes out is compared.
    """
    layer = nn.Conv2d(3, 9, 1, groups=3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(9.0).view(9, 1, 1, 1) + 1)
    alone = torch.eye(3)[:, :, None, None]
    answers = [tuple(out[out != 0].tolist()) for out in layer(alone).detach().flatten(1)]
    words = "; ".join(f"channel {channel} by {numbers}" for channel, numbers in enumerate(answers))
    return len({*answers}) == 1, f"weighed: {words}"


def same_up_to_sign() -> Shown:
    """Ask whether sliding a derivative without turning it gives the convolution of eq. 2.15, but for a sign (2.2.2).

    A point at the centre comes out as the kernel itself where kernels are turned.
    """
    point = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    point[..., 3, 3] = 1
    kernels = torch.from_numpy(kernels_2d(1.0))
    out, found = F.conv2d(point, kernels[:, None], padding=3)[0], {}
    for order, response, kernel in zip(gaussian.derivative_orders(4), out, kernels, strict=True):
        found[order] = [sign for sign in (1, -1) if gap(response, sign * kernel) < 1e-12]
    turned = sorted({sum(order) for order, signs in found.items() if signs == [-1]})
    words = f"{len(found)} derivatives, of which those of order {', '.join(map(str, turned))} change their sign"
    return all(found.values()), words
