"""The verb that writes one HTML file with every verdict and what it rests on; it computes nothing of its own.

What the page says is prepared here, as plain values; how it stands there is `report.html.j2`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.audit.claims import KINDS, Claim
from repro.audit.document import Audited
from repro.audit.verdicts import CONTRADICTED, ERROR, VERDICTS, Span
from repro.errors import ReproError
from repro.machine.terminal import numbers
from repro.show import verdicts
from repro.show.figures import golden_table, make, noted, outdated, pictures, summary
from repro.show.tabular import shown
from repro.study import Figure, Study

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TITLE = "Verdicts on published results"
TEMPLATE = "report.html.j2"
PROFILE = "smoke"  # the one whose golden every study has
MEASURED = re.compile(r"<!-- measured: ([a-z-]+) -->\n(.*?)<!-- /measured -->", re.S)
RATES = {
    "layers": "Planted mistakes found, by layer",
    "side-by-side": "The check beside other rules: false alarms, then detection",
}
FACTS = ("where", "kind", "evidence", "judge", "reason", "statistic", "n", "p", "power", "further_runs", "note")
AXIS = (110, 390)  # where the plot of intervals begins and ends, in units of its drawing

Made = tuple[str, str, Figure | str]  # name, summary, and the figure or why it cannot be made


@dataclass(frozen=True)
class Table:
    """A table of texts; the columns said to be `right` hold numbers and stand to that side."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Sequence[bool]


@dataclass(frozen=True)
class Plot:
    """The interval published above ours: middle, left and right end as places on the drawing, the ends as texts."""

    what: str
    theirs: Sequence[str]
    ours: Sequence[str]
    low: str
    high: str
    start: int = AXIS[0]
    end: int = AXIS[1]


@dataclass(frozen=True)
class Told:
    """A claim, where it stands on the page, and what its verdict rests on: facts by name, a plot or None."""

    claim: Claim
    anchor: str
    verdict: str
    evidence: str
    facts: Sequence[tuple[str, str]]
    command: str
    plot: Plot | None


@dataclass(frozen=True)
class Shown:
    """A figure's caption, picture, table and notes; one that was not made has no table, and `said` is why."""

    what: str
    said: str
    table: Table | None = None
    picture: Markup | None = None


@dataclass(frozen=True)
class Document:
    """A document's section: the claims that are errata, as a list to send to the author, then its figures."""

    name: str
    title: str
    wrong: Sequence[Told]
    figures: Sequence[Shown]


def figures_of(study: Study) -> Iterable[Made]:
    """Yield name, summary and figure of each of a study's figures, or why it cannot be made from blessed rows."""
    held = golden_table(study.name, PROFILE)
    rows, note = held.to_pylist(), outdated(study, PROFILE, held)
    for name in study.figures:
        try:
            yield name, summary(study, name), noted(make(study, name, rows), note)
        except ReproError as error:
            yield name, summary(study, name), str(error)


def page(found: Sequence[Audited], figures: dict[str, list[Made]]) -> str:
    """Return the whole file: nothing in it is fetched from elsewhere."""
    claims = [_told(one) for one in found]
    studies = list(dict.fromkeys(one.claim.study for one in found))
    verdicts_there, kinds_there = {told.verdict for told in claims}, {told.claim.kind for told in claims}
    values = {
        "title": TITLE,
        "summary": _table("Claims by verdict", verdicts.summary_headers(found), verdicts.summary(found)),
        "rates": _error_rates(registry.root() / "docs" / "error-rates.md"),
        "documents": [_document(name, claims, figures.get(name, [])) for name in studies],
        "choices": [
            ("study", studies),
            ("verdict", [word for word in (*VERDICTS, ERROR) if word in verdicts_there]),
            ("kind", [kind for kind in KINDS if kind in kinds_there]),
        ],
        "claims": claims,
    }
    return _environment().get_template(TEMPLATE).render(values)


def _environment() -> Environment:
    """Return what renders the template: it escapes every value, and fails on one that is not there."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("repro.show", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    return Table(caption, headers, [[shown(cell) for cell in row] for row in rows], numbers(headers, rows))


def _error_rates(path: Path) -> list[Table]:
    """Return how often the check is wrong, from a page that `nox -s error-rates` writes; nothing without it."""
    if not path.exists():
        return []
    found = dict(MEASURED.findall(path.read_text("utf-8")))
    tables = []
    for name, caption in RATES.items():
        lines = [line for line in found.get(name, "").splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
        tables += [_table(caption, cells[0], cells[2:])] if len(cells) > 2 else []
    return tables


def _document(name: str, claims: Sequence[Told], figures: Sequence[Made]) -> Document:
    wrong = [told for told in claims if told.claim.study == name and told.verdict in CONTRADICTED]
    return Document(name, registry.load(name).title, wrong, [_shown(*made) for made in figures])


def _shown(name: str, what: str, made: Figure | str) -> Shown:
    if isinstance(made, str):
        return Shown(what, made)
    said = f"{made.notes} From golden rows of profile {PROFILE}, if from rows at all.".strip()
    picture = _picture(name, made) if made.draw is not None else None
    return Shown(what, said, _table(name, made.headers, made.rows), picture)


def _picture(name: str, made: Figure) -> Markup:
    """Return a picture whose ids are its own: several stand in one file, and matplotlib numbers each anew."""
    from markupsafe import Markup, escape

    drawn = pictures(made, name, ["svg"])["svg"].decode("utf-8")
    svg = drawn[drawn.index("<svg") :]
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{escape(name)}-")
    # Safe, and the only thing that is: matplotlib wrote it a moment ago and escapes the words it draws, and what we put
    # into it is escaped. Escaped as a whole it would be no picture.
    return Markup(svg)


def _told(one: Audited) -> Told:
    claim, said, record = one.claim, one.judgement, one.record
    known = [("published", claim.value if claim.unit == "1" else f"{claim.value} {claim.unit}")]
    known += [(key, record[key]) for key in FACTS]
    return Told(
        claim,
        anchor=f"{claim.study}-{claim.id}",
        verdict=said.verdict,
        evidence=said.evidence,
        facts=[(key.replace("_", " "), shown(value)) for key, value in known if value not in (None, "")],
        command=record["command"],
        plot=_plot(said.ours, said.theirs),
    )


def _plot(ours: Span | None, theirs: Span | None) -> Plot | None:
    """Return a plot of the published value or interval above ours, None where the judge compared no intervals."""
    if ours is None or theirs is None:
        return None
    low, high = min(ours[1], theirs[1]), max(ours[2], theirs[2])
    size = (high - low) or 1.0

    def places(span: Span) -> list[str]:
        return [f"{AXIS[0] + (AXIS[1] - AXIS[0]) * (value - low) / size:.1f}" for value in span]

    what = f"published {theirs[0]:.4g}, found {ours[0]:.4g}, from {ours[1]:.4g} to {ours[2]:.4g}"
    return Plot(what, places(theirs), places(ours), f"{low:.4g}", f"{high:.4g}")
