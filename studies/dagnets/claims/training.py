"""Evidence on losses, descent and training (sections 5.1 to 5.6), computed when it is asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from types import SimpleNamespace
from typing import cast

import scipy.special
import scipy.stats
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.audit.evidence import LEAST_RUNS, Missing, Runs, Shown, exact, values
from repro.study import Run
from studies.common.drawn import distance, drawn
from studies.dagnets.cases import Cifar, Mnist
from studies.dagnets.measured import moments, updates
from studies.dagnets.measured.confidence import confidence_figures
from studies.dagnets.measured.optimisers import vectors
from studies.dagnets.profiles import PAPER
from studies.dagnets.training import normalised_by

PROFILE = "paper"  # the faithful one
BOUND = 10.0  # %, of the test error of a network that is called trained; declared before any faithful run
CLASSES = 5
FORMS = ("slide", "corrected", "torch")


def _scores() -> tuple[Tensor, Tensor]:
    """Return scores of five classes for 20 samples, and their labels."""
    return 3 * drawn("scores", 20, CLASSES), torch.arange(20) % CLASSES


# Losses (5.1)


def right_answers_punished() -> Shown:
    """Raise the right class's score above its target and read both losses (5.1, the figure)."""
    square, cross = (confidence_figures(loss) for loss in ("mean_square", "cross_entropy"))
    words = (
        f"from a right score of 1 to one of 10 the squared error goes from {square['loss_at_1']:g} to "
        f"{square['loss_at_10']:g}, the cross-entropy from {cross['loss_at_1']:g} to {cross['loss_at_10']:g}"
    )
    return square["loss_at_10"] > square["loss_at_1"] and cross["loss_at_10"] < cross["loss_at_1"], words


def posterior_by_its_formula() -> float:
    """Compare exponentials over their sum with the soft-max of torch and of scipy (5.1)."""
    scores, _ = _scores()
    shares = scores.exp() / scores.exp().sum(1, keepdim=True)
    other = torch.from_numpy(scipy.special.softmax(scores.numpy(), axis=1))
    return max(distance(shares, scores.softmax(1)), distance(shares, other))


def soft_arg_max() -> Shown:
    """Scale scores up, and compare their soft-max with the ones and zeros of their largest (5.1)."""
    scores, _ = _scores()
    labels = F.one_hot(scores.argmax(1), CLASSES).double()
    gaps = [float((nn.Softmax(1)(by * scores) - labels).abs().max()) for by in (1.0, 100.0, 1e6)]
    falls = gaps == sorted(gaps, reverse=True) and gaps[-1] < 1e-9
    return falls, f"of scores times 1, 100 and 10^6 it is off by {', '.join(f'{gap:.2g}' for gap in gaps)} at most"


def one_input_for_all_samples() -> float:
    """Evaluate the logarithm of the likelihood with one input in every term, as printed, and with each sample's (5.1).

    The printed terms have no sample's index at their input, so that the first sample's stands in all of them.
    """
    x, w = drawn("x", 20, 4), drawn("w", 4, CLASSES)
    labels = _scores()[1]
    printed, right = (-F.cross_entropy(inputs @ w, labels, reduction="sum") for inputs in (x[:1].expand(20, 4), x))
    return distance(printed, right)


def average_over_samples() -> float:
    """Compare the printed average of minus logarithms with torch's criterion (5.1)."""
    scores, labels = _scores()
    right = scores.gather(1, labels[:, None])[:, 0]
    by_hand = -(right.exp() / scores.exp().sum(1)).log().mean()
    return distance(nn.CrossEntropyLoss()(scores, labels), by_hand)


def cross_entropy_of_two_distributions() -> float:
    """Compare minus the sum of p log q with entropy plus divergence by scipy, for 20 pairs, some p being 0 (5.1)."""
    p, q = (2 * drawn(name, 20, CLASSES) for name in ("p", "q"))
    p[::2, 1] = -math.inf  # exp(-inf) is a share of 0
    p, q = p.softmax(1), q.softmax(1)
    found = -torch.special.xlogy(p, q).sum(1)
    wanted = scipy.stats.entropy(p, axis=1) + scipy.stats.entropy(p, q, axis=1)
    return distance(found, torch.from_numpy(wanted))


