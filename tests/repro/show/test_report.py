"""The report: whole in one file, true to the verdicts, and usable in a real browser without a network."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from jinja2 import UndefinedError

from repro.audit.claims import Claim, Source
from repro.audit.document import Audited
from repro.audit.verdicts import Judgement
from repro.show import report
from repro.show.about import About, Batch
from repro.study import Figure

VOID = {"meta", "br", "img", "input", "link"}


def audited(study: str, name: str, verdict: str, **changed: Any) -> Audited:
    claim = Claim(
        study, name, "section <1>", changed.pop("kind", "count"), "A & B.", ("3", "4"), 1, judge="count", **changed
    )
    spans = {"ours": (2.0, 1.0, 3.0), "theirs": (5.0, 4.0, 6.0)} if name == "open" else {}
    return Audited(claim, Judgement(verdict, "found <5>", p=0.25, power=0.5, **spans), 0.0)  # type: ignore[arg-type]


FOUND = [
    audited("toy", "right", "reproduced", headline="Five is five."),
    audited("toy", "wrong", "erratum", headline="Four is five.", weight="conclusion"),
    audited("toy", "open", "inconclusive", kind="value", unit="%"),
    audited("other", "right", "reproduced", note="a note"),
    audited("other", "again", "reproduced", restates="right"),
]
ABOUT = About(
    "0123456789abcdef0123456789abcdef01234567+dirty",
    {
        "toy": Source("The study <toy>", "https://example.invalid/toy"),
        "other": Source("The other", "javascript:alert(1)"),
    },
    [Batch("toy", "smoke", True, 12, ("fedcba987654",), "2026-01-02", "2026-01-03", ("a <machine>",))],
)


def picture(canvas: Any) -> None:
    axes = canvas.subplots()
    axes.plot([1, 2], [3, 4], marker="o")
    axes.set_xlabel("x")


FIGURES = {"toy": [("one", "First picture.", Figure(["a", "b"], [[1, "x|y"], [2.5, None]], draw=picture)),
                   ("two", "Second picture.", Figure(["a"], [[1]], draw=picture)),
                   ("three", "Third.", "no rows")]}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> str:
    return report.page(FOUND, FIGURES, ABOUT)


class Reader(HTMLParser):
    """Notes elements that are not closed, ids, and what is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        self.ids += [str(found["id"])] if "id" in found else []
        asked = [str(found[key]) for key in ("src", "action", "data") if key in found]
        self.fetched += [address for address in asked if not address.startswith("data:image/svg+xml;base64,")]
        if tag == "link":
            self.fetched.append(str(found.get("href")))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def test_it_is_well_formed_with_unique_ids_and_fetches_nothing(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert (reader.faults, reader.open, reader.fetched) == ([], [], [])
    assert len(reader.ids) == len(set(reader.ids))
    assert not re.search(r"url\((?!#)", page)


def test_what_a_document_says_is_text_and_not_markup(page: str) -> None:
    assert "section &lt;1&gt;" in page
    assert "<1>" not in page
    assert "The study &lt;toy&gt;" in page


def test_findings_errata_and_reasons_are_there(page: str) -> None:
    assert "Four is five." in page
    assert "<h3>1 claims that evidence speaks against, those first that matter most</h3>" in page
    assert "Not made: no rows" in page
    assert page.count('<details class="claim') == 5
    assert "repro audit toy --claim wrong" in page


def test_the_first_screen_says_what_was_audited_what_words_mean_and_what_matters(page: str) -> None:
    """Titles with a link where it is one of the web, the words, then the finding with what is said and what is so."""
    first = page[: page.index('id="counted"')]
    assert '<a href="https://example.invalid/toy" rel="noreferrer">The study &lt;toy&gt;</a>' in first
    assert "<li>The other: " in first
    assert "javascript:" not in page
    assert all(word in first for word in ("Wrong by arithmetic, whatever is run.", "not held against the author"))
    places = [first.index(text) for text in ("The document says</dt><dd>A &amp; B.", "Found</dt><dd>found &lt;5&gt;")]
    assert first.index("Four is five.") < places[0] < places[1] < first.index("Five is five.")


def test_counts_are_of_distinct_claims_and_lead_to_them(page: str) -> None:
    line = page[page.index('<th scope="row">reproduced</th>') :].partition("</tr>")[0]
    assert re.findall(r">(\d)</a>", line) == ["1", "1", "2"]
    assert 'href="#counted=distinct&amp;verdict=reproduced&amp;study=other"' in line
    line = page[page.index('<th scope="row">restate another</th>') :].partition("</tr>")[0]
    assert re.findall(r">(\d)</", line) == ["0", "1", "1"]
    assert 'href="#counted=restating%20another"' in line


def test_a_restating_claim_stands_under_the_one_it_restates_and_is_named_there(page: str) -> None:
    anchors = re.findall(r'<details class="(claim[ a-z]*)" id="([a-z-]+)"', page)
    assert anchors[-2:] == [("claim", "other-right"), ("claim under", "other-again")]
    assert 'data-counted="restating another"' in page


def test_it_says_by_which_code_from_which_runs_and_how_to_check_it(page: str) -> None:
    assert "<code>0123456789ab+dirty</code>, with changes that are not in it" in page
    for text in ("toy, smoke", "2026-01-02 to 2026-01-03", "fedcba987654", "a &lt;machine&gt;", "<code>nox -s audit"):
        assert text in page
    other = About("", {"toy": Source("t"), "other": Source("o")}, [Batch("toy", "smoke", False, fault="unreadable")])
    made = report.page(FOUND, {}, other)
    assert "unknown: there is no git here" in made
    assert "<td>unreadable</td>" in made


def test_what_matters_is_what_weighs_most_and_every_difference() -> None:
    found = [
        audited("toy", "slip", "erratum", weight="slip"),
        audited("toy", "number", "erratum"),
        audited("toy", "differs", "not reproduced", weight="slip"),
        audited("toy", "grave", "erratum", weight="conclusion"),
    ]
    page = report.page(found, {}, About("", {"toy": Source("t")}))
    matters = page[page.index('id="findings"') : page.index('id="counted"')]
    assert re.findall(r"Evidence of <code>toy ([a-z]+)</code>", matters) == ["grave", "differs"]
    assert 'href="#counted=distinct&amp;verdict=erratum&amp;weight=slip"' in matters
    everything = page[page.index('id="document-toy"') :].partition("</section>")[0]
    assert re.findall(r"Evidence of <code>toy ([a-z]+)</code>", everything) == ["grave", "number", "differs", "slip"]


def test_intervals_are_drawn_where_they_were_compared(page: str) -> None:
    assert page.count('class="spans"') == 1
    assert 'aria-label="published 5, found 2, from 1 to 3"' in page
    assert '<line x1="110.0" x2="222.0" y1="32" y2="32"/>' in page  # ours, from 1 to 3 on an axis from 1 to 6
    assert "<dt>power</dt><dd>0.5</dd>" in page


def test_error_rates_are_those_of_their_page() -> None:
    assert report._error_rates("") == []
    text = "<!-- measured: layers -->\n\n| layer | found |\n| --- | --: |\n| <all> | 9 of 10 |\n\n<!-- /measured -->\n"
    [made] = report._error_rates(text)
    assert (made.headers, made.rows) == (["layer", "found"], [["<all>", "9 of 10"]])
    assert report._error_rates("<!-- measured: layers -->\n<!-- /measured -->\n") == []


def test_the_policy_names_the_looks_and_the_script_that_are_there_and_nothing_else(page: str) -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    said = found[1].replace("&#39;", "'")
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (inside,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}';" in said
    assert said.startswith("default-src 'none'; ")
    assert "unsafe" not in said
    assert not re.search(r"\sstyle=|\son[a-z]+=", page)


HOSTILE = """"><script>alert('1')</script>&amp;{{ 7 * 7 }}<p title=\""""


class Content(HTMLParser):
    """What a browser takes a page to be: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *(f"{name}={value}" for name, value in attributes)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_data(self, data: str) -> None:
        self.found.append(("text", data))


def saying(word: str, patch: pytest.MonkeyPatch) -> str:
    """Return a report where every text that a claim, a study, a figure or a file brings is this one."""
    rates = f"<!-- measured: layers -->\n| {word} | found |\n| --- | --: |\n| {word} | {word} |\n<!-- /measured -->\n"
    batches = [Batch(word, word, True, 1, (word,), word, word, (word,)), Batch(word, word, False, fault=word)]
    about = About(word, {word: Source(word, word)}, batches, rates)
    # a picture's bytes hang on its figure's name, which is another word here; a real one stands in the other tests
    patch.setattr(report, "pictures", lambda *_: {"svg": b'<svg><g id="a"><path fill="url(#b)"/></g></svg>'})
    claim = Claim(
        word, word, word, word, word, (word,), 1, unit=word, judge=word, note=word, headline=word, reason=word
    )
    finding = Judgement("erratum", word, statistic=word, ours=(2.0, 1.0, 3.0), theirs=(5.0, 4.0, 6.0))
    drawn = Figure([word, "b"], [[word, 1]], notes=word, draw=picture)
    found = [Audited(claim, finding, 0.0), Audited(replace(claim, id="again", restates=word), finding, 0.0)]
    return report.page(found, {word: [(word, word, drawn), ("two", word, word)]}, about)


def in_place(part: str) -> str:
    """Return the hostile text as it stands in an element, an attribute, or the address of a filter."""
    return quote(HOSTILE, safe="") if part.startswith("href=#") and part.count("=") > 1 else HOSTILE


def test_whatever_is_told_stays_text_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of hostile texts has the elements and attributes of one of harmless texts, and says the hostile ones."""
    harmless = saying("harmless", monkeypatch)
    hostile = saying(HOSTILE, monkeypatch)
    assert harmless.count("harmless") == hostile.count("&lt;script&gt;") + hostile.count("%3Cscript%3E") > 40
    wanted = [tuple(part.replace("harmless", in_place(part)) for part in one) for one in Content(harmless).found]
    assert Content(hostile).found == wanted


def test_without_escaping_a_text_becomes_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before holds is the environment's doing, and its comparison sees where it is not done."""
    careless = report._environment()
    careless.autoescape = False
    monkeypatch.setattr(report, "_environment", lambda: careless)
    scripts = [one for one in Content(saying(HOSTILE, monkeypatch)).found if one[0] == "script"]
    assert len(scripts) > 1


def test_a_value_that_the_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'policy' is undefined"):
        report._environment().get_template(report.TEMPLATE).render(title="", documents=[])


def test_the_same_verdicts_give_the_same_file(page: str) -> None:
    assert report.page(FOUND, FIGURES, ABOUT) == page
