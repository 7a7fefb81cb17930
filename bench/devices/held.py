"""Tensors that say they are on the GPU and hold their values on the CPU, so that a run comes to its end and counts.

Every operation passes `Device`, which asks `rules` what CUDA would say of it, makes it on the CPU, and gives back a
tensor on the device that it belongs to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast
from unittest import mock

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.optim import optimizer as optimisers
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from bench.devices import rules
from bench.devices.noted import Notes

GPU = torch.device("cuda", 0)
DRAWN = 4  # by how much a draw moves a generator: Philox counts in fours
aten = torch.ops.aten


class Held(Tensor):
    """A tensor on the GPU, with its values in `held`, on the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Held:
        """Make one of values; shape, strides and type are theirs."""
        made = Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=GPU
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: OpOverload, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Make an operation where no device is set up, as in printing."""
        return made(func, args, kwargs or {})

    def tolist(self) -> Any:
        """Return the values as lists, after a copy to the CPU as torch makes one."""
        return self.cpu().tolist()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """Return a copy, a parameter of a parameter."""
        if id(self) not in memo:
            copied = self.detach().clone()
            is_parameter = isinstance(self, nn.Parameter)
            memo[id(self)] = nn.Parameter(copied, self.requires_grad) if is_parameter else copied
        return cast(Tensor, memo[id(self)])

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Let torch.save write the values."""
        return _on_gpu, (self.held,)


def _on_gpu(held: Tensor) -> Tensor:
    return Held(held)


class Device(TorchDispatchMode):
    """One GPU beside the CPU; what is done on either is judged and noted."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.notes = notes

    def __torch_dispatch__(self, func: OpOverload, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Judge an operation and make it."""
        rules.judge(self.notes, func, args, kwargs or {})
        return made(func, args, kwargs or {})


def made(operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Make an operation on the CPU; what is new lies where `device` says, or with the tensors that it was made of."""
    given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    device = kwargs.get("device")
    on_gpu = any(one.is_cuda for one in given) if device is None else torch.device(device).type == "cuda"
    kwargs = {name: _here(name, value) for name, value in kwargs.items()}
    plain = tree_map(lambda one: one.held if isinstance(one, Held) else one, (tuple(args), kwargs))
    same = {id(one.held if isinstance(one, Held) else one): one for one in given}
    found = OURS.get(operation, operation)(*plain[0], **plain[1])

    def placed(one: Any) -> Any:
        if not isinstance(one, Tensor):
            return one
        if id(one) in same:
            before = same[id(one)]
            assert before.shape == one.shape, f"{operation}: a shape changed in place is not followed"
            return before
        return Held(one) if on_gpu else one

    return tree_map(placed, found)


def _here(name: str, value: Any) -> Any:
    """Return an argument as the CPU takes it."""
    if name == "device" and value is not None:
        return torch.device("cpu") if torch.device(value).type == "cuda" else value
    if name == "generator" and value is not None and value.device.type == "cuda":
        return _drawing(value)
    return False if name == "pin_memory" else value


def _drawing(generator: torch.Generator) -> torch.Generator:
    """Return a CPU generator for one draw of a GPU's, and move that on: its state is what a checkpoint keeps."""
    offset = generator.get_offset()
    generator.set_offset(offset + DRAWN)
    return torch.Generator().manual_seed((generator.initial_seed() + 0x9E3779B97F4A7C15 * offset) % 2**63)


# Operations that torch has for CUDA alone


def lstm_cell(
    of_input: Tensor, of_hidden: Tensor, cell: Tensor, bias: Tensor | None = None, hidden_bias: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the new hidden state and cell of an LSTM (B, H), and its four gates (B, 4H) as the backward pass wants."""
    total = of_input + of_hidden
    for one in (bias, hidden_bias):
        total = total if one is None else total + one
    enters, forgets, proposed, leaves = total.chunk(4, 1)
    gates = [enters.sigmoid(), forgets.sigmoid(), proposed.tanh(), leaves.sigmoid()]
    new = gates[1] * cell + gates[0] * gates[2]
    return gates[3] * new.tanh(), new, torch.cat(gates, 1)


def lstm_cell_backward(
    by_hidden: Tensor | None, by_new: Tensor | None, cell: Tensor, new: Tensor, gates: Tensor, has_bias: bool
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Return the gradients by the gates before their activation, by the cell before, and by the biases."""
    if by_hidden is None and by_new is None:
        return None, None, None
    enters, forgets, proposed, leaves = gates.chunk(4, 1)
    squashed = new.tanh()
    by_new = torch.zeros_like(new) if by_new is None else by_new
    by_leaves = torch.zeros_like(new)
    if by_hidden is not None:
        by_new = by_new + by_hidden * leaves * (1 - squashed**2)
        by_leaves = by_hidden * squashed
    by_gates = torch.cat(
        [
            by_new * proposed * enters * (1 - enters),
            by_new * cell * forgets * (1 - forgets),
            by_new * enters * (1 - proposed**2),
            by_leaves * leaves * (1 - leaves),
        ],
        1,
    )
    return by_gates, by_new * forgets, by_gates.sum(0) if has_bias else None


OURS: dict[OpOverload, Callable[..., Any]] = {
    aten._thnn_fused_lstm_cell.default: lstm_cell,
    aten._thnn_fused_lstm_cell_backward_impl.default: lstm_cell_backward,
}


# Around a run


def _applied(module: nn.Module, function: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """Move a module as torch does on a GPU: its parameters stay the same objects, which an optimiser may hold."""
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        return _APPLY(module, function, recurse)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)


def _loaded(source: Any, map_location: Any = None, **options: Any) -> Any:
    """Load what torch.save wrote; tensors of the GPU go there, or where `map_location` says."""
    found = _LOAD(source, map_location="cpu", **options)
    return found if map_location is None else tree_map(lambda one: _moved(one, map_location), found)


def _moved(one: Any, device: Any) -> Any:
    return one.to(device) if isinstance(one, Tensor) else one


_APPLY: Callable[..., nn.Module] = nn.Module._apply
_LOAD: Callable[..., Any] = torch.load


@contextlib.contextmanager
def device(notes: Notes) -> Iterator[None]:
    """Let this process compute on a GPU that is not there, and note what it does."""
    cudnn = torch._C._get_cudnn_enabled()
    torch._C._set_cudnn_enabled(False)  # operations that have no form for the CPU
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(..., device=) is a copy
    torch.serialization.add_safe_globals([_on_gpu])
    optimisers._foreach_supported_types.append(Held)  # which form of an update a GPU takes

    def updated(*_: Any) -> None:
        notes.updates += 1

    def waited(*_: Any) -> None:
        notes.happened("synchronize()")

    def refused(*_: Any, **_options: Any) -> None:
        notes.refuse("numpy() of a tensor on cuda")

    counting = optimisers.register_optimizer_step_post_hook(updated)
    try:
        with (
            mock.patch.object(nn.Module, "_apply", _applied),
            mock.patch.object(torch, "load", _loaded),
            mock.patch.object(torch._C, "_set_cudnn_enabled", return_value=None),
            mock.patch.object(torch.cuda, "synchronize", waited),
            mock.patch.object(Held, "numpy", refused, create=True),
            mock.patch.object(Held, "__array__", refused, create=True),
            mock.patch.object(torch.cuda, "_lazy_init", return_value=None),
            Device(notes),
        ):
            yield
    finally:
        counting.remove()
        optimisers._foreach_supported_types.remove(Held)
        torch._C._set_only_lift_cpu_tensors(False)
        torch._C._set_cudnn_enabled(cudnn)
