"""Evidence on linear layers, convolutions and modules (sections 4.3, 4.4, 4.6), computed when it is asked for."""

from __future__ import annotations

import inspect
import math
from itertools import pairwise, product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.audit.evidence import Shown, exact, published
from repro.printed import parse
from studies.common.drawn import distance, drawn
from studies.dagnets.claims.evidence import about, drift, jacobian
from studies.dagnets.measured import filters
from studies.dagnets.measured.printed import convolution, modules
from studies.dagnets.model import networks
from studies.dagnets.model.counting import products
from studies.dagnets.published.items import published_named

SIGNALS = tuple(product((5, 8, 13, 21), (1, 2, 3, 4, 5)))  # lengths of a signal and of a kernel
IMAGES = tuple(product((5, 6, 9), (7, 10), (1, 2, 3), (1, 4)))  # height and width of an image and of a kernel


def linear_for_any_batch() -> Shown:
    """Give a linear layer batches of several sizes (4.3)."""
    layer = nn.Linear(10, 4)
    sizes = [tuple(layer(torch.zeros(count, 10)).shape) for count in range(1, 21)]
    return sizes == [(count, 4) for count in range(1, 21)], f"{sizes[0]} to {sizes[-1]}"


def weights_at_creation() -> Shown:
    """Make two linear layers and compare what they start with (4.3)."""
    first, second = (nn.Linear(3, 2) for _ in range(2))
    other = all(not torch.equal(*pair) for pair in zip(first.parameters(), second.parameters(), strict=True))
    return other, f"two layers start with {'other' if other else 'the same'} weights and offsets"


def mean_square_of_one() -> list[float]:
    """Take the mean squared error of one number (4.3)."""
    return modules.mean_square()[:1]


def mean_square_of_four() -> list[float]:
    """Take the mean squared error of four numbers (4.3)."""
    return modules.mean_square()[1:]


def mean_square_by_hand() -> float:
    """Compare MSELoss with the sum of squares over the number of components, for 20 shapes (4.3)."""
    gaps = []
    for rows, columns in product(range(1, 6), range(1, 5)):
        x, y = drawn(f"x {rows} {columns}", rows, columns), drawn(f"y {rows} {columns}", rows, columns)
        gaps.append(distance(nn.MSELoss()(x, y), ((x - y) ** 2).sum() / (rows * columns)))
    return max(gaps)


def target_error() -> list[str]:
    """Return what this torch does instead of refusing a target that requires a gradient (4.3)."""
    return drift("modules", "target_error")


def kinds_of_a_target() -> Shown:
    """Give the cross-entropy scores for its input and whole numbers for its target (4.3)."""
    scores, classes = torch.zeros(2, 3), torch.tensor([0, 1])
    loss = nn.CrossEntropyLoss()(scores, classes)
    words = f"input {scores.dim()}d of {scores.dtype}, target {classes.dim()}d of {classes.dtype}: {loss:.4f}"
    return bool(loss.isfinite()), words


def loop_and_batch_on_one_device() -> Shown:
    """Say where the two branches of the timing listing put their result, for input that is not on the CPU (4.3)."""
    there = {}
    for name in ("batch", "loop"):
        beside, on_cpu = exact("dagnets", "timing_branches", "beside_input", "on_cpu", branch=name)
        there[name] = "beside it" if beside else "on the CPU" if on_cpu else "elsewhere"
    words = f"of input that is not on the CPU, the batch's result is {there['batch']}, the loop's {there['loop']}"
    same = there["batch"] == there["loop"]
    return same, words + ("" if same else ", so that each row is copied there")


def samples_as_rows() -> float:
    """Compare a batch of rows times the transposed weight with the samples one by one (4.3)."""
    x, weight = drawn("x", 7, 4), drawn("weight", 3, 4)
    return distance(x @ weight.T, torch.stack([weight @ sample for sample in x]))


def linear_by_product() -> float:
    """Compare F.linear with a product plus an offset for inputs of one, two and three axes (4.3, the source)."""
    weight, bias = drawn("weight", 3, 4), drawn("bias", 3)
    inputs = [drawn(f"x {size}", *size) for size in ((4,), (7, 4), (2, 7, 4))]
    return max(distance(F.linear(x, weight, bias), x.matmul(weight.t()) + bias) for x in inputs)


# Convolutions


