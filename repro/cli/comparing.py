"""The verbs that compare and bless: check, diff, bless, merge."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from repro.cli import arguments as options
from repro.cli import forms
from repro.cli.arguments import Verbs, say, verb
from repro.cli.progress import Progress
from repro.errors import PASS, UNDERPOWERED, UsageError
from repro.machine.terminal import answer, paint, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from repro.golden.findings import CheckResult

WORST, SHOWN, ALL = 3, 20, 1_000_000  # lines of a report: after a pass, after a failure, when asked for all


def arguments(verbs: Verbs) -> None:
    """Add the verbs and their options."""
    _check_arguments(verbs)
    made = verb(
        verbs,
        "diff",
        diff,
        "repro diff results/STUDY/smoke.parquet golden/STUDY/smoke.parquet",
        "repro diff old.parquet new.parquet --judged",
    )
    options.json(made)
    made.add_argument("first", type=Path, metavar="A")
    made.add_argument("second", type=Path, metavar="B")
    made.add_argument("--absolute", type=float, default=0.0, metavar="X", help="values may differ by X")
    made.add_argument("--relative", type=float, default=0.0, metavar="X", help="values may differ by X of B's")
    text = "leave out what the study only records, as measured times"
    made.add_argument("--judged", action="store_true", help=text)
    made = verb(
        verbs,
        "bless",
        bless,
        'repro bless STUDY --profile smoke --reason "first golden: ten seeds of the published protocol"',
    )
    options.study(made)
    options.profile(made)
    options.experiments(made)
    options.dry_run(made)
    made.add_argument("--reason", required=True, help="why this table is right; kept with it")
    made.add_argument("--provisional", action="store_true", help="bless too few seeds or cases, marked as such")
    made = verb(
        verbs,
        "merge",
        merge,
        "repro merge from-the-gpu.parquet from-here.parquet --out results/STUDY/paper.parquet",
    )
    options.dry_run(made)
    made.add_argument("tables", type=Path, nargs="+", metavar="TABLE")
    made.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the joined table goes")


def _check_arguments(verbs: Verbs) -> None:
    made = verb(
        verbs,
        "check",
        check,
        "repro check STUDY --profile smoke",
        "repro check STUDY --profile lite --experiment NAME --json",
        "repro check STUDY --replay --require-power --junit-xml check.xml --sarif check.sarif --markdown check.md",
    )
    options.study(made)
    options.profile(made)
    options.experiments(made)
    options.json(made)
    options.where(made)
    made.add_argument("--no-confirm", action="store_true", help="a quick look: run nothing again, and fail no row")
    made.add_argument("--replay", action="store_true", help="run one golden seed of each case again, to the bit")
    made.add_argument(
        "--require-power", action="store_true", help="exit 4 where a row could miss a change that the study wants seen"
    )
    made.add_argument("--jobs", type=int, metavar="N", help="processes for what is run again (default: cores)")
    options.exports(made, "findings")
    made.add_argument("--golden", type=Path, metavar="FILE", help="another golden table (default: golden/...)")


def check(arguments: Namespace) -> int:
    """Compare a result table with its golden, two-sided and closed-world; what is suspicious is run again."""
    from repro import api, registry
    from repro.golden import findings, stored

    with Progress(quiet=arguments.quiet) as progress:
        result = api.check(
            arguments.study,
            profile=arguments.profile,
            results=arguments.results,
            golden=arguments.golden,
            experiments=arguments.experiment,
            where=arguments.where,
            confirm=not arguments.no_confirm,
            replay=arguments.replay,
            jobs=arguments.jobs,
            say=lambda text: say(arguments, text),
            begin=progress.begin,
            progress=progress,
        )
    path = arguments.golden or stored.path_of(registry.root(), arguments.study, arguments.profile)
    _export(arguments, f"{arguments.study}/{arguments.profile}", stored.twin_path(path), result)
    power = arguments.require_power
    code = result.exit_code_with_power() if power else result.exit_code
    if arguments.json:
        print_json({**findings.as_json(result), "exit_code": code})
        return code
    shown = ALL if arguments.verbose else SHOWN if code else WORST
    text, _, summary = findings.render(result, limit=shown, power=power).rpartition("\n")
    if text and (code or not arguments.quiet):  # what failed is a result, and asked for by whoever wants quiet too
        answer(text)
    answer(paint(summary, "red" if code else "green"))
    if code == UNDERPOWERED:
        answer("rows that can miss what is useful are no pass with --require-power; bless more seeds")
    return code


def _export(arguments: Namespace, name: str, twin: Path, result: CheckResult) -> None:
    """Write a check in the forms that were asked for, by option or by GitHub's environment."""
    annotated = os.environ.get("GITHUB_ACTIONS") == "true" and not arguments.json
    if not (annotated or forms.asked(arguments)):
        return
    from repro.show import exports  # which costs as much as a tenth of a check

    power = arguments.require_power
    place, lines = exports.place(twin), exports.lines_of(twin)
    items = exports.of_findings(name, place, result.findings, power=power, lines=lines)
    forms.write(arguments, "repro check", items, lambda: exports.check_markdown(name, result, power=power))
    for line in exports.github(items) if annotated else ():
        answer(line, command=True)


