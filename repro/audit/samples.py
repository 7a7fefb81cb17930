"""The judge of a published mean ± spread against runs of ours or another publication, with its planted opposite."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from repro import printed
from repro.audit import digits, extremes, student
from repro.audit.claims import Claim
from repro.audit.extremes import Box
from repro.audit.measured import (
    MOST_RUNS,
    POWER,
    around,
    as_float,
    counting_all,
    noise_of,
    runs_of,
    sample_of,
    too_few,
    unless_by_chance,
)
from repro.audit.verdicts import LEVEL, Judgement, Span, Verdict, only_part
from repro.errors import UsageError
from repro.stats import Sample

PAIR = re.compile(r"(?P<mean>\S+)\s*(?:±|\+-|\+/-)\s*(?P<spread>\S+)")
WORDS = {"sd": "a deviation", "se": "a standard error", "ci95": "a 95 % interval", "2sd": "two deviations"}
NEAR = 200  # totals of runs that are looked at one by one, before steps of a few per cent


def published_sample(text: str) -> tuple[printed.Printed, printed.Printed]:
    """Return the printed mean and spread of a text such as "1.95 ± 0.17". Raise UsageError for what is none."""
    found = PAIR.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"wanted a mean and a deviation such as '1.95 ± 0.17', got {text!r}")
    mean, spread = digits.read(found["mean"]), digits.read(found["spread"])
    for one in (mean, spread):
        as_float(one)  # which refuses what is too large
    return mean, spread


def box_of(claim: Claim) -> Box:
    """Return what a claim's print may stand for."""
    mean, spread = published_sample(only_part(claim))
    if claim.runs is None:
        raise UsageError("a published mean needs its number of 'runs'")
    return extremes.box_of(mean, spread, claim.runs, claim.spread)


@counting_all
def decide_samples(claim: Claim, evidence: Any) -> Judgement:
    """Compare a published mean and spread with another sample: runs of ours, or another publication's Sample.

    A test of a difference beyond the margin and two one-sided tests within it, by Welch. A verdict has to hold wherever
    the printed digits allow, by every reading of the spread that the claim leaves open.
    """
    box, fixed = box_of(claim), isinstance(evidence, Sample)
    margin = float(claim.margin or 0)
    if isinstance(evidence, Sample):
        ours, noise = evidence, float(digits.noise(evidence.mean, box.mean, margin))
    else:
        values = runs_of(evidence)
        few = too_few(values)
        if few:
            return few
        noise = noise_of(evidence, box.mean, margin)
        ours = sample_of(values, noise)
    near, far = box.distances(ours.mean)
    apart = extremes.highest(extremes.beyond(near, margin, noise), ours, box)
    equal = extremes.highest(extremes.within(far, margin, noise), ours, box)
    verdict, more = _verdict(max(apart.values()), max(equal.values())), None
    mean, spread = published_sample(claim.published[0])
    said = (
        f"{ours.mean:.4g} ± {ours.sd:.2g} (n={ours.n}), {ours.mean - box.mean:+.3g}; "
        f"equal within {margin:g}: p={max(equal.values()):.2g}"
    )
    same = ours.sd == 0 and spread.value == 0 and digits.rounds(mean, ours.mean)
    if same:
        verdict, said = "reproduced", f"all {ours.n} runs are {ours.mean:.6g}, which prints so, without spread"
    elif verdict == "inconclusive":
        said += _left_open({name: _verdict(apart[name], equal[name]) for name in apart})
        if not fixed:
            more = further_runs(ours, box, margin)
            said += "" if more else f"; {_why_never(box, margin)}"
    worst = max(apart, key=lambda name: apart[name])
    theirs = Sample(box.mean, float(spread.value) * extremes.readings(worst, box.n)[worst][0], box.n)
    error, df = _yardstick(ours, theirs.sd, box.n)
    found = Judgement(
        verdict, said, n=ours.n, p=max(apart.values()), more=more,
        statistic=f"Welch's t = {(ours.mean - box.mean) / error:.2f}, {df:.1f} degrees of freedom" if error else "",
        power=power_of(ours, theirs, box, margin), ours=confidence(ours), theirs=confidence(theirs),
    )  # fmt: skip
    if error or same:
        return found
    found = unless_by_chance(found, ours.n)
    return replace(found, more=None) if fixed else found


