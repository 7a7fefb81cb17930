"""Killed at any moment, or on a full disk: no finished run is lost or doubled."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from repro.runs import pieces, table
from repro.runs.held import held
from tests.repro.conftest import Cli, command, toy_source, write_study
from tests.repro.runs.test_ends import BRISK, workers_of

FOUND = ["experiment", "case", "replicate", "seed", "metric", "value", "status", "curve"]


class TestKilled:
    """`kill -9` of the parent, of a worker, of both, at random moments."""

    @pytest.mark.parametrize("seed", range(2))
    def test_nothing_finished_is_lost_or_doubled(self, project: Path, cli: Cli, seed: int) -> None:
        write_study(project, "montecarlo", BRISK.replace("sleep(0.01)", "sleep(0.02)"))
        kills = kill_until_done(project, random.Random(seed), 12)
        assert kills.total() >= 3, kills
        assert cli("run", "montecarlo", "--replicates", "40", "-q", "--results", "whole.parquet").returncode == 0
        found, whole = (pieces.read(project / name).select(FOUND) for name in ("killed.parquet", "whole.parquet"))
        assert found.equals(whole)


def kill_until_done(project: Path, chance: random.Random, most: int) -> Counter[str]:
    """Make 240 runs, killing parent, worker or both at random moments; every run that was there stays, once."""
    path, kills, before = project / "killed.parquet", Counter[str](), set[Any]()
    line = command("run", "montecarlo", "--replicates", "40", "--jobs", "2", "-q", "--results", path.name)
    ended = -1
    while ended != 0:
        process = subprocess.Popen(line, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and kills.total() < most:
            began, wait = pieces.state(path), chance.random() < 0.8  # most of them while runs are made
            while process.poll() is None and wait and pieces.state(path) == began:
                time.sleep(0.002)
            time.sleep(chance.uniform(0.0, 0.3 if wait else 1.0))
            workers = [*workers_of(process.pid), *[0] * 2][:2] if process.poll() is None else [0]
            whom = chance.choice(["parent", "worker", "both"])
            hit = [process.pid] * (whom != "worker") + [chance.choice(workers)] * (whom != "parent")
            if 0 not in hit and process.poll() is None:
                for one in hit:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(one, signal.SIGKILL)
                kills[whom] += 1
        ended = process.wait(120)
        if pieces.there(path):
            rows = pieces.read(path)
            runs = list(zip(*(rows[name].to_pylist() for name in ("case", "replicate")), strict=True))
            assert len(runs) == 2 * len(set(runs)), "half a run, or one twice"
            assert before <= set(runs), "a finished run was lost"
            before = set(runs)
    return kills


class TestFullDisk:
    """It ends with exit 7, and what was finished is kept."""

    @pytest.mark.parametrize("size", [0, 3_000, 9_000, 14_000, 30_000])
    def test_what_was_finished_is_kept(self, project: Path, cli: Cli, size: int) -> None:
        """A limit on the size of files stands for the disk: the journal meets it, or the table that it is joined to."""
        write_study(project, "montecarlo", BRISK)
        line = command("run", "montecarlo", "--replicates", "10", "--jobs", "1", "--results", "full.parquet")
        done = subprocess.run(
            line,
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        said = done.stderr.splitlines()
        assert done.returncode == 7, done.stderr
        assert "cannot be written (File too large)" in said[-1]
        path, finished = project / "full.parquet", sum(text.startswith("[") for text in said)
        kept = len(held(path))
        assert kept in (finished, finished + 1)  # one may be on the disk and not be told of
        assert kept or size < 3_000
        again = cli("run", "montecarlo", "--replicates", "10", "--results", "full.parquet")
        assert f"{60 - kept} runs made, {kept} were there already" in again.stdout, again.stderr
        assert table.read(path).num_rows == 2 * 60


def test_runs_of_a_moment_wait_in_their_worker(project: Path, cli: Cli) -> None:
    """A worker that dies takes the run that it makes, and those that wait there are made by another."""
    fatal = "    import os, pathlib\n    if points.count == 500 and run.replicate == 3: os._exit(9)\n    draw = random"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", fatal))
    done = cli("run", "montecarlo", "--replicates", "10", "-q", "--jobs", "1")
    assert done.returncode == 7
    assert done.stderr.count("failed: estimate") == 2  # two shapes
    assert table.read(project / "results/montecarlo/smoke.parquet").num_rows == 2 * (60 - 2)
