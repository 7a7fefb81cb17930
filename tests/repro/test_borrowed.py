"""What a lease of a GPU leaves: a table for each study, and the states of runs that were cut off, for the next one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import borrowed
from repro import registry
from repro.errors import UsageError
from repro.machine import root
from repro.runs import store, table
from repro.runs.store import Store
from tests.repro.conftest import Cli, write_study
from tests.sources import PROJECT

STUDY = """
from dataclasses import dataclass
from random import Random

from repro.study import Profile, Study

study = Study("scores", paper=Profile(None, replicates=1, faithful=True), smoke=Profile(None, cannot_answer="all"))


@dataclass(frozen=True)
class Network:
    depth: int


@study.experiment((Network(3),), metrics=("score",))
def trained(case, run):
    '''Score of a network.'''
    return {"score": 92.0 + Random(run.seed).gauss(0, 0.1)}
"""
CLAIM = """[[claim]]
id = "score"
where = "table 1"
kind = "value"
statement = "It is so."
published = "92.0"
margin = 0.5
judge = "interval"
rows = { experiment = "trained", metric = "score" }
"""


@pytest.fixture
def scores(project: Path) -> Path:
    write_study(project, "scores", STUDY)
    (project / "studies/scores/claims.toml").write_text(CLAIM)
    return project


def lease(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "bench.borrowed", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, timeout=120, check=False)


def verdict(cli: Cli) -> str:
    (only,) = json.loads(cli("audit", "scores", "--json").stdout)
    return str(only["verdict"])


def test_a_lease_brings_back_a_table_that_decides(scores: Path, cli: Cli) -> None:
    done = lease(scores, "out", "--seconds", "600", "--studies", "scores", "--device", "cpu", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    back = scores / "out" / "scores-paper.parquet"
    assert f"{table.read(back).num_rows} rows" in done.stdout
    subprocess.run(["rm", "-r", scores / "results"], check=True)  # the other machine's, which is given back
    assert verdict(cli) == "inconclusive"
    assert cli("merge", str(back), "--out", "results/scores/paper.parquet").returncode == 0
    assert verdict(cli) == "reproduced"


def test_nothing_is_begun_that_could_not_end(scores: Path) -> None:
    done = lease(scores, "out", "--seconds", "5", "--studies", "scores", "--device", "cpu")
    assert (done.returncode, done.stdout) == (0, "left, the seconds are over: scores\n")


def test_a_machine_without_a_gpu_is_told_so(scores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    done = lease(scores, "out", "--seconds", "600", "--studies", "scores")
    assert done.returncode == 7
    assert "this machine shows none" in done.stderr


def test_states_of_unfinished_runs_go_from_one_lease_to_the_next(scores: Path, tmp_path: Path) -> None:
    with root.named(scores):
        states = Store(store.results_path("scores", "paper")).unfinished
        states.mkdir(parents=True)
        (states / "one.checkpoint").write_bytes(b"{}\nstate")
        (said,) = borrowed.brought_back(tmp_path, "scores")
        assert "1 unfinished runs" in said
        subprocess.run(["rm", "-r", scores / "results"], check=True)
        borrowed.taken_along(tmp_path, "scores")
        assert (states / "one.checkpoint").read_bytes() == b"{}\nstate"


def test_those_that_wait_most_come_first_and_others_are_refused() -> None:
    assert borrowed.ordered([])[:2] == ["rfnn", "sesn"]
    assert sorted(borrowed.ordered([])) == sorted(registry.names())
    assert borrowed.ordered(["rbf"]) == ["rbf"]
    with pytest.raises(UsageError, match="--studies lenet"):
        borrowed.ordered(["lenet"])
