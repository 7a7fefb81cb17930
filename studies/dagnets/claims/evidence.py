"""What several chapters take evidence from, and what this torch words otherwise than the slides do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from repro.printed import parse
from studies.dagnets.measured.printed import comparison
from studies.dagnets.published.items import published_named


def jacobian(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return torch's Jacobian of a function."""
    found: Tensor = torch.autograd.functional.jacobian(function, at)  # type: ignore[no-untyped-call]
    return found


def about(value: float, text: str) -> bool:
    """Say whether a value, rounded or cut off to two digits, is a print that is approximate or may be cut off."""
    number = parse(f"{parse(text).value:.1e}")
    return number.rounds(value) or number.truncates(value)


def beginning(topic: str, name: str) -> list[str]:
    """Return what is computed for a printed item, cut to the length of the beginning that is printed."""
    stem = published_named(topic, name).parts[0].removesuffix(comparison.OPEN)
    return [part.computed[: len(stem)] for part in comparison.recomputed(published_named(topic, name))]


def drift(topic: str, name: str) -> list[str]:
    """Return the parts of a printed item that this torch words otherwise, none where it does not."""
    release = torch.__version__.partition("+")[0]
    return [
        f"torch {release}: {part.computed}; the slides: {part.published}"
        for part in comparison.recomputed(published_named(topic, name))
        if not part.equal
    ]
