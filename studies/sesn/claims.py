"""The evidence that `claims.toml` names, from the four modules that compute it, each for a part of the blog."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studies.sesn import claims_data, claims_group, claims_layers, claims_table

MODULES = (claims_group, claims_layers, claims_data, claims_table)


def __getattr__(name: str) -> Callable[[], Any]:
    """Return the evidence of this name. Raise AttributeError where no module has it."""
    for module in MODULES:
        if name in vars(module) and not name.startswith("_"):
            evidence: Callable[[], Any] = vars(module)[name]
            return evidence
    raise AttributeError(f"no evidence '{name}' in {', '.join(module.__name__ for module in MODULES)}")
