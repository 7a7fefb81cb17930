"""A shell that asks what could come next is told verbs, studies and options, and the tutorial says how to ask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import argcomplete
import pytest

from repro.cli.arguments import VERBS
from tests.repro.conftest import toy_source, write_study
from tests.sources import PROJECT

PROGRAM = f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from repro.cli.main import main; sys.exit(main())"
HEAVY = {"torch", "scipy", "matplotlib", "numpy", "pyarrow"}
TUTORIAL = (PROJECT / "docs/tutorial.md").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that holds the toy study, and beside it a `repro` to put on the path."""
    write_study(tmp_path, "montecarlo", toy_source())
    program = tmp_path / "bin" / "repro"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{PROGRAM}\n")
    program.chmod(0o755)
    return tmp_path


def offered(line: str, folder: Path) -> list[str]:
    """Return what `repro` offers for the end of a command line, asked as argcomplete's shell code asks."""
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "COMP_LINE": line, "COMP_POINT": str(len(line))}
    answer = folder / "answer.txt"
    program = [sys.executable, "-c", PROGRAM]
    variables = {**os.environ, **asked, "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    subprocess.run(program, cwd=folder, env=variables, check=True, capture_output=True, timeout=60)
    return [word.strip() for word in answer.read_text().splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("repro ch", ["check"]),
        ("repro run mo", ["montecarlo"]),
        ("repro audit m", ["montecarlo"]),
        ("repro check montecarlo --re", ["--results", "--replay", "--require-power"]),
        ("repro run montecarlo --device ", ["cpu", "cuda"]),
        ("repro run montecarlo --profile ", ["smoke", "paper"]),
        ("repro bless montecarlo --profile p", ["paper"]),
        ("repro check montecarlo --experiment ", ["estimate"]),
        ("repro check nothing --experiment ", []),
        ("repro run --profile ", []),
        ("repro run other", []),
    ],
)
def test_a_line_is_completed(line: str, words: list[str], project: Path) -> None:
    assert offered(line, project) == words


def test_every_verb_is_offered(project: Path) -> None:
    assert {word for word in offered("repro ", project) if not word.startswith("-")} == set(VERBS)


def test_studies_are_those_of_the_project(project: Path) -> None:
    write_study(project, "another", toy_source().replace('"montecarlo"', '"another"'))
    assert {"another", "montecarlo"} <= set(offered("repro show ", project))


def test_an_answer_imports_nothing_heavy(project: Path) -> None:
    """Argcomplete ends the process before Python would say good-bye, so the parser is made without asking."""
    script = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r}); from repro.cli.main import parser; parser(); "
        "from repro.cli.arguments import names_of_studies; names_of_studies(); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=project, capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()


def test_a_real_shell_gets_the_words(project: Path) -> None:
    """What the tutorial tells bash, done in bash; the completion is called as the shell calls it."""
    line = "repro check mont"
    script = (
        f"{argcomplete.shellcode(['repro'], shell='bash')}\n"
        f"COMP_LINE={line!r}; COMP_POINT={len(line)}; COMP_WORDS=({line}); COMP_CWORD=2; COMP_TYPE=9\n"
        'COMP_WORDBREAKS=" "; _python_argcomplete repro mont check; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{project / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=project,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "montecarlo"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_tutorial_tells_each_shell_what_argcomplete_has_for_it(shell: str) -> None:
    told = re.search(rf"^\| {shell} \| `[^`]*` \| `(?P<code>[^`]*)` \|$", TUTORIAL, re.M)
    assert told, f"the tutorial says nothing to {shell}"
    command = re.search(r"(register-python-argcomplete [a-z -]*repro)", told["code"])
    assert command
    program = Path(sys.executable).with_name("register-python-argcomplete")
    done = subprocess.run([program, *command[1].split()[1:]], capture_output=True, text=True, check=True)
    # bash and zsh share one text, which finds out where it is
    assert done.stdout.strip() == argcomplete.shellcode(["repro"], shell=shell).strip()
