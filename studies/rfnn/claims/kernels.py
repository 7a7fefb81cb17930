"""Evidence for sections 2.3 and 3.3 on kernels: Hermite polynomials, Gaussian derivatives, their sums, sizes, span."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import special

from repro.audit.evidence import Shown
from studies.common import gaussian, hermite
from studies.rfnn.cases import SCALES
from studies.rfnn.claims.formulas import draws, gap
from studies.rfnn.model.basis import Basis
from studies.rfnn.model.layers import GaussianConv2d

ORDER = 4
NEAR = 0.05  # of the absolute sum: what passes for zero here
TAPS = tuple(2 * gaussian.half_width(scale, "text") + 1 for scale in SCALES)  # eq. 3.4 at the printed scales
LINE = np.linspace(-5, 5, 41)


def relative(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest distance of two arrays, relative to the largest entry of the second."""
    return float(np.abs(one - other).max() / np.abs(other).max())


def numbers(values: Sequence[float], spec: str = ".3g") -> str:
    """Return numbers in words."""
    return ", ".join(f"{value:{spec}}" for value in values)


def hermite_agrees() -> float:
    """Compare the corrected recurrence with scipy's Hermite polynomials, orders 0 to 10 at 41 points (eq. 2.20)."""
    return max(relative(hermite.hermite(LINE, n), special.eval_hermite(n, LINE)) for n in range(11))


def hermite_shift() -> float:
    """Compare both sides of equation 2.19, which is 2.21 too, by scipy's polynomials of order 1 to 10 at 41 points."""
    return max(
        relative(
            2 * LINE * special.eval_hermite(n, LINE) - 2 * n * special.eval_hermite(n - 1, LINE),
            special.eval_hermite(n + 1, LINE),
        )
        for n in range(1, 10)
    )


def verkes_wrong() -> Shown:
    """Ask whether the earlier code is right below order 2 and wrong at each order from 2 to 8 (section 2.3.3)."""
    off = [relative(hermite.hermite_verkes(LINE, n), special.eval_hermite(n, LINE)) for n in range(9)]
    words = f"relative distance {numbers(off[:2])} at orders 0 and 1, {numbers(off[2:])} at 2 to 8"
    return max(off[:2]) < 1e-12 and min(off[2:]) > 1e-3, words


def gaussian_separates() -> float:
    """Compare the product of two 1-D Gaussians with the 2-D one at 1,681 points for each scale (eq. 2.16)."""
    x, y = np.meshgrid(LINE, LINE)
    found = []
    for scale in SCALES:
        whole = np.exp(-(x**2 + y**2) / (2 * scale**2)) / (2 * math.pi * scale**2)
        line = gaussian.gaussian_derivative(LINE, scale, 0)
        found.append(relative(np.outer(line, line), whole))
    return max(found)


def derivatives_separate() -> float:
    """Compare mixed derivatives of the 2-D Gaussian, by differentiation, with products of 1-D ones (eq. 2.17)."""
    points, scale = torch.linspace(-3, 3, 21, dtype=torch.float64), 1.2
    x, y = torch.meshgrid(points, points, indexing="xy")
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    worst = 0.0
    for n_dx, n_dy in gaussian.derivative_orders(ORDER):
        value = torch.exp(-(x**2 + y**2) / (2 * scale**2)) / (2 * math.pi * scale**2)
        for variable in (x,) * n_dx + (y,) * n_dy:
            value = torch.autograd.grad(value.sum(), variable, create_graph=True)[0]
        lines = [gaussian.gaussian_derivative(points.numpy(), scale, n) for n in (n_dy, n_dx)]
        worst = max(worst, relative(np.outer(*lines), value.detach().numpy()))
    return worst


def derivatives_are_hermite() -> float:
    """Compare equation 2.18 with repeated differentiation, orders 0 to 8 at 41 points and three scales."""
    worst = 0.0
    for scale in (0.5, 1.0, 2.0):
        x = torch.from_numpy(LINE).clone().requires_grad_()
        value = torch.exp(-((x / scale) ** 2) / 2) / (scale * math.sqrt(2 * math.pi))
        for order in range(9):
            worst = max(worst, relative(gaussian.gaussian_derivative(LINE, scale, order), value.detach().numpy()))
            value = torch.autograd.grad(value.sum(), x, create_graph=True)[0]
    return worst


def kernels_2d(scale: float) -> NDArray[np.float64]:
    """Return the 15 kernels of a layer as (15, K, K), at the sizes of equation 3.4."""
    lines = gaussian.sampled_derivatives(scale, ORDER, truncation="text")
    return np.stack([np.outer(lines[n_dy], lines[n_dx]) for n_dx, n_dy in gaussian.derivative_orders(ORDER)])


