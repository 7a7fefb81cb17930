"""Evidence on convolutions, pooling and bases: what the blog's context and algorithm sections say.

Shape suffixes: B images, C channels in, O channels out, S scales, N functions, K kernel, H and W image.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.polynomial.hermite import hermvander
from scipy.special import eval_hermitenorm
from torch import Tensor, nn

from repro.audit.evidence import Shown
from studies.common.randomness import draw_normal, stream
from studies.sesn.measured.equivariance import lifting_errors, relative
from studies.sesn.model import bases, layers, mnist
from studies.sesn.model.bases import Basis

ROUNDING = 1e-12  # of float64, for images and kernels near 1
SMALL = Basis("A", 5, 2, (1.2, 1.4, 1.6, 1.8, 2.0, 2.2))  # N = 4 functions, S = 6 scales, V = 5 pixels
NAMES = {2: "C_in", 3: "C_out", 4: "N_b", 5: "V", 6: "S", 18: "C_outS", 20: "U"}
PRINTED_CALL = "torch.einsum('ijk, klmn -> ijlmn'), weights, bases)"  # algorithm section


def _values(name: str, *shape: int) -> Tensor:
    """Return normal numbers in float64, the same at each call."""
    out = torch.empty(shape, dtype=torch.float64)
    draw_normal(out, 1.0, stream(0, name))
    return out


def _lift() -> layers.LiftConv2d:
    layer = layers.LiftConv2d(2, 3, SMALL, padding=2).double().requires_grad_(False)
    draw_normal(layer.weight, 1.0, stream(0, "weight"))
    return layer


def _group(scale_size: int) -> layers.GroupConv2d:
    layer = layers.GroupConv2d(2, 3, SMALL, scale_size=scale_size, padding=2).double().requires_grad_(False)
    draw_normal(layer.weight, 1.0, stream(0, "weight"))
    return layer


def _parts(c_in: int = 2) -> tuple[Tensor, Tensor]:
    """Return weights [C_out, C_in, N_b] and functions [N_b, S, V, V], any numbers of the shapes that the blog names."""
    return _values("weights", 3, c_in, 4), _values("functions", 4, 6, 5, 5)


def _composed(c_in: int = 2) -> Tensor:
    """Return kernels by the printed contraction."""
    return torch.einsum("ijk, klmn -> ijlmn", *_parts(c_in))


def _expanded(kernels_OCSKK: Tensor) -> Tensor:
    """Return kernels as [C_out S, C_in, V, V]."""
    return kernels_OCSKK.transpose(1, 2).flatten(0, 1)


def _printed_lift(x_BCHW: Tensor, *, stride: int = 1, padding: int = 2) -> Tensor:
    """Return squeeze(conv2d(f, expand(w x psi))) of an image, the printed form of T -> H."""
    out_BQHW = F.conv2d(x_BCHW, _expanded(_composed()), stride=stride, padding=padding)
    return torch.unflatten(out_BQHW, 1, (3, -1))


def _by_scale(x_BCHW: Tensor, kernels_OCSKK: Tensor, *, padding: int = 2) -> Tensor:
    """Return one ordinary convolution of an image for each scale, side by side."""
    return torch.stack([F.conv2d(x_BCHW, one, padding=padding) for one in kernels_OCSKK.unbind(2)], 2)


def _distance(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).abs().max())


def _shape(tensor: Tensor) -> str:
    return f"[{', '.join(NAMES[size] for size in tensor.shape)}]"


# Context


def translated_image() -> float:
    """Return how far a shift of the image by (3, 5) is from a shift of a layer's output, away from the border."""
    kernel_OIKK, x_BCHW = _values("kernel", 3, 2, 5, 5), _values("image", 1, 2, 20, 24)
    moved, still = F.conv2d(x_BCHW.roll((3, 5), (2, 3)), kernel_OIKK), F.conv2d(x_BCHW, kernel_OIKK)
    return _distance(moved[..., 3:, 5:], still[..., :-3, :-5])


def weights_apart() -> Shown:
    """Ask whether equivariance goes with shared weights: a layer with other weights at each pixel loses it."""
    x_BCHW = _values("image", 1, 2, 20, 20)
    windows = F.unfold(x_BCHW, SMALL.size)
    moved = F.unfold(x_BCHW.roll(1, 3), SMALL.size)
    own = _values("own weights", *windows.shape)

    def error(weights: Tensor) -> float:
        still, after = (torch.unflatten((weights * patches).sum(1), 1, (16, 16)) for patches in (windows, moved))
        return _distance(after[..., 1:], still[..., :-1])

    shared, apart = error(own[..., :1]), error(own)
    return shared < ROUNDING < apart, f"a shift is followed to {shared:.1g} with shared weights, to {apart:.2g} without"


