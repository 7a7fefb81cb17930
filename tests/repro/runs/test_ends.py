"""A worker that is killed takes its run with it and nothing else: it is named, and no end looks like a pass."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from repro.runs import table
from tests.repro.conftest import Cli, toy_source, write_study
from tests.repro.support.forked import command
from tests.repro.support.kills import BRISK, workers_of

RUNS = 150  # 6 cases, 25 replicates


def killing(project: Path, chance: random.Random, kills: int) -> tuple[int, dict[str, object], str, int]:
    """Make all runs, killing workers at random moments; return the exit code, the summary, stderr and the kills."""
    (project / "killed.parquet").unlink(missing_ok=True)
    line = command(
        "run", "montecarlo", "--replicates", "25", "--jobs", "2", "--json", "-q", "--results", "killed.parquet"
    )
    process = subprocess.Popen(line, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    done = 0
    while process.poll() is None and done < kills:
        time.sleep(chance.uniform(0.05, 0.6))
        for worker in workers_of(process.pid)[:1] if chance.random() < 0.5 else workers_of(process.pid)[-1:]:
            try:
                os.kill(worker, signal.SIGKILL)
            except ProcessLookupError:
                continue
            done += 1
    out, err = process.communicate(timeout=120)
    return process.returncode, json.loads(out), err, done


@pytest.mark.parametrize("seed", range(4))
def test_workers_killed_at_random_moments_never_end_in_a_pass_before_all_runs_are_made(
    project: Path, seed: int
) -> None:
    write_study(project, "montecarlo", BRISK)
    code, said, err, done = killing(project, random.Random(seed), 5)
    made = {(row["case"], row["replicate"]) for row in table.read(project / "killed.parquet").to_pylist()}
    lost = said["failed"]
    assert isinstance(lost, list)
    assert done >= 1
    assert len(made) + len(lost) == RUNS, err
    assert code == (7 if lost else 0), err
    assert "Traceback" not in err
    assert all("ended without a word (by signal 9)" in text for text in lost)


def test_a_run_that_dies_is_named_and_all_others_are_made(project: Path, cli: Cli) -> None:
    fatal = "    import os\n    if points.count == 500: os._exit(9)\n    draw = random"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", fatal))
    done = cli("run", "montecarlo", "--replicates", "1", "-q")
    assert done.returncode == 7
    assert done.stderr.count("failed: estimate") == 2
    assert done.stderr.count("(with exit code 9)") == 2
    assert table.read(project / "results/montecarlo/smoke.parquet").num_rows == 4 * 2
    write_study(project, "montecarlo", toy_source())
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0


@pytest.mark.parametrize("code", ["", "0", "1", "'no GPU'"])
def test_a_run_that_ends_the_program_is_a_failed_run(project: Path, cli: Cli, code: str) -> None:
    ended = f"    import sys; sys.exit({code})\n    draw = random"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", ended))
    done = cli("run", "montecarlo", "--replicates", "1", "-q")
    assert done.returncode == 7
    assert "failed: estimate" in done.stderr
    assert "SystemExit" in done.stderr


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("raise KeyboardInterrupt", "KeyboardInterrupt (__init__.py:"),
        ("raise Odd", "Odd: its text raises ZeroDivisionError (__init__.py:"),
        ("return None", "returned None, wanted a mapping of metrics to numbers"),
    ],
)
def test_what_a_run_raises_or_returns_is_its_own_failure(project: Path, cli: Cli, raised: str, said: str) -> None:
    """It took the process with it, and memory was blamed; the run was kept nowhere."""
    odd = "class Odd(Exception):\n    def __str__(self):\n        return str(1 / 0)\n\n\n@study.experiment"
    source = toy_source().replace("@study.experiment", odd, 1)
    write_study(project, "montecarlo", source.replace("    draw = random", f"    {raised}\n    draw = random"))
    done = cli("run", "montecarlo", "--replicates", "1", "-q")
    assert done.returncode == 7
    assert (done.stderr.count(said), "Traceback" in done.stderr) == (6, False), done.stderr
    made = table.read(project / "results/montecarlo/smoke.parquet")
    assert all(said in detail for detail in made["detail"].to_pylist())


def test_the_home_folder_does_not_stand_in_a_table(project: Path, cli: Cli) -> None:
    lost = "    open('/home/somebody/secret/data.npz')\n    draw = random"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", lost))
    done = cli("run", "montecarlo", "--replicates", "1", "-q", env={**os.environ, "HOME": "/home/somebody"})
    assert done.returncode == 7
    details = table.read(project / "results/montecarlo/smoke.parquet")["detail"].to_pylist()
    assert all("'~/secret/data.npz'" in detail for detail in details)
    assert "/home/somebody" not in done.stderr + "".join(details)


def test_a_count_that_no_table_holds_is_a_failed_run(project: Path, cli: Cli) -> None:
    assert "return {" in toy_source()
    source = toy_source().replace(
        "return {", "from repro.study import Outcome\n    return Outcome(n_test=3_000_000_000, values={", 1
    )
    head, _, tail = source.partition("values={")
    write_study(project, "montecarlo", head + "values={" + tail.replace("}", "})", 1))
    done = cli("run", "montecarlo", "--replicates", "1", "-q")
    assert (done.returncode, "n_test is 3000000000" in done.stderr) == (7, True), done.stderr


def test_half_a_pair_in_a_text_costs_no_run(project: Path, cli: Cli) -> None:
    """No table holds one; the run that said it, and all after it, were lost."""
    raised = r"    if points.count == 500: raise ValueError('a\ud800b')"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", f"{raised}\n    draw = random"))
    done = cli("run", "montecarlo", "--replicates", "1", "-q")
    assert (done.returncode, done.stderr.count("ValueError: a\\ud800b")) == (7, 2), done.stderr
    assert table.read(project / "results/montecarlo/smoke.parquet").num_rows == 6 * 2


class TestWhatKilledWritersLeave:
    """The next writer removes it, and nothing of a writer that lives."""

    def test_it_goes(self, project: Path, cli: Cli) -> None:
        folder = project / "results/montecarlo"
        folder.mkdir(parents=True)
        dead = [folder / ".smoke.parquet.a1b2c3d4", folder / ".smoke.aside-1.parquet.a1b2c3d4"]
        kept = [folder / ".paper.parquet.a1b2c3d4", folder / ".smoke.parquet.mine"]
        for path in (*dead, *kept):
            path.write_bytes(b"half a table")
        assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
        assert not any(path.exists() for path in dead)
        assert all(path.exists() for path in kept)

    def test_a_living_writer_keeps_its_own(self, tmp_path: Path) -> None:
        from repro.machine import files

        path = tmp_path / "smoke.parquet"
        with files.replacing(path) as stream:
            stream.write(b"half")
            stream.flush()
            files.sweep(path)
            stream.write(b" and whole")
        assert path.read_bytes() == b"half and whole"
        assert [one.name for one in tmp_path.iterdir()] == ["smoke.parquet"]
