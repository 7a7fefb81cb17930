"""The report: whole in one file, true to the verdicts, and usable in a real browser without a network."""

from __future__ import annotations

import re
import shutil
from argparse import Namespace
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from repro import registry
from repro.audit.claims import Claim
from repro.audit.document import Audited
from repro.audit.verdicts import Judgement
from repro.show import report
from repro.study import Figure

VOID = {"meta", "br", "input", "link"}


def audited(study: str, name: str, verdict: str, **changed: Any) -> Audited:
    claim = Claim(
        study, name, "section <1>", changed.pop("kind", "count"), "A & B.", ("3", "4"), 1, judge="count", **changed
    )
    spans = {"ours": (2.0, 1.0, 3.0), "theirs": (5.0, 4.0, 6.0)} if name == "open" else {}
    return Audited(claim, Judgement(verdict, "found <5>", p=0.25, power=0.5, **spans), 0.0)  # type: ignore[arg-type]


FOUND = [
    audited("toy", "right", "reproduced"),
    audited("toy", "wrong", "erratum", headline="Four is five."),
    audited("toy", "open", "inconclusive", kind="value", unit="%"),
    audited("other", "right", "reproduced", note="a note"),
]


def picture(canvas: Any) -> None:
    axes = canvas.subplots()
    axes.plot([1, 2], [3, 4], marker="o")
    axes.set_xlabel("x")


FIGURES = {"toy": [("one", "First picture.", Figure(["a", "b"], [[1, "x|y"], [2.5, None]], draw=picture)),
                   ("two", "Second picture.", Figure(["a"], [[1]], draw=picture)),
                   ("three", "Third.", "no rows")]}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "load", lambda name: Namespace(title=f"The study <{name}>"))
        yield report.page(FOUND, FIGURES)


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
        self.fetched += [str(found[key]) for key in ("src", "action", "data") if key in found]
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
    assert "<h3>1 errata and contradictions</h3>" in page
    assert "Not made: no rows" in page
    assert page.count('<details class="claim"') == 4
    assert "repro audit toy --claim wrong" in page


def test_intervals_are_drawn_where_they_were_compared(page: str) -> None:
    assert page.count('class="spans"') == 1
    assert 'aria-label="published 5, found 2, from 1 to 3"' in page
    assert '<line x1="110.0" x2="222.0" y1="32" y2="32"/>' in page  # ours, from 1 to 3 on an axis from 1 to 6
    assert "<dt>power</dt><dd>0.5</dd>" in page


def test_error_rates_are_those_of_their_page(tmp_path: Path) -> None:
    path = tmp_path / "error-rates.md"
    assert report._error_rates(path) == []
    path.write_text(
        "<!-- measured: layers -->\n\n| layer | found |\n| --- | --: |\n| <all> | 9 of 10 |\n\n<!-- /measured -->\n"
    )
    [made] = report._error_rates(path)
    assert (made.headers, made.rows) == (["layer", "found"], [["<all>", "9 of 10"]])
    path.write_text("<!-- measured: layers -->\n<!-- /measured -->\n")
    assert report._error_rates(path) == []


def test_looks_and_script_stand_in_it_as_they_are_written(page: str) -> None:
    """Both are read as templates, where a stray pair of braces would count."""
    for name in ("report.css", "report.js"):
        assert Path(report.__file__).with_name(name).read_text("utf-8") in page


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


def saying(word: str, root: Path, patch: pytest.MonkeyPatch) -> str:
    """Return a report where every text that a claim, a study, a figure or a file brings is this one."""
    (root / "docs").mkdir(exist_ok=True)
    (root / "docs" / "error-rates.md").write_text(
        f"<!-- measured: layers -->\n| {word} | found |\n| --- | --: |\n| {word} | {word} |\n<!-- /measured -->\n"
    )
    patch.setattr(registry, "root", lambda: root)
    patch.setattr(registry, "load", lambda name: Namespace(title=word))
    # a picture's bytes hang on its figure's name, which is another word here; a real one stands in the other tests
    patch.setattr(report, "pictures", lambda *_: {"svg": b'<svg><g id="a"><path fill="url(#b)"/></g></svg>'})
    claim = Claim(
        word, word, word, word, word, (word,), 1, unit=word, judge=word, note=word, headline=word, reason=word
    )
    finding = Judgement("erratum", word, statistic=word, ours=(2.0, 1.0, 3.0), theirs=(5.0, 4.0, 6.0))
    drawn = Figure([word, "b"], [[word, 1]], notes=word, draw=picture)
    return report.page([Audited(claim, finding, 0.0)], {word: [(word, word, drawn), ("two", word, word)]})


