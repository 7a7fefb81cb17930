"""Judges of runs: ours against what a document printed, or one publication against another. Each with its opposite."""

from __future__ import annotations

import bisect
import functools
import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from repro import printed, stats
from repro.audit.claims import Claim
from repro.audit.computed import bound_of
from repro.audit.verdicts import LEVEL, Judgement, Runs, Span, Verdict
from repro.errors import UsageError

LEAST_RUNS = 5  # of ours, before a measured claim is judged at all
POWER = 0.80
MOST_RUNS = 100_000  # beyond it, no number of further runs is named


Decide = Callable[[Claim, Any], Judgement]


def counting_all(decide: Decide) -> Decide:
    """Let a judge of values take `Runs`: what is said of these stands in the evidence, and survivors reproduce nothing.

    A difference that survivors show stays shown: that others diverged brings them no nearer to what is published.
    """

    @functools.wraps(decide)
    def judge(claim: Claim, evidence: Any) -> Judgement:
        if not isinstance(evidence, Runs):
            return decide(claim, evidence)
        said = decide(claim, evidence.values)
        total = len(evidence.values) + evidence.diverged
        lost = f"{evidence.diverged} of {total} diverged" if evidence.diverged else ""
        said = replace(said, evidence="; ".join(text for text in (said.evidence, lost, evidence.besides) if text))
        if not evidence.diverged:
            return said
        verdict = "inconclusive" if said.verdict == "reproduced" else said.verdict
        return replace(said, verdict=verdict, more=None)

    return judge


def sample_of(values: Sequence[float]) -> stats.Sample:
    """Return mean, deviation and number of values."""
    return stats.Sample(statistics.fmean(values), statistics.stdev(values), len(values))


def too_few(values: Sequence[float]) -> Judgement | None:
    """Return that nothing can be said where there are fewer runs than it takes."""
    if len(values) >= LEAST_RUNS:
        return None
    more = LEAST_RUNS - len(values)
    return Judgement("inconclusive", f"{len(values)} runs, at least {LEAST_RUNS} are needed", n=len(values), more=more)


