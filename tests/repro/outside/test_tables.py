"""Tables of results: every format gives the same runs, damage is one line, and a large file is read as a small one."""

from __future__ import annotations

import json
import math
import random
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
    path.write_text("seed,acc\n1,0.9\n2,nan\n3,-inf\n4,OOM\n5,\n6,Diverged\n")
    found = answer(path, Ask("acc"))
    assert [one.seed for one in found.finite] == [1]
    assert [one.seed for one in found.diverged] == [2, 3, 6]
    assert [(one.seed, one.state, one.why) for one in found.lost] == [
        (4, "failed", "OOM"),
        (5, "unfinished", "no value of acc"),
    ]
    assert all(math.isnan(one.value) for one in found.lost)
    path.write_text("seed,acc\n1,OOM\n1,0.9\n")
    assert values(answer(path, Ask("acc"))) == {1: 0.9}  # made again
    path.write_text("seed,acc\n1,diverged\n1,0.9\n")  # which is no failure: it is not to be made again until it holds
    assert len(answer(path, Ask("acc", duplicate="first")).diverged) == 1


DAMAGED: list[tuple[str, str, type[ReproError], str]] = [
    ("a.csv", "seed,acc\n1,0.9\n2", IntegrityError, r"row 2 has 1 of 2 cells, the file ends in the middle of a record"),
    ("a.csv", "seed,acc\n1\n2,0.9\n", IntegrityError, r"row 1 has 1 of 2 cells, the rows before"),
    ("a.csv", "seed,acc\n1,0.9,\n", IntegrityError, r"row 1 has 3 cells, and the header 2, which has too few; mend"),
    ("a.csv", "# ours\nseed,acc\n1,0.9\n", IntegrityError, r"the header 1, whose first line is a note; leave that out"),
    ("a.csv", "seed,acc\n\n\n", NothingSelectedError, r"there is no row in it"),
    ("a.csv", "seed,acc\n1,93_1\n", UsageError, r"row 1: acc is '93_1', which is no number"),
    ("a.csv", "seed,acc\n1_0,93\n", UsageError, r"row 1: seed is '1_0', wanted a whole number"),
    ("a.csv", f"name,seed,acc\n{'b' * 99},1,93\nc,1,93\nc,2,93\n", UsageError, r"'name' \(b{39}…, c\)"),
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
    (
        "a.jsonl",
        '{"seed": 1, "acc": 1}\n{"seed": 2, "acc": 1, "acc": 2}',
        IntegrityError,
        r"line 2: .*'acc' stands twice",
    ),
    ("a.json", '[{"seed": 1, "acc": 1, "seed": 2}]', IntegrityError, r"'seed' stands twice in one record"),
    (
        "a.json",
        '[{"seed": 1, "acc": 1, "c.lr": 1, "c": {"lr": 2}}]',
        IntegrityError,
        r"'c.lr' stands twice in one record",
    ),
    ("a.json", f'[{{"seed": 1, "acc": 1{"0" * 400}}}]', UsageError, r"row 1: acc is '10+, which is no number"),
    ("a.jsonl", '{"seed": 1}\n' * 1001 + '{"accuracy": 1}', UsageError, r"no column 'acc'; did you mean 'accuracy'"),
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


def test_a_metric_may_be_new_after_thousands_of_records(tmp_path: Path) -> None:
    found = [{"seed": seed, "step": step, "loss": 1.0} for seed in range(2) for step in range(rows.AT_ONCE)]
    found += [{"seed": seed, "step": rows.AT_ONCE, "acc": 0.9} for seed in range(2)]
    path = write(tmp_path / "some.jsonl", found)
    assert values(answer(path, Ask("acc", epoch="last"))) == {0: 0.9, 1: 0.9}
    assert rows.names_of(path, "jsonl") == ["seed", "step", "loss", "acc"]


def test_what_python_has_no_time_for_and_bytes_hinder_no_parquet(tmp_path: Path) -> None:
    columns = {
        "seed": [1, 2],
        "acc": [0.9, 0.8],
        "method": pa.array([b"ours", b"base"]),
        "odd": pa.array([b"\xff", b"\xfe"]),
        "year": pa.array([2**62, 2**62], pa.timestamp("us")),
        "zone": pa.array([2**40, 2**40], pa.timestamp("us", "Nowhere/City")),
    }
    path = tmp_path / "some.parquet"
    pq.write_table(pa.table(columns), path)
    (one,) = answer(path, Ask("acc", {"method": ["ours"]})).results
    assert (one.value, one.fields["method"], one.fields["year"]) == (0.9, "ours", str(2**62))
    arrays = [pa.array([1]), pa.array([0.9]), pa.array([0.8])]
    pq.write_table(pa.Table.from_arrays(arrays, ["seed", "acc", "acc"]), path)
    with pytest.raises(IntegrityError, match="'acc' stands twice in one record"):
        answer(path, Ask("acc"))


def test_blank_lines_are_no_rows_however_many(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("seed,acc\n1,0.9\n" + 2 * rows.AT_ONCE * "\n" + "2,0.8\n")
    assert values(answer(path, Ask("acc"))) == {1: 0.9, 2: 0.8}


def test_runs_of_different_lengths_are_told(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("seed,epoch,acc\n0,0,0.1\n0,1,0.9\n1,0,0.8\n2,0,0.1\n2,1,0.7\n")
    found = answer(path, Ask("acc", epoch="last"))
    assert found.notes == ("the values of acc that count are of different epochs or steps, 0 to 1",)
    assert values(found) == {0: 0.9, 1: 0.8, 2: 0.7}
    assert answer(path, Ask("acc", {"seed": ["0", "2"]}, epoch="last")).notes == ()
    assert answer(path, Ask("acc", epoch="0")).notes == ()


def test_steps_may_begin_anew_with_every_epoch(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    points = [(0, 0, 0.1, 3.0), (0, 1, 0.2, 2.0), (0, 2, 0.3, 4.0), (1, 0, 0.8, 5.0), (1, 1, 0.9, 1.0)]
    lines = [f"7,{epoch},{step},{acc},{loss}" for epoch, step, acc, loss in points]
    path.write_text("\n".join(["seed,epoch,step,acc,loss", *lines]) + "\n")
    assert values(answer(path, Ask("acc", epoch="last"))) == {7: 0.9}
    assert values(answer(path, Ask("acc", epoch="best:min:loss"))) == {7: 0.9}
    assert values(answer(path, Ask("acc", epoch="best:loss"))) == {7: 0.8}
    assert values(answer(path, Ask("acc", epoch="0"))) == {7: 0.3}
    path.write_text("seed,epoch,step,acc,loss\n7,0,9,0.5,\n7,1,9,0.9,\n7,1,9,,2.0\n")
    assert values(answer(path, Ask("acc", epoch="best:loss"))) == {7: 0.9}


def test_a_count_may_tell_runs_apart(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("method,iteration,acc\nours,0,0.8\nours,1,0.9\n")
    with pytest.raises(UsageError, match="nothing says which seed"):
        answer(path, Ask("acc", epoch="last"))
    assert values(answer(path, Ask("acc", seed_from="iteration"))) == {0: 0.8, 1: 0.9}


def test_a_metric_that_chooses_its_own_epoch_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "some.csv", CURVES)
    note = answer(path, Ask("accuracy", {"method": ["ours"]}, epoch="best:accuracy")).notes[0]
    assert note.startswith("of each run its best accuracy counts, chosen by accuracy itself")
    assert answer(path, Ask("accuracy", {"method": ["ours"]}, epoch="best:min:loss")).notes == ()


def test_names_in_a_line_are_few_and_short(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(",".join(["seed", "x" * 999, *(f"c{number}" for number in range(500))]) + "\n" + "1," * 501 + "1\n")
    for asked in (Ask("acc"), Ask("c0", across=("kind",)), Ask("c0", seed_from="kind")):
        with pytest.raises(UsageError, match=r"seed, x{39}…, c.*, .* and \d+ more") as raised:
            answer(path, asked)
        assert len(str(raised.value)) < len(str(path)) + 300


def test_runs_that_each_have_a_method_of_their_own_are_no_sample(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text("config.method,seed,acc\nours,0,0.9\nbase,1,0.8\nold,2,0.7\n")
    with pytest.raises(UsageError, match=r"the runs differ in 'config.method' \(ours, base, old\)"):
        answer(path, Ask("acc"))
    assert len(answer(path, Ask("acc", across=("config.method",))).results) == 3
    path.write_text(path.read_text().replace("config.method", "host"))
    assert "taken for a name" in answer(path, Ask("acc")).notes[0]


def test_what_tells_runs_apart_may_be_any_text(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_text(f"seed,acc\n--5,0.9\n{'9' * 5000},0.8\n+7,0.7\n")
    assert values(answer(path, Ask("acc", seed_from="seed"))) == {"--5": 0.9, "9" * 5000: 0.8, 7: 0.7}


def test_a_value_that_no_epoch_counts_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    for odd in ("", "nan", "inf"):
        path.write_text(f"seed,epoch,acc\n1,0,0.5\n1,1,0.9\n1,{odd},0.7\n")
        for epoch in ("", "last", "best:acc"):
            with pytest.raises(UsageError, match="acc of rows 1 to 3 has 3 values, and not each says at which epoch"):
                answer(path, Ask("acc", epoch=epoch))
        assert values(answer(path, Ask("acc", epoch="1"))) == {1: 0.9}


def test_a_step_may_be_a_part_or_larger_than_any_count(tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    for first, last in (("0.1", "0.9"), ("1e300", "2e300")):
        path.write_text(f"seed,step,acc\n1,{first},0.5\n1,{last},0.9\n")
        assert values(answer(path, Ask("acc", epoch="last"))) == {1: 0.9}
        assert values(answer(path, Ask("acc", epoch=first))) == {1: 0.5}


ODD = (
    b"nan",
    b"1e999",
    b'"',
    b"{",
    b"[",
    b"\xff",
    b"\x00",
    b"null",
    b",",
    b"9" * 5000,
    b"true",
    b"\n",
    b"-",
    b"[" * 3000,
)


@pytest.mark.parametrize("end", ["csv", "tsv", "json", "jsonl", "parquet"])
def test_what_is_changed_anywhere_is_read_or_refused_in_one_line(end: str, tmp_path: Path) -> None:
    path, chance = write(tmp_path / f"some.{end}", CURVES), random.Random(17)
    whole = path.read_bytes()
    for _ in range(60):
        first, last = sorted(chance.choices(range(len(whole)), k=2))
        last = min(last, first + 40) if chance.random() < 0.8 else last
        path.write_bytes(whole[:first] + chance.choice(ODD) * chance.randrange(2) + whole[last:])
        for asked in (Ask("accuracy", {"method": ["ours"]}, epoch="last"), Ask("loss", seed_from="name")):
            said = ""
            try:
                answer(path, asked)
            except ReproError as error:
                said = str(error)
            assert "\n" not in said
            assert len(said) < len(str(path)) + 600


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
