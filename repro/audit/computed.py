"""Judges of what needs no runs: prints, counts, laws, bounds, shares. Each comes with its planted opposite."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal, localcontext
from numbers import Integral
from typing import Any

from repro import printed
from repro.audit import digits
from repro.audit.claims import Claim
from repro.audit.verdicts import FURTHEST, Judgement, finite, found_as, outcome
from repro.errors import UsageError


def decide_printed(claim: Claim, evidence: Any) -> Judgement:
    """Compare values at their printed precision, rounded or, where the claim says so, cut off; texts as they stand."""
    said, agrees = [], True
    for text, value in zip(claim.published, found_as(claim, evidence), strict=True):
        if isinstance(value, str):
            same = value == text
            said.append(value)
        else:
            number = digits.read(text)
            rounded, cut = digits.rounds(number, finite(value)), digits.truncates(number, value)
            same = cut if claim.shortened == "cut" else rounded
            found = digits.in_full(int(value), "d") if isinstance(value, Integral) else _shown(value)
            said.append(found + (" (the print is cut off, not rounded)" if cut and not rounded else ""))
        agrees &= same
    return outcome(agrees, "; ".join(said))


def _shown(value: Any) -> str:
    """Return a float by twelve digits, a Decimal as it is."""
    return f"{value:.12g}" if digits.inexact(value) else str(value)


def plant_printed(claim: Claim, evidence: Any) -> Any:
    """Move the first part by three units of its last digit, or away from the print where it was wrong already."""
    parts = found_as(claim, evidence)
    if decide_printed(claim, evidence).verdict == "reproduced":
        first = parts[0]
        moved = first + "?" if isinstance(first, str) else _moved(digits.read(claim.published[0]))
        return [moved, *parts[1:]]
    return [text if isinstance(value, str) else digits.read(text).value
            for text, value in zip(claim.published, parts, strict=True)]  # fmt: skip


def _moved(number: printed.Printed) -> Decimal:
    """Return what lies three units of the last digit above a print."""
    with localcontext() as context:
        context.prec = 2 * FURTHEST
        return number.value + 3 * number.unit


def decide_count(claim: Claim, evidence: Any) -> Judgement:
    """Compare whole numbers."""
    parts = [digits.whole(finite(value)) for value in found_as(claim, evidence)]
    wanted = [_whole(text) for text in claim.published]
    return outcome(parts == wanted, "; ".join(map(digits.in_full, parts)))


def _whole(text: str) -> int:
    number = digits.read(text).value
    if number != int(number):
        raise UsageError(f"counts are whole numbers, and {text!r} is published; judge it by 'printed'")
    return int(number)


def plant_count(claim: Claim, evidence: Any) -> Any:
    """Count one more where the count agreed, and as published where it did not."""
    if decide_count(claim, evidence).verdict == "reproduced":
        first, *rest = found_as(claim, evidence)
        return [digits.whole(first) + 1, *rest]
    return [_whole(text) for text in claim.published]


def decide_law(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether two sides of an equation lie within the tolerance of one another; the evidence is their distance."""
    distance = finite(evidence)
    if distance < 0:
        raise UsageError(f"a distance is 0 or more, got {digits.said(distance, '.3g')}")
    return outcome(distance <= claim.tolerance, f"the two sides differ by {digits.said(distance, '.3g')}")


def plant_law(claim: Claim, evidence: Any) -> Any:
    """Move the sides apart where they agreed, together where they did not."""
    return 10 * claim.tolerance if evidence <= claim.tolerance else 0.0


def decide_shown(_claim: Claim, evidence: Any) -> Judgement:
    """Take a yes or no that was computed, with or without words to it."""
    parts = evidence if isinstance(evidence, tuple) else (evidence, "")
    if len(parts) != 2 or not isinstance(parts[1], str):
        raise UsageError(f"wanted yes or no and words to it, got {evidence!r:.60}; return a pair of the two")
    holds, words = parts
    if not isinstance(holds, bool):
        raise UsageError(f"wanted yes or no for evidence, got {holds!r}")
    return outcome(holds, words or ("it holds" if holds else "it does not hold"))