def dense_memory() -> Shown:
    """Hold the memory of the dense layer, in 10^9 bytes, against the approximate print (4.4)."""
    found = convolution.dense_memory()[0] / 1e9
    (text,) = published("dagnets", "conv-dense-memory")
    return about(found, text), f"{found:.1f} GB"


def functions_by_their_defaults() -> float:
    """Compare the functional forms with and without the defaults that are printed for them (4.4 and 4.5)."""
    x, kernel = drawn("x", 2, 3, 9, 9), drawn("kernel", 4, 3, 3, 3)
    given = F.conv2d(x, kernel, bias=None, stride=1, padding=0, dilation=1, groups=1)
    pooled = F.max_pool2d(x, 2, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False)
    return max(distance(F.conv2d(x, kernel), given), distance(F.max_pool2d(x, 2), pooled))


def convolution_by_its_sum() -> float:
    """Compare conv1d with the sum of shifted products, for 20 pairs of lengths (4.4)."""
    gaps = []
    for length, width in SIGNALS:
        x, u = drawn(f"x {length}", length), drawn(f"u {width}", width)
        sums = torch.stack([x[place : place + width] @ u for place in range(length - width + 1)])
        found = F.conv1d(x.view(1, 1, -1), u.view(1, 1, -1)).flatten()
        gaps.append(distance(found, sums) if found.shape == sums.shape else math.inf)
    return max(gaps)


def length_of_a_convolution() -> Shown:
    """Count the values that conv1d returns, for 20 pairs of lengths (4.4)."""
    found = [F.conv1d(torch.zeros(1, 1, length), torch.zeros(1, 1, width)).shape[-1] for length, width in SIGNALS]
    right = sum(got == length - width + 1 for got, (length, width) in zip(found, SIGNALS, strict=True))
    return right == len(SIGNALS), f"{right} of {len(SIGNALS)} lengths are W - w + 1"


def terms_of_the_example() -> list[float]:
    """Return the products that are summed for (1, 2, 3, 4) and (3, 2), in order (4.4)."""
    signal, kernel = (1, 2, 3, 4), (3, 2)
    return [float(signal[place + step] * kernel[step]) for place in range(3) for step in range(2)]


def shifted_signals() -> float:
    """Compare the two examples with their signals moved by three places (4.4)."""
    gaps = []
    for signal, kernel in (((1, 2, 3, 4), (3, 2)), ((0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 4), (-1, 1))):
        before, after = (
            torch.tensor(convolution.convolved((0,) * left + signal + (0,) * (12 - left), kernel)) for left in (6, 9)
        )
        gaps.append(distance(after[3:], before[:-3]))
    return max(gaps)


def size_of_a_map() -> Shown:
    """Read the size of what several kernels make of an image, for 36 pairs of sizes (4.4)."""
    right = 0
    for high, wide, h, w in IMAGES:
        made = F.conv2d(torch.zeros(1, 3, high, wide), torch.zeros(5, 3, h, w)).shape[1:]
        right += tuple(made) == (5, high - h + 1, wide - w + 1)
    return right == len(IMAGES), f"{right} of {len(IMAGES)} maps are D x (H - h + 1) x (W - w + 1)"


def neighbours_stay_neighbours() -> Shown:
    """Read which inputs each value of a convolution depends on (4.4, structure of the signal)."""
    kernel = torch.ones(1, 1, 3, dtype=torch.float64)
    rows = jacobian(lambda x: F.conv1d(x.view(1, 1, -1), kernel).flatten(), drawn("x", 9))
    seen = [row.nonzero().flatten().tolist() for row in rows]
    ok = seen == [[place, place + 1, place + 2] for place in range(7)]
    return ok, f"of 9 inputs, value 0 sees {seen[0]} and value 6 sees {seen[6]}"


def kernels_made_by_hand() -> Shown:
    """Apply the five kernels to a drawn picture and to an even one (4.4)."""
    picture = (drawn("picture", 28, 28) * 100).round()
    maps, even = filters.answers(picture), filters.answers(torch.full((28, 28), 7.0))
    kept = torch.equal(maps["identity"], picture[1:-1, 1:-1]) and maps["box"].shape == (26, 26)
    flat = {name: float(even[name].abs().max()) for name in ("across", "down", "laplacian")}
    return kept and not any(flat.values()), f"the first leaves 26x26 pixels as they are; an even picture gives {flat}"


