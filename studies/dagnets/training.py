"""Train a classifier as the slides' listing does (section 5.3), and follow it from epoch to epoch.

Shape legend: N images of a set, B batch, C channels, H height, W width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common.images import enlarged
from studies.common.resuming import epochs
from studies.common.training import (
    EVALUATION_BATCH,
    Inputs,
    Labelled,
    batches,
    epoch_order,
    nonfinite,
    reproducible,
    resident,
    train_epoch,
)
from studies.dagnets.cases import Fit
from studies.dagnets.model import networks
from studies.dagnets.model.networks import Classifier

DROP = 0.1  # "then reducing it": by how much is not said
QUANTILES = {"median": 0.5, "p90": 0.9}
FLOOR = 1e-12  # nats; the loss of a sample can be 0 in float32


def moments_of(images: Tensor) -> tuple[float, float]:
    """Return mean and standard deviation of all pixels of uint8 images, whatever the device."""
    counts = torch.bincount(images.flatten().long().cpu(), minlength=256).double()
    levels, total = torch.arange(256, dtype=torch.float64), counts.sum()
    mean = (counts * levels).sum() / total
    return float(mean), float(((counts * (levels - mean) ** 2).sum() / (total - 1)).sqrt())


def normalised_by(train_images: Tensor) -> Inputs:
    """Return what turns uint8 images into (B, C, H, W), standardised by one mean and deviation of the training set."""
    mean, deviation = moments_of(train_images)

    def inputs(images: Tensor) -> Tensor:
        x = images.to(torch.float32).sub_(mean).div_(deviation)
        return x if x.dim() == 4 else x.unsqueeze(1)

    return inputs


@dataclass(frozen=True)
class Parts:
    """Images to train on and to test on, of the network's size; `inputs` brings them to the network."""

    train: Labelled
    test: Labelled
    inputs: Inputs


def parts_of(run: Run, network: Classifier) -> Parts:
    """Return the run's data on its device, as a network is shown them."""
    whole = resident(run, "train", "test", classes=networks.CLASSES)
    train, test = (Labelled(enlarged(data.images, run.dataset.peak, network.size[1]), data.labels_N) for data in whole)
    return Parts(train, test, normalised_by(train.images))


@torch.no_grad()
def sample_losses(network: nn.Module, data: Labelled, inputs: Inputs) -> tuple[float, Tensor]:
    """Return the error (%) over a set and the cross entropy (nats) of each sample, in float64 on the CPU."""
    network.eval()
    size = EVALUATION_BATCH[data.images.device.type]
    wrong, losses = 0, []
    for images, labels in zip(torch.split(data.images, size), torch.split(data.labels_N, size), strict=True):
        scores = network(inputs(images))
        wrong += int((scores.argmax(dim=1) != labels).sum())
        losses.append(F.cross_entropy(scores, labels, reduction="none").double().cpu())
    return 100 * wrong / len(data), torch.cat(losses)


def followed(network: nn.Module, train: Labelled, test: Labelled, inputs: Inputs) -> dict[str, float]:
    """Return what is known of a network after an epoch: errors in percent, losses in nats or their log10."""
    values = {}
    for part, data in (("train", train), ("test", test)):
        error, losses = sample_losses(network, data, inputs)
        values[f"{part}_error"], values[f"{part}_loss"] = error, float(losses.mean())
        for name, share in QUANTILES.items():
            quantile = float(losses.quantile(share))
            values[f"{part}_log10_{name}"] = math.log10(max(quantile, FLOOR))
    return values


def fit(network: Classifier, run: Run, plan: Fit) -> Outcome:
    """Train a network on the run's data; a loss that is not finite ends the run as "nonfinite", with no values."""
    if plan.epochs < 1 or plan.batch < 1:
        raise UsageError(f"training: wanted an epoch and an image a batch or more, got {plan}; choose another profile")
    parts = parts_of(run, network)
    train, test, inputs = parts.train, parts.test, parts.inputs
    networks.initialise(network, run.seed)
    network.to(run.device)
    optimiser = torch.optim.SGD(network.parameters(), lr=plan.learning_rate)
    curves: dict[str, list[float]] = {}
    with reproducible():
        for epoch in epochs(run, plan.epochs, network=network, optimiser=optimiser, curves=curves):
            if epoch == plan.reduced_after + 1 and plan.reduced_after:
                optimiser.param_groups[0]["lr"] *= DROP
            order = epoch_order(len(train), run.seed, epoch) if plan.shuffled else torch.arange(len(train))
            bad, _ = train_epoch(network, optimiser, batches(train, inputs, order, plan.batch))
            if bad is not None:
                return nonfinite(f"loss not finite at update {bad} of epoch {epoch}", len(test), plan.epochs)
            found = followed(network, train, test, inputs)
            for part in ("train", "test"):
                if not math.isfinite(found[f"{part}_loss"]):
                    return nonfinite(f"{part} loss not finite after epoch {epoch}", len(test), plan.epochs)
            for name, value in found.items():
                curves.setdefault(name, []).append(value)
    return Outcome(values=_values(curves), curves=_named(curves), n_test=len(test), epochs=plan.epochs)


def _named(curves: dict[str, list[float]]) -> dict[str, list[float]]:
    """Return the curves under the names of the metrics."""
    named = {name: curve for name, curve in curves.items() if not name.startswith("test_")}
    return named | {_short(name): curve for name, curve in curves.items() if name.startswith("test_")}


def _short(name: str) -> str:
    """Return a metric's name without "test", which goes without saying for error and loss."""
    return name.removeprefix("test_") if name in ("test_error", "test_loss") else name


def _values(curves: dict[str, list[float]]) -> dict[str, float]:
    """Return the values after the last epoch, and the epochs (from 1) with the lowest test loss and test error."""
    values = {name: curve[-1] for name, curve in _named(curves).items()}
    best = {
        f"best_{name}_epoch": 1.0 + curves[f"test_{name}"].index(min(curves[f"test_{name}"]))
        for name in ("loss", "error")
    }
    logs = {f"log10_{name}": math.log10(max(values[name], FLOOR)) for name in ("loss", "train_loss")}
    return values | best | logs
