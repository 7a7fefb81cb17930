"""The verb that drafts: claims."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from repro.cli import beside
from repro.cli.arguments import Verbs, say, verb
from repro.errors import PASS, USAGE, UsageError
from repro.machine import terminal
from repro.machine.terminal import answer


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(
        verbs,
        "claims",
        claims,
        "repro claims table.md",
        'repro claims paper.tex --table 2 --place "table 2" --unit % --spread sd --runs 5',
        "repro claims table.csv --comma decimal --out draft.toml",
    )
    made.add_argument("file", type=Path, metavar="TABLE", help="a table in Markdown, CSV or LaTeX")
    made.add_argument("--format", default="", metavar="NAME", help="csv, markdown or latex, where the name is no help")
    made.add_argument(
        "--place", default="", metavar="TEXT", help="the table's place in the document (default: its title)"
    )
    made.add_argument("--unit", default="", help="of all cells: %%, 1 for fractions, or any other")
    made.add_argument("--spread", default="", help="what ± is: sd, se, ci95 or 2sd")
    made.add_argument("--runs", type=int, metavar="N", help="how many runs the means are of")
    made.add_argument("--out", type=Path, metavar="FILE", help="write the draft there, where no file is yet")
    beside.writing_options(made)


def claims(arguments: Namespace) -> int:
    """Print a draft of the claims that a table makes; end with 2 where some cell of it could not be read."""
    from repro.audit.drafted import draft
    from repro.machine import files

    out: Path | None = arguments.out
    if out is not None and files.there(out):
        raise UsageError(f"--out {out}: is there already, and a draft is no reason to lose it; name another file")
    made = draft(
        arguments.file, writing=beside.writing_of(arguments), form=arguments.format, which=arguments.table,
        labels=arguments.labels, unit=arguments.unit, spread=arguments.spread, runs=arguments.runs,
        where=arguments.place,
    )  # fmt: skip
    if out is None:
        answer(made.text.rstrip("\n"))
    else:
        files.write(out, made.text)
        say(arguments, f"wrote {out}: {made.claims} claims, to be read by a person")
    if made.faults:
        cells = "1 cell" if len(made.faults) == 1 else f"{len(made.faults)} cells"
        terminal.say(f"repro claims: {cells} could not be read, first {made.faults[0]}")
    return USAGE if made.faults else PASS
