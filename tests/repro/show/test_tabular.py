"""A table in Markdown, CSV and LaTeX: each cell stays one cell, and numbers stand to the right."""

from __future__ import annotations

import csv

from repro.show.tabular import csv_table, latex_table, markdown_table
from repro.study import Figure

MADE = Figure(["a|b", "n_1"], [["x\ny, 5 %", 1 / 3], ["\\z", None]])


def test_markdown() -> None:
    assert markdown_table(MADE) == ["| a\\|b | n_1 |", "| --- | --: |", "| x y, 5 % | 0.333333 |", "| \\z |  |"]


def test_csv_reads_back_with_numbers_in_full() -> None:
    text = csv_table(MADE)
    assert list(csv.reader(text.splitlines(keepends=True))) == [
        ["a|b", "n_1"],
        ["x\ny, 5 %", "0.3333333333333333"],
        ["\\z", ""],
    ]


def test_latex_escapes_what_would_be_commands() -> None:
    lines = latex_table(MADE).splitlines()
    assert lines[:3] == [r"\begin{tabular}{lr}", r"\toprule", r"a|b & n\_1 \\"]
    assert lines[-4].startswith("y, 5") or r"5 \%" in latex_table(MADE)
    assert r"\textbackslash{}z &  \\" in lines