def log_of_nothing() -> float:
    """Return the size of 0 log 0 as torch takes it (5.1)."""
    return float(torch.special.xlogy(torch.zeros(()), torch.zeros(())).abs())


def _loss_of(*scores: float) -> float:
    """Return the cross-entropy of scores of which the first is the right class's."""
    return F.cross_entropy(torch.tensor(scores, dtype=torch.float64), torch.tensor(0)).item()


def loss_of_sure_answers() -> Shown:
    """Let the right class's score grow, and compare the loss with what exponentials leave: 2 exp(-score) (5.1)."""
    scores = (10.0, 15.0, 20.0)
    losses = [_loss_of(score, 0, 0) for score in scores]
    ratios = [loss * math.exp(score) / 2 for loss, score in zip(losses, scores, strict=True)]
    ok = all(abs(ratio - 1) < 1e-3 for ratio in ratios)
    return ok, f"for right scores of 10, 15 and 20: {', '.join(f'{x:.2g}' for x in losses)}, as 2 exp(-score)"


def loss_of_wrong_answers() -> Shown:
    """Let a wrong class's score grow (5.1, the range of the loss)."""
    scores = (1.0, 10.0, 1000.0, 1e6)
    losses = [_loss_of(0, score, 0) for score in scores]
    ok = all(loss > math.log(3) for loss in losses) and losses[-1] >= scores[-1]
    return ok, f"log C is {math.log(3):.3f}; for wrong scores of 1 to 10^6: {', '.join(f'{x:.7g}' for x in losses)}"


def loss_in_two_steps() -> float:
    """Compare the cross-entropy with a log-soft-max and the reading of the right class (5.1)."""
    scores, labels = _scores()
    return distance(nn.NLLLoss()(nn.LogSoftmax(dim=1)(scores), labels), nn.CrossEntropyLoss()(scores, labels))


def loss_of_one_sample() -> float:
    """Compare the loss of single samples with its formula (5.6)."""
    scores, labels = _scores()
    by_hand = scores.logsumexp(1) - scores.gather(1, labels[:, None])[:, 0]
    return distance(F.cross_entropy(scores, labels, reduction="none"), by_hand)


# Descent (5.2 and 5.3)


def whole_set_descends() -> Shown:
    """Say what the listing of plain descent comes to in three epochs (5.2)."""
    count, start, end = _descent("full_batch")
    ok = count == updates.EPOCHS and end < start
    return ok, f"{count:g} updates, the loss goes from {start:.4f} to {end:.4f}"


def _descent(listing: str) -> list[float]:
    """Return the updates of a training on drawn vectors, and the loss before and after it."""
    return exact("dagnets", "drawn_descents", "updates", "loss_before", "loss_after", listing=listing)


def _accumulated() -> dict[str, float]:
    """Return the gradient summed over three batches of 20, over the whole one."""
    x, labels = vectors(updates.SAMPLES)
    arrays = {"train_images": x.numpy(), "train_labels": labels.numpy()}
    run = SimpleNamespace(dataset=SimpleNamespace(load=lambda: arrays, peak=1.0))
    return updates.accumulation_figures(20, cast(Run, run))


def accumulated_with_a_sum() -> float:
    """Return how far gradients added over three mini-batches are from the whole set's, of a summed loss (5.2)."""
    found = _accumulated()
    return abs(found["ratio_sum"] - 1) + found["off_sum"]


def gradient_sample_by_sample() -> float:
    """Compare the gradient of a summed loss with the sum of the samples' gradients (5.2)."""
    x, labels = vectors(20)
    network = updates.perceptron(8)
    parameters = list(network.parameters())

    def slope(inputs: Tensor, wanted: Tensor) -> Tensor:
        loss = F.cross_entropy(network(inputs), wanted, reduction="sum")
        return torch.cat([one.flatten() for one in torch.autograd.grad(loss, parameters)])

    singly = [slope(x[place : place + 1], labels[place : place + 1]) for place in range(20)]
    return distance(slope(x, labels), torch.stack(singly).sum(0))


