"""Evidence for chapter 3 and appendix A.1: shapes, groups, which derivative meets which channel, what torch does."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from repro.audit.evidence import Shown
from studies.common import gaussian
from studies.rfnn.claims.formulas import draws, gap
from studies.rfnn.claims.kernels import kernels_2d
from studies.rfnn.model import basis

CHANNELS, OUTPUTS, ORDER, SIDE = 3, 10, 4, 32  # the example of section 3.3.2, at scale 1


def default_bias() -> Shown:
    """Ask whether torch's convolution has a bias unless told otherwise (section 4.8)."""
    bias = nn.Conv2d(3, 9, 1).bias
    return bias is not None, f"{0 if bias is None else bias.numel()} biases for 9 outputs"


def array_beneath() -> Shown:
    """Ask whether a tensor that is made of a NumPy array works on the array's own numbers (section 3.1)."""
    array = np.zeros(3)
    tensor = torch.from_numpy(array)
    array[0], tensor[1] = 1, 2
    shared = tensor.tolist() == array.tolist() == [1, 2, 0]
    bases = ", ".join(base.__name__ for base in type(tensor).__mro__)
    return shared, f"tensor and array have {'the same' if shared else 'other'} numbers; a tensor's classes are {bases}"


def new_graph() -> Shown:
    """Ask whether a forward pass may branch and change its kernel from one call to the next (section 3.1.1)."""
    x, found = draws(1, 1, 9, 9), []
    for scale in (0.6, 0.7):
        line = torch.from_numpy(gaussian.sampled_derivatives(scale, 0, truncation="text")).requires_grad_()
        out = F.conv2d(x, line[None, None], padding=(0, line.shape[1] // 2))
        gradient = torch.autograd.grad(out.square().sum(), line)[0]
        found.append((gradient.shape[1], bool(gradient.isfinite().all())))
    words = f"kernels of {found[0][0]} and {found[1][0]} taps in two passes, each with a gradient"
    return found[0][0] != found[1][0] and all(finite for _, finite in found), words


def input_shape() -> Shown:
    """Ask whether torch reads a batch of 2 by 3 by 5 by 7 as 2 images of 3 channels (eq. 3.1)."""
    batch = torch.zeros(2, 3, 5, 7)
    channels = [size for size in batch.shape if _runs(batch, torch.zeros(4, size, 1, 1), 1)]
    out = F.conv2d(batch, torch.zeros(4, 3, 1, 1))
    words = f"only weights for {channels} channels fit, and {out.shape[0]} images come out"
    return channels == [batch.shape[1]] and out.shape[0] == batch.shape[0], words


def operator_shape() -> Shown:
    """Ask whether a convolution's weight ends in the image's shape (eq. 3.2)."""
    layer = nn.Conv2d(3, 9, 5)
    layer(torch.zeros(1, 3, SIDE, SIDE))
    found = tuple(layer.weight.shape)
    return found[2:] == (SIDE, SIDE), f"on images of {SIDE} by {SIDE} the weight of a kernel of 5 by 5 is {found}"


def width_first() -> Shown:
    """Ask whether an image 6 wide and 4 high becomes a tensor of 6 by 4 (eq. 3.3)."""
    from PIL import Image

    image = Image.new("L", (6, 4))
    shape = tuple(torch.from_numpy(np.array(image)).shape)
    return shape == image.size, f"width and height are {image.size}, the tensor's shape is {shape}"


def num_derivatives() -> list[int]:
    """Return the number of derivatives up to order 4 (eq. 3.5)."""
    return [len(gaussian.derivative_orders(ORDER))]


def triangular() -> Shown:
    """Ask whether derivatives up to an order number binomial(order + 2, 2), a triangular number (eq. 3.5)."""
    counts = [len(gaussian.derivative_orders(order)) for order in range(21)]
    sums = np.cumsum(np.arange(1, 22)).tolist()
    binomials = [(order + 2) * (order + 1) // 2 for order in range(21)]
    return counts == sums == binomials, f"orders 0 to 20 give {counts[0]}, {counts[1]}, {counts[2]} to {counts[-1]}"


def _stack() -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return the stack of pairs of 1-D kernels of order 4 at scale 1 (section 3.3.2)."""
    lines = gaussian.sampled_derivatives(1.0, ORDER, truncation="text")
    return np.stack([np.stack([lines[n_dx], lines[n_dy]]) for n_dx, n_dy in gaussian.derivative_orders(ORDER)])


def stack_shape() -> list[int]:
    """Return the shape of the stack (section 3.3.2)."""
    return list(_stack().shape)


def stack_shapes() -> list[int]:
    """Return the shapes of the stack, with a channel axis, and repeated for three channels (section 3.3.2)."""
    wider = _stack()[:, None]
    return [*_stack().shape, *wider.shape, *np.repeat(wider, CHANNELS, axis=0).shape]


def example_sizes() -> list[int]:
    """Return the number of pairs of derivatives and the size of a kernel in the example (section 3.3.2)."""
    return [_stack().shape[0], _stack().shape[2]]


def axis_shapes() -> Shown:
    """Ask whether kernels of shape (N, 1, 1, K) act across and those of (N, 1, K, 1) down (eq. 3.6)."""
    point = torch.zeros(1, 1, 15, 15, dtype=torch.float64)
    point[0, 0, 7, 7] = 1
    kernels = torch.from_numpy(_stack())
    across = F.conv2d(point, kernels[:, None, None, 0], padding=(0, 3))[0].abs().sum(0)
    down = F.conv2d(point, kernels[:, None, 1, :, None], padding=(3, 0))[0].abs().sum(0)
    sizes = [int((part.sum(axis) > 0).sum()) for part in (across, down) for axis in (0, 1)]
    return sizes == [
        7,
        1,
        1,
        7,
    ], f"a point spreads over {sizes[0]} columns and {sizes[1]} row, {sizes[2]} and {sizes[3]}"


def direction_shapes() -> list[int]:
    """Return width and height of the kernel that answers to a slope in x, then of that for y (3.3.2; eq. 3.3)."""
    line = torch.from_numpy(gaussian.sampled_derivatives(1.0, 1, truncation="text"))[1]
    slope_x = torch.arange(15.0, dtype=torch.float64).expand(1, 1, 15, 15)
    found: list[int] = []
    for image in (slope_x, slope_x.mT):
        for width, height in ((7, 1), (1, 7)):
            if float(F.conv2d(image, line.view(1, 1, height, width)).abs().min()) > 0.5:
                found += width, height
    return found


def weights_shape() -> list[int]:
    """Return the shape of a 1x1 convolution's weights over the example's 3 times 15 maps (eq. 3.7; section 3.3.2)."""
    return list(nn.Conv2d(CHANNELS * len(_stack()), OUTPUTS, kernel_size=1, bias=False).weight.shape)


def _split() -> tuple[torch.Tensor, torch.Tensor]:
    """Return the example's kernels across and down, repeated for three channels, as A.1 cuts them out."""
    repeated = np.repeat(_stack()[:, None], CHANNELS, axis=0)
    across, down = repeated[..., np.newaxis, 0, :], repeated[..., np.newaxis, 1, :]
    return torch.from_numpy(across), torch.from_numpy(np.swapaxes(down, -1, -2).copy())


def repeated_shapes() -> list[int]:
    """Return the shapes of the example's kernels across and down (section 3.3.2)."""
    return [size for kernels in _split() for size in kernels.shape]


def example_groups() -> list[int]:
    """Return the groups with which each channel keeps to itself, across and then down (section 3.3.2)."""
    x, (across, down) = draws(1, CHANNELS, SIDE, SIDE), _split()
    maps = F.conv2d(x, across, groups=CHANNELS, padding=(0, across.shape[-1] // 2))
    return [
        groups
        for image, kernels in ((x, across), (maps, down))
        for groups in range(1, len(across) + 1)
        if _runs(image, kernels, groups)
    ]


def _runs(image: torch.Tensor, weight: torch.Tensor, groups: int) -> bool:
    try:
        F.conv2d(image, weight, groups=groups)
    except (RuntimeError, ValueError):
        return False
    return True


def example_outputs() -> list[int]:
    """Return the shapes of the example's input, both passes and the sum (section 3.3.2)."""
    x, (kernels_across, kernels_down) = draws(1, CHANNELS, SIDE, SIDE), _split()
    half = kernels_across.shape[-1] // 2
    across = F.conv2d(x, kernels_across, groups=CHANNELS, padding=(0, half))
    down = F.conv2d(across, kernels_down, groups=len(kernels_down), padding=(half, 0))
    weighted = F.conv2d(down, draws(OUTPUTS, len(kernels_down), 1, 1))
    return [size for part in (x, across, down, weighted) for size in part.shape]


def printed_shapes() -> list[int]:
    """Return the shapes of both weights and both outputs of the demonstration of groups (section 3.3.2)."""
    image = torch.ones(1, 3, SIDE, SIDE)
    layers = nn.Conv2d(3, 9, 1, groups=1), nn.Conv2d(3, 9, 1, groups=3)
    shapes = [*(layer.weight.shape for layer in layers), *(layer(image).shape for layer in layers)]
    return [size for shape in shapes for size in shape]


def groups_weigh_less() -> Shown:
    """Ask whether a grouped convolution has fewer weights (section 3.3.2)."""
    one, three = (nn.Conv2d(3, 9, 1, groups=groups, bias=False).weight.numel() for groups in (1, 3))
    return three < one, f"{one} weights, with 3 groups {three}"


def groups_share() -> Shown:
    """Ask whether each kernel of a grouped convolution acts on all channels (section 3.3.2)."""
    layer = nn.Conv2d(3, 9, 1, groups=3, bias=False).double()
    moved = []
    for channel in range(3):
        x = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
        x[:, channel] = 1
        moved.append(layer(x).detach().abs().sum((0, 2, 3)).nonzero().flatten().tolist())
    words = "; ".join(f"channel {channel} reaches outputs {outputs}" for channel, outputs in enumerate(moved))
    return all(len(outputs) == 9 for outputs in moved), words


def met(channels: int) -> list[tuple[int, int]]:
    """Return which (channel, derivative) meet in a grouped pass over kernels repeated along their first axis.

    Found by running it: channel c is an image of 1000 (c + 1), kernel d is d + 1.
    """
    kernels = np.repeat(np.arange(15.0) + 1, channels)
    image = 1000 * (torch.arange(channels, dtype=torch.float64) + 1)[None, :, None, None]
    units = torch.ones(15 * channels, 1, 1, 1, dtype=torch.float64)
    channel_R = (F.conv2d(image, units, groups=channels) / 1000 - 1).flatten().round().int().tolist()
    return list(zip(channel_R, (int(kernel) - 1 for kernel in kernels), strict=True))


def example_pairs() -> list[int]:
    """Return how many different pairs of channel and derivative the 45 kernels of the example make (section 3.3.2)."""
    return [len(set(met(CHANNELS)))]


def second_layer_pairs() -> Shown:
    """Ask whether each channel of the second layer meets all 15 derivatives, as equation 2.15 has it (A.1)."""
    found = met(64)
    agrees = tuple(found) == basis.pairs(64, ORDER, "as_listed")
    different, per_channel = set(found), [len({d for c, d in found if c == channel}) for channel in range(64)]
    words = f"{len(different)} of {len(found)} pairs of channel and derivative are different; "
    words += f"{per_channel.count(1)} channels meet one derivative and {per_channel.count(2)} meet two"
    return len(different) == len(found) and agrees, words


def first_layer_pairs() -> Shown:
    """Ask whether the one channel of the first layer meets all 15 derivatives (A.1)."""
    found = met(1)
    return len(set(found)) == 15, f"{len(set(found))} of {len(found)} pairs are different"


def conv1d_on_images() -> Shown:
    """Ask whether a one-dimensional convolution takes a batch of images (A.1)."""
    try:
        F.conv1d(torch.zeros(1, 3, 8, 8), torch.zeros(45, 1, 1, 7), groups=3, padding=3)
    except (RuntimeError, ValueError) as error:
        return False, f"torch refuses it: {str(error).partition(', but')[0]}"
    return True, "torch takes it"


def broken_line() -> Shown:
    """Ask whether an expression may go on in the next line, further in and without brackets around it (A.1)."""
    try:
        compile("def value(a, b):\n    return (a + b)\n        * (a - b)\n", "listing", "exec")
    except SyntaxError as error:
        return False, f"{type(error).__name__}: {error.msg}"
    return True, "it compiles"


class SumOfKernels(nn.Module):
    """A learned sum of fixed kernels: no backward pass is written for it."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(draws(1, CHANNELS))

    def forward(self, x_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the images filtered with the sum."""
        kernels = torch.einsum("ok,kij->oij", self.weights, draws(CHANNELS, 5, 5, seed=1))
        return F.conv2d(x_B1HW, kernels[:, None])


def backward_found() -> Shown:
    """Hold the gradients that autograd finds for a layer of which only the forward pass is written to differences.

    Section 3.3.1, item 3.
    """
    layer, x, step = SumOfKernels(), draws(2, 1, 8, 8, seed=2), 1e-6

    def loss(by: torch.Tensor) -> torch.Tensor:
        there = {"weights": layer.weights.detach() + by}
        filtered: torch.Tensor = torch.func.functional_call(layer, there, (x,))
        return filtered.square().sum()

    layer(x).square().sum().backward()
    moves = step * torch.eye(CHANNELS, dtype=torch.float64)[:, None]
    wanted = torch.stack([(loss(move) - loss(-move)) / (2 * step) for move in moves])
    found = layer.weights.grad
    off = math.inf if found is None else gap(found[0], wanted)
    return off < 1e-6, f"{CHANNELS} gradients are within {off:.0e} of differences"


def dropped_share() -> float:
    """Return the share of units that torch's dropout drops unless told otherwise (figure 4.2; A.2)."""
    return nn.Dropout().p


def pooling_stride() -> list[int]:
    """Return size and stride of torch's max-pooling when only a size of 2 is given (figure 4.2; A.2)."""
    pool = nn.MaxPool2d(2)
    seen = sum(
        float(pool(F.one_hot(torch.tensor([column]), 12)[None].float().expand(1, 12, 12))[0, 0, 0])
        for column in range(12)
    )
    return [round(seen), 12 // pool(torch.zeros(1, 12, 12)).shape[-1]]


def variable_is_tensor() -> Shown:
    """Ask whether wrapping a tensor in torch's Variable changes anything (A.2)."""
    tensor = torch.zeros(3)
    wrapped = torch.autograd.Variable(tensor)
    return type(wrapped) is type(
        tensor
    ), f"what goes in is a {type(tensor).__name__}, what comes out a {type(wrapped).__name__}"


def stride_of_sum() -> float:
    """Compare a stride in the 1x1 sum, as A.1 has it, with a stride in the Gaussian convolutions themselves."""
    x, kernels = draws(2, 1, 16, 16), torch.from_numpy(kernels_2d(1.0))[:, None]
    weight = draws(4, 15, 1, 1, seed=1)
    late = F.conv2d(F.conv2d(x, kernels, padding=3), weight, stride=2)
    return gap(late, F.conv2d(F.conv2d(x, kernels, padding=3, stride=2), weight))


def standardised() -> float:
    """Return how far the first batch-norm's output is from mean 0 and variance 1, for inputs between 0 and 1 (A.2).

    Without gain and offset, which the library drew and set to 0 in 2018, and sets to 1 and 0 today.
    """
    norm = nn.BatchNorm2d(1, affine=False).double().train()
    x = torch.rand(50, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    out = norm(x).detach()
    return max(float(out.mean().abs()), abs(float(out.var(correction=0)) - 1))


def initial_bounds() -> Shown:
    """Ask whether torch draws weights within one over the root of the fan-in, as it did in 2018 (framework of A.2)."""
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(0)
    layers = nn.Conv2d(960, 128, 1), nn.Linear(6272, 128)
    torch.random.set_rng_state(torch_state)
    reach = [float(layer.weight.detach().abs().max()) * layer.weight[0].numel() ** 0.5 for layer in layers]
    words = f"the largest weights reach {reach[0]:.4f} and {reach[1]:.4f} of that bound"
    return all(0.99 < one <= 1 + 1e-6 for one in reach), words