def padding_by_a_frame() -> float:
    """Compare padding with a frame of zeros (4.4)."""
    x, kernel = drawn("x", 1, 2, 3, 5), drawn("kernel", 1, 2, 3, 3)
    return distance(F.conv2d(x, kernel, padding=(2, 1)), F.conv2d(F.pad(x, (1, 1, 2, 2)), kernel))


def stride_by_leaving_out() -> float:
    """Compare a stride with every second value of the convolution without one (4.4)."""
    x, kernel = drawn("x", 1, 2, 9, 8), drawn("kernel", 1, 2, 3, 3)
    return distance(F.conv2d(x, kernel, stride=2), F.conv2d(x, kernel)[..., ::2, ::2])


def extent_of_a_dilated_kernel() -> Shown:
    """Read how much shorter a signal gets, for 20 kernels and dilations (4.4)."""
    pairs = tuple(product(range(1, 6), range(1, 5)))
    lost = [60 - F.conv1d(torch.zeros(1, 1, 60), torch.zeros(1, 1, k), dilation=d).shape[-1] for k, d in pairs]
    right = sum(got + 1 == 1 + (k - 1) * d for got, (k, d) in zip(lost, pairs, strict=True))
    return right == len(pairs), f"{right} of {len(pairs)} act as a kernel of 1 + (k - 1) d"


def dilation_sees_more() -> Shown:
    """Count parameters and the inputs between the first and the last seen, without and with dilation (4.4)."""
    counts, extents = [], []
    for dilation in (1, 4):
        layer = nn.Conv1d(1, 1, 3, dilation=dilation)
        counts.append(sum(one.numel() for one in layer.parameters()))
        with torch.no_grad():
            layer.weight.fill_(1.0)
        x = torch.zeros(1, 1, 20, requires_grad=True)
        (seen,) = torch.autograd.grad(layer(x)[0, 0, 5], x)
        places = seen.flatten().nonzero().flatten()
        extents.append(int(places[-1] - places[0]) + 1)
    words = f"{counts[0]} and {counts[1]} parameters; {extents[0]} and {extents[1]} inputs from first to last"
    return counts[0] == counts[1] and extents[1] > extents[0], words


def maps_get_smaller() -> Shown:
    """Read the sizes of maps with a stride or a dilation above 1 (4.4)."""
    x = torch.zeros(1, 1, 20, 20)
    plain = nn.Conv2d(1, 1, 3)(x).shape[-1]
    sides = [nn.Conv2d(1, 1, 3, stride=s, dilation=d)(x).shape[-1] for s, d in product((1, 2, 3), (1, 2, 3))][1:]
    return max(sides) < plain, f"20 pixels become {plain} without, {min(sides)} to {max(sides)} with them"


def one_number_for_two() -> Shown:
    """Give a kernel's size as one number and as two (4.4 and 4.5)."""
    x = drawn("x", 1, 1, 9, 9).float()
    kernels = [tuple(nn.Conv2d(1, 1, size).weight.shape) for size in (3, (3, 3))]
    pooled = [F.max_pool2d(x, size) for size in (3, (3, 3))]
    return kernels[0] == kernels[1] and torch.equal(*pooled), f"kernels of {kernels[0]} and {kernels[1]}"


def operations_in_other_dimensions() -> Shown:
    """Convolve and pool signals and volumes of 8 values a side by kernels of 2 (4.4 and 4.5)."""
    found = {}
    for name, axes in (("1d", 1), ("3d", 3)):
        x, kernel, sides = torch.zeros(1, 1, *[8] * axes), torch.zeros(1, 1, *[2] * axes), [7] * axes
        right = getattr(F, f"conv{name}")(x, kernel).shape[2:] == torch.Size(sides)
        pools = [getattr(F, f"{kind}_pool{name}")(x, 2).shape[2:] for kind in ("max", "avg")]
        found[name] = right and all(size == torch.Size([4] * axes) for size in pools)
    return all(found.values()), f"sides of 7 after a convolution, of 4 after pooling: {found}"


def _defaults(kind: type[nn.Module], *names: str) -> list[str]:
    parameters = inspect.signature(kind).parameters
    return [str(parameters[name].default) for name in names]


def defaults_of_a_convolution() -> list[str]:
    """Read the defaults of Conv2d (4.4)."""
    return _defaults(nn.Conv2d, "stride", "padding", "dilation", "groups", "bias")


