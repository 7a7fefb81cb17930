"""Laws that the slides state in words or formulas, each as two computations that have to agree, in float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studies.common.choosing import check_known
from studies.common.drawn import distance, drawn
from studies.dagnets.measured import moments
from studies.dagnets.model import networks
from studies.dagnets.model.convolutional import convolutionize

Pair = tuple[Tensor, Tensor]
COMPUTED: dict[str, Callable[[], Pair]] = {}


def law(function: Callable[[], Pair]) -> Callable[[], Pair]:
    """Register a law under its function's name."""
    COMPUTED[function.__name__] = function
    return function


def law_figures(name: str) -> dict[str, float]:
    """Return how far the two sides of a law lie apart, relatively: 0 where it is rounding."""
    check_known("law", "name", name, COMPUTED)
    return {"apart": distance(*COMPUTED[name]())}


@law
def grad_of_several_outputs() -> Pair:
    """Gradients of several outputs are summed (4.2)."""
    t = drawn("t", 3).requires_grad_()
    (both,) = torch.autograd.grad((t.pow(2).sum(), t.sum()), t)
    return both, 2 * t.detach() + 1


@law
def backward_accumulates() -> Pair:
    """A second backward pass adds to the gradient (4.2)."""
    x = drawn("x", 3).requires_grad_()
    for _ in range(2):
        x.pow(3).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x.grad, 6 * x.detach() ** 2


@law
def in_place_addition() -> Pair:
    """Adding to a sine in place leaves its gradient right (4.2)."""
    x = drawn("x", 3).requires_grad_()
    y = x.sin()
    y += 1
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x.grad, x.detach().cos()


@law
def gradient_of_a_norm() -> Pair:
    """The gradient of a norm is the vector over its norm (4.2, the graph of x.norm())."""
    x = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(x.norm(), x)
    return found, x.detach() / 3


@law
def graph_of_calls() -> Pair:
    """One and three passes through shared weights make four nodes of each operation and a single leaf (4.2)."""
    start, shared = drawn("x", 4), drawn("w", 3, 4, 4).requires_grad_()
    once, thrice = (
        reduce(lambda below, layer: shared[layer].mv(below).tanh(), range(depth), start) for depth in (1, 3)
    )
    nodes = _nodes(once.dot(thrice).grad_fn)
    names = ("DotBackward", "TanhBackward", "MvBackward", "SelectBackward", "AccumulateGrad")
    counts = [sum(name.startswith(one) for name in nodes) for one in names]
    return torch.tensor(counts, dtype=torch.float64), torch.tensor([1, 4, 4, 4, 1], dtype=torch.float64)


def _nodes(root: Any) -> list[str]:
    """Return the names of the nodes of a graph, each node once."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [below for below, _ in node.next_functions]
    return [type(node).__name__ for node in seen]


@law
def descent_without_graph() -> Pair:
    """10,001 updates inside no_grad() reach the least squares of a linear regression (4.2)."""
    inputs, wanted = F.pad(drawn("x", 40, 3), (0, 1), value=1.0), drawn("y", 40, 2)  # the 1 is the offset's input
    found = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    for _ in range(10_001):
        (slope,) = torch.autograd.grad(F.mse_loss(inputs @ found, wanted), found)
        with torch.no_grad():
            found.sub_(slope, alpha=0.5)
    return found.detach(), torch.linalg.lstsq(inputs, wanted).solution


@law
def printed_linear() -> Pair:
    """F.linear is input times transposed weight, plus bias (4.3)."""
    x, weight, bias = drawn("x", 7, 4), drawn("weight", 3, 4), drawn("bias", 3)
    return F.linear(x, weight, bias), torch.addmm(bias, x, weight.t())


@law
def batched_linear_backward() -> Pair:
    """The derivative with respect to a linear layer's weight is its output's, transposed, times its input (4.3)."""
    x, weight, slope = drawn("x", 7, 4), drawn("weight", 3, 4).requires_grad_(), drawn("slope", 7, 3)
    (found,) = torch.autograd.grad(F.linear(x, weight), weight, slope)
    return found, slope.T @ x


@law
def batched_linear_backward_input() -> Pair:
    """The derivative with respect to a linear layer's input is its output's times its weight (4.3)."""
    x, weight, slope = drawn("x", 7, 4).requires_grad_(), drawn("weight", 3, 4), drawn("slope", 7, 3)
    (found,) = torch.autograd.grad(F.linear(x, weight), x, slope)
    return found, slope @ weight


@law
def convolution_with_a_flipped_kernel() -> Pair:
    """The slides' convolution is the usual one with the kernel reversed (4.4)."""
    x, kernel = drawn("x", 1, 1, 12), drawn("kernel", 1, 1, 3)
    usual = F.conv_transpose1d(x, kernel.flip(2))[..., 2:-2]
    return F.conv1d(x, kernel), usual


@law
def dilation_is_a_sparse_kernel() -> Pair:
    """A kernel of 3 with dilation 4 is one of 9 with zeros between (4.4)."""
    x, kernel = drawn("x", 1, 1, 20), drawn("kernel", 1, 1, 3)
    sparse = torch.zeros(1, 1, 9, dtype=torch.float64)
    sparse[..., ::4] = kernel
    return F.conv1d(x, kernel, dilation=4), F.conv1d(x, sparse)


