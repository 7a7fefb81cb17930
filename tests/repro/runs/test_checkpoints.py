"""A run that is cut off keeps its state, and only that very run gets it back."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from repro.checkpoint import Checkpoint, Head
from repro.errors import InfrastructureError
from repro.runs import runner, table
from repro.runs.planned import PlannedRun
from repro.runs.runner import Request
from repro.study import Study
from tests.repro.conftest import Cli, write_study
from tests.repro.support.forked import command

WALK = """
import json
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from repro.study import Profile, Study

study = Study("walk", smoke=Profile(None, replicates=2, cannot_answer="anything"))


@dataclass(frozen=True)
class Walk:
    steps: int


@study.experiment((Walk(STEPS),), metrics=("end",), resumes=True)
def walked(case, run):
    '''Walk at random.'''
    draw, start, end = random.Random(run.seed), 0, 0.0
    content = run.checkpoint.load()
    if content is not None:
        start, end, state = json.loads(content)
        draw.setstate((state[0], tuple(state[1]), state[2]))
    for step in range(start, case.steps):
        with Path("steps.txt").open("a") as log:
            print(run.replicate, step, file=log)
        MISHAP
        time.sleep(0.01)
        end += draw.gauss(0, 1)
        run.checkpoint.keep(json.dumps([step + 1, end, draw.getstate()]).encode())
    return {"end": end}