def smaller_sums_scatter_more() -> Shown:
    """Compare the scatter of estimates from all subsets of six drawn gradients, by their size (5.2)."""
    slopes = drawn("slopes", 6, 4)
    scatters = []
    for size in range(1, 7):
        means = torch.stack([slopes[list(one)].mean(0) for one in combinations(range(6), size)])
        scatters.append(float((means - slopes.mean(0)).square().sum(1).mean()))
    falls = all(small > large for small, large in pairwise(scatters))
    return falls, f"mean square error from 1 to 6 of 6 samples: {', '.join(f'{one:.3f}' for one in scatters)}"


def updates_of_the_listing() -> Shown:
    """Count the updates of the listing of mini-batch descent as it is set (5.2)."""
    listed, wanted = (_descent(form)[0] for form in ("update_outside", "optim"))
    words = f"{listed:g} updates in {updates.EPOCHS} epochs of 3 mini-batches, where one after each would be {wanted:g}"
    return listed == wanted, words


def momentum_over_a_barrier() -> Shown:
    """Descend towards a dip before the lowest point, without and with momentum (5.2)."""

    def slope(w: Tensor) -> Tensor:  # of w^2 / 2 + 1.5 cos(3 w)
        return w - 4.5 * torch.sin(3 * w)

    def height(w: float) -> float:
        return w**2 / 2 + 1.5 * math.cos(3 * w)

    ends = [moments.momentum(slope, [4.0], 0.02, gamma, 500)[-1][0] for gamma in (0.0, 0.9)]
    words = f"from 4, plain descent ends at {ends[0]:.2f} with a value of {height(ends[0]):.2f}, "
    return height(ends[1]) < height(ends[0]) - 0.1, words + f"momentum at {ends[1]:.2f} with {height(ends[1]):.2f}"


def dips_left_by_single_samples() -> Shown:
    """Descend from one dip before the lowest by the whole loss, and by single samples, 1,000 times (5.2).

    The loss is the mean of two samples' losses, w^2 / 2 + 1.5 cos(3 w) + 12 w and the same with -12 w. All end by the
    whole loss, so that what is compared are dips.
    """

    def slope(w: Tensor) -> Tensor:
        return w - 4.5 * torch.sin(3 * w)

    def settled(w: Tensor) -> Tensor:
        for _ in range(500):
            w = w - 0.02 * slope(w)
        return w**2 / 2 + 1.5 * torch.cos(3 * w)

    start = torch.full((1000,), 4.0, dtype=torch.float64)
    whole, w = float(settled(start)[0]), start
    for samples in drawn("samples", 500, 1000).sign():
        w = w - 0.02 * (slope(w) + 12 * samples)
    ends = settled(w)
    lower, higher = (float((sign * (whole - ends) > 0.1).double().mean()) for sign in (1, -1))
    words = (
        f"the whole loss ends in a dip of {whole:.2f}; of 1,000 descents by single samples {100 * lower:.1f} % end in "
    )
    return lower > 0.5, words + f"a lower one, {100 * higher:.1f} % in a higher one"


def oscillation_across_a_valley() -> Shown:
    """Count turns across two narrow valleys with gamma 0 and 0.5, and measure the way (5.2, the figure)."""
    words, ok = [], True
    for steep in moments.STEEP:
        plain, damped = (moments.valley_figures(rule, steep) for rule in ("sgd", "momentum"))
        ok &= damped["turns"] < plain["turns"] and damped["way_across"] <= plain["way_across"]
        words.append(f"curvature {steep:g}: {plain['turns']:g} turns and a way of {plain['way_across']:.1f} without, "
                     f"{damped['turns']:g} and {damped['way_across']:.1f} with it")  # fmt: skip
    return ok, "; ".join(words)


def adam_as_printed() -> Shown:
    """Compare where Adam stands on a constant slope with 1 - beta, as printed, with torch's (5.2)."""
    ends = {form: exact("dagnets", "adam_forms", "w_50", form=form)[0] for form in FORMS}
    words = f"after 50 steps of 0.1 along a slope of 1, from 1: {ends['slide']:.3f} as printed, {ends['torch']:.3f} by "
    return ends["slide"] == ends["torch"], words + f"torch's Adam, {ends['corrected']:.3f} with the power t at beta"


