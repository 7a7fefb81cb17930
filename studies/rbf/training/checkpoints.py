"""Keep a network's state and give it back, to the same kind of network only."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import BinaryIO

import torch
from torch import nn

from repro.errors import InfrastructureError, IntegrityError, UsageError


def save(network: nn.Module, target: Path | BinaryIO) -> None:
    """Write parameters and running statistics to a file."""
    torch.save(network.state_dict(), target)


def restore(network: nn.Module, source: Path | BinaryIO) -> None:
    """Set a network's state to the one in a file; the first entry that differs in name or shape is named (UsageError).

    A path that is no file raises UsageError, one that cannot be read InfrastructureError, a file that holds no state
    IntegrityError. Nothing but tensors is unpacked.
    """
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise UsageError(f"checkpoint: {_named(source)} is no file; name one that save() wrote") from error
    except OSError as error:
        raise InfrastructureError(f"checkpoint: {_named(source)} cannot be read ({error.strerror}); see why") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"checkpoint: {_named(source)} is not readable ({reason}); train it anew") from error
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise IntegrityError(f"checkpoint: {_named(source)} holds no network's state; train it anew")
    own = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    kept = {name: tuple(value.shape) for name, value in state.items()}
    for name in [*own, *kept]:
        if own.get(name) != kept.get(name):
            raise UsageError(
                f"checkpoint: {_named(source)} is of another network: wanted {name} {_shape(own, name)}, got "
                f"{_shape(kept, name)}; build the network that was saved"
            )
    network.load_state_dict(state)


def _named(source: Path | BinaryIO) -> str:
    return str(source) if isinstance(source, Path) else "the file"


def _shape(shapes: dict[str, tuple[int, ...]], name: str) -> str:
    return f"of shape {shapes[name]}" if name in shapes else "nowhere"
