"""How `nox -s docs` makes a site of the pages; its source is the whole project, so links lead where they do on disk.

The pages stay plain Markdown. What the site's list of pages is made from are the tables of two of them, `LISTS`.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

project = "repro"
author = copyright = "The repro authors"
extensions = ["myst_parser"]
root_doc = "docs/README"
include_patterns = ["*.md", "docs/**.md", "containers/**.md"]
exclude_patterns = [".*", "bench", "findings", "golden", "repro", "results", "studies", "templates", "tests"]

nitpicky = True
show_warning_types = True
myst_heading_anchors = 4  # levels of headings that links may lead to, named as GitHub names them

html_theme = "furo"
html_title = "repro"
html_additional_pages = {"index": "index.html"}
templates_path = ["site"]
html_static_path = ["site/site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

LISTS = ("docs/README", "docs/decisions/README")
ROW = re.compile(r"^\| \[([^\]]*)\]\(([^)#]+)\.md\) \| ", re.MULTILINE)
# What a reader's browser fetches, and by which attribute.
LOADED = {"script": "src", "img": "src", "source": "src", "iframe": "src", "link": "href"}
POINTERS = ("canonical", "next", "prev", "search")  # links of a page's head that fetch nothing


def with_lists(text: str) -> str:
    """Return a page with a hidden list of the pages that its tables name, one for each section, under its heading."""
    parts = re.split(r"(?m)^(?=## )", text)
    return "".join(part + listed(part) for part in parts)


def listed(part: str) -> str:
    """Return the hidden list of the pages that a section's table names; nothing where it names none."""
    pages = [f"{title} <{name}>" for title, name in ROW.findall(part)]
    heading = re.match(r"## (.*)", part)
    caption = [f":caption: {heading[1]}"] if heading else []
    return "\n".join(["", "```{toctree}", ":hidden:", *caption, "", *pages, "```", "", ""]) if pages else ""


class Fetched(HTMLParser):
    """Collects what a page makes a browser fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an address outside of the site."""
        given = dict(attrs)
        address = given.get(LOADED.get(tag, "")) or ""
        if re.match(r"(https?:)?//", address) and given.get("rel") not in POINTERS:
            self.found.append(address)


def from_elsewhere(name: str, text: str) -> list[str]:
    """Return the addresses that a page or style sheet makes a browser fetch from the network."""
    if name.endswith(".css"):
        return re.findall(r"(?:url\(|@import)\s*[\"']?((?:https?:)?//[^\"')\s]+)", text)
    page = Fetched()
    page.feed(text)
    return page.found


def read(_: Any, name: str, content: list[str]) -> None:
    """Give the pages that list others what makes the site's own list of them."""
    if name in LISTS:
        content[0] = with_lists(content[0])


def finished(app: Any, error: Exception | None) -> None:
    """End the build where a page cannot be read without a network."""
    from sphinx.errors import ExtensionError

    if error is not None:
        return
    paths = [path for path in Path(app.outdir).rglob("*") if path.suffix in (".html", ".css")]
    found = {path.name: from_elsewhere(path.name, path.read_text("utf-8")) for path in sorted(paths)}
    lines = [f"{name} fetches {address}" for name, addresses in found.items() for address in addresses]
    if lines:
        raise ExtensionError("; ".join(lines))


def setup(app: Any) -> None:
    """Take part in the build."""
    app.connect("source-read", read)
    app.connect("build-finished", finished)
