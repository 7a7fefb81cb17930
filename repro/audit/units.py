"""Units of claims and of metrics: the same, or percent and fraction, which convert; everything else is an error."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from repro import printed
from repro.audit.claims import Claim
from repro.errors import ReproError, UsageError
from repro.outside import cells
from repro.study import Metric

PERCENT = ("%", "points")  # a difference of percentages is in points
NONE = "1"  # of a pure number, such as a fraction
SAME = "same"  # says that results are in the unit of what is published, whatever that is
HUNDREDFOLD = 30.0  # numbers farther apart are nearer to a hundredfold than to one size
ALIKE = 3.0  # and those nearer than that are of one size: between the two nobody can tell
SHARES = 10.0  # up to which a number may be a fraction, as of a score that 1 is a human's of


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


def of_results(claim: Claim, metric: str, values: Mapping[str, float]) -> tuple[Claim, Decimal, str]:
    """Return a claim in its unit, what turns results of no stated unit into it, and what to say of that.

    `values` are by run. A claim in percent takes fractions and one of fractions takes percent, where the results can
    only be that by their size; the unit "same" says that they are what is published. Raise UsageError where the claim
    has no unit and the two seem a hundredfold apart, where one in percent leaves open what the results are, or where
    the results among themselves do.
    """
    stated = replace(claim, unit="" if claim.unit == SAME else claim.unit)
    published = max((abs(float(one)) for one in _numbers(claim)), default=0.0)
    if not values or (not published and claim.unit not in PERCENT):
        return stated, Decimal(1), ""
    cells.hold_one_unit(metric, values)
    shown = f"{metric} of {min(values.values()):.4g} to {max(values.values()):.4g}"
    middle, most = abs(statistics.median(values.values())), max(map(abs, values.values()))
    times = published / middle if middle else 1.0
    unsaid = ALIKE < times <= HUNDREDFOLD if published else bool(most) and claim.judge != "threshold"
    fractions, percent = _sizes(claim, published, middle, most)
    if not claim.unit and (fractions or percent):
        raise UsageError(
            f"{claim.value} is published and there is {shown}: is one of them in percent? say the unit of what is "
            f"published, --unit % or --unit {NONE}, and results are converted; --unit {SAME} leaves them"
        )
    if claim.unit == NONE and fractions:
        raise UsageError(
            f"--unit {NONE}: {claim.value} is no fraction, and {shown} may be; say --unit % if it is in percent, or "
            f"--unit {SAME} if both are in one unit"
        )
    if claim.unit in PERCENT and most <= 1 and unsaid:
        raise UsageError(
            f"{claim.value} is published in {claim.unit}, and {shown} may be that or fractions; say --unit {SAME} if "
            f"it is that, or state what is published as a fraction, with --unit {NONE}"
        )
    if (claim.unit in PERCENT and fractions) or (claim.unit == NONE and percent):
        words, factor_of = ("fractions", Decimal(100)) if fractions else ("percent", Decimal("0.01"))
        return stated, factor_of, f"{shown} was read as {words}, and converted into {claim.unit}"
    likewise = f"{shown} was read as being in {claim.unit}, too" if claim.unit in PERCENT and most <= 1 else ""
    return stated, Decimal(1), likewise


def _sizes(claim: Claim, published: float, middle: float, most: float) -> tuple[bool, bool]:
    """Say whether results look like fractions of what is published in percent, or like percent of what is a fraction.

    `middle` is their median and `most` the largest of them, without signs. What is published as a limit may be far from
    any result, and says less of their unit than a value does: without a unit it is asked about as soon as the two are
    not of one size.
    """
    hundredth = bool(middle) and published > HUNDREDFOLD * middle
    hundredfold = bool(middle) and middle > HUNDREDFOLD * published
    if claim.unit in PERCENT:
        return hundredth, False
    if claim.unit not in ("", NONE):
        return False, False
    if claim.judge == "threshold":
        far = 0.0 < ALIKE * middle < published, 0.0 < ALIKE * published < middle
        return far[0] and most <= 1 < published <= 100, far[1] and published <= 1 < middle and most <= 100
    near = bool(middle) and max(published / middle, middle / published) < HUNDREDFOLD * 10
    small = not claim.unit or published > 1  # as a fraction it is none of a percentage
    return hundredth and near and small and most <= SHARES, hundredfold and near and published <= SHARES


def _numbers(claim: Claim) -> list[Decimal]:
    """Return the first number of each published part that begins with one, after the side of a bound."""
    found = []
    for text in claim.published:
        try:
            found.append(printed.parse(text.strip().lstrip("<>=≤≥").split()[0].partition("±")[0]).value)
        except (ReproError, IndexError):
            continue  # words, which say nothing of a unit
    return found
