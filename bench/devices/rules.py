"""What CUDA says of one operation: refused, a wait for the device, a copy to it.

The rule is one for all operations: tensors lie on one device. What follows are the exceptions that torch makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._pytree import tree_leaves

from bench.devices.noted import Notes

aten = torch.ops.aten
COPIES = (aten._to_copy, aten.copy_, aten._copy_from, aten._copy_from_and_resize)
INDEXING = (aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_, aten._unsafe_index)
NUMBERS = (aten.fill_, aten.fill, aten.masked_fill, aten.masked_fill_)  # which read a number on the CPU as they start
WAITS = {
    aten._local_scalar_dense: "item()",
    aten.equal: "equal()",
    aten.nonzero: "nonzero()",
    aten.masked_select: "masked_select()",
    aten._unique: "unique()",
    aten._unique2: "unique()",
    aten.unique_dim: "unique()",
    aten.unique_consecutive: "unique_consecutive()",
    aten.bincount: "bincount()",
    aten.repeat_interleave: "repeat_interleave()",
}
TO_DEVICE, TO_CPU = "copy to the device", "copy to the CPU"  # the second waits


def name_of(operation: OpOverload) -> str:
    """Return an operation's plain name."""
    return operation._schema.name.partition("::")[2]


def judge(notes: Notes, operation: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Note what an operation costs; raise WrongDevice for what CUDA refuses."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)]
    packet = operation.overloadpacket
    generators(notes, operation, tensors, kwargs)
    if packet in COPIES:
        copied(notes, tensors, kwargs)
    elif packet in INDEXING:
        indexed(notes, operation, args)
    elif any(one.is_cuda for one in tensors):
        mixed(notes, operation, tensors, kwargs)
        if packet in WAITS:
            notes.happened(WAITS[packet])


def generators(notes: Notes, operation: OpOverload, tensors: Sequence[Tensor], kwargs: dict[str, Any]) -> None:
    """Refuse a generator on another device than what is drawn."""
    generator = kwargs.get("generator")
    if generator is None:
        return
    device = torch.device(kwargs.get("device") or (tensors[0].device if tensors else "cpu"))
    if generator.device.type != device.type:
        notes.refuse(f"{name_of(operation)}: a generator on {generator.device.type} for a tensor on {device.type}")


def copied(notes: Notes, tensors: Sequence[Tensor], kwargs: dict[str, Any]) -> None:
    """Note a copy from one device to the other."""
    source = tensors[-1].is_cuda
    wanted = kwargs.get("device")
    target = torch.device(wanted).type == "cuda" if wanted is not None else tensors[0].is_cuda
    if source != target:
        notes.happened(TO_DEVICE if target else TO_CPU)


def indexed(notes: Notes, operation: OpOverload, args: Sequence[Any]) -> None:
    """Refuse a tensor on the CPU that is indexed on the device; an index on the CPU is copied, a mask is waited for."""
    whole, indices = args[0], [one for one in args[1] if one is not None]
    values = [one for one in args[2:] if isinstance(one, Tensor)]
    if not whole.is_cuda and any(one.is_cuda for one in (*indices, *values)):
        notes.refuse(f"{name_of(operation)}: a tensor on cpu indexed, or filled, by one on cuda")
    if not whole.is_cuda:
        return
    if any(one.dim() and not one.is_cuda for one in values):
        notes.refuse(f"{name_of(operation)}: values on cpu for a tensor on cuda")
    if any(not one.is_cuda for one in (*indices, *values)):
        notes.happened(TO_DEVICE)
    if any(one.dtype in (torch.bool, torch.uint8) for one in indices):
        notes.happened("a mask as an index")


def mixed(notes: Notes, operation: OpOverload, tensors: Sequence[Tensor], kwargs: dict[str, Any]) -> None:
    """Refuse tensors of both devices, but for one number on the CPU that is read as the kernel starts."""
    strangers = [one for one in tensors if not one.is_cuda]
    if not strangers:
        return
    listed = name_of(operation).startswith("_foreach_")
    reads = listed or torch.Tag.pointwise in operation.tags or operation.overloadpacket in NUMBERS
    written = any(kwargs.get("out") is one for one in strangers)
    written |= operation._schema.is_mutable and not tensors[0].is_cuda
    chooses = operation.overloadpacket is aten.where  # which copies numbers first
    few = chooses or listed or len(strangers) == 1
    if reads and few and not written and all(one.dim() == 0 for one in strangers):
        if chooses:
            notes.happened(TO_DEVICE)
        return
    every = ", ".join(f"{one.device.type} {tuple(one.shape)}" for one in tensors[:4])
    notes.refuse(f"{name_of(operation)}: tensors on both devices: {every}")
