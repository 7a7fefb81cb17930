"""The verb that judges a document: its claims and the evidence there is become verdicts, one for each claim."""

from __future__ import annotations

import functools
import importlib
import json
import math
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repro import audit_golden, bands, claims, exports, files, history, pages, registry, table
from repro.claims import Claim
from repro.errors import DEVIATION, PASS, NothingSelectedError, ReproError, UsageError
from repro.judging import JUDGES, MEASURED, accused
from repro.study import Experiment, Study, case_json
from repro.text import columns, paint, print_json, say
from repro.verdicts import CONTRADICTED, VERDICTS, Finding

COLOURS = {"reproduced": "green", "not reproduced": "red", "erratum": "red", "protocol mismatch": "yellow"}
WIDTH = 60  # characters of a published value or of evidence on the terminal


@dataclass(frozen=True)
class Audited:
    """A claim with what was found of it, and the seconds that took."""

    claim: Claim
    finding: Finding
    seconds: float

    @property
    def record(self) -> dict[str, Any]:
        """Return what is written of it for machines."""
        claim, finding = self.claim, self.finding
        return {
            "study": claim.study, "id": claim.id, "where": claim.where, "kind": claim.kind,
            "statement": claim.statement, "published": list(claim.published), "unit": claim.unit,
            "judge": claim.judge, "reason": claim.reason, "verdict": finding.verdict, "evidence": finding.evidence,
            "statistic": finding.statistic, "n": finding.n, "p": finding.p, "power": finding.power,
            "further_runs": finding.more, "note": claim.note, "headline": claim.headline, "line": claim.line,
            "command": f"repro audit {claim.study} --claim {claim.id}",
        }  # fmt: skip


def audited_names() -> list[str]:
    """Return the studies that have a file of claims."""
    root = registry.root()
    return [name for name in registry.names() if claims.path_of(root, name).exists()]


def claims_of(study: str) -> tuple[Claim, ...]:
    """Return the claims of a study."""
    return claims.load(claims.path_of(registry.root(), study), study, JUDGES)


def judge_study(name: str, only: Sequence[str] = ()) -> list[Audited]:
    """Judge the claims of a study and return all of them or some.

    All are judged in either case: Holm's correction is made over the whole document, whatever is looked at.
    """
    study, entries = registry.load(name), claims_of(name)
    known = [claim.id for claim in entries]
    strange = [wanted for wanted in only if wanted not in known]
    if strange:
        raise UsageError(f"study '{name}' has no claim '{strange[0]}'{registry.did_you_mean(strange[0], known)}")
    found, seconds = [], []
    for claim in entries:
        start = time.perf_counter()
        found.append((claim, judge(study, claim)))
        seconds.append(time.perf_counter() - start)
    audited = [Audited(*pair, spent) for pair, spent in zip(accused(found), seconds, strict=True)]
    return [one for one in audited if not only or one.claim.id in only]


def judge(study: Study, claim: Claim) -> Finding:
    """Return the finding of one claim. Raise ReproError, never give a verdict, where the judging itself fails."""
    if claim.reason:
        return Finding("not testable", claim.note or claim.reason)
    where = f"{claims.path_of(registry.root(), claim.study)}:{claim.line}: claim '{claim.id}'"
    try:
        evidence = evidence_of(study, claim)
        if isinstance(evidence, Missing):
            return Finding("inconclusive", evidence.what, n=0, more=evidence.runs)
        return JUDGES[claim.judge].decide(claim, evidence)
    except ReproError as error:
        raise type(error)(f"{where}: {error}") from error
    except Exception as error:  # whatever a study's own function raises
        raise UsageError(f"{where}: judge '{claim.judge}' fails: {type(error).__name__}: {error}; mend it") from error


# Evidence


@dataclass(frozen=True)
class Missing:
    """Evidence that no table holds yet: what is missing, and how many runs it takes."""

    what: str
    runs: int


def evidence_of(study: Study, claim: Claim) -> Any:
    """Return what a claim is judged by: the answer of a function of the study's, or values from rows."""
    if claim.compute:
        return function_of(claim.study, claim.compute)()
    return values_from_rows(study, claim)


def function_of(study: str, name: str) -> Callable[..., Any]:
    """Return a study's function by its dotted name inside the study. Raise UsageError where there is none."""
    module, _, wanted = name.rpartition(".")
    try:
        function: Callable[..., Any] | None = getattr(importlib.import_module(f"studies.{study}.{module}"), wanted, None)
    except ModuleNotFoundError as error:
        raise UsageError(f"studies/{study}/ has no module '{module}' ({error}); write it there") from error
    if function is None:
        raise UsageError(f"studies/{study}/: module '{module}' has no function '{wanted}'; write it there")
    return function


