"""Train a classifier on resident images: batches, updates, evaluation, and settings under which a run repeats itself.

Shape legend: N images of a set, B batch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from repro.errors import IntegrityError
from repro.study import Outcome, Run
from studies.common.randomness import Dropout, stream

CHECK_EVERY = {"cpu": 1, "cuda": 40}  # updates between two looks at the loss; each look waits for the device
EVALUATION_BATCH = {"cpu": 100, "cuda": 2000}

Batch = tuple[Tensor, Tensor]  # what the network sees, labels
Loss = Callable[[Tensor, Tensor], Tensor]  # outputs and what they should be to the mean over the batch
Inputs = Callable[[Tensor], Tensor]  # uint8 images (B, ...) to what the network sees


@contextmanager
def reproducible() -> Iterator[None]:
    """Compute on one CPU thread, in full float32 and with deterministic kernels; restore what was set on leaving."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            _full_precision(),
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _full_precision() -> Iterator[None]:
    """Multiply matrices in full float32, whatever a caller has allowed."""
    # Not by set_float32_matmul_precision, which cannot be read back where a caller has set backends one by one.
    every: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)  # type: ignore[attr-defined]
    before = [backend.fp32_precision for backend in every]
    try:
        for backend in every:
            backend.fp32_precision = "ieee"
        yield
    finally:
        for backend, precision in zip(every, before, strict=True):
            backend.fp32_precision = precision


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Return the order in which an epoch visits the training images."""
    return torch.randperm(count, generator=stream(seed, f"order/{epoch}"))


def first_nonfinite(losses: Iterable[Tensor], device: torch.device) -> int | None:
    """Consume the losses of an epoch's updates; return the number of the first (from 1) that is not finite.

    The updates after it may have been made already: a look at a loss waits for the device.
    """
    waiting: list[Tensor] = []
    seen = 0
    for loss in losses:
        waiting.append(loss)
        if len(waiting) == CHECK_EVERY[device.type]:
            bad = _first_bad(waiting)
            if bad is not None:
                return seen + bad
            seen += len(waiting)
            waiting.clear()
    bad = _first_bad(waiting) if waiting else None
    return None if bad is None else seen + bad


def _first_bad(losses: list[Tensor]) -> int | None:
    finite = torch.stack(losses).isfinite().tolist()
    return finite.index(False) + 1 if False in finite else None


def nonfinite(detail: str, n_test: int, epochs: int) -> Outcome:
    """Return the outcome of a run that left the real numbers."""
    return Outcome(values={}, status="nonfinite", detail=detail, n_test=n_test, epochs=epochs)


@dataclass(frozen=True)
class Labelled:
    """Images (N, ...) as uint8 and labels (N,) on one device."""

    images: Tensor
    labels_N: Tensor

    def __len__(self) -> int:
        return len(self.labels_N)


def resident(run: Run, *parts: str, classes: int) -> tuple[Labelled, ...]:
    """Return parts of the run's data ("train", "val", "test") on its device."""
    arrays = run.dataset.load()
    found = []
    for part in parts:
        labels = torch.tensor(arrays[f"{part}_labels"], dtype=torch.int64)
        if len(labels) == 0 or int(labels.min()) < 0 or int(labels.max()) >= classes:
            raise IntegrityError(
                f"data set '{run.dataset.name}': {part}_labels have to lie in 0 to {classes - 1}, got "
                f"{sorted(set(labels.tolist()))[:12]}; look at how the set was made"
            )
        images = torch.tensor(arrays[f"{part}_images"], device=run.device)
        found.append(Labelled(images, labels.to(run.device)))
    return tuple(found)


def set_dropout(network: nn.Module, generator: torch.Generator) -> None:
    """Let every dropout of the network draw from one generator."""
    for module in network.modules():
        if isinstance(module, Dropout):
            module.generator = generator


def batches(data: Labelled, inputs: Inputs, order_N: Tensor, batch: int) -> Iterator[Batch]:
    """Yield the images of an order in batches, as the network sees them; the last batch is partial."""
    for index_B in torch.split(order_N.to(data.images.device), batch):
        yield inputs(data.images.index_select(0, index_B)), data.labels_N.index_select(0, index_B)


def train_epoch(
    network: nn.Module, optimiser: Optimizer, batches: Iterable[Batch], loss_of: Loss = F.cross_entropy
) -> tuple[int | None, float]:
    """Make one update a batch, by mean cross entropy (nats) or another mean over the batch.

    Return the number of the first update (from 1) whose loss was not finite, if any, and the mean loss of all images
    before their update.
    """
    network.train()
    losses: list[Tensor] = []
    seen = 0

    def updates() -> Iterator[Tensor]:
        nonlocal seen
        for x, labels in batches:
            optimiser.zero_grad()
            loss = loss_of(network(x), labels)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(loss.detach() * len(labels))
            seen += len(labels)
            yield loss.detach()

    bad = first_nonfinite(updates(), next(network.parameters()).device)
    return bad, float(torch.stack(losses).sum()) / seen


@torch.no_grad()
def evaluate(network: nn.Module, data: Labelled, inputs: Inputs) -> tuple[float, float]:
    """Return error (%) and mean cross entropy (nats) over a set: running statistics, no dropout, no augmentation."""
    network.eval()
    size = EVALUATION_BATCH[data.images.device.type]
    wrong = torch.zeros((), dtype=torch.int64, device=data.images.device)
    total = torch.zeros((), dtype=torch.float64, device=data.images.device)
    for images, labels in zip(torch.split(data.images, size), torch.split(data.labels_N, size), strict=True):
        logits = network(inputs(images))
        total += F.cross_entropy(logits, labels, reduction="sum")
        wrong += (logits.argmax(dim=1) != labels).sum()
    return 100 * int(wrong) / len(data), float(total) / len(data)


@torch.no_grad()
def answers(network: nn.Module, x_N: Tensor, *, batch_statistics: bool = False) -> Tensor:
    """Return a network's outputs for all inputs (N, ...), in evaluation mode.

    With `batch_statistics` it is left as in training: batch norm uses the statistics of each batch of inputs, which
    are as many as `EVALUATION_BATCH` says. The network's running statistics do not change.
    """
    shown = copy.deepcopy(network).train() if batch_statistics else network.eval()
    return torch.cat([shown(x_B) for x_B in torch.split(x_N, EVALUATION_BATCH[x_N.device.type])])
