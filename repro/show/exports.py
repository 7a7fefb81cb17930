"""Verdicts of an audit and findings of a check for other tools: JUnit XML, SARIF 2.1.0, Markdown, annotations.

What makes a verb end with another code than 0 is failed or an error here, and nothing else is: whoever reads a form
finds why a job is red, and nothing red where it is not.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from repro import registry
from repro.audit.changes import GONE, VerdictChange
from repro.audit.claims import claims_file
from repro.audit.verdicts import CONTRADICTED, ERROR, worded
from repro.errors import NothingSelectedError, UsageError
from repro.golden.findings import AGREES, CANNOT, HEADERS, UNDER, CheckResult, Finding, cells, names_of, summary
from repro.machine import git
from repro.machine.files import write as write_whole
from repro.machine.terminal import counted, escape, markdown_line
from repro.machine.terminal import markdown as table
from repro.study import Study

Records = Sequence[Mapping[str, Any]]
Lines = Mapping[tuple[str, str], int]  # by a row's experiment, and its case and metric as a table begins with them

LEVELS = {
    "not reproduced": "warning",
    "erratum": "warning",
    "protocol mismatch": "warning",
    "transcription": "note",
    "inconclusive": "note",
    ERROR: "error",
}
CHECK_LEVELS = {
    "corrupt": "error", "deviates": "error", "changed": "error", "cannot compare": "warning", "suspicious": "warning",
}  # fmt: skip
STATES = {"agrees": "passed", "underpowered": "passed", "suspicious": "skipped"}  # any other word: failed
LARGEST = 60_000  # bytes of a check's table: GitHub takes 65,536 characters of a comment, 1 MiB of a step's summary
FINGERPRINT = "primaryLocationLineHash"  # the only one by which GitHub tells alerts apart
ROW = re.compile(r"\| (?:\\.|[^|\\])*\| (?:\\.|[^|\\])*\|")  # a table's first two cells
ANNOTATIONS = 10  # GitHub shows so many of a step
MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**MESSAGE, ":": "%3A", ",": "%2C"}


@dataclass(frozen=True)
class Item:
    """A thing that passed, failed, was skipped or is an error: suite, name and word, what is said of it, its place.

    Its texts hold nothing that XML forbids or a terminal obeys. `level` is SARIF's and an annotation's ("error",
    "warning", "note"), "" for what neither shall show. `key` is what tells it from others of its suite, whatever others
    there are; its name without one.
    """

    suite: str
    name: str
    word: str
    state: str  # passed, failed, skipped or error
    message: str
    detail: str
    level: str
    uri: str
    line: int = 1
    key: str = ""

    @property
    def red(self) -> bool:
        """Say whether this is why a verb does not end with 0."""
        return self.state in ("failed", ERROR)


def of_claims(records: Records, changed: Sequence[VerdictChange] = (), *, strict: bool = False) -> list[Item]:
    """Return an item for each claim of an audit, and for each that is gone.

    Failed is what is not as it was blessed, and what is contradicted where that is asked to be `strict` of; otherwise
    it is skipped, as what is undecided is. What imported runs gave is noted.
    """
    gone = [change for change in changed if change.kind == GONE]
    studies = dict.fromkeys([*(record["study"] for record in records), *(change.study for change in gone)])
    places = {study: _place(study) for study in studies}
    items = [_of_claim(record, places[record["study"]], strict) for record in records]
    for change in gone:
        said, place = escape(change.words), places[change.study]
        items.append(Item(change.study, escape(change.claim), GONE, "failed", said, "", "error", place))
    return items


def _of_claim(record: Mapping[str, Any], place: str, strict: bool) -> Item:
    word, found, change = record["verdict"], record["evidence"], record.get("change", "")
    counts = not record.get("restates") and record.get("weight") != "definition"
    failed = change or (strict and counts and word in CONTRADICTED)
    state = ERROR if word == ERROR else "failed" if failed else "passed" if word == "reproduced" else "skipped"
    said = record["statement"] if state == "passed" else f"{word}: {found}"
    message = escape(f"{change}; {said}" if change else said)
    detail = f"published: {escape('; '.join(record['published']))}\nfound: {escape(found)}"
    level = "error" if state in ("failed", ERROR) else LEVELS.get(word, "note" if record.get("imported") else "")
    return Item(record["study"], record["id"], word, state, message, detail, level, place, record["line"])


def _place(study: str) -> str:
    """Return where a study's claims stand, as `place` does; of an installed package, in that."""
    path = claims_file(study).resolve()
    seen = place(path)
    return path.relative_to(path.parents[1]).as_posix() if Path(seen).is_absolute() else seen


