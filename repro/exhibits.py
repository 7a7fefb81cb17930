"""The verb that shows a study's exhibits: tables and figures computed from result rows, the same bytes each time."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro import registry
from repro.errors import PASS, UsageError
from repro.study import Exhibit, Study
from repro.text import columns, numbers, paint, print_json, say

FIGURE: Any = {  # beside matplotlib's own defaults; what the user's settings file says is left out
    "figure.figsize": (7.0, 4.5),  # inches
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
FORMATS: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


def exhibit(arguments: Namespace) -> int:
    """List a study's exhibits, or compute one, print its table and write it where asked."""
    study = registry.load(arguments.study)
    registry.profile(study, arguments.profile)
    if arguments.name is None:
        return _list(arguments, study)
    if arguments.name not in study.exhibits:
        known = list(study.exhibits)
        raise UsageError(
            f"study '{study.name}' has no exhibit '{arguments.name}'{registry.did_you_mean(arguments.name, known)} "
            f"(exhibits: {', '.join(known) or 'none'})"
        )
    rows = _rows(arguments)
    made = study.exhibits[arguments.name](rows)
    if not isinstance(made, Exhibit):
        raise UsageError(
            f"exhibit '{arguments.name}' of study '{study.name}' returned {type(made).__name__}; "
            "return a repro.study.Exhibit"
        )
    written = write(arguments.out, study, arguments.name, made, origin(arguments, rows)) if arguments.out else []
    if arguments.json:
        table = {"headers": list(made.headers), "rows": [list(row) for row in made.rows], "notes": made.notes}
        about = {"study": study.name, "exhibit": arguments.name, "profile": arguments.profile}
        return print_json({**about, **table, "written": [str(path) for path in written]})
    print(columns(made.headers, made.rows, show=shown))
    if made.notes:
        print(f"\n{made.notes}")
    for path in written:
        say(arguments, f"wrote {path}")
    return PASS


def _list(arguments: Namespace, study: Study) -> int:
    if arguments.out or arguments.results:
        raise UsageError(f"which exhibit? name one (exhibits: {', '.join(study.exhibits) or 'none'})")
    rows = [{"exhibit": name, "what": summary(study, name)} for name in study.exhibits]
    if arguments.json:
        return print_json(rows)
    if not rows:
        print(f"study '{study.name}' has no exhibits")
        return PASS
    print(columns(["exhibit", "what"], [[paint(row["exhibit"], "bold"), row["what"]] for row in rows]))
    return PASS


def summary(study: Study, name: str) -> str:
    """Return the first line of an exhibit's docstring."""
    return (study.exhibits[name].__doc__ or "").strip().partition("\n")[0]


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


def origin(arguments: Namespace, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the command that computes an exhibit, and from how much; no path, since that is the user's own."""
    profile = "" if arguments.profile == "smoke" else f" --profile {arguments.profile}"
    return f"`repro exhibit {arguments.study} {arguments.name}{profile}`, from {len(rows) or 'no'} result rows"


def shown(cell: Any) -> str:
    """Return a cell as a reader sees it: real numbers to six digits, nothing for None."""
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def write(folder: Path, study: Study, name: str, made: Exhibit, made_by: str) -> list[Path]:
    """Write NAME.md, and NAME.svg and NAME.png where the exhibit draws; the same exhibit gives the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = draw(folder, f"{study.name}/{name}", name, made) if made.draw else []
    page = folder / f"{name}.md"
    page.write_text(markdown(name, summary(study, name), made, made_by), encoding="utf-8")
    return [page, *pictures]


def markdown(name: str, what: str, made: Exhibit, made_by: str) -> str:
    """Return the page of an exhibit: its docstring, table, figure, notes, and how it was made."""

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cells)} |"

    lines = [f"# {name}", "", what, "", line(list(map(escaped, made.headers)))]
    lines += [line(["--:" if right else "---" for right in numbers(made.headers, made.rows)])]
    lines += [line([escaped(shown(cell)) for cell in row]) for row in made.rows]
    lines += ["", f"![{name}]({name}.svg)"] if made.draw else []
    lines += ["", made.notes] if made.notes else []
    return "\n".join([*lines, "", f"Made by {made_by}."]) + "\n"


def escaped(cell: str) -> str:
    """Return a cell's text so that it stays one cell of a Markdown table."""
    return " ".join(cell.replace("|", "\\|").split())


def draw(folder: Path, salt: str, name: str, made: Exhibit) -> list[Path]:
    """Let an exhibit draw its figure and write it as SVG and PNG, without dates, versions or chance in the bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    assert made.draw is not None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**FIGURE, "svg.hashsalt": salt})
        figure = Figure(layout="constrained")
        made.draw(figure)
        paths = [folder / f"{name}.{kind}" for kind in FORMATS]
        for path, (kind, metadata) in zip(paths, FORMATS.items(), strict=True):
            figure.savefig(path, format=kind, metadata=metadata)
    return paths
