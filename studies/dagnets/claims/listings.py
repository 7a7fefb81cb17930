"""Evidence on the names that listings use, looked up when it is asked for."""

from __future__ import annotations

import builtins
from dataclasses import dataclass

from repro.audit.evidence import Shown


@dataclass(frozen=True)
class Listing:
    """The names that a listing reads and does not make itself, and those of them that are data or given elsewhere."""

    reads: str
    given: str = ""


IMPORTED = {"torch", "torchvision", "MNIST", "PIL", "F"}  # by some slide, or said to be the usual name
LISTINGS = {
    "timing": Listing("time torch range print"),
    "coupled pair": Listing("torch range print eta"),
    "regression without graph": Listing("torch range x y eta", given="x y"),
    "kernels made by hand": Listing("torch mnist_train", given="mnist_train"),
    "ReLU": Listing("x F", given="x"),
    "linear layer": Listing("torch nn print"),
    "module with a list": Listing("torch nn Parameter super print"),
    "training": Listing("torch torchvision nn F device zip range super"),
    "Adam for SGD": Listing("optim model eta", given="model"),
}


def undefined(name: str) -> list[str]:
    """Return the names of a listing that no slide defines, imports or gives, and that are no data."""
    listing = LISTINGS[name]
    return sorted(set(listing.reads.split()) - IMPORTED - set(listing.given.split()) - set(dir(builtins)))


def names_of_the_timing() -> Shown:
    """Look for names that the timing listing uses and nothing defines."""
    missing = undefined("timing")
    return not missing, f"not defined on any slide: {', '.join(missing) or 'none'}"


def names_of_all_listings() -> Shown:
    """Look for names that listings use and nothing defines."""
    missing = {name: undefined(name) for name in LISTINGS}
    words = "; ".join(f"{name}: {', '.join(names)}" for name, names in missing.items() if names)
    return not words, f"not defined on any slide: {words or 'none'}"
