"""A figure's table in the forms that other programs read: Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from repro.machine.terminal import escape, markdown, numbers
from repro.study import Figure

LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}
RUN = ("=", "+", "-", "@", "\t", "\r")  # begins what a spreadsheet computes, once it has left out blanks
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def markdown_table(made: Figure) -> list[str]:
    """Return the lines of a figure's table in Markdown."""
    body = [[shown(cell) for cell in row] for row in made.rows]
    return markdown(made.headers, body, numbers(made.headers, made.rows))


def shown(cell: Any) -> str:
    """Return a cell as a reader sees it: real numbers to six digits, nothing for None."""
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def csv_table(made: Figure) -> str:
    """Return a figure's table as CSV (RFC 4180), numbers in full; a text that a spreadsheet would run begins with '."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([_inert(header) for header in made.headers])
    writer.writerows([["" if cell is None else _inert(cell) for cell in row] for row in made.rows])
    return stream.getvalue()


def _inert(cell: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula; a number stays one, written as text or not."""
    if not isinstance(cell, str) or len(cell) < 2 or not cell.lstrip(" ").startswith(RUN) or NUMBER.fullmatch(cell):
        return cell
    return f"'{cell}"


def latex_table(made: Figure) -> str:
    """Return a figure's table as a tabular of LaTeX's booktabs, numbers to the right."""
    sides = "".join("r" if right else "l" for right in numbers(made.headers, made.rows))

    def line(cells: Sequence[str]) -> str:
        texts = ["".join(LATEX.get(sign, sign) for sign in escape(" ".join(cell.split()))) for cell in cells]
        # What begins with [ is taken for the option of the \\ or the rule before it.
        first = f"{{[}}{texts[0].lstrip()[1:]}" if texts[0].lstrip().startswith("[") else texts[0]
        return " & ".join([first, *texts[1:]]) + r" \\"

    body = [line([shown(cell) for cell in row]) for row in made.rows]
    head = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", line([*made.headers]), r"\midrule"]
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"]) + "\n"
