"""The report in a real browser without a network: found, filtered, sent, opened, printed, and read by everybody."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from repro.audit.claims import Source
from repro.audit.document import Audited
from repro.errors import InfrastructureError
from repro.show import browser as camera
from repro.show import report
from repro.show.about import About
from repro.study import Figure
from tests.repro.show.test_report import ABOUT, FIGURES, FOUND, audited, picture

PAGES = re.compile(rb"/Type\s*/Page\b(?!s)")  # of a PDF by Chromium, which does not compress its objects
VERDICTS = ("reproduced", "erratum", "inconclusive", "not testable", "reproduced", "reproduced", "reproduced")


def many() -> list[Audited]:
    """Return as many claims as five documents have, and as much to say of each: of 847 every seventh is an erratum."""
    text = "What the document says of it in about as many words as a claim of these documents has, " * 2
    found = []
    for number in range(847):
        one = audited(f"study{number % 5}", f"claim-{number}", VERDICTS[number % 7], note=text)
        found.append(Audited(one.claim, one.judgement.__class__(one.judgement.verdict, text), 0.0))
    return found


def many_figures() -> dict[str, list[Any]]:
    """Return seven figures for each of five studies, with tables of sixty rows."""
    made = Figure(["a", "b", "c"], [[number, 1.5, "word"] for number in range(60)], notes="As is.", draw=picture)
    return {f"study{number}": [(f"f{n}", f"Figure {n}.", made) for n in range(7)] for number in range(5)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the small report, and one as large as that of five documents."""
    made: Path = tmp_path_factory.mktemp("report")
    (made / "report.html").write_text(report.page(FOUND, FIGURES, ABOUT), "utf-8")
    about = About("", {f"study{number}": Source("A document") for number in range(5)})
    (made / "large.html").write_text(report.page(many(), many_figures(), about), "utf-8")
    return made


@pytest.fixture(scope="module")
def opened(folder: Path) -> Iterator[Any]:
    """Start headless Chromium with the network off."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "no-first-run",
                 "disable-background-networking", "disable-component-update", "disable-sync", "disable-quic",
                 f"user-data-dir={folder / 'profile'}", "window-size=1200,900"):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    started.set_network_conditions(offline=True, latency=0, download_throughput=0, upload_throughput=0)
    yield started
    started.quit()


@pytest.fixture
def browser(opened: Any, folder: Path) -> Any:
    """The small report, freshly opened in a wide window."""
    opened.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    opened.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    at(opened, folder)
    opened.get_log("browser")
    return opened


def at(browser: Any, folder: Path, address: str = "", name: str = "report.html") -> None:
    """Open a page anew at an address, as somebody to whom it was sent."""
    browser.get("about:blank")
    browser.get((folder / name).as_uri() + address)


def severe(browser: Any) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def visible(browser: Any) -> list[str]:
    return [
        one.get_attribute("id") for one in browser.find_elements("css selector", "details.claim") if one.is_displayed()
    ]


def shows(browser: Any, wanted: list[str]) -> bool:
    """Wait until these claims are the visible ones, at most some seconds."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 10).until(lambda one: visible(one) == wanted, f"wanted {wanted}, got {visible(browser)}")
    return True


def choose(browser: Any, name: str, value: str) -> None:
    """Choose a value of a filter, opening the part of the bar that holds it."""
    from selenium.webdriver.support.ui import Select

    part = browser.find_element("css selector", "#filters details")
    if part.get_attribute("open") is None:
        part.find_element("css selector", "summary").click()
    Select(browser.find_element("name", name)).select_by_visible_text(value)


def in_view(browser: Any, element: Any) -> bool:
    """Say whether an element's top is on the screen."""
    script = "const top = arguments[0].getBoundingClientRect().top; return top >= 0 && top < innerHeight"
    return bool(browser.execute_script(script, element))


def pages_of(browser: Any) -> int:
    """Print the page that is open to PDF, and count the pages."""
    made = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    return len(PAGES.findall(made))


def emulate(browser: Any, *, scheme: str, width: int) -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


