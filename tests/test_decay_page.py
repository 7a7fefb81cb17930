"""docs/decay.md shows what `repro decay` makes of the log beside it, and its job on a schedule does what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from repro.golden import outcomes
from repro.show import timeline
from tests.repro.conftest import make_committed
from tests.repro.support.forked import command
from tests.sources import PROJECT
from tests.test_docs import accepted

LOG = "docs/examples/decay.jsonl"
PAGE = PROJECT / "docs/decay.md"
SHOWN = re.compile(r"```console\n\$ repro (decay --no-run --log .*)\n```\n\n```text\n((?:.*\n)*?)```")


def workflows() -> list[dict[str, Any]]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.S)]


def scripts(workflow: dict[str, Any]) -> list[str]:
    (job,) = workflow["jobs"].values()
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_picture_and_the_table_are_of_the_log() -> None:
    """Where this fails: `repro decay --no-run --log docs/examples/decay.jsonl --svg docs/decay.svg`."""
    every = outcomes.read(PROJECT / LOG)
    assert timeline.picture(every) == (PROJECT / "docs/decay.svg").read_text()
    ((shown, printed),) = SHOWN.findall(PAGE.read_text())
    done = subprocess.run(
        [sys.executable, "-m", "repro", *shown.split()], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.stdout == printed, done.stderr
    assert timeline.picture(every[:-1]) != (PROJECT / "docs/decay.svg").read_text()


def test_the_log_holds_three_environments_that_differ() -> None:
    every = outcomes.read(PROJECT / LOG)
    assert len({(one.facts["packages.torch"], one.facts["threads"]) for one in every}) == len(every) == 3
    assert len({tuple(sorted(run.key for run in one.runs)) for one in every}) == 1


def test_commands_of_the_jobs_are_taken() -> None:
    said = [
        words.split()
        for workflow in workflows()
        for script in scripts(workflow)
        for words in re.findall(r"-m repro ([^|;&\n]+)", script)
    ]
    assert said
    assert [words for words in said if not accepted([word.strip('"') for word in words])] == []


def test_the_job_makes_its_branch_and_adds_to_it(tmp_path: Path) -> None:
    workflow = workflows()[0]
    assert [*workflow["jobs"]] == ["decay"]
    _, worktree, decay, keep = scripts(workflow)
    variables = {**os.environ, **workflow["jobs"]["decay"]["env"], "PYTHONPATH": str(PROJECT)}
    project, remote = tmp_path / "here", tmp_path / "remote"
    project.mkdir()
    make_committed(project)

    def done(line: list[str], code: int = 0) -> str:
        made = subprocess.run(line, cwd=project, env=variables, capture_output=True, text=True, check=False)
        assert made.returncode == code, made.stdout + made.stderr
        return made.stdout

    done(command("run", "montecarlo", "--replicates", "10", "-q"))
    done(command("bless", "montecarlo", "--reason", "first golden"))
    done(["git", "add", "."])
    done(["git", "commit", "-qm", "golden"])
    done(["git", "init", "-q", "--bare", str(remote)])
    done(["git", "remote", "add", "origin", str(remote)])
    for times in (1, 2):
        done(["bash", "-ec", worktree])
        done(["bash", "-ec", decay.replace(".nox/environment/bin/python", sys.executable)])
        done(["bash", "-ec", keep])
        kept = done(["git", "-C", str(remote), "show", "decay:decay.jsonl"])
        assert kept.count("\n") == times
        done(["git", "worktree", "remove", "../decay"])
        done(["git", "branch", "-qD", "decay"])
        done(["git", "fetch", "-q", "origin"])
    assert done(["git", "-C", str(remote), "ls-tree", "--name-only", "decay"]).split() == [
        "decay.json", "decay.jsonl", "decay.svg",
    ]  # fmt: skip