def padded_border() -> Shown:
    """Ask whether zero padding spoils translation equivariance at the border, and there only."""
    kernel_OIKK, x_BCHW = _values("kernel", 3, 2, 5, 5), _values("image", 1, 2, 20, 20)
    moved, still = (F.conv2d(x, kernel_OIKK, padding=2) for x in (x_BCHW.roll(1, 3), x_BCHW))
    difference = (moved - still.roll(1, 3)).abs()
    inside, border = float(difference[..., 3:-2].max()), float(difference.max())
    words = f"a shift by one pixel is followed to {inside:.1g} inside, to {border:.2g} at the border"
    return inside < ROUNDING < border, words


def rotated_image() -> Shown:
    """Ask whether an ordinary convolution fails to turn its output with its image."""
    kernel, x_BCHW = _values("kernel", 1, 1, 5, 5), _values("image", 1, 1, 20, 20)
    before = F.conv2d(x_BCHW, kernel)
    after = F.conv2d(x_BCHW.rot90(1, (2, 3)), kernel).rot90(-1, (2, 3))
    error = relative(after - before, before)
    return error > ROUNDING, f"relative squared error after a quarter turn: {error:.2g}"


@lru_cache(maxsize=1)
def _scale_errors() -> tuple[list[float], list[float]]:
    """Return errors of neighbouring scales in the eight networks: of their functions, and of ones that stay."""
    found = [lifting_errors(one.basis) for name, one in mnist.ARCHITECTURES.items() if _published(name)]
    return [error for steerable, _ in found for error in steerable], [error for _, fixed in found for error in fixed]


def _published(name: str) -> bool:
    return name.startswith(("scalar", "vector")) and not name.endswith("small")


def kernels_that_stay() -> Shown:
    """Ask whether kernels that stay as they are fail to follow an enlargement."""
    _, fixed = _scale_errors()
    words = f"relative squared error {min(fixed):.1e} to {max(fixed):.1e} over {len(fixed)} pairs of scales"
    return min(fixed) > ROUNDING, words


def scale_issue_answered() -> Shown:
    """Ask whether the networks' functions follow an enlargement better than ones that stay, in most pairs of scales."""
    steerable, fixed = _scale_errors()
    better = sum(one < other for one, other in zip(steerable, fixed, strict=True))
    words = f"in {better} of {len(steerable)} pairs of scales they follow better than kernels that stay; error"
    return 2 * better > len(steerable), f"{words} {min(steerable):.1e} to {max(steerable):.1e}"


def values_of_a_weight() -> Shown:
    """Ask whether a weight of each network makes more values of kernels than the one that it makes in a convolution."""
    bases_found = [mnist.ARCHITECTURES[name].basis for name in filter(_published, mnist.ARCHITECTURES)]
    found = [len(one.scales) * one.size**2 / one.count for one in bases_found]
    return min(found) > 1, f"{min(found):.1f} to {max(found):.1f} values of kernels for each weight, 1 in a convolution"


# Pooling


def _shifted_blocks() -> tuple[int, int, int]:
    """Return how many shifted blocks keep their maximum, how many lose it though none moves in, and their number."""
    images_B1HW = torch.randint(0, 100, (4000, 1, 5, 5), generator=stream(0, "blocks"))
    images_B1HW[:, :, 2, 2] = images_B1HW[:, :, 1:4, 1:4].amax((2, 3)) + 1
    tops = F.max_pool2d(images_B1HW.double(), 3, stride=1)[:, 0]
    centre = tops[:, 1, 1]
    kept = torch.stack([tops[:, y, x] == centre for y, x in ((0, 1), (2, 1), (1, 0), (1, 2))])
    premise = images_B1HW.amax((1, 2, 3)) == images_B1HW[:, 0, 2, 2]
    return int(kept.sum()), int(kept[:, premise].numel() - kept[:, premise].sum()), kept.numel()


def shifted_maximum() -> Shown:
    """Ask whether a block with its largest value in the centre gives the same after a shift that brings no larger."""
    kept, broken, total = _shifted_blocks()
    words = f"where no larger value moves in {broken} blocks change"
    return broken == 0, f"{words}; one moves into {total - kept:,} of {total:,}"


def pooling_nearly_invariant() -> Shown:
    """Ask whether pooling keeps some outputs under a shift by one pixel, and not all."""
    kept, _, total = _shifted_blocks()
    return 0 < kept < total, f"{kept:,} of {total:,} outputs stay as they are"


