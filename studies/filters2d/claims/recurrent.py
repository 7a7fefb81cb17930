"""Evidence on sections 13 to 16: non-linear filters, recursive filters, recurrent model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.ndimage as ndi
import torch
from torch import Tensor, nn

from repro.audit.evidence import Shown
from studies.common.drawn import drawn
from studies.common.randomness import stream
from studies.filters2d import model
from studies.filters2d.cases import SEED
from studies.filters2d.claims.evidence import relative, weight_shape
from studies.filters2d.data import signals
from studies.filters2d.measured import filters, listings

# Section 13


def _bends() -> dict[str, Callable[[Tensor], Tensor]]:
    """Return the section's examples of non-linear filters, of images (1, 1, H, W), by name."""
    return {
        "maximum": nn.MaxPool2d(3, 1, 1),
        "minimum": lambda x: -nn.MaxPool2d(3, 1, 1)(-x),
        "median": signals.median,
        "percentile": lambda x: torch.from_numpy(ndi.percentile_filter(x.numpy(), 70, size=(1, 1, 3, 3))),
        "opening": lambda x: torch.from_numpy(ndi.grey_opening(x.numpy(), size=(1, 1, 3, 3))),
        "threshold": lambda x: (x > 0.2).double(),
        "Sigmoid": nn.Sigmoid(),
        "ReLU": nn.ReLU(),
        "MaxPool2d": nn.MaxPool2d(2, 2),
    }


def superposition_fails() -> Shown:
    """Say whether the section's non-linear filters all break the superposition of two images (section 13.1)."""
    x, y = drawn("x", 1, 1, 16, 16), drawn("y", 1, 1, 16, 16)
    broken = [name for name, one in _bends().items() if relative(one(x + y), one(x) + one(y)) > 0.01]
    return len(broken) == len(_bends()), f"{len(broken)} of {len(_bends())} break it: {', '.join(broken)}"


def activations() -> float:
    """Return how far torch's three curves lie from their formulas at 100 points (section 13.2, In [64])."""
    x = torch.linspace(-2, 2, 100, dtype=torch.float64)
    pairs = (
        (nn.Sigmoid()(x), 1 / (1 + torch.exp(-x))),
        (nn.ReLU()(x), x * (x > 0)),
        (nn.Softplus()(x), torch.log(1 + torch.exp(x))),
    )
    return max(relative(found, wanted) for found, wanted in pairs)


def nearer(name: str, within: float, plain: Callable[[Tensor], Tensor], called: str) -> Shown:
    """Say whether a scaled sigmoid stays nearer to what it stands for than something plainer does (section 13.2)."""
    off = filters.approximation_figures(name, within)["largest"]
    x = torch.linspace(-within, within, 2001, dtype=torch.float64)
    other = float((plain(x) - torch.from_numpy(filters.CURVES[name][1](x.numpy()))).abs().max())
    return off < other, f"off by up to {off:.3f} within {within:g} of 0, {called} by up to {other:.3f}"


def sigmoid_for_identity() -> Shown:
    """Compare the scaled sigmoid with the identity, beside one that has its slope and is not stretched (In [65])."""
    return nearer("identity", 4.0, lambda x: 4 * (torch.sigmoid(x) - 0.5), "a sigmoid of the same slope in the middle")


def sigmoid_for_softplus() -> Shown:
    """Compare the scaled and shifted sigmoid with softplus, beside ReLU (section 13.2, In [66])."""
    return nearer("softplus", 5.0, torch.relu, "ReLU")


def grey_and_median_shapes() -> list[int]:
    """Return the shape of a grey 32 x 32 picture and of its median, colours and count apart (section 13.2, In [72])."""
    grey = signals.grey(drawn("rgb", 2, 3, 32, 32).abs())
    return [*grey.shape[2:], *signals.median(grey).shape[2:]]


def median_network_shapes() -> list[int]:
    """Return the shapes of the weights of the network for the median, layer by layer (section 13.2, In [73])."""
    made = model.median_network()
    return [count for layer in (0, 1, 3) for count in weight_shape(made, f"{layer}.weight")]


def isolated(dots: Tensor) -> Tensor:
    """Return those dots of images (N, 1, H, W) that have no other within three pixels either way."""
    counts = ndi.uniform_filter(dots.double().numpy(), size=(1, 1, 7, 7), mode="constant") * 49
    return dots * torch.from_numpy(counts < 1.5)


