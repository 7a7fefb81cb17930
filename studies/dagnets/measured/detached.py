"""Two variables that pull each other, with and without detaching one of them (section 4.2).

Shape legend: R step sizes, each with a pair of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

STEPS = 100
START = 0.5
PRINTED_RATE = 0.1  # the slides leave eta open; any in the window of `window_figures` prints what they print
PRINTED = {False: ("0.333333", "-0.333333"), True: ("1.000000", "-0.000000")}
RATES = tuple(step / 1000 for step in range(1, 401))


def descend(rates_R: Tensor, *, detach: bool) -> tuple[Tensor, Tensor]:
    """Return a and b (R) after 100 steps on (a - 1)^2 + (b + 1)^2 + (a - b)^2, from 0.5 and -0.5, in float32.

    With `detach`, b follows a and a does not know of b.
    """
    a, b = (torch.full_like(rates_R, value, requires_grad=True) for value in (START, -START))
    for _ in range(STEPS):
        coupling = (a.detach() if detach else a) - b
        loss = (a - 1) ** 2 + (b + 1) ** 2 + coupling**2
        steps = torch.autograd.grad(loss.sum(), (a, b))
        with torch.no_grad():
            a -= rates_R * steps[0]
            b -= rates_R * steps[1]
    return a.detach(), b.detach()


def prints(rates_R: Tensor, *, detach: bool) -> list[bool]:
    """Say for each step size whether 100 steps print what the slides print."""
    a, b = descend(rates_R, detach=detach)
    return [(f"{x:.6f}", f"{y:.6f}") == PRINTED[detach] for x, y in zip(a.tolist(), b.tolist(), strict=True)]


def pair_figures(rate: float, *, detach: bool) -> dict[str, float]:
    """Return a and b after 100 steps, to four decimals, and whether six decimals are what is printed."""
    rates = torch.tensor([rate])
    a, b = descend(rates, detach=detach)
    return {"a": round(a.item(), 4), "b": round(b.item(), 4), "printed": float(prints(rates, detach=detach)[0])}


def window_figures(*, detach: bool) -> dict[str, float]:
    """Return which step sizes, of thousandths up to 0.4, print what the slides print: first, last, how many.

    All from the lowest to `unbroken_to` do. With detaching, larger ones may leave b at 0.000000 for -0.000000: its sign
    is that of the last rounding.
    """
    same = prints(torch.tensor(RATES), detach=detach)
    first = same.index(True)
    unbroken = next((place for place in range(first, len(same)) if not same[place]), len(same)) - 1
    found = [rate for rate, one in zip(RATES, same, strict=True) if one]
    return {"lowest": found[0], "unbroken_to": RATES[unbroken], "highest": found[-1], "count": float(len(found))}
