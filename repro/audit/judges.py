"""The general judges by name, and the correction for judging several claims of one document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from repro import stats
from repro.audit import computed, made_of, measured, samples
from repro.audit.claims import Claim
from repro.audit.verdicts import LEVEL, Judge, Judgement, caused

JUDGES: dict[str, Judge] = {
    "printed": Judge(computed.decide_printed, computed.plant_printed),
    "count": Judge(computed.decide_count, computed.plant_count),
    "law": Judge(computed.decide_law, computed.plant_law),
    "shown": Judge(computed.decide_shown, computed.plant_shown),
    "bound": Judge(computed.decide_bound, computed.plant_bound),
    "granularity": Judge(computed.decide_granularity, computed.plant_granularity),
    "made_of": Judge(made_of.decide_made_of, made_of.plant_made_of),
    "protocol": Judge(computed.decide_protocol, computed.plant_protocol),
    "interval": Judge(measured.decide_interval, measured.plant_interval),
    "samples": Judge(samples.decide_samples, samples.plant_samples),
    "order": Judge(measured.decide_order, measured.plant_order),
    "threshold": Judge(measured.decide_threshold, measured.plant_threshold),
}
MEASURED = ("interval", "samples", "order", "threshold")  # judges that ask for runs


def accused(judgements: Sequence[tuple[Claim, Judgement]]) -> list[tuple[Claim, Judgement]]:
    """Return a document's judgements with its accusations corrected for being several (Holm 1979).

    A difference that is not shown any more after the correction is inconclusive; one that is not the author's gets the
    word of its cause. Before that, cells of one table are read in one way.
    """
    judgements = made_of.one_reading(judgements)
    tested = [number for number, (_, judgement) in enumerate(judgements) if judgement.p is not None]
    adjusted = dict(zip(tested, stats.holm([float(judgements[number][1].p or 0.0) for number in tested]), strict=True))
    corrected = list(judgements)
    for number, p in adjusted.items():
        claim, judgement = judgements[number]
        if judgement.verdict == "not reproduced" and p > LEVEL:
            words = f"{judgement.evidence}; p={p:.2g} after Holm's correction"
            corrected[number] = claim, replace(judgement, verdict="inconclusive", evidence=words)
    return [(claim, caused(claim, said)) for claim, said in corrected]
