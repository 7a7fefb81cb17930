"""Judges of runs of ours: against one published value, an order, a bound. Each comes with its planted opposite.

p is how likely a difference as large as the one found is where the true one is the margin and no larger. So a true
difference inside the margin is accused as seldom as none at all, and Holm's correction holds over the document.
"""

from __future__ import annotations

import bisect
import functools
import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from repro import printed
from repro.audit import digits, extremes, student
from repro.audit.claims import Claim
from repro.audit.computed import bound_of
from repro.audit.verdicts import LEVEL, Judgement, Runs, Span, Verdict, finite, only_part, several
from repro.errors import UsageError
from repro.stats import Sample

LEAST_RUNS = 5  # of ours, before a measured claim is judged at all
LEAST_EQUAL = 1 + math.ceil(math.log2(1 / LEVEL))  # of ours where all are equal: 0.5 ** 5 is below it
POWER = 0.80
LARGEST = 1e150  # of a run, whose square has to be a float
MOST_RUNS = 100_000  # beyond it, no number of further runs is named
NORMAL = statistics.NormalDist()


Decide = Callable[[Claim, Any], Judgement]


def counting_all(decide: Decide) -> Decide:
    """Let a judge of values take `Runs`: what is said of these stands in the evidence, and survivors reproduce nothing.

    A difference that survivors show stays shown: that others diverged brings them no nearer to what is published.
    """

    @functools.wraps(decide)
    def judge(claim: Claim, evidence: Any) -> Judgement:
        said = decide(claim, evidence)
        return counted(said, evidence) if isinstance(evidence, Runs) else said

    return judge


def counted(said: Judgement, runs: Runs) -> Judgement:
    """Return a judgement with what is said of all runs, and no more than what those that left no value allow."""
    total = len(runs.values) + runs.diverged + runs.lost
    diverged = f"{runs.diverged} of {total} diverged" if runs.diverged else ""
    lost = f"{runs.lost} of {total} left no value" if runs.lost else ""
    words = "; ".join(text for text in (said.evidence, diverged, lost, runs.besides) if text)
    if not (runs.diverged or runs.lost):
        return replace(said, evidence=words)
    verdict = "inconclusive" if said.verdict == "reproduced" else said.verdict
    return replace(said, verdict=verdict, evidence=words, more=said.more if too_few(runs.values) else None)


def runs_of(evidence: Any) -> list[float]:
    """Return the values of runs. Raise UsageError where one is no number, or one whose square no float holds."""
    values = [finite(value) for value in several(evidence.values if isinstance(evidence, Runs) else evidence)]
    for value in values:
        if abs(value) > LARGEST:
            raise UsageError(
                f"a run is {digits.said(value, '.3g')}, too large to be reckoned with; mend what computes it, or say "
                "that it diverged"
            )
    return [float(value) for value in values]


def as_float(number: printed.Printed) -> float:
    """Return what is printed as a float. Raise UsageError for what runs cannot be held against."""
    if abs(number.value) > LARGEST:
        raise digits.too_far(number.text)
    return float(number.value)


def noise_of(evidence: Any, *others: float) -> float:
    """Return how far runs and what they are held to may be off by the precision of either: no less is a difference."""
    kept = evidence.noise if isinstance(evidence, Runs) else 0.0
    return max(kept, float(digits.noise(*runs_of(evidence))), float(digits.noise(*others)))


def sample_of(values: Sequence[float], noise: float) -> Sample:
    """Return mean, deviation and number of values; those that are equal but for noise are one number without scatter.

    Its mean is that number, whatever the sum is rounded to.
    """
    if max(values) - min(values) <= noise:
        return Sample(values[0], 0.0, len(values))
    return Sample(statistics.fmean(values), statistics.stdev(values), len(values))


def too_few(values: Sequence[float]) -> Judgement | None:
    """Return that nothing can be said where there are fewer runs than it takes."""
    if len(values) >= LEAST_RUNS:
        return None
    more = LEAST_RUNS - len(values)
    return Judgement("inconclusive", f"{len(values)} runs, at least {LEAST_RUNS} are needed", n=len(values), more=more)


def unless_by_chance(said: Judgement, n: int) -> Judgement:
    """Return a judgement by n equal runs and no scatter at all, which are too few where they may agree by chance.

    Unless more than half of all runs come out so, that has a probability of 0.5 ** (n - 1) at most.
    """
    chance = 0.5 ** (n - 1)
    said = replace(said, p=max(chance, float(said.p or 0.0)))
    if chance <= LEVEL or said.verdict == "inconclusive":
        return said
    words = f"{said.evidence}; {n} runs may be equal by chance, {LEAST_EQUAL} are needed"
    return replace(said, verdict="inconclusive", evidence=words, more=LEAST_EQUAL - n)


