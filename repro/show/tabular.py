"""A figure's table in the forms that other programs read: Markdown, CSV, LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from repro.machine.terminal import markdown, numbers
from repro.study import Figure

LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
LATEX |= {sign: f"\\{sign}" for sign in "&%$#_{}"}


def markdown_table(made: Figure) -> list[str]:
    """Return the lines of a figure's table in Markdown."""
    body = [[shown(cell) for cell in row] for row in made.rows]
    return markdown(made.headers, body, numbers(made.headers, made.rows))


def shown(cell: Any) -> str:
    """Return a cell as a reader sees it: real numbers to six digits, nothing for None."""
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def csv_table(made: Figure) -> str:
    """Return a figure's table as CSV (RFC 4180), numbers in full."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(made.headers)
    writer.writerows([["" if cell is None else cell for cell in row] for row in made.rows])
    return stream.getvalue()


def latex_table(made: Figure) -> str:
    """Return a figure's table as a tabular of LaTeX's booktabs, numbers to the right."""
    sides = "".join("r" if right else "l" for right in numbers(made.headers, made.rows))

    def line(cells: Sequence[str]) -> str:
        return " & ".join("".join(LATEX.get(sign, sign) for sign in cell) for cell in cells) + r" \\"

    body = [line([shown(cell) for cell in row]) for row in made.rows]
    head = [rf"\begin{{tabular}}{{{sides}}}", r"\toprule", line([*made.headers]), r"\midrule"]
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"]) + "\n"