def place(path: Path) -> str:
    """Return where a file stands as seen from the top of the project's repository, of its folder where it is in none.

    That is where services look from, wherever the project lies below it. A file elsewhere stands where it is.
    """
    root = registry.root().resolve()
    top, full = git.repository(root / "any") or root, path.resolve()
    return (full.relative_to(top) if full.is_relative_to(top) else path).as_posix()


def of_findings(
    name: str, uri: str, findings: Sequence[Finding], *, power: bool = False, lines: Lines | None = None
) -> list[Item]:
    """Return an item for each row of a check of `name` ("study/profile").

    `uri` is the golden's twin, a text, and `lines` are those of its rows. With `power`, an underpowered row failed.
    """
    findings = findings or [Finding(CANNOT, "nothing compared")]
    items, names = [], names_of(findings)
    for finding in findings:
        case = names[finding.case]
        row = escape(" ".join(part for part in (finding.experiment, case, finding.metric) if part)) or "the table"
        blind = power and finding.word == UNDER
        state = "failed" if blind else STATES.get(finding.word, "failed")
        level = "error" if blind else CHECK_LEVELS.get(finding.word, "")
        said = escape(finding.text or finding.word)
        numbers = {"value": finding.value, "golden": finding.mean}  # none where all runs diverged, or there are none
        detail = ", ".join(f"{what} {number:.6g}" for what, number in numbers.items() if number is not None)
        line = (lines or {}).get((finding.experiment, markdown_line((case, finding.metric))), 1)
        key = " ".join((finding.experiment, finding.case, finding.metric)).strip() or finding.text
        items.append(Item(name, row, finding.word, state, said, detail, level, uri, line, key))
    return items


def lines_of(twin: Path) -> Lines:
    """Return where the rows of a golden's twin stand, nothing where it cannot be read."""
    found: dict[tuple[str, str], int] = {}
    experiment = ""
    text = twin.read_text("utf-8", "replace") if twin.is_file() else ""
    for number, line in enumerate(text.splitlines(), 1):
        experiment = line.removeprefix("## ") if line.startswith("## ") else experiment
        row = ROW.match(line)
        if row:
            found[experiment, row[0]] = number
    return found


def of_no_answer(suite: str, uri: str, code: int, text: str) -> Item:
    """Return the one item of a verb that ended before it had an answer, by what was said of that."""
    return Item(
        escape(suite), "no answer", ERROR, ERROR, escape(f"no answer: {text}"), f"exit code {code}", "error", uri
    )


