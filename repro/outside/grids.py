"""A table of a document as rows of cells: from CSV, TSV, Markdown or LaTeX, each cell with its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from repro.errors import NothingSelectedError, UsageError, did_you_mean
from repro.machine import files
from repro.outside import cells, latex
from repro.outside.markup import words

SUFFIXES = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".md": "markdown", ".markdown": "markdown", ".tex": "latex",
    ".latex": "latex",
}  # fmt: skip
FORMS = ("csv", "markdown", "latex")
DASHED = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Grid:
    """A table: names of its columns, and rows of as many cells with the lines at which they begin."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    title: str = ""


def read(path: Path, form: str = "", which: int | None = None) -> Grid:
    """Return the table of a file, the `which`-th of several.

    Raise UsageError where the form or the table has to be named, where rows are of different lengths, or a column has
    no name of its own; NothingSelectedError where there is none.
    """
    if not files.there(path):
        raise UsageError(f"{path}: no such file; name one that holds a table")
    if path.is_dir():
        raise UsageError(f"{path}: a folder, wanted a table; name one file in it")
    form = form or SUFFIXES.get(path.suffix.lower(), "")
    if form not in FORMS:
        hint = did_you_mean(form, [*FORMS]) if form else ""
        formats = f"`--format {'|'.join(FORMS)}` of the table that is read"
        raise UsageError(f"{path}: no table by its name{hint}; call it one of {' '.join(SUFFIXES)}, or say {formats}")
    text = files.read_text(path, "table", "name a file of UTF-8 text").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    found = [*READERS[form](path, text)]
    if not found:
        raise NothingSelectedError(f"{path}: holds no table as {form} has them; see to the file, or name another form")
    if which is None and len(found) > 1:
        listed = "; ".join(f"{place} has {', '.join(one.headers[:3])}" for place, one in enumerate(found[:5], 1))
        raise UsageError(f"{path}: holds {len(found)} tables, say which by `--table NUMBER` ({listed:.200})")
    if which is not None and not 1 <= which <= len(found):
        raise UsageError(f"{path}: holds {len(found)} tables, so that there is no table {which}")
    return found[(which or 1) - 1]


def _csv(path: Path, text: str) -> Iterator[Grid]:
    """Yield the one table of a CSV."""
    delimiter = cells.delimiter_of(text.partition("\n")[0], "tsv" if path.suffix.lower() == ".tsv" else "csv")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found, lines, begins = [], [], 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append(row)
                lines.append(begins)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(f"{path}:{reader.line_num}: not readable as CSV ({error}); mend it there") from error
    if found:
        yield _grid(path, found[0], found[1:], lines[1:])


def _markdown(path: Path, text: str) -> Iterator[Grid]:
    """Yield the tables of a Markdown file; a row may be short, and then lacks cells."""
    lines = text.split("\n")
    for place, line in enumerate(lines[1:], 1):
        if not (DASHED.fullmatch(line) and "-" in line and "|" in lines[place - 1]):
            continue
        end = place + 1
        while end < len(lines) and "|" in lines[end]:
            end += 1
        headers = _barred(lines[place - 1])
        if len(_barred(line)) != len(headers):
            continue
        rows = [_barred(one) for one in lines[place + 1 : end]]
        padded = [[*row, *[""] * (len(headers) - len(row))] for row in rows]
        yield _grid(path, headers, padded, range(place + 2, end + 1), _heading(lines[: place - 1]))


def _barred(line: str) -> list[str]:
    """Return the cells of a line of Markdown."""
    inner = line.strip()
    inner = inner[1:] if inner.startswith("|") else inner
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip() for cell in BAR.split(inner)]


def _heading(above: Sequence[str]) -> str:
    """Return the last heading above a table."""
    return next((line.lstrip("# ").strip() for line in reversed(above) if line.startswith("#")), "")


def _latex(path: Path, text: str) -> Iterator[Grid]:
    for found in latex.tabulars(path, text):
        yield _grid(path, found.headers, found.rows, found.lines, found.title)


def _grid(
    path: Path, headers: Sequence[str], rows: Sequence[Sequence[str]], lines: Sequence[int], title: str = ""
) -> Grid:
    """Return a table whose rows are as long as its header. Raise UsageError for others, and for a name that repeats."""
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(headers):
            raise UsageError(f"{path}:{line}: has {len(row)} cells, and the table {len(headers)} columns; mend the row")
    names = [words(name) for name in headers]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise UsageError(f"{path}: two columns are called '{twice[0]}'; give each a name of its own")
    return Grid(tuple(names), tuple(map(tuple, rows)), tuple(lines), title)


READERS = {"csv": _csv, "markdown": _markdown, "latex": _latex}
