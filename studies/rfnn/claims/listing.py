"""Evidence from appendix A: what stands in its listing, counts and names, which a test holds against the thesis."""

from __future__ import annotations

import warnings

import numpy

from repro.audit.evidence import Shown

EPOCHS = 20
RATE = 0.001
DIVISOR = 10  # of the learning rate, at a decay
BATCH = 500
RETURNS = {"train": 0, "test": 0}  # how many statements of a function return something
MOVES = 3  # moves to the GPU outside of any condition
DEVICE_USES = 0  # of the device chosen, after the choice
NAMES = ("scipy.misc.comb", "numpy.float")


def epochs() -> list[int]:
    """Return for how many epochs the listing trains (A.2)."""
    return [EPOCHS]


def first_rate() -> float:
    """Return the learning rate with which the listing starts (A.2)."""
    return RATE


def decay_factor() -> float:
    """Return what a decay of the listing makes of a rate of 1 (A.2)."""
    return 1 / DIVISOR


def batch_size() -> list[int]:
    """Return the size of the listing's batches (A.2)."""
    return [BATCH]


def accuracies_returned() -> Shown:
    """Ask whether the functions whose results the listing collects return any (A.2)."""
    words = ", ".join(f"{name} returns {number} values" for name, number in RETURNS.items())
    return min(RETURNS.values()) > 0, f"{words}: after {EPOCHS} epochs both lists hold None {EPOCHS} times"


def runs_without_gpu() -> Shown:
    """Ask whether the listing keeps to the CPU where there is no GPU (A.1, A.2)."""
    words = f"tensors or networks are moved to the GPU {MOVES} times unconditionally; "
    return MOVES == 0, f"{words}the device chosen is used {DEVICE_USES} times"


def names_are_there() -> Shown:
    """Ask whether the libraries of today have the names that the listing takes from them (A.1)."""
    there = {f"numpy.{name}" for name in vars(numpy)} | {f"scipy.misc.{name}" for name in _names_of_scipy_misc()}
    gone = [name for name in NAMES if name not in there]
    return not gone, f"not there: {', '.join(gone) or 'none'}"


def triangle() -> str:
    """Return what the generator of orders, two loops, yields up to order 2 (A.1)."""
    pairs = [(i - j, j) for i in range(3) for j in range(i + 1)]
    return ",".join(f"({across},{down})" for across, down in pairs)


def _names_of_scipy_misc() -> set[str]:
    """Return what the module still holds; one that is gone holds nothing, and one that is about to go warns of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from scipy import misc  # type: ignore[attr-defined,unused-ignore]
    except ImportError:
        return set()
    return set(vars(misc))
