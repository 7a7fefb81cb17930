"""The verb that shows figures."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from repro.cli import arguments as options
from repro.cli.arguments import Verbs, say, verb
from repro.errors import PASS, NothingSelectedError, ReproError, UsageError, did_you_mean
from repro.machine import terminal
from repro.machine.terminal import answer, columns, paint, print_json

TYPE_CHECKING = False  # what only types need is not imported at every start
if TYPE_CHECKING:
    from typing import Any

    from repro.show.pages import Block
    from repro.study import Figure, Study


def arguments(verbs: Verbs) -> None:
    """Add the verb and its options."""
    made = verb(
        verbs,
        "figures",
        figures,
        "repro figures STUDY",
        "repro figures STUDY --profile paper --out figures",
        "repro figures STUDY NAME --results FILE --json",
        "repro figures STUDY --page docs/study-STUDY.md",
    )
    options.study(made)
    options.profile(made)
    options.json(made)
    made.add_argument("name", nargs="?", help="one figure; without it all are listed, or made with --out")
    made.add_argument("--out", type=Path, metavar="FOLDER", help="write NAME.md, .csv, .tex, .svg and .png there")
    made.add_argument(
        "--page", type=Path, metavar="FILE", help="write the study's tables on this page anew, from its golden rows"
    )


def figures(arguments: Namespace) -> int:
    """List a study's figures, make the one named, or all where a folder is given, or those that a page holds."""
    from repro import registry

    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    if arguments.page is not None:
        return _page(arguments, study)
    if arguments.name is not None:
        return _one(arguments, study)
    return _all(arguments, study) if arguments.out else _list(arguments, study)


def _list(arguments: Namespace, study: Study) -> int:
    from repro.show.figures import summary

    if arguments.results:
        raise UsageError(
            f"which figure? name one, or all by --out FOLDER (figures: {', '.join(study.figures) or 'none'})"
        )
    rows = [{"figure": name, "what": summary(study, name)} for name in study.figures]
    if arguments.json:
        return print_json(rows)
    if not rows:
        answer(f"study '{study.name}' has no figures")
        return PASS
    answer(columns(["figure", "what"], [[paint(row["figure"], "bold"), row["what"]] for row in rows]))
    return PASS


def _one(arguments: Namespace, study: Study) -> int:
    """Make one figure: print its table, write it where asked."""
    from repro.show.figures import check_name, make, noted
    from repro.show.tabular import shown

    name = arguments.name
    check_name(study, name)
    rows, note = _rows(arguments, study)
    made = noted(make(study, name, rows), note)
    written = _write(arguments, study, name, made, rows) if arguments.out else []
    if arguments.json:
        return print_json(_record(arguments, name, made, written))
    answer(columns(made.headers, made.rows, show=shown))
    if made.notes:
        answer(f"\n{made.notes}")
    _say_written(arguments, written)
    return PASS


def _all(arguments: Namespace, study: Study) -> int:
    """Make and write every figure; return the exit code of the first that cannot be made, which stops no other."""
    from repro.show.figures import make, noted

    if not study.figures:
        raise NothingSelectedError(f"study '{study.name}' has no figures to write to {arguments.out}")
    rows, note = _rows(arguments, study)
    code, records = PASS, []
    for name in study.figures:
        try:
            made = noted(make(study, name, rows), note)
            written = _write(arguments, study, name, made, rows)
        except ReproError as error:
            terminal.say(f"repro figures: figure '{name}' is not made: {error}")
            code = code or error.exit_code
            continue
        _say_written(arguments, written)
        records.append(_record(arguments, name, made, written))
    if arguments.json:
        print_json(records)
    return code


def _page(arguments: Namespace, study: Study) -> int:
    """Write the tables of a page that are the study's anew, from golden rows; a page that cannot be, stays as it is."""
    from repro.machine import files
    from repro.show import pages
    from repro.show.figures import blessed

    given = {"FIGURE": arguments.name, "--out": arguments.out, "--results": arguments.results}
    given["--profile"] = arguments.profile if arguments.profile != "smoke" else None
    refused = [name for name, value in given.items() if value is not None]
    if refused:
        raise UsageError(
            f"--page: the blocks of the page name profile and figure, and the rows are the golden's; leave out "
            f"{', '.join(refused)}"
        )
    path: Path = arguments.page
    text = pages.read(path)
    own = [block for block in pages.blocks(text, str(path)) if block.study == study.name]
    if not own:
        raise NothingSelectedError(
            f"{path}: no table of study '{study.name}' on this page; write {pages.EXAMPLE} where one belongs"
        )
    contents = blessed()
    made = pages.rewritten(text, str(path), lambda block: contents(block) if block in own else _others(block))
    if made != text:
        files.write(path, made)
    if arguments.json:
        tables = [{"line": one.first, "profile": one.profile, "figure": one.figure} for one in own]
        return print_json({"page": str(path), "study": study.name, "changed": made != text, "tables": tables})
    count = "1 table" if len(own) == 1 else f"{len(own)} tables"
    say(arguments, f"{path}: {count} of {study.name} {'written' if made != text else 'already so'}")
    return PASS


def _others(block: Block) -> None:
    """Leave another study's block as it is, if there is such a study."""
    from repro import registry

    known = registry.names()
    if block.study not in known:
        raise UsageError(
            f"{block.where}: no study '{block.study}'{did_you_mean(block.study, known)} (studies: {', '.join(known)})"
        )


def _rows(arguments: Namespace, study: Study) -> tuple[list[dict[str, Any]], str]:
    """Return the rows of the result table named, or else of the store, or else of the golden; none without any.

    With it a note where some are of other code, settings, data or units.
    """
    from repro import registry
    from repro.golden import log
    from repro.golden import stored as goldens
    from repro.runs import pieces, store
    from repro.show.figures import outdated

    golden = goldens.path_of(registry.root(), arguments.study, arguments.profile)
    own = store.results_path(arguments.study, arguments.profile)
    path = arguments.results or (own if pieces.there(own) else golden)
    if path != golden:
        held = pieces.read(path)
    elif log.there(registry.root(), arguments.study, arguments.profile):
        held = log.blessed(registry.root(), arguments.study, arguments.profile).rows
    else:
        say(arguments, f"profile '{arguments.profile}' has no result table and no golden: computed from no rows")
        return [], ""
    rows: list[dict[str, Any]] = held.to_pylist()
    others = {(row["study"], row["profile"]) for row in rows} - {(arguments.study, arguments.profile)}
    if others:
        names = ", ".join(f"{study}/{profile}" for study, profile in sorted(others))
        raise UsageError(
            f"{path}: the rows are of {names}; wanted {arguments.study}/{arguments.profile}: name another --profile "
            "or another table"
        )
    say(arguments, f"computed from {path}")
    return rows, outdated(study, arguments.profile, held)


def _record(arguments: Namespace, name: str, made: Figure, written: Sequence[Path]) -> dict[str, Any]:
    """Return a figure as --json prints it."""
    about = {"study": arguments.study, "figure": name, "profile": arguments.profile}
    table = {"headers": list(made.headers), "rows": [list(row) for row in made.rows], "notes": made.notes}
    return {**about, **table, "written": [str(path) for path in written]}


def _say_written(arguments: Namespace, written: Sequence[Path]) -> None:
    if not arguments.json:
        for path in written:
            say(arguments, f"wrote {path}")


def _write(arguments: Namespace, study: Study, name: str, made: Figure, rows: Sequence[Any]) -> list[Path]:
    from repro.show.figures import origin, write

    made_by = origin(arguments.study, name, arguments.profile, len(rows))
    return write(arguments.out, study, name, made, made_by)