def around(middle: float, half: float) -> Span:
    """Return a value with the ends of an interval of that half width."""
    return middle, middle - half, middle + half


# One published value


@counting_all
def decide_interval(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether a published value could be one more run of ours (prediction interval of 95 %).

    Reproduced is a value that neither it, wherever its digits allow, nor one more run leaves the margin.
    """
    number, values = digits.read(only_part(claim)), runs_of(evidence)
    few = too_few(values)
    if few:
        return few
    margin, value, rounding = float(claim.margin or 0), as_float(number), float(number.half)
    noise = noise_of(evidence, value, margin)
    ours = sample_of(values, noise)
    error = ours.sd * math.sqrt(1 + 1 / ours.n)
    half = student.t_critical(LEVEL, ours.n - 1) * error
    near, far = (max(0.0, abs(value - ours.mean) + side * rounding) for side in (-1, 1))
    p = extremes.single(extremes.beyond(near, margin, noise), error, ours.n - 1)
    said = f"{ours.mean:.4g} with a deviation of {ours.sd:.2g}; one more run lies within {half:.2g} of it"
    verdict: Verdict = "inconclusive"
    more = None
    equal = ours.sd == 0 and digits.rounds(number, values[0])
    if equal:
        verdict, said = "reproduced", f"all {ours.n} runs are {values[0]:.6g}, which prints so"
    elif max(far, half + rounding) <= margin + noise:
        verdict = "reproduced"
    elif p <= LEVEL:
        verdict = "not reproduced"
    else:
        what = "the published value" if half + rounding <= margin else "one more run, or a digit of the print,"
        more = runs_to_predict(ours, near, far, rounding, margin)
        said = f"{said}; {what} may lie outside the margin of {margin:g}"
        said += "" if more else ", however many runs there are"
    found = Judgement(
        verdict, said, n=ours.n, p=p, more=more,
        statistic=f"95 % prediction interval, t with {ours.n - 1} degrees of freedom",
        ours=around(ours.mean, half), theirs=around(value, rounding),
    )  # fmt: skip
    return found if ours.sd or equal else unless_by_chance(found, ours.n)


def runs_to_predict(ours: Sample, near: float, far: float, rounding: float, margin: float) -> int | None:
    """Return how many runs more decide on a value with a power of 80 %, if mean and deviation are as they were found.

    The value lies from `near` to `far` of the mean: all of it inside the margin or all beyond it, or nothing decides.
    By normal laws of the mean and of the deviation.
    """

    def shown(total: int) -> bool:
        wide, root = math.sqrt(1 + 1 / total), math.sqrt(2 * (total - 1))
        if far <= margin:
            half = student.t_critical(LEVEL, total - 1) * wide * ours.sd
            near_enough = (margin - far) * math.sqrt(total) / ours.sd
            return NORMAL.cdf((margin - rounding - half) / half * root) * NORMAL.cdf(near_enough) >= POWER
        reach = student.t_critical(2 * LEVEL, total - 1) * wide * ours.sd
        return NORMAL.cdf((near - margin - reach) / math.hypot(reach / root, ours.sd / math.sqrt(total))) >= POWER

    return None if ours.sd == 0 or near <= margin < far else further(ours.n, shown)


def plant_interval(claim: Claim, evidence: Any) -> Any:
    """Close our runs around what is published where the two were told apart, else move them far away."""
    number, margin = printed.parse(claim.published[0]), float(claim.margin or 0)
    value = float(number.value)
    if decide_interval(claim, evidence).verdict == "not reproduced":
        return [value + margin * step / 100 for step in (-2, -1, 0, 0, 1, 2)]
    return [value + 10 * (margin + float(number.half)) + margin * step / 100 for step in range(8)]


# One side of a limit


@counting_all
def decide_order(claim: Claim, evidence: Any) -> Judgement:
    """Ask whether differences that should be above 0 are so on average, one a run (one-sided t intervals of 95 %)."""
    only_part(claim)
    return _sided(evidence, ">", 0.0, float(claim.margin or 0), "+.3g")


@counting_all
def decide_threshold(claim: Claim, evidence: Any) -> Judgement:
    """Ask on which side of a published bound the mean of our runs lies (one-sided t intervals of 95 %)."""
    side, limit = bound_of(only_part(claim))
    return _sided(evidence, side, as_float(limit), float(claim.margin or 0), ".4g")


def decide_unpaired(above: Runs, below: Runs, margin: float) -> Judgement:
    """Ask whether one kind of runs exceeds another on average where no seed is shared (one-sided Welch intervals).

    Further runs are of each kind.
    """
    import numpy as np

    few = too_few(above.values) or too_few(below.values)
    if few:
        return few
    noise = max(noise_of(above, margin), noise_of(below, margin))
    first, second = (sample_of(runs_of(one), noise) for one in (above, below))
    error, df = (float(part[0]) for part in extremes.yardstick(first, np.array([second.sd]), second.n))
    least = min(first.n, second.n)
    apart = Sample(first.mean - second.mean, math.hypot(first.sd, second.sd), least)
    said = _on_a_side(apart, error, df if error else least - 1, ">", 0.0, margin, "+.3g", noise)
    both = Runs(
        (*above.values, *below.values), above.diverged + below.diverged,
        "; ".join(filter(None, (above.besides, below.besides))), above.lost + below.lost,
    )  # fmt: skip
    return replace(counted(said, both), n=first.n + second.n)


def _sided(evidence: Any, side: str, limit: float, margin: float, form: str) -> Judgement:
    """Return on which side of a limit the mean of runs lies; on the wrong one it has to lie beyond the margin."""
    values = runs_of(evidence)
    few = too_few(values)
    if few:
        return few
    noise = noise_of(evidence, limit, margin)
    ours = sample_of(values, noise)
    return _on_a_side(ours, ours.sd / math.sqrt(ours.n), ours.n - 1, side, limit, margin, form, noise)


def _on_a_side(
    ours: Sample, error: float, df: float, side: str, limit: float, margin: float, form: str, noise: float
) -> Judgement:
    """Return on which side of a limit a mean lies that has this standard error with these degrees of freedom."""
    half = student.t_critical(2 * LEVEL, df) * error
    toward = digits.settled(ours.mean - limit if side.startswith(">") else limit - ours.mean, noise)
    p = extremes.single(extremes.short(toward, margin, noise), error, df)
    said = f"{ours.mean:{form}}, one-sided bounds {ours.mean - half:{form}} and {ours.mean + half:{form}}"
    verdict: Verdict = "inconclusive"
    more = None
    if toward > half or (ours.sd == 0 and toward == 0 and side.endswith("=")):
        verdict = "reproduced"
    elif p <= LEVEL:
        verdict = "not reproduced"
    elif abs(toward) <= margin + noise:
        more = runs_to_show(ours, margin)
        said += "" if more else f": no farther from {limit:g} than the margin of {margin:g}, on either side"
    else:
        more = runs_to_show(ours, abs(toward + margin) if toward < 0 else toward)
    found = Judgement(
        verdict, said, n=ours.n, p=p, more=more,
        statistic=f"one-sided t bounds of 95 %, {round(df, 1):g} degrees of freedom",
        ours=around(ours.mean, half), theirs=around(limit, 0.0),
    )  # fmt: skip
    return found if error else unless_by_chance(found, ours.n)


def runs_to_show(ours: Sample, distance: float) -> int | None:
    """Return how many runs more show a distance from a limit with a power of 80 %, if the true one is as large."""

    def shown(total: int) -> bool:
        reach = student.t_critical(2 * LEVEL, total - 1) + student.t_critical(2 * (1 - POWER), total - 1)
        return reach * ours.sd / math.sqrt(total) <= distance

    return further(ours.n, shown)


def further(n: int, shown: Callable[[int], bool]) -> int | None:
    """Return how many more than n runs show something; None where as many do, or 100,000 would not."""
    totals = range(n, MOST_RUNS)
    place = bisect.bisect_left(totals, True, key=shown)
    return place if 0 < place < len(totals) else None


def plant_order(claim: Claim, evidence: Any) -> Any:
    """Turn the order round, or make one where there was none."""
    margin = float(claim.margin or 0)
    sign = -1 if decide_order(claim, evidence).verdict == "reproduced" else 1
    return [sign * margin * (3 + step / 100) for step in range(8)]


def plant_threshold(claim: Claim, evidence: Any) -> Any:
    """Put our runs on the other side."""
    side, number = bound_of(only_part(claim))
    limit = float(number.value)
    step = 3 * float(claim.margin or 0) + max(abs(limit), 1.0) / 10
    above = side.startswith(">") == (decide_threshold(claim, evidence).verdict != "reproduced")
    return [limit + (1 if above else -1) * step * (1 + number / 100) for number in range(8)]
