"""Evidence for chapter 4 without runs: schedule, momentum, networks, scales, and what printed accuracies can tell."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise, product

import numpy as np
import torch
import torch.nn.functional as F
from scipy import special
from torch import Tensor, nn

from repro import printed
from repro.audit import evidence
from repro.audit.evidence import Shown
from studies.rfnn import training
from studies.rfnn.cases import KERNELS, SCALES, Training
from studies.rfnn.claims.formulas import Descent, draws
from studies.rfnn.claims.kernels import ORDER, numbers
from studies.rfnn.model import network
from studies.rfnn.model.layers import GaussianConv2d
from studies.rfnn.profiles import PAPER

TEST_IMAGES = 10_000
# Public facts about MNIST: how many images of each digit its training and its test set hold.
TRAIN_DIGITS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
TEST_DIGITS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
FAITHFUL: Training = PAPER.settings
LEVEL = 0.05

published = partial(evidence.published, "rfnn")  # what a claim publishes, by its id


def mnist_counts() -> list[int]:
    """Return how many images MNIST's digits come to, in training and test (section 4.1)."""
    return [sum(TRAIN_DIGITS), sum(TEST_DIGITS)]


# Schedule and momentum


def decay_epochs() -> Shown:
    """Ask whether the listing's remainder of the epoch (A.2) lets the rate decay as often as the text says (4.2)."""
    text, listing = published("decay-epochs")
    every, divisor = int(text.split()[1]), int(listing.split()[-1])
    decays = [epoch for epoch in range(1, 101) if epoch % divisor == 0]
    apart = {after - before for before, after in pairwise(decays)}
    return apart == {every}, f"the listing decays before epochs {numbers(decays[:3], 'd')} and so on"


def momentum_rule() -> float:
    """Compare the study's momentum with 1 - 10 rate at 40 rates from 0.1 down to 0.00001 (section 4.2)."""
    rates: list[float] = np.geomspace(1e-5, 0.1, 40).tolist()
    return max(abs(training.momentum(rate, "tied") - (1 - 10 * rate)) for rate in rates)


@functools.cache
def travelled(state: str) -> tuple[float, ...]:
    """Return how far 120 updates of each of 20 epochs move a weight whose gradient is always 1, as listed in A.2."""
    slope = torch.ones(1, dtype=torch.float64)
    descent = Descent(torch.zeros_like(slope))
    updates, found = sum(TRAIN_DIGITS) // FAITHFUL.batch, []
    for rate in training.learning_rates(FAITHFUL.epochs, FAITHFUL.learning_rate, "listing"):
        before, mass = float(descent.place), training.momentum(rate, network.Switches().momentum)
        if state == "per_epoch":
            descent = Descent(descent.place)
        for _ in range(updates):
            descent.step(slope, rate, mass, nesterov=mass > 0)
        found.append(before - float(descent.place))
    return tuple(found)


def different_steps(epochs: Sequence[int]) -> list[str]:
    """Return in words how a new optimiser in each epoch (A.2) and one kept throughout (4.2) move a weight differently.

    Empty where both move it alike, to 1 %, in these epochs, counted from 1.
    """
    both = [travelled(state) for state in ("per_epoch", "persistent")]
    new, kept = ([found[epoch - 1] for epoch in epochs] for found in both)
    if np.allclose(new, kept, rtol=0.01):
        return []
    words = f"under a gradient of 1, the 120 updates of epochs {numbers(epochs, 'd')} move a weight by {numbers(new)} "
    return [words + f"with a new optimiser each, by {numbers(kept)} with one throughout"]


def one_optimiser() -> list[str]:
    """Return what differs between training with a new optimiser in each epoch (A.2) and with one (4.2)."""
    return different_steps((1, 9, FAITHFUL.epochs - 1))


def decay_slows() -> list[str]:
    """Return what differs between the two about the epochs before a decay and after it (section 4.2, A.2)."""
    return different_steps((9, 10, 11))


# Networks