def defaults_of_a_pooling() -> list[str]:
    """Read the defaults of MaxPool2d (4.5)."""
    return _defaults(nn.MaxPool2d, "stride", "padding", "dilation", "return_indices", "ceil_mode")


def default_of_a_linear_layer() -> list[str]:
    """Read whether a linear layer has an offset by default (4.3)."""
    return _defaults(nn.Linear, "bias")


# Modules


def views_of_the_images() -> list[str]:
    """Read the sizes of 60,000 images of 28 x 28 pixels after each of the two views (4.6)."""
    d = torch.empty(60000, 28, 28, device="meta")
    x = d.view(d.size(0), 1, d.size(1), d.size(2))
    return [str(x.size()), str(x.view(x.size(0), -1).size())]


def _run() -> list[tuple[nn.Module, Tensor]]:
    """Run the LeNet-like network on an empty image; return each layer with its answer (4.6, the table)."""
    network, found = networks.lenet_like(), []
    x = torch.zeros(1, *network.size)
    for layer in network:
        x = layer(x)
        found.append((layer, x))
    return found


def table_sizes() -> list[str]:
    """Read the size of the input and of each layer's output (4.6)."""
    sizes = [networks.lenet_like().size, *(answer.shape[1:] for _, answer in _run())]
    return ["x".join(map(str, size)) for size in sizes]


def rows_without_weights() -> list[float]:
    """Count parameters and products of the table's rows without weights (4.6)."""
    return [
        float(count)
        for layer, answer in _run()
        if not isinstance(layer, nn.Conv2d | nn.Linear)
        for count in (sum(one.numel() for one in layer.parameters()), products(layer, answer))
    ]


def net_output() -> list[str]:
    """Read the size of the LeNet-like network's answer to 12 images (4.6)."""
    return [str(networks.lenet_like()(torch.zeros(12, 1, 28, 28)).size())]


def parameters_by_formula() -> list[float]:
    """Evaluate the table's expressions for parameters (4.6)."""
    return [32 * (5**2 + 1), 64 * (32 * 5**2 + 1), 200 * (256 + 1), 10 * (200 + 1)]


def products_by_formula() -> list[float]:
    """Evaluate the table's expressions for products (4.6)."""
    return [32 * 24**2 * 5**2, 32 * 64 * 4**2 * 5**2, 200 * 256, 10 * 200]


def sum_of_printed_parameters() -> list[float]:
    """Add the printed parameters of the table (4.6)."""
    return _sum_of_all_but_the_last("table_parameters")


def sum_of_printed_products() -> list[float]:
    """Add the printed products of the table (4.6)."""
    return _sum_of_all_but_the_last("table_products")


def _sum_of_all_but_the_last(name: str) -> list[float]:
    return [float(sum(parse(part).value for part in published_named("architectures", name).parts[:-1]))]


def sequential_perceptron() -> Shown:
    """Build the perceptron of 10, 100, 50 and 2 and run it (4.6)."""
    widths = (10, 100, 50, 2)
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())][:-1]
    network = nn.Sequential(*layers)
    size = tuple(network(torch.zeros(7, 10)).shape)
    count = sum(one.numel() for one in network.parameters())
    return size == (7, 2) and len(network) == 5, f"7 samples give {size}; 5 modules, {count:,} parameters"


class _Keeper(nn.Module):
    """A module that keeps a parameter as an attribute, in a dictionary and in a list."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Parameter(torch.zeros(1))
        self.table = {"hidden": nn.Parameter(torch.zeros(2))}
        self.row = [nn.Parameter(torch.zeros(3))]


def hidden_parameters() -> Shown:
    """Read which parameters are seen of an attribute, a dictionary and a list (4.6)."""
    sizes = [one.numel() for one in _Keeper().parameters()]
    return sizes == [1], f"of three parameters with 1, 2 and 3 numbers, those with {sizes} are seen"


def backward_without_code() -> Shown:
    """Differentiate a loss of the LeNet-like network, which has no backward pass of its own (4.6)."""
    network = networks.lenet_like()
    loss = F.cross_entropy(network(torch.zeros(2, 1, 28, 28)), torch.tensor([1, 2]))
    loss.backward()  # type: ignore[no-untyped-call]
    reached = sum(one.grad is not None for one in network.parameters())
    return reached == len(list(network.parameters())), f"{reached} of 8 parameters get a gradient"
