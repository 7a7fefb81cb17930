"""Compare what was computed with what was printed, at the printed precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from repro import printed
from studies.dagnets.measured.printed import (
    architectures,
    autograd,
    convolution,
    losses,
    modules,
    optimisers,
    resnet,
)
from studies.dagnets.published.items import Published

Value = str | float  # what is recomputed for a printed part: a text that is compared as one, or a number

TOPICS = {
    "autograd": autograd,
    "modules": modules,
    "convolution": convolution,
    "losses": losses,
    "optimisers": optimisers,
    "architectures": architectures,
    "resnet": resnet,
}
UNITS = {"": 0, "k": 3, "m": 6, "Gb": 9, " times": 0}  # powers of ten
OPEN = "…"


@dataclass(frozen=True)
class Part:
    """A printed part, what was computed for it, written the same way, and whether the two agree."""

    published: str
    computed: str
    equal: bool


def recomputed(item: Published) -> list[Part]:
    """Compute an item anew and hold each part against what was printed; a part that only one side has never agrees."""
    function: Callable[[], Sequence[Value]] = getattr(TOPICS[item.topic], item.name)
    values = list(function())
    parts = [compared(text, value) for text, value in zip(item.parts, values, strict=False)]
    parts += [Part(text, "", False) for text in item.parts[len(values) :]]
    return parts + [Part("", str(value), False) for value in values[len(item.parts) :]]


def agreement(item: Published) -> dict[str, float]:
    """Return how many parts an item has, printed or computed, and how many of them agree."""
    parts = recomputed(item)
    return {"parts": float(len(parts)), "equal": float(sum(part.equal for part in parts))}


def compared(published: str, value: Value) -> Part:
    """Hold one value against its print: a text as it stands, or as far as the "…"; a number by half a unit."""
    if isinstance(value, str):
        beginning = published.removesuffix(OPEN)
        equal = value.startswith(beginning) if published.endswith(OPEN) else value == published
        return Part(published, value, equal)
    number = _number(published)
    distance = abs(Decimal(value) - number.value)
    return Part(
        published, written_like(published, value), distance <= number.unit / 2 if number.rounded else not distance
    )


@dataclass(frozen=True)
class Number:
    """A printed number, the unit of its last digit, and whether it can have been rounded."""

    value: Decimal
    unit: Decimal
    rounded: bool


def _number(text: str) -> Number:
    """Read a printed number: 1,333,200 and 2. are exact; 2.5141, 3.87e+10, 73k and 12 times are rounded."""
    digits, unit = split(text)
    found = printed.parse(digits)
    size = Decimal(1).scaleb(UNITS[unit])
    return Number(found.value * size, found.unit * size, rounded=bool(unit) or found.unit != 1)


def split(text: str) -> tuple[str, str]:
    """Return the digits of a printed number and its unit, "" for none."""
    unit = next((each for each in UNITS if each and text.endswith(each)), "")
    return text.removesuffix(unit), unit


def written_like(published: str, value: float) -> str:
    """Return a number written as the printed one is: its decimals, its exponent, its unit."""
    digits, unit = split(published)
    found = printed.NUMBER.fullmatch(digits)
    if found is None:
        return f"{value:g}"
    decimals = len(found["decimals"])
    if found["power"]:
        return f"{value:.{decimals}e}"
    scaled = value / 10 ** UNITS[unit]
    if decimals:
        return f"{scaled:.{decimals}f}{unit}"
    return f"{scaled:,.0f}{found['point']}{unit}" if scaled == round(scaled) or unit else f"{scaled:g}"
