"""Tables of results: every format gives the same runs, damage is one line, and a large file is read as a small one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from repro.errors import IntegrityError, NothingSelectedError, ReproError, UsageError
from repro.outside import rows
from repro.outside.ask import Answer, Ask, answer

KINDS = [("ours", 93.0), ("base", 91.0)]
ROWS = [
    {"method": method, "dataset": "cifar", "seed": seed, "accuracy": mean + seed / 10, "loss": 1 / (seed + mean)}
    for method, mean in KINDS
    for seed in range(5)
]
CURVES = [{**row, "epoch": epoch, "accuracy": row["accuracy"] + epoch} for row in ROWS for epoch in range(3)]


def csv_text(found: list[dict[str, Any]], sign: str = ",") -> str:
    lines = [sign.join(found[0]), *(sign.join(str(cell) for cell in row.values()) for row in found)]
    return "\n".join(lines) + "\n"


def write(path: Path, found: list[dict[str, Any]]) -> Path:
    """Write rows in the form that the file's name says."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(found), path)
        return path
    texts: dict[str, Callable[[], str]] = {
        ".csv": lambda: csv_text(found),
        ".tsv": lambda: csv_text(found, "\t"),
        ".json": lambda: json.dumps(found),
        ".jsonl": lambda: "".join(json.dumps(row) + "\n" for row in found),
    }
    path.write_text(texts[path.suffix]())
    return path


def values(found: Answer) -> dict[int | str, float]:
    return {one.seed: one.value for one in found.results}