def adam_in_place_of_sgd() -> Shown:
    """Compare trainings by the listing with either constructor, all else the same, at the listing's rate (5.3)."""
    count, start, _ = _descent("optim")
    ends = {name: _descent(listing)[2] for name, listing in (("SGD", "optim"), ("Adam", "adam"))}
    words = ", ".join(f"{end:.3f} by {name}" for name, end in ends.items())
    return max(ends.values()) < start, f"after {count:g} updates at 0.1 a loss of {start:.3f} is {words}"


def groups_of_parameters() -> Shown:
    """Say how far one step moves two groups with two rates (5.3)."""
    first, second = (exact("dagnets", "parameter_groups", "moved", rate=rate)[0] for rate in (0.25, 0.5))
    return (first, second) == (-0.25, -0.5), f"one step moves them by {first} and {second}"


def initial_weights() -> Shown:
    """Read the spread of weights at creation for several widths, beside that of Glorot and Bengio's proposal (5.3)."""
    ratios = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer in (nn.Linear(10, 2000), nn.Linear(1000, 100), nn.Conv2d(32, 64, 5)):
            ratios.append(float(layer.weight.detach().std()) * math.sqrt(3 * layer.weight[0].numel()))
        wide, other = nn.Linear(1000, 100), nn.Linear(1000, 100)
        nn.init.xavier_uniform_(other.weight)
    ok = all(abs(ratio - 1) < 0.05 for ratio in ratios)
    bounds = [float(layer.weight.detach().abs().max()) for layer in (wide, other)]
    words = f"standard deviation times sqrt(3 inputs): {', '.join(f'{ratio:.3f}' for ratio in ratios)}; "
    return ok, words + f"from 1,000 to 100 up to {bounds[0]:.3f}, by the proposal up to {bounds[1]:.3f}"


def settings_of_the_listing() -> list[float]:
    """Return rate, epochs and batch that the faithful profile trains on MNIST with (5.3)."""
    fit = PAPER.settings.mnist
    return [fit.learning_rate, float(fit.epochs), float(fit.batch)]


def settings_on_cifar() -> list[float]:
    """Return batch, rate and the epochs before its reduction that the faithful profile has for CIFAR-10 (5.6)."""
    fit = PAPER.settings.cifar
    return [float(fit.batch), fit.learning_rate, float(fit.reduced_after)]


def normalised_as_listed() -> float:
    """Show drawn grey levels as the study does; return how far their mean and deviation are from 0 and 1 (5.3)."""
    levels = (127 * (drawn("pictures", 50, 28, 28) + 1)).to(torch.uint8)
    x = normalised_by(levels)(levels).double()
    return max(abs(float(x.mean())), abs(float(x.std()) - 1))


def errors_below_a_tenth() -> Runs | Missing:
    """Return what the listing's test error on MNIST lies below 10 %, of which guessing has 90 (5.3)."""
    error = values("dagnets", PROFILE, "training_listing", "error", Mnist("lenet_like"))
    return _differences([BOUND] * len(error.values), error, "training_listing")


def epochs_of_a_falling_error() -> Runs | Missing:
    """Count the epochs from the least test loss to the least test error on CIFAR-10 at a constant rate (5.6)."""
    case = Cifar("constant")
    loss, error = (values("dagnets", PROFILE, "cifar_curves", f"best_{name}_epoch", case) for name in ("loss", "error"))
    return _differences(error.values, loss, "cifar_curves --where rate=constant")


def _differences(above: Sequence[float], runs: Runs, asked: str) -> Runs | Missing:
    """Return values less those of some runs, or what is missing where none was made."""
    if not runs.values:
        return Missing(f"no faithful run yet: `repro run dagnets --profile {PROFILE} --experiment {asked}`", LEAST_RUNS)
    return Runs(tuple(one - other for one, other in zip(above, runs.values, strict=True)), runs.diverged)
