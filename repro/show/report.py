"""The verb that writes one HTML file with every verdict and what it rests on; it computes nothing of its own.

What the page says is prepared here, as plain values; how it stands there is `report.html.j2`'s.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from repro.audit.claims import KINDS, WEIGHTS, Claim
from repro.audit.document import Audited
from repro.audit.kept import Kept
from repro.audit.verdicts import CONTRADICTED, ERROR, NOT_OURS, VERDICTS, Span
from repro.machine.terminal import numbers
from repro.show.about import About, Batch, short
from repro.show.figures import of_golden, pictures, summary
from repro.show.tabular import shown
from repro.show.telling import MEANINGS, by_gravity, gravity, in_order, restaters, tally
from repro.study import Figure, Study

if TYPE_CHECKING:
    from jinja2 import Environment

TITLE = "Verdicts on published results"
TEMPLATE = "report.html.j2"
PROFILE = "smoke"  # the golden that figures are made of, where there is one
MEASURED = re.compile(r"<!-- measured: ([a-z-]+) -->\n(.*?)<!-- /measured -->", re.S)
RATES = {
    "layers": "Planted mistakes found, by layer",
    "side-by-side": "The check beside other rules: false alarms, then detection",
}
FACTS = (
    "where", "elsewhere", "lines", "kind", "weight", "restates", "judge", "reason", "statistic", "n", "p", "power",
    "further_runs", "note",
)  # fmt: skip
AXIS = (110, 390)  # where the plot of intervals begins and ends, in units of its drawing
OPEN = 8  # findings of the first screen; the others of that weight stand behind a line that opens
BY_US, BY_IMPORTS = ANSWERED = ("by runs or computation of ours", "by imported runs")
DISTINCT, RESTATING, DEFINED = COUNTED = ("distinct", "restating another", "by definition")

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
    published: str
    evidence: str
    counted: str  # one of COUNTED
    imported: str  # what its runs were imported from in words, "" where its evidence is ours
    again: Sequence[tuple[str, str, str]]  # of the claims that restate it: place on the page, id, verdict
    facts: Sequence[tuple[str, str]]
    command: str
    plot: Plot | None

    @property
    def answered(self) -> str:
        """Return whose evidence it rests on, one of ANSWERED."""
        return BY_IMPORTS if self.imported else BY_US


@dataclass(frozen=True)
class Shown:
    """A figure's caption, picture, table and notes; one that was not made has no table, and `said` is why."""

    what: str
    said: str
    table: Table | None = None
    picture: str = ""


@dataclass(frozen=True)
class Count:
    """A number of claims, and the address of the page that shows just these."""

    number: int
    what: str
    address: str


@dataclass(frozen=True)
class Document:
    """A document's section: what it is, the claims that evidence speaks against, then its figures."""

    name: str
    title: str
    link: str
    claims: Count
    distinct: Count
    wrong: Sequence[Told]
    figures: Sequence[Shown]


def figures_of(study: Study, kept: Kept | None = None) -> Iterator[Made]:
    """Yield name, summary and figure of each of a study's figures, or why it cannot be made from blessed rows.

    Without a golden they are made from no rows, which is enough for some. Raise IntegrityError where the golden is not
    what was blessed.
    """
    with nullcontext() if kept is None else kept.shelf(f"figures.{study.name}", study.name) as shelf:
        for name, made in of_golden(study, PROFILE, shelf):
            yield name, summary(study, name), made


