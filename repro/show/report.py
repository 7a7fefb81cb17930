"""The verb that writes one HTML file with every verdict and what it rests on; it computes nothing of its own."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from repro import registry
from repro.audit.claims import KINDS
from repro.audit.document import Audited
from repro.audit.verdicts import CONTRADICTED, VERDICTS, Span
from repro.errors import ReproError
from repro.machine.terminal import numbers
from repro.show import verdicts
from repro.show.figures import golden_rows, make, pictures, summary
from repro.show.tabular import shown
from repro.show.verdicts import SUMMARY_HEADERS
from repro.study import Figure, Study

TITLE = "Verdicts on published results"
PROFILE = "smoke"  # the one whose golden every study has
MEASURED = re.compile(r"<!-- measured: ([a-z-]+) -->\n(.*?)<!-- /measured -->", re.S)
RATES = {
    "layers": "Planted mistakes found, by layer",
    "side-by-side": "The check beside other rules: false alarms, then detection",
}


def figures_of(study: Study) -> Iterable[tuple[str, str, Figure | str]]:
    """Yield name, summary and figure of each of a study's figures, or why it cannot be made from blessed rows."""
    rows = golden_rows(study.name, PROFILE)
    for name in study.figures:
        try:
            yield name, summary(study, name), make(study, name, rows)
        except ReproError as error:
            yield name, summary(study, name), str(error)


