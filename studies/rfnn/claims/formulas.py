"""Evidence for chapter 2.1 and 2.2: activations, losses, gradients, convolution and pooling, each computed two ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from scipy import special, stats
from torch import Tensor, nn
from torch.optim.sgd import sgd

from repro.audit.evidence import Shown

POINTS = torch.linspace(-6, 6, 49, dtype=torch.float64)


def gap(one: Tensor, other: Tensor) -> float:
    """Return the largest distance between two tensors, relative where the second exceeds 1."""
    return float(((one - other).abs() / other.abs().clamp(min=1)).max())


def slope(function: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """Return the derivative of an elementwise function by automatic differentiation."""
    x = points.clone().requires_grad_()
    return torch.autograd.grad(function(x).sum(), x)[0]


def draws(*shape: int, seed: int = 0) -> Tensor:
    """Return standard normal numbers in float64, the same at each call."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


class Descent:
    """One parameter in torch's descent with momentum: its step alone, as the class round it loads a compiler."""

    def __init__(self, place: Tensor) -> None:
        self.place, self.velocities = place.clone(), [cast("Tensor | None", None)]

    def step(self, slope: Tensor, rate: float, mass: float, *, nesterov: bool = False) -> None:
        """Move the parameter against a slope."""
        own = [self.place], [slope], self.velocities
        sgd(*own, lr=rate, momentum=mass, nesterov=nesterov, weight_decay=0.0, dampening=0.0, maximize=False)


def linear_layers_compose() -> float:
    """Compare two linear layers in a row with the one layer of their product (section 2.1.1)."""
    first, second, x = draws(7, 5), draws(5, 6, seed=1), draws(20, 7, seed=2)
    return gap((x @ first) @ second, x @ (first @ second))


def sigmoid_formula() -> float:
    """Compare equation 2.1 with scipy's expit."""
    return gap(1 / (1 + torch.exp(-POINTS)), torch.from_numpy(special.expit(POINTS.numpy())))


def step_slope() -> Shown:
    """Ask whether a step's slope is 0 beside 0, and beyond all bounds there (2.1.1)."""
    beside = slope(torch.sign, POINTS)[POINTS != 0]
    there = [float(torch.sign(torch.tensor(h)) / h) for h in (1e-2, 1e-4, 1e-6)]
    flat = f"slope 0 at {int((beside == 0).sum())} of {len(beside)} points beside 0"
    steep = there[0] < there[1] / 50 < there[2] / 2500
    return bool((beside == 0).all()) and steep, f"{flat}, {there[-1]:.0e} over the 1e-6 next to it"


def sigmoid_range() -> Shown:
    """Ask whether the sigmoid stays between 0 and 1 (section 2.1.1), at points up to 700 on either side."""
    x = np.linspace(-700, 700, 57)
    low, high = special.expit(x), special.expit(-x)  # the second is what is missing from 1
    inside = bool((low >= 0).all() and (high >= 0).all())
    return inside, f"at {len(x)} points it keeps at least {min(low.min(), high.min()):.0e} from 0 and from 1"


def sigmoid_positive() -> Shown:
    """Ask whether every output of the sigmoid is above 0 (section 2.1.1, item 1)."""
    values = special.expit(np.linspace(-700, 700, 57))
    return bool((values > 0).all()), f"the smallest of {len(values)} outputs is {values.min():.1e}"


def through_layers(activation: Callable[[Tensor], Tensor], low: float = -1.0) -> Tensor:
    """Return the outputs of the last of twelve layers of 64, for 200 normal inputs.

    Weights and offsets are drawn evenly from an eighth of `low` to an eighth, around 0 as PyTorch's linear layers draw
    theirs unless said otherwise; nothing is trained.
    """
    out = draws(200, 64)
    generator = torch.Generator().manual_seed(3)
    for _ in range(12):
        drawn = (low + (1 - low) * torch.rand(65, 64, dtype=torch.float64, generator=generator)) / 8
        out = activation(out @ drawn[:64] + drawn[64])
    return out


def sigmoid_drift() -> Shown:
    """Ask whether most outputs of twelve untrained sigmoid layers are above 0.9, a bound of ours (2.1.1, item 1).

    They are to be so for weights of either sign, evenly about 0; for positive ones it is said beside it.
    """
    shares = [float((through_layers(torch.sigmoid, low) > 0.9).double().mean()) for low in (-1.0, 0.0)]
    even, positive = (f"{100 * share:.0f} %" for share in shares)
    words = f"after 12 untrained layers {even} of outputs are above 0.9 with weights evenly about 0, {positive} with"
    return shares[0] > 0.5, f"{words} positive ones"


