"""Train on STL-10 as the released script does: Nesterov SGD, steps, the last epoch's network.

Shape legend: B batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR

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
from studies.sesn.cases import Stl10
from studies.sesn.data.transforms import Draws, Recipe, augment, draw, prepare, recipe_for
from studies.sesn.model import wrn

MOMENTUM, WEIGHT_DECAY, GAMMA = 0.9, 5e-4, 0.2


def batches(data: Labelled, recipe: Recipe, *, batch: int, seed: int, epoch: int) -> Iterator[Batch]:
    """Yield an epoch's batches, cropped, flipped, normalised and cut out; the last batch is partial."""
    indices = torch.split(epoch_order(len(data), seed, epoch).to(data.images.device), batch)
    generator = stream(seed, f"augment/{epoch}")
    drawn = [draw(len(index_B), generator, recipe, side=data.images.shape[-1]) for index_B in indices]
    # Drawn on the CPU, so that every device crops, flips and cuts the same, and moved once.
    for index_B, draws in zip(indices, Draws.join(drawn).to(data.images.device).split(batch), strict=True):
        yield augment(data.images.index_select(0, index_B), draws, recipe), data.labels_N.index_select(0, index_B)


def train_stl10(variant: wrn.Variant, run: Run) -> Outcome:
    """Train one wide residual network and return what its last epoch's network does on the test images.

    `seconds_per_image` is the wall time of training, of which nothing else depends. A loss that is not finite ends the
    run as "nonfinite", with no values.
    """
    settings: Stl10 = run.settings.stl10
    train, test = resident(run, "train", "test", classes=settings.classes)
    recipe = recipe_for(train.images)  # of the training images, for the test images too
    network = wrn.build(variant, widen=settings.widen, classes=settings.classes)
    wrn.initialise(network, run.seed)
    network.to(run.device)  # after the draws, which the CPU makes for every device; before SGD takes the parameters
    with reproducible():
        fitted = fit(network, train, recipe, settings=settings, run=run)
        if isinstance(fitted, str):
            return nonfinite(fitted, len(test), settings.epochs)
        error, loss = evaluate(network, test, partial(prepare, recipe=recipe))
    if not math.isfinite(loss):
        return nonfinite("test loss not finite after the last epoch", len(test), settings.epochs)
    values = {
        "error": error,
        "loss": loss,
        "log10_loss": math.log10(loss),
        "train_loss": fitted.losses[-1],
        "seconds_per_image": sum(fitted.seconds) / (settings.epochs * len(train)),
    }
    return Outcome(values=values, curves={"train_loss": fitted.losses}, n_test=len(test), epochs=settings.epochs)


@dataclass(frozen=True)
class Fitted:
    """The mean loss (nats) of each epoch and the wall time it took (s)."""

    losses: list[float]
    seconds: list[float]


def fit(network: nn.Module, train: Labelled, recipe: Recipe, *, settings: Stl10, run: Run) -> Fitted | str:
    """Train; return what each epoch came to, or where a loss was not finite."""
    dropout = stream(run.seed, "dropout", run.device)
    set_dropout(network, dropout)
    optimiser = SGD(
        network.parameters(), settings.learning_rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY
    )
    schedule = MultiStepLR(optimiser, list(settings.steps), gamma=GAMMA)
    losses: list[float] = []
    seconds: list[float] = []
    state = {"network": network, "optimiser": optimiser, "schedule": schedule, "losses": losses, "seconds": seconds}
    for epoch in epochs(run, settings.epochs, dropout=dropout, **state):
        start = time.perf_counter()
        visited = batches(train, recipe, batch=settings.batch, seed=run.seed, epoch=epoch)
        bad, loss = train_epoch(network, optimiser, visited)
        if bad is not None:
            return f"loss not finite at update {bad} of epoch {epoch}"
        schedule.step()  # before the updates it would skip the first rate (torch.optim, "How to adjust learning rate")
        losses.append(loss)
        seconds.append(time.perf_counter() - start)
    return Fitted(losses, seconds)
