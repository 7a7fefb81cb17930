"""What other repositories take from this one: an action for GitHub, a template for GitLab; their steps are played."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from repro.cli.main import parser
from tests.repro.conftest import RESULTS
from tests.repro.support.planted import first_pi_lower, plant
from tests.sources import PROJECT

ACTION: dict[str, Any] = yaml.safe_load((PROJECT / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]
SPEC, JOBS = yaml.safe_load_all((PROJECT / "templates/check.yml").read_text())
((JOB, TEMPLATE),) = JOBS.items()
GITHUB = re.compile(r"\$\{\{ (.*?) \}\}")
GITLAB = re.compile(r"\$\[\[ (.*?) \]\]")


def filled(text: str, given: dict[str, str], pattern: re.Pattern[str]) -> str:
    """Return a text with its expressions replaced; one that nobody gives raises KeyError."""
    return pattern.sub(lambda found: given[found[1]], text)


def defaults(inputs: dict[str, dict[str, Any]], **given: str) -> dict[str, str]:
    """Return the inputs as a workflow has them, each under `inputs.`."""
    every = {name: str(one["default"]) for name, one in inputs.items() if "default" in one} | given
    return {f"inputs.{name}": value for name, value in every.items()}


def programs(folder: Path) -> Path:
    """Write a `repro` of this project and a `python` that only says what it is asked, and return their folder."""
    place = folder / "bin"
    place.mkdir()
    (place / "repro").write_text(f'#!/bin/sh\nPYTHONPATH={PROJECT} exec {sys.executable} -m repro "$@"\n')
    (place / "python").write_text('#!/bin/sh\nfor word in "$@"; do printf "[%s]" "$word"; done; echo\n')
    for path in place.iterdir():
        path.chmod(0o755)
    return place


@pytest.fixture
def shell(blessed: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Play a script in the blessed toy project as a runner does."""
    place = programs(tmp_path_factory.mktemp("runner"))

    def play(script: str, variables: dict[str, str], folder: str = ".") -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        known |= {"PATH": f"{place}{os.pathsep}{os.environ['PATH']}", **variables}
        line = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        return subprocess.run(
            line, cwd=blessed / folder, env=known, capture_output=True, text=True, timeout=120, check=False
        )

    return play


def play_action(shell: Any, blessed: Path, **given: str) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Play the action's shell steps: after one that fails, only those that always run."""
    known = defaults(ACTION["inputs"], **given) | {"github.action_path": str(PROJECT)}
    done: list[tuple[str, subprocess.CompletedProcess[str]]] = []
    for step in STEPS:
        failed = any(one.returncode for _, one in done)
        if "run" in step and (not failed or step.get("if") == "always()"):
            variables = {name: filled(text, known, GITHUB) for name, text in step.get("env", {}).items()}
            folder = filled(step["working-directory"], known, GITHUB)
            variables["GITHUB_STEP_SUMMARY"] = str(blessed / "summary.md")
            done.append((step["name"], shell(step["run"], variables, folder)))
    return done


def test_the_action_runs_checks_and_sums_up(shell: Any, blessed: Path) -> None:
    done = play_action(shell, blessed, study="montecarlo", install="-r 'my needs.txt' pytest")
    assert [(name, one.returncode) for name, one in done] == [
        ("install", 0), ("run", 0), ("check", 0), ("summary", 0)
    ]  # fmt: skip
    assert done[0][1].stdout.splitlines() == [
        f"[-m][pip][install][{PROJECT}]",
        "[-m][pip][install][-r][my needs.txt][pytest]",
    ]
    assert "PASS: 12 agrees" in (blessed / "summary.md").read_text()
    assert {path.name for path in (blessed / "results").glob("check.*")} == {"check.xml", "check.sarif", "check.md"}


def test_the_action_fails_where_the_check_does_and_still_sums_up(shell: Any, blessed: Path) -> None:
    plant(blessed, first_pi_lower)
    done = play_action(shell, blessed, study="montecarlo")
    assert [(name, one.returncode) for name, one in done][-2:] == [("check", 1), ("summary", 0)]
    assert "too low" in (blessed / "summary.md").read_text()


@pytest.mark.parametrize("study", ["montecalro", "x; touch planted", "$(touch planted)"])
def test_the_action_ends_at_an_unknown_study_and_runs_no_text(shell: Any, blessed: Path, study: str) -> None:
    done = play_action(shell, blessed, study=study)
    assert [(name, one.returncode) for name, one in done][1:] == [("run", 2), ("summary", 0)]
    assert "no study '" in done[1][1].stderr
    assert not (blessed / "planted").exists()


def test_no_expression_stands_in_a_script_and_every_input_is_used() -> None:
    """A runner pastes expressions into scripts: a study's name could be a command there."""
    assert [step["name"] for step in STEPS if GITHUB.search(step.get("run", ""))] == []
    used = set(GITHUB.findall((PROJECT / "action.yml").read_text()))
    assert used == {f"inputs.{name}" for name in ACTION["inputs"]} | {"github.action_path"}
    assert [name for name, one in ACTION["inputs"].items() if not one["description"]] == []
    assert all(step["shell"] == "bash" for step in STEPS if "run" in step)


def test_actions_are_pinned_by_commit() -> None:
    foreign = [step["uses"] for step in STEPS if "uses" in step]
    assert len(foreign) == 1
    assert [name for name in foreign if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", name)] == []


def test_the_template_runs_and_checks(shell: Any, blessed: Path) -> None:
    (blessed / RESULTS).unlink()
    known = defaults(SPEC["spec"]["inputs"], study="montecarlo", install="pytest")
    variables = {name: filled(text, known, GITLAB) for name, text in TEMPLATE["variables"].items()}
    done = shell("\n".join(TEMPLATE["script"]), variables)
    assert done.returncode == 0, done.stderr
    assert "[-m][pip][install][repro-papers]\n[-m][pip][install][pytest]\n" in done.stdout
    for path in (*TEMPLATE["artifacts"]["paths"], TEMPLATE["artifacts"]["reports"]["junit"]):
        assert list(blessed.glob(filled(path, known, GITLAB).removeprefix("./")))


def test_the_template_fails_where_the_check_does(shell: Any, blessed: Path) -> None:
    plant(blessed, first_pi_lower)
    known = defaults(SPEC["spec"]["inputs"], study="montecarlo")
    variables = {name: filled(text, known, GITLAB) for name, text in TEMPLATE["variables"].items()}
    assert shell("\n".join(TEMPLATE["script"]), variables).returncode == 1


def test_the_template_has_no_expression_in_its_script_and_uses_every_input() -> None:
    assert [line for line in TEMPLATE["script"] if GITLAB.search(line)] == []
    used = set(GITLAB.findall((PROJECT / "templates/check.yml").read_text()))
    assert used == {f"inputs.{name}" for name in SPEC["spec"]["inputs"]}
    assert GITLAB.search(JOB), "two includes need two names"
    theirs = set(SPEC["spec"]["inputs"]) - {"harness"}
    assert theirs == set(ACTION["inputs"])


def test_both_ask_for_options_that_there_are() -> None:
    lines = [step["run"] for step in STEPS if "run" in step] + TEMPLATE["script"]
    asked = [shlex.split(line)[1:] for line in lines if line.startswith("repro ")]
    assert [words[0] for words in asked] == ["run", "check", "run", "check"]
    for words in asked:
        assert parser().parse_args([word.replace("$FRESH", "1") for word in words])
