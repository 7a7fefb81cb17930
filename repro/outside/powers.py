"""A power of ten that stands behind two numbers, and may be of both."""

from __future__ import annotations

from repro.errors import UsageError
from repro.printed import Printed


def hold_power(mean: Printed, spread: Printed) -> None:
    """Raise UsageError where a power behind a spread alone may be of its mean, too, as in 4.7 ± 0.2e-5.

    By itself it would make the spread far finer than the mean's last digit.
    """
    alone = "e" in spread.text.lower() and "e" not in mean.text.lower()
    if alone and 100 * spread.value < mean.unit:
        raise power_of_both(f"{mean.text} ± {spread.text}")


def power_of_both(text: str) -> UsageError:
    """Return the refusal of a text whose power of ten may be of its mean, too."""
    return UsageError(
        f"the power of {text!r} may be of both numbers; put both in brackets before it or write it behind each"
    )