def sigmoid_vanishes() -> Shown:
    """Ask whether the sigmoid's slope is small far from 0 (section 2.1.1, item 2)."""
    ends = slope(torch.sigmoid, torch.tensor([-10.0, 0.0, 10.0], dtype=torch.float64))
    return bool(ends[0] < ends[1] / 1000 and ends[2] < ends[1] / 1000), f"slope {ends[1]:.2f} at 0, {ends[2]:.1e} at 10"


def tanh_formula() -> float:
    """Compare equation 2.2 as printed, with e to the power of -1 in its denominator, with the tanh of torch."""
    printed = (torch.exp(POINTS) - torch.exp(-POINTS)) / (torch.exp(POINTS) + np.exp(-1))
    return gap(printed, torch.tanh(POINTS))


def tanh_centred() -> float:
    """Compare tanh(-x) with -tanh(x) (section 2.1.1)."""
    return gap(torch.tanh(-POINTS), -torch.tanh(POINTS))


def tanh_unsaturated() -> Shown:
    """Ask whether layers of tanh keep outputs of both signs where those of the sigmoid are all positive (2.1.1)."""
    tanh, sigmoid = (float((through_layers(function) > 0).double().mean()) for function in (torch.tanh, torch.sigmoid))
    words = f"after 12 untrained layers {100 * tanh:.0f} % of outputs are positive, with sigmoids {100 * sigmoid:.0f} %"
    return tanh < 0.75 and sigmoid == 1, words


def tanh_vanishes() -> Shown:
    """Ask whether the slope of tanh is small far from 0 (section 2.1.1)."""
    ends = slope(torch.tanh, torch.tensor([-8.0, 0.0, 8.0], dtype=torch.float64))
    return bool(ends[0] < 1e-3 and ends[2] < 1e-3), f"slope {ends[1]:.0f} at 0 and {ends[2]:.1e} at 8"


def relu_formula() -> float:
    """Compare equation 2.3 with torch's relu."""
    return gap(torch.relu(POINTS), torch.maximum(torch.zeros_like(POINTS), POINTS))


def relu_slope() -> float:
    """Return how far the slope of the ReLU is from 1 at positive inputs (section 2.1.1)."""
    return gap(slope(torch.relu, POINTS[POINTS > 0]), torch.ones(24, dtype=torch.float64))


def relu_dies() -> Shown:
    """Ask whether a ReLU node with only zero inputs gives its weights no gradient (section 2.1.1)."""
    weight = draws(5).requires_grad_()
    dead = torch.autograd.grad(torch.relu(torch.zeros(30, 5, dtype=torch.float64) @ weight).sum(), weight)[0]
    alive = torch.autograd.grad(torch.relu(draws(30, 5, seed=1) @ weight).sum(), weight)[0]
    return bool((dead == 0).all() and (alive != 0).any()), f"gradient norm {dead.norm():.2g}, else {alive.norm():.2g}"


def relu_integral() -> float:
    """Compare the integral of the step function from -6 on with the ReLU (section 2.1.1)."""
    grid = np.linspace(-6, 6, 1201)
    middles = (grid[1:] + grid[:-1]) / 2
    integral = np.concatenate([[0.0], np.cumsum(np.heaviside(middles, 0.5) * np.diff(grid))])
    return gap(torch.from_numpy(integral), torch.relu(torch.from_numpy(grid)))


def leaky_formula() -> float:
    """Compare equation 2.4 with torch's leaky_relu at its default."""
    return gap(F.leaky_relu(POINTS), torch.where(POINTS < 0, 0.01 * POINTS, POINTS))


def leaky_slope() -> float:
    """Return the slope of torch's leaky_relu below 0 (equation 2.4)."""
    return float(slope(F.leaky_relu, torch.tensor([-2.0], dtype=torch.float64)))


def prelu_formula() -> float:
    """Compare equation 2.5 with torch's prelu at five slopes."""
    slopes = (0.0, 0.01, 0.25, 1.0, 2.0)
    return max(
        gap(F.prelu(POINTS, POINTS.new_tensor([alpha])), torch.where(POINTS < 0, alpha * POINTS, POINTS))
        for alpha in slopes
    )


def elu_formula() -> float:
    """Compare equation 2.6 with torch's elu at three factors."""
    return max(
        gap(F.elu(POINTS, alpha=a), torch.where(POINTS >= 0, POINTS, a * torch.expm1(POINTS))) for a in (0.5, 1.0, 2.0)
    )


def elu_and_pool() -> float:
    """Compare max-pooling before the ELU, as in figures 4.2 and 4.4, with the ELU before max-pooling."""
    x = draws(4, 3, 28, 28)
    return gap(F.elu(F.max_pool2d(x, 2)), F.max_pool2d(F.elu(x), 2))


