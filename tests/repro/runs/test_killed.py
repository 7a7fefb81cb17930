"""Killed at any moment, or on a full disk: no finished run is lost or doubled."""

from __future__ import annotations

import random
import resource
import subprocess
from pathlib import Path

import pytest

from repro.runs import pieces, table
from repro.runs.held import held
from tests.repro.conftest import Cli, toy_source, write_study
from tests.repro.support.forked import command
from tests.repro.support.kills import BRISK, FOUND, SLOW, kill_until_done


class TestKilled:
    """`kill -9` of the parent, of a worker, of both, at random moments."""

    @pytest.mark.parametrize("seed", range(2))
    def test_nothing_finished_is_lost_or_doubled(self, project: Path, cli: Cli, seed: int) -> None:
        write_study(project, "montecarlo", SLOW)
        kills = kill_until_done(project, project / "killed.parquet", random.Random(seed), 12)
        assert kills.total() >= 3, kills
        assert cli("run", "montecarlo", "--replicates", "40", "-q", "--results", "whole.parquet").returncode == 0
        found, whole = (pieces.read(project / name).select(FOUND) for name in ("killed.parquet", "whole.parquet"))
        assert found.equals(whole)


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
