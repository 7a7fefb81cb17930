"""A study's registry of claims, as its tests ask it."""

from __future__ import annotations

from repro import registry
from repro.audit import document, evidence
from repro.audit.claims import Claim
from repro.audit.verdicts import Judgement


class Registry:
    """The claims of a study by id, judged one at a time."""

    def __init__(self, study: str) -> None:
        self.study = study
        self.claims: dict[str, Claim] = {claim.id: claim for claim in evidence.claims_of(study)}

    def judgement(self, claim: str) -> Judgement:
        """Judge one claim, without the correction for several."""
        return document.judge(registry.load(self.study), self.claims[claim])

    def counts(self) -> tuple[int, int, int]:
        """Return how many claims there are, how many have a judge, and how many of these compute their evidence."""
        judged = [claim for claim in self.claims.values() if claim.judge]
        return len(self.claims), len(judged), sum(1 for claim in judged if claim.compute)