def median_of_dots() -> Shown:
    """Say whether the 4 x 4 median of isolated dots is empty, in 200 images (section 13.2, In [76])."""
    dots = signals.dots(200, 64, stream(SEED, "claims/median"))
    alone = isolated(dots)
    left, left_of_all = (int((signals.median(one).amax(dim=(1, 2, 3)) > 0).sum()) for one in (alone, dots))
    return left == 0, (
        f"of {int(alone.sum()):,} isolated dots something is left in {left} of {len(dots)} images; of all "
        f"{int(dots.sum()):,} as drawn, in {left_of_all}"
    )


# Sections 14 and 15


def recursion_coefficients() -> list[float]:
    """Return the factors of the recursive filter from its answer to one pulse after the start (section 14)."""
    pulse = np.zeros(10)
    pulse[1] = 1
    found = signals.recursive(pulse)
    return [float(found[3] / found[2]), float(found[2])]


def recursion_as_recurrent_network() -> float:
    """Return how far the recursive filter lies from torch's recurrent network with the same weights (section 15).

    Its ReLU changes nothing, since inputs and states are positive.
    """
    x = drawn("x", 100).abs()
    network = nn.RNN(1, 1, nonlinearity="relu", bias=False).double()
    with torch.no_grad():
        network.get_parameter("weight_ih_l0").fill_(1 - signals.DECAY)
        network.get_parameter("weight_hh_l0").fill_(signals.DECAY)
        states, _ = network(x[:, None], x[:1, None])
    return relative(torch.from_numpy(signals.recursive(x.numpy()))[1:], states[:-1, 0])


def recursion(fed: np.ndarray, feedback: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return y with sum_k feedback_k y_(t - k) = sum_k fed_k x_(t - k), feedback_0 being 1 and everything before 0."""
    answer = np.convolve(fed, x)[: len(x)]
    for at in range(len(x)):
        before = answer[max(at - len(feedback) + 1, 0) : at][::-1]
        answer[at] -= feedback[1 : 1 + len(before)] @ before
    return answer


def recursive_off(order: int, length: int = 40) -> float:
    """Return by how much a recursive filter of an order misses the Gaussian of section 16, run both ways.

    Its feedback is fitted to one half of the Gaussian by linear prediction (Prony), what it feeds in by that half's
    first values.
    """
    half = np.exp(-(np.arange(length) ** 2) / (2 * signals.SMOOTHING**2))
    half /= 2 * half.sum() - half[0]
    past = np.array([half[at : at + order][::-1] for at in range(length - order)])
    feedback = np.r_[1, -np.linalg.lstsq(past, half[order:], rcond=None)[0]]
    pulse = np.zeros(2 * length - 1)
    pulse[length - 1] = 1
    forward, backward = (
        recursion(np.convolve(half, feedback)[:order], feedback, pulse[::turn])[::turn] for turn in (1, -1)
    )
    found = forward + backward - half[0] * pulse
    wanted = np.r_[half[:0:-1], half]
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def recursive_against_gaussian() -> Shown:
    """Say whether a recursive filter of low order comes within 1 % of a Gaussian FIR filter (section 15)."""
    off = {order: 100 * recursive_off(order) for order in (1, 2, 4)}
    said = ", ".join(f"{value:.2g} % at order {order}" for order, value in off.items())
    return off[4] < 1, f"off the Gaussian of sigma 3: {said}"


# Section 16


def pulse_parameters() -> list[float]:
    """Return density of pulses, factor and sigma of their smoothing, as measured (section 16, In [79])."""
    pulses = signals.pulses(1000, 200, stream(SEED, "claims/pulses"))
    one = torch.zeros(1, 1, 101)
    one[0, 0, 50] = 1
    found = signals.smoothed(one)[0, 0].double()
    spread = (found * (torch.arange(101) - 50).square()).sum() / found.sum()
    return [float(pulses.mean()), float(found.sum()), float(spread.sqrt())]


def lstm_channels() -> list[int]:
    """Return hidden units, channels of both directions, and outputs of the smoothing network (section 16, In [82])."""
    states, _, output = model.smoother("lstm").children()
    hidden, both = weight_shape(states, "lstm.weight_hh_l0")[1], int(states(torch.zeros(1, 1, 5)).shape[1])
    return [hidden, both, weight_shape(output)[0]]


def printed_output_layer() -> Shown:
    """Say whether torch has the layer by the name under which LSTM2 asks for it (section 16, In [85])."""
    raised = listings.listing_figures("conv2d_name")["raised"]
    return raised == 0, "torch.nn " + ("has no layer of that name: AttributeError" if raised else "has it")
