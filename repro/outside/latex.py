"""The tables of a LaTeX file as rows of cells: rules, spans and comments are taken out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repro.errors import UsageError

NAMES = r"tabular\*|tabularx|tabulary|tabular|longtable|tblr|array"
BEGIN = re.compile(rf"\\begin\{{({NAMES})\}}")
COMMENT = re.compile(r"(?<!\\)((?:\\\\)*)%[^\n]*")  # two backslashes before it end a row, and mask nothing
RULE = re.compile(
    r"\s*\\(?:(?:hline|toprule|midrule|bottomrule|addlinespace|endhead|endfirsthead|endfoot|endlastfoot|noalign)"
    r"(?![a-zA-Z])(?:\s*\[[^\]]*\])?(?:\{[^{}]*\})?|(?:cmidrule|cline|specialrule|cdashline|rowcolor|arrayrulecolor|"
    r"hhline)(?![a-zA-Z])(?:\([^)]*\)|\[[^\]]*\]|\{[^{}]*\})*)"
)
PARTS = re.compile(r"\\(?:hline|midrule)(?![a-zA-Z])")
SPAN = re.compile(r"\s*\\multi(?P<kind>column|row)\s*(?:\[[^\]]*\])?\s*\{(?P<count>-?\d+|\*)\}\s*")
END_OF_ROW = re.compile(r"\\\\\*?(?:\s*\[[^\]]*\])?|\\tabularnewline(?![a-zA-Z])")
CAPTION = re.compile(r"\\caption\s*(?:\[[^\]]*\])?\s*\{")
INPUT = re.compile(r"\\(input|include)(?![a-zA-Z])")


@dataclass(frozen=True)
class Tabular:
    """A table as LaTeX has it: its header in one line, its rows, the line at which each begins, and its caption."""

    headers: list[str]
    rows: list[list[str]]
    lines: list[int]
    title: str


@dataclass(frozen=True)
class Line:
    """A row of a table: its cells, its line in the file, and whether a rule stands above it.

    `shared` are the places of those that one cell spans, beyond the first column, by how many it spans.
    """

    cells: list[str]
    number: int
    ruled: bool
    shared: dict[int, int]


def tabulars(path: Path, text: str) -> Iterator[Tabular]:
    """Yield the tables of a LaTeX file. Raise UsageError, with the line, for what cannot be read."""
    bare = COMMENT.sub(r"\1", text)
    place = 0
    while begin := BEGIN.search(bare, place):
        number = bare.count("\n", 0, begin.start()) + 1
        end = re.compile(rf"\\end\{{{re.escape(begin[1])}\}}").search(bare, begin.end())
        if end is None:
            raise UsageError(f"{path}:{number}: this {begin[1]} has no end; mend it there")
        place = end.end()
        start = _after_columns(bare, begin.end(), begin[1])
        body = bare[start : end.start()]
        inner = BEGIN.search(body) or INPUT.search(body)
        if inner:
            what = f"another {inner[1]} inside" if inner.re is BEGIN else f"an \\{inner[1]}"
            raise UsageError(f"{path}:{number}: the table holds {what}; write out its rows")
        yield _tabular(path, body, bare.count("\n", 0, start) + 1, _caption(bare, begin.start(), end.end()))


def _after_columns(text: str, place: int, name: str) -> int:
    """Return where the arguments of a table's beginning end: width, position, columns."""
    for _ in range(2 if name in ("tabular*", "tabularx", "tabulary") else 1):
        while found := re.compile(r"\s*\[[^\]]*\]").match(text, place):
            place = found.end()
        place = _closed(text, place + len(text[place:]) - len(text[place:].lstrip()))
    return place


def _closed(text: str, place: int) -> int:
    """Return where the brace that opens at a place has closed."""
    depth = 0
    for end in range(place, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0) if text[end - 1 : end] != "\\" else 0
        if depth <= 0:
            return end + 1
    return len(text)


def _caption(text: str, begins: int, ends: int) -> str:
    """Return the caption of the float that a table stands in."""
    opened = text.rfind("\\begin{table", 0, begins)
    closed = text.find("\\end{table", ends)
    found = CAPTION.search(text, opened, closed) if opened >= 0 and closed >= 0 else None
    if found is None:
        return ""
    return " ".join(text[found.end() : _closed(text, found.end() - 1) - 1].split())


