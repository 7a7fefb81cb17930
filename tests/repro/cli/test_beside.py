"""Tables on the command line: `repro judge --cells` and `repro claims`, their words, codes and refusals."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.cli.main import main
from tests.sources import PROJECT

CELLS = "id,printed\nours,93.10 ± 0.29\nbase,**91.0 92.0**\n"
SEEDS = "id,seed,value\n" + "".join(f"ours,{seed},{one}\n" for seed, one in enumerate((93.0, 93.5, 92.75, 93.25, 93.0)))
Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a verb in a folder with cells.csv and seeds.csv; return its code, its answer and its talk."""
    monkeypatch.chdir(tmp_path)
    Path("cells.csv").write_text(CELLS, encoding="utf-8")
    Path("seeds.csv").write_text(SEEDS, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


TABLE = ("judge", "--cells", "cells.csv", "--seeds", "seeds.csv")


def test_a_line_a_cell_and_the_reading_of_the_table(say: Say) -> None:
    code, out, err = say(*TABLE)
    lines = out.splitlines()
    assert (code, lines[0].split()) == (2, ["cell", "published", "runs", "verdict", "evidence"])
    assert lines[1].split(maxsplit=6)[:6] == ["ours", "93.10", "±", "0.29", "5", "reproduced"]
    assert "error" in lines[2]
    assert "2 cells: 1 reproduced, 1 error" in lines
    assert lines[-1].startswith("the table's spread is the standard deviation of n - 1")
    assert "1 of 2 cells could not be judged, first line 3, 'base': holds two numbers, 91.0 and 92.0" in err


@pytest.mark.parametrize(
    ("cells", "code"),
    [("93.10 ± 0.29", 0), ("93.10 ± 0.99", 1), ("0.931 ± 0.003", 4), ("**91.0 92.0**", 2), ("OOM", 4)],
)
def test_the_exit_code_is_that_of_the_worst_cell(say: Say, cells: str, code: int) -> None:
    Path("cells.csv").write_text(f"id,printed\nours,{cells}\n", encoding="utf-8")
    assert say(*TABLE)[0] == code


def test_seeds_of_two_units_are_no_erratum(say: Say) -> None:
    Path("cells.csv").write_text("id,printed\nours,93.10 ± 0.29\n", encoding="utf-8")
    Path("seeds.csv").write_text(SEEDS.replace("92.75", "0.9275"), encoding="utf-8")
    code, out, _ = say(*TABLE)
    assert code == 2
    assert "0.9275 in run 3 and 93 in run 1: fractions and percent are mixed" in out
    Path("cells.csv").write_text("id,printed\nours,74.74 ± 41.26\n", encoding="utf-8")
    assert say(*TABLE, "--resolution", "0")[0] == 0  # it is what was printed


def test_a_word_among_seeds_that_says_nothing_is_the_cell_s_fault(say: Say) -> None:
    Path("cells.csv").write_text("id,printed\nours,93.10 ± 0.29\n", encoding="utf-8")
    for word, code in (("OOM", 4), ("crashed", 4), ("nan", 4), ("", 4), ("ninety", 2)):
        Path("seeds.csv").write_text(SEEDS.replace("92.75", word), encoding="utf-8")
        assert say(*TABLE)[0] == code
    assert "line 4 of the seeds: wanted a number, got 'ninety'" in say(*TABLE)[1]


def test_json_has_every_cell(say: Say) -> None:
    code, out, _ = say(*TABLE, "--json")
    found = json.loads(out)
    assert code == 2
    assert [(one["cell"], one["verdict"]) for one in found["cells"]] == [("ours", "reproduced"), ("base", "error")]
    assert found["readings"][""][0] == "the standard deviation of n - 1"


def test_options_reach_the_cells(say: Say) -> None:
    Path("scale.csv").write_text("id,scale,resolution\nours,0.01,0\nbase,1,\n", encoding="utf-8")
    Path("cells.csv").write_text("id,printed\nours,0.9310 | 0.0029\n", encoding="utf-8")
    code, out, _ = say(*TABLE, "--pairs", "--scale", "scale.csv", "--spread", "sd", "--runs", "5")
    assert (code, "the table's spread is the standard deviation of n - 1\n" in out) == (0, True)
    assert say(*TABLE, "--pairs", "--scale", "0.01", "--resolution", "0", "--spread", "se")[0] == 1
    assert say(*TABLE, "--pairs", "--scale", "0.01", "--runs", "7")[0] == 4
    assert say(*TABLE, "--where", "id=ours", "--pairs", "--scale", "0.01")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("judge", "--cells", "cells.csv"), "--cells and --seeds belong together"),
        (("judge", "results.csv", "--cells", "cells.csv"), "--cells and RESULTS"),
        ((*TABLE, "--published", "93.1"), "--cells and --published"),
        (("judge", "results.csv", "--comma", "decimal"), "--comma and RESULTS"),
        ((*TABLE, "--spread", "sdd"), "no such spread; did you mean 'sd'?"),
        ((*TABLE, "--scale", "much"), "--scale much: wanted a number"),
        ((*TABLE, "--scale", "0"), "--scale 0: wanted a number other than 0"),
        ((*TABLE, "--resolution", "-1"), "--resolution -1: wanted 0 or more"),
        ((*TABLE, "--runs", "0"), "--runs 0: wanted"),
        (("claims", "gone.md"), "gone.md: no such file"),
        (("claims", "cells.csv", "--out", "seeds.csv"), "--out seeds.csv: is there already"),
    ],
)
def test_a_mistake_is_one_line(say: Say, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = say(*arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1


def test_the_page_s_table_is_judged_as_it_shows(say: Say) -> None:
    page = (PROJECT / "docs/tables.md").read_text(encoding="utf-8")
    blocks = {name: re.search(rf"```{name}\n(.*?)```", page, re.S) for name in ("markdown", "text", "console", "toml")}
    texts = {name: found[1] if found else "" for name, found in blocks.items()}
    Path("paper.md").write_text(texts["markdown"], encoding="utf-8")
    Path("seeds.csv").write_text(texts["text"], encoding="utf-8")
    command, _, shown = texts["console"].partition("\n")
    assert command == "$ repro judge --cells paper.md --seeds seeds.csv"
    assert say(*command.split()[2:])[:2] == (2, shown)
    out = say("claims", "paper.md", "--unit", "%", "--spread", "sd", "--runs", "5", "--place", "table 2")[1]
    assert texts["toml"] in out


def test_a_draft_is_printed_or_written_once(say: Say) -> None:
    code, out, err = say("claims", "cells.csv", "--unit", "%", "--spread", "sd", "--runs", "5", "--place", "table 1")
    assert code == 2
    assert "1 cell could not be read, first cells.csv:3, row base, column printed: holds two numbers" in err
    (entry,) = tomllib.loads(out)["claim"]
    assert (entry["published"], entry["unit"], entry["where"]) == ("93.10 ± 0.29", "%", "table 1")
    Path("cells.csv").write_text("m,A\nours,93.1\n", encoding="utf-8")
    assert say("claims", "cells.csv", "--out", "draft.toml")[:2] == (0, "")
    assert tomllib.loads(Path("draft.toml").read_text(encoding="utf-8"))["claim"][0]["id"] == "ours-a"
