"""A whole table against the seeds it was made of: published ones cell by cell, and invented ones in every form."""

from __future__ import annotations

import csv
import re
import statistics
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.audit.own_seeds import TableVerdict, judge_table
from repro.errors import NothingSelectedError, UsageError
from repro.outside.published import Published, Writing
from repro.outside.seeded import Settings

OURS = ["93.0", "93.5", "92.75", "93.25", "93.0"]  # mean 93.1; sd 0.285 of n - 1 and 0.255 of n
BASE = ["90.1", "91.9", "89.5", "92.3", "91.2"]  # mean 91.0; sd 1.183 of n - 1 and 1.058 of n
LONG = "".join(
    f"{name},{seed},{value}\n" for name, values in (("ours", OURS), ("base", BASE)) for seed, value in enumerate(values)
)


def judged(
    tmp_path: Path, cells: str, seeds: str, settings: Settings | None = None, name: str = "cells.csv"
) -> TableVerdict:
    (tmp_path / name).write_text(cells, encoding="utf-8")
    (tmp_path / "seeds.csv").write_text(seeds, encoding="utf-8")
    return judge_table(tmp_path / name, tmp_path / "seeds.csv", settings)


def verdicts(found: TableVerdict) -> dict[str, str]:
    return {one.cell.name: one.judgement.verdict for one in found.cells}


def evidence(found: TableVerdict) -> dict[str, str]:
    return {one.cell.name: one.judgement.evidence for one in found.cells}


def by_id(*cells: str, head: str = "id,printed") -> str:
    return "\n".join([head, *cells, ""])


SEEDS = f"id,seed,value\n{LONG}"


# Published tables with the seeds behind them

RIGHT = {
    "reproduced": "reproduced",
    "spread is population sd": "reproduced",
    "spread is se": "reproduced",
    "cannot tell": "inconclusive",
    "cannot tell (one run)": "inconclusive",
    "mismatch (runs)": "inconclusive",
    "mismatch": "erratum",
}


@pytest.fixture(scope="module")
def folders(shared: Path) -> list[Path]:
    """Return the folder of each published table, or skip: they are not part of the project."""
    found = [folder for folder in sorted((shared / "tables").glob("*")) if (folder / "seeds.csv").is_file()]
    if not found:
        pytest.skip("no published tables: tables/ is not in the folder of real data")
    return found