EVERY = ["toy-wrong", "toy-right", "toy-open", "other-right", "other-again"]


class TestFilter:
    def test_it_loads_without_a_network_and_without_an_error(self, browser: Any, folder: Path) -> None:
        at(browser, folder)
        assert browser.title == report.TITLE
        assert shows(browser, EVERY)
        assert severe(browser) == []
        widths = "return [...document.images].map((one) => one.complete ? one.naturalWidth : 0)"
        assert [width > 0 for width in browser.execute_script(widths)] == [True, True]

    @pytest.mark.parametrize(
        ("name", "value", "left"),
        [
            ("verdict", "erratum", ["toy-wrong"]),
            ("study", "other", ["other-right", "other-again"]),
            ("kind", "value", ["toy-open"]),
            ("weight", "conclusion", ["toy-wrong"]),
            ("counted", "restating another", ["other-again"]),
        ],
    )
    def test_a_choice_leaves_what_it_names_and_stands_in_the_address(
        self, browser: Any, folder: Path, name: str, value: str, left: list[str]
    ) -> None:
        choose(browser, name, value)
        assert shows(browser, left)
        assert browser.find_element("id", "count").text == f"{len(left)} of 5 claims shown: {value}"
        sent = browser.current_url
        assert sent.endswith(f"#{name}={value.replace(' ', '%20')}")
        browser.find_element("css selector", "#filters button[type=reset]").click()
        assert shows(browser, EVERY)
        assert browser.current_url.endswith("report.html")
        at(browser, folder, "#" + sent.partition("#")[2])
        assert shows(browser, left)
        assert in_view(browser, browser.find_element("id", "claims"))

    def test_words_filter_too_and_the_keyboard_alone_suffices(self, browser: Any, folder: Path) -> None:
        from selenium.webdriver.common.keys import Keys

        words = browser.find_element("name", "words")
        words.send_keys("a note")
        assert shows(browser, ["other-right"])
        assert browser.current_url.endswith("#words=a%20note")
        words.send_keys(Keys.ENTER)
        assert browser.switch_to.active_element.get_attribute("id") == "claims"
        words.send_keys(Keys.BACKSPACE * len("a note"))
        assert shows(browser, EVERY)
        summary = browser.find_element("css selector", "#toy-right summary")
        summary.send_keys(Keys.ENTER)
        assert browser.find_element("id", "toy-right").get_attribute("open") is not None

    def test_a_count_leads_to_its_claims(self, browser: Any) -> None:
        link = browser.find_element("css selector", "[aria-label='1 claims: reproduced, other']")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
        link.click()
        assert shows(browser, ["other-right"])
        assert in_view(browser, browser.find_element("id", "claims"))
        browser.back()
        assert not browser.current_url.count("counted")

    def test_the_filter_is_at_hand_everywhere(self, browser: Any) -> None:
        for place in ("made", "claims", "document-toy"):
            browser.execute_script("document.getElementById(arguments[0]).scrollIntoView()", place)
            assert in_view(browser, browser.find_element("name", "words"))

    def test_what_no_claim_has_is_said_and_hides_nothing(self, browser: Any, folder: Path) -> None:
        at(browser, folder, "#verdict=wrong&study=toy")
        assert shows(browser, EVERY[:3])
        assert browser.find_element("id", "count").text == "3 of 5 claims shown: toy; not known here: wrong"

    def test_a_deep_link_opens_its_claim_whatever_is_filtered(self, browser: Any) -> None:
        choose(browser, "verdict", "reproduced")
        assert shows(browser, ["toy-right", "other-right", "other-again"])
        browser.execute_script("location.hash = '#toy-wrong'")
        assert shows(browser, EVERY)
        assert browser.current_url.endswith("#toy-wrong")
        assert browser.find_element("id", "toy-wrong").get_attribute("open") is not None

    def test_evidence_opens_in_place(self, browser: Any) -> None:
        part = browser.find_element("css selector", "#findings ~ .findings details.evidence")
        facts = part.find_element("css selector", "dl")
        assert not facts.is_displayed()
        part.find_element("css selector", "summary").click()
        assert facts.is_displayed()
        assert "repro audit toy --claim wrong" in facts.text
        assert browser.current_url.endswith("report.html")