def _tabular(path: Path, body: str, number: int, title: str) -> Tabular:
    """Return a table from what stands between its beginning and its end."""
    rows = [*_rows(path, body, number)]
    width = max((len(row.cells) for row in rows), default=0)
    if width < 2 or len(rows) < 2:
        raise UsageError(f"{path}:{number}: a table of {len(rows)} rows and {width} columns holds no cells to be read")
    ruled = next((place for place, row in enumerate(rows) if place and row.ruled), 1)
    _spread_down(rows)
    cells = [[*row.cells, *[""] * (width - len(row.cells))] for row in rows]
    for row, own in zip(rows[ruled:], cells[ruled:], strict=True):
        for column, count in row.shared.items():
            if any(sign.isdigit() for sign in own[column]):  # a number of several columns is of none of them
                own[column] = rf"\multicolumn{{{count}}}{{c}}{{{own[column]}}}"
    headers = [" / ".join(dict.fromkeys(filter(None, column))) for column in zip(*cells[:ruled], strict=True)]
    return Tabular(headers, cells[ruled:], [row.number for row in rows[ruled:]], title)


def _rows(path: Path, body: str, number: int) -> Iterator[Line]:
    """Yield the rows that hold something; the ends of rows and cells inside braces are no ends."""
    for text, at in _split_rows(body):
        ruled, rest = False, text
        while rule := RULE.match(rest):
            ruled |= bool(PARTS.search(rule[0]))
            rest = rest[rule.end() :]
        line = number + body.count("\n", 0, at + len(text) - len(rest.lstrip()))
        cells: list[str] = []
        shared: dict[int, int] = {}
        for part in _split_cells(rest):
            some = [*_spanned(part, f"{path}:{line}")]
            if cells and len(some) > 1:
                shared |= dict.fromkeys(range(len(cells), len(cells) + len(some)), len(some))
            cells += some
        if any(cells):
            yield Line(cells, line, ruled, shared)


def _split_rows(body: str) -> Iterator[tuple[str, int]]:
    """Yield each row's text and its place."""
    depth = start = place = 0
    while place < len(body):
        end = END_OF_ROW.match(body, place) if depth == 0 else None
        if end:
            yield body[start:place], start
            start = place = end.end()
            continue
        if body[place] == "\\":
            place += 2
            continue
        depth += {"{": 1, "}": -1}.get(body[place], 0)
        place += 1
    yield body[start:], start


def _split_cells(row: str) -> Iterator[str]:
    """Yield the cells of a row."""
    depth = start = place = 0
    while place < len(row):
        sign = row[place]
        if sign == "&" and depth == 0:
            yield row[start:place]
            start = place + 1
        depth += {"{": 1, "}": -1}.get(sign, 0)
        place += 2 if sign == "\\" else 1
    yield row[start:]


def _spanned(cell: str, where: str) -> Iterator[str]:
    """Yield a cell, and for one that spans several columns its text in each."""
    found = SPAN.match(cell)
    if found is None or found["kind"] == "row":
        yield " ".join(cell.split())
        return
    if not found["count"].isdigit() or not 1 <= int(found["count"]) <= 1000:
        raise UsageError(f"{where}: a cell spans {found['count']} columns; write a number")
    start = _closed(cell, found.end())
    while start < len(cell) and cell[start].isspace():
        start += 1
    inner = cell[start + 1 : _closed(cell, start) - 1] + cell[_closed(cell, start) :]
    for part in _spanned(inner, where):
        yield from [part] * int(found["count"])


def _spread_down(rows: list[Line]) -> None:
    """Write a cell that spans several rows into each of them that leaves its place empty."""
    for place, row in enumerate(rows):
        for column, cell in enumerate(row.cells):
            found = SPAN.match(cell)
            if found is None:
                continue
            start = _closed(cell, found.end())
            while start < len(cell) and cell[start] in " [":
                start = cell.find("]", start) + 1 if cell[start] == "[" else start + 1
            row.cells[column] = text = cell[start + 1 : _closed(cell, start) - 1] + cell[_closed(cell, start) :]
            count = int(found["count"]) if found["count"].isdigit() else 1
            for below in rows[place + 1 : place + count]:
                if column < len(below.cells) and not below.cells[column]:
                    below.cells[column] = text