def read(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {line["id"]: line for line in csv.DictReader(file)}


def test_published_tables_as_they_stand_get_their_right_words(folders: list[Path]) -> None:
    wrong, counted = [], 0
    for folder in folders:
        right = read(folder / "right.csv")
        settings = Settings(Writing(pairs=True), scales=folder / "scale.csv")
        found = judge_table(folder / "cells.csv", folder / "seeds.csv", settings)
        assert len(found.readings[""]) == 1
        assert found.notes == ()
        for one in found.cells:
            line = right[one.cell.name]
            assert isinstance(one.cell.found, Published)
            texts = (one.cell.found.mean.text, one.cell.found.spread.text if one.cell.found.spread else "")
            if one.judgement.verdict != RIGHT[line["right"]] or texts != (line["mean_text"], line["spread_text"]):
                wrong.append((folder.name, one.cell.name, line["right"], one.judgement, texts))
        counted += len(found.cells)
        assert len(found.cells) == len(right)
    assert wrong == []
    assert counted >= 100


def test_a_changed_last_digit_of_a_published_cell_is_seen(folders: list[Path], tmp_path: Path) -> None:
    """Of the table whose brackets and bold make it the hardest to read, every mean that its seeds decide."""
    folder = next(one for one in folders if "_**" in (one / "cells.csv").read_text(encoding="utf-8"))
    text = re.sub(
        r"(?m)^([^,]+,(?:_\*\*)?\d\.\d{4})(\d)(\d)",
        lambda found: f"{found[1]}{(int(found[2]) + 5) % 10}{found[3]}",
        (folder / "cells.csv").read_text(encoding="utf-8"),
    )
    (tmp_path / "cells.csv").write_text(text, encoding="utf-8")
    found = judge_table(tmp_path / "cells.csv", folder / "seeds.csv", Settings(scales=folder / "scale.csv"))
    assert {one.judgement.verdict for one in found.cells} == {"erratum"}
    assert found.exit_code == 1


# One cell in every style

STYLES_OF_PAIRS = ("{m} ± {s}", "\\textbf{{{m}}} $\\pm$ {s}", "{m}({s})", "**{m}** (±{s})", "${m}_{{\\pm {s}}}$")

STYLES = {
    "93.10 ± 0.29": "n - 1", "93.10+-0.29": "n - 1", r"\textbf{93.10} $\pm$ 0.29": "n - 1", "**93.10 ± 0.29**": "n - 1",
    "93.10_{0.25}": "of n", r"$93.10_{\pm 0.25}$": "of n", "93.10(29)": "n - 1", "93.10(0.25)": "of n",
    "93.10† (±0.13)": "standard error by n - 1", "9.310e1 ± 2.9e-1": "n - 1", "(9.310 ± 0.029)e1": "n - 1",
    r"$(9.310 \pm 0.025)\times 10^{1}$": "of n", "93.10 [92.75, 93.45]": "interval by Student's t",
    "[92.75, 93.45]": "interval by Student's t", "93.10 [92.75, 93.50]": "lowest to the highest",
    "93.10 +0.40/-0.35": "lowest to the highest", "93.1": "mean 93.1 of 5 runs", "93.10 ± nan": "mean 93.1 of 5 runs",
}  # fmt: skip


@pytest.mark.parametrize("text", STYLES)
def test_a_cell_in_any_style_is_reproduced_under_its_reading(tmp_path: Path, text: str) -> None:
    found = judged(tmp_path, by_id(f'ours,"{text}"'), SEEDS)
    assert verdicts(found) == {"ours": "reproduced"}, evidence(found)
    assert STYLES[text] in evidence(found)["ours"]


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("93.20 ± 0.29", "erratum", "the mean of 5 runs is 93.1, not 93.20"),
        ("93.10 ± 0.77", "erratum", "no reading of the spread is 0.77"),
        ("93.20 [92.85, 93.55]", "erratum", "not 93.20"),
        ("93.10 [91.10, 95.10]", "inconclusive", "of no reading that is tried"),
        ("[91.0, 95.0]", "inconclusive", "of no reading that is tried"),
        ("93.10 +0.77/-0.11", "inconclusive", "of no reading that is tried"),
        ("0.931 ± 0.003", "inconclusive", "give both in one unit by `--scale`"),
        ("OOM", "inconclusive", "no number (OOM), and 5 runs gave one"),
    ],
)
def test_a_cell_that_its_seeds_do_not_make(tmp_path: Path, text: str, verdict: str, words: str) -> None:
    found = judged(tmp_path, by_id(f'ours,"{text}"'), SEEDS)
    assert verdicts(found) == {"ours": verdict}, evidence(found)
    assert words in evidence(found)["ours"]
    assert found.exit_code == {"erratum": 1, "inconclusive": 4}[verdict]


# Faults stop no other cell


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("ours, median", "93.00", "inconclusive"),
        ("ours (best of 5)", "93.50", "inconclusive"),
        ("ours", "93.00", "erratum"),
        ("ours (best of 5)", "93.00", "erratum"),
    ],
)
def test_a_cell_that_says_it_is_no_mean_is_not_held_to_be_one(
    name: str, text: str, verdict: str, tmp_path: Path
) -> None:
    seeds = "".join(f'"{name}",{line[5:]}\n' for line in LONG.splitlines() if line.startswith("ours,"))
    found = judged(tmp_path, by_id(f'"{name}",{text}'), f"id,seed,value\n{seeds}")
    assert verdicts(found) == {name: verdict}, evidence(found)


def test_seeds_whose_last_line_has_no_end_are_told(tmp_path: Path) -> None:
    cells = by_id("ours,93.10 ± 0.29", "base,91.0")
    assert judged(tmp_path, cells, SEEDS).notes == ()
    (note,) = judged(tmp_path, cells, SEEDS.rstrip("\n")).notes
    assert "its last line has no end; if it was cut there, its last run lacks digits" in note