@law
def stride_leaves_out_input() -> Pair:
    """With stride 2 a kernel of 3 never sees the last of 6 inputs (4.4)."""
    x = drawn("x", 1, 1, 6).requires_grad_()
    (found,) = torch.autograd.grad(F.conv1d(x, torch.ones(1, 1, 3, dtype=torch.float64), stride=2).sum(), x)
    return found.flatten(), torch.tensor([1.0, 1.0, 2.0, 1.0, 1.0, 0.0], dtype=torch.float64)


@law
def pooling_of_permuted_cells() -> Pair:
    """Permuting the values of a cell changes neither its maximum nor its average (4.5)."""
    x = drawn("x", 1, 1, 12)
    permuted = x.view(1, 1, 4, 3)[..., [2, 0, 1]].flatten(2)
    both = [torch.cat([F.max_pool1d(one, 3), F.avg_pool1d(one, 3)]) for one in (x, permuted)]
    return both[0], both[1]


@law
def cross_entropy_of_a_delta() -> Pair:
    """The cross-entropy of the true posterior and the soft-max is minus the logarithm of the right share (5.1)."""
    scores, target = drawn("scores", 5), torch.tensor(3)
    delta = F.one_hot(target, 5).double()
    return F.cross_entropy(scores, target), -torch.xlogy(delta, scores.softmax(0)).sum()


@law
def loss_of_a_uniform_posterior() -> Pair:
    """The cross-entropy of equal scores of C classes is log C (5.1)."""
    return F.cross_entropy(torch.zeros(7, dtype=torch.float64), torch.tensor(2)), torch.tensor(7.0).double().log()


@law
def copies_of_the_data() -> Pair:
    """A step on the summed loss of K copies is one of K times the rate on a single copy (5.2)."""
    x, w, copies, rate = drawn("x", 6, 4), drawn("w", 4), 3, 0.05
    return _descended(w, x.repeat(copies, 1), rate), _descended(w, x, copies * rate)


def _descended(w: Tensor, x: Tensor, rate: float) -> Tensor:
    w = w.clone().requires_grad_()
    (slope,) = torch.autograd.grad(((x @ w).sin() ** 2).sum(), w)
    return w.detach() - rate * slope


@law
def partial_sums_are_unbiased() -> Pair:
    """The gradients of all pairs of 6 samples average to a third of the full gradient (5.2)."""
    x, w = drawn("x", 6, 4), drawn("w", 4)
    steps = [w - _descended(w, x[list(pair)], 1.0) for pair in combinations(range(6), 2)]
    return torch.stack(steps).mean(0), (w - _descended(w, x, 1.0)) / 3


@law
def momentum_along_a_constant_slope() -> Pair:
    """Along a constant slope the velocity of momentum tends to the rate over 1 - gamma (5.2)."""
    path = torch.tensor(moments.momentum(torch.ones_like, [0.0], 0.1, 0.5, 100), dtype=torch.float64)
    return path[-2] - path[-1], torch.tensor([0.1 / 0.5], dtype=torch.float64)


@law
def momentum_of_torch() -> Pair:
    """With a constant rate, torch's momentum, which has the rate outside the velocity, takes the slides' path (5.2)."""
    paths = [one(torch.sin, [1.0, -2.0], 0.1, 0.5, 30) for one in (moments.momentum, moments.torch_momentum)]
    return torch.tensor(paths[0], dtype=torch.float64), torch.tensor(paths[1], dtype=torch.float64)


@law
def average_before_the_last_layer() -> Pair:
    """With a linear last layer, averaging its map is averaging its input (7.2)."""
    layers = list(networks.lenet5().double())
    for number, parameter in enumerate(parameter for layer in layers for parameter in layer.parameters()):
        parameter.data.copy_(drawn(f"parameter {number}", *parameter.shape) / parameter[0].numel() ** 0.5)
    converted = convolutionize(layers, (1, 28, 28))
    with torch.no_grad():
        before = converted[:-1](drawn("image", 1, 1, 36, 40))
        return converted[-1](before).mean((2, 3)), converted[-1](before.mean((2, 3), keepdim=True)).flatten(1)


@law
def local_perceptron() -> Pair:
    """A perceptron at each pixel is two convolutions of 1x1 (7.2)."""
    x, first, second = drawn("x", 1, 3, 4, 5), drawn("first", 6, 3), drawn("second", 2, 6)
    by_pixel = F.linear(F.linear(x.movedim(1, -1), first).relu(), second).movedim(-1, 1)
    return F.conv2d(F.conv2d(x, first[..., None, None]).relu(), second[..., None, None]), by_pixel


@law
def forward_hooks() -> Pair:
    """Calling a module runs its hooks, calling its forward does not (4.6)."""
    calls: list[int] = []
    layer = nn.Linear(2, 1)
    layer.register_forward_hook(lambda *_: calls.append(1))
    layer(torch.zeros(1, 2))
    layer.forward(torch.zeros(1, 2))
    return torch.tensor(len(calls)).double(), torch.tensor(1).double()
