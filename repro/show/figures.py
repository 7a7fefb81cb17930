"""A study's figures: pictures and their tables computed from rows, the same bytes each time.

A figure is the study's, a `repro.study.Figure`; what matplotlib calls so is the canvas that its picture is drawn on.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.audit import plain
from repro.audit.kept import Shelf
from repro.errors import InfrastructureError, ReproError, UsageError, did_you_mean
from repro.machine import extras
from repro.machine.foreign import guarded
from repro.machine.reads import about_to_read
from repro.runs.plan import identity, strangers
from repro.show import marks
from repro.show.pages import Block
from repro.show.tabular import csv_table, latex_table, markdown_table
from repro.study import Figure, Study

if TYPE_CHECKING:
    import pyarrow as pa

STYLE: Any = {  # beside matplotlib's own defaults; what the user's settings file says is left out
    "figure.figsize": (7.0, 4.5),  # inches
    "savefig.dpi": 150,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
FORMATS: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@dataclass(frozen=True)
class Drawn:
    """A picture that was drawn already, by format."""

    kinds: Mapping[str, bytes]

    def __call__(self, canvas: Any) -> None:
        """Refuse to draw: the picture is there, and what drew it is not."""
        raise InfrastructureError(f"a picture that is kept as {', '.join(self.kinds)} cannot be drawn on {canvas!r}")


def check_name(study: Study, name: str) -> None:
    """Raise UsageError where a study has no figure of that name."""
    if name not in study.figures:
        known = list(study.figures)
        raise UsageError(
            f"study '{study.name}' has no figure '{name}'{did_you_mean(name, known)} "
            f"(figures: {', '.join(known) or 'none'})"
        )


def blessed() -> Callable[[Block], str]:
    """Return what computes the content of a block from the golden rows of its study and profile, and nothing else."""
    rows_of = functools.cache(lambda study, profile: golden_table(study, profile).to_pylist())

    def content(block: Block) -> str:
        try:
            study = registry.load(block.study)
            registry.profile(study, block.profile)
            check_name(study, block.figure)
            made = make(study, block.figure, rows_of(block.study, block.profile))
        except ReproError as error:
            raise type(error)(f"{block.where}: {error}") from error
        source = f"From the golden rows of {block.study}, profile {block.profile}."
        return "\n".join([*markdown_table(made), *(["", made.notes] if made.notes else []), "", source])

    return content


def golden_table(study: str, profile: str) -> pa.Table:
    """Return the rows of a golden as they were blessed. Raise IntegrityError where they are not those any more."""
    from repro.golden import log

    return log.blessed(registry.root(), study, profile).rows


def make(study: Study, name: str, rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Compute one of the study's figures from rows, and refuse what is none; one of stand-in data says that it is."""
    seen = marks.watched(rows)
    with guarded(f"figure '{name}' of study '{study.name}'"):
        made = study.figures[name](seen)
    if not isinstance(made, Figure):
        raise UsageError(
            f"figure '{name}' of study '{study.name}' returned {type(made).__name__}; return a repro.study.Figure"
        )
    return marks.marked(made, marks.said_of(study, seen))


def of_golden(study: Study, profile: str, shelf: Shelf | None) -> Iterator[tuple[str, Figure | str]]:
    """Yield the name of each figure of a study, and the figure, or why it cannot be made from blessed rows.

    One of a `shelf`, as it is kept or as it is made now, is drawn already, as SVG.
    """

    @functools.cache
    def rows() -> tuple[list[dict[str, Any]], str]:
        from repro.golden import log

        root = registry.root()
        files = log.parts(root, study.name, profile)
        about_to_read(*log.names_of(root, *files))
        if profile not in study.profiles or not log.there(root, study.name, profile):
            return [], "There is no golden yet, so no rows."
        held = golden_table(study.name, profile)
        note = f"From golden rows of profile {profile}, if from rows at all. {outdated(study, profile, held)}"
        return held.to_pylist(), note.strip()

    def made(name: str) -> Figure | str:
        held, note = rows()
        try:
            figure = noted(make(study, name, held), note)
            drawn = Drawn(pictures(figure, name, ["svg"])) if shelf and figure.draw else figure.draw
        except ReproError as error:
            return str(error)
        return replace(figure, draw=drawn)

    for name in study.figures:
        yield name, made(name) if shelf is None else _kept(shelf, study, name, profile, made)


def _kept(shelf: Shelf, study: Study, name: str, profile: str, made: Callable[[str], Figure | str]) -> Figure | str:
    """Return a figure as it is kept, or as it is made now."""
    fresh: list[Figure | str] = []

    def record() -> Any:
        figure = made(name)
        fresh.append(figure)
        if isinstance(figure, str):
            return None
        drawn = figure.draw.kinds["svg"].decode("utf-8") if isinstance(figure.draw, Drawn) else None
        return plain.written((list(figure.headers), [list(row) for row in figure.rows], figure.notes, drawn))

    found = shelf.made(name, profile, record, code=study.figures[name].__module__)
    if fresh:
        return fresh[0]
    headers, lines, notes, drawn = plain.again(found)
    return Figure(headers, lines, notes, None if drawn is None else Drawn({"svg": drawn.encode("utf-8")}))


def outdated(study: Study, profile: str, rows: pa.Table) -> str:
    """Say how many of the runs of figures are of other code, settings, data or units; nothing where none."""
    if not study.figures or not rows.num_rows:
        return ""
    old = strangers(rows, identity(study, profile))
    if not old:
        return ""
    runs = set(zip(*(rows[name].to_pylist() for name in ("experiment", "case", "replicate")), strict=True))
    return (
        f"Of the {len(runs)} runs in these rows {len(old)} are of other code, settings, data or units than are here; "
        f"`repro run {study.name} --profile {profile}` makes them again."
    )


def noted(made: Figure, note: str) -> Figure:
    """Return a figure with a further note."""
    return replace(made, notes="\n\n".join(text for text in (made.notes, note) if text)) if note else made


def summary(study: Study, name: str) -> str:
    """Return the first line of a figure's docstring."""
    return (study.figures[name].__doc__ or "").strip().partition("\n")[0]


def origin(study: str, name: str, profile: str, count: int) -> str:
    """Return the command that makes a figure, and from how many rows; no path, since that is the user's own."""
    chosen = "" if profile == "smoke" else f" --profile {profile}"
    return f"`repro figures {study} {name}{chosen}`, from {count or 'no'} result rows"


def write(folder: Path, study: Study, name: str, made: Figure, made_by: str) -> list[Path]:
    """Write NAME.md, NAME.csv and NAME.tex, and NAME.svg and NAME.png where the figure draws: the same bytes each time.

    Raise InfrastructureError where the folder cannot be written to.
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
        text = f"--out {folder}: cannot write {page.name} there ({reason}); make room, allow it or name another folder"
        raise InfrastructureError(text) from error
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
    assert made.draw is not None
    if isinstance(made.draw, Drawn):
        return {kind: made.draw.kinds[kind] for kind in kinds}
    extras.require("report")
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    found = {}
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**STYLE, "svg.hashsalt": salt})
        canvas = Canvas(layout="constrained")
        with guarded("the picture of a figure"):
            made.draw(canvas)
            marks.hatch_gaps(canvas)
        for kind in kinds:
            stream = io.BytesIO()
            canvas.savefig(stream, format=kind, metadata=FORMATS[kind])
            found[kind] = stream.getvalue()
    return found