def pooling_makes_invariant() -> Shown:
    """Ask whether a convolution moves with its image, wrapped round, and what is pooled over all of it stays."""
    image = _values("image", 1, 1, 24, 24)
    kernel = _values("kernel", 1, 1, 5, 5)
    still, moved = (F.conv2d(F.pad(x, (2, 2, 2, 2), "circular"), kernel) for x in (image, image.roll((3, 5), (2, 3))))
    followed, changed = _distance(moved, still.roll((3, 5), (2, 3))), _distance(moved, still)
    blocks, whole = (_distance(F.max_pool2d(moved, side), F.max_pool2d(still, side)) for side in (3, 24))
    words = (
        f"a shift is followed to {followed:.1g} and changes the convolution by {changed:.2g}, blocks of 3 x 3 pooled"
    )
    return whole <= followed < ROUNDING < changed, f"{words} by {blocks:.2g}, all of it pooled by {whole:.1g}"


# Algorithm


def channel_by_channel() -> float:
    """Return how far an ordinary convolution lies from one of each pair of channels, summed over those of the input."""
    kernel_OIKK, x_BCHW = _values("kernel", 3, 2, 5, 5), _values("image", 1, 2, 20, 20)
    pairs = [[F.conv2d(x_BCHW[:, [n]], kernel_OIKK[m : m + 1, [n]]) for n in range(2)] for m in range(3)]
    return _distance(F.conv2d(x_BCHW, kernel_OIKK), torch.cat([first + second for first, second in pairs], 1))


def linear_combination() -> float:
    """Return how far a layer's kernels lie from the weighted sum of its functions, written out."""
    layer, functions = _lift(), SMALL.functions()
    terms = [layer.weight[..., n, None, None, None] * functions[n] for n in range(SMALL.count)]
    return _distance(layer.kernels(), torch.stack(terms).sum(0))


def complete_before_the_cut() -> Shown:
    """Ask whether polynomials times a Gaussian come as near as one likes to a function that is none of them.

    Hermite polynomials up to an order span all polynomials up to it; the physicists' are orthogonal under the Gaussian.
    """
    x = np.linspace(-15, 15, 3001)
    wanted = np.exp(-(((x - 0.7) / 0.5) ** 2) / 2)
    functions = hermvander(x, 60) * np.exp(-(x**2) / 2)[:, None]
    shares = (functions.T @ wanted) ** 2 / (functions**2).sum(0) / (wanted**2).sum()
    left = [float(1 - shares[: order + 1].sum()) for order in (4, 12, 30, 60)]
    words = f"orders up to 4, 12, 30, 60 leave {', '.join(f'{abs(one):.1g}' for one in left)} of a Gaussian beside them"
    return abs(left[-1]) < ROUNDING < left[-2] < left[-3] < left[-4], words


def hermite_functions() -> float:
    """Return how far the functions lie from He_n times a Gaussian along each axis, relative to the largest value."""
    basis, half = Basis("A", 21, 5, (2.0,)), 10
    functions = basis.functions()[:, 0].numpy()
    x = np.arange(-half, half + 1) / 2.0
    lines = [eval_hermitenorm(n, x) * np.exp(-(x**2) / 2) for n in range(5)]
    distance = 0.0
    for found, (across, down) in zip(functions, product(range(5), range(5)), strict=True):
        wanted = np.outer(lines[down], lines[across])
        wanted /= np.sqrt((wanted**2).sum())
        distance = max(distance, float(np.abs(found - wanted).max() / np.abs(wanted).max()))
    x = np.linspace(-4, 4, 41)
    return max(distance, *(float(np.abs(bases.hermite(x, n) - eval_hermitenorm(n, x)).max()) for n in range(5)))


def norm_at_the_first_scale() -> float:
    """Return how far the norms of the networks' functions at their smallest scale lie from 1."""
    found = [mnist.ARCHITECTURES[name].basis.functions()[:, 0] for name in filter(_published, mnist.ARCHITECTURES)]
    return max(float((functions.flatten(1).norm(dim=1) - 1).abs().max()) for functions in found)


def functions_of_four_orders() -> int:
    """Return how many products of Hermite polynomials along two axes have a total order of 0 to 3."""
    return sum(across + down < 4 for across, down in product(range(4), range(4)))


def ordinary_kernel() -> int:
    """Return the parameters of an ordinary kernel of 7 x 7 pixels."""
    return sum(one.numel() for one in nn.Conv2d(1, 1, 7, bias=False).parameters())


def weights_shared() -> Shown:
    """Ask whether kernels larger than 7 x 7 take fewer weights than pixels, and the larger the fewer a pixel."""
    found = {one.size: one.basis.count for name, one in mnist.ARCHITECTURES.items() if _published(name)}
    shares = [found[size] / size**2 for size in sorted(found)]
    words = ", ".join(f"{found[size]} for {size}x{size}" for size in sorted(found))
    return shares[0] < 1 and all(low > high for low, high in pairwise(shares)), f"weights of a kernel: {words} pixels"


def kernel_shapes() -> list[str]:
    """Return the shapes of weights and functions, and of what the printed contraction makes of them."""
    return [_shape(one) for one in (*_parts(), _composed())]