def diff(arguments: Namespace) -> int:
    """Compare two result tables row by row."""
    from repro.runs.diff import as_json, compare_files, render

    found = compare_files(
        arguments.first, arguments.second, absolute=arguments.absolute, relative=arguments.relative,
        judged=arguments.judged,
    )  # fmt: skip
    if arguments.json:
        print_json(as_json(found))
    else:
        answer(render(found, limit=ALL if arguments.verbose else SHOWN))
    return found.exit_code


def bless(arguments: Namespace) -> int:
    """Make a result table the golden one, with a reason; refuse one that could hold no later run to account."""
    from repro import registry
    from repro.golden import stored
    from repro.golden.bless import bless as make_golden
    from repro.golden.carried import carried
    from repro.golden.confirm import refuse_old_runs
    from repro.runs import pieces, store
    from repro.runs.plan import identity, refuse_foreign_seeds, strangers
    from repro.runs.runner import uncommitted

    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    results = arguments.results or store.results_path(arguments.study, arguments.profile)
    rows = pieces.read(results)
    refuse_foreign_seeds(rows, results)
    wanted = identity(study, arguments.profile)
    old = strangers(rows, wanted)
    declared = {run for run in old if run[:2] in wanted.data}
    kept = carried(registry.root(), study.name, arguments.profile, rows, declared)
    if old - kept:
        refuse_old_runs(old - kept, results, study.name, arguments.profile)
    blessing = make_golden(
        results,
        stored.path_of(registry.root(), study.name, arguments.profile),
        study,
        arguments.profile,
        reason=arguments.reason,
        experiments=arguments.experiment or None,
        provisional=arguments.provisional,
        dry_run=arguments.dry_run,
        root=registry.root(),
        uncommitted=uncommitted(study, arguments.profile, results),
    )
    answer(blessing.text)
    if kept:
        answer(f"kept     {len(kept)} runs of older code, as the golden of before holds them: evidence of nothing new")
    if blessing.written:
        changelog = "enter the reason in CHANGELOG.md under Golden, " if Path("CHANGELOG.md").exists() else ""
        say(arguments, f"look at the .md twin's diff, {changelog}and commit {'all' if changelog else 'both'}")
    return PASS


def merge(arguments: Namespace) -> int:
    """Join result tables into one; a conflict is reported and nothing is written."""
    from repro import registry
    from repro.runs import pieces, table
    from repro.runs.merge import merge as join
    from repro.runs.store import Store

    if pieces.there(arguments.out) and arguments.out not in arguments.tables:
        raise UsageError(
            f"{arguments.out}: exists and is not among the tables; name it as one of them, or another --out"
        )
    golden = registry.root().resolve() / "golden"
    if golden in arguments.out.resolve().parents:
        raise UsageError(
            f"{arguments.out}: below {golden.name}/ stands what was blessed; name another --out, and bless that"
        )
    merged = join(arguments.tables)
    verb = "would write" if arguments.dry_run else "wrote"
    if not arguments.dry_run:
        if len(pieces.paths(arguments.out)) > 1:  # what its journal holds is in `merged`, and in its table from here on
            with Store.exclusive(arguments.out):
                pass
        table.write(arguments.out, merged)
    answer(f"{verb} {arguments.out}: {merged.num_rows} rows of {len(arguments.tables)} tables")
    return PASS
