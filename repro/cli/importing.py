"""The verb that takes other people's results into a study: import."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, say, verb
from repro.errors import PASS, UsageError
from repro.machine.terminal import answer, columns, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.outside.ask import Ask
    from repro.outside.imported import ImportedRow
    from repro.outside.mapped import Target
    from repro.study import Study

REPEATED = (  # options of the command that reads the same again
    "experiment", "metric", "unit", "case", "map", "where", "across", "format", "epoch", "seed_from", "duplicate",
)  # fmt: skip
STATUSES = ("ok", "nonfinite", "failed", "unfinished")


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(
        verbs,
        "import",
        import_results,
        "repro import runs.csv --study STUDY --metric accuracy=val_acc",
        "repro import mlruns --study STUDY --profile paper --map method=params.model --epoch last --dry-run",
        "repro import logs/ours --study STUDY --experiment NAME --case method=ours --seed-from name",
    )
    made.add_argument("path", type=Path, metavar="PATH", help="a file or folder that a tool wrote")
    named = made.add_argument("--study", required=True, metavar="NAME", help="whose cases and metrics these are")
    named.completer = options.names_of_studies  # type: ignore[attr-defined]
    made.add_argument("--profile", default="", help="which profile they follow (default: the only faithful one)")
    made.add_argument("--experiment", default="", metavar="NAME", help="which experiment they answer, of several")
    add = made.add_argument
    add("--metric", action="append", default=[], metavar="OURS=THEIRS", help="what they call a metric (repeatable)")
    add("--unit", action="append", default=[], metavar="OURS=UNIT", help="which unit they have it in (repeatable)")
    add("--case", action="append", default=[], metavar="FIELD=VALUE", help="what every run there is (repeatable)")
    add("--map", action="append", default=[], metavar="FIELD=THEIRS", help="what they call a field (repeatable)")
    add("--where", action="append", default=[], metavar="THEIRS=VALUE", help="only runs that have this (repeatable)")
    add("--across", action="append", default=[], metavar="THEIRS", help="runs may differ in this (repeatable)")
    add("--format", default="", metavar="FORMAT", help="which tool wrote it, where that is not plain")
    add("--epoch", default="", metavar="last|best:METRIC|N", help="which of a run's values counts")
    add("--seed-from", default="", metavar="THEIRS", help="the field that is the seed; `name`: a run's name tells")
    add("--duplicate", default="", choices=["first", "last"], help="of two records of one seed, which counts")
    options.dry_run(made)
    options.json(made)


def import_results(arguments: Namespace) -> int:
    """Add a tool's runs to the imported rows of a study; they are evidence of its claims, marked, and nothing else."""
    from datetime import UTC, datetime

    from repro import registry
    from repro.outside import bring, imported

    study = registry.load(arguments.study)
    profile = _profile(study, arguments.profile)
    found = bring.bring(
        _target(arguments, study, profile), arguments.path.expanduser(), _asked(arguments), form=arguments.format,
        command=command(arguments, profile), now=datetime.now(UTC),
    )  # fmt: skip
    path = imported.path_of(study.name, profile)
    if arguments.dry_run:
        before = imported.read_if_there(path)
        after = bring.joined(before, found, keep=arguments.duplicate)
    else:
        with imported.alone(path):
            before = imported.read_if_there(path)
            after = bring.joined(before, found, keep=arguments.duplicate)
            imported.write(path, after)
    kept = len(set(after.rows).intersection(found.rows))
    gone = len({row.content for row in before.rows}.difference(row.content for row in after.rows))
    for note in found.notes:
        say(arguments, f"note: {note}")
    if arguments.json:
        about = {"written": not arguments.dry_run, "table": str(path), "rows": kept, "replaced": gone}
        return print_json({**about, "notes": list(found.notes), "found": [_plain(row) for row in found.rows]})
    answer(columns(["experiment", "case", "metric", "runs", *STATUSES, "tool"], _lines(found.rows)))
    done = "would write" if arguments.dry_run else "wrote"
    answer(f"{done} {path}: {kept} rows, not run by us{f'; {gone} of before are replaced or gone' if gone else ''}")
    return PASS


def _profile(study: Study, name: str) -> str:
    """Return the profile that is named, or the only one that answers claims. Raise UsageError for neither."""
    from repro import registry

    if name:
        registry.profile(study, name)
        return name
    faithful = [one for one, profile in study.profiles.items() if profile.faithful]
    if len(faithful) != 1:
        raise UsageError(
            f"--profile: study '{study.name}' has {len(faithful)} faithful profiles, and these alone answer claims; "
            f"name one (profiles: {', '.join(study.profiles)})"
        )
    return faithful[0]


def _target(arguments: Namespace, study: Study, profile: str) -> Target:
    """Return what the import is for."""
    from repro.outside import mapped

    return mapped.target(
        study,
        profile,
        arguments.experiment,
        metrics=pairs("--metric", "OURS=THEIRS", arguments.metric),
        said=pairs("--case", "FIELD=VALUE", arguments.case),
        names=pairs("--map", "FIELD=THEIRS", arguments.map),
        units=pairs("--unit", "OURS=UNIT", arguments.unit),
    )


def _asked(arguments: Namespace) -> Ask:
    """Return which runs are asked for, and which of their values."""
    from repro.outside.ask import Ask
    from repro.runs.wanted import wanted

    return Ask(
        metric="", where=dict(wanted(arguments.where)), epoch=arguments.epoch, duplicate=arguments.duplicate,
        seed_from=arguments.seed_from, across=tuple(arguments.across),
    )  # fmt: skip


def pairs(option: str, form: str, texts: Sequence[str]) -> dict[str, str]:
    """Return the texts of a repeated option as names and values. Raise UsageError for what is none, or named twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UsageError(f"{option} {text}: wanted {form}")
        if name in found:
            raise UsageError(f"{option} {text}: '{name}' is given twice; leave one out")
        found[name] = value
    return found


def command(arguments: Namespace, profile: str) -> str:
    """Return the command that reads the same again, from the project's folder."""
    from repro.outside import sources

    words = ["repro", "import", sources.named(arguments.path.expanduser()), "--study", arguments.study]
    words += ["--profile", profile]
    for name in REPEATED:
        given = getattr(arguments, name)
        for value in [given] * bool(given) if isinstance(given, str) else given:
            words += [f"--{name.replace('_', '-')}", value]
    return " ".join(f"~/{shlex.quote(word[2:])}" if word.startswith("~/") else shlex.quote(word) for word in words)


def _lines(rows: Sequence[ImportedRow]) -> list[list[Any]]:
    """Return a line for each case and metric: how many runs there are, and how they ended."""
    from repro.study import case_words

    lines = []
    for cell in dict.fromkeys(row.cell for row in rows):
        mine = [row for row in rows if row.cell == cell]
        ends = [sum(row.status == status for row in mine) for status in STATUSES]
        lines.append([cell[0], case_words(cell[1]), cell[2], len(mine), *ends, mine[0].by])
    return lines


def _plain(row: ImportedRow) -> dict[str, Any]:
    return {**row._asdict(), "imported": row.imported.isoformat()}
