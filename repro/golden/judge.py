"""The rule for one row: how its weighed evidence is held to its band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from repro.golden import rule, together
from repro.golden.bands import Band
from repro.golden.findings import AGREES, CANNOT, CHANGED, DEVIATES, SUSPICIOUS, UNDER
from repro.golden.weigh import Weighed


@dataclass(frozen=True)
class Tests:
    """The levels of this check's tests.

    `level` is that of a row among all rows with a band in the golden. `rate` is the share of diverged runs among the
    golden's rows that do not always diverge.
    """

    level: float
    rate: float
    diverged_level: float
    finished_level: float

    def suspect(self, band: Band, n1: int) -> float:
        """Return how far the mean of n1 new runs may be without being suspicious, in s."""
        return band.suspect if n1 == 1 and band.suspect else rule.suspect_limit(float(band.df or 0), band.finite, n1)

    def confirming(self, band: Band, n1: int, m: int) -> float:
        """Return how far all of m further runs must be to confirm it, in s."""
        if n1 == 1 and m == band.confirming and band.confirm is not None:
            return band.confirm
        return rule.confirm_limit(self.level, float(band.df or 0), band.finite, n1, m)


@dataclass(frozen=True)
class Ruling:
    """The judgement of a row: a word, why, and how far from the golden in units of what is not suspicious.

    `open` says that more runs would tell more, whatever the word: what has changed may have got worse as well.
    """

    word: str
    text: str
    score: float = 0.0
    open: bool = False


@dataclass
class Dossier:
    """What speaks for and against a row, collected test by test."""

    faults: list[str]
    deviations: list[str]
    notes: list[str]
    suspicions: list[str]
    score: float = 0.0


def judge(evidence: Weighed, tests: Tests) -> Ruling:
    """Turn a row's evidence into a verdict; a deviation outweighs a fault, and the text names both."""
    case = Dossier(list(evidence.faults), list(evidence.altered), [], [])
    if evidence.failed:
        case.faults.append(f"{evidence.failed} runs failed; see their detail")
    case.score = math.inf if case.deviations else 0.0
    if not evidence.faults:
        judge_kind(evidence, tests, case)
    for count, what in (
        (evidence.own, "of the golden's own"),
        (evidence.replayed - evidence.own, "replayed bit for bit"),
    ):
        case.notes += [f"{count} {what}"] if count else []
    changed = [f"the same seed gives something else: {evidence.changed[0]}"] if evidence.changed else []
    weak = power_of(evidence.band) + replays_alone(evidence)
    words = (
        (DEVIATES, case.deviations), (CHANGED, changed), (CANNOT, case.faults), (SUSPICIOUS, case.suspicions),
        (UNDER, weak),
    )  # fmt: skip
    word = next((word for word, texts in words if texts), AGREES)
    texts = [*case.faults, *case.deviations, *changed, *case.suspicions, *case.notes, *(weak if word == UNDER else [])]
    return Ruling(word, "; ".join(texts), case.score, bool(case.suspicions))


def power_of(band: Band) -> list[str]:
    """Say that a row cannot see a change that matters, [] where it can or nothing is declared to matter."""
    if band.kind != "band" or band.useful is None or band.detectable is None or band.detectable <= band.useful:
        return []
    return [f"a change of {band.useful:g} {band.unit} can go unseen"]


def replays_alone(evidence: Weighed) -> list[str]:
    """Say that all of a row's runs repeat golden ones, which shows the same code and not that other seeds agree."""
    drawn = evidence.band.kind in ("band", "diverges")
    return ["no fresh seed"] if drawn and evidence.replayed and not (evidence.values or evidence.diverged) else []


def judge_kind(evidence: Weighed, tests: Tests, case: Dossier) -> None:
    """Apply the rule for this kind of row."""
    match evidence.band.kind:
        case "band":
            judge_band(evidence, tests, case)
        case "exact":
            judge_exact(evidence, case)
        case "diverges":
            judge_diverges(evidence, case)
        case "recorded":
            pass
        case "provisional":
            case.faults.append(f"provisional: blessed on {evidence.band.n0} seeds, too few for a band")
        case unknown:
            case.faults.append(f"unknown kind of band '{unknown}'")


