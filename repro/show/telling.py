"""What of an audit counts, and in what order it is told: distinct findings, those first that matter most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from repro.audit.claims import WEIGHTS, Claim
from repro.audit.verdicts import CONTRADICTED, IMPORTED

if TYPE_CHECKING:
    from repro.audit.document import Audited

# What the words say, for a reader who has no other page at hand; docs/audit.md has the same in full.
MEANINGS: Mapping[str, str] = {
    "reproduced": "Equality was shown: exactly, at the printed precision, or within a margin declared before any run.",
    "not reproduced": "A difference was shown, beyond the margin, after correction for the number of claims.",
    "inconclusive": "Neither was shown; runs are missing, and the evidence says which or how many.",
    "erratum": "Wrong by arithmetic, whatever is run.",
    "protocol mismatch": "Two numbers do not estimate the same thing, or a tool's other version gives the other one.",
    "transcription": "The text as it reached us is damaged there; not held against the author.",
    "not testable": "No computation here answers it; the reason stands with the claim.",
    "error": "The claim could not be judged, for a fault of ours.",
}


@dataclass(frozen=True)
class Tally:
    """How many distinct claims got each verdict, and how many there are besides, which are not counted again."""

    by: Mapping[str, int]
    judged: int
    restating: int
    by_definition: int

    @property
    def distinct(self) -> int:
        """Return how many distinct claims there are."""
        return sum(self.by.values())

    @property
    def imported(self) -> int:
        """Return how many distinct claims have a verdict that imported runs gave; `by` has these apart."""
        return sum(number for word, number in self.by.items() if word.endswith(IMPORTED))


def tally(found: Iterable[tuple[Claim, str]]) -> Tally:
    """Count the verdicts of distinct claims, worded as `Judgement.word` is.

    Those that restate one or hold by definition stand apart.
    """
    pairs = list(found)
    mine = [(claim, verdict) for claim, verdict in pairs if claim.counts]
    restating = sum(1 for claim, _ in pairs if claim.restates)
    return Tally(
        by=Counter(verdict for _, verdict in mine),
        judged=sum(1 for claim, _ in mine if claim.judge),
        restating=restating,
        by_definition=len(pairs) - len(mine) - restating,
    )


def gravity(one: Audited) -> tuple[int, int, int]:
    """Return what contradicted claims are sorted by before all others: the weight, then a difference before an error.

    What a claim comes to that restates another weighs nothing of its own.
    """
    verdict = one.judgement.verdict
    if verdict not in CONTRADICTED:
        return len(WEIGHTS), 0, 0
    return WEIGHTS.index(one.claim.weight), CONTRADICTED.index(verdict), 0 if one.claim.headline else 1


def by_gravity(found: Iterable[Audited]) -> list[Audited]:
    """Return the distinct claims that evidence speaks against, those first that matter most."""
    return sorted((one for one in found if one.claim.counts and one.judgement.verdict in CONTRADICTED), key=gravity)


def restaters(found: Iterable[Audited]) -> dict[tuple[str, str], list[Audited]]:
    """Return the claims that restate another, by study and id of that other."""
    under: dict[tuple[str, str], list[Audited]] = {}
    for one in found:
        if one.claim.restates:
            under.setdefault((one.claim.study, one.claim.restates), []).append(one)
    return under


def in_order(found: Sequence[Audited]) -> list[Audited]:
    """Return claims study by study, the contradicted ones first by their gravity, the others as the document has them.

    A claim that restates another comes right after it, wherever that is there.
    """
    under, there = restaters(found), {(one.claim.study, one.claim.id) for one in found}
    studies = list(dict.fromkeys(one.claim.study for one in found))
    own = [one for one in found if (one.claim.study, one.claim.restates) not in there]
    own.sort(key=lambda one: (studies.index(one.claim.study), *gravity(one)))
    return [each for one in own for each in (one, *under.get((one.claim.study, one.claim.id), []))]
