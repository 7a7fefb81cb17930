"""The cells of a table by row and column: what labels are, and which cells hold the spread of which mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from repro.errors import UsageError
from repro.outside import published
from repro.outside.grids import Grid
from repro.outside.markup import plain, words
from repro.outside.published import NoNumber, Published, Writing

MEANS = {"mean", "avg", "average"}
SPREADS = {
    "sd": "sd", "std": "sd", "stdev": "sd", "std dev": "sd", "std. dev.": "sd", "standard deviation": "sd", "σ": "sd",
    "se": "se", "sem": "se", "stderr": "se", "std err": "se", "standard error": "se", "ci95": "ci95", "95% ci": "ci95",
    "95 % ci": "ci95", "2sd": "2sd", "2 sd": "2sd", "±": "unknown", "spread": "unknown", "deviation": "unknown",
    "uncertainty": "unknown", "unknown": "unknown",
}  # what a name of a column, or a word in it, says of a spread, as claims have it  # fmt: skip
STATISTIC = "|".join(sorted(map(re.escape, (*MEANS, *SPREADS)), key=len, reverse=True))
LAST = re.compile(rf"(?P<stem>.*?)(?:(?<![a-z])[\s_/,:-]*|\s*[(\[])(?P<word>{STATISTIC})[)\]]?", re.IGNORECASE)
FIRST = re.compile(rf"(?P<word>{STATISTIC})(?:[\s_/:-]+)(?P<stem>.+)", re.IGNORECASE)
MODELS = ("se", "sd", "sem")  # which are also what networks are called, as one with squeeze and excitation is
NUMERIC = re.compile(r"[^\w(]*\(?\W*\d")


@dataclass(frozen=True)
class Placed:
    """A cell of a table: where it stands, its text, and the text of its spread where another cell holds that.

    `labels` are those of its row, `section` the line above it that spans the table; `spread_is` is what the name of the
    spread's column or row says it is.
    """

    labels: tuple[str, ...]
    column: str
    text: str
    line: int
    section: str = ""
    own: str | None = None
    spread_is: str = ""

    @property
    def row(self) -> str:
        """Return the labels of its row as one."""
        return " ".join(filter(None, self.labels)) or f"line {self.line}"

    @property
    def name(self) -> str:
        """Return row and column as one."""
        return f"{self.row} / {self.column}" if self.column else self.row

    def read(self, writing: Writing) -> Published | NoNumber:
        """Read the cell, with its spread. Raise UsageError where it cannot be read."""
        found = published.read(self.text, writing)
        if self.own is None or isinstance(found, NoNumber):
            return found
        beside = published.spread(self.own, writing)
        if isinstance(beside, NoNumber):
            return replace(found, besides=(*found.besides, beside.text))
        if found.spread is not None or found.interval is not None:
            raise UsageError(f"has a spread of its own in {self.text.strip()!r}, and {self.own.strip()!r} beside it")
        return replace(found, text=f"{self.text.strip()} {self.own.strip()}", spread=beside, form="pair")


@lru_cache(maxsize=1024)
def statistic(name: str) -> tuple[str, str]:
    """Return the rest of a name and which statistic it says, as "acc (std)" says ("acc", "sd"): "" where none."""
    for pattern in (LAST, FIRST):
        found = pattern.fullmatch(name.strip().rstrip("."))
        if found:
            word = found["word"].casefold()
            return found["stem"].strip(" _/,:-±"), "mean" if word in MEANS else SPREADS[word]
    return name.strip(), ""


def _may_name(text: str) -> bool:
    """Say whether what says a statistic may be the name of a method as well: it has a stem, and a word of MODELS."""
    found = LAST.fullmatch(label(text).rstrip("."))
    return bool(found and found["stem"].strip() and found["word"].casefold() in MODELS)


def placed(grid: Grid, labels: int | None = None) -> list[Placed]:
    """Return the cells of a table row by row. The first `labels` columns are labels; without it those without numbers.

    A column "acc std" holds the spreads of "acc" or "acc mean"; so do a row called so, a row in brackets or with ±
    below the one that it belongs to, and rows told apart by a column "statistic".
    """
    count = labels_of(grid) if labels is None else labels
    if not 0 < count < len(grid.headers):
        raise UsageError(f"a table of {len(grid.headers)} columns has 1 to {len(grid.headers) - 1} of labels")
    unnamed = [place for place, name in enumerate(grid.headers) if place >= count and not name]
    if len(unnamed) > 1 and any(row[place].strip() for row in grid.rows for place in unnamed):
        raise UsageError(
            f"columns {' and '.join(str(place + 1) for place in unnamed[:2])} have no name; write a header of one line "
            "that names each"
        )
    partner = _partners(grid, count)
    found: list[Placed] = []
    section = ""
    means: dict[tuple[str, ...], dict[str, int]] = {}
    before: dict[str, int] = {}
    spread_rows = _stems_of_spreads(grid, count)
    for row, line in zip(grid.rows, grid.lines, strict=True):
        if _is_section(row):
            section = words(row[0])
            continue
        own, said = _row_labels(grid.headers, row, count)
        if said == "mean" and own not in spread_rows:  # a row that is called so, as an average over data sets is
            own, said = tuple(label(text) for text in row[:count]), ""
        body = {
            name: cell for name, cell in zip(grid.headers[count:], row[count:], strict=True) if name or cell.strip()
        }
        under = (said != "mean" and not any(own)) if said else _is_spreads(own, row[count:], found, before)
        above = before if under else means.get((section, *own), {}) if said not in ("", "mean") else {}
        if any(map(_may_name, row[:count])) and _as_large([(found[at].text, body[name]) for name, at in above.items()]):
            above = {}
        if above:
            _give(found, above, body, said)
            continue
        if said not in ("", "mean"):
            own = tuple(label(text) for text in row[:count])
        before = {}
        for name, cell in body.items():
            if name in partner.values():
                continue
            beside = partner.get(name, "")
            kind = statistic(beside)[1] if beside else ""
            stem = (statistic(name)[0] if beside else "") or name
            before[name] = len(found)
            found.append(Placed(own, stem, cell, line, section, body[beside] if beside else None, kind))
        means[(section, *own)] = before
    return found


def labels_of(grid: Grid) -> int:
    """Return how many columns at the left hold no numbers, at least one."""
    count = 1
    for column in [*zip(*grid.rows, strict=True)][1:-1]:
        texts = [_undressed(cell) for cell in column if cell.strip()]
        if any(NUMERIC.match(text) for text in texts) or not texts:
            break
        if all(text.casefold() in published.NOTHING or not re.search("[A-Za-z]", text) for text in texts):
            break
        count += 1
    return min(count, len(grid.headers) - 1)


def _undressed(text: str) -> str:
    """Return a cell without its dress, or as it is where that cannot be taken off."""
    try:
        return plain(text)
    except UsageError:
        return text


def label(text: str) -> str:
    """Return a label in words, or as it is where its dress cannot be taken off."""
    try:
        return words(text)
    except UsageError:
        return " ".join(text.split())


def _partners(grid: Grid, count: int) -> dict[str, str]:
    """Return by name of a column the one that holds its spreads."""
    found: dict[str, str] = {}
    body = list(grid.headers[count:])
    columns = {name: [row[count + place] for row in grid.rows] for place, name in enumerate(body)}
    for place, name in enumerate(body):
        stem, said = statistic(name)
        if said in ("", "mean"):
            continue
        means = [other for other in body if statistic(other) == (stem, "mean") or (other == stem and stem)]
        if not means and not stem and place and not statistic(body[place - 1])[1]:
            means = [body[place - 1]]
        if len(means) != 1 or means[0] in found:
            continue
        if not (_may_name(name) and _as_large([*zip(columns[means[0]], columns[name], strict=True)])):
            found[means[0]] = name
    return found


def _as_large(pairs: Sequence[tuple[str, str]]) -> bool:
    """Say whether what may be the spreads of means are as large as these, or have spreads of their own.

    They are means then, of something that is called so.
    """
    large = []
    for texts in pairs:
        try:
            mean, own = map(published.read, texts)
        except UsageError:
            continue
        if isinstance(mean, NoNumber) or isinstance(own, NoNumber):
            continue
        alone = own.spread is None and own.interval is None
        large.append(not alone or 2 * abs(own.mean.value) >= abs(mean.mean.value) > 0)
    return bool(large) and all(large)


def _is_section(row: Sequence[str]) -> bool:
    """Say whether a row is one text over the whole width of a table."""
    return len(row) > 2 and bool(row[0].strip()) and (not any(row[1:]) or len({*row}) == 1)


def _row_labels(headers: Sequence[str], row: Sequence[str], count: int) -> tuple[tuple[str, ...], str]:
    """Return a row's labels, and which statistic these say that it holds."""
    found, said = [], ""
    for header, text in zip(headers[:count], row[:count], strict=True):
        stem, kind = statistic(label(text)) if text.strip() else ("", "")
        telling = kind and (not stem or header.casefold() not in ("statistic", "stat"))
        said = kind if telling else said
        found.append(stem if telling else label(text))
    return tuple(found), said


