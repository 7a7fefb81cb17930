"""What every trainer needs: settings under which a run repeats itself, and the outcome of one that left the numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from repro.study import Outcome


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


def nonfinite(detail: str, n_test: int, epochs: int) -> Outcome:
    """Return the outcome of a run that left the real numbers."""
    return Outcome(values={}, status="nonfinite", detail=detail, n_test=n_test, epochs=epochs)