"""
KILLED = """if step == 30 and not Path("killed").exists():
            Path("killed").touch()
            os.kill(os.getpid(), 9)"""


def written(project: Path, mishap: str = "pass", steps: int = 40) -> None:
    write_study(project, "walk", WALK.replace("MISHAP", mishap).replace("STEPS", str(steps)))


def ends(project: Path, name: str = "results/walk/smoke.parquet") -> list[float]:
    return list(table.read(project / name)["value"].to_pylist())


def unfinished(project: Path) -> list[Path]:
    return list((project / "results/walk/smoke.unfinished").glob("*"))


def test_a_killed_worker_leaves_a_run_that_is_taken_up(project: Path, cli: Cli) -> None:
    written(project, KILLED)
    first = cli("run", "walk", "--jobs", "1")
    assert first.returncode == 7, first.stderr
    assert len(unfinished(project)) == 1
    again = cli("run", "walk")
    assert again.returncode == 0, again.stderr
    assert "1 runs made (1 of them taken up where they were cut off), 1 were there already" in again.stdout
    assert unfinished(project) == []
    steps = (project / "steps.txt").read_text().split("\n")
    assert [line for line in steps if line.startswith("0 ")].count("0 30") == 2  # the step it died in, and no other
    assert len(steps) - 1 == 2 * 40 + 1
    assert cli("run", "walk", "--results", "whole.parquet").returncode == 0
    assert ends(project) == ends(project, "whole.parquet")


def test_killed_at_random_moments_the_table_equals_the_uninterrupted_one(project: Path, cli: Cli) -> None:
    written(project, steps=150)
    assert cli("run", "walk", "--results", "whole.parquet").returncode == 0
    chance = random.Random(7)
    for _ in range(5):
        process = subprocess.Popen(command("run", "walk", "-q"), cwd=project, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.5, 1.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert cli("run", "walk").returncode == 0
    assert ends(project) == ends(project, "whole.parquet")
    assert unfinished(project) == []


@pytest.mark.parametrize(
    ("resumes", "budget", "done", "begun"),
    [(False, 50, 0.0, False), (True, 50, 0.0, True), (True, 30, 0.0, False), (True, 30, 0.99, True)],
)
def test_a_long_run_is_begun_within_a_short_budget_if_it_can_be_taken_up(
    resumes: bool, budget: int, done: float, begun: bool
) -> None:
    run = PlannedRun("walked", "{}", 0, 0, 1, 1.0)
    states = {run.key: (Path("one"), "run", {})} if resumes else {}
    heads = {run.key: Head(run.key[:2], 600 * done, done)} if done else {}
    request = Request(Study("walk"), "smoke", [run], "cpu", 1, budget_s=budget)
    assert runner._fits(run, request, states, {("walked", "{}"): 600.0}, heads) is begun


def test_other_code_does_not_take_up_what_this_code_left(project: Path, cli: Cli) -> None:
    written(project, KILLED)
    assert cli("run", "walk", "--jobs", "1").returncode == 7
    written(project)
    made = cli("run", "walk")
    assert made.returncode == 0, made.stderr
    assert "taken up" not in made.stdout
    assert (project / "steps.txt").read_text().split("\n").count("0 0") == 2


class TestTheFile:
    def test_it_gives_back_what_was_kept(self, tmp_path: Path) -> None:
        Checkpoint(tmp_path / "below" / "one", "run").keep(b"a\nb\0")
        assert Checkpoint(tmp_path / "below" / "one", "run").load() == b"a\nb\0"
        assert Checkpoint(tmp_path / "below" / "none", "run").load() is None

    @pytest.mark.parametrize("damage", [b"", b"{}", b"[]\nx", b'{"run": "run"}\nx', b"\xff\n"])
    def test_what_is_no_state_of_the_run_is_none(self, tmp_path: Path, damage: bytes) -> None:
        (tmp_path / "one").write_bytes(damage)
        assert Checkpoint(tmp_path / "one", "run").load() is None

    def test_a_state_that_was_changed_or_is_of_another_run_is_none(self, tmp_path: Path) -> None:
        path = tmp_path / "one"
        Checkpoint(path, "run").keep(b"state")
        assert Checkpoint(path, "other").load() is None
        path.write_bytes(path.read_bytes()[:-1])
        assert Checkpoint(path, "run").load() is None

    def test_seconds_go_on(self, tmp_path: Path) -> None:
        path = tmp_path / "one"
        Checkpoint(path, "run").keep(b"")
        head = json.loads(path.read_bytes().partition(b"\n")[0]) | {"seconds": 100.0}
        path.write_bytes(json.dumps(head).encode() + b"\n")
        kept = Checkpoint(path, "run")
        assert kept.load() == b""
        assert kept.seconds >= 100.0

    def test_it_is_due_from_time_to_time(self, tmp_path: Path) -> None:
        assert Checkpoint(tmp_path / "one", "run", every_s=0.0).due()
        assert not Checkpoint(tmp_path / "one", "run", every_s=1e6).due()

    def test_a_folder_that_cannot_be_made_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(InfrastructureError, match="cannot be written"):
            Checkpoint(tmp_path / "file" / "one", "run").keep(b"")


def test_a_budget_goes_to_the_runs_that_fit_and_counts_what_is_done_of_one_that_was_cut_off(
    project: Path, cli: Cli
) -> None:
    """A run that no longer fits stood before all others, which were never begun, and was called taken up."""
    kept = "run.checkpoint.keep(json.dumps([step + 1, end, draw.getstate()]).encode()"
    assert kept in WALK
    walk = WALK.replace(kept, f"{kept}, (step + 1) / case.steps").replace("time.sleep(0.01)", "time.sleep(PAUSE)")
    walk = walk.replace("(Walk(STEPS),)", "(Walk(40), Walk(1))").replace("PAUSE", "0.2 if case.steps > 1 else 0")
    write_study(project, "walk", walk.replace("MISHAP", "pass"))
    assert cli("run", "walk", "--replicates", "1", "--jobs", "1").returncode == 0  # 8 seconds, and none
    process = subprocess.Popen(command("run", "walk", "-q", "--jobs", "1"), cwd=project, stdout=subprocess.DEVNULL)
    while not unfinished(project):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    short = cli("run", "walk", "--jobs", "1", "--time-budget", "6")
    assert short.returncode == 7
    assert "1 runs made, 2 were there already" in short.stdout
    assert "1 runs are left" in short.stderr
    assert "1 runs made (1 of them taken up where they were cut off)" in cli("run", "walk", "--jobs", "1").stdout


@pytest.mark.parametrize("budget", ["nan", "0", "-1", "inf"])
def test_a_budget_is_a_number_of_seconds(budget: str, project: Path, cli: Cli) -> None:
    written(project)
    refused = cli("run", "walk", "--time-budget", budget)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "wanted a number of seconds above 0" in refused.stderr


def test_a_process_that_has_other_code_than_was_ordered_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    Checkpoint(path, "a", genuine=lambda: False).keep(b"state")
    assert not path.exists()
    Checkpoint(path, "a").keep(b"state")
    assert Checkpoint(path, "a", genuine=lambda: False).load() == b"state"
