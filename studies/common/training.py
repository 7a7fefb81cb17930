"""What every trainer needs: settings under which a run repeats itself, and the outcome of one that left the numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from repro.study import Outcome
from studies.common.randomness import stream

CHECK_EVERY = {"cpu": 1, "cuda": 40}  # updates between two looks at the loss; each look waits for the device


@contextmanager
def reproducible() -> Iterator[None]:
    """Compute on one CPU thread, and on a GPU in full float32 with deterministic kernels; restore both on leaving."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            yield
    finally:
        torch.set_num_threads(threads)


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