def plant_shown(_claim: Claim, evidence: Any) -> Any:
    """Turn the answer round."""
    return (not evidence[0], evidence[1]) if isinstance(evidence, tuple) else not evidence


BOUND = re.compile(r"(?P<side>>=|<=|>|<|≥|≤)\s*(?P<number>.+)")
SIDES = {"≥": ">=", "≤": "<="}


def bound_of(text: str) -> tuple[str, printed.Printed]:
    """Return the side and the number of a published bound, as in "> 90" or "≤ 0.05"."""
    found = BOUND.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"wanted a bound such as '> 90', got {text!r}")
    return SIDES.get(found["side"], found["side"]), digits.read(found["number"])


def decide_bound(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether values that no seed moves keep their bounds, one for each part."""
    parts = found_as(claim, evidence)
    holds = [digits.keeps(*bound_of(text), finite(value)) for text, value in zip(claim.published, parts, strict=True)]
    return outcome(all(holds), "; ".join(digits.said(value, ".6g") for value in parts))


def plant_bound(claim: Claim, evidence: Any) -> Any:
    """Put the first value on the other side, or all on the right one where some were not."""
    kept = decide_bound(claim, evidence).verdict == "reproduced"
    limits = [bound_of(text) for text in claim.published]
    right = [
        limit.value + (1 if side.startswith(">") else -1) * max(abs(limit.value), Decimal(1)) for side, limit in limits
    ]
    return [2 * limits[0][1].value - right[0], *right[1:]] if kept else right


def decide_granularity(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether prints can be means over so many items (GRIM: Brown, Heathers 2017).

    In percent they are shares, from 0 to 100; in any other unit means of whole numbers. The evidence is the number of
    items, over all runs where a mean is printed.
    """
    items = finite(evidence)
    if items != int(items) or items < 1:
        raise UsageError(f"a number of items is a whole one above 0, got {items}; mend what computes it")
    items = int(items)
    percent = claim.unit == "%"
    impossible = [text for text in claim.published if not _possible(printed.parse(text), items, percent=percent)]
    what = "share of" if percent else "mean of whole numbers over"
    if impossible:
        return outcome(False, f"{', '.join(impossible)} is no {what} {items:,} items")
    vacuous = all(printed.parse(text).unit * items >= (100 if percent else 1) for text in claim.published)
    return outcome(True, f"each is a {what} {items:,} items" + (", as any would be" if vacuous else ""))


def _possible(number: printed.Printed, items: int, *, percent: bool) -> bool:
    """Say whether what prints so holds a multiple of one item's part."""
    low, high = ((number.value + side * number.half) * items / (100 if percent else 1) for side in (-1, 1))
    if percent:
        low, high = max(low, Decimal(0)), min(high, Decimal(items))
    return math.ceil(low) <= math.floor(high)


def plant_granularity(claim: Claim, evidence: Any) -> Any:
    """Return a number of items for which the answer is the other."""
    before = decide_granularity(claim, evidence).verdict
    for items in range(1, 100_000):
        if decide_granularity(claim, items).verdict != before:
            return items
    raise UsageError("no number of items makes another answer; judge it otherwise")


def decide_protocol(_claim: Claim, evidence: Any) -> Judgement:
    """Ask whether two numbers estimate the same thing; the evidence lists what differs between them."""
    differences = _differences(evidence)
    if differences:
        return Judgement("protocol mismatch", "; ".join(differences))
    return Judgement("reproduced", "the two estimate the same thing")


def _differences(evidence: Any) -> list[str]:
    """Return what differs, text by text."""
    if isinstance(evidence, str):
        raise UsageError(f"wanted a list of what differs, got the text {evidence!r:.40}; put it into a list")
    found = list(evidence) if isinstance(evidence, Iterable) else [evidence]
    if not all(isinstance(one, str) for one in found):
        raise UsageError(f"wanted a list of texts, each a difference, got {evidence!r:.60}; put them into words")
    if not all(map(str.strip, found)):
        raise UsageError("a difference has no words; say in it what differs, or leave it out")
    return found


def plant_protocol(_claim: Claim, evidence: Any) -> Any:
    """Add or take away every difference."""
    return [] if _differences(evidence) else ["another protocol"]