@counting_all
def decide_interval(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether a published value could be one more run of ours (prediction interval of 95 %)."""
    values = [float(value) for value in evidence]
    few = too_few(values)
    if few:
        return few
    ours, number = sample_of(values), printed.parse(claim.published[0])
    margin, value, rounding = float(claim.margin or 0), float(number.value), float(number.half)
    half = stats.t_critical(LEVEL, ours.n - 1) * ours.sd * math.sqrt(1 + 1 / ours.n)
    away = abs(value - ours.mean) - rounding
    said = f"{ours.mean:.4g} with a deviation of {ours.sd:.2g}; one more run lies within {half:.2g} of it"
    if away > half:
        verdict: Verdict = "not reproduced" if away > margin else "reproduced"
    elif half + rounding <= margin:
        verdict = "reproduced"
    else:
        verdict, said = "inconclusive", f"{said}, which is wider than the margin of {margin:g}"
    return Judgement(
        verdict, said, n=ours.n, p=_p_of(max(away, 0.0), ours),
        statistic=f"95 % prediction interval, t with {ours.n - 1} degrees of freedom",
        ours=around(ours.mean, half), theirs=around(value, rounding),
    )  # fmt: skip


def around(middle: float, half: float) -> Span:
    """Return a value with the ends of an interval of that half width."""
    return middle, middle - half, middle + half


def _p_of(away: float, ours: stats.Sample) -> float:
    from scipy.special import stdtr

    if ours.sd == 0:
        return 1.0 if away == 0 else 0.0
    return 2 * float(stdtr(ours.n - 1, -away / (ours.sd * math.sqrt(1 + 1 / ours.n))))


def plant_interval(claim: Claim, evidence: Any) -> Any:
    """Move our runs far away, or close around what is published."""
    value, margin = float(printed.parse(claim.published[0]).value), float(claim.margin or 0)
    if decide_interval(claim, evidence).verdict == "reproduced":
        return [value + 10 * margin + margin * step / 100 for step in range(8)]
    return [value + margin * step / 100 for step in (-2, -1, 0, 0, 1, 2)]


PAIR = re.compile(r"(?P<mean>\S+)\s*(?:±|\+-|\+/-)\s*(?P<sd>\S+)")


def published_sample(text: str) -> tuple[printed.Printed, printed.Printed]:
    """Return the printed mean and deviation of a text such as "1.95 ± 0.17"."""
    found = PAIR.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"wanted a mean and a deviation such as '1.95 ± 0.17', got {text!r}")
    return printed.parse(found["mean"]), printed.parse(found["sd"])


@counting_all
def decide_samples(claim: Claim, evidence: Any) -> Judgement:
    """Compare a published mean and deviation with another sample: runs of ours, or another publication's Sample.

    Welch's test and two one-sided tests, at the corners of what the printed digits may stand for: a verdict has to hold
    at all of them.
    """
    mean, sd = published_sample(claim.published[0])
    if claim.runs is None:
        raise UsageError("a published mean needs its number of 'runs'")
    if isinstance(evidence, stats.Sample):
        other = evidence
    else:
        values = [float(value) for value in evidence]
        few = too_few(values)
        if few:
            return few
        other = sample_of(values)
    margin = float(claim.margin or 0)
    corners = [
        stats.Sample(float(mean.value + a * mean.half), max(float(sd.value + b * sd.half), 0.0), claim.runs)
        for a in (-1, 1)
        for b in (-1, 1)
    ]
    tests = [stats.welch(other, corner) for corner in corners]
    p, equal = max(test.p for test in tests), max(stats.tost(other, corner, margin) for corner in corners)
    difference = other.mean - float(mean.value)
    said = f"{other.mean:.4g} ± {other.sd:.2g} (n={other.n}), {difference:+.3g}; equal within {margin:g}: p={equal:.2g}"
    verdict: Verdict = "inconclusive"
    if equal <= LEVEL:
        verdict = "reproduced"
    elif p <= LEVEL and abs(difference) > margin:
        verdict = "not reproduced"
    published = stats.Sample(float(mean.value), float(sd.value), claim.runs)
    test = stats.welch(other, published)
    open_still = verdict == "inconclusive"
    return Judgement(
        verdict, said, n=other.n, p=p,
        more=further_runs(other.sd, published.sd, margin, other.n) if open_still else None,
        statistic=f"Welch's t = {difference / test.standard_error:.2f}, {test.df:.1f} degrees of freedom",
        power=power_of(test, margin), ours=confidence(other), theirs=confidence(published),
    )  # fmt: skip


def confidence(sample: stats.Sample) -> Span:
    """Return a mean with the ends of its 95 % confidence interval."""
    return around(sample.mean, stats.t_critical(LEVEL, sample.n - 1) * sample.sd / math.sqrt(sample.n))


def power_of(test: stats.WelchTest, margin: float) -> float:
    """Return how likely two one-sided tests show equality within a margin where there is no difference.

    By the central t distribution, which is a little too hopeful for few degrees of freedom.
    """
    from scipy.special import stdtr

    reach = margin / test.standard_error - stats.t_critical(2 * LEVEL, test.df)
    return max(0.0, 2 * float(stdtr(test.df, reach)) - 1)


def further_runs(ours: float, theirs: float, margin: float, n: int) -> int | None:
    """Return how many runs more on each side show equality within a margin with a power of 80 %, if there is none.

    At least one, and None where 100,000 runs would not do.
    """
    variance = ours**2 + theirs**2

    def shown(total: int) -> bool:
        reach = stats.t_critical(2 * LEVEL, 2 * total - 2) + stats.t_critical(1 - POWER, 2 * total - 2)
        return reach * math.sqrt(variance / total) <= margin

    totals = range(max(n, 2), MOST_RUNS)
    place = bisect.bisect_left(totals, True, key=shown)
    return max(1, totals[place] - n) if place < len(totals) else None


def plant_samples(claim: Claim, evidence: Any) -> Any:
    """Return a sample on the published mean where the two were told apart, else one far from it."""
    mean, _ = published_sample(claim.published[0])
    margin, value = float(claim.margin or 0), float(mean.value)
    near = decide_samples(claim, evidence).verdict == "not reproduced"
    return stats.Sample(value if near else value + 100 * margin, margin / 100, 10_000)


@counting_all
def decide_order(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether differences that should be above 0 are so on average, one a run (one-sided t intervals of 95 %)."""
    values = [float(value) for value in evidence]
    few = too_few(values)
    if few:
        return few
    ours, margin = sample_of(values), float(claim.margin or 0)
    half = stats.t_critical(2 * LEVEL, ours.n - 1) * ours.sd / math.sqrt(ours.n)
    said = f"{ours.mean:+.3g}, one-sided bounds {ours.mean - half:.3g} and {ours.mean + half:.3g}"
    more = further_runs(ours.sd, 0.0, margin, ours.n) if abs(ours.mean) <= half else None
    return _sided(ours.mean, half, 0.0, said, ours.n, more)


def _sided(
    mean: float, half: float, limit: float, said: str, n: int, more: int | None, *, above: bool = True
) -> Judgement:
    """Return on which side of a limit a mean lies by its one-sided bounds."""
    verdict: Verdict = "inconclusive"
    if abs(mean - limit) > half:
        verdict = "reproduced" if (mean > limit) == above else "not reproduced"
    return Judgement(
        verdict, said, n=n, more=more, statistic=f"one-sided t bounds of 95 %, {n - 1} degrees of freedom",
        ours=around(mean, half), theirs=around(limit, 0.0),
    )  # fmt: skip


def plant_order(claim: Claim, evidence: Any) -> Any:
    """Turn the order round, or make one where there was none."""
    margin = float(claim.margin or 0)
    sign = -1 if decide_order(claim, evidence).verdict == "reproduced" else 1
    return [sign * margin * (1 + step / 100) for step in range(8)]


@counting_all
def decide_threshold(claim: Claim, evidence: Any) -> Judgement:
    """Ask on which side of a published bound the mean of our runs lies (one-sided t intervals of 95 %)."""
    side, limit = bound_of(claim)
    values = [float(value) for value in evidence]
    few = too_few(values)
    if few:
        return few
    ours = sample_of(values)
    half = stats.t_critical(2 * LEVEL, ours.n - 1) * ours.sd / math.sqrt(ours.n)
    low, high = ours.mean - half, ours.mean + half
    said = f"{ours.mean:.4g}, one-sided bounds {low:.4g} and {high:.4g}"
    distance = abs(ours.mean - limit)
    more = further_runs(ours.sd, 0.0, distance, ours.n) if 0 < distance <= half else None
    return _sided(ours.mean, half, limit, said, ours.n, more, above=side.startswith(">"))


def plant_threshold(claim: Claim, evidence: Any) -> Any:
    """Put our runs on the other side."""
    side, limit = bound_of(claim)
    step = max(abs(limit), 1.0) / 10
    above = side.startswith(">") == (decide_threshold(claim, evidence).verdict != "reproduced")
    return [limit + (1 if above else -1) * step * (1 + number / 100) for number in range(8)]
