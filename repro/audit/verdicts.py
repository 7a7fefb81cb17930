"""What can be said of a claim: the closed list of verdicts, a judgement, and what a judge is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from numbers import Integral, Rational, Real
from typing import Any, Literal, get_args

from repro.audit.claims import Claim
from repro.errors import UsageError
from repro.stats import Sample

Verdict = Literal[
    "reproduced", "not reproduced", "inconclusive", "erratum", "protocol mismatch", "transcription", "not testable"
]
VERDICTS: tuple[str, ...] = get_args(Verdict)
CONTRADICTED: tuple[Verdict, ...] = ("not reproduced", "erratum")
ERROR: Literal["error"] = "error"  # what stands in a verdict's place where a claim cannot be judged; it is none
NOT_OURS = "imported, not run by us"
IMPORTED = " (imported)"  # behind a verdict that rests on such runs, where verdicts are counted, listed and blessed
LEVEL = 0.05
FURTHEST = 5_000  # powers of ten: no document prints a number that is larger, or finer
BECAUSE: dict[str, Verdict] = {  # by a claim's cause
    "transcription": "transcription",
    "version": "protocol mismatch",
    "protocol": "protocol mismatch",
}

Span = tuple[float, float, float]
Shown = tuple[bool, str]  # whether something holds, and what was seen


@dataclass(frozen=True)
class Missing:
    """Evidence that is not there: what is missing, and how many runs it takes, None where no number would do."""

    what: str
    runs: int | None


class MissingError(Exception):
    """Stop a study's function where no row that it asks for is evidence: its claim is inconclusive."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.what)
        self.missing = missing


@dataclass(frozen=True)
class Runs:
    """What runs found: a value for each that ended in a number, how many `diverged`, and in words what else to know.

    `lost` is how many left no value for another reason, as other people's runs do that failed or never ended. Values
    are survivors where runs diverged or were lost: no judge calls a claim reproduced by these. `noise` is how far a
    value may be off by the precision that it was kept in, where the values do not show it any more.
    """

    values: tuple[float, ...]
    diverged: int = 0
    besides: str = ""
    lost: int = 0
    noise: float = field(default=0.0, compare=False)


# What judges take: a number or several, a text, yes or no with or without words; the measured ones take runs, as `Runs`
# or as plain values none of which diverged, or another publication's `Sample`.
Evidence = float | Decimal | str | bool | Shown | Sequence[float | Decimal | str] | Runs | Sample | Missing


@dataclass(frozen=True)
class Origin:
    """A file that imported runs come from: what wrote it, its SHA-256, and how many runs of it are evidence."""

    tool: str  # with its version where the file names it
    file: str
    digest: str
    runs: int


@dataclass(frozen=True)
class Noted:
    """Evidence beside imported runs: what a judge takes, what to know of these in words, and what they come from.

    `imported` is empty where the evidence is of runs of ours, and imported ones were left out.
    """

    evidence: Any
    words: str
    imported: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What a judge says of a claim: the verdict, the evidence in words, and what the verdict rests on.

    The verdict is "error" where the claim could not be judged; `evidence` is why, and `code` that error's exit code.

    `p` is that of a difference as large as the one found where the true one is the margin and no larger, the highest
    that the print allows, before Holm's correction; `more` how many further runs a decision would need; `power` how
    likely equality within the margin was to be shown by as many runs if there is no difference. `ours` and `theirs` are
    value, lower and upper end of the intervals that were compared, in the claim's unit. `basis` is what a correction
    over several claims of a document goes on. `imported` is where the evidence comes from if it was not run by us.
    """

    verdict: Verdict | Literal["error"]
    evidence: str
    n: int | None = None
    p: float | None = None
    more: int | None = None
    statistic: str = ""
    power: float | None = None
    ours: Span | None = None
    theirs: Span | None = None
    code: int = 0
    basis: Any = None
    imported: tuple[Origin, ...] = ()

    @property
    def word(self) -> str:
        """Return the verdict as it is counted and blessed: one that imported runs gave is a word of its own."""
        return worded(self.verdict, self.imported)


def worded(verdict: str, imported: object) -> str:
    """Return a verdict as it is counted and blessed, marked where it rests on imported runs."""
    return f"{verdict}{IMPORTED}" if imported and verdict != ERROR else verdict


def noted(said: Judgement, about: Noted) -> Judgement:
    """Return a judgement that says of imported runs what there is to know."""
    begins = f"{NOT_OURS}: " if about.imported else ""
    return replace(said, evidence=f"{begins}{said.evidence}; {about.words}", imported=about.imported)


@dataclass(frozen=True)
class Judge:
    """Decides a claim by evidence; `plant` turns evidence into such for which it must say something else."""

    decide: Callable[[Claim, Any], Judgement]
    plant: Callable[[Claim, Any], Any]


def found_as(claim: Claim, evidence: Any) -> list[Any]:
    """Return evidence part by part. Raise UsageError unless it has as many parts as were published."""
    parts = list(evidence) if isinstance(evidence, list | tuple) else [evidence]
    if len(parts) != len(claim.published):
        raise UsageError(f"{len(claim.published)} parts are published, and {len(parts)} were found")
    return parts


def only_part(claim: Claim) -> str:
    """Return what is published where a judge takes one part. Raise UsageError where there are several."""
    if len(claim.published) != 1:
        raise UsageError(
            f"{len(claim.published)} parts are published, and '{claim.judge}' judges one; make a claim of each"
        )
    return claim.published[0]


def finite(value: Any) -> Any:
    """Return a whole number, a float or a Decimal. Raise UsageError for what is none, as NaN and infinity are.

    That fault is not the author's, nor is a Decimal beyond what documents print. A Fraction has no digits to compare.
    """
    if isinstance(value, Rational) and not isinstance(value, Integral):
        raise UsageError(f"the value found is {value!r:.60}, a fraction; return a float, or a Decimal of enough digits")
    number = isinstance(value, Real | Decimal) and not isinstance(value, bool)
    if isinstance(value, Decimal):
        number = value.is_finite()
        if number and max(abs(value.adjusted()), abs(int(value.as_tuple().exponent))) > FURTHEST:
            raise UsageError(f"the value found is {value:.3g}, too large or too fine; mend what computes it")
    elif number and not isinstance(value, Integral):
        number = math.isfinite(value)
    if not number:
        raise UsageError(f"the value found is {value!r:.60}, which is no number; mend what computes it")
    return value


def several(evidence: Any) -> list[Any]:
    """Return runs one by one. Raise UsageError for what is no list of them."""
    wrong = UsageError(f"wanted a list of runs, one value for each, got {evidence!r:.60}; return such")
    if isinstance(evidence, str | bytes | Mapping):
        raise wrong
    try:
        found = iter(evidence)
    except TypeError as error:  # an array without axes has iter and refuses it
        raise wrong from error
    return list(found)


def caused(claim: Claim, said: Judgement) -> Judgement:
    """Return a judgement with the word that a contradiction has where its cause is not the author."""
    if said.verdict in CONTRADICTED and claim.cause:
        return replace(said, verdict=BECAUSE[claim.cause])
    return said


def outcome(agrees: bool, evidence: str) -> Judgement:
    """Return a judgement of arithmetic: what does not agree is wrong whatever is run."""
    return Judgement("reproduced" if agrees else "erratum", evidence)