def any_order_spans() -> Shown:
    """Ask whether Gaussian derivatives of any order span all kernels of a size (section 2.3.2).

    K derivatives each way give K squared kernels of size K; those of order 4 in all are 15.
    """
    full = []
    for scale, taps in zip(SCALES, TAPS, strict=True):
        lines = gaussian.sampled_derivatives(scale, taps - 1, truncation="text")
        lines = lines / np.linalg.norm(lines, axis=1, keepdims=True)
        full.append(int(np.linalg.matrix_rank(lines)) ** 2)
    used = {int(np.linalg.matrix_rank(kernels_2d(scale).reshape(15, -1))) for scale in SCALES}
    words = f"orders up to K - 1 each way span {numbers(full, 'd')} of as many dimensions; "
    return full == [taps**2 for taps in TAPS], f"{words}up to order 4 in all, {numbers(sorted(used), 'd')}"


def weighted_sums_commute() -> float:
    """Compare both lines of equation 2.15: convolve and weigh, or weigh and convolve, at scales 0.5 and 2."""
    worst = 0.0
    for scale in (0.5, 2.0):
        weights = torch.Generator().manual_seed(1)
        layer = GaussianConv2d(
            3, 5, scale, layout="as_described", truncation="text", bias=False, generator=weights
        ).double()
        x, kernels = draws(2, 3, 16, 16), torch.from_numpy(kernels_2d(scale))
        with torch.no_grad():
            composed = torch.einsum("oik,kvu->oivu", layer.weight.view(5, 3, 15), kernels)
            worst = max(worst, gap(layer.plain(x), F.conv2d(x, composed, padding=kernels.shape[-1] // 2)))
    return worst


def two_passes() -> float:
    """Compare a pass across and a pass down with the 2-D convolution they stand for, all kernels (section 2.3.3)."""
    x, worst = draws(2, 1, 20, 20), 0.0
    for scale in SCALES:
        lines = torch.from_numpy(gaussian.sampled_derivatives(scale, ORDER, truncation="text"))
        half = lines.shape[1] // 2
        for n_dx, n_dy in gaussian.derivative_orders(ORDER):
            once = F.conv2d(x, torch.outer(lines[n_dy], lines[n_dx])[None, None], padding=half)
            across = F.conv2d(x, lines[n_dx][None, None, None, :], padding=(0, half))
            worst = max(worst, gap(F.conv2d(across, lines[n_dy][None, None, :, None], padding=(half, 0)), once))
    return worst


def fewer_taps() -> Shown:
    """Ask whether two 1-D kernels have fewer entries than the 2-D one at each size (section 2.3.3)."""
    return all(2 * taps < taps**2 for taps in TAPS), f"{numbers([taps / 2 for taps in TAPS])} times fewer"


def shares(scale: float, recurrence: str = "correct") -> NDArray[np.float64]:
    """Return the sum of each 1-D derivative of order 1 to 4 as a share of its absolute sum."""
    lines = Basis(scale, ORDER, "text", recurrence=recurrence).kernels().numpy()[1:]  # type: ignore[arg-type]
    found: NDArray[np.float64] = lines.sum(axis=1) / np.abs(lines).sum(axis=1)
    return found


def verkes_sums() -> Shown:
    """Ask whether the earlier recurrence gives derivative kernels that do not sum to zero (section 2.3.3, item 1)."""
    sums = [Basis(scale, ORDER, "text", recurrence="verkes").kernels().sum(1).numpy() for scale in SCALES]
    words = f"order 2 sums to {numbers([one[2] for one in sums])}, order 4 to {numbers([one[4] for one in sums])}"
    words += f", orders 1 and 3 to at most {max(float(np.abs(one[[1, 3]]).max()) for one in sums):.0e}"
    return all(abs(shares(scale, "verkes")[[1, 3]]).min() > NEAR for scale in SCALES), words


def even_sums_at_half() -> Shown:
    """Ask whether the earlier recurrence adds to the sums of orders 2 and 4 at scale 0.5, as shares (section 2.3.3)."""
    sums = Basis(SCALES[0], ORDER, "text").kernels().sum(1).numpy()
    right, wrong = shares(SCALES[0]), shares(SCALES[0], "verkes")
    words = f"order 2 sums to {sums[2]:.3f} and order 4 to {sums[4]:.2f}, {100 * abs(right[1]):.1f} and "
    words += f"{100 * abs(right[3]):.1f} % of the absolute sums; uncorrected {100 * abs(wrong[1]):.1f} and "
    return bool((abs(wrong) > abs(right))[[1, 3]].all()), f"{words}{100 * abs(wrong[3]):.1f} %"


def even_sums_above_half() -> Shown:
    """Ask whether the corrected kernels of orders 2 and 4 sum to zero at the other four scales, within a twentieth."""
    found = [float(abs(shares(scale)[[1, 3]]).max()) for scale in SCALES[1:]]
    return max(found) < NEAR, f"at most {numbers([100 * share for share in found])} % of the absolute sum"


def odd_sums() -> float:
    """Return the largest sum of a corrected kernel of odd order, as a share of its absolute sum."""
    return max(float(abs(shares(scale)[[0, 2]]).max()) for scale in SCALES)


def verkes_offset() -> Shown:
    """Ask whether the earlier kernels of order 2 and 4 shift an output's mean, and corrected ones less (2.3.3, item 2).

    One derivative along a line, at scale 1, on images evenly drawn from 0 to 1, away from the border.
    """
    images = torch.rand(50, 1, 1, 400, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    means = []
    for recurrence in ("verkes", "correct"):
        lines = Basis(1.0, ORDER, "text", recurrence=recurrence).kernels()[[2, 4]].double()
        means += [float(F.conv2d(images, line.view(1, 1, 1, -1)).mean()) for line in lines]
    words = (
        f"images of mean {float(images.mean()):.2f} come out with mean {means[0]:.2f} by order 2 and {means[1]:.2f} "
    )
    words += f"by order 4; by corrected kernels with {means[2]:.3f} and {means[3]:.3f}"
    return min(map(abs, means[:2])) > 10 * max(map(abs, means[2:])), words


def confounded() -> list[str]:
    """List what else than the scale changes from scale 0.5 to 2 in raw derivatives of the text's sizes (eq. 2.18, 3.4).

    The absolute sum bounds how far a response can move by inputs within given bounds; a density's own is 1.
    """
    small, large = (np.abs(kernels_2d(scale)).sum(axis=(1, 2)) for scale in (SCALES[0], SCALES[-1]))
    orders = gaussian.derivative_orders(ORDER)
    return [
        f"the kernel of order {orders[k]} has {small[k] / large[k]:,.0f} times the absolute sum at 0.5 that it has at 2"
        for k in (1, 3, 6, 10)
        if small[k] / large[k] > 10
    ]


def example_taps() -> int:
    """Return the size of a kernel at scale 1 (eq. 3.4; section 3.3.2)."""
    return 2 * gaussian.half_width(1.0, "text") + 1


def listed_taps() -> Shown:
    """Ask whether the listing's series and ceiling give the sizes of equation 3.4 (A.2's series; A.1's kernels)."""
    series = 0.5 * np.power(np.power(2 / 0.5, 1 / 4), np.arange(5))
    listed = [2 * int(np.ceil(3 * scale)) + 1 for scale in series]
    words = f"{numbers(listed, 'd')} taps where equation 3.4 gives {numbers(TAPS, 'd')}: in floating point the series "
    return listed == list(TAPS), f"{words}passes {series[2]!s} and ends at {series[4]!s}"


def three_scales() -> Shown:
    """Ask whether the kernels of equation 3.4 reach three scales to either side at each scale (section 4.4)."""
    reach = [gaussian.half_width(scale, "text") / scale for scale in SCALES]
    return min(reach) > 3 - 1e-9, f"they reach {numbers(reach)} scales"


def gaussian_mass() -> float:
    """Return the percentage of a Gaussian's area within three scales of its centre (section 3.3.2)."""
    return 100 * math.erf(3 / math.sqrt(2))


def peak_at_half() -> float:
    """Return the highest value of the 1-D Gaussian at scale 0.5 (section 4.6)."""
    return float(gaussian.gaussian_derivative([0.0], 0.5, 0)[0])


def high_derivatives() -> Shown:
    """Ask whether derivatives at scale 0.5 reach far higher than the Gaussian itself (section 4.6)."""
    peaks = np.abs(gaussian.sampled_derivatives(SCALES[0], ORDER)).max(axis=1)
    words = f"orders 0 to 4 peak at {numbers(peaks)}; at scale 1 order 4 does at "
    at_one = np.abs(gaussian.sampled_derivatives(1.0, ORDER)).max(axis=1)
    return bool(peaks[2] > peaks[0] and peaks[4] > 10 * peaks[0]), f"{words}{at_one[4]:.3g}"


def scale_gradient() -> float:
    """Compare the Gaussian's derivative by its scale, by differentiation, with scale times its second derivative."""
    x, worst = torch.from_numpy(LINE), 0.0
    for scale in SCALES:
        sigma = torch.full_like(x, scale).requires_grad_()
        value = torch.exp(-((x / sigma) ** 2) / 2) / (sigma * math.sqrt(2 * math.pi))
        slope = torch.autograd.grad(value.sum(), sigma)[0]
        worst = max(worst, relative(slope.numpy(), scale * gaussian.gaussian_derivative(LINE, scale, 2)))
    return worst


def size_changes() -> Shown:
    """Ask whether a small change of the scale can change the kernel's size, either way (section 3.1.1)."""
    sizes = [2 * gaussian.half_width(scale, "text") + 1 for scale in (0.6, 0.7, 0.9, 1.1)]
    return len(set(sizes)) > 1, f"{numbers(sizes, 'd')} taps at scales 0.6, 0.7, 0.9, 1.1"