def _stems_of_spreads(grid: Grid, count: int) -> set[tuple[str, ...]]:
    """Return the labels, without the word for it, of the rows that are said to hold spreads."""
    read = (_row_labels(grid.headers, row, count) for row in grid.rows)
    return {own for own, said in read if said not in ("", "mean")}


def _is_spreads(own: tuple[str, ...], body: Sequence[str], found: Sequence[Placed], before: dict[str, int]) -> bool:
    """Say whether a row holds the spreads of the one above: without a label of its own, all in brackets or with ±."""
    same = not any(own) or (bool(before) and found[next(iter(before.values()))].labels == own)
    texts = [cell for cell in body if any(sign.isdigit() for sign in cell)]
    return bool(before) and same and bool(texts) and all(published.is_spread(cell) for cell in texts)


def _give(found: list[Placed], above: dict[str, int], body: dict[str, str], said: str) -> None:
    """Give the spreads of a row to the means above it."""
    for name, cell in body.items():
        place = above.get(name)
        if place is None or not cell.strip():
            continue
        before = found[place].own  # two are one too many, which is that cell's fault
        own = cell if before is None else f"{before} and {cell}"
        found[place] = replace(found[place], own=own, spread_is=said)


def sections(found: Sequence[Placed]) -> Iterator[Placed]:
    """Yield cells whose row stands under two headings of a table with the heading as a label, so that names differ."""
    names = [one.name for one in found]
    for one in found:
        yield replace(one, labels=(one.section, *one.labels)) if one.section and names.count(one.name) > 1 else one
