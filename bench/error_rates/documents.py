"""Simulated documents of twenty claims, true and false: how often an audit accuses one wrongly, and what it finds.

A document prints a mean and a ± of runs of its own, or one value; we have other runs. A false claim's lie three margins
away, a true one's a whole margin, where it is easiest to be wrong about it: an order or a threshold misses by that. How
many true claims are reproduced is counted in documents of the same kind whose runs and ours are of one law.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from repro import stats
from repro.audit.claims import Claim
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import Judgement

Random = np.random.Generator
CLAIMS = 20
FALSE = (0, 5, 10)  # claims of a document that are false, as often one as another
SHIFT = 3.0  # margins that a false claim's value lies away
MARGIN = 1.0  # standard deviations of a run that a claim calls no difference
OURS = "repro audit"
KINDS = ("value",) * 7 + ("order", "threshold", "value")  # twice over in a document


@dataclass(frozen=True)
class World:
    """What documents print: `spread` is what their ± is and `said` what the claim says of it; runs of either side."""

    title: str
    spread: str = "sd"
    said: str = "sd"
    theirs: tuple[int, int] = (2, 12)
    ours: tuple[int, int] = (3, 20)
    decimals: tuple[int, int] = (1, 4)
    skew: int = 0  # of runs: -1 to the left, 1 to the right


WORLDS: Mapping[str, World] = {
    "sd": World("standard deviations"),
    "se": World("standard errors", "se", "se"),
    "ci95": World("95 % intervals", "ci95", "ci95"),
    "sd-unknown": World("standard deviations, not said", "sd", "unknown"),
    "se-unknown": World("standard errors, not said", "se", "unknown"),
    "2sd-unknown": World("two standard deviations, not said", "2sd", "unknown"),
    "single": World("single values", theirs=(1, 1)),
    "few": World("at most three runs, five of ours", theirs=(1, 3), ours=(5, 5)),
    "coarse": World("one decimal", decimals=(1, 1)),
    "skewed": World("runs skewed to the left", skew=-1),
    "skewed-right": World("runs skewed to the right", skew=1),
}


@dataclass(frozen=True)
class Drawn:
    """A claim, the runs it is judged by, and whether it is true."""

    claim: Claim
    runs: list[float]
    true: bool


def runs_of(world: World, random: Random, mean: float, sd: float, number: int) -> list[float]:
    """Draw runs of a mean and a deviation."""
    skewed = world.skew * (random.gamma(2.0, size=number) - 2.0) / math.sqrt(2.0) if world.skew else None
    noise = random.normal(size=number) if skewed is None else skewed
    return [float(value) for value in mean + sd * noise]


def spread_of(world: World, values: list[float]) -> float:
    """Return what the world's documents print behind the ±."""
    n, sd = len(values), statistics.stdev(values)
    if world.spread == "ci95":
        return stats.t_critical(0.05, n - 1) * sd / math.sqrt(n)
    return {"sd": sd, "2sd": 2 * sd, "se": sd / math.sqrt(n)}[world.spread]


def drawn(world: World, random: Random, number: int, true: bool, off: float = 1.0) -> Drawn:
    """Draw a claim of a document and our runs for it; a true claim's differ by `off` margins."""
    low, high = world.ours
    n, sd = int(random.integers(low, high + 1)), float(np.exp(random.uniform(math.log(0.05), 0.0)))
    mean, margin = float(random.uniform(60.0, 95.0)), MARGIN * sd
    away = (off if true else SHIFT) * margin * (1 if random.random() < 0.5 else -1)
    kind, ident = KINDS[number % len(KINDS)], f"claim-{number}"
    if kind == "value":
        low, high = world.theirs
        decimals = int(random.integers(world.decimals[0], world.decimals[1] + 1))
        theirs = runs_of(world, random, mean + away, sd, int(random.integers(low, high + 1)))
        text = f"{statistics.fmean(theirs):.{decimals}f}"
        judge = "interval"
        if len(theirs) > 1:
            text, judge = f"{text} ± {spread_of(world, theirs):.{decimals}f}", "samples"
        claim = Claim("simulated", ident, "table", "value", "", (text,), number, runs=len(theirs), spread=world.said,
                      margin=margin, judge=judge)  # fmt: skip
        return Drawn(claim, runs_of(world, random, mean, sd, n), true)
    if kind == "order":
        claim = Claim("simulated", ident, "table", "order", "", ("above",), number, margin=margin, judge="order")
        return Drawn(claim, runs_of(world, random, -abs(away), sd, n), true)
    limit = f"{mean:.2f}"
    claim = Claim("simulated", ident, "table", "bound", "", (f"> {limit}",), number, margin=margin, judge="threshold")
    return Drawn(claim, runs_of(world, random, float(limit) - abs(away), sd, n), true)


