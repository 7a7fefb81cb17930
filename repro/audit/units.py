"""Units of claims and of metrics: the same, or percent and fraction, which convert; everything else is an error."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from repro import printed
from repro.audit.claims import Claim
from repro.errors import ReproError, UsageError
from repro.outside import cells
from repro.outside.cells import NONE, PERCENT, SAME
from repro.study import Metric

HUNDREDFOLD = 30.0  # numbers farther apart are nearer to a hundredfold than to one size
ALIKE = 3.0  # and those nearer than that are of one size: between the two nobody can tell
SHARES = 10.0  # up to which a number may be a fraction, as of a score that 1 is a human's of
Seem = Literal["", "fractions", "percent", "either"]  # what results seem to be: what is published, or something else


def factor(claim: Claim, metric: Metric) -> Decimal:
    """Return what turns a metric's values into a claim's unit.

    Where one of the two states no unit it agrees with the other's, but for percent: what is published as 0.5 may be a
    half or half a percent, and the claim has to say. Raise UsageError where it does not, where two units differ, and
    where a claim of fractions prints none.
    """
    mine, theirs = (PERCENT[0] if unit in PERCENT else unit for unit in (claim.unit or NONE, cells.unit(metric.unit)))
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


def of_results(claim: Claim, metric: str, values: Mapping[str, float], said: str) -> tuple[Claim, Decimal, str]:
    """Return a claim in its unit, what turns results of no stated unit into it, and what to say of that.

    `values` are by run; `said` is the unit that an option states, "" where what is published says it, or nothing. A
    claim in percent takes fractions and one of fractions takes percent, where the results can only be that by their
    size; the unit "same" says that they are what is published. Raise UsageError where the claim has no unit and the two
    seem a hundredfold apart, where one in percent or in fractions leaves open what the results are, or where the
    results among themselves do.
    """
    stated = replace(claim, unit="" if claim.unit == SAME else claim.unit)
    published = max((abs(float(one)) for one in _numbers(claim)), default=0.0)
    sizes = [abs(value) for value in values.values()]
    if claim.unit not in ("", NONE, *PERCENT) or not any(sizes) or (not published and claim.unit not in PERCENT):
        return stated, Decimal(1), ""
    also = "" if published > 1 or claim.unit in PERCENT else " and what is published in percent"
    settled = cells.hold_one_unit(metric, values, said=said, percent=f"--unit %{also}", same=f"--unit {SAME}")
    shown = f"{metric} of {min(values.values()):.4g} to {max(values.values()):.4g}"
    usual = statistics.median(filter(None, sizes))
    typical = usual, sum(size / len(sizes) for size in sizes) or usual  # of floats at either end of their range, too
    seem = (_beside_percent if claim.unit in PERCENT else _beside_numbers)(claim, published, typical, max(sizes))
    if not claim.unit and seem:
        raise UsageError(
            f"{claim.value} is published and there is {shown}: is one of them in percent? say the unit of what is "
            f"published, --unit % or --unit {NONE}, and results are converted; --unit {SAME} leaves them"
        )
    if claim.unit == NONE and seem == "fractions":
        raise UsageError(
            f"--unit {NONE}: {claim.value} is no fraction, and {shown} may be; say --unit % if it is in percent, or "
            f"--unit {SAME} if both are in one unit"
        )
    if seem == "either":
        mine, theirs = (f"in {claim.unit}", "fractions") if claim.unit in PERCENT else ("as a fraction", "percent")
        other, unit = ("as a fraction", NONE) if claim.unit in PERCENT else ("in percent", PERCENT[0])
        raise UsageError(
            f"{claim.value} is published {mine}, and {shown} may be that or {theirs}; say --unit {SAME} if it is that, "
            f"or state what is published {other}, with --unit {unit}"
        )
    if seem:
        times = Decimal(100) if seem == "fractions" else Decimal("0.01")
        return stated, times, f"{shown} was read as {seem}, and converted into {claim.unit}"
    small = claim.unit in PERCENT and max(sizes) <= 1
    return stated, Decimal(1), f"{shown} was read as being in {claim.unit}, too" if small else settled


def _beside_percent(claim: Claim, published: float, typical: tuple[float, float], most: float) -> Seem:
    """Say what results seem to be beside what is published in percent: "" for percent, too.

    `typical` are the median of those that are not 0 and the mean of all, without signs, and `most` is the largest. Only
    a result below 1 can be nothing but a fraction: 1.00 % is what guessing one of 100 classes comes to. A larger one is
    a fraction where a value, no limit, is published that is its hundredfold, and it is a score, which may exceed 100 %.
    A limit may be far from any result, and says less of their unit than a value does.
    """
    limit, usual, least = claim.judge == "threshold", typical[0], min(typical)
    if most <= 1:
        if published > HUNDREDFOLD * most and usual < 1:
            return "fractions"
        settled = not published and claim.margin is None if limit else 0.0 < published <= ALIKE * least
        return "" if settled else "either"
    if published <= HUNDREDFOLD * least:
        return ""
    if not limit and 100 * most <= cells.ALIKE * published and (published > 100 or usual < 1):
        return "fractions"
    return "either" if most <= SHARES or published > 100 else ""


def _beside_numbers(claim: Claim, published: float, typical: tuple[float, float], most: float) -> Seem:
    """Say what results seem to be beside what is published as a fraction or without a unit: "" for the same.

    A limit without a unit is asked about as soon as the two are not of one size.
    """
    usual, least = typical[0], min(typical)
    if claim.judge == "threshold":
        if most <= 1 < published <= 100 and ALIKE * least < published:
            return "fractions"
        if published <= 1 < usual and ALIKE * published < usual and most <= 100:
            return "percent" if usual > HUNDREDFOLD * published else "either"
        return ""
    small = not claim.unit or published > 1  # as a fraction it is none of a percentage
    if small and most <= SHARES and any(_a_hundredfold(published / one) for one in typical):
        return "fractions"
    far = [_a_hundredfold(one / published) for one in typical]
    return "" if published > SHARES or not any(far) else "percent" if all(far) else "either"


def _a_hundredfold(times: float) -> bool:
    return HUNDREDFOLD < times < 10 * HUNDREDFOLD


def _numbers(claim: Claim) -> list[Decimal]:
    """Return the first number of each published part that begins with one, after the side of a bound."""
    found = []
    for text in claim.published:
        try:
            found.append(printed.parse(text.strip().lstrip("<>=≤≥").split()[0].partition("±")[0]).value)
        except (ReproError, IndexError):
            continue  # words, which say nothing of a unit
    return found
