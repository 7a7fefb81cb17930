"""Judge a document: its claims and the evidence there is become verdicts, one for each claim."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from repro import registry
from repro.audit import admitted, blessed, passages
from repro.audit.claims import Claim
from repro.audit.evidence import Missing, claims_file, claims_of, evidence_of
from repro.audit.judges import JUDGES, accused
from repro.audit.verdicts import CONTRADICTED, ERROR, Judgement
from repro.errors import DEVIATION, PASS, NothingSelectedError, ReproError, UsageError, did_you_mean
from repro.machine.foreign import described, place
from repro.study import Study


@dataclass(frozen=True)
class Audited:
    """A claim with what was found of it, and the seconds that took."""

    claim: Claim
    judgement: Judgement
    seconds: float
    passage: str = ""  # what the document says, where it was at hand

    @property
    def record(self) -> dict[str, Any]:
        """Return what is written of it for machines."""
        claim, said = self.claim, self.judgement
        return {
            "study": claim.study, "id": claim.id, "where": claim.where, "kind": claim.kind,
            "statement": claim.statement, "published": list(claim.published), "unit": claim.unit,
            "judge": claim.judge, "reason": claim.reason, "verdict": said.verdict, "evidence": said.evidence,
            "statistic": said.statistic, "n": said.n, "p": said.p, "power": said.power,
            "further_runs": said.more, "note": claim.note, "headline": claim.headline, "line": claim.line,
            "weight": claim.weight, "restates": claim.restates, "lines": claim.lines, "elsewhere": claim.elsewhere,
            "passage": self.passage,
            "exit_code": said.code, "command": f"repro audit {claim.study} --claim {claim.id}",
        }  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What an audit came to: the claims it judged, and a line for each verdict that is not the blessed one.

    `exit_code` is that of a claim that could not be judged, the highest of several; else 1 where verdicts changed, and
    0 else: a document that is wrong is no fault of the audit. `notes` are for the reader and fail nothing.
    """

    claims: tuple[Audited, ...]
    changes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Audited, ...]:
        """Return the claims that could not be judged."""
        return tuple(one for one in self.claims if one.judgement.verdict == ERROR)

    @property
    def contradicted(self) -> tuple[Audited, ...]:
        """Return the distinct claims that evidence speaks against: none again that restates one, none by definition."""
        return tuple(one for one in self.claims if one.claim.counts and one.judgement.verdict in CONTRADICTED)

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return the claims as they are written for machines."""
        return [one.record for one in self.claims]

    @property
    def exit_code(self) -> int:
        """Return the highest code of a claim that could not be judged, else 1 where verdicts changed, else 0."""
        failed = max((one.judgement.code for one in self.errors), default=PASS)
        return failed or (DEVIATION if self.changes else PASS)


def audit(*studies: str, claims: Sequence[str] = (), text: Path | None = None) -> Audit:
    """Judge the claims of these studies, of all that have some without any, and hold the verdicts to the blessed ones.

    `claims` are the ids of those wanted, of one study; all are judged in any case, and one that cannot be judged is an
    error of its own. A study of which no verdict was blessed yet is held to none, which is noted. With the document's
    `text`, each claim is held to its passage there. Raise UsageError for an unknown study or claim,
    NothingSelectedError where no study has claims, IntegrityError where verdicts are not what was blessed.
    """
    found = judge_all(*studies, claims=claims, text=text)
    names = list(studies) or audited_names()
    records = [one.record for one in found]
    before = blessed.held(registry.root())
    known = {row["study"] for row in before}
    first = [name for name in names if name not in known]
    said = "no verdicts are blessed yet; `repro audit {0} --bless REASON` holds later audits to these"
    notes = [f"{name}: {said.format(name)}" for name in first]
    held = [name for name in names if name in known]
    changes = blessed.changes(before, records, studies=held, whole=not claims)
    return Audit(found, tuple(changes), tuple(notes))


def judge_all(*studies: str, claims: Sequence[str] = (), text: Path | None = None) -> tuple[Audited, ...]:
    """Judge the claims as `audit` does, and hold the verdicts to nothing."""
    names = list(studies) or audited_names()
    if not names:
        raise NothingSelectedError("no study has claims; write studies/STUDY/claims.toml")
    if claims and len(names) > 1:
        raise UsageError("--claim: name the study that the claim is of")
    if text is not None and len(names) > 1:
        raise UsageError("--document: name the study that the document is of")
    return tuple(one for name in names for one in judge_study(name, claims, text))


def audited_names() -> list[str]:
    """Return the studies that have a file of claims."""
    return [name for name in registry.names() if claims_file(name).exists()]


def judge_study(name: str, only: Sequence[str] = (), text: Path | None = None) -> list[Audited]:
    """Judge the claims of a study and return all of them or some.

    All are judged in either case: Holm's correction is made over the whole document, whatever is looked at.
    """
    admitted.forget()
    study, entries = registry.load(name), claims_of(name)
    known = [claim.id for claim in entries]
    strange = [wanted for wanted in only if wanted not in known]
    if strange:
        raise UsageError(f"study '{name}' has no claim '{strange[0]}'{did_you_mean(strange[0], known)}")
    found, seconds = [], []
    for claim in entries:
        start = time.perf_counter()
        found.append((claim, judged(study, claim)))
        seconds.append(time.perf_counter() - start)
    audited = [Audited(*pair, spent) for pair, spent in zip(accused(found), seconds, strict=True)]
    if text is not None:
        document = passages.read(text)
        audited = [held(one, document) for one in audited]
    return [one for one in audited if not only or one.claim.id in only]


def held(one: Audited, document: passages.Text) -> Audited:
    """Return a claim with its passage; one whose passage is not there is an error, whatever its verdict was."""
    try:
        return replace(one, passage=document.passage(one.claim))
    except ReproError as error:
        where = f"{claims_file(one.claim.study)}:{one.claim.line}: claim '{one.claim.id}'"
        return replace(one, judgement=Judgement(ERROR, f"{where}: {error}", code=error.exit_code))


def judged(study: Study, claim: Claim) -> Judgement:
    """Return what is said of one claim; where the judging itself fails, that and why, since it stops no other claim."""
    try:
        return judge(study, claim)
    except ReproError as error:
        return Judgement(ERROR, str(error), code=error.exit_code)


def judge(study: Study, claim: Claim) -> Judgement:
    """Return what is said of one claim. Raise ReproError, never give a verdict, where the judging itself fails."""
    if claim.reason:
        return Judgement("not testable", claim.note or claim.reason)
    where = f"{claims_file(claim.study)}:{claim.line}: claim '{claim.id}'"
    try:
        evidence = evidence_of(study, claim)
        if isinstance(evidence, Missing):
            return Judgement("inconclusive", evidence.what, n=0, more=evidence.runs)
        return JUDGES[claim.judge].decide(claim, evidence)
    except ReproError as error:
        raise type(error)(f"{where}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a study's own function raises
        what = f"judge '{claim.judge}' fails: {described(error)} ({place(error)})"
        raise UsageError(f"{where}: {what}; mend it") from error