def test_a_cell_that_cannot_be_read_is_named_and_stops_no_other(tmp_path: Path) -> None:
    cells = by_id("ours,93.10 ± 0.29", "base,**91.0 92.0**", "bsae,91.0", '"x","1,2"')
    found = judged(tmp_path, cells, SEEDS)
    assert verdicts(found) == {"ours": "reproduced", "base": "error", "bsae": "error", "x": "error"}
    assert "holds two numbers, 91.0 and 92.0" in evidence(found)["base"]
    assert evidence(found)["bsae"] == "no seeds are of 'bsae'; did you mean 'base'?"
    assert "--comma" in evidence(found)["x"]
    assert found.exit_code == 2
    assert [one.cell.line for one in found.cells] == [2, 3, 4, 5]


def test_seeds_that_are_no_numbers_or_stand_twice_are_their_cell_s_fault(tmp_path: Path) -> None:
    seeds = SEEDS + "ours,4,93.0\nnone,0,nan\nlost,0,\nlost,1,1.0\nodd,0,about 3\npair,0,1.0 ± 0.1\n"
    cells = by_id("ours,93.10", "base,91.0", "none,OOM", "lost,1.0", "odd,3", "pair,1.0")
    found = judged(tmp_path, cells, seeds)
    said = evidence(found)
    assert verdicts(found) == {
        "ours": "error", "base": "reproduced", "none": "not testable", "lost": "inconclusive", "odd": "error",
        "pair": "error",
    }  # fmt: skip
    assert said["ours"] == "seed 4 stands twice, at lines 6 and 12; leave one"
    assert said["none"] == "no number (OOM), as none of 1 runs gave one"
    assert said["lost"] == "2 runs were begun and 1 is there, and 1 diverged"
    assert said["odd"].startswith("line 16 of the seeds: wanted a mean")
    assert "a run is one number" in said["pair"]


def test_two_cells_of_one_name_and_runs_of_no_cell_are_said(tmp_path: Path) -> None:
    found = judged(tmp_path, by_id("ours,93.1", "ours,93.2"), SEEDS)
    assert [one.judgement.verdict for one in found.cells] == ["error", "error"]
    assert "2 cells have this name, at lines 2, 3" in evidence(found)["ours"]
    assert re.search("the runs of 1 of 2 are of no cell, first 'base'", found.notes[0])