def junit(items: Sequence[Item]) -> str:
    """Return a JUnit report: a suite for each of the items' suites, a case for each item."""
    suites = ElementTree.Element("testsuites")
    for name in dict.fromkeys(item.suite for item in items):
        mine = [item for item in items if item.suite == name]
        states = Counter(item.state for item in mine)
        counts = {"tests": str(len(mine)), "failures": str(states["failed"]), "skipped": str(states["skipped"])}
        counts |= {"errors": str(states[ERROR])}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": name, **counts})
        for item in mine:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=item.name)
            if item.red:
                tag = "failure" if item.state == "failed" else ERROR
                problem = ElementTree.SubElement(case, tag, type=item.word, message=item.message)
                problem.text = item.detail
            elif item.state == "skipped":
                ElementTree.SubElement(case, "skipped", message=item.message).text = item.detail or None
            elif item.level:
                ElementTree.SubElement(case, "system-out").text = item.detail
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def sarif(tool: str, items: Sequence[Item]) -> str:
    """Return a SARIF log: a result for each item that has a level, at its place, with a fingerprint of its own."""
    shown = [item for item in items if item.level]
    results = [
        {
            "ruleId": item.word,
            "level": item.level,
            "message": {"text": " ".join(filter(None, (f"{item.name}: {item.message}", _in_brackets(item.detail))))},
            "partialFingerprints": {FINGERPRINT: fingerprint},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": item.uri},
                        "region": {"startLine": item.line},
                    }
                }
            ],
        }
        for item, fingerprint in zip(shown, fingerprints(shown), strict=True)
    ]
    rules = [{"id": word} for word in dict.fromkeys(item.word for item in shown)]
    run = {"tool": {"driver": {"name": tool, "rules": rules}}, "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def _in_brackets(text: str) -> str:
    return f"({' '.join(text.split())})" if text else ""


def fingerprints(items: Sequence[Item]) -> list[str]:
    """Return what tells each item from all others, the same in every run whatever is found: one alert for each."""
    seen: Counter[str] = Counter()
    found = []
    for item in items:
        text = f"{item.suite}\n{item.key or item.name}".encode("utf-8", "backslashreplace")
        name = hashlib.sha256(text).hexdigest()[:16]
        seen[name] += 1
        found.append(f"{name}:{seen[name]}")
    return found


def github(items: Sequence[Item]) -> list[str]:
    """Return GitHub's workflow commands for the items that have a level, the first `ANNOTATIONS` of them."""
    lines = []
    for item in [item for item in items if item.level][:ANNOTATIONS]:
        level = "notice" if item.level == "note" else item.level
        place = f"file={escaped(item.uri, PROPERTY)},line={item.line}"
        title = escaped(f"{item.suite}: {item.word}", PROPERTY)
        text = escaped(f"{item.name}: {item.message}", MESSAGE)
        lines.append(f"::{level} {place},title={title}::{text}")
    return lines


def escaped(text: str, codes: dict[str, str]) -> str:
    """Return a text with the characters that end a workflow command written as GitHub wants them."""
    for character, code in codes.items():
        text = text.replace(character, code)
    return text


def check_markdown(name: str, result: CheckResult, *, power: bool = False) -> str:
    """Return a check for a step's summary or a comment: the outcome, and every row that does not simply agree.

    The worst come first, and as many as `LARGEST` allows; with `power`, underpowered ones are among them.
    """
    fine = (AGREES,) if power else (AGREES, UNDER)
    odd = [finding for finding in result.findings if finding.word not in fine]
    names = names_of(result.findings)
    lines = [f"### {name}: {summary(result, power=power)}", "", *(f"> {escape(note)}" for note in result.notes)]
    lines += ["", *table(HEADERS, [cells(finding, names) for finding in odd])] if odd else []
    sizes = itertools.accumulate(len(line.encode()) + 1 for line in lines)
    kept = max(len(lines) - len(odd), sum(size <= LARGEST for size in sizes))
    left = len(lines) - kept
    more = f"\n{left} more rows are in the other forms (`--junit-xml`, `--sarif`, `--json`) and in `repro check -v`."
    return "\n".join([*lines[:kept], *([more] if left else []), ""])


def no_answer_markdown(item: Item) -> str:
    """Return for a step's summary that there is no answer, and why."""
    return f"### {item.suite}: FAIL: no answer, {item.detail}\n\n> {item.message}\n"


def markdown(records: Records, items: Sequence[Item] = ()) -> str:
    """Return a table of all claims with their verdicts, by study, below those of its items that failed."""
    red = [item for item in items if item.red]
    lines = [f"### FAIL: {len(red)} claims", ""] if red else []
    lines += [*(f"- {item.suite} {item.name}: {item.message}" for item in red), *([""] if red else [])]
    for study in dict.fromkeys(record["study"] for record in records):
        rows = [
            (
                record["id"],
                record["where"],
                "; ".join(record["published"]),
                record["evidence"],
                worded(record["verdict"], record.get("imported")),
            )
            for record in records
            if record["study"] == study
        ]
        lines += [f"## {study}", "", *table(("claim", "where", "published", "found", "verdict"), rows), ""]
    return "\n".join(lines)


def codecheck_text(title: str, manifest: Mapping[str, str], records: Records) -> str:
    """Return a CODECHECK configuration (codecheck.org.uk, 2.0): the manifest with comments, the paper, a summary.

    Who checked, when, and the certificate's report are not in it: those are a person's to give. Texts are quoted as
    JSON, which YAML reads too.
    """
    counts = Counter(worded(record["verdict"], record.get("imported")) for record in records)
    said = counted(dict(counts.most_common()))
    lines = ["---", "version: https://codecheck.org.uk/spec/config/2.0/", "paper:", f"  title: {json.dumps(title)}"]
    lines += ["manifest:"]
    for name, comment in manifest.items():
        lines += [f"  - file: {json.dumps(name)}", f"    comment: {json.dumps(comment, ensure_ascii=False)}"]
    return "\n".join([*lines, f"summary: {json.dumps(f'{len(records)} claims: {said}.')}", ""])


def codecheck(folder: Path, study: Study, records: Sequence[Mapping[str, Any]]) -> Path:
    """Write codecheck.yml for the files of a folder that `repro figures --out` made, and return its path."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; `repro figures {study.name} --out {folder}` makes it")
    listed = {path.name: made_of(study, path.stem) for path in sorted(folder.iterdir()) if path.stem in study.figures}
    if not listed:
        raise NothingSelectedError(f"{folder}: no figure of {study.name}; `repro figures {study.name} --out {folder}`")
    path = folder / "codecheck.yml"
    write_whole(path, codecheck_text(study.title, listed, records))
    return path


def made_of(study: Study, figure: str) -> str:
    """Return what a figure shows and the command that makes it."""
    what = (study.figures[figure].__doc__ or "").strip().partition("\n")[0]
    return f"{what} `repro figures {study.name} {figure}`"