def page(found: Sequence[Audited], figures: dict[str, list[tuple[str, str, Figure | str]]]) -> str:
    """Return the whole file: nothing in it is fetched from elsewhere."""
    studies = list(dict.fromkeys(one.claim.study for one in found))
    body = [
        '<a class="skip" href="#claims">Skip to the claims</a>',
        f"<header><h1>{TITLE}</h1><p>Each claim of a document has one verdict, with the evidence it rests on and the "
        "command that computes it again.</p></header>",
        _contents(studies),
        "<main>",
        '<section aria-labelledby="summary"><h2 id="summary">Summary</h2>',
        _table("Claims by verdict", SUMMARY_HEADERS, verdicts.summary(found)),
        _headlines(found),
        "</section>",
        _error_rates(registry.root() / "docs" / "error-rates.md"),
        *(
            _document(name, [one for one in found if one.claim.study == name], figures.get(name, []))
            for name in studies
        ),
        _claims(found, studies),
        "</main>",
    ]
    own = resources.files("repro.show")
    style, script = (own.joinpath(f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>\n{style}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n"
        f"<script>\n{script}</script>\n</body>\n</html>\n"
    )


def _error_rates(path: Path) -> str:
    """Return how often the check is wrong, from a page that `nox -s error-rates` writes; "" without it."""
    if not path.exists():
        return ""
    found = dict(MEASURED.findall(path.read_text("utf-8")))
    tables = []
    for name, caption in RATES.items():
        lines = [line for line in found.get(name, "").splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
        tables += [_table(caption, cells[0], cells[2:])] if len(cells) > 2 else []
    head = '<section aria-labelledby="rates"><h2 id="rates">How often the check is wrong</h2>'
    said = "<p>Measured by planting mistakes, and by checking code that did not change.</p>"
    return f"{head}{said}{''.join(tables)}</section>" if tables else ""


def _contents(studies: Sequence[str]) -> str:
    links = [("summary", "Summary"), *((f"document-{name}", name) for name in studies), ("claims", "All claims")]
    items = "".join(f'<li><a href="#{place}">{text(name)}</a></li>' for place, name in links)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def text(value: Any) -> str:
    """Return a value as text that is safe inside an element or an attribute."""
    return html.escape(str(value))


def anchor(one: Audited) -> str:
    """Return the name under which a claim can be linked to."""
    return f"{one.claim.study}-{one.claim.id}"


def _verdict(verdict: str) -> str:
    return f'<span class="verdict {verdict.replace(" ", "-")}">{text(verdict)}</span>'


def _link(one: Audited) -> str:
    return f'<a href="#{text(anchor(one))}">{text(one.claim.id)}</a>'


def _table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a table whose columns of numbers stand to the right."""
    right = ["number" if one else "" for one in numbers(headers, rows)] if rows else ["" for _ in headers]

    def cell(tag: str, value: str, kind: str, extra: str = "") -> str:
        return f"<{tag}{extra}{f' class={chr(34)}{kind}{chr(34)}' if kind else ''}>{value}</{tag}>"

    head = "".join(cell("th", text(name), kind, ' scope="col"') for name, kind in zip(headers, right, strict=True))
    lines = [
        "<tr>" + "".join(cell("td", text(shown(one)), kind) for one, kind in zip(row, right, strict=True)) + "</tr>"
        for row in rows
    ]
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(caption)}"><table><caption>{text(caption)}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _headlines(found: Sequence[Audited]) -> str:
    """Return what the first screen says: the claims marked as headlines, with their verdicts."""
    items = [
        f"<li>{_verdict(one.finding.verdict)}: {text(one.claim.headline)} ({text(one.claim.study)}, {_link(one)})</li>"
        for one in found
        if one.claim.headline
    ]
    return f"<h3>Findings</h3><ul>{''.join(items)}</ul>" if items else ""


def _document(name: str, found: Sequence[Audited], figures: Sequence[tuple[str, str, Figure | str]]) -> str:
    """Return a document's section: its errata as a list to send to the author, then its tables and pictures."""
    wrong = [one for one in found if one.finding.verdict in CONTRADICTED]
    errata = "".join(
        f"<li>{text(one.claim.where)}: {text(one.claim.statement)} Published: {text(one.claim.value)}. "
        f"Found: {text(one.finding.evidence)}. {_verdict(one.finding.verdict)}, {_link(one)}</li>"
        for one in wrong
    )
    parts = [
        f'<section aria-labelledby="document-{text(name)}"><h2 id="document-{text(name)}">'
        f"{text(registry.load(name).title)}</h2>",
        f"<h3>{len(wrong)} errata and contradictions</h3><ol>{errata}</ol>" if wrong else "<p>No erratum.</p>",
        *(_figure(*one) for one in figures),
        "</section>",
    ]
    return "\n".join(parts)


def _figure(name: str, what: str, made: Figure | str) -> str:
    """Return a figure's table and picture, or why there is none."""
    if isinstance(made, str):
        return f"<h3>{text(what)}</h3><p>Not made: {text(made)}</p>"
    picture = ""
    if made.draw is not None:
        drawn = pictures(made, name, ["svg"])["svg"].decode("utf-8")
        svg = drawn[drawn.index("<svg") :]
        picture = f'<div class="picture" role="img" aria-label="{text(what)}">{_own_ids(svg, name)}</div>'
    said = f"{made.notes} From golden rows of profile {PROFILE}, if from rows at all.".strip()
    notes = f'<p class="quiet">{text(said)}</p>'
    return f"<h3>{text(what)}</h3>{picture}{_table(name, made.headers, made.rows)}{notes}"


def _own_ids(svg: str, name: str) -> str:
    """Return a picture whose ids are its own: several stand in one file, and matplotlib numbers each anew."""
    for before in ('id="', 'href="#', "url(#"):
        svg = svg.replace(before, f"{before}{name}-")
    return svg


def _claims(found: Sequence[Audited], studies: Sequence[str]) -> str:
    """Return the filters and every claim with its evidence."""
    present = {one.finding.verdict for one in found}
    choices = (
        ("study", studies),
        ("verdict", [verdict for verdict in VERDICTS if verdict in present]),
        ("kind", [kind for kind in KINDS if any(one.claim.kind == kind for one in found)]),
    )
    fields = "".join(
        f'<label>{name}<select name="{name}"><option value="">all</option>'
        + "".join(f"<option>{text(value)}</option>" for value in values)
        + "</select></label>"
        for name, values in choices
    )
    words = '<label>words<input name="words" type="search"></label><button type="reset">Show all</button>'
    form = f'<form id="filters" hidden aria-label="Filter the claims">{fields}{words}</form>'
    return (
        f'<section aria-labelledby="claims"><h2 id="claims">All claims</h2>{form}<p id="count" role="status"></p>'
        + "\n".join(_claim(one) for one in found)
        + "</section>"
    )


def _claim(one: Audited) -> str:
    """Return a claim, closed: its verdict, and inside everything it rests on."""
    record = one.record
    facts = [("published", one.claim.value if one.claim.unit == "1" else f"{one.claim.value} {one.claim.unit}")]
    facts += [
        (key, record[key])
        for key in (
            "where",
            "kind",
            "evidence",
            "judge",
            "reason",
            "statistic",
            "n",
            "p",
            "power",
            "further_runs",
            "note",
        )
    ]
    listed = "".join(
        f"<dt>{text(key.replace('_', ' '))}</dt><dd>{text(shown(value))}</dd>"
        for key, value in facts
        if value not in (None, "")
    )
    listed += f"<dt>again by</dt><dd><code>{text(record['command'])}</code></dd>"
    return (
        f'<details class="claim" id="{text(anchor(one))}" data-study="{text(one.claim.study)}" '
        f'data-verdict="{text(one.finding.verdict)}" data-kind="{text(one.claim.kind)}"><summary>'
        f"{_verdict(one.finding.verdict)} <code>{text(one.claim.study)} {text(one.claim.id)}</code> "
        f"{text(one.claim.statement)}</summary>{_spans(one)}<dl>{listed}</dl></details>"
    )


def _spans(one: Audited) -> str:
    """Return a plot of the published value or interval above ours, "" where the judge compared no intervals."""
    ours, theirs = one.finding.ours, one.finding.theirs
    if ours is None or theirs is None:
        return ""
    low, high = min(ours[1], theirs[1]), max(ours[2], theirs[2])
    size = (high - low) or 1.0

    def line(place: int, name: str, span: Span) -> str:
        middle, left, right = (110 + 280 * (value - low) / size for value in span)
        return (
            f'<text x="0" y="{place + 4}">{name}</text>'
            f'<line x1="{left:.1f}" x2="{right:.1f}" y1="{place}" y2="{place}"/>'
            f'<circle cx="{middle:.1f}" cy="{place}" r="4"/>'
        )

    what = f"published {theirs[0]:.4g}, found {ours[0]:.4g}, from {ours[1]:.4g} to {ours[2]:.4g}"
    ends = f'<text x="110" y="58">{low:.4g}</text><text x="390" y="58" text-anchor="end">{high:.4g}</text>'
    return (
        f'<svg class="spans" viewBox="0 0 400 64" role="img" aria-label="{text(what)}">'
        f"{line(12, 'published', theirs)}{line(32, 'found', ours)}{ends}</svg>"
    )
