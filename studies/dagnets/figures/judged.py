"""The claims that judge printed items of which a part does not come out to the letter, and their blessed verdicts."""

from __future__ import annotations

from repro.audit import evidence

CLAIMS: dict[str, tuple[str, ...]] = {
    "first_derivative_name": ("ag-higher-order-name",),
    "target_error": ("mod-mse-target-grad",),
    "dense_memory": ("conv-dense-memory",),
    "score_format": ("alexnet-format",),
    "googlenet_ratio": ("googlenet-ratio",),
    "block": ("resnet-block64",),
    "flops": tuple(f"resnet-flops-{depth}" for depth in (18, 34, 50, 101, 152)),
}
HOLDS = "reproduced"


def verdict_of(item: str) -> str:
    """Return what the claims of a printed item came to: "reproduced" if all did, otherwise the other verdicts.

    It is "no claim" of an item that none judges.
    """
    blessed = evidence.verdicts("dagnets")
    found = dict.fromkeys(blessed[claim] for claim in CLAIMS.get(item, ()))
    return ", ".join(one for one in found if one != HOLDS) or (HOLDS if found else "no claim")
