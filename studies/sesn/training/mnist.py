"""Train on scaled MNIST as the released script does: Adam, steps, the best checkpoint by validation error.

Shape legend: B batch, H height, W width.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.lr_scheduler import MultiStepLR

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common.randomness import stream
from studies.common.resuming import epochs
from studies.common.training import (
    Batch,
    Labelled,
    epoch_order,
    evaluate,
    nonfinite,
    reproducible,
    resident,
    set_dropout,
    train_epoch,
)
from studies.sesn.cases import Mnist
from studies.sesn.data import augmentation
from studies.sesn.model import mnist

MEAN, SD = 0.0607, 0.2161  # of scaled MNIST's pixels in [0, 1], as the released loader has them


def normalised(images_BHW: Tensor) -> Tensor:
    """Return uint8 images as (B, 1, H, W), divided by 255 and standardised with scaled MNIST's mean and deviation."""
    return images_BHW.unsqueeze(1).to(torch.float32).div_(255).sub_(MEAN).div_(SD)


def batches(data: Labelled, *, low: float, batch: int, seed: int, epoch: int) -> Iterator[Batch]:
    """Yield an epoch's batches, each image scaled by a factor from U(low, 1/low); the last batch is partial."""
    order = epoch_order(len(data), seed, epoch).to(data.images.device)
    # One draw an epoch: the factor of an image hangs on its place in the order, and not on the size of the batches.
    factors = augmentation.factors(len(data), low, stream(seed, f"scale/{epoch}")).to(data.images.device)
    for index, factor in zip(torch.split(order, batch), torch.split(factors, batch), strict=True):
        images = data.images.index_select(0, index)
        # As grey levels, before standardising: what the transform fills in is black, not the mean (utils/loaders.py of
        # ISosnovik/sesn, scale_mnist_train_loader).
        if low < 1:
            images = augmentation.augment(images, factor)
        yield normalised(images), data.labels_N.index_select(0, index)


def train_scaled_mnist(model: str, low: float, run: Run) -> Outcome:
    """Train one network on scaled MNIST and return what its best checkpoint does on the test images.

    Training images are scaled anew in each epoch by factors from U(low, 1/low). A loss that is not finite ends the run
    as "nonfinite", with no values.
    """
    settings: Mnist = run.settings.mnist
    train, val, test = resident(run, "train", "val", "test", classes=mnist.CLASSES)
    network = mnist.build(model)
    mnist.initialise(network, run.seed)
    network.to(run.device)  # after the draws, which the CPU makes for every device; before Adam takes the parameters
    with reproducible():
        fitted = fit(network, train, val, settings=settings, low=low, run=run)
        if isinstance(fitted, str):
            return nonfinite(fitted, len(test), settings.epochs)
        network.load_state_dict(fitted.checkpoint)
        error, loss = tested(network, test)
    if not math.isfinite(loss):
        return nonfinite(f"test loss not finite for the checkpoint of epoch {fitted.epoch}", len(test), settings.epochs)
    values = {
        "error": error,
        "loss": loss,
        "log10_loss": math.log10(loss),
        "train_loss": fitted.curves["train_loss"][-1],
        "validation_error": fitted.error,
        "best_epoch": float(fitted.epoch),
    }
    return Outcome(values=values, curves=fitted.curves, n_test=len(test), epochs=settings.epochs)


def tested(network: nn.Module, test: Labelled) -> tuple[float, float]:
    """Return error (%) and mean loss (nats) on test images, which are never augmented."""
    return evaluate(network, test, normalised)


@dataclass(frozen=True)
class Fitted:
    """The best checkpoint, its epoch (from 1) and its validation error (%), and what each epoch came to."""

    checkpoint: dict[str, Tensor]
    epoch: int
    error: float
    curves: dict[str, list[float]]


def fit(network: nn.Module, train: Labelled, val: Labelled, *, settings: Mnist, low: float, run: Run) -> Fitted | str:
    """Train and keep the first of the checkpoints with the lowest validation error; return where a loss was not finite.

    Adam takes neither the decay nor the momentum that the released script records: it never hands them over.
    """
    if settings.epochs < 1:
        raise UsageError(f"scaled MNIST: wanted at least one epoch, got {settings.epochs}; choose another profile")
    dropout = stream(run.seed, "dropout", run.device)
    set_dropout(network, dropout)
    optimiser = Adam(network.parameters(), lr=settings.learning_rate)
    schedule = MultiStepLR(optimiser, list(settings.steps), gamma=0.1)
    best: dict[str, Any] = {"error": math.inf}
    curves: dict[str, list[float]] = {"train_loss": [], "validation_error": []}
    state = {"network": network, "optimiser": optimiser, "schedule": schedule, "best": best, "curves": curves}
    for epoch in epochs(run, settings.epochs, dropout=dropout, **state):
        visited = batches(train, low=low, batch=settings.batch, seed=run.seed, epoch=epoch)
        bad, train_loss = train_epoch(network, optimiser, visited)
        if bad is not None:
            return f"loss not finite at update {bad} of epoch {epoch}"
        schedule.step()  # before the updates it would skip the first rate (torch.optim, "How to adjust learning rate")
        error, _ = evaluate(network, val, normalised)
        curves["train_loss"].append(train_loss)
        curves["validation_error"].append(error)
        # Strictly, so that the first of equals stays (train_scale_mnist.py of ISosnovik/sesn: acc > best_acc); a copy,
        # since a state_dict holds the tensors that training goes on to change.
        if error < best["error"]:
            best.update(checkpoint=copy.deepcopy(network.state_dict()), epoch=epoch, error=error)
    return Fitted(**best, curves=curves)