@functools.cache
def convolved(window: int, side: int, taps: tuple[int, int]) -> Tensor:
    """Return what two of torch's convolutions that keep the size make of one image, pooled between them.

    A filter sees one channel alone, which changes no shape.
    """
    first, second = (size // 2 for size in taps)
    x = nn.Conv2d(1, 64, taps[0], padding=first)(torch.zeros(1, 1, side, side))
    answer: Tensor = nn.Conv2d(64, 128, taps[1], padding=second, groups=64)(F.max_pool2d(x, window, stride=window))
    return answer


def pooled(first: int, second: int, *, side: int, taps: tuple[int, int] = (7, 7)) -> list[int]:
    """Return the shape that torch's layers give of one image: two convolutions that keep its size, each pooled."""
    return list(F.max_pool2d(convolved(first, side, taps), second, stride=second).shape[1:])


def flattened() -> list[int]:
    """Return height, width and channels after two blocks, for 28 by 28 images (figure 4.2)."""
    channels, height, width = pooled(2, 2, side=28)
    return [height, width, channels]


def widths() -> list[int]:
    """Return inputs and outputs of the RFNN's four layers with weights (figure 4.2)."""
    net = network.RFNN(1.0, 1.0)
    sizes: list[int] = []
    for layer in (net.first, net.second):
        assert isinstance(layer, GaussianConv2d)
        sizes += layer.in_channels, layer.out_channels
    return [*sizes, net.hidden.in_features, net.hidden.out_features, net.output.in_features, net.output.out_features]


def doubled_width() -> list[int]:
    """Return twice the width that figure 4.2 prints for the first layer (section 4.3)."""
    return [2 * int(published("rfnn-widths")[1])]


def control_keeps_size() -> Shown:
    """Ask whether a padding of half the kernel lets all 16 control networks end in 7 by 7 maps (figure 4.4)."""
    found = {tuple(pooled(2, 2, side=28, taps=taps)) for taps in product(KERNELS, KERNELS)}
    return found == {(128, 7, 7)}, f"{len(KERNELS) ** 2} networks end in maps of {sorted(found)}"


def head_order() -> Shown:
    """Ask whether dropout before the ELU (figures 4.2, 4.4) is the same as after it (A.2), under the same mask."""
    hidden, keep = draws(1000, 128), draws(1000, 128, seed=1) > 0
    after, before = network.drop(F.elu(hidden), keep), F.elu(network.drop(hidden, keep))
    apart = (after - before).abs()
    share = float((apart > 1e-12).double().mean())
    return share == 0, f"{100 * share:.0f} % of normal inputs come out different, by up to {float(apart.max()):.2f}"


def fewer_weights() -> Shown:
    """Ask whether a pair of channels has fewer weights in an RFNN than in the baseline of 7 by 7 (chapter 5; 4.5)."""
    ours, theirs = math.comb(ORDER + 2, 2), [size**2 for size in KERNELS]
    words = f"{ours} weights for a pair of channels; kernels of {numbers(KERNELS, 'd')} have {numbers(theirs, 'd')}"
    return ours < 7**2, words


def upscaled_pools() -> list[int]:
    """Return side and stride of the second pooling that leave enlarged images at what the others have (section 4.7)."""
    wanted = pooled(2, 2, side=28)
    fitting = [window for window in range(1, 29) if pooled(2, window, side=56) == wanted]
    return fitting * 2


def same_head() -> Shown:
    """Ask whether the linear layers get as many inputs from enlarged images as from the others (section 4.7)."""
    plain, enlarged = (math.prod(pooled(2, window, side=side)) for window, side in ((2, 28), (4, 56)))
    return plain == enlarged, f"{plain:,} and {enlarged:,} inputs"


# Scales


def steps(number: int) -> list[float]:
    """Return the series from 0.5 to 2 in so many steps (eqs 4.1 to 4.3)."""
    ratio = (SCALES[-1] / SCALES[0]) ** (1 / number)
    return [SCALES[0] * ratio**step for step in range(number + 1)]


def series_ends() -> float:
    """Return how far the recipe's series ends from its stop scale, for 1 to 20 steps and five ends (eqs 4.1 to 4.3)."""
    return max(
        abs(SCALES[0] * ratio**number / end - 1)
        for end in (0.7, 1.0, 2.0, 3.0, 8.0)
        for number in range(1, 21)
        for ratio in [float((end / SCALES[0]) ** (1 / number))]
    )


def scale_series() -> list[float]:
    """Return the series of the study (eq. 4.4)."""
    return list(SCALES)


def five_steps() -> Shown:
    """Ask whether n = 5 steps make the printed series (section 4.3)."""
    wanted = [printed.parse(text) for text in published("scale-series")]

    def prints(number: int) -> bool:
        found = steps(number)
        return len(found) == len(wanted) and all(text.rounds(one) for text, one in zip(wanted, found, strict=True))

    fits = [number for number in range(1, 10) if prints(number)]
    words = f"n = 5 makes {len(steps(5))} values, {numbers(steps(5))}; those printed come from n = {numbers(fits, 'd')}"
    return prints(5), words


def scale_count() -> list[int]:
    """Return how many scales equation 4.4 prints (section 4.3)."""
    return [len(published("scale-series"))]


def range_kept() -> Shown:
    """Ask whether the scales lie above 0 and go no further than 2 (section 4.3)."""
    return min(SCALES) > 0 and max(SCALES) <= 2, f"they run from {min(SCALES):g} to {max(SCALES):g}, both included"


def scale_pairs() -> list[int]:
    """Return how many pairs the printed series makes with itself (section 4.3)."""
    return [len(set(product(published("scale-series"), repeat=2)))]


def control_kernels() -> list[int]:
    """Return the sizes that equation 3.4 gives with 2 in the place of 3, at the five scales (section 4.4)."""
    return sorted({2 * math.ceil(2 * scale - 1e-9) + 1 for scale in SCALES})


# What printed accuracies can tell


def images(text: str) -> int:
    """Return how many of the test images a printed accuracy counts."""
    return round(float(printed.parse(text).value) * TEST_IMAGES / 100)


def two_proportions(one: int, other: int) -> float:
    """Return the p-value of no difference between two counts of the test images (two proportions, normal)."""
    pooled = (one + other) / (2 * TEST_IMAGES)
    z = (one - other) / TEST_IMAGES / math.sqrt(2 * pooled * (1 - pooled) / TEST_IMAGES)
    return float(2 * special.ndtr(-abs(z)))


def apart(one: str, other: str) -> tuple[int, float, str]:
    """Return by how many images two printed accuracies differ, the p-value of no difference, and words."""
    difference = abs(images(one) - images(other))
    p = two_proportions(images(one), images(other))
    return difference, p, f"{one} and {other} % are {difference} of {TEST_IMAGES:,} images apart, p={p:.2f}"


def experiment_1_level() -> Shown:
    """Ask whether experiment 1's best accuracy, as section 4.7 implies it, can be told from the baseline's (4.6)."""
    implied = printed.parse(published("exp2-best")[0]).value - printed.parse(published("exp2-gain")[0]).value
    _, p, words = apart(f"{implied}", published("baseline-row")[0])
    return p > LEVEL, words


def experiment_2_level() -> Shown:
    """Ask whether experiment 2's best accuracy can be told from the best control network's (section 4.7)."""
    _, p, words = apart(published("exp2-best")[0], published("baseline-best")[0])
    return p > LEVEL, words


def gain_unremarkable() -> Shown:
    """Ask whether the gain of 0.1 points is within what one run each leaves open (section 4.7)."""
    best = printed.parse(published("exp2-best")[0]).value
    _, p, words = apart(f"{best}", f"{best - printed.parse(published('exp2-gain')[0]).value}")
    return p > LEVEL, words


def counted_accuracies() -> Shown:
    """Ask whether the printed accuracies are whole counts of 10,000 images, as A.2's line of output gives them."""
    texts = [published(claim)[0] for claim in ("baseline-row", "baseline-best", "exp2-best")]
    whole = all(printed.parse(text).value * TEST_IMAGES / 100 == images(text) for text in texts)
    shown = {f"{float(printed.parse(text).value):.0f}" for text in texts}
    words = (
        f"{numbers([images(text) for text in texts], ',')} of {TEST_IMAGES:,}; the percentage beside the count reads "
    )
    return whole, f"{words}{', '.join(shown)} for each"


def best_of(cells: int) -> float:
    """Return by how many deviations the best of so many equal cells is expected to exceed their mean."""
    grid = np.linspace(-8, 8, 4001)
    return float(np.trapezoid(1 - special.ndtr(grid) ** cells - (grid < 0), grid))


def selection() -> list[str]:
    """List what the best accuracy of a grid measures besides the network: the luck of being the best (chapter 4)."""
    accuracy = float(printed.parse(published("baseline-best")[0]).value) / 100
    error = 100 * math.sqrt(accuracy * (1 - accuracy) / TEST_IMAGES)
    return [
        f"the best of {cells} equal cells is expected up to {best_of(cells) * error:.2f} points above their mean"
        for cells in (len(KERNELS), len(KERNELS) ** 2, len(SCALES) ** 2)
    ]


def unequal_terms() -> list[str]:
    """List what differs between the RFNN and the control network besides the layers (sections 4.2 to 4.5)."""
    terms = {
        "epochs": (FAITHFUL.epochs, FAITHFUL.control_epochs),
        "cells to take the best of": (len(SCALES) ** 2, len(KERNELS)),  # of the grid's row of 7x7 (section 4.5)
    }
    return [f"{ours} {name} against {theirs}" for name, (ours, theirs) in terms.items() if ours != theirs]


def guessing() -> Shown:
    """Ask whether a network gone wrong scores about as random guessing does, whichever digit it names (section 4.6).

    One that gives no numbers names digit 0: torch takes the first of them for the largest.
    """
    shares = [100 * count / TEST_IMAGES for count in TEST_DIGITS]
    named = int(torch.full((1, 10), math.nan).argmax(dim=1))
    words = f"a constant answer scores {min(shares):.2f} to {max(shares):.2f} % (digit {int(np.argmax(shares))}); "
    return max(abs(share - 10) for share in shares) < 1.5, f"{words}outputs that are no numbers {shares[named]:.2f} %"


def shuffled_test() -> float:
    """Return how far accuracy moves when the test images come in another order (A.2), over twenty orders."""
    answers, labels = draws(500, 10).argmax(1), draws(500, 10, seed=1).argmax(1)
    whole = float((answers == labels).double().mean())
    orders = (torch.randperm(500, generator=torch.Generator().manual_seed(seed)) for seed in range(20))
    return max(abs(float((answers[order] == labels[order]).double().mean()) - whole) for order in orders)
