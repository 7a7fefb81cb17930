"""Units of claims and of metrics: the same, or percent and fraction, which convert; everything else is an error."""

from __future__ import annotations

from decimal import Decimal

from repro import printed
from repro.audit.claims import Claim
from repro.errors import ReproError, UsageError
from repro.study import Metric

PERCENT = ("%", "points")  # a difference of percentages is in points
NONE = "1"  # of a pure number, such as a fraction


def factor(claim: Claim, metric: Metric) -> Decimal:
    """Return what turns a metric's values into a claim's unit.

    Where one of the two states no unit it agrees with the other's, but for percent: what is published as 0.5 may be a
    half or half a percent, and the claim has to say. Raise UsageError where it does not, where two units differ, and
    where a claim of fractions prints none.
    """
    mine, theirs = (PERCENT[0] if unit in PERCENT else unit for unit in (claim.unit or NONE, metric.unit))
    if mine == theirs:
        return Decimal(1)
    if (mine, theirs) == (PERCENT[0], NONE):
        return Decimal(100)
    if (mine, theirs) == (NONE, PERCENT[0]):
        if not claim.unit or any(abs(number) > 1 for number in _numbers(claim)):
            raise UsageError(
                f"{claim.value} is published without a unit and '{metric.name}' is in {metric.unit}; "
                f'write unit = "{metric.unit}" if the claim is, too, or unit = "{NONE}" for fractions'
            )
        return Decimal("0.01")
    if NONE in (mine, theirs):
        return Decimal(1)
    raise UsageError(
        f"the claim is in '{claim.unit}' and metric '{metric.name}' in '{metric.unit}', and neither converts into the "
        "other; name a metric in the claim's unit, or compute it"
    )


def _numbers(claim: Claim) -> list[Decimal]:
    """Return the first number of each published part that begins with one, after the side of a bound."""
    found = []
    for text in claim.published:
        try:
            found.append(printed.parse(text.strip().lstrip("<>=≤≥").split()[0].partition("±")[0]).value)
        except (ReproError, IndexError):
            continue  # words, which say nothing of a unit
    return found


def converted(value: float, times: Decimal) -> float:
    """Return a value times a factor, without the last bits that a product of floats would add: 0.07 is 7 %."""
    return value if times == 1 else float(printed.exact(value) * times)