def mse_formula() -> float:
    """Compare equation 2.7 with torch's mse_loss on twenty samples."""
    found = []
    for seed in range(20):
        one, other = draws(30, seed=seed), draws(30, seed=seed + 100)
        found.append(gap(((one - other) ** 2).sum() / 30, F.mse_loss(other, one)))
    return max(found)


def mse_normal() -> float:
    """Compare half the squared error with minus the normal density's logarithm, less its constant (section 2.1.2)."""
    errors = POINTS.numpy()
    likelihood = -stats.norm.logpdf(errors) - 0.5 * np.log(2 * np.pi)
    return gap(torch.from_numpy(likelihood), 0.5 * POINTS**2)


def softmax_formula() -> float:
    """Compare equation 2.8 with torch's softmax on twenty vectors."""
    x = 3 * draws(20, 10)
    return gap(torch.exp(x) / torch.exp(x).sum(1, keepdim=True), torch.softmax(x, 1))


def softmax_sum() -> float:
    """Return how far the softmax of twenty vectors is from a sum of 1 (section 2.1.2)."""
    sums = torch.softmax(3 * draws(20, 10), 1).sum(1)
    return gap(sums, torch.ones_like(sums))


def chain_rule() -> float:
    """Compare both sides of equation 2.10 for each weight of a tanh layer under a squared error."""
    weight, h, target = draws(6, 4).requires_grad_(), draws(6, seed=1), draws(4, seed=2)

    def error(out: Tensor) -> Tensor:
        return ((out - target) ** 2).sum()

    out = torch.tanh(h @ weight)
    whole = torch.autograd.grad(error(out), weight, retain_graph=True)[0]
    by_out = torch.autograd.grad(error(out), out, retain_graph=True)[0]
    parts = [by_out[i] * torch.autograd.grad(out[i], weight, retain_graph=True)[0][:, i] for i in range(4)]
    return gap(torch.stack(parts, dim=1), whole)


def layer_index() -> float:
    """Compare the derivative of output i by index j of node i, a column, with input j, for the layer of eq. 2.11."""
    weight, h = draws(5, 4).requires_grad_(), draws(5, seed=1)
    out = h @ weight
    nodes = [torch.autograd.grad(out[i], weight, retain_graph=True)[0][:, i] for i in range(4)]
    return gap(torch.stack(nodes), h.expand(4, 5))


def nesterov_scheme() -> float:
    """Compare steps taken as section 2.1.4 tells, gradient at the point looked ahead to, with torch's Nesterov SGD.

    Forty steps on a quadratic at a constant rate. torch keeps the point looked ahead to, which is what is compared.
    """
    matrix = torch.diag(torch.tensor([0.3, 1.0, 4.0], dtype=torch.float64))
    rate, mass = 0.05, 0.9
    place, velocity = draws(3), torch.zeros(3, dtype=torch.float64)
    descent = Descent(place)
    worst = 0.0
    for _ in range(40):
        velocity = mass * velocity - rate * (matrix @ (place + mass * velocity))
        place = place + velocity
        descent.step(matrix @ descent.place, rate, mass, nesterov=True)
        worst = max(worst, gap(descent.place, place + mass * velocity))
    return worst


def convolution_parameters() -> Shown:
    """Count the weights of a convolution and of a linear layer from 784 inputs to 64 maps of 784 (section 2.2.1)."""
    convolution = sum(p.numel() for p in nn.Conv2d(1, 64, 3, device="meta").parameters())
    linear = sum(p.numel() for p in nn.Linear(784, 64 * 784, device="meta").parameters())
    return 100 * convolution < linear, f"{convolution:,} against {linear:,}"


def pooling() -> float:
    """Compare max-pooling with the largest of every second window of 2 by 2 (section 2.2.3)."""
    x = draws(3, 2, 8, 8)
    windows = torch.stack([x[..., i::2, j::2] for i in (0, 1) for j in (0, 1)])
    return gap(F.max_pool2d(x, 2, stride=2), windows.amax(0))


def convolution_sum() -> float:
    """Compare equation 2.13, a sum over input channels and shifted images, with torch's conv2d.

    torch slides the kernel without turning it round, as section 2.2.2 describes it.
    """
    x, weight = draws(2, 3, 8, 8), draws(4, 3, 3, 3, seed=1)
    wide, found = F.pad(x, (1, 1, 1, 1)), []
    for j in range(4):
        terms = [
            weight[j, i, v, u] * wide[:, i, v : v + 8, u : u + 8] for i in range(3) for v in range(3) for u in range(3)
        ]
        found.append(torch.stack(terms).sum(0))
    return gap(F.conv2d(x, weight, padding=1), torch.stack(found, dim=1))