def values_from_rows(study: Study, claim: Claim) -> Any:
    """Return values from golden or stored rows: one where no seed moves it, else one a run, of faithful profiles only.

    A figure that no seed moves and that no stand-in's data enter is the same in every profile.
    """
    asked = dict(claim.rows)
    name, metric = asked.pop("experiment"), asked.pop("metric")
    if name not in study.experiments:
        raise UsageError(f"no experiment '{name}'{registry.did_you_mean(name, list(study.experiments))}")
    experiment = study.experiments[name]
    if metric not in {one.name for one in experiment.metrics}:
        near = registry.did_you_mean(metric, [one.name for one in experiment.metrics])
        raise UsageError(f"experiment '{name}' has no metric '{metric}'{near}")
    case = the_case(experiment, asked)
    for profile in profiles_for(study, experiment, case, measured=claim.judge in MEASURED):
        values = rows_of(study.name, profile, name, metric, case_json(case))
        if values:
            if experiment.deterministic and claim.judge not in MEASURED:
                return one_value(values, name, metric)
            return values
    fields = " ".join(f"--where {key}={value}" for key, value in asked.items())
    command = f"repro run {study.name} --profile {faithful(study)} --experiment {name} {fields}".strip()
    return Missing(f"no faithful run yet: `{command}`", 5)


def the_case(experiment: Experiment, fields: Mapping[str, Any]) -> Any:
    """Return the one case that has these fields. Raise UsageError where none or several have."""
    found = [
        case
        for case in experiment.cases
        if all(hasattr(case, key) and getattr(case, key) == value for key, value in fields.items())
    ]
    if len(found) != 1:
        raise UsageError(f"{len(found)} cases of '{experiment.name}' have {dict(fields)}; name fields of exactly one")
    return found[0]


def faithful(study: Study) -> str:
    """Return the name of a faithful profile. Raise UsageError for a study without one."""
    for name, profile in study.profiles.items():
        if profile.faithful:
            return name
    raise UsageError(f"study '{study.name}' has no faithful profile, so no measured claim of its can be judged")


def profiles_for(study: Study, experiment: Experiment, case: Any, *, measured: bool) -> list[str]:
    """Return the profiles whose rows can answer a claim, the faithful ones first; only these where it is `measured`."""
    able = [name for name, profile in study.profiles.items() if profile.faithful]
    for name, profile in study.profiles.items():
        data = profile.data_of(case)
        if experiment.deterministic and not measured and name not in able and (data is None or not data.stands_in_for):
            able.append(name)
    return able


def rows_of(study: str, profile: str, experiment: str, metric: str, case: str) -> list[float]:
    """Return the finished values of a case's metric, from the golden and else from the store; [] where none is."""
    root = registry.root()
    golden = bands.path_of(root, study, profile)
    for path in (golden, registry.results_path(study, profile)):
        if not path.exists():
            continue
        if path == golden:
            _hold(root, f"{study}/{profile}", path)
        values = [
            float(row["value"])
            for row in _read(path)
            if (row["experiment"], row["metric"], row["case"], row["status"]) == (experiment, metric, case, "ok")
        ]
        if values:
            return values
    return []


@functools.cache
def _hold(root: Path, what: str, golden: Path) -> None:
    """Raise IntegrityError where a golden is not what was blessed, rows included; looked at once."""
    history.hold(root, what, {**history.state_of(golden), "rows": bands.digest(table.read_file(golden))})


_TABLES: dict[tuple[Path, int], list[dict[str, Any]]] = {}


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table, read once while the file stays the same."""
    key = (path.resolve(), path.stat().st_mtime_ns)
    if key not in _TABLES:
        _TABLES[key] = table.read(path).to_pylist()
    return _TABLES[key]


def one_value(values: Sequence[float], experiment: str, metric: str) -> float:
    """Return the value that all runs share. Raise UsageError where a deterministic experiment has several."""
    if len(set(values)) != 1 or not math.isfinite(values[0]):
        raise UsageError(f"{metric} of the deterministic experiment '{experiment}' has {len(set(values))} values")
    return values[0]


# The verb


def audit(arguments: Namespace) -> int:
    """Judge the claims of one study or of all, print verdicts, write what was asked for, compare with those blessed."""
    from repro.bless import bless_audit

    if arguments.page is not None:
        return _page(arguments)
    names = [arguments.study] if arguments.study else audited_names()
    if arguments.claim and not arguments.study:
        raise UsageError("--claim: name the study that the claim is of")
    if not names:
        raise NothingSelectedError("no study has claims; write studies/STUDY/claims.toml")
    found = [one for name in names for one in judge_study(name, arguments.claim)]
    if arguments.json:
        print_json([one.record for one in found])
    else:
        print(render(found, whole=bool(arguments.claim), verdicts=arguments.verdict))
    records = [one.record for one in found]
    write_exports(arguments, records)
    path = audit_golden.path_of(registry.root())
    if arguments.bless is not None:
        if arguments.claim:
            raise UsageError("--bless: all claims of a study are blessed together; leave out --claim")
        say(arguments, bless_audit(registry.root(), records, reason=arguments.bless, studies=names))
        return PASS
    if path.exists():
        history.hold(registry.root(), "audit", history.verdicts_state(path, audit_golden.table_of(path)))
    changes = audit_golden.changes(path, records, studies=names, whole=not arguments.claim)
    for change in changes:
        say(arguments, change)
    contradicted = any(one.finding.verdict in CONTRADICTED for one in found)
    return DEVIATION if changes or (arguments.strict and contradicted) else PASS


def _page(arguments: Namespace) -> int:
    """Write a page's table of blessed verdicts anew; nothing is judged."""
    path: Path = arguments.page
    before = pages.read(path)
    made = audit_golden.with_counts(before, audit_golden.path_of(registry.root()), str(path))
    if made != before:
        files.write(path, made)
    say(arguments, f"{path}: verdicts {'written' if made != before else 'already so'}")
    return PASS


