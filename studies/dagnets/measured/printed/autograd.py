"""What section 4.2 prints, computed anew: one function an item of `AUTOGRAD`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from studies.dagnets.measured.detached import PRINTED_RATE, descend

Texts = list[str]
Numbers = list[float]


def raised(action: Callable[[], object]) -> Texts:
    """Return 'Type: message' of the error that an action raises, in one line, or 'no error'."""
    try:
        action()
    except (RuntimeError, AssertionError) as error:
        return [f"{type(error).__name__}: {' '.join(str(error).split())}"]
    return ["no error"]


def leaf(*values: float) -> Tensor:
    """Return a vector that requires a gradient."""
    return torch.tensor(values, dtype=torch.float32, requires_grad=True)


def requires_grad() -> Texts:
    """Read the flag of a tensor, of a sum without and of a sum with one that requires a gradient."""
    x, y, z = torch.tensor([1.0, 2.0]), torch.tensor([4.0, 5.0]), leaf(7, 3)
    return [str(one.requires_grad) for one in (x, x + y, x + z)]


def whole_number_error() -> Texts:
    """Ask whole numbers for a gradient."""
    return raised(lambda: setattr(torch.tensor([1, 10]), "requires_grad", True))


def gradient_of_two() -> Numbers:
    """Differentiate sum(t^2) + sum(log u)."""
    t, u = leaf(1, 2, 4), leaf(10, 20)
    gradients = torch.autograd.grad(t.pow(2).sum() + u.log().sum(), (t, u))
    return [value for gradient in gradients for value in gradient.tolist()]


def one_element_tuple() -> Numbers:
    """Count what comes back for one input that stands alone."""
    t = leaf(1, 2, 4)
    return [float(len(torch.autograd.grad(t.sum(), t)))]


def backward() -> list[str | float]:
    """Read the gradient of sum(x^3) before and after the backward pass."""
    x = leaf(-3, 2, 5)
    before = str(x.grad)
    x.pow(3).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return [before, *x.grad.tolist()]


def graph() -> list[str | float]:
    """Walk from the sum of absolute values to the leaf."""
    s = leaf(1, -2, 3, -4).abs().sum()
    names, node = [], s.grad_fn
    while node is not None:
        names.append(type(node).__name__)
        node = node.next_functions[0][0] if node.next_functions else None
    return [s.item(), *names]


def pair() -> Texts:
    """Descend on the coupled pair."""
    return _pair(detach=False)


def pair_detached() -> Texts:
    """Descend on the pair whose coupling is detached on one side."""
    return _pair(detach=True)


def _pair(*, detach: bool) -> Texts:
    a, b = descend(torch.tensor([PRINTED_RATE]), detach=detach)
    return [f"{a.item():.06f}", f"{b.item():.06f}"]


def first_derivative() -> Numbers:
    """Differentiate sum(x^2)."""
    return _derivatives()[0].tolist()


def first_derivative_name() -> Texts:
    """Name the operation that made the first derivative."""
    return [type(_derivatives()[0].grad_fn).__name__]


def second_derivative() -> Numbers:
    """Differentiate a function of the first derivative."""
    return _derivatives()[1].tolist()


def _derivatives() -> tuple[Tensor, Tensor]:
    x = leaf(1, 2, 3)
    (first,) = torch.autograd.grad(x.pow(2).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first[0].exp() - first[2].exp(), x)
    return first, second


def in_place_error() -> Texts:
    """Overwrite a sine by its square before the backward pass; adding 1 to it does no harm."""
    harmless = leaf(1, 2, 3).sin()
    harmless += 1
    harmless.sum().backward()  # type: ignore[no-untyped-call]
    y = leaf(1, 2, 3).sin()
    y *= y
    return raised(lambda: y.sum().backward())  # type: ignore[no-untyped-call]


def leaf_error() -> Texts:
    """Add to a leaf in place."""
    return raised(lambda: leaf(1, 2).add_(1))
