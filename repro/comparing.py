"""The verbs that compare and bless: check, diff, bless, merge."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from repro import registry
from repro.errors import PASS, NothingSelectedError, UsageError
from repro.plan import selected_cases
from repro.text import paint, print_json, say

WORST, SHOWN, ALL = 3, 20, 1_000_000  # lines of a report: after a pass, after a failure, when asked for all


def check(arguments: Namespace) -> int:
    """Compare a result table with its golden, two-sided and closed-world."""
    from repro import bands, golden, history, table

    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    path = _golden_path(arguments)
    blessed = bands.load(path)
    if arguments.golden is None:  # another table than the project's own golden is in no log
        history.hold(registry.root(), f"{study.name}/{arguments.profile}", history.state_of(path))
    results = table.read(arguments.results or registry.results_path(arguments.study, arguments.profile))
    result = golden.check(
        results,
        blessed.rows,
        blessed.bands,
        experiments=arguments.experiment or None,
        cases=selected_cases(study, arguments.profile, arguments.where) if arguments.where else None,
    )
    if arguments.json:
        print_json(golden.as_json(result))
        return result.exit_code
    shown = ALL if arguments.verbose else SHOWN if result.exit_code else WORST
    text, _, summary = golden.render(result, limit=shown).rpartition("\n")
    if text and not arguments.quiet:
        print(text)
    print(paint(summary, "red" if result.exit_code else "green"))
    return result.exit_code


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