class TestPolicy:
    def test_a_script_and_a_style_that_were_not_written_by_us_do_not_run(self, browser: Any) -> None:
        browser.execute_script(
            "const one = document.createElement('script'); one.textContent = 'window.planted = 1';"
            "document.body.append(one); document.body.setAttribute('style', 'color: red')"
        )
        assert browser.execute_script("return window.planted") is None
        assert "Content Security Policy" in "".join(severe(browser))


class TestPrint:
    def test_the_short_form_of_five_documents_has_at_most_thirty_pages(self, browser: Any, folder: Path) -> None:
        at(browser, folder, name="large.html")
        assert 5 <= pages_of(browser) <= 30

    def test_all_that_is_shown_prints_with_its_evidence_where_that_is_asked_for(self, browser: Any) -> None:
        choose(browser, "verdict", "erratum")
        script = (
            "window.print = () => { window.printed = [document.documentElement.className,"
            " ...[...document.querySelectorAll('details.claim[open]:not([hidden])')].map((one) => one.id)] };"
            "document.querySelector('#long').click(); return window.printed"
        )
        assert browser.execute_script(script) == ["long", "toy-wrong"]
        assert browser.execute_script("return document.documentElement.className") == ""

    def test_the_short_form_has_the_findings_and_not_the_list(self, browser: Any) -> None:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        assert visible(browser) == []
        assert browser.find_element("css selector", ".findings .says").is_displayed()
        assert not browser.find_element("id", "filters").is_displayed()


class TestEverybody:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1200])
    def test_no_serious_accessibility_fault(self, browser: Any, scheme: str, width: int) -> None:
        from axe_selenium_python import Axe

        emulate(browser, scheme=scheme, width=width)
        browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        axe = Axe(browser)
        axe.inject()
        faults = axe.run()["violations"]
        assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []

    @pytest.mark.parametrize("width", [390, 1200])
    def test_nothing_is_wider_than_the_window(self, browser: Any, folder: Path, width: int) -> None:
        emulate(browser, scheme="light", width=width)
        for name in ("report.html", "large.html"):
            at(browser, folder, name=name)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= width
            table = browser.find_element("css selector", "table.counts")
            assert table.size["width"] <= width

    def test_a_planted_fault_is_seen(self, browser: Any) -> None:
        """An input without a label, and an error on the console."""
        from axe_selenium_python import Axe

        browser.execute_script("document.querySelector('main').insertAdjacentHTML('beforeend', '<input id=planted>')")
        axe = Axe(browser)
        axe.inject()
        assert "label" in [fault["id"] for fault in axe.run()["violations"]]
        browser.execute_script("document.querySelector('#planted').remove(); console.error('planted')")
        assert len(severe(browser)) == 1


class TestScreenshot:
    def test_the_first_screen_is_a_small_picture(self, folder: Path, tmp_path: Path) -> None:
        if not any(map(shutil.which, camera.PROGRAMS)):
            pytest.skip("no browser: apt-get install chromium")
        camera.screenshot(folder / "report.html", tmp_path / "there" / "shot.png")
        content = (tmp_path / "there" / "shot.png").read_bytes()
        size = tuple(int.from_bytes(content[place : place + 4], "big") for place in (16, 20))
        assert (content[:8], size) == (b"\x89PNG\r\n\x1a\n", camera.SIZE)
        assert len(content) < 200_000

    def test_without_a_browser_it_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda _: None)
        with pytest.raises(InfrastructureError, match=r"shot\.png: no browser takes the picture .*install Chromium"):
            camera.screenshot(tmp_path / "report.html", tmp_path / "shot.png")

    def test_a_browser_that_takes_none_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: "/bin/false" if name == camera.PROGRAMS[0] else None)
        with pytest.raises(InfrastructureError, match=r"took no picture \(it said nothing\)"):
            camera.screenshot(tmp_path / "report.html", tmp_path / "shot.png")
        assert not (tmp_path / "shot.png").exists()