def test_whatever_is_told_stays_text_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of hostile texts has the elements and attributes of one of harmless texts, and says the hostile ones."""
    harmless = saying("harmless", tmp_path, monkeypatch)
    hostile = saying(HOSTILE, tmp_path, monkeypatch)
    assert harmless.count("harmless") == hostile.count("&lt;script&gt;") > 40
    wanted = [tuple(part.replace("harmless", HOSTILE) for part in one) for one in Content(harmless).found]
    assert Content(hostile).found == wanted


def test_without_escaping_a_text_becomes_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test before holds is the environment's doing, and its comparison sees where it is not done."""
    careless = report._environment()
    careless.autoescape = False
    monkeypatch.setattr(report, "_environment", lambda: careless)
    scripts = [one for one in Content(saying(HOSTILE, tmp_path, monkeypatch)).found if one[0] == "script"]
    assert len(scripts) > 1


def test_a_value_that_the_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="'summary' is undefined"):
        report._environment().get_template(report.TEMPLATE).render(title="", documents=[])


def test_the_same_verdicts_give_the_same_file(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load", lambda name: Namespace(title=f"The study <{name}>"))
    assert report.page(FOUND, FIGURES) == page


@pytest.fixture(scope="module")
def browser(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Open the report in headless Chromium with the network off."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    folder: Path = tmp_path_factory.mktemp("report")
    (folder / "report.html").write_text(page, "utf-8")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
                 "disable-background-networking", "disable-component-update", "disable-sync", "disable-quic",
                 f"user-data-dir={folder / 'profile'}", "window-size=1200,900"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    opened.set_network_conditions(offline=True, latency=0, download_throughput=0, upload_throughput=0)
    opened.get((folder / "report.html").as_uri())
    yield opened
    opened.quit()


def visible(browser: Any) -> list[str]:
    return [
        one.get_attribute("id") for one in browser.find_elements("css selector", "details.claim") if one.is_displayed()
    ]


def shows(browser: Any, wanted: list[str]) -> bool:
    """Wait until these claims are the visible ones, at most some seconds."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda one: visible(one) == wanted, f"wanted {wanted}, got {visible(browser)}")
    return True


EVERY = ["toy-right", "toy-wrong", "toy-open", "other-right"]


class TestBrowser:
    def test_it_loads_without_a_network_and_without_an_error(self, browser: Any) -> None:
        assert browser.title == report.TITLE
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
        assert shows(browser, EVERY)

    @pytest.mark.parametrize(
        ("name", "value", "left"),
        [
            ("verdict", "erratum", ["toy-wrong"]),
            ("study", "other", ["other-right"]),
            ("kind", "value", ["toy-open"]),
        ],
    )
    def test_filters_leave_what_they_name(self, browser: Any, name: str, value: str, left: list[str]) -> None:
        from selenium.webdriver.support.ui import Select

        choice = Select(browser.find_element("name", name))
        choice.select_by_visible_text(value)
        assert shows(browser, left)
        assert browser.find_element("id", "count").text == "1 of 4 claims shown"
        choice.select_by_index(0)
        assert shows(browser, EVERY)

    def test_words_filter_too_and_the_keyboard_alone_suffices(self, browser: Any) -> None:
        from selenium.webdriver.common.keys import Keys

        words = browser.find_element("name", "words")
        words.send_keys("a note")
        assert shows(browser, ["other-right"])
        words.send_keys(Keys.BACKSPACE * len("a note"))
        assert shows(browser, EVERY)
        summary = browser.find_element("css selector", "#toy-right summary")
        summary.send_keys(Keys.ENTER)
        assert browser.find_element("id", "toy-right").get_attribute("open") is not None

    def test_a_deep_link_opens_its_claim_whatever_is_filtered(self, browser: Any) -> None:
        from selenium.webdriver.support.ui import Select

        Select(browser.find_element("name", "verdict")).select_by_visible_text("reproduced")
        assert shows(browser, ["toy-right", "other-right"])
        browser.execute_script("location.hash = '#toy-wrong'")
        assert shows(browser, EVERY)
        assert browser.find_element("id", "toy-wrong").get_attribute("open") is not None

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_no_serious_accessibility_fault(self, browser: Any, scheme: str) -> None:
        from axe_selenium_python import Axe

        features = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", features)
        axe = Axe(browser)
        axe.inject()
        faults = axe.run()["violations"]
        assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []

    def test_a_planted_fault_is_seen(self, browser: Any) -> None:
        """An input without a label, and an error on the console."""
        from axe_selenium_python import Axe

        browser.execute_script("document.querySelector('main').insertAdjacentHTML('beforeend', '<input id=planted>')")
        axe = Axe(browser)
        axe.inject()
        assert "label" in [fault["id"] for fault in axe.run()["violations"]]
        browser.execute_script("document.querySelector('#planted').remove(); console.error('planted')")
        assert [entry["level"] for entry in browser.get_log("browser")].count("SEVERE") == 1
