"""Verdicts written for other tools: JUnit XML, SARIF 2.1.0, Markdown."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

from repro.verdicts import CONTRADICTED

Records = Sequence[Mapping[str, Any]]

LEVELS = {"not reproduced": "error", "erratum": "error", "protocol mismatch": "warning", "inconclusive": "note"}


def junit(records: Records) -> str:
    """Return a JUnit report: a suite for each study, a case for each claim; what is undecided is skipped, with why."""
    suites = ElementTree.Element("testsuites")
    for study in dict.fromkeys(record["study"] for record in records):
        mine = [record for record in records if record["study"] == study]
        failed = sum(record["verdict"] in CONTRADICTED for record in mine)
        undecided = sum(record["verdict"] not in (*CONTRADICTED, "reproduced") for record in mine)
        counts = {"tests": str(len(mine)), "failures": str(failed), "skipped": str(undecided)}
        suite = ElementTree.SubElement(suites, "testsuite", {"name": study, **counts})
        for record in mine:
            case = ElementTree.SubElement(suite, "testcase", classname=study, name=record["id"])
            if record["verdict"] in CONTRADICTED:
                problem = ElementTree.SubElement(case, "failure", type=record["verdict"], message=record["statement"])
                problem.text = f"published: {'; '.join(record['published'])}\nfound: {record['evidence']}"
            elif record["verdict"] != "reproduced":
                ElementTree.SubElement(case, "skipped", message=f"{record['verdict']}: {record['evidence']}")
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def sarif(records: Records) -> str:
    """Return a SARIF log: a result for each claim that is not reproduced, at its place in the file of claims."""
    results = [
        {
            "ruleId": record["verdict"],
            "level": LEVELS[record["verdict"]],
            "message": {"text": f"{record['id']}: {record['statement']} Found: {record['evidence']}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": f"studies/{record['study']}/claims.toml"},
                        "region": {"startLine": record["line"]},
                    }
                }
            ],
        }
        for record in records
        if record["verdict"] in LEVELS
    ]
    rules = [{"id": verdict} for verdict in LEVELS]
    run = {"tool": {"driver": {"name": "repro audit", "rules": rules}}, "results": results}
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"


def markdown(records: Records) -> str:
    """Return a table of all claims with their verdicts, by study."""
    lines = []
    for study in dict.fromkeys(record["study"] for record in records):
        lines += [
            f"## {study}",
            "",
            "| claim | where | published | found | verdict |",
            "| --- | --- | --- | --- | --- |",
        ]
        for record in records:
            if record["study"] == study:
                cells = (
                    record["id"],
                    record["where"],
                    "; ".join(record["published"]),
                    record["evidence"],
                    record["verdict"],
                )
                lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def codecheck(title: str, files: Mapping[str, str], records: Records) -> str:
    """Return a CODECHECK configuration (codecheck.org.uk, 2.0): the manifest with comments, the paper, a summary.

    Who checked, when, and the certificate's report are not in it: those are a person's to give. Texts are quoted as
    JSON, which YAML reads too.
    """
    counts = Counter(record["verdict"] for record in records)
    said = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    lines = ["---", "version: https://codecheck.org.uk/spec/config/2.0/", "paper:", f"  title: {json.dumps(title)}"]
    lines += ["manifest:"]
    for name, comment in files.items():
        lines += [f"  - file: {json.dumps(name)}", f"    comment: {json.dumps(comment, ensure_ascii=False)}"]
    return "\n".join([*lines, f"summary: {json.dumps(f'{len(records)} claims: {said}.')}", ""])