@pytest.mark.parametrize(
    ("cells", "seeds", "error", "words"),
    [
        ("name,printed\nours,1\n", SEEDS, UsageError, "no column in common that names cells"),
        (by_id("ours,1"), "id,seed,acc,loss\nours,0,1,2\n", UsageError, "say `--metric COLUMN`"),
        ("method,A\nours,1\n", "method,x,y,seed,value\nours,1,2,0,1\n", UsageError, "which of x, y names"),
        (by_id("ours,1"), "id,seed,value\n", NothingSelectedError, "seeds.csv: holds no row below its header"),
        (by_id(), SEEDS, NothingSelectedError, "cells.csv: holds no row below its header"),
    ],
)
def test_files_that_do_not_fit_together_are_one_line(
    tmp_path: Path, cells: str, seeds: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        judged(tmp_path, cells, seeds)


# Forms


def test_what_columns_say_of_each_cell_counts(tmp_path: Path) -> None:
    head = "id,printed,spread,runs,scale,unit"
    cells = by_id("ours,0.9310 ± 0.0029,sd,5,0.01,1", "base,91.0,,7,,%", head=head)
    found = judged(tmp_path, cells, SEEDS)
    assert verdicts(found) == {"ours": "reproduced", "base": "inconclusive"}
    assert "7 runs are said and 5 are there" in evidence(found)["base"]
    wrong = judged(tmp_path, by_id("ours,0.9310 ± 0.0029,se,5,0.01,1", head=head), SEEDS)
    assert verdicts(wrong) == {"ours": "erratum"}
    assert [one.cell.unit for one in found.cells] == ["1", "%"]


def test_a_kind_of_spread_that_is_not_known_is_said(tmp_path: Path) -> None:
    found = judged(tmp_path, by_id("ours,93.10 ± 0.25,wobble", head="id,printed,spread_said"), SEEDS)
    assert verdicts(found) == {"ours": "reproduced"}
    assert evidence(found)["ours"].endswith("'wobble' says no known spread")


FORMS = {
    "mean and sd": "id,mean,sd\nours,93.10,0.29\nbase,91.00,1.18\n",
    "printed and spread": "id,printed,spread\nours,93.10,0.29\nbase,91.00,(1.18)\n",
    "two lines": "id,statistic,printed\nours,mean,93.10\nours,sd,0.29\nbase,mean,91.00\nbase,sd,1.18\n",
    "tabs": "id\tprinted\nours\t93.10 ± 0.29\nbase\t91.00(1.18)\n",
}


@pytest.mark.parametrize("cells", FORMS.values(), ids=FORMS)
def test_a_mean_and_its_spread_in_two_columns_or_lines(tmp_path: Path, cells: str) -> None:
    found = judged(tmp_path, cells, SEEDS)
    assert verdicts(found) == {"ours": "reproduced", "base": "reproduced"}, evidence(found)
    assert found.readings == {"": ("sd",)}
    assert found.exit_code == 0


PAPER = """
| Method | CIFAR-10 | CIFAR-100 |
|---|---|---|
| base | 91.00 ± 1.18 | 93.1 |
| **Ours†** | \\*\\*93.10 (±0.29) | - |
"""
SEEDS_OF = "Method,dataset,seed,value\n" + "".join(
    f"{method},{data},{seed},{value}\n"
    for method, data, values in (("base", "CIFAR-10", BASE), ("base", "CIFAR-100", OURS), ("Ours", "CIFAR-10", OURS))
    for seed, value in enumerate(values)
)
WIDE_SEEDS = "method,seed,CIFAR-10,CIFAR-100\n" + "".join(
    [f"base,{seed},{one},{other}\n" for seed, (one, other) in enumerate(zip(BASE, OURS, strict=True))]
    + [f"Ours,{seed},{one},\n" for seed, one in enumerate(OURS)]
)
LATEX = r"""\begin{tabular}{lcc}
Method & CIFAR-10 & CIFAR-100 \\ \hline
base & 91.00$_{1.18}$ & 93.1 \\
Ours & \textbf{93.10} $\pm$ 0.29 & -- \\
\end{tabular}
"""


@pytest.mark.parametrize(
    "seeds", [SEEDS_OF, WIDE_SEEDS, SEEDS_OF.replace("value", "acc")], ids=["long", "wide", "named"]
)
@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (PAPER, "t.md"),
        (LATEX, "t.tex"),
        (PAPER.replace("Method", "      "), "t.md"),
        (LATEX.replace("Method", ""), "t.tex"),
    ],
)
def test_a_table_as_the_paper_has_it(tmp_path: Path, cells: str, name: str, seeds: str) -> None:
    found = judged(tmp_path, cells, seeds, Settings(metric="acc" if ",acc" in seeds else ""), name)
    assert verdicts(found) == {
        "base / CIFAR-10": "reproduced", "base / CIFAR-100": "reproduced", "Ours / CIFAR-10": "reproduced",
        "Ours / CIFAR-100": "not testable",
    }, evidence(found)  # fmt: skip
    assert (found.readings, found.exit_code) == ({"": ("sd",)}, 0)


def test_a_column_of_averages_makes_no_list_of_a_table(tmp_path: Path) -> None:
    cells = "Method,CIFAR-10,CIFAR-100,mean\nbase,91.00 ± 1.18,93.1,92.05\n"
    found = judged(tmp_path, cells, SEEDS_OF)
    assert verdicts(found) == {
        "base / CIFAR-10": "reproduced", "base / CIFAR-100": "reproduced", "base / mean": "error",
    }  # fmt: skip
    assert "no seeds are of 'base / mean'" in evidence(found)["base / mean"]


def test_only_the_cells_asked_for_are_judged(tmp_path: Path) -> None:
    found = judged(tmp_path, PAPER, SEEDS_OF, Settings(where=("method=base", "dataset=CIFAR-10")), "t.md")
    assert verdicts(found) == {"base / CIFAR-10": "reproduced"}
    with pytest.raises(UsageError, match=re.escape("--where metod=base: wanted FIELD=VALUE; did you mean 'Method'?")):
        judged(tmp_path, PAPER, SEEDS_OF, Settings(where=("metod=base",)), "t.md")
    with pytest.raises(NothingSelectedError, match=r"no cell is of it; did you mean 'base'\?"):
        judged(tmp_path, PAPER, SEEDS_OF, Settings(where=("method=bsae",)), "t.md")