def contraction() -> float:
    """Return how far the printed contraction lies from the weighted sum of the functions, written out."""
    weights_OCN, functions_NSKK = _parts()
    terms = [weights_OCN[..., n, None, None, None] * functions_NSKK[n] for n in range(4)]
    return _distance(_composed(), torch.stack(terms).sum(0))


def printed_call() -> Shown:
    """Ask whether the printed call can be read as Python."""
    try:
        ast.parse(PRINTED_CALL)
    except SyntaxError as error:
        return False, f"Python refuses it at character {error.offset}: {error.msg}"
    return True, "Python reads it"


# T -> H and H -> H


def scale_by_scale() -> float:
    """Return how far lifting lies from one ordinary convolution with the kernels of each scale."""
    layer, x_BCHW = _lift(), _values("image", 2, 2, 20, 20)
    return _distance(layer(x_BCHW), _by_scale(x_BCHW, layer.kernels()))


def expanded_and_squeezed() -> float:
    """Return how far the printed form lies from one ordinary convolution for each scale."""
    x_BCHW = _values("image", 2, 2, 20, 20)
    return _distance(_printed_lift(x_BCHW), _by_scale(x_BCHW, _composed()))


def lifted_shapes() -> list[str]:
    """Return the shapes of one image, of the convolution's output and of that squeezed, in the blog's letters."""
    image = _values("image", 1, 2, 20, 20)
    out = F.conv2d(image, _expanded(_composed()), padding=2)
    return [_shape(one[0]) for one in (image, out, _printed_lift(image))]


def expanded_shape() -> Shown:
    """Ask whether a convolution takes kernels of [C_out S, C_in, V, V] and refuses [C_out, C_in S, V, V]."""
    image = _values("image", 1, 2, 20, 20)
    error = _distance(_printed_lift(image), _by_scale(image, _composed()))
    try:
        F.conv2d(image, _composed().flatten(1, 2))
    except RuntimeError:
        return error < ROUNDING, f"the blog's shape gives all scales to within {error:.1g}, the paper's is refused"
    return False, "a convolution takes the paper's shape too"


def oblong_image() -> Shown:
    """Ask whether the printed form takes an image of 12 x 9 pixels and keeps its sides."""
    image = _values("image", 1, 2, 12, 9)
    out = _printed_lift(image)
    error = _distance(out, _by_scale(image, _composed()))
    sides = tuple(out.shape[-2:])
    return sides == (12, 9) and error < ROUNDING, f"12 x 9 pixels give {sides[0]} x {sides[1]}"


def output_sizes() -> Shown:
    """Ask whether outputs have the usual size, for all paddings, strides and sides of a small range."""
    found = []
    for padding, stride, side in product(range(4), (1, 2, 3), (9, 12, 16)):
        out = _printed_lift(_values("image", 1, 2, side, side), padding=padding, stride=stride)
        found.append(out.shape[-1] == (side + 2 * padding - 5) // stride + 1)
    return all(found), f"so it is in {sum(found)} of {len(found)} settings"


def double_sum() -> float:
    """Return how far a layer over two scales lies from eq. 4 written out as sums over channels and input scales."""
    layer, x_BCSHW = _group(2), _values("stack", 1, 2, 6, 12, 12)
    kernels_OCISKK = layer.kernels()
    out = torch.zeros(1, 3, 6, 12, 12, dtype=torch.float64)
    for m, n, s, offset in product(range(3), range(2), range(6), range(2)):
        if s + offset < 6:
            kernel = kernels_OCISKK[m, n, offset, s][None, None]
            out[:, m, s] += F.conv2d(x_BCSHW[:, n : n + 1, s + offset], kernel, padding=2)[:, 0]
    return _distance(layer(x_BCSHW), out)


def scales_heard() -> Shown:
    """Ask whether an H -> H layer also sums along s: does a change of one input scale reach another?"""
    x_BCSHW = _values("stack", 1, 2, 6, 12, 12)
    changed = x_BCSHW.clone()
    changed[:, :, 3] += 1
    reached = {}
    for scale_size in (1, 2):
        layer = _group(scale_size)
        moved = (layer(changed) - layer(x_BCSHW)).abs().amax((0, 1, 3, 4)) > ROUNDING
        reached[scale_size] = int(moved.sum())
    networks = [mnist.build(name) for name in mnist.ARCHITECTURES if _published(name) and name.startswith("vector")]
    sizes = {one.scale_size for net in networks for one in net.convolutions if isinstance(one, layers.GroupConv2d)}
    words = f"over two scales a change of one reaches {reached[2]}, over one it reaches {reached[1]}"
    return reached[2] > 1, f"{words}; the vector networks on MNIST sum over {', '.join(map(str, sizes))}"