def page(found: Sequence[Audited], figures: Mapping[str, Sequence[Made]], about: About) -> str:
    """Return the whole file, a function of its arguments alone: nothing in it is fetched from elsewhere."""
    under = restaters(found)
    claims = {key: _told(one, under.get(key, ())) for one in found for key in [(one.claim.study, one.claim.id)]}
    studies = list(dict.fromkeys(one.claim.study for one in found))
    grave = by_gravity(found)
    first = [one for one in grave if gravity(one)[0] == 0 or one.judgement.verdict == CONTRADICTED[0]]
    first += [one for one in grave if one.claim.headline and one not in first]
    also = [one for one in found if one.claim.headline and one.claim.counts and one not in grave]

    def told(some: Iterable[Audited]) -> list[Told]:
        return [claims[one.claim.study, one.claim.id] for one in some]

    looks, script = (Path(__file__).with_name(f"report.{kind}").read_text("utf-8") for kind in ("css", "js"))
    values = {
        "title": TITLE,
        "policy": policy(looks, script),
        "looks": _as_written(looks),
        "script": _as_written(script),
        "words": _words(found),
        "counts": _counts(found, studies),
        "first": told(first[:OPEN]),
        "more": told(first[OPEN:]),
        "others": _others(grave, first),
        "also": told(also),
        "about": about,
        "commit": short(about.commit),
        "batches": _batches(about.batches),
        "rates": _error_rates(about.rates),
        "documents": [_document(name, found, told, figures.get(name, []), about) for name in studies],
        "choices": _choices(list(claims.values()), studies),
        "claims": told(in_order(found)),
    }
    return _environment().get_template(TEMPLATE).render(values)