def write_exports(arguments: Namespace, records: Sequence[Mapping[str, Any]]) -> None:
    """Write the verdicts in the forms that were asked for."""
    items = exports.of_claims(records)
    forms = [
        (arguments.junit_xml, lambda: exports.junit(items)),
        (arguments.sarif, lambda: exports.sarif("repro audit", items)),
        (arguments.markdown, lambda: exports.markdown(records)),
    ]
    for path in exports.write(forms):
        say(arguments, f"wrote {path}")
    if arguments.codecheck is not None:
        if not arguments.study or arguments.claim:
            raise UsageError("--codecheck: a certificate is of one document, whole; name the study and no claim")
        path = codecheck(arguments.codecheck, registry.load(arguments.study), records)
        say(arguments, f"wrote {path}; who checked, and the certificate's report, are for that person to fill in")


def codecheck(folder: Path, study: Study, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write codecheck.yml for the files of a folder that `repro figures --out` made, and return its path."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; `repro figures {study.name} --out {folder}` makes it")
    listed = {path.name: made_of(study, path.stem) for path in sorted(folder.iterdir()) if path.stem in study.figures}
    if not listed:
        raise NothingSelectedError(f"{folder}: no figure of {study.name}; `repro figures {study.name} --out {folder}`")
    path = folder / "codecheck.yml"
    files.write(path, exports.codecheck(study.title, listed, records))
    return path


def made_of(study: Study, figure: str) -> str:
    """Return what a figure shows and the command that makes it."""
    what = (study.figures[figure].__doc__ or "").strip().partition("\n")[0]
    return f"{what} `repro figures {study.name} {figure}`"


def summary(found: Sequence[Audited]) -> list[list[Any]]:
    """Return, for each study, how many claims got each verdict, and the share that a judge decided."""
    by_study: dict[str, list[Audited]] = {}
    for one in found:
        by_study.setdefault(one.claim.study, []).append(one)
    if len(by_study) > 1:
        by_study["all"] = list(found)
    rows: list[list[Any]] = []
    for name, mine in by_study.items():
        counts = Counter[str](one.finding.verdict for one in mine)
        judged = sum(1 for one in mine if one.claim.judge)
        rows.append([name, len(mine), *(counts[verdict] for verdict in VERDICTS), f"{100 * judged / len(mine):.0f} %"])
    return rows


SUMMARY_HEADERS = ("study", "claims", *VERDICTS, "judged")


def render(found: Sequence[Audited], *, whole: bool, verdicts: Sequence[str]) -> str:
    """Return the verdicts for a terminal: a table of counts and one of claims, or the claims asked for in full."""
    if whole:
        return "\n\n".join(in_full(one) for one in found)
    shown = [one for one in found if not verdicts or one.finding.verdict in verdicts]
    lines = [
        [one.claim.study, one.claim.id, one.claim.where, _short(one.claim.value), _short(one.finding.evidence),
         paint(one.finding.verdict, COLOURS.get(one.finding.verdict, "bold"))]
        for one in shown
    ]  # fmt: skip
    listed = columns(["study", "claim", "where", "published", "found", "verdict"], lines)
    return f"{listed}\n\n{columns(SUMMARY_HEADERS, summary(found))}"


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def in_full(one: Audited) -> str:
    """Return everything that is known of a claim, one line each."""
    record = one.record
    record["published"] = one.claim.value + ("" if one.claim.unit == "1" else f" {one.claim.unit}")
    if one.claim.rows:
        record["rows"] = json.dumps(dict(one.claim.rows))
    record["seconds"] = f"{one.seconds:.2f}"
    width = max(map(len, record))
    return "\n".join(f"{key.ljust(width)}  {value}" for key, value in record.items() if value not in (None, "", []))
