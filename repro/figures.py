"""The verb that shows a study's figures: pictures and their tables computed from rows, the same bytes each time.

A figure is the study's, a `repro.study.Figure`; what matplotlib calls so is the canvas that its picture is drawn on.
"""

from __future__ import annotations

import functools
import io
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from repro import files, pages, registry
from repro.errors import PASS, IntegrityError, NothingSelectedError, ReproError, UsageError
from repro.pages import Block
from repro.study import Figure, Study
from repro.tabular import csv_table, latex_table, markdown_table, shown
from repro.text import columns, paint, print_json, say

STYLE: Any = {  # beside matplotlib's own defaults; what the user's settings file says is left out
    "figure.figsize": (7.0, 4.5),  # inches
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
FORMATS: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def figures(arguments: Namespace) -> int:
    """List a study's figures, make the one named, or all where a folder is given, or those that a page holds."""
    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    if arguments.page is not None:
        return _page(arguments, study)
    if arguments.name is not None:
        return _one(arguments, study)
    return _all(arguments, study) if arguments.out else _list(arguments, study)


def _list(arguments: Namespace, study: Study) -> int:
    if arguments.results:
        raise UsageError(
            f"which figure? name one, or all by --out FOLDER (figures: {', '.join(study.figures) or 'none'})"
        )
    rows = [{"figure": name, "what": summary(study, name)} for name in study.figures]
    if arguments.json:
        return print_json(rows)
    if not rows:
        print(f"study '{study.name}' has no figures")
        return PASS
    print(columns(["figure", "what"], [[paint(row["figure"], "bold"), row["what"]] for row in rows]))
    return PASS


def _one(arguments: Namespace, study: Study) -> int:
    """Make one figure: print its table, write it where asked."""
    name = arguments.name
    _check_name(study, name)
    rows = _rows(arguments)
    made = make(study, name, rows)
    written = _write(arguments, study, name, made, rows) if arguments.out else []
    if arguments.json:
        return print_json(_record(arguments, name, made, written))
    print(columns(made.headers, made.rows, show=shown))
    if made.notes:
        print(f"\n{made.notes}")
    _say_written(arguments, written)
    return PASS


def _all(arguments: Namespace, study: Study) -> int:
    """Make and write every figure; return the exit code of the first that cannot be made, which stops no other."""
    if not study.figures:
        raise NothingSelectedError(f"study '{study.name}' has no figures to write to {arguments.out}")
    rows = _rows(arguments)
    code, records = PASS, []
    for name in study.figures:
        try:
            made = make(study, name, rows)
            written = _write(arguments, study, name, made, rows)
        except ReproError as error:
            print(f"repro figures: figure '{name}' is not made: {error}", file=sys.stderr)
            code = code or error.exit_code
            continue
        _say_written(arguments, written)
        records.append(_record(arguments, name, made, written))
    if arguments.json:
        print_json(records)
    return code


def _check_name(study: Study, name: str) -> None:
    if name not in study.figures:
        known = list(study.figures)
        raise UsageError(
            f"study '{study.name}' has no figure '{name}'{registry.did_you_mean(name, known)} "
            f"(figures: {', '.join(known) or 'none'})"
        )


def _page(arguments: Namespace, study: Study) -> int:
    """Write the tables of a page that are the study's anew, from golden rows; a page that cannot be, stays as it is."""
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
    known = registry.names()
    if block.study not in known:
        raise UsageError(
            f"{block.where}: no study '{block.study}'{registry.did_you_mean(block.study, known)} "
            f"(studies: {', '.join(known)})"
        )


def blessed() -> Callable[[Block], str]:
    """Return what computes the content of a block from the golden rows of its study and profile, and nothing else."""
    rows_of = functools.cache(golden_rows)

    def content(block: Block) -> str:
        try:
            study = registry.load(block.study)
            registry.profile(study, block.profile)
            _check_name(study, block.figure)
            made = make(study, block.figure, rows_of(block.study, block.profile))
        except ReproError as error:
            raise type(error)(f"{block.where}: {error}") from error
        source = f"From the golden rows of {block.study}, profile {block.profile}."
        return "\n".join([*markdown_table(made), *(["", made.notes] if made.notes else []), "", source])

    return content


def golden_rows(study: str, profile: str) -> list[dict[str, Any]]:
    """Return the rows of a golden as they were blessed. Raise IntegrityError where they are not those any more."""
    from repro import bands

    path = bands.path_of(registry.root(), study, profile)
    held = bands.load(path)
    if bands.metadata(held.bands).get("rows_digest") != bands.digest(held.rows):
        raise IntegrityError(f"{path}: not the rows that were blessed; restore the golden from version control")
    return list(held.rows.to_pylist())


def make(study: Study, name: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Compute one of the study's figures from rows, and refuse what is none."""
    made = study.figures[name](rows)
    if not isinstance(made, Figure):
        raise UsageError(
            f"figure '{name}' of study '{study.name}' returned {type(made).__name__}; return a repro.study.Figure"
        )
    return made


def summary(study: Study, name: str) -> str:
    """Return the first line of a figure's docstring."""
    return (study.figures[name].__doc__ or "").strip().partition("\n")[0]


def _rows(arguments: Namespace) -> list[dict[str, Any]]:
    """Return the rows of the result table named, or else of the store, or else of the golden; none without any."""
    from repro import bands, table

    stored = registry.results_path(arguments.study, arguments.profile)
    blessed = bands.path_of(registry.root(), arguments.study, arguments.profile)
    path = arguments.results or next((each for each in (stored, blessed) if each.exists()), None)
    if path is None:
        say(arguments, f"profile '{arguments.profile}' has no result table and no golden: computed from no rows")
        return []
    rows: list[dict[str, Any]] = table.read(path).to_pylist()
    others = {(row["study"], row["profile"]) for row in rows} - {(arguments.study, arguments.profile)}
    if others:
        names = ", ".join(f"{study}/{profile}" for study, profile in sorted(others))
        raise UsageError(
            f"{path}: the rows are of {names}; wanted {arguments.study}/{arguments.profile}: name another --profile "
            "or another table"
        )
    say(arguments, f"computed from {path}")
    return rows


def _record(arguments: Namespace, name: str, made: Figure, written: Sequence[Path]) -> dict[str, Any]:
    """Return a figure as --json prints it."""
    about = {"study": arguments.study, "figure": name, "profile": arguments.profile}
    table = {"headers": list(made.headers), "rows": [list(row) for row in made.rows], "notes": made.notes}
    return {**about, **table, "written": [str(path) for path in written]}


def _say_written(arguments: Namespace, written: Sequence[Path]) -> None:
    if not arguments.json:
        for path in written:
            say(arguments, f"wrote {path}")


def origin(study: str, name: str, profile: str, count: int) -> str:
    """Return the command that makes a figure, and from how many rows; no path, since that is the user's own."""
    chosen = "" if profile == "smoke" else f" --profile {profile}"
    return f"`repro figures {study} {name}{chosen}`, from {count or 'no'} result rows"


def _write(arguments: Namespace, study: Study, name: str, made: Figure, rows: Sequence[Any]) -> list[Path]:
    made_by = origin(arguments.study, name, arguments.profile, len(rows))
    return write(arguments.out, study, name, made, made_by)


def write(folder: Path, study: Study, name: str, made: Figure, made_by: str) -> list[Path]:
    """Write NAME.md, NAME.csv and NAME.tex, and NAME.svg and NAME.png where the figure draws: the same bytes each time.

    Raise UsageError where the folder cannot be written to.
    """
    page = folder / f"{name}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = draw(folder, f"{study.name}/{name}", name, made) if made.draw else []
        page.write_text(markdown(name, summary(study, name), made, made_by), encoding="utf-8")
        tables = [page.with_suffix(".csv"), page.with_suffix(".tex")]
        for path, content in zip(tables, (csv_table(made), latex_table(made)), strict=True):
            path.write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"--out {folder}: cannot write {page.name} there ({reason}); name another folder") from error
    return [page, *tables, *drawn]


def markdown(name: str, what: str, made: Figure, made_by: str) -> str:
    """Return the page of a figure: its docstring, table, picture, notes, and how it was made."""
    lines = [f"# {name}", "", what, "", *markdown_table(made)]
    lines += ["", f"![{name}]({name}.svg)"] if made.draw else []
    lines += ["", made.notes] if made.notes else []
    return "\n".join([*lines, "", f"Made by {made_by}."]) + "\n"


def draw(folder: Path, salt: str, name: str, made: Figure) -> list[Path]:
    """Write the picture of a figure as SVG and PNG."""
    paths = []
    for kind, content in pictures(made, salt, FORMATS).items():
        paths.append(folder / f"{name}.{kind}")
        paths[-1].write_bytes(content)
    return paths


def pictures(made: Figure, salt: str, kinds: Iterable[str]) -> dict[str, bytes]:
    """Return the picture of a figure in formats of FORMATS, without dates, versions or chance in the bytes.

    The figure draws on the canvas it is given, which is an empty matplotlib.figure.Figure.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    assert made.draw is not None
    found = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "svg.hashsalt": salt})
        canvas = Canvas(layout="constrained")
        made.draw(canvas)
        for kind in kinds:
            stream = io.BytesIO()
            canvas.savefig(stream, format=kind, metadata=FORMATS[kind])
            found[kind] = stream.getvalue()
    return found
