"""Tables in CSV, Markdown and LaTeX become the same cells, each with its line; what cannot be read is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.outside import grids, places
from repro.outside.published import PLAIN, NoNumber, Published

LATEX = r"""
\documentclass{article}  % a \begin{tabular} in a comment is none
\begin{table}[t]
\caption[short]{Accuracy on \textbf{images}.}\label{t}
\begin{tabular}{ll@{\hspace{2mm}}cc}
\toprule
 & & \multicolumn{2}{c}{CIFAR} \\ \cmidrule(lr){3-4}
Group & Method & 10 & 100 \\ % a comment & 3
\midrule
\multirow{2}{*}{Ours} & a \& b & \textbf{93.1} $\pm$ 0.3 & 70.1$_{\pm 0.2}$ \\[2pt]
 & c & 92.0 $\pm$ 0.4 & -- \\
\hline
\multicolumn{4}{l}{\textit{Baselines}} \\
Others & d & 91.0 $\pm$ 0.5 & \makecell{69.0 \\ (0.1)} \\
\bottomrule
\end{tabular}
\end{table}
"""
MARKDOWN = """
# Results

| method | data | acc |
|---|:-:|--:|
| **Ours** | a | 93.1 ± 0.3 |
| base \\| old | b |
"""


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_latex_with_spans_rules_and_comments(tmp_path: Path) -> None:
    grid = grids.read(written(tmp_path, "t.tex", LATEX))
    assert grid.headers == ("Group", "Method", "CIFAR / 10", "CIFAR / 100")
    assert grid.title == r"Accuracy on \textbf{images}."
    found = places.placed(grid)
    assert [(one.labels, one.column, one.line) for one in found[:4]] == [
        (("Ours", "a & b"), "CIFAR / 10", 10),
        (("Ours", "a & b"), "CIFAR / 100", 10),
        (("Ours", "c"), "CIFAR / 10", 11),
        (("Ours", "c"), "CIFAR / 100", 11),
    ]
    assert (found[4].section, found[4].row, found[0].section) == ("Baselines", "Others d", "")
    read = [one.read(PLAIN) for one in found]
    shown = [(one.mean.text, one.spread and one.spread.text) if isinstance(one, Published) else None for one in read]
    assert shown == [("93.1", "0.3"), ("70.1", "0.2"), ("92.0", "0.4"), None, ("91.0", "0.5"), ("69.0", "0.1")]
    assert isinstance(read[3], NoNumber)


def test_markdown_and_its_heading(tmp_path: Path) -> None:
    grid = grids.read(written(tmp_path, "t.md", MARKDOWN))
    assert (grid.headers, grid.title) == (("method", "data", "acc"), "Results")
    assert grid.rows == (("**Ours**", "a", "93.1 ± 0.3"), ("base \\| old", "b", ""))
    assert grid.lines == (6, 7)


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_csv_with_any_separator_and_a_byte_order_mark(tmp_path: Path, sign: str) -> None:
    text = f'\ufeffmethod{sign}acc\n"o{sign}\nurs"{sign}93.1\n\nbase{sign}90\n'
    grid = grids.read(written(tmp_path, "t.csv", text))
    assert (grid.headers, grid.lines) == (("method", "acc"), (2, 5))
    assert grid.rows == ((f"o{sign}\nurs", "93.1"), ("base", "90"))


def test_of_several_tables_one_is_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path, "t.md", MARKDOWN + "\n" + MARKDOWN.replace("93.1", "94.2"))
    with pytest.raises(UsageError, match=r"holds 2 tables, say which by `--table NUMBER` \(1 has method, data, acc"):
        grids.read(path)
    assert grids.read(path, which=2).rows[0][2] == "94.2 ± 0.3"
    with pytest.raises(UsageError, match="there is no table 3"):
        grids.read(path, which=3)


@pytest.mark.parametrize(
    ("name", "text", "error", "words"),
    [
        ("t.csv", "a,b\n1,2,3\n", UsageError, "t.csv:2: has 3 cells, and the table 2 columns"),
        ("t.csv", "a,a\n1,2\n", UsageError, "two columns are called 'a'"),
        ("t.csv", 'a,b\n"1,2\n', UsageError, "not readable as CSV"),
        ("t.csv", "", NothingSelectedError, "holds no table as csv has them"),
        ("t.md", "no table\n", NothingSelectedError, "holds no table as markdown has them"),
        ("t.tex", "\\begin{tabular}{cc} a & b \\\\ 1 & 2", UsageError, "t.tex:1: this tabular has no end"),
        (
            "t.tex",
            "\\begin{tabular}{cc}\\input{rows}\\end{tabular}",
            UsageError,
            "holds an \\input; write out its rows",
        ),
        ("t.tex", "\\begin{tabular}{c} a \\end{tabular}", UsageError, "holds no cells to be read"),
        (
            "t.tex",
            LATEX.replace("{2}{c}", "{x}{c}").replace("\\multicolumn{x}", "\\multicolumn{0}"),
            UsageError,
            "spans 0",
        ),
        ("t.xls", "a", UsageError, "no table by its name; call it one of .csv .tsv"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(
    tmp_path: Path, name: str, text: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        grids.read(written(tmp_path, name, text))


def test_a_file_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        grids.read(tmp_path / "t.csv")
    (tmp_path / "t.md").mkdir()
    for name in ("t.md", "seeds"):
        (tmp_path / name).mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="a folder, wanted a table; name one file in it"):
            grids.read(tmp_path / name)
    (tmp_path / "t.dat").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match=r"no table by its name; call it one of \.csv .*, or say `--format csv"):
        grids.read(tmp_path / "t.dat")
    (tmp_path / "u.csv").write_bytes(b"a,b\n\xff,1\n")
    with pytest.raises(IntegrityError, match="not UTF-8"):
        grids.read(tmp_path / "u.csv")


# Pairs in two columns or rows

ASIDE = {
    "columns": "method,A mean,A std,B,B (se)\nours,1.0,0.1,2.0,0.2\n",
    "column after": "method,A,std,B,se\nours,1.0,0.1,2.0,0.2\n",
    "prefixes": "method,mean_A,std_A,mean_B,se_B\nours,1.0,0.1,2.0,0.2\n",
    "rows": "method,A,B\nours (mean),1.0,2.0\nours (std),0.1,0.2\n",
    "a row without a name": "method,A,B\nours,1.0,2.0\n,(0.1),(0.2)\n",
    "a row of ±": "method,A,B\nours,1.0,2.0\n,± 0.1,± 0.2\n",
    "a row called ± std.": "method,A,B\nours,1.0,2.0\n\\scriptsize{$\\pm$ std.},0.1,0.2\n",
    "a column of statistics": "method,statistic,A,B\nours,mean,1.0,2.0\nours,std,0.1,0.2\n",
}


@pytest.mark.parametrize("text", ASIDE.values(), ids=ASIDE)
def test_pairs_in_two_columns_or_rows(tmp_path: Path, text: str) -> None:
    found = places.placed(grids.read(written(tmp_path, "t.csv", text)))
    read = [one.read(PLAIN) for one in found]
    shown = [
        (one.column, one.labels[0], value.mean.text, value.spread and value.spread.text)
        for one, value in zip(found, read, strict=True)
        if isinstance(value, Published)
    ]
    assert shown == [("A", "ours", "1.0", "0.1"), ("B", "ours", "2.0", "0.2")]


def test_what_the_columns_say_the_spread_is_is_kept(tmp_path: Path) -> None:
    found = places.placed(grids.read(written(tmp_path, "t.csv", ASIDE["columns"])))
    assert [one.spread_is for one in found] == ["sd", "se"]


def test_a_column_of_averages_is_no_statistic(tmp_path: Path) -> None:
    found = places.placed(grids.read(written(tmp_path, "t.csv", "method,A,Avg\nours,1.0,2.0\naverage,3,4\n")))
    assert [(one.row, one.column) for one in found] == [
        ("ours", "A"),
        ("ours", "Avg"),
        ("average", "A"),
        ("average", "Avg"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "method,A\nresnet,76.10\nresnet-SE,77.20\n",
        "method,A,B\nvae,1.0,2.0\nvae SD,0.8,1.9\n",
        "method,A\nnet,76.1 ± 0.2\nnet (SE),77.2 ± 0.1\n",
        "data,bert,bert-SE\nA,1,2\nB,3,4\n",
    ],
)
def test_a_method_that_is_called_like_a_spread_is_one(tmp_path: Path, text: str) -> None:
    """Squeeze and excitation, say: what is as large as a mean, or has a spread of its own, is no spread."""
    found = places.placed(grids.read(written(tmp_path, "t.csv", text)))
    assert all(one.own is None for one in found)
    names = {*(one.row for one in found), *(one.column for one in found)}
    assert names & {"resnet-SE", "vae SD", "net (SE)", "bert-SE"}


@pytest.mark.parametrize(
    "text",
    [
        "method,A\nours,1.0\nours std,0.8\n",  # a word that no method is called
        "method,statistic,A\nours,mean,1.0\nours,sd,0.8\n",
        "method,A,SD\nours,1.0,0.8\n",
        "method,A,A std\nours,1.0,0.8\n",
        "method,A,B\nours,1.0,2.0\nours SE,0.8,0.1\n",  # large in one column alone
    ],
)
def test_a_large_spread_is_one_where_its_name_can_be_nothing_else(tmp_path: Path, text: str) -> None:
    found = places.placed(grids.read(written(tmp_path, "t.csv", text)))
    assert found[0].own == "0.8"


def test_rows_that_are_called_mean_and_std_alone_are_a_pair(tmp_path: Path) -> None:
    text = "statistic,A,B\nbase,3,4\nmean,1.0,2.0\nstd,0.1,0.2\n"
    found = places.placed(grids.read(written(tmp_path, "t.csv", text)))
    assert [(one.text, one.own) for one in found] == [("3", None), ("4", None), ("1.0", "0.1"), ("2.0", "0.2")]


def test_a_mean_with_a_spread_of_its_own_and_one_beside_it_is_refused(tmp_path: Path) -> None:
    (one,) = places.placed(grids.read(written(tmp_path, "t.csv", "method,A,A std\nours,1.0 ± 0.1,0.1\n")))
    with pytest.raises(UsageError, match="has a spread of its own"):
        one.read(PLAIN)


def test_two_rows_of_spreads_are_their_cell_s_fault(tmp_path: Path) -> None:
    text = "method,A,B\nours mean,1.0,2.0\nours std,0.1,0.2\nours std,0.1,\n"
    one, other = places.placed(grids.read(written(tmp_path, "t.csv", text)))
    with pytest.raises(UsageError, match=r"wanted one number for a spread, got '0.1 and 0.1'"):
        one.read(PLAIN)
    assert isinstance(other.read(PLAIN), Published)


def test_cells_below_two_headings_get_names_of_their_own(tmp_path: Path) -> None:
    text = "method,A,B\nsmall,,\nours,1,2\nlarge,,\nours,3,4\nother,5,6\n"
    found = [*places.sections(places.placed(grids.read(written(tmp_path, "t.csv", text))))]
    assert [one.row for one in found[::2]] == ["small ours", "large ours", "other"]


def test_a_number_that_spans_columns_is_of_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "t.tex"
    path.write_text(LATEX.replace(r"91.0 $\pm$ 0.5 & \makecell{69.0 \\ (0.1)}", r"\multicolumn{2}{c}{91.0 $\pm$ 0.5}"))
    *_, first, second = places.placed(grids.read(path))
    for cell in (first, second):
        with pytest.raises(UsageError, match="a cell that spans 2 columns is of none of them alone"):
            cell.read(PLAIN)
    path.write_text(LATEX.replace(r"91.0 $\pm$ 0.5 & \makecell{69.0 \\ (0.1)}", r"\multicolumn{2}{c}{OOM}"))
    assert [one.read(PLAIN) for one in places.placed(grids.read(path))[-2:]] == [NoNumber("OOM")] * 2


def test_a_comment_right_behind_the_end_of_a_row_is_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "t.tex"
    path.write_text("\\begin{tabular}{lc}\nA & X \\\\% b & 1 \\\\\nc & 2\\% \\\\% d & 3\n\\end{tabular}")
    assert grids.read(path).rows == (("c", r"2\%"),)
