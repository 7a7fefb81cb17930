"""Epochs that are taken up where a run was cut off, with the same bits as if it had not been."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from repro.checkpoint import Checkpoint
from repro.study import Run


def epochs(run: Run | None, total: int, **parts: Any) -> Iterator[int]:
    """Yield the epochs, from 1, that are left to a run; all of them where it is none.

    `parts` is all that an epoch changes and a later one reads: networks, optimisers, schedules, generators, and lists
    and dicts of plain values or tensors, which are filled in place. They are set before the first epoch to what was
    kept of the run, if anything was, and kept from time to time after an epoch whose body came to its end.
    """
    if run is None or run.checkpoint is None:
        yield from range(1, total + 1)
        return
    first = restore(run.checkpoint, parts)
    for epoch in range(first + 1, total + 1):
        yield epoch
        if epoch < total and run.checkpoint.due():
            states = {name: _state(part) for name, part in parts.items()}
            run.checkpoint.keep(_written({"epoch": epoch, "parts": states}), share=epoch / total)


def restore(checkpoint: Checkpoint, parts: Mapping[str, Any]) -> int:
    """Set parts to what was kept of a run and return the epoch it was kept after, 0 where nothing was."""
    content = checkpoint.load()
    if content is None:
        return 0
    kept = torch.load(io.BytesIO(content), weights_only=True)  # each to its device: Adam counts its steps on the CPU
    for name, part in parts.items():
        _set(part, kept["parts"][name])
    return int(kept["epoch"])


def _written(state: Mapping[str, Any]) -> bytes:
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


def _state(part: Any) -> Any:
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part if isinstance(part, list | dict) else part.state_dict()


def _set(part: Any, state: Any) -> None:
    if isinstance(part, torch.Generator):
        part.set_state(state)
    elif isinstance(part, list):
        part[:] = state
    elif isinstance(part, dict):
        part.clear()
        part.update(state)
    else:
        part.load_state_dict(state)
