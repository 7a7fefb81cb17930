"""Train the deep RBF network by cross entropy and keep the best checkpoint by validation error (Task 2).

Shape legend: N images of a set, B batch, C channels, H height, W width, D features.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer

from repro.errors import IntegrityError, UsageError
from repro.study import Run
from studies.common import resuming
from studies.common.choosing import check_known
from studies.common.training import (
    EVALUATION_BATCH,
    Inputs,
    Labelled,
    batches,
    epoch_order,
    evaluate,
    resident,
    train_epoch,
)
from studies.rbf.cases import Choice, Recipe
from studies.rbf.model.layer import place
from studies.rbf.model.network import CLASSES, DeepRBF, initialise
from studies.rbf.training import checkpoints

VALIDATION_EVERY = 6  # of MNIST, 50,000 images to train on and 10,000 to choose by
MOMENTUM = 0.9


@dataclass(frozen=True)
class Parts:
    """Images to train on, to choose the checkpoint by, and to test on; `inputs` brings them to the network."""

    train: Labelled
    val: Labelled
    test: Labelled
    inputs: Inputs


@dataclass(frozen=True)
class Fitted:
    """The first of the best checkpoints: its content, epoch (from 1), validation error (%) and loss (nats); curves."""

    checkpoint: bytes
    epoch: int
    error: float
    loss: float
    curves: dict[str, list[float]]


def held_out(data: Labelled) -> tuple[Labelled, Labelled]:
    """Return training and validation images: every sixth, from the first, is for validation."""
    chosen = torch.arange(len(data), device=data.labels_N.device) % VALIDATION_EVERY == 0
    return tuple(Labelled(data.images[index], data.labels_N[index]) for index in (~chosen, chosen))  # type: ignore[return-value]


def parts_of(run: Run) -> Parts:
    """Return the run's data on its device; pixels will be divided by the largest possible value."""
    whole, test = resident(run, "train", "test", classes=CLASSES)
    return Parts(*held_out(whole), test, divided_by(run.dataset.peak))


def divided_by(peak: float) -> Inputs:
    """Return what turns uint8 images (B, H, W) into (B, 1, H, W) with values in [0, 1], `peak` being the largest."""
    return lambda images: images.unsqueeze(1).to(torch.float32).div_(peak)


def optimiser_of(network: DeepRBF, recipe: Recipe) -> Optimizer:
    """Return the optimiser that a recipe names."""
    check_known("deep RBF network", "optimiser", recipe.optimiser, ("sgd", "momentum", "adam"))
    if recipe.optimiser == "adam":
        return Adam(network.parameters(), lr=recipe.rate, fused=True)
    momentum = MOMENTUM if recipe.optimiser == "momentum" else 0.0
    return SGD(network.parameters(), lr=recipe.rate, momentum=momentum, fused=True)


def build(run: Run, choice: Choice, parts: Parts) -> DeepRBF:
    """Return the network on the run's device, drawn from its seed; from "features", centres lie on training images."""
    side = parts.train.images.shape[-1]
    network = DeepRBF(side, run.settings.channels, kernel=choice.kernel, activation=choice.activation)
    initialise(network, run.seed, choice.start)
    network.to(run.device)
    if choice.start == "features":
        place_on_images(network, parts, run.seed)
    return network


@torch.no_grad()
def place_on_images(network: DeepRBF, parts: Parts, seed: int) -> None:
    """Put the RBF centres where the untrained network, with the batch's own statistics, puts as many images."""
    chosen = epoch_order(len(parts.train), seed, 0)[: len(network.rbf.w_KD)].to(parts.train.images.device)
    network.train()
    place(network.rbf, network.features(parts.inputs(parts.train.images.index_select(0, chosen))))
    network.norm1.reset_running_stats()
    network.norm2.reset_running_stats()


def fit(
    network: DeepRBF, parts: Parts, recipe: Recipe, *, epochs: int, batch: int, seed: int, run: Run | None = None
) -> Fitted | str:
    """Train and keep the first of the checkpoints with the lowest validation error; return where a loss was not finite.

    The loss between equal errors does not choose, as in the document, which measures accuracy. A `run` that was cut off
    goes on where it was.
    """
    if epochs < 1 or batch < 1:
        raise UsageError(
            f"deep RBF network: wanted at least one epoch and one image a batch, got {epochs} and {batch}; "
            "choose another profile"
        )
    optimiser = optimiser_of(network, recipe)
    curves: dict[str, list[float]] = {"train_loss": [], "validation_error": []}
    best: dict[str, Any] = {"checkpoint": b"", "epoch": 0, "error": math.inf, "loss": math.inf}
    for epoch in resuming.epochs(run, epochs, network=network, optimiser=optimiser, curves=curves, best=best):
        order = epoch_order(len(parts.train), seed, epoch)
        visited = batches(parts.train, parts.inputs, order, batch)
        bad, train_loss = train_epoch(network, optimiser, visited)
        if bad is not None:
            return f"loss not finite at update {bad} of epoch {epoch}"
        error, loss = evaluate(network, parts.val, parts.inputs)
        curves["train_loss"].append(train_loss)
        curves["validation_error"].append(error)
        if error < best["error"]:
            kept = io.BytesIO()
            checkpoints.save(network, kept)
            best.update(checkpoint=kept.getvalue(), epoch=epoch, error=error, loss=loss)
    return Fitted(**best, curves=curves)


def restored(network: DeepRBF, fitted: Fitted, parts: Parts) -> DeepRBF:
    """Set a network to the best checkpoint; raise IntegrityError unless it repeats its validation error and loss."""
    checkpoints.restore(network, io.BytesIO(fitted.checkpoint))
    found = evaluate(network, parts.val, parts.inputs)
    if found != (fitted.error, fitted.loss):
        raise IntegrityError(
            f"checkpoint of epoch {fitted.epoch}: validation error and loss were ({fitted.error}, {fitted.loss}), and "
            f"are {found} once restored; something of the network's state is not saved"
        )
    return network


@torch.no_grad()
def features_of(network: DeepRBF, data: Labelled, inputs: Inputs) -> Tensor:
    """Return the two features (N, 2) of every image of a set, in evaluation mode."""
    network.eval()
    size = EVALUATION_BATCH[data.images.device.type]
    return torch.cat([network.features(inputs(images)) for images in torch.split(data.images, size)])
