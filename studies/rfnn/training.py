"""Train and evaluate as section 4.2 and appendix A.2 say, with the data resident in memory.

Shape legend: N images of a set, B batch, C channels, H height, W width, D features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import SGD

from repro.errors import UsageError
from repro.study import Outcome, Run
from studies.common import resuming
from studies.common.randomness import stream
from studies.common.training import epoch_order, first_nonfinite, nonfinite, reproducible
from studies.rfnn.model.layers import batch_statistics
from studies.rfnn.model.network import DROPOUT, WIDTH_HIDDEN, Switches, TwoBlocks, initialise

MICRO_BATCH = 100  # on the CPU: activations of 100 images stay near the cache
EVALUATION_BATCH = {"cpu": 100, "cuda": 2000}
FIXED_MOMENTUM = 0.99


@dataclass(frozen=True)
class Images:
    """Labelled grey images, resident on one device as uint8, and how to bring them to the network.

    `size` is the side of the images the network sees, before a factor of 2 where `upsample` asks for it.
    """

    images_NHW: Tensor
    labels_N: Tensor
    peak: int
    size: int
    upsample: Literal["none", "bilinear", "bilinear_corners", "pil"] = "none"

    def __len__(self) -> int:
        return len(self.labels_N)

    def inputs(self, index: Tensor | slice) -> Tensor:
        """Return images (B, 1, H, W) in [0, 1], bit for bit what torchvision's ToTensor gives when peak is 255."""
        # index_select copies whole images, about five times as fast as indexing does.
        chosen = self.images_NHW[index] if isinstance(index, slice) else self.images_NHW.index_select(0, index)
        x_BCHW = chosen.unsqueeze(1).to(torch.float32).div_(self.peak)
        if self.upsample == "pil":
            return x_BCHW
        if x_BCHW.shape[-1] != self.size:
            x_BCHW = F.interpolate(x_BCHW, size=self.size, mode="bilinear", align_corners=False)
        if self.upsample != "none":
            corners = self.upsample == "bilinear_corners"
            x_BCHW = F.interpolate(x_BCHW, scale_factor=2, mode="bilinear", align_corners=corners)
        return x_BCHW


def double_pil(images_NHW: Tensor) -> Tensor:
    """Return uint8 images enlarged by 2 as PIL's BILINEAR does: rounded to 8 bits after each of its two passes.

    At a factor of 2 PIL's weights are 3/4 and 1/4, and one pixel alone at the border.
    """

    def widen(values: Tensor) -> Tensor:
        before = torch.cat([values[..., :1], values[..., :-1]], dim=-1)
        after = torch.cat([values[..., 1:], values[..., -1:]], dim=-1)
        pair = torch.stack([3 * values + before, 3 * values + after], dim=-1)
        return ((pair + 2) >> 2).flatten(-2)

    wide = widen(images_NHW.to(torch.int16))
    return widen(wide.mT).mT.to(torch.uint8).contiguous()


def resident(
    arrays: Mapping[str, np.ndarray[Any, Any]], *, peak: int, size: int, switches: Switches, device: str = "cpu"
) -> tuple[Images, Images]:
    """Return the training and the test set on the device."""

    def one(part: str) -> Images:
        images = torch.tensor(arrays[f"{part}_images"], device=device)
        labels = torch.tensor(arrays[f"{part}_labels"], dtype=torch.int64, device=device)
        if switches.upsample == "pil":
            if images.shape[-1] != size:
                raise UsageError(
                    f"upsample 'pil' needs {size}x{size} images, got {images.shape[-1]}; use upsample 'bilinear'"
                )
            images = double_pil(images)
        return Images(images, labels, peak, size, switches.upsample)

    return one("train"), one("test")


def learning_rates(epochs: int, first: float, schedule: Literal["listing", "text"]) -> tuple[float, ...]:
    """Return the learning rate of each epoch.

    The listing (A.2) divides by 10 before epochs 10, 20, ... (counted from 1); the text (section 4.2) after them.
    """
    rates, rate = [], first
    for epoch in range(1, epochs + 1):
        decays = epoch % 10 == 0 if schedule == "listing" else epoch > 1 and epoch % 10 == 1
        rate = rate / 10 if decays else rate
        rates.append(rate)
    return tuple(rates)


def momentum(rate: float, rule: Literal["tied", "fixed"]) -> float:
    """Return the momentum at a learning rate: 1 - 10 rate (section 4.2), or 0.99 throughout."""
    if rule == "fixed":
        return FIXED_MOMENTUM
    if not 0 < 10 * rate <= 1:
        raise UsageError(f"momentum tied to the learning rate is 1 - 10 lr; got lr {rate}, choose one in (0, 0.1]")
    return 1 - 10 * rate


class Optimiser:
    """Nesterov SGD over the epochs; velocities start anew each epoch, or persist."""

    def __init__(self, network: torch.nn.Module, switches: Switches) -> None:
        self.switches = switches
        self.sgd = SGD(network.parameters(), lr=0.0, fused=True)  # each epoch sets its rate

    def epoch(self, rate: float) -> SGD:
        """Return the optimiser of an epoch at a learning rate."""
        mass = momentum(rate, self.switches.momentum)
        if self.switches.optimiser_state == "per_epoch":
            self.sgd.state.clear()
        self.sgd.param_groups[0].update(lr=rate, momentum=mass, nesterov=mass > 0)
        return self.sgd


