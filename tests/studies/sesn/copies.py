"""Count what is copied to a device, without one: tensors on "meta" have a shape and a device, and no values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class _Copies(TorchDispatchMode):
    """Count the copies from the CPU to another device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func._schema.name in ("aten::_to_copy", "aten::copy_"):
            source = args[-1] if func._schema.name == "aten::copy_" else args[0]
            self.count += isinstance(source, Tensor) and source.device.type == "cpu" != found.device.type
        return found


def copies(action: Callable[[], object]) -> int:
    """Return how many tensors an action copies from the CPU to another device."""
    with _Copies() as seen:
        action()
    return seen.count
