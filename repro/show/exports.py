"""Verdicts of an audit and findings of a check for other tools: JUnit XML, SARIF 2.1.0, Markdown, annotations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from repro import registry
from repro.audit.claims import claims_file
from repro.audit.verdicts import CONTRADICTED, ERROR, worded
from repro.errors import NothingSelectedError, UsageError
from repro.golden.findings import AGREES, HEADERS, UNDER, CheckResult, Finding, cells, names_of, summary
from repro.machine.files import write as write_whole
from repro.machine.terminal import counted, escape
from repro.machine.terminal import markdown as table
from repro.study import Study

Records = Sequence[Mapping[str, Any]]
Form = tuple[Path | None, Callable[[], str]]  # where a form goes, None where nobody asked, and what makes it

LEVELS = {
    "not reproduced": "error",
    "erratum": "error",
    "protocol mismatch": "warning",
    "transcription": "note",
    "inconclusive": "note",
    ERROR: "error",
}
CHECK_LEVELS = {
    "corrupt": "error", "deviates": "error", "changed": "error", "cannot compare": "warning", "suspicious": "warning",
}  # fmt: skip
STATES = {"agrees": "passed", "underpowered": "passed", "suspicious": "skipped"}  # any other word: failed
SHOWN = 50  # rows of a Markdown table
ANNOTATIONS = 10  # GitHub shows so many of a step
MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
PROPERTY = {**MESSAGE, ":": "%3A", ",": "%2C"}


@dataclass(frozen=True)
class Item:
    """A thing that passed, failed, was skipped or is an error: suite, name and word, what is said of it, its place.

    Its texts hold nothing that XML forbids or a terminal obeys. `level` is SARIF's and an annotation's ("error",
    "warning", "note"), "" for what neither shall show.
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


def of_claims(records: Records) -> list[Item]:
    """Return an item for each claim of an audit; what is undecided is skipped, and what imported runs gave is noted."""
    items, places = [], {study: _place(study) for study in dict.fromkeys(record["study"] for record in records)}
    for record in records:
        word, found = record["verdict"], record["evidence"]
        state = "failed" if word in CONTRADICTED else "passed" if word == "reproduced" else "skipped"
        state = ERROR if word == ERROR else state
        message = escape(f"{word}: {found}" if state in ("skipped", ERROR) else record["statement"])
        detail = f"published: {escape('; '.join(record['published']))}\nfound: {escape(found)}"
        level = LEVELS.get(word, "note" if record.get("imported") else "")
        place = places[record["study"]]
        items.append(Item(record["study"], record["id"], word, state, message, detail, level, place, record["line"]))
    return items


def _place(study: str) -> str:
    """Return where a study's claims stand as seen from the project's folder; of an installed package, in that."""
    path, root = claims_file(study).resolve(), registry.root().resolve()
    return path.relative_to(root if path.is_relative_to(root) else path.parents[1]).as_posix()


def of_findings(name: str, uri: str, findings: Sequence[Finding]) -> list[Item]:
    """Return an item for each row of a check of `name` ("study/profile"); `uri` is the golden's twin, a text."""
    items, names = [], names_of(findings)
    for finding in findings:
        row = (
            escape(" ".join(part for part in (finding.experiment, names[finding.case], finding.metric) if part))
            or "the table"
        )
        state = STATES.get(finding.word, "failed")
        value = "" if finding.value is None else f"value {finding.value:.6g}, golden {finding.mean or 0.0:.6g}"
        level = CHECK_LEVELS.get(finding.word, "")
        said = escape(finding.text or finding.word)
        items.append(Item(name, row, finding.word, state, said, value, level, uri))
    return items


def write(forms: Iterable[Form]) -> Iterator[Path]:
    """Make the forms that were asked for and write them; yield each path. Raise UsageError where two go to one."""
    wanted = [(path, make) for path, make in forms if path is not None]
    twice = [str(path) for path, count in Counter(path.resolve() for path, _ in wanted).items() if count > 1]
    if twice:
        raise UsageError(f"{twice[0]}: named for two forms; give each a file of its own")
    for path, make in wanted:
        write_whole(path, make())
        yield path


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
            if item.state in ("failed", ERROR):
                tag = "failure" if item.state == "failed" else ERROR
                problem = ElementTree.SubElement(case, tag, type=item.word, message=item.message)
                problem.text = item.detail
            elif item.state == "skipped":
                ElementTree.SubElement(case, "skipped", message=item.message)
            elif item.level:
                ElementTree.SubElement(case, "system-out").text = item.detail
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def sarif(tool: str, items: Sequence[Item]) -> str:
    """Return a SARIF log: a result for each item that has a level, at its place."""
    shown = [item for item in items if item.level]
    results = [
        {
            "ruleId": item.word,
            "level": item.level,
            "message": {"text": f"{item.name}: {item.message} ({' '.join(item.detail.split())})"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": item.uri},
                        "region": {"startLine": item.line},
                    }
                }
            ],
        }
        for item in shown
    ]
    rules = [{"id": word} for word in dict.fromkeys(item.word for item in shown)]
    run = {"tool": {"driver": {"name": tool, "rules": rules}}, "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


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


def check_markdown(name: str, result: CheckResult) -> str:
    """Return a check for a step's summary or a comment: the outcome, and every row that does not simply agree."""
    odd = [finding for finding in result.findings if finding.word not in (AGREES, UNDER)]
    names = names_of(result.findings)
    lines = [f"### {name}: {summary(result)}", "", *(f"> {escape(note)}" for note in result.notes)]
    lines += ["", *table(HEADERS, [cells(finding, names) for finding in odd[:SHOWN]])] if odd else []
    lines += [f"\n{len(odd) - SHOWN} more rows are not shown."] if len(odd) > SHOWN else []
    return "\n".join([*lines, ""])


def markdown(records: Records) -> str:
    """Return a table of all claims with their verdicts, by study."""
    lines = []
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