def policy(looks: str, script: str) -> str:
    """Return the Content-Security-Policy of a page: these looks, this script, pictures within it, and nothing else."""

    def hashed(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {hashed(looks)}; script-src {hashed(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _as_written(text: str) -> Any:
    """Return our own looks or script as they are, since the page's policy names them by their hash."""
    from markupsafe import Markup

    return Markup(text)


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


def address(**fields: str) -> str:
    """Return the part of the page's address that shows the claims with these fields and no others."""
    return "#" + urlencode(fields, safe="", quote_via=quote)


def _words(found: Sequence[Audited]) -> list[tuple[str, str, Count]]:
    """Return each verdict that there is with its meaning and how many distinct claims have it, and `error`."""
    counts, ours = tally((one.claim, one.judgement.word) for one in found), _of_ours(found)
    asked = [(word, counts.by.get(word, 0)) for word in (*VERDICTS, ERROR)]
    return [
        (word, MEANINGS[word], Count(number, word, address(counted=DISTINCT, verdict=word, **ours)))
        for word, number in asked
        if number or word != ERROR
    ]


def _of_ours(found: Sequence[Audited]) -> dict[str, str]:
    """Return what narrows an address to claims that imported runs do not answer, nothing where they answer none."""
    return {"answered": BY_US} if any(one.judgement.imported for one in found) else {}


def _counts(found: Sequence[Audited], studies: Sequence[str]) -> list[tuple[str, list[Count]]]:
    """Return the lines of the table of counts: a word, and its number of claims in each document and, last, in all."""
    columns = [*studies, *([""] if len(studies) > 1 else [])]
    mine = {name: [one for one in found if name in ("", one.claim.study)] for name in columns}
    counts = {name: tally((one.claim, one.judgement.word) for one in some) for name, some in mine.items()}
    ours = _of_ours(found)

    def count(name: str, number: int, what: str, **fields: str) -> Count:
        place = {"study": name} if name else {}
        return Count(number, f"{what}, {name or 'all documents'}", address(**fields, **place))

    lines = []
    for word in (*VERDICTS, ERROR):
        if any(each.by.get(word) for each in counts.values()):
            fields = {"counted": DISTINCT, "verdict": word, **ours}
            lines.append((word, [count(n, counts[n].by.get(word, 0), word, **fields) for n in columns]))
    if ours:
        fields = {"counted": DISTINCT, "answered": BY_IMPORTS}
        lines.append((NOT_OURS, [count(n, counts[n].imported, NOT_OURS, **fields) for n in columns]))
    last = {
        "distinct claims": (DISTINCT, [each.distinct for each in counts.values()]),
        "restate another": (RESTATING, [each.restating for each in counts.values()]),
        "hold by definition": (DEFINED, [each.by_definition for each in counts.values()]),
    }
    for what, (counted, each) in last.items():
        lines.append((what, [count(n, number, what, counted=counted) for n, number in zip(columns, each, strict=True)]))
    return lines


def _others(grave: Sequence[Audited], first: Sequence[Audited]) -> list[Count]:
    """Return how many contradicted claims of each weight there are that are not told on the first screen."""
    left = [one for one in grave if one not in first]
    found = []
    for weight in WEIGHTS:
        for verdict in CONTRADICTED:
            number = sum(1 for one in left if (one.claim.weight, one.judgement.verdict) == (weight, verdict))
            asked = address(counted=DISTINCT, verdict=verdict, weight=weight)
            found += [Count(number, f"{verdict}, of weight {weight}", asked)] if number else []
    return found


def _choices(claims: Sequence[Told], studies: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return what the claims can be filtered by, of each what there is."""
    there = {
        "verdict": ((*VERDICTS, ERROR), {told.verdict for told in claims}),
        "kind": (KINDS, {told.claim.kind for told in claims}),
        "weight": (WEIGHTS, {told.claim.weight for told in claims}),
        "counted": (COUNTED, {told.counted for told in claims}),
    }
    if any(told.imported for told in claims):
        there["answered"] = (ANSWERED, {told.answered for told in claims})
    return [("study", list(studies)), *((key, [x for x in all_ if x in mine]) for key, (all_, mine) in there.items())]


def _table(caption: str, headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    return Table(caption, headers, [[shown(cell) for cell in row] for row in rows], numbers(headers, rows))


def _batches(some: Sequence[Batch]) -> Table | None:
    """Return the runs that verdicts and figures may rest on as a table, None without any."""
    rows = [
        [
            f"{one.study}, {one.profile}",
            NOT_OURS if one.imported else "golden" if one.golden else "results", one.fault or one.runs,
            one.first if one.first == one.last else f"{one.first} to {one.last}", ", ".join(one.commits),
            "; ".join(one.machines),
        ]
        for one in some
    ]  # fmt: skip
    headers = ("study, profile", "kept as", "runs", "made", "by commit", "on")
    return _table("Runs that verdicts and figures may rest on", headers, rows) if rows else None


def _error_rates(text: str) -> list[Table]:
    """Return how often the check is wrong, from the page that `nox -s error-rates` writes; nothing without it."""
    found = dict(MEASURED.findall(text))
    tables = []
    for name, caption in RATES.items():
        lines = [line for line in found.get(name, "").splitlines() if line.startswith("|")]
        cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
        tables += [_table(caption, cells[0], cells[2:])] if len(cells) > 2 else []
    return tables


def _document(name: str, found: Sequence[Audited], told: Any, figures: Sequence[Made], about: About) -> Document:
    mine = [one for one in found if one.claim.study == name]
    source, number = about.sources[name], sum(1 for one in mine if one.claim.counts)
    claims = Count(len(mine), f"all, {name}", address(study=name))
    distinct = Count(number, f"distinct, {name}", address(counted=DISTINCT, study=name))
    drawn = [_shown(*made) for made in figures]
    return Document(name, source.title, source.link, claims, distinct, told(by_gravity(mine)), drawn)


def _shown(name: str, what: str, made: Figure | str) -> Shown:
    if isinstance(made, str):
        return Shown(what, made)
    picture = _picture(name, made) if made.draw is not None else ""
    return Shown(what, made.notes, _table(name, made.headers, made.rows), picture)


def _picture(name: str, made: Figure) -> str:
    """Return a picture as the address that holds it: apart from the page, so with ids and styles of its own."""
    drawn = pictures(made, name, ["svg"])["svg"]
    return "data:image/svg+xml;base64," + base64.b64encode(drawn).decode("ascii")


def anchor(claim: Claim) -> str:
    """Return a claim's place on the page."""
    return f"{claim.study}-{claim.id}"


def _told(one: Audited, again: Iterable[Audited]) -> Told:
    claim, said, record = one.claim, one.judgement, one.record
    known = [(key, record[key]) for key in FACTS]
    brought = "; ".join(
        f"{each.runs} runs by {each.tool}, {each.file}, SHA-256 {each.digest}" for each in said.imported
    )
    return Told(
        claim,
        anchor=anchor(claim),
        verdict=said.verdict,
        published=claim.value_in_unit,
        evidence=said.evidence,
        imported=brought,
        counted=RESTATING if claim.restates else DISTINCT if claim.counts else DEFINED,
        again=[(anchor(each.claim), each.claim.id, each.judgement.verdict) for each in again],
        facts=[
            (key.replace("_", " "), shown(value))
            for key, value in [*known, (NOT_OURS, brought)]
            if value not in (None, "")
        ],
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