def _verdict(apart: float, equal: float) -> Verdict:
    return "reproduced" if equal <= LEVEL else "not reproduced" if apart <= LEVEL else "inconclusive"


def _left_open(verdicts: Mapping[str, Verdict]) -> str:
    """Say what each reading of the spread would come to, where they disagree."""
    if len(set(verdicts.values())) == 1:
        return ""
    words = [
        f"{verdict} if it is {' or '.join(WORDS[name] for name in verdicts if verdicts[name] == verdict)}"
        for verdict in dict.fromkeys(verdicts.values())
    ]
    return f"; what ± is decides, say so by 'spread': {', '.join(words)}"


def _why_never(box: Box, margin: float) -> str:
    if box.half >= margin:
        return f"the print is too coarse for a margin of {margin:g}"
    return f"the document's {box.n} runs are too few for a margin of {margin:g}, whatever is run here"


def confidence(sample: Sample) -> Span:
    """Return a mean with the ends of its 95 % confidence interval."""
    return around(sample.mean, student.t_critical(LEVEL, sample.n - 1) * sample.sd / math.sqrt(sample.n))


def power_of(ours: Sample, theirs: Sample, box: Box, margin: float) -> float:
    """Return how likely equality within a margin is shown where there is no difference, `theirs` being as printed.

    It has to be shown by every reading of the print, at its largest deviation and with its mean at the far end of what
    rounds to it. By the central t distribution, which is good to a few hundredths for five runs a side.
    """
    error, df = _yardstick(ours, theirs.sd, box.n)
    worst = [_yardstick(ours, deviation, box.n) for _, deviation in box.readings.values()]
    room = margin - box.half - max(student.t_critical(2 * LEVEL, one[1]) * one[0] if one[0] else 0.0 for one in worst)
    if error == 0:
        return float(room >= 0)
    return max(0.0, 2 * float(student.t_tail(-room / error, df)) - 1)


def _yardstick(ours: Sample, deviation: float, n: int) -> tuple[float, float]:
    """Return the standard error of a difference from a sample of this deviation, with its degrees of freedom."""
    import numpy as np

    error, df = extremes.yardstick(ours, np.array([deviation]), n)
    return float(error[0]), float(df[0])


def further_runs(ours: Sample, box: Box, margin: float) -> int | None:
    """Return how many runs more of ours show equality within the margin with a power of 80 %, if there is none.

    The document's runs stay as many as they are. None where 100,000 of ours would not do.
    """
    import numpy as np

    first = ours.n + 1
    totals = np.unique(
        np.concatenate([np.arange(first, first + NEAR), np.geomspace(first, MOST_RUNS, NEAR).astype(int)])
    )
    shown = _shown(totals, ours, box, margin)
    if not shown.any():
        return None
    at = int(np.argmax(shown))
    between = np.arange(totals[max(at - 1, 0)], totals[at] + 1)
    return int(between[np.argmax(_shown(between, ours, box, margin))]) - ours.n


def _shown(totals: Any, ours: Sample, box: Box, margin: float) -> Any:
    """Say for each total of our runs whether equality would be shown, by every reading of the spread at its largest."""
    import numpy as np

    shown = np.ones(len(totals), dtype=bool)
    for _, deviation in box.readings.values():
        mine, theirs = ours.sd**2 / totals, deviation**2 / box.n
        variance = mine + theirs
        share = mine / np.where(variance > 0, variance, 1.0)
        df = 1 / (share**2 / (totals - 1) + (1 - share) ** 2 / (box.n - 1))
        reach = student.t_beyond(LEVEL, df) + student.t_beyond((1 - POWER) / 2, df)
        shown &= reach * np.sqrt(variance) + box.half <= margin
    return shown


def plant_samples(claim: Claim, evidence: Any) -> Any:
    """Return a sample on the published mean where the two were told apart, else one far from it."""
    box, margin = box_of(claim), float(claim.margin or 0)
    if decide_samples(claim, evidence).verdict == "not reproduced":
        return Sample(box.mean, margin / 100, 10_000)
    widest = max(high for _, high in box.readings.values())
    return Sample(box.mean + 100 * (margin + box.half + widest), margin / 100, 10_000)
