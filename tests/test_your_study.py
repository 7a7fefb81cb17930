"""docs/your-study.md is true: every command of the page is run on a new study, whose own CI then passes in a clone."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.sources import PROJECT

PAGE = (PROJECT / "docs/your-study.md").read_text()
BLOCK = re.compile(r"```(console|toml)\n(.*?)```", re.S)
CLAIMS = "blobs/claims.toml"
MARK = "::next command"
PROGRAM = """#!{python}
import sys
sys.path.insert(0, {project!r})
from repro.cli.main import main
if __name__ == "__main__":
    sys.exit(main())
"""


@dataclass(frozen=True)
class Step:
    """One command of the page and the lines that the page shows of its output."""

    command: str
    shown: tuple[str, ...]


def steps_of(page: str) -> list[Step]:
    """Return the page's commands in order; what it adds to the file of claims is a command, too."""
    found = []
    for kind, text in BLOCK.findall(page):
        if kind == "toml":
            found.append(Step(f"printf %s {shlex.quote(chr(10) + text)} >> {CLAIMS}", ()))
            continue
        for part in text.split("$ ")[1:]:
            command, *shown = part.splitlines()
            found.append(Step(command, tuple(shown)))
    return found


def play(commands: list[str], folder: Path, home: Path) -> list[str]:
    """Run commands in one shell that ends at the first that fails, and return what each printed."""
    programs = home / "bin"
    programs.mkdir(exist_ok=True, parents=True)
    (programs / "repro").write_text(PROGRAM.format(python=sys.executable, project=str(PROJECT)))
    (programs / "repro").chmod(0o755)
    if not (programs / "python").exists():
        (programs / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
        (programs / "python").chmod(0o755)
    who = {
        f"GIT_{role}_{what}": "test@example.invalid" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    variables = {**os.environ, **who, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    variables.pop("REPRO_ROOT", None)
    script = "\n".join(["set -e", *(f"echo '{MARK}'\n{command}" for command in commands)])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout.split(f"{MARK}\n")[1:]


def plain(line: str) -> str:
    """Return a line without its numbers, and with single blanks: what is the same on every machine."""
    return " ".join(re.sub(r"[+-]?\d[\d.,]*", "0", line).replace("…", "").split())


def seen(printed: str, shown: str) -> bool:
    """Say whether a plain line is one that the page shows, where `…` stands for what it leaves out."""
    begin, left_out, end = (plain(part) if part != "…" else part for part in shown.partition("…"))
    return printed.startswith(begin) and printed.endswith(end) if left_out else printed == begin


def missing(steps: list[Step], printed: list[str]) -> list[str]:
    """Return the lines that the page shows and the commands did not print."""
    return [
        f"{step.command}: {line}"
        for step, output in zip(steps, printed, strict=True)
        for line in step.shown
        if not any(seen(plain(one), line) for one in output.splitlines())
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def printed(home: Path) -> list[str]:
    """What each command of the page printed, played once."""
    return play([step.command for step in steps_of(PAGE)], home, home)


def test_every_command_of_the_page_runs_and_prints_what_it_shows(printed: list[str]) -> None:
    steps = steps_of(PAGE)
    verbs = {step.command.split()[1] for step in steps if step.command.startswith("repro ")}
    assert verbs >= {"new", "doctor", "run", "audit", "figures", "report", "bless", "check", "bundle", "verify"}
    assert missing(steps, printed) == []


def test_a_line_that_no_command_prints_is_seen(tmp_path: Path) -> None:
    step = Step("repro check blobs", ("PASS: 2 agrees, 2 underpowered", "PASS: 4 agree"))
    assert missing([step], ["PASS: 12 agrees,  3 underpowered\n"]) == ["repro check blobs: PASS: 4 agree"]
    with pytest.raises(AssertionError, match="no study 'blbos'"):
        play(["repro show blbos"], tmp_path, tmp_path)


def test_a_clone_passes_its_own_ci(home: Path, printed: list[str]) -> None:
    """All but the installation, which takes a network; inside its folder a study needs none."""
    workflow = yaml.safe_load((home / "blobs/.github/workflows/check.yml").read_text())
    lines = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert lines[0] == 'python -m pip install -e ".[tests]"'
    said = play(
        [f"git clone -q {home}/blobs {home}/clone", f"cd {home}/clone", *lines[1:], "git status --short"], home, home
    )
    assert re.search(r"\d passed", said[2])
    assert "PASS" in said[4]  # the check of what the page blessed
    assert "post-logistic" in said[6]
    assert said[-1] == ""
