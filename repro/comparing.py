"""The verbs that compare and bless: check, diff, bless, merge."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from repro import registry
from repro.errors import PASS, UNDERPOWERED, NothingSelectedError, UsageError
from repro.plan import selected_cases
from repro.text import paint, print_json, say

if TYPE_CHECKING:
    import pyarrow as pa

    from repro.findings import CheckResult

WORST, SHOWN, ALL = 3, 20, 1_000_000  # lines of a report: after a pass, after a failure, when asked for all


def check(arguments: Namespace) -> int:
    """Compare a result table with its golden, two-sided and closed-world; what is suspicious is run again."""
    from repro import bands, confirming, findings, golden, history, table

    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    path = _golden_path(arguments)
    blessed = bands.load(path)
    if arguments.golden is None:  # another table than the project's own golden is in no log
        history.hold(registry.root(), f"{study.name}/{arguments.profile}", history.state_of(path))
    results = arguments.results or registry.results_path(arguments.study, arguments.profile)
    rows = table.read(results)
    cases = selected_cases(study, arguments.profile, arguments.where) if arguments.where else None

    def judged(reruns: pa.Table | None, here: str) -> CheckResult:
        return golden.check(
            rows,
            blessed.rows,
            blessed.bands,
            reruns=reruns,
            experiments=arguments.experiment or None,
            cases=cases,
            confirm=not arguments.no_confirm,
            here=here,
        )

    if arguments.no_confirm:
        result = judged(None, "")
    else:
        result = confirming.settle(
            arguments,
            study,
            results,
            blessed,
            judged,
            jobs=registry.jobs(study.profiles[arguments.profile].device, arguments.jobs),
        )
    _export(arguments, f"{study.name}/{arguments.profile}", bands.twin_path(path), result)
    code = result.exit_code_with_power() if arguments.require_power else result.exit_code
    if arguments.json:
        print_json({**findings.as_json(result), "exit_code": code})
        return code
    shown = ALL if arguments.verbose else SHOWN if code else WORST
    text, _, summary = findings.render(result, limit=shown).rpartition("\n")
    if text and not arguments.quiet:
        print(text)
    print(paint(summary, "red" if code else "green"))
    if code == UNDERPOWERED:
        print("rows that can miss what is useful are no pass with --require-power; bless more seeds")
    return code


def _export(arguments: Namespace, name: str, twin: Path, result: CheckResult) -> None:
    """Write a check in the forms that were asked for, by option or by GitHub's environment."""
    from repro import exports

    annotated = os.environ.get("GITHUB_ACTIONS") == "true" and not arguments.json
    if not (annotated or arguments.junit_xml or arguments.sarif or arguments.markdown):
        return
    items = exports.of_findings(name, twin.as_posix(), result.findings)
    forms = [
        (arguments.junit_xml, lambda: exports.junit(items)),
        (arguments.sarif, lambda: exports.sarif("repro check", items)),
        (arguments.markdown, lambda: exports.check_markdown(name, result)),
    ]
    for path in exports.write(forms):
        say(arguments, f"wrote {path}")
    for line in exports.github(items) if annotated else ():
        print(line)


def _golden_path(arguments: Namespace) -> Path:
    from repro.bands import path_of

    chosen: Path | None = arguments.golden
    path = chosen or path_of(registry.root(), arguments.study, arguments.profile)
    if not path.exists():
        raise NothingSelectedError(
            f"{path}: no such table, profile '{arguments.profile}' of study '{arguments.study}' has no "
            "golden; `repro bless` makes one from results"
        )
    return path


def diff(arguments: Namespace) -> int:
    """Compare two result tables row by row."""
    from repro import diff as differences

    found = differences.compare_files(
        arguments.first, arguments.second, absolute=arguments.absolute, relative=arguments.relative
    )
    if arguments.json:
        print_json(differences.as_json(found))
    else:
        print(differences.render(found, limit=ALL if arguments.verbose else SHOWN))
    return found.exit_code


def bless(arguments: Namespace) -> int:
    """Make a result table the golden one, with a reason; refuse one that could hold no later run to account."""
    from repro import bands
    from repro.bless import bless as make_golden

    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    blessing = make_golden(
        arguments.results or registry.results_path(arguments.study, arguments.profile),
        bands.path_of(registry.root(), study.name, arguments.profile),
        study,
        arguments.profile,
        reason=arguments.reason,
        experiments=arguments.experiment or None,
        provisional=arguments.provisional,
        dry_run=arguments.dry_run,
        root=registry.root(),
    )
    print(blessing.text)
    if blessing.written:
        say(arguments, "look at the .md twin's diff, enter the reason in CHANGELOG.md under Golden, and commit them")
    return PASS


def merge(arguments: Namespace) -> int:
    """Join result tables into one; a conflict is reported and nothing is written."""
    from repro import table
    from repro.merge import merge as join

    if arguments.out.exists() and arguments.out not in arguments.tables:
        raise UsageError(
            f"{arguments.out}: exists and is not among the tables; name it as one of them, or another --out"
        )
    merged = join(arguments.tables)
    verb = "would write" if arguments.dry_run else "wrote"
    if not arguments.dry_run:
        table.write(arguments.out, merged)
    print(f"{verb} {arguments.out}: {merged.num_rows} rows of {len(arguments.tables)} tables")
    return PASS
