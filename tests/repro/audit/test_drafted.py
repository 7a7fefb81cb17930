"""Drafts of claims: an entry a cell, which the registry reads as it is, decided by nobody but who fills it in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.audit import claims
from repro.audit.claims import Claim
from repro.audit.drafted import REASON, Draft, draft
from repro.audit.judges import JUDGES
from repro.errors import NothingSelectedError, UsageError
from repro.outside.published import Writing
from tests.repro.outside.test_grids import LATEX, written

MARKDOWN = """# Table 2

| Method | CIFAR-10 | Größe |
|---|---|---|
| "base" | 91.00 ± 1.18% | 1,234.5 |
| **Ours†** | **93.10**(29) | 10M |
| Ours | 97.8 [97.1, 98.5] | 97.8 +0.3/-0.2 |
| gone | OOM | [97.1, 98.5] |
| odd | 93.1 94.2 | 0.272978 (±0.0004) (+1.20%) |
"""


def loaded(tmp_path: Path, text: str) -> dict[str, Claim]:
    path = tmp_path / "claims.toml"
    path.write_text(text, encoding="utf-8")
    return {one.id: one for one in claims.load(path, "toy", JUDGES)}


@pytest.fixture
def made(tmp_path: Path) -> Draft:
    return draft(written(tmp_path, "t.md", MARKDOWN), runs=5)


def test_the_registry_reads_a_draft_as_it_is(made: Draft, tmp_path: Path) -> None:
    found = loaded(tmp_path, made.text)
    assert {name: (one.published, one.kind) for name, one in found.items()} == {
        "base-cifar-10": (("91.00 ± 1.18",), "mean-and-deviation"),
        "base-groe": (("1234.5",), "value"),
        "ours-cifar-10": (("93.10 ± 0.29",), "mean-and-deviation"),
        "ours-groe": (("10e6",), "value"),
        "ours-cifar-10-2": (("97.8 ± 0.7",), "mean-and-deviation"),
        "ours-groe-2": (("97.8",), "value"),
        "odd-groe": (("0.272978 ± 0.0004",), "mean-and-deviation"),
    }
    assert made.claims == len(found)
    assert {(one.where, one.runs, one.reason, one.judge) for one in found.values()} == {("Table 2", 5, "not-built", "")}


def test_a_filled_in_draft_is_read_without_fault(made: Draft, tmp_path: Path) -> None:
    text = made.text.replace(REASON, 'judge = "made_of"\ncompute = "claims.runs"')
    found = loaded(tmp_path, text)
    assert {one.judge for one in found.values()} == {"made_of"}
    for one in found.values():
        assert JUDGES["made_of"].decide(one, [1.0, 2.0]).verdict in ("erratum", "inconclusive")


def test_places_and_what_cannot_be_a_claim_are_said(made: Draft) -> None:
    assert "# t.md:6, row Ours, column CIFAR-10\n[[claim]]" in made.text
    assert "# t.md:8, row gone, column CIFAR-10: no number (OOM)" in made.text
    assert "# t.md:8, row gone, column Größe: no mean ([97.1, 98.5])" in made.text
    assert "# t.md:9, row odd, column CIFAR-10: cannot be read, holds two numbers" in made.text
    assert len(made.faults) == 1
    assert made.faults[0].startswith("t.md:9, row odd, column CIFAR-10: holds two numbers, 93.1 and 94.2")


def test_units_spreads_and_runs_are_as_asked_and_never_invented(tmp_path: Path) -> None:
    path = written(tmp_path, "t.md", "| m | A |\n|---|---|\n| ours | 93.1 ± 0.3 |\n")
    (bare,) = loaded(tmp_path, draft(path).text).values()
    assert (bare.unit, bare.spread, bare.runs, bare.margin, bare.judge) == ("", "unknown", None, None, "")
    assert "# Not said, and left out: unit, spread, runs." in draft(path).text
    (said,) = loaded(tmp_path, draft(path, unit="%", spread="se", runs=3, where="page 4").text).values()
    assert (said.unit, said.spread, said.runs, said.where) == ("%", "se", 3, "page 4")
    assert "Not said" not in draft(path, unit="%", spread="se", runs=3).text


def test_per_cent_of_a_cell_is_its_unit_and_another_one_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "t.md", "| m | A |\n|---|---|\n| ours | 93.1 ± 0.3 % |\n| base | 91.0 |\n")
    found = loaded(tmp_path, draft(path).text)
    assert [one.unit for one in found.values()] == ["%", ""]
    assert "says %, and all cells are said to be in 'points'" in draft(path, unit="points").faults[0]


def test_intervals_and_what_stands_beside_are_notes(made: Draft, tmp_path: Path) -> None:
    found = loaded(tmp_path, made.text)
    assert found["ours-groe-2"].note == "Beside it stands the interval from 97.6 to 98.1."
    assert found["odd-groe"].note == "Beside it stands (+1.20%)."


def test_a_table_of_latex_is_drafted(tmp_path: Path) -> None:
    made = draft(written(tmp_path, "t.tex", LATEX))
    found = loaded(tmp_path, made.text)
    assert (made.faults, len(found)) == ((), 5)
    assert found["ours-a-b-cifar-10"].where == "Accuracy on images."
    assert found["others-d-cifar-100"].published == ("69.0 ± 0.1",)


def test_a_column_that_says_what_its_numbers_are_gives_the_spread(tmp_path: Path) -> None:
    made = draft(written(tmp_path, "t.csv", "method,A,A std\nours,93.1,0.3\n"))
    (one,) = loaded(tmp_path, made.text).values()
    assert (one.published, one.spread) == (("93.1 ± 0.3",), "sd")


@pytest.mark.parametrize(
    ("text", "options", "error", "words"),
    [
        ("m,A\nours,1\n", {"spread": "sdd"}, UsageError, "--spread sdd: no such spread; did you mean 'sd'?"),
        ("m,A\nours,1\n", {"runs": 0}, UsageError, "--runs 0: wanted how many runs"),
        ("m,A\nours,1\n", {"labels": 2}, UsageError, "a table of 2 columns has 1 to 1 of labels"),
        ("m,A\nours,OOM\n", {}, NothingSelectedError, "no cell of the table is a number"),
        ('m,A\nours,"1,2"\n', {}, NothingSelectedError, "--comma decimal"),
    ],
)
def test_what_cannot_be_drafted_is_one_line(
    tmp_path: Path, text: str, options: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)):
        draft(written(tmp_path, "t.csv", text), **options)  # type: ignore[arg-type]


def test_a_comma_is_as_asked(tmp_path: Path) -> None:
    path = written(tmp_path, "t.csv", 'm,A\nours,"93,1 ± 0,3"\n')
    (one,) = loaded(tmp_path, draft(path, writing=Writing(comma="decimal")).text).values()
    assert one.published == ("93.1 ± 0.3",)