@pytest.mark.parametrize("end", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_each_format_gives_the_same_results(end: str, tmp_path: Path) -> None:
    found = answer(write(tmp_path / f"some.{end}", ROWS), Ask("accuracy", {"method": ["ours"]}))
    assert found.tool == end
    assert values(found) == {seed: 93.0 + seed / 10 for seed in range(5)}
    assert [one.origin for one in found.results] == [f"row {number}" for number in range(1, 6)]
    assert {one.fields["dataset"] for one in found.results} == {"cifar"}


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_a_column_of_epochs_makes_curves(end: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"some.{end}", CURVES)
    ours = {"method": ["ours"]}
    with pytest.raises(UsageError, match=r"accuracy has 3 values in rows 1 to 3 \(epochs 0 to 2\); say which by"):
        answer(path, Ask("accuracy", ours))
    assert values(answer(path, Ask("accuracy", ours, epoch="last"))) == {seed: 95.0 + seed / 10 for seed in range(5)}
    assert values(answer(path, Ask("accuracy", ours, epoch="1"))) == {seed: 94.0 + seed / 10 for seed in range(5)}
    assert values(answer(path, Ask("accuracy", ours, epoch="best:min:accuracy"))) == values(
        answer(path, Ask("accuracy", ours, epoch="0"))
    )


def test_a_long_table_names_its_metrics_in_a_column(tmp_path: Path) -> None:
    long = [
        {"seed": row["seed"], "metric": name, "value": row[name]} for row in ROWS[:5] for name in ("accuracy", "loss")
    ]
    path = write(tmp_path / "long.csv", long)
    assert values(answer(path, Ask("accuracy"))) == {row["seed"]: row["accuracy"] for row in ROWS[:5]}
    assert values(answer(path, Ask("loss"))) == {row["seed"]: row["loss"] for row in ROWS[:5]}
    with pytest.raises(NothingSelectedError, match="no row has metric=acuracy; did you mean 'accuracy'"):
        answer(path, Ask("acuracy"))


def test_a_long_table_of_curves_finds_the_best_epoch_by_another_metric(tmp_path: Path) -> None:
    long = [
        {"seed": seed, "lr": 0.1 * seed, "epoch": epoch, "metric": name, "value": value + seed}
        for seed in range(3)
        for epoch, both in enumerate([(0.5, 2.0), (0.9, 1.0), (0.7, 3.0)])
        for name, value in zip(("acc", "loss"), both, strict=True)
    ]
    path = write(tmp_path / "long.csv", long)
    assert values(answer(path, Ask("acc", epoch="best:min:loss"))) == {0: 0.9, 1: 1.9, 2: 2.9}
    assert values(answer(path, Ask("loss", epoch="best:acc"))) == {0: 1.0, 1: 2.0, 2: 3.0}
    once = write(tmp_path / "once.csv", [row for row in long if row["epoch"] == 0])
    once.write_text("".join(line.replace(",epoch,", ",fold,") for line in once.read_text().splitlines(keepends=True)))
    assert values(answer(once, Ask("acc", epoch="best:loss"))) == {0: 0.5, 1: 1.5, 2: 2.5}


def test_a_number_tells_curves_apart_where_it_takes_one(tmp_path: Path) -> None:
    found = [
        {"lr": rate, "seed": seed, "epoch": epoch, "acc": rate + seed + epoch / 10, "lr_now": rate / (1 + epoch)}
        for rate in (0.1, 0.2)
        for seed in range(2)
        for epoch in range(3)
    ]
    path = write(tmp_path / "some.csv", found)
    with pytest.raises(UsageError, match=r"the runs differ in 'lr' \(0.1, 0.2\)"):
        answer(path, Ask("acc", epoch="last"))
    (first, second) = answer(path, Ask("acc", {"lr": ["0.2"]}, epoch="last")).results
    assert (first.value, second.value) == pytest.approx((0.4, 1.4))
    assert set(first.fields) == {"lr", "seed"}  # what changes along a curve is no field


def test_a_folder_of_tables_is_one_with_a_column_that_says_which_file(tmp_path: Path) -> None:
    for seed in range(3):
        (tmp_path / f"seed-{seed}.csv").write_text(f"epoch,acc\n0,0.8\n1,0.9{seed}\n")
    with pytest.raises(UsageError, match=r"nothing says which seed.*--seed-from FIELD \(fields: file\)"):
        answer(tmp_path, Ask("acc", epoch="last"))
    assert values(answer(tmp_path, Ask("acc", epoch="last", seed_from="file"))) == {
        f"seed-{seed}": float(f"0.9{seed}") for seed in range(3)
    }


def test_nested_objects_have_names_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text('{"config": {"seed": 7}, "test": {"acc": 0.5}}\n{"config": {"seed": 8}, "test": {"acc": NaN}}\n')
    found = answer(path, Ask("test.acc"))
    assert values(found)[7] == 0.5
    assert [one.seed for one in found.diverged] == [8]


def test_what_no_number_is_diverged_failed_or_left_nothing(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("seed,acc\n1,0.9\n2,nan\n3,-inf\n4,OOM\n5,\n")
    found = answer(path, Ask("acc"))
    assert [one.seed for one in found.finite] == [1]
    assert [one.seed for one in found.diverged] == [2, 3]
    assert [(one.seed, one.state, one.why) for one in found.lost] == [
        (4, "failed", "OOM"),
        (5, "unfinished", "no value of acc"),
    ]
    assert all(math.isnan(one.value) for one in found.lost)
    path.write_text("seed,acc\n1,OOM\n1,0.9\n")
    assert values(answer(path, Ask("acc"))) == {1: 0.9}  # made again


DAMAGED: list[tuple[str, str, type[ReproError], str]] = [
    ("a.csv", "seed,acc\n1,0.9\n2", IntegrityError, r"row 2 has 1 of 2 cells, the file ends in the middle of a record"),
    ("a.csv", "seed,acc\n1\n2,0.9\n", IntegrityError, r"row 1 has 1 of 2 cells, the rows before"),
    ("a.csv", 'seed,acc\n1,0.9\n"2', IntegrityError, r"line 3: not readable as csv"),
    ("a.csv", "seed,acc,acc\n1,2,3\n", UsageError, r"column 'acc' stands twice"),
    ("a.csv", "", UsageError, r"wanted a header"),
    ("a.csv", "seed,acc\n", NothingSelectedError, r"there is no row in it"),
    ("a.csv", "seed,acc\n1,0.9\n2,good\n", UsageError, r"row 2: acc is 'good', which is no number"),
    ("a.csv", "seed;acc\n1;0,93\n", UsageError, r"row 1: acc is '0,93', .*write a decimal point, as in 0.93"),
    ("a.csv", "seed,acc\n1,93%\n", UsageError, r"leave out the sign in the table, and say --unit %"),
    ("a.csv", "seed,accuracy\n1,93\n", UsageError, r"no column 'acc'; did you mean 'accuracy'\? \(columns: seed, acc"),
    ("a.csv", "seed,acc\nx,93\n", UsageError, r"row 1: seed is 'x', wanted a whole number"),
    ("a.csv", "seed,acc\n1.5,93\n", UsageError, r"row 1: seed is '1.5', wanted a whole number"),
    (
        "a.csv",
        "seed,acc\n1,93\n1,94\n",
        UsageError,
        r"2 runs have seed 1 \(row 1, row 2\); .*--duplicate first",
    ),
    ("a.csv", "acc\n93\n94\n", UsageError, r"nothing says which seed a run had; say --seed-from name"),
    ("a.json", '[{"seed": 1, "acc": 0.9}, {"se', IntegrityError, r"the file ends in the middle of a record"),
    ("a.json", '{"seed": [1, 2], "acc": [0.9]}', IntegrityError, r"different lengths \(seed 2, acc 1\)"),
    ("a.json", "[1, 2]", UsageError, r"record 1 is 1, wanted an object"),
    ("a.jsonl", '{"seed": 1, "acc": 1}\n{"seed": 2, "a', IntegrityError, r"line 2: .*ends in the middle of a record"),
    ("a.parquet", "PAR1", IntegrityError, r"not a readable Parquet file"),
    ("a.csv", "seed,acc\n1,\udcff\n", IntegrityError, r"not UTF-8 at byte"),
]


@pytest.mark.parametrize(("name", "text", "error", "said"), DAMAGED)
def test_damage_and_ambiguity_are_one_line(
    name: str, text: str, error: type[ReproError], said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(error, match=said) as raised:
        answer(path, Ask("acc"))
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_an_empty_or_missing_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NothingSelectedError, match="an empty folder"):
        answer(tmp_path, Ask("acc"))
    with pytest.raises(UsageError, match="no such file or folder"):
        answer(tmp_path / "gone", Ask("acc"))


# A large file


def test_a_large_file_gives_what_a_small_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [{**row, "note": f'a "{row["seed"]}", b'} for row in CURVES]
    path = tmp_path / "some.csv"
    pa.csv.write_csv(pa.Table.from_pylist(odd), path)
    asks = [
        Ask("accuracy", {"method": ["ours"]}, epoch="last"),
        Ask("loss", {"method": ["base"]}, epoch="best:accuracy"),
    ]
    small = [answer(path, ask) for ask in asks]
    monkeypatch.setattr(rows, "LARGE", 0)
    monkeypatch.setattr(rows, "BLOCK", 256)  # bytes: several parts
    assert [answer(path, ask) for ask in asks] == small
    (tmp_path / "cut.csv").write_bytes(path.read_bytes()[:-30])
    with pytest.raises(IntegrityError, match=r"cut.csv: not readable as csv"):
        answer(tmp_path / "cut.csv", asks[0])
    (tmp_path / "words.csv").write_text("seed,acc\n1,0.5\n2,OOM\n3,good\n")
    with pytest.raises(UsageError, match="row 3: acc is 'good'"):
        answer(tmp_path / "words.csv", Ask("acc"))


def test_more_runs_than_anybody_has_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "examples.parquet"
    count = 100_001
    pq.write_table(pa.table({"seed": np.arange(count), "acc": np.zeros(count)}), path)
    with pytest.raises(UsageError, match=r"100,001 runs are selected, at most 100,000 can be; narrow by --where"):
        answer(path, Ask("acc"))
