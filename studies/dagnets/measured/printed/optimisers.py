"""What sections 5.2 and 5.3 say of torch's optimisers, looked up: one function an item of `OPTIMISERS`."""

from __future__ import annotations

import inspect

from torch import optim

from studies.dagnets.measured.printed.autograd import Numbers, Texts

NAMES = ("SGD", "Adam", "Adadelta", "Adagrad", "RMSprop", "LBFGS")


def adam_defaults() -> Numbers:
    """Read the defaults of torch's Adam."""
    defaults = inspect.signature(optim.Adam).parameters
    return [*defaults["betas"].default, defaults["eps"].default]


def names() -> Texts:
    """Name the listed optimisers that torch has."""
    return [name for name in NAMES if issubclass(getattr(optim, name, object), optim.Optimizer)]