def test_tables_of_one_file_have_a_reading_each(tmp_path: Path) -> None:
    cells = by_id("ours,93.10 ± 0.29,one", "base,91.00 ± 1.06,two", head="id,printed,table")
    found = judged(tmp_path, cells, SEEDS, Settings(resolution="0"))
    assert found.readings == {"one": ("sd",), "two": ("sd-n",)}
    assert verdicts(found) == {"ours": "reproduced", "base": "reproduced"}
    together = judged(tmp_path, cells.replace(",one", ",").replace(",two", ","), SEEDS, Settings(resolution="0"))
    assert set(verdicts(together).values()) == {"inconclusive"}


def test_spreads_of_other_kinds_have_readings_of_their_own(tmp_path: Path) -> None:
    cells = by_id("ours,93.10 ± 0.29,sd", "base,91.00 ± 0.53,se", head="id,printed,spread")
    found = judged(tmp_path, cells, SEEDS, Settings(resolution="0"))
    assert found.readings == {"(sd)": ("sd",), "(se)": ("se",)}
    assert verdicts(found) == {"ours": "reproduced", "base": "reproduced"}
    cells = by_id("ours,93.10 ± 0.29", '"base","91.00 [89.53, 92.47]"', "third,93.1")
    found = judged(tmp_path, cells, SEEDS + "third,0,93.1\n", Settings(resolution="0"))
    assert found.readings == {"(unknown)": ("sd",), "(intervals)": ("ci95-t",)}


class TestWhoeverRounded:
    """A cell that was printed from its seeds is reproduced, whatever its style and its reading (law of the judge)."""

    @given(
        st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=6),
        st.sampled_from(STYLES_OF_PAIRS),
        st.sampled_from((statistics.stdev, statistics.pstdev)),
        st.integers(1, 4),
    )
    def test_it_is_never_accused(
        self, runs: list[int], style: str, reading: Callable[[list[Decimal]], Decimal], digits: int
    ) -> None:
        values = [Decimal(run).scaleb(-4) for run in runs]
        unit = Decimal(1).scaleb(-digits)
        m, s = (f"{one.quantize(unit):f}" for one in (sum(values) / len(values), reading(values)))
        seeds = "id,seed,value\n" + "".join(f"x,{seed},{value:f}\n" for seed, value in enumerate(values))
        with tempfile.TemporaryDirectory() as folder:
            found = judged(Path(folder), by_id(f'x,"{style.format(m=m, s=s)}"'), seeds, Settings(resolution="0"))
        assert verdicts(found) == {"x": "reproduced"}, evidence(found)


def test_seeds_with_decimal_commas_are_read_as_the_table_is(tmp_path: Path) -> None:
    seeds = SEEDS.replace(",", ";").replace(".", ",")
    found = judged(tmp_path, "id;printed\nours;93,10 ± 0,29\n", seeds, Settings(Writing(comma="decimal")))
    assert verdicts(found)["ours"] == "reproduced"
    asked = judged(tmp_path, "id;printed\nours;93.10\n", seeds)
    assert "--comma" in evidence(asked)["ours"]


def test_what_tells_runs_apart_can_be_named(tmp_path: Path) -> None:
    seeds = SEEDS.replace("id,seed,", "id,draw,")
    with pytest.raises(UsageError, match="say `--metric COLUMN`"):
        judged(tmp_path, by_id("ours,93.10"), seeds.replace("value", "acc"))
    found = judged(tmp_path, by_id("ours,93.10"), seeds.replace("value", "acc"), Settings(seed_from="draw"))
    assert verdicts(found) == {"ours": "reproduced"}
    with pytest.raises(UsageError, match="--seed-from drwa: no such column; did you mean 'draw'"):
        judged(tmp_path, by_id("ours,93.10"), seeds, Settings(seed_from="drwa"))


def test_records_say_what_was_read(tmp_path: Path) -> None:
    found = judged(tmp_path, by_id("ours,93.10(29)"), SEEDS, Settings(resolution="0")).record
    (one,) = found["cells"]
    assert (one["cell"], one["form"], one["mean"], one["spread"], one["line"]) == (
        "ours",
        "last digits",
        "93.10",
        "0.29",
        2,
    )
    assert (one["verdict"], one["runs"]) == ("reproduced", 5)
    assert found["readings"] == {"": ["the standard deviation of n - 1"]}
