"""Judge a document: its claims and the evidence there is become verdicts, one for each claim."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from repro import registry
from repro.audit import claims as registered
from repro.audit import kept as keeping
from repro.audit import passages
from repro.audit.changes import VerdictChange, changes
from repro.audit.claims import Claim, claims_file
from repro.audit.judges import JUDGES, accused
from repro.audit.kept import Kept
from repro.audit.verdicts import CONTRADICTED, ERROR, Judgement, Missing, Noted, noted
from repro.errors import DEVIATION, PASS, NothingSelectedError, ReproError, UsageError, did_you_mean
from repro.machine import root
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
            "statement": claim.statement, "published": list(claim.published), "unit": claim.unit or "1",
            "judge": claim.judge, "reason": claim.reason, "verdict": said.verdict, "evidence": said.evidence,
            "imported": [asdict(one) for one in said.imported],
            "statistic": said.statistic, "n": said.n, "p": said.p, "power": said.power,
            "further_runs": said.more, "note": claim.note, "headline": claim.headline, "line": claim.line,
            "weight": claim.weight, "restates": claim.restates, "lines": claim.lines, "elsewhere": claim.elsewhere,
            "passage": self.passage,
            "exit_code": said.code, "command": f"repro audit {claim.study} --claim {claim.id}",
        }  # fmt: skip


@dataclass(frozen=True)
class Audit:
    """What an audit came to: the claims it judged, and what of their verdicts is not as it was blessed.

    `exit_code` is that of a claim that could not be judged, the highest of several; else 1 where verdicts changed, and
    0 else: a document that is wrong is no fault of the audit. `notes` are for the reader and fail nothing.
    """

    claims: tuple[Audited, ...]
    changed: tuple[VerdictChange, ...]
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[str, ...]:
        """Return a line for each verdict that is not the blessed one, and for each claim that came or went."""
        return tuple(change.line for change in self.changed)

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
        """Return the claims as they are written for machines, each with its change since verdicts were blessed."""
        words = {(change.study, change.claim): change.words for change in self.changed}
        return [{**one.record, "change": words.get((one.claim.study, one.claim.id), "")} for one in self.claims]

    @property
    def exit_code(self) -> int:
        """Return the highest code of a claim that could not be judged, else 1 where verdicts changed, else 0."""
        failed = max((one.judgement.code for one in self.errors), default=PASS)
        return failed or (DEVIATION if self.changed else PASS)


def audit(*studies: str, claims: Sequence[str] = (), text: Path | None = None, kept: Kept | None = None) -> Audit:
    """Judge the claims of these studies, of all that have some without any, and hold the verdicts to the blessed ones.

    `claims` are the ids of those wanted, of one study; all are judged in any case, and one that cannot be judged is an
    error of its own. A study of which no verdict was blessed yet is held to none, which is noted. With the document's
    `text`, each claim is held to its passage there. What is `kept` is taken where nothing it follows from changed.
    Raise UsageError for an unknown study or claim, NothingSelectedError where no study has claims, IntegrityError where
    verdicts are not what was blessed.
    """
    names = list(studies) or audited_names()
    found = judge_all(*names, claims=claims, text=text, kept=kept)
    records = [one.record for one in found]
    before = blessed_before(kept)
    known = {row["study"] for row in before}
    first = [name for name in names if name not in known]
    said = "no verdicts are blessed yet; `repro audit {0} --bless REASON` holds later audits to these"
    notes = [f"{name}: {said.format(name)}" for name in first]
    if text is not None and not any(claim.lines for claim in claims_of(names[0])):
        notes.append(f"{names[0]}: no claim names 'lines', so none was held to {text}; write those of its passage")
    held = [name for name in names if name in known]
    changed = changes(before, records, studies=held, whole=not claims)
    return Audit(found, tuple(changed), tuple(notes))


def blessed_before(kept: Kept | None) -> list[dict[str, str]]:
    """Return the verdicts that were blessed, by study and claim."""
    if kept is not None:
        return keeping.blessed_verdicts(kept)
    from repro.audit import blessed

    return blessed.held(registry.root())


def judge_all(
    *studies: str, claims: Sequence[str] = (), text: Path | None = None, kept: Kept | None = None
) -> tuple[Audited, ...]:
    """Judge the claims as `audit` does, and hold the verdicts to nothing."""
    names = list(studies) or audited_names()
    if not names:
        raise NothingSelectedError("no study has claims; write studies/STUDY/claims.toml")
    if claims and len(names) > 1:
        raise UsageError("--claim: name the study that the claim is of")
    if text is not None and len(names) > 1:
        raise UsageError("--document: name the study that the document is of")
    with root.looked_for_once():
        return tuple(one for name in names for one in judge_study(name, claims, text, kept))


def audited_names() -> list[str]:
    """Return the studies that have a file of claims."""
    return [name for name in registry.names() if claims_file(name).exists()]


def claims_of(name: str) -> tuple[Claim, ...]:
    """Return the claims of a study."""
    return registered.load(claims_file(name), name, JUDGES)


def judge_study(
    name: str, only: Sequence[str] = (), text: Path | None = None, kept: Kept | None = None
) -> list[Audited]:
    """Judge the claims of a study and return all of them or some.

    All are judged in either case: Holm's correction is made over the whole document, whatever is looked at.
    """
    if kept is None or name not in kept.names:
        registry.load(name)
    entries = claims_of(name)
    known = [claim.id for claim in entries]
    strange = [wanted for wanted in only if wanted not in known]
    if strange:
        raise UsageError(f"study '{name}' has no claim '{strange[0]}'{did_you_mean(strange[0], known)}")
    found, seconds = _found(name, entries, kept)
    audited = [Audited(*pair, spent) for pair, spent in zip(accused(found), seconds, strict=True)]
    if text is not None:
        document = passages.read(text)
        audited = [held(one, document) for one in audited]
    return [one for one in audited if not only or one.claim.id in only]


def _found(name: str, entries: Sequence[Claim], kept: Kept | None) -> tuple[list[tuple[Claim, Judgement]], list[float]]:
    """Return what is said of each claim before any correction, and the seconds that took."""
    study = functools.cache(lambda: _load_to_judge(name))
    found, seconds = [], []
    package = registry.package(name)
    with nullcontext() if kept is None else kept.shelf(name, name) as shelf:
        for claim in entries:
            start = time.perf_counter()
            if claim.reason:
                said = untested(claim)
            elif shelf is None:
                said = judged(study(), claim)
            else:
                module = f"{package}.{claim.compute.rpartition('.')[0]}" if claim.compute else ""
                said = keeping.judgement(shelf, claim, functools.partial(_judged, study, claim), module)
            found.append((claim, said))
            seconds.append(time.perf_counter() - start)
    return found, seconds


def _judged(study: Callable[[], Study], claim: Claim) -> Judgement:
    return judged(study(), claim)


def _load_to_judge(name: str) -> Study:
    """Return a study whose runs are read anew: which code is here is asked for once a command."""
    from repro.audit import admitted, imports

    admitted.forget()
    imports.forget()
    return registry.load(name)


def held(one: Audited, document: passages.Text) -> Audited:
    """Return a claim with its passage; one whose passage is not there is an error, whatever its verdict was."""
    try:
        return replace(one, passage=document.passage(one.claim))
    except ReproError as error:
        said = f"{_where(one.claim)}: {error}"
        return replace(one, judgement=Judgement(ERROR, said, code=error.exit_code))


def untested(claim: Claim) -> Judgement:
    """Return what is said of a claim that has a reason for not being judged."""
    return Judgement("not testable", claim.note or claim.reason)


def judged(study: Study, claim: Claim) -> Judgement:
    """Return what is said of one claim; where the judging itself fails, that and why, since it stops no other claim."""
    try:
        return judge(study, claim)
    except ReproError as error:
        return Judgement(ERROR, str(error), code=error.exit_code)


def judge(study: Study, claim: Claim) -> Judgement:
    """Return what is said of one claim. Raise ReproError, never give a verdict, where the judging itself fails."""
    if claim.reason:
        return untested(claim)
    from repro.audit.evidence import evidence_of

    try:
        found = evidence_of(study, claim)
        evidence = found.evidence if isinstance(found, Noted) else found
        if isinstance(evidence, Missing):
            return Judgement("inconclusive", evidence.what, n=0, more=evidence.runs)
        said = JUDGES[claim.judge].decide(claim, evidence)
        return noted(said, found) if isinstance(found, Noted) else said
    except ReproError as error:
        raise type(error)(f"{_where(claim)}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a study's own function raises
        what = f"judge '{claim.judge}' fails: {described(error)} ({place(error)})"
        raise UsageError(f"{_where(claim)}: {what}; mend it") from error


def _where(claim: Claim) -> str:
    return f"{claims_file(claim.study)}:{claim.line}: claim '{claim.id}'"
