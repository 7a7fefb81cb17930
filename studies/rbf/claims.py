"""Evidence on what the exercise says of its layer, its network and its training."""

from __future__ import annotations

import datetime
import math

import numpy as np
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor, nn

from repro.audit.evidence import Shown
from studies.common.drawn import drawn
from studies.common.randomness import stream
from studies.common.rounding import significant
from studies.rbf.cases import ADVISED, SIZES
from studies.rbf.measured import fixed
from studies.rbf.model import layer, network

SIZES_TRIED = ((7, 3, 2), (1, 100, 2), (32, 100, 2), (5, 4, 5), (3, 1, 1))  # inputs, centres, features
SIDE = 28  # pixels of MNIST's images
DAY = datetime.date(2021, 5, 28)  # as printed on the first slide
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SEED = 12
STEP, NEAR = 1e-5, 1e-8  # of central differences, and what they leave: the square of the step


def _points(inputs: int, centres: int, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, centres and widths in float64, the widths away from 0 and 1."""
    x_BD, w_KD = 2 * drawn("x", inputs, features), 2 * drawn("w", centres, features)
    return x_BD, w_KD, 0.8 + 0.4 * drawn("sigma", centres).abs()


def _apart(found: Tensor, wanted: Tensor) -> float:
    """Return the largest difference of two arrays."""
    return float((found - wanted).abs().max())


# The first slides


def weekday() -> str:
    """Return the day of the week of the printed date."""
    return WEEKDAYS[DAY.weekday()]


def nested_parameters() -> Shown:
    """Say whether what a layer wraps as parameters is among those of a network that holds it, and nothing else is."""

    class Holder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = layer.RBFLayer(2, 100)
            self.plain = torch.zeros(3)

    names = [name for name, _ in Holder().named_parameters()]
    wanted = sorted(f"inner.{name}" for name in ("w_KD", "sigma_K"))
    return sorted(names) == wanted, f"the network lists {', '.join(names)}, and no tensor that is not wrapped"


def without_base_constructor() -> Shown:
    """Say whether a module refuses parameters until its base class's constructor was called."""

    class Bare(nn.Module):
        def __init__(self) -> None:
            self.w = nn.Parameter(torch.zeros(1))

    try:
        Bare()
    except AttributeError as error:
        return True, f"AttributeError: {error}"
    return False, "a parameter can be stored before"


# The layer


def layer_parameters() -> int:
    """Count the parameters of the layer: weights and widths."""
    return len(list(layer.RBFLayer(network.FEATURES, network.CENTRES).parameters()))


def shapes_apart() -> Shown:
    """Say whether torch refuses to subtract inputs B x D from weights K x D, B and K different and above 1."""
    refused = []
    for inputs, centres, features in SIZES_TRIED:
        if 1 < inputs != centres > 1:
            x_BD, w_KD, _ = _points(inputs, centres, features)
            try:
                torch.sub(w_KD, x_BD)
            except RuntimeError:
                refused.append(True)
            else:
                refused.append(False)
    return bool(refused) and all(refused), f"{sum(refused)} of {len(refused)} sizes are refused: RuntimeError"


def parameter_shapes() -> Shown:
    """Say whether weights are K x D and widths as many as centres, for several sizes."""
    shapes = []
    for _, centres, features in SIZES_TRIED:
        made = layer.RBFLayer(features, centres)
        shapes.append((tuple(made.w_KD.shape), tuple(made.sigma_K.shape)) == ((centres, features), (centres,)))
    return all(shapes), f"{sum(shapes)} of {len(shapes)} sizes"


def distances() -> float:
    """Return how far the layer's distances lie from torch's own (slide on the layer)."""
    x_BD, w_KD, _ = _points(32, 100, 2)
    return _apart(layer.squared_by_norm(x_BD, w_KD).sqrt(), torch.cdist(x_BD, w_KD))


def activations() -> float:
    """Return how far the layer's answers lie from exp(-a^2 / (2 sigma^2)) of distances a at most, all forms."""
    x_BD, w_KD, sigma_K = _points(32, 100, 2)
    wanted = torch.exp(-(torch.cdist(x_BD, w_KD) ** 2) / (2 * sigma_K**2))
    return max(_apart(layer.gaussians(x_BD, w_KD, sigma_K, form), wanted) for form in layer.SQUARED)


def activations_of_a_batch() -> float:
    """Return how far H = exp(-A / (2 sigma^2)), A the sums of squares, lies from the first slide's h."""
    x_BD, w_KD, sigma_K = _points(32, 100, 2)
    first, batch = (layer.gaussians(x_BD, w_KD, sigma_K, form) for form in ("norm", "copies"))
    return _apart(batch, first)


def density_but_for_its_factor() -> float:
    """Return how far the activation function lies from the normal density over the density's value at 0."""
    a = torch.linspace(-8, 8, 1601, dtype=torch.float64)[:, None]
    sigma_K = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    wanted = torch.from_numpy(stats.norm.pdf(a, scale=sigma_K) / stats.norm.pdf(0, scale=sigma_K))
    return _apart(layer.gaussians(a, torch.zeros(3, 1, dtype=torch.float64), sigma_K), wanted)


def range_of_answers() -> Shown:
    """Say whether answers lie in (0, 1], and are 1 at a centre (slide on the layer)."""
    x_BD, figures = 1.2 * fixed.wave((fixed.BATCH, 2), 0.9, 0.5), []
    for form in layer.SQUARED:
        made = fixed.filled(layer.RBFLayer(2, 100, form=form))
        with torch.no_grad():
            figures.append(fixed.activation_figures(made, x_BD, made(x_BD)))
    low, high = (extreme(one[name] for one in figures) for extreme, name in ((min, "smallest"), (max, "largest")))
    at = {significant(one["at_centres"]) for one in figures}
    far = float(layer.gaussians(torch.tensor([[15.0]]), torch.zeros(1, 1), torch.ones(1)))
    said = f"from {low:.1g} to {high:.6f}, at centres {', '.join(f'{one:g}' for one in sorted(at))}"
    return 0 < low <= high <= 1 and at == {1.0}, f"{said}; in float32, 15 sigma away, {far:g}"


def sign_of_sigma() -> float:
    """Return by how much answers change with the signs of the widths."""
    x_BD, w_KD, sigma_K = _points(32, 100, 2)
    return _apart(layer.gaussians(x_BD, w_KD, -sigma_K), layer.gaussians(x_BD, w_KD, sigma_K))


def gradients() -> Shown:
    """Say whether gradients by inputs, centres and widths are those of finite differences, in each form."""
    held = {form: _gradients_apart(form) < NEAR for form in layer.SQUARED}
    return all(held.values()), f"{sum(held.values())} of {len(held)} forms: {', '.join(held)}"


def _gradients_apart(form: layer.Form) -> float:
    """Return how far the gradients of a weighted sum of answers lie from central differences at most."""
    x_BD, w_KD, sigma_K = points = [one.requires_grad_() for one in _points(4, 3, 2)]
    weights = drawn("weights", 4, 3)

    def total() -> Tensor:
        return (layer.gaussians(x_BD, w_KD, sigma_K, form) * weights).sum()

    def moved(point: Tensor, place: int, by: float) -> float:
        flat = point.detach().view(-1)
        before = float(flat[place])
        flat[place] += by
        answer = float(total().detach())
        flat[place] = before
        return answer

    return max(
        abs((moved(point, place, STEP) - moved(point, place, -STEP)) / (2 * STEP) - float(slope))
        for point, slopes in zip(points, torch.autograd.grad(total(), points), strict=True)
        for place, slope in enumerate(slopes.flatten())
    )


# Batches


def copied_shapes() -> Shown:
    """Say whether inputs and weights both come to B x K x D, for several sizes."""
    right = []
    for inputs, centres, features in SIZES_TRIED:
        copies = layer.logical_copies(*_points(inputs, centres, features)[:2])
        right.append({tuple(one.shape) for one in copies} == {(inputs, centres, features)})
    return all(right), f"{sum(right)} of {len(right)} sizes"


def copied_bytes() -> Shown:
    """Say whether the copies take no memory: strides of 0 where values repeat, no byte behind but the inputs' own."""
    strides, behind, own = set(), [], []
    for inputs, centres, features in SIZES_TRIED:
        if inputs > 1 and centres > 1:
            x_BD, w_KD, _ = _points(inputs, centres, features)
            figures = fixed.copies_figures(x_BD, w_KD)
            strides.add(figures["copy_stride"])
            behind.append(figures["copy_bytes"])
            own.append(x_BD.untyped_storage().nbytes())
    said = f"strides of {', '.join(f'{one:g}' for one in sorted(strides))}; {behind[1]:,.0f} bytes behind 32 x 100 x 2"
    return strides == {0.0} and behind == own, f"{said} numbers of 8 bytes, where the inputs have {own[1]:,}"


def summed_shapes() -> Shown:
    """Say whether sums over the features are B x K, and the widths broadcast to them, for several sizes."""
    right = []
    for inputs, centres, features in SIZES_TRIED:
        x_BD, w_KD, sigma_K = _points(inputs, centres, features)
        summed = layer.squared_by_copies(x_BD, w_KD)
        right.append(summed.shape == (summed / (2 * sigma_K**2)).shape == (inputs, centres))
    return all(right), f"{sum(right)} of {len(right)} sizes"


def forward_shapes() -> Shown:
    """Say whether the layer turns inputs B x D into answers B x K, for several sizes."""
    right = []
    for inputs, centres, features in SIZES_TRIED:
        right.append(layer.RBFLayer(features, centres)(torch.zeros(inputs, features)).shape == (inputs, centres))
    return all(right), f"{sum(right)} of {len(right)} sizes"


def summed_by_hand() -> float:
    """Return how far the batch slide's sums of squares lie from a loop over features."""
    x_BD, w_KD, _ = _points(32, 100, 5)
    return _apart(layer.squared_by_copies(x_BD, w_KD), fixed.squared_by_loop(x_BD, w_KD))


# The start


def start_of_the_layer() -> Shown:
    """Say whether centres start like N(0, 1), by Kolmogorov and Smirnov's test of 4,000 numbers, and widths at 1."""
    made = [layer.RBFLayer(network.FEATURES, network.CENTRES) for _ in range(20)]
    for number, one in enumerate(made):
        layer.initialise(one, stream(SEED, f"claims/{number}"))
    centres = np.concatenate([one.w_KD.detach().numpy().ravel() for one in made])
    p = float(stats.kstest(centres, "norm").pvalue)
    ones = all(bool((one.sigma_K == 1).all()) for one in made)
    return p > 0.001 and ones, f"p={p:.2g} of centres from N(0, 1); all widths 1: {'yes' if ones else 'no'}"


def initialisers() -> Shown:
    """Say whether torch's module of initialisers has what the start needs."""
    filled = torch.empty(1000)
    nn.init.normal_(filled, generator=stream(SEED, "claims/normal"))
    ones = nn.init.ones_(torch.empty(3))
    holds = abs(float(filled.std()) - 1) < 0.1 and bool((ones == 1).all())
    return holds, f"normal_ has a deviation of {float(filled.std()):.2f}, ones_ gives {ones.tolist()}"


# The network


def network_sizes() -> list[int]:
    """Return the numbers of features, centres and classes of the network (Task 1)."""
    made = network.DeepRBF(SIDE)
    return [made.to_features.out_features, len(made.rbf.w_KD), made.output.out_features]


def shown_features() -> int:
    """Return how many numbers of an image are plotted (Task 3)."""
    return network.DeepRBF(SIDE).eval().features(torch.zeros(5, 1, SIDE, SIDE)).shape[1]


def shown_centres() -> list[int]:
    """Return the shape of the centres that are plotted (Task 4)."""
    return [*network.DeepRBF(SIDE).rbf.w_KD.shape]


# Training


def cross_entropy() -> float:
    """Return how far torch's loss lies from the mean of -log p of the right class, p by softmax (Task 2)."""
    logits, labels = drawn("logits", 50, network.CLASSES), torch.arange(50) % network.CLASSES
    p = torch.exp(logits) / torch.exp(logits).sum(dim=1, keepdim=True)
    return abs(float(F.cross_entropy(logits, labels) + torch.log(p[torch.arange(50), labels]).mean()))


def advised_rate() -> float:
    """Return the rate of the study's advised recipe, once it is plain descent (Task 2)."""
    return ADVISED.rate if ADVISED.optimiser == "sgd" else math.inf


def guessed() -> float:
    """Return the accuracy (%) of guessing each class as often, on classes of any sizes (Task 2)."""
    shares = drawn("shares", network.CLASSES).abs()
    return 100 * float((shares / shares.sum() / network.CLASSES).sum())


def checkpoints_return() -> Shown:
    """Say whether a saved model answers the same once restored, to the bit, and is no other's (Task 2)."""
    figures = [fixed.round_trip_figures(size) for size in SIZES]
    same, refused = (sum(one[name] for one in figures) for name in ("restored", "refused"))
    holds = same == refused == len(figures)
    return holds, f"{same:g} of {len(figures)} networks answer the same, {refused:g} refuse another's checkpoint"
