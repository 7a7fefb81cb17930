"""`repro import` from a shell: rows are marked, an edited file is noticed, nothing takes them for runs."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.repro.conftest import write_study
from tests.repro.support import forked

STUDY = '''"""A paper's table, whose runs somebody else's code made."""

from dataclasses import dataclass

from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Case:
    """A line of the table."""

    method: str


study = Study("table", paper=Profile(None, replicates=5, faithful=True))


@study.experiment([Case("ours"), Case("base")], metrics=[Metric("accuracy", "%")])
def train(case, run):
    """Train."""
    return {"accuracy": 80 + run.seed % 1000 / 1000}
'''
CLAIMS = """[[claim]]
id = "ours"
where = "table 1"
kind = "value"
statement = "Ours has 93.1."
published = "93.1"
unit = "%"
margin = 0.5
judge = "interval"
rows = { experiment = "train", metric = "accuracy", method = "ours" }

[[claim]]
id = "better"
where = "table 1"
kind = "order"
statement = "Ours is better."
published = "better"
unit = "points"
margin = 0.1
judge = "order"
rows = { experiment = "train", metric = "accuracy", above = { method = "ours" }, below = { method = "base" } }
"""
ROWS = [("ours", seed, 93.0 + seed / 20) for seed in range(5)] + [("base", seed, 91.0 + seed / 25) for seed in range(5)]
IMPORT = ("import", "runs.csv", "--study", "table", "--metric", "accuracy=val_acc")
TABLE = "results/table/paper.imported.parquet"
Repro = Callable[..., subprocess.CompletedProcess[str]]


def written(rows: Sequence[tuple[str, object, object]]) -> str:
    return "".join([*["method,seed,val_acc\n"], *(f"{method},{seed},{value}\n" for method, seed, value in rows)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a study of a table, and a file of somebody's runs."""
    write_study(tmp_path, "table", STUDY)
    (tmp_path / "studies/table/claims.toml").write_text(CLAIMS)
    (tmp_path / "runs.csv").write_text(written(ROWS))
    return tmp_path


@pytest.fixture
def repro(folder: Path) -> Repro:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return forked.repro(arguments, folder)

    return call


def verdicts(repro: Repro, *options: str) -> dict[str, tuple[str, str, list[dict[str, object]]]]:
    """Return verdict, evidence and imports of each claim, as machines are told."""
    found = repro("audit", "table", "--json", *options)
    assert found.returncode == 0, found.stderr
    return {one["id"]: (one["verdict"], one["evidence"], one["imported"]) for one in json.loads(found.stdout)}


def test_a_csv_answers_claims_and_is_marked_until_it_is_edited(repro: Repro, folder: Path) -> None:
    first = repro(*IMPORT)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[-1] == f"wrote {TABLE}: 10 rows, not run by us"
    verdict, evidence, said = verdicts(repro)["ours"]
    assert verdict == "reproduced"
    assert evidence.startswith("imported, not run by us: ")
    assert [(one["file"], one["runs"]) for one in said] == [("runs.csv", 5)]
    assert verdicts(repro)["better"][0] == "reproduced"  # as it is kept
    (folder / "runs.csv").write_text(written([("ours", 0, 13.49), *ROWS[1:]]))
    verdict, evidence, said = verdicts(repro)["ours"]
    assert (verdict, said) == ("inconclusive", [])
    again = "repro import runs.csv --study table --profile paper --metric accuracy=val_acc"
    assert evidence == f"5 imported runs left out, runs.csv has changed since: `{again}`"
    (status,) = json.loads(repro("status", "--json").stdout)
    assert (status["made"], status["runs"], status["outdated"]) == ("imported", 10, 10)
    assert "1 of before are replaced or gone" in repro(*again.split()[1:]).stdout
    assert verdicts(repro)["ours"][1].startswith("imported, not run by us: 77.2")
    (folder / "runs.csv").unlink()
    assert "runs.csv is gone since" in verdicts(repro)["ours"][1]


