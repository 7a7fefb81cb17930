"""Files of rows: those that lack the end of their last line, and JSON that numbers its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.errors import IntegrityError
from repro.outside import rows
from repro.outside.ask import Answer, Ask, answer


def values(found: Answer) -> dict[int | str, float]:
    return {one.seed: one.value for one in found.results}


def test_a_last_line_without_an_end_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    for text in ("method,seed,acc\nbase,1,0.8\nours,1,0.91\nours,2,0.9", "method\tseed\tacc\nours\t1\t0.9"):
        path.write_text(text)
        (note,) = answer(path, Ask("acc", {"method": ["ours"]})).notes
        rows = text.count("\n")
        assert note == f"some.csv: its last line has no end; if it was cut there, row {rows} lacks its last digits"
    path.write_text("method,seed,acc\nours,1,0.9\nbase,1,0.8")
    assert answer(path, Ask("acc", {"method": ["ours"]})).notes == ()
    path.write_text("method,seed,acc\r\nours,1,0.9\r\n")
    assert answer(path, Ask("acc")).notes == ()
    folder = tmp_path / "runs"
    folder.mkdir()
    for seed, end in ((1, "\n"), (2, "")):
        (folder / f"seed-{seed}.csv").write_text(f"epoch,acc\n0,0.8\n1,0.9{seed}{end}")
    (note,) = answer(folder, Ask("acc", epoch="last", seed_from="file")).notes
    assert note.startswith("seed-2: its last line has no end")


@pytest.mark.parametrize(
    "text",
    [
        '{"seed": {"0": 1, "1": 2}, "acc": {"0": 0.9, "1": 0.8}}',  # as pandas writes them, by columns
        '{"0": {"seed": 1, "acc": 0.9}, "1": {"seed": 2, "acc": 0.8}}',  # and by rows
    ],
)
def test_an_object_of_numbered_rows_is_a_table(text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    assert values(answer(path, Ask("acc"))) == {1: 0.9, 2: 0.8}


def test_an_object_of_objects_without_numbers_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    path.write_text('{"config": {"seed": 7}, "test": {"acc": 0.5}}')
    assert values(answer(path, Ask("test.acc"))) == {7: 0.5}


def test_a_cell_that_is_cut_within_its_quotes_is_damage_in_a_large_file_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.csv"
    path.write_text('seed,method,acc\n1,"ours",0.9\n2,ours,"0.')
    for large in (rows.LARGE, 1):
        monkeypatch.setattr(rows, "LARGE", large)
        with pytest.raises(IntegrityError, match="unexpected end of data"):
            answer(path, Ask("acc"))
    path.write_text('seed,method,acc\n1,5" disk,0.9\n')  # a mark within a cell is one
    assert values(answer(path, Ask("acc"))) == {1: 0.9}
