"""Judges of what needs no runs: prints, counts, laws, bounds, shares. Each comes with its planted opposite."""

from __future__ import annotations

import math
import re
from typing import Any

from repro import printed
from repro.audit.claims import Claim
from repro.audit.verdicts import Judgement, found_as, outcome
from repro.errors import UsageError


def decide_printed(claim: Claim, evidence: Any) -> Judgement:
    """Compare values at their printed precision, texts as they stand."""
    said, agrees = [], True
    for text, value in zip(claim.published, found_as(claim, evidence), strict=True):
        if isinstance(value, str):
            same = value == text
            said.append(value)
        else:
            if not math.isfinite(value):
                raise UsageError(f"the value found is {value}, which prints as no number")
            number = printed.parse(text)
            same = number.rounds(value)
            cut = not same and number.truncates(value)
            said.append(f"{value:.12g}" + (" (the print is cut off, not rounded)" if cut else ""))
        agrees &= same
    return outcome(agrees, "; ".join(said))


def plant_printed(claim: Claim, evidence: Any) -> Any:
    """Move the first part by three units of its last digit, or away from the print where it was wrong already."""
    parts = found_as(claim, evidence)
    if decide_printed(claim, evidence).verdict == "reproduced":
        first = parts[0]
        moved = first + "?" if isinstance(first, str) else first + 3 * float(printed.parse(claim.published[0]).unit)
        return [moved, *parts[1:]]
    return [text if isinstance(value, str) else float(printed.parse(text).value)
            for text, value in zip(claim.published, parts, strict=True)]  # fmt: skip


def decide_count(claim: Claim, evidence: Any) -> Judgement:
    """Compare whole numbers."""
    parts = found_as(claim, evidence)
    wanted = [int(printed.parse(text).value) for text in claim.published]
    if any(value != int(value) for value in parts):
        raise UsageError(f"counts are whole numbers, got {parts}")
    return outcome([int(value) for value in parts] == wanted, "; ".join(f"{int(value):,}" for value in parts))


def plant_count(claim: Claim, evidence: Any) -> Any:
    """Count one more where the count agreed, and as published where it did not."""
    if decide_count(claim, evidence).verdict == "reproduced":
        first, *rest = found_as(claim, evidence)
        return [first + 1, *rest]
    return [int(printed.parse(text).value) for text in claim.published]


def decide_law(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether two sides of an equation lie within the tolerance of one another; the evidence is their distance."""
    distance = float(evidence)
    if not distance >= 0:
        raise UsageError(f"a distance is 0 or more, got {distance}")
    return outcome(distance <= claim.tolerance, f"the two sides differ by {distance:.3g}")


def plant_law(claim: Claim, evidence: Any) -> Any:
    """Move the sides apart where they agreed, together where they did not."""
    return 10 * claim.tolerance if float(evidence) <= claim.tolerance else 0.0


def decide_shown(_claim: Claim, evidence: Any) -> Judgement:
    """Take a yes or no that was computed, with or without words to it."""
    holds, words = evidence if isinstance(evidence, tuple) else (evidence, "")
    if not isinstance(holds, bool):
        raise UsageError(f"wanted yes or no for evidence, got {holds!r}")
    return outcome(holds, words or ("it holds" if holds else "it does not hold"))


def plant_shown(_claim: Claim, evidence: Any) -> Any:
    """Turn the answer round."""
    return (not evidence[0], evidence[1]) if isinstance(evidence, tuple) else not evidence


BOUND = re.compile(r"(?P<side>>=|<=|>|<)\s*(?P<number>.+)")


def bound_of(claim: Claim) -> tuple[str, float]:
    """Return the side and the number of a published bound, as in "> 90"."""
    found = BOUND.fullmatch(claim.published[0].strip())
    if found is None:
        raise UsageError(f"wanted a bound such as '> 90', got {claim.published[0]!r}")
    return found["side"], float(printed.parse(found["number"]).value)


def decide_bound(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether a value that no seed moves keeps a bound."""
    side, limit = bound_of(claim)
    value = float(evidence)
    holds = {">": value > limit, ">=": value >= limit, "<": value < limit, "<=": value <= limit}[side]
    return outcome(holds, f"{value:.6g}")


def plant_bound(claim: Claim, evidence: Any) -> Any:
    """Put the value on the other side."""
    side, limit = bound_of(claim)
    step = max(abs(limit), 1.0)
    above = side.startswith(">") == (decide_bound(claim, evidence).verdict != "reproduced")
    return limit + step if above else limit - step


def decide_granularity(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether printed percentages can be shares of so many items (GRIM: Brown, Heathers 2017).

    The evidence is the number of items, over all runs where a mean is printed.
    """
    items, impossible = int(evidence), []
    for text in claim.published:
        number = printed.parse(text)
        low, high = (float(number.value + side * number.half) * items / 100 for side in (-1, 1))
        if math.ceil(low - 1e-9) > math.floor(high + 1e-9):
            impossible.append(text)
    if impossible:
        return outcome(False, f"{', '.join(impossible)} is no share of {items:,} items")
    return outcome(
        True, f"each is a share of {items:,} items" + (", as any would be" if _vacuous(claim, items) else "")
    )


def _vacuous(claim: Claim, items: int) -> bool:
    return all(printed.parse(text).unit * items / 100 >= 1 for text in claim.published)


def plant_granularity(claim: Claim, evidence: Any) -> Any:
    """Return a number of items for which the answer is the other."""
    before = decide_granularity(claim, evidence).verdict
    for items in range(1, 100_000):
        if decide_granularity(claim, items).verdict != before:
            return items
    raise UsageError("no number of items makes another answer; judge it otherwise")


def decide_protocol(_claim: Claim, evidence: Any) -> Judgement:
    """Ask whether two numbers estimate the same thing; the evidence lists what differs between them."""
    differences = list(evidence)
    if differences:
        return Judgement("protocol mismatch", "; ".join(differences))
    return Judgement("reproduced", "the two estimate the same thing")


def plant_protocol(_claim: Claim, evidence: Any) -> Any:
    """Add or take away every difference."""
    return [] if list(evidence) else ["another protocol"]
