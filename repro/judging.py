"""The general judges by name, and the correction for judging several claims of one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from repro import arithmetic, measuring, stats
from repro.claims import Claim
from repro.verdicts import LEVEL, Finding, Judge

JUDGES: dict[str, Judge] = {
    "printed": Judge(arithmetic.decide_printed, arithmetic.plant_printed),
    "count": Judge(arithmetic.decide_count, arithmetic.plant_count),
    "law": Judge(arithmetic.decide_law, arithmetic.plant_law),
    "shown": Judge(arithmetic.decide_shown, arithmetic.plant_shown),
    "bound": Judge(arithmetic.decide_bound, arithmetic.plant_bound),
    "granularity": Judge(arithmetic.decide_granularity, arithmetic.plant_granularity),
    "protocol": Judge(arithmetic.decide_protocol, arithmetic.plant_protocol),
    "interval": Judge(measuring.decide_interval, measuring.plant_interval),
    "samples": Judge(measuring.decide_samples, measuring.plant_samples),
    "order": Judge(measuring.decide_order, measuring.plant_order),
    "threshold": Judge(measuring.decide_threshold, measuring.plant_threshold),
}
MEASURED = ("interval", "samples", "order", "threshold")  # judges that ask for runs


def accused(findings: Sequence[tuple[Claim, Finding]]) -> list[tuple[Claim, Finding]]:
    """Return a document's findings with its accusations corrected for being several (Holm 1979).

    A difference that is not shown any more after the correction is inconclusive.
    """
    tested = [number for number, (_, finding) in enumerate(findings) if finding.p is not None]
    adjusted = dict(zip(tested, stats.holm([float(findings[number][1].p or 0.0) for number in tested]), strict=True))
    corrected = list(findings)
    for number, p in adjusted.items():
        claim, finding = findings[number]
        if finding.verdict == "not reproduced" and p > LEVEL:
            words = f"{finding.evidence}; p={p:.2g} after Holm's correction"
            corrected[number] = claim, replace(finding, verdict="inconclusive", evidence=words)
    return corrected