def judge_band(evidence: Weighed, tests: Tests, case: Dossier) -> None:
    """Hold the mean of the new values and the number of diverged runs against the golden's, in two stages."""
    judge_divergence(evidence, tests, case)
    band, values = evidence.band, evidence.values
    if not values:
        return
    away = band.away(math.fsum(values) / len(values))
    limit = tests.suspect(band, len(values)) + together.allowed(evidence)
    further = together.allowed(evidence, again=True)
    case.score = max(case.score, abs(away) / limit)
    if abs(away) <= limit:
        return
    text = f"{'too high' if away > 0 else 'too low'} by {abs(away):.1f} sd (up to {limit:.1f} is usual)"
    again = [math.copysign(1.0, away) * band.away(value) for value in evidence.again[: band.confirming]]
    if len(evidence.again) + evidence.again_diverged < band.confirming:
        case.suspicions.append(f"{text}; {band.confirming} more runs would tell")
    elif again and min(again) > tests.confirming(band, len(values), len(again)) + further:
        case.deviations.append(f"{text}, and so are {len(again)} more runs (by {min(again):.1f} sd or more)")
    else:
        case.notes.append(f"{text}, and not all of {len(again)} more runs are")


def judge_divergence(evidence: Weighed, tests: Tests, case: Dossier) -> None:
    """Compare how many runs diverged with the golden's count (beta-binomial, both directions).

    A lone diverged run is suspicious where the golden's hardly ever did, and never a deviation by itself.
    """
    band, confirmed = evidence.band, evidence.again_diverged + len(evidence.again) >= evidence.band.confirming
    diverged, total = evidence.diverged, evidence.diverged + len(evidence.values)
    if not total:
        return
    unusual = rule.nonfinite_tails(diverged, total, band.k0, band.n0, tests.rate)[1] < rule.SUSPECT
    if diverged and confirmed:
        diverged, total = diverged + evidence.again_diverged, total + evidence.again_diverged + len(evidence.again)
    text = f"{diverged} of {total} runs diverged (golden: {band.k0} of {band.n0})"
    few, many = rule.nonfinite_tails(diverged, total, band.k0, band.n0, tests.rate)
    if few < tests.finished_level or (many < tests.diverged_level and diverged > 1):
        case.deviations.append(text)
        case.score = math.inf
    elif diverged and unusual and not confirmed:
        case.suspicions.append(f"{text}; {band.confirming} more runs would tell")
    elif diverged == total and not band.k0 and not evidence.replayed:
        case.faults.append(f"{text}: no value to compare; run more replicates")
    elif diverged:
        case.notes.append(text)


def judge_exact(evidence: Weighed, case: Dossier) -> None:
    """Hold the values of a deterministic experiment to the golden's, bit for bit."""
    assert evidence.band.mean is not None  # an exact band has the value that all its runs agree on
    wanted = evidence.band.mean
    found = [f"{value!r} is not {wanted!r}" for value in evidence.values if value.hex() != wanted.hex()]
    if evidence.diverged:
        found.append(f"{evidence.diverged} runs diverged where the golden has a value")
    case.deviations += found
    case.score = math.inf if case.deviations else 0.0


def judge_diverges(evidence: Weighed, case: Dossier) -> None:
    """Expect divergence where every golden run diverged; a value has nothing to be compared with."""
    if evidence.values:
        case.faults.append(f"{len(evidence.values)} runs finished where every golden run diverged")
    if evidence.diverged:
        case.notes.append(f"{evidence.diverged} runs diverged as the golden's did")


def levels(lines: Sequence[Band]) -> Tests:
    """Return the levels at which a golden's rows are tested."""
    banded = [band for band in lines if band.kind == "band"]
    rate = (sum(band.k0 for band in banded) + 0.5) / (sum(band.n0 for band in banded) + 1.0)
    alphas = (rule.ALPHA_ROWS, rule.ALPHA_DIVERGED, rule.ALPHA_FINISHED)
    row, diverged, finished = (rule.sidak(alpha, max(len(banded), 1)) for alpha in alphas)
    return Tests(row, rate, diverged, finished)