def update(network: TwoBlocks, sgd: SGD, x_BCHW: Tensor, labels_B: Tensor, keep_BD: Tensor, micro_batch: int) -> Tensor:
    """Make one update on a batch and return its mean loss before the update.

    Micro-batches share the whole batch's statistics and their losses are summed, so that the gradient is the whole
    batch's.
    """
    statistics = batch_statistics(network.batchnorm, x_BCHW)
    sgd.zero_grad()
    total = torch.zeros((), device=x_BCHW.device)
    parts = (torch.split(tensor, micro_batch) for tensor in (x_BCHW, labels_B, keep_BD))
    for x, labels, keep in zip(*parts, strict=True):
        loss = F.nll_loss(network(x, statistics, keep), labels, reduction="sum") / len(x_BCHW)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    sgd.step()
    return total


def epoch_masks(count: int, seed: int, epoch: int) -> Tensor:
    """Return an epoch's dropout masks (count, 128), one row an image in the order of the visit."""
    masks = torch.empty(count, WIDTH_HIDDEN, dtype=torch.bool)
    return masks.bernoulli_(1 - DROPOUT, generator=stream(seed, f"dropout/{epoch}"))


def train_epoch(
    network: TwoBlocks, sgd: SGD, images: Images, *, seed: int, epoch: int, batch: int, micro_batch: int
) -> int | None:
    """Visit every training image once; return the number of the first update (from 1) whose loss was not finite."""
    network.train()
    device = images.images_NHW.device
    order = torch.split(epoch_order(len(images), seed, epoch).to(device), batch)
    masks = torch.split(epoch_masks(len(images), seed, epoch).to(device), batch)
    losses = (
        update(network, sgd, images.inputs(index), images.labels_N[index], keep, micro_batch)
        for index, keep in zip(order, masks, strict=True)
    )
    return first_nonfinite(losses, device)


@torch.no_grad()
def evaluate(network: TwoBlocks, images: Images) -> tuple[float, float]:
    """Return accuracy (%) and mean loss (nats) over a whole set: running statistics, no dropout."""
    network.eval()
    size = EVALUATION_BATCH[images.images_NHW.device.type]
    correct = torch.zeros((), dtype=torch.int64, device=images.labels_N.device)
    total = torch.zeros((), dtype=torch.float64, device=images.labels_N.device)
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        log_probability = network(images.inputs(part))
        total += F.nll_loss(log_probability, images.labels_N[part], reduction="sum")
        correct += (log_probability.argmax(dim=1) == images.labels_N[part]).sum()
    return 100 * int(correct) / len(images), float(total) / len(images)


def train(
    network: TwoBlocks,
    train_set: Images,
    test_set: Images,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
    switches: Switches,
    seed: int,
    micro_batch: int = MICRO_BATCH,
    run: Run | None = None,
) -> Outcome:
    """Train a network and evaluate it after every epoch; a `run` that was cut off goes on where it was.

    The first loss that is not finite ends the run as "nonfinite", with no values.
    """
    optimiser = Optimiser(network, switches)
    rates = learning_rates(epochs, learning_rate, switches.schedule)
    accuracies: list[float] = []
    losses: list[float] = []
    parts = {"network": network, "optimiser": optimiser.sgd, "accuracies": accuracies, "losses": losses}
    for epoch in resuming.epochs(run, epochs, **parts):
        sgd = optimiser.epoch(rates[epoch - 1])
        bad = train_epoch(network, sgd, train_set, seed=seed, epoch=epoch, batch=batch, micro_batch=micro_batch)
        if bad is not None:
            return nonfinite(f"loss not finite at update {bad} of epoch {epoch}", len(test_set), epochs)
        accuracy, loss = evaluate(network, test_set)
        if not math.isfinite(loss):
            return nonfinite(f"test loss not finite after epoch {epoch}", len(test_set), epochs)
        accuracies.append(accuracy)
        losses.append(loss)
    best = max(accuracies)
    values = {
        "accuracy": accuracies[-1],
        "loss": losses[-1],
        "log10_loss": math.log10(losses[-1]),
        "best_accuracy": best,
        "best_epoch": float(accuracies.index(best) + 1),
    }
    curves = {"accuracy": accuracies, "loss": losses}
    return Outcome(values=values, curves=curves, n_test=len(test_set), epochs=epochs)


def run_network(network: TwoBlocks, run: Run, switches: Switches, *, epochs: int) -> Outcome:
    """Initialise, train and evaluate a network as the run's settings and seed say."""
    settings, data = run.settings, run.dataset
    initialise(network, run.seed, switches.gain)
    network.to(run.device)
    sets = resident(data.load(), peak=data.peak, size=settings.image_size, switches=switches, device=run.device)
    with reproducible():
        return train(
            network,
            *sets,
            epochs=epochs,
            batch=settings.batch,
            learning_rate=settings.learning_rate,
            switches=switches,
            seed=run.seed,
            micro_batch=MICRO_BATCH if run.device == "cpu" else settings.batch,
            run=run,
        )