def ours(document: list[Drawn]) -> list[str]:
    """Return the audit's verdicts."""
    said: list[tuple[Claim, Judgement]] = [
        (one.claim, JUDGES[one.claim.judge].decide(one.claim, one.runs)) for one in document
    ]
    return [judgement.verdict for _, judgement in accused(said)]


def beside(rule: Callable[[Drawn], bool]) -> Callable[[list[Drawn]], list[str]]:
    """Return verdicts by a rule that knows two words."""
    return lambda document: ["reproduced" if rule(one) else "not reproduced" for one in document]


def _parts(one: Drawn) -> tuple[float, float, str]:
    """Return the published value, its ± as a deviation (ours where it has none), and the value as printed."""
    text, _, spread = one.claim.published[0].partition(" ± ")
    return float(text), float(spread) if spread else statistics.stdev(one.runs), text


def _side(one: Drawn) -> float | None:
    """Return how far our mean lies on the right side of an order or a threshold, None for a value."""
    if one.claim.judge == "order":
        return statistics.fmean(one.runs)
    if one.claim.judge == "threshold":
        return statistics.fmean(one.runs) - float(one.claim.published[0].removeprefix("> "))
    return None


def within_sd(one: Drawn) -> bool:
    """Say whether our mean lies within one ± of what is published."""
    side = _side(one)
    value, spread, _ = _parts(one) if side is None else (0.0, 0.0, "")
    return side > 0 if side is not None else abs(statistics.fmean(one.runs) - value) <= spread


def within_rounding(one: Drawn) -> bool:
    """Say whether our mean prints as what is published."""
    side = _side(one)
    if side is not None:
        return side > 0
    text = _parts(one)[2]
    return f"{statistics.fmean(one.runs):.{len(text.partition('.')[2])}f}" == text


def core_bench(one: Drawn) -> bool:
    """Say whether what is published lies in the 95 % prediction interval of our runs (CORE-Bench's rule)."""
    n, sd, side = len(one.runs), statistics.stdev(one.runs), _side(one)
    away = abs(statistics.fmean(one.runs) - _parts(one)[0]) if side is None else max(-side, 0.0)
    return away <= stats.t_critical(0.05, n - 1) * sd * math.sqrt(1 + 1 / n)


def plain_welch(one: Drawn) -> bool:
    """Say whether a test at 5 % finds no difference, the ± taken for a deviation, one value for a sample of one."""
    mine, side = stats.Sample(statistics.fmean(one.runs), statistics.stdev(one.runs), len(one.runs)), _side(one)
    if side is not None:
        return side > -stats.t_critical(0.10, mine.n - 1) * mine.sd / math.sqrt(mine.n)
    value, spread, _ = _parts(one)
    if (one.claim.runs or 1) < 2:
        return core_bench(one)
    return stats.welch(mine, stats.Sample(value, spread, int(one.claim.runs or 2))).p > 0.05


RULES: Mapping[str, Callable[[list[Drawn]], list[str]]] = {
    OURS: ours,
    "within one ±": beside(within_sd),
    "within rounding": beside(within_rounding),
    "CORE-Bench's interval": beside(core_bench),
    "Welch's test, uncorrected": beside(plain_welch),
}


def block(world: str, documents: int, seed: int) -> dict[str, Any]:
    """Judge documents of a world by every rule; return counts: `accused` of documents with a true claim accused."""
    random, some = np.random.default_rng([seed, *world.encode()]), WORLDS[world]
    counts: dict[str, Any] = {"documents": documents, "true": 0, "false": 0}
    counts |= {name: {"accused": 0, "found": 0, "reproduced": 0} for name in RULES}
    for _ in range(documents):
        false = set(random.permutation(CLAIMS)[: random.choice(FALSE)].tolist())
        document = [drawn(some, random, number, number not in false) for number in range(CLAIMS)]
        alike = [drawn(some, random, number, number not in false, 0.0) for number in range(CLAIMS)]
        counts["true"] += CLAIMS - len(false)
        counts["false"] += len(false)
        for name, rule in RULES.items():
            said = list(zip(document, rule(document), strict=True))
            counts[name]["accused"] += any(one.true and verdict == "not reproduced" for one, verdict in said)
            counts[name]["found"] += sum(not one.true and verdict == "not reproduced" for one, verdict in said)
            same = zip(alike, rule(alike), strict=True)
            counts[name]["reproduced"] += sum(one.true and verdict == "reproduced" for one, verdict in same)
    return counts


def measured(documents: int) -> dict[str, Any]:
    """Return the counts of every world, two at a time."""
    with ProcessPoolExecutor(2) as pool:
        return dict(zip(WORLDS, pool.map(block, WORLDS, repeat(documents), repeat(0)), strict=True))