def test_nothing_takes_imported_rows_for_runs(repro: Repro, folder: Path) -> None:
    repro(*IMPORT)
    held = (folder / TABLE).read_bytes()
    for arguments in (
        ("diff", TABLE, TABLE),
        ("merge", TABLE, "--out", "merged.parquet"),
        ("bless", "table", "--profile", "paper", "--results", TABLE, "--reason", "so"),
        ("bundle", "table", "--profile", "paper", "--results", TABLE),
    ):
        found = repro(*arguments)
        assert found.returncode == 2, arguments
        assert "holds imported rows, which were not run by us" in found.stderr
        assert len(found.stderr.splitlines()) == 1
    found = repro("bless", "table", "--profile", "paper", "--reason", "so")
    assert found.returncode == 5
    assert "(paper.imported.parquet holds imported rows, which are no runs of ours)" in found.stderr
    assert repro("check", "table", "--profile", "paper").returncode == 5  # there is no golden, and none is made of them
    assert "10 runs made" in repro("run", "table", "--profile", "paper").stdout  # none of them was there
    assert (folder / TABLE).read_bytes() == held
    assert not (folder / "merged.parquet").exists()
    verdict, evidence, said = verdicts(repro)["ours"]
    assert (verdict, said) == ("not reproduced", [])
    assert evidence.endswith("5 imported runs left out, since runs of ours are there")
    made = [(one["made"], one["runs"]) for one in json.loads(repro("status", "--json").stdout)]
    assert made == [("by us", 10), ("imported", 10)]


def test_a_dry_run_says_what_would_be_and_writes_nothing(repro: Repro, folder: Path) -> None:
    found = repro(*IMPORT, "--dry-run", "--json")
    assert not (folder / "results").exists()
    said = json.loads(found.stdout)
    assert (said["written"], said["rows"], said["replaced"]) == (False, 10, 0)
    assert {row["metric"] for row in said["found"]} == {"accuracy"}
    assert said["found"][0]["origin"] == "row 1"
    assert len(said["found"][0]["digest"]) == 64


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([("our", 0, 93.0), *ROWS], (), "method=our, which no case of 'train' has; did you mean 'ours'?"),
        ([*ROWS, ("ours", 0, 93.0)], (), "2 runs have seed 0"),
        ([("ours", "a", 93.0)], (), "seed is 'a', wanted a whole number"),
        (
            [("ours", 0, 0.93)],
            (),
            "say --unit accuracy=1 if these are fractions",
        ),
        (ROWS, ("--metric", "loss=x"), "experiment 'train' has no metric 'loss'"),
        (ROWS, ("--case", "method"), "--case method: wanted FIELD=VALUE"),
        (ROWS, ("--profile", "papre"), "has no profile 'papre'; did you mean 'paper'?"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    repro: Repro, folder: Path, rows: Sequence[tuple[str, object, object]], options: tuple[str, ...], words: str
) -> None:
    (folder / "runs.csv").write_text(written(rows))
    found = repro(*IMPORT, *options)
    assert found.returncode == 2
    assert words in found.stderr
    assert len(found.stderr.splitlines()) == 1
    assert not (folder / "results").exists()


def test_runs_that_ended_in_no_number_are_rows_and_no_numbers(repro: Repro, folder: Path) -> None:
    (folder / "runs.csv").write_text(written([*ROWS, ("ours", 5, "nan"), ("ours", 6, "OOM"), ("ours", 7, "")]))
    found = json.loads(repro(*IMPORT, "--json").stdout)["found"]
    ends = {row["seed"]: (row["value"], row["status"]) for row in found if row["case"] == '{"method":"ours"}'}
    assert ends["4"] == (93.2, "ok")
    assert {seed: ends[seed][0] for seed in "567"} == dict.fromkeys("567")
    assert ends["6"] == (None, "failed")
    verdict, evidence, (source,) = verdicts(repro)["ours"]
    assert verdict == "inconclusive"
    assert "1 of 8 diverged; 2 of 8 left no value; 1 failed: OOM; 1 unfinished: no value of val_acc; 8 runs" in evidence
    assert source["runs"] == 8


@pytest.mark.parametrize("word", ["nan", "diverged", "OOM", "killed", ""])
def test_an_import_and_a_question_say_the_same_of_the_same_file(repro: Repro, folder: Path, word: str) -> None:
    """Runs that left no number were set aside on one of the two ways, and their survivors reproduced a claim there."""
    (folder / "runs.csv").write_text(written([*ROWS, *(("ours", seed, word) for seed in range(5, 9))]))
    repro(*IMPORT)
    asked = ("--metric", "val_acc", "--where", "method=ours", "--published", "93.1", "--margin", "0.5", "--unit", "%")
    said = json.loads(repro("judge", "runs.csv", *asked, "--json").stdout)
    verdict, evidence, _ = verdicts(repro)["ours"]
    assert verdict == said["verdict"]
    assert verdict != "reproduced"
    counts = re.compile(r"\d of \d (?:diverged|left no value)")
    assert counts.findall(evidence) == counts.findall(said["evidence"])
