"""The part of `repro judge` that takes a whole table, and options that say how tables are written."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from pathlib import Path

from repro.cli.arguments import Options, say
from repro.errors import UsageError
from repro.machine import terminal
from repro.machine.terminal import answer, columns, paint, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from repro.audit.own_seeds import TableVerdict
    from repro.outside.published import Writing
    from repro.outside.seeded import Settings

WIDTH = 40  # characters of a published cell on the terminal
COLOURS = {"reproduced": "green", "erratum": "red", "error": "red", "inconclusive": "yellow"}


def writing_options(made: Options) -> None:
    """Take what could mean two things in a table."""
    comma = "what a comma in a number is; asked for where it could be either"
    made.add_argument("--comma", choices=("decimal", "thousands"), help=comma)
    brackets = "what a whole number in brackets is, as in 68.4 (7): a spread, one in the last digits, or no spread"
    made.add_argument("--brackets", choices=("spread", "digits", "aside"), help=brackets)
    made.add_argument("--pairs", action="store_true", help="of two numbers in one cell the second is the spread")
    made.add_argument("--table", type=int, metavar="NUMBER", help="which table of the file, counted from 1")
    made.add_argument("--labels", type=int, metavar="NUMBER", help="how many columns at the left name the rows")


def cells_options(made: Options) -> None:
    """Take a table and its seeds."""
    made.add_argument("--cells", type=Path, metavar="FILE", help="a published table: a verdict for each of its cells")
    made.add_argument("--seeds", type=Path, metavar="FILE", help="the runs that the cells were made of, one a line")
    scale = "what brings seeds into the table's unit, 100 from shares to per cent; or a file that says it of each cell"
    made.add_argument("--scale", metavar="NUMBER|FILE", help=scale)
    made.add_argument("--resolution", metavar="UNIT", help="the unit of the seeds' last digit; 0: they stand in full")


def writing_of(arguments: Namespace) -> Writing:
    """Return what was said of how a table is written."""
    from repro.outside.published import Writing

    return Writing(arguments.comma or "", arguments.brackets or "", arguments.pairs)


ALONE = ("results", "published", "above", "below", "better_than", "margin", "epoch", "duplicate", "across")
TOGETHER = ("cells", "seeds", "scale", "resolution", "comma", "brackets", "pairs", "table", "labels")


def whole_table(arguments: Namespace) -> bool:
    """Say whether a whole table is to be judged. Raise UsageError for options of both ways together."""
    given = [name for name in TOGETHER if getattr(arguments, name) not in (None, False)]
    if not given:
        return False
    strays = [name for name in ALONE if getattr(arguments, name) not in (None, "", [], False)]
    if strays:
        other = "RESULTS" if strays[0] == "results" else f"--{strays[0].replace('_', '-')}"
        raise UsageError(f"--{given[0]} and {other}: a whole table is judged, or one published value; leave out one")
    if arguments.cells is None or arguments.seeds is None:
        raise UsageError("--cells and --seeds belong together: a table, and the runs that its cells were made of")
    return True


def settings_of(arguments: Namespace) -> Settings:
    """Return what was said of all cells."""
    from repro.outside.grids import SUFFIXES
    from repro.outside.seeded import Settings

    scales = arguments.scale is not None and Path(arguments.scale).suffix in SUFFIXES
    return Settings(
        writing_of(arguments), arguments.format, arguments.table, arguments.labels, arguments.metric,
        arguments.seed_from, arguments.unit, arguments.runs,
        "" if arguments.spread == "unknown" else arguments.spread, "" if scales else arguments.scale or "",
        Path(arguments.scale) if scales else None, arguments.resolution or "", tuple(arguments.where),
    )  # fmt: skip


def judge_cells(arguments: Namespace) -> int:
    """Judge a table against its seeds, print a line a cell and what its spreads are."""
    from repro.audit.own_seeds import judge_table

    found = judge_table(arguments.cells, arguments.seeds, settings_of(arguments))
    if arguments.json:
        print_json(found.record)
    else:
        answer(rendered(found))
    for note in found.notes:
        say(arguments, f"note: {note}")
    errors = [one for one in found.cells if one.judgement.verdict == "error"]
    if errors:
        first = f"line {errors[0].cell.line}, '{_cut(errors[0].cell.name)}': {errors[0].judgement.evidence}"
        terminal.say(f"repro judge: {len(errors)} of {len(found.cells)} cells could not be judged, first {first}")
    return found.exit_code


def rendered(found: TableVerdict) -> str:
    """Return the verdicts for a terminal: a line a cell, how many of each, and the reading of each table."""
    from repro.audit.spreads import READINGS

    rows = [
        [one.cell.name, _cut(one.cell.text), one.judgement.n, _painted(one.judgement.verdict), one.judgement.evidence]
        for one in found.cells
    ]
    counts = Counter[str](one.judgement.verdict for one in found.cells)
    lines = [columns(["cell", "published", "runs", "verdict", "evidence"], rows, show=_shown), ""]
    lines.append(f"{len(found.cells)} cells: {terminal.counted(dict(counts))}")
    for name, readings in found.readings.items():
        said = " or ".join(READINGS[one] for one in readings)
        what = f"the table's spread is {said}" if said else "no spread of the table tells what it is"
        lines.append(f"{f'{name}: ' if name else ''}{what}")
    return "\n".join(lines)


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _painted(verdict: str) -> str:
    return paint(verdict, COLOURS.get(verdict, "bold"))


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= WIDTH else flat[: WIDTH - 1] + "…"
