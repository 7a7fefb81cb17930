"""What editors and commits are asked to do is what the project does: .editorconfig and .pre-commit-config.yaml."""

from __future__ import annotations

import ast
import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sources import PROJECT

ENVIRONMENT = ".nox/environment/bin/python"
CLAIMS = sorted(path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("studies/*/claims.toml"))


def sections() -> configparser.ConfigParser:
    """Return .editorconfig; what stands above its first section is put into one named "top"."""
    found = configparser.ConfigParser()
    found.read_string("[top]\n" + (PROJECT / ".editorconfig").read_text())
    return found


def texts() -> Iterator[Path]:
    """Yield the files of the project that people write."""
    for folder in ("repro", "studies", "tests", "bench", "docs", "containers", "golden", "templates", "."):
        for path in (PROJECT / folder).glob("*" if folder == "." else "**/*"):
            if path.is_file() and path.suffix in (
                ".py",
                ".md",
                ".toml",
                ".css",
                ".js",
                ".j2",
                ".yaml",
                ".yml",
                ".csv",
                ".jsonl",
            ):
                yield path


def untidy(content: bytes) -> list[str]:
    """Return what of a text .editorconfig does not want."""
    found = []
    if content and not content.endswith(b"\n"):
        found.append("no end of the last line")
    if b"\r" in content:
        found.append("a carriage return")
    if re.search(rb"[ \t]$", content, re.M):
        found.append("blanks at the end of a line")
    if re.search(rb"^\t", content, re.M):
        found.append("a tab")
    return found


def test_the_editor_is_told_what_ruff_holds() -> None:
    asked, ruff = sections(), tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["ruff"]
    assert asked["top"]["root"] == "true"
    assert asked["*.py"]["max_line_length"] == str(ruff["line-length"])
    common = asked["*"]
    assert (common["charset"], common["end_of_line"], common["indent_style"]) == ("utf-8", "lf", "space")
    assert common.getboolean("insert_final_newline")
    assert common.getboolean("trim_trailing_whitespace")


def test_every_text_is_as_the_editor_is_told() -> None:
    found = {str(path.relative_to(PROJECT)): untidy(path.read_bytes()) for path in texts()}
    assert len(found) > 300
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_an_untidy_text_is_seen() -> None:
    assert len(untidy(b"a \n\tb\r\nc")) == 4


# Hooks


def hooks() -> dict[str, dict[str, Any]]:
    """Return the hooks by their ids; all are local."""
    (only,) = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    assert only["repo"] == "local"
    return {hook["id"]: hook for hook in only["hooks"]}


def command(hook: dict[str, Any], *files: str) -> list[str]:
    """Return a hook's command for the interpreter of the tests, split as pre-commit splits it."""
    program, *rest = shlex.split(hook["entry"])
    assert (hook["language"], program) == ("system", ENVIRONMENT)
    return [sys.executable, *rest, *files]


def test_the_hooks_use_the_project_s_environment_and_name_no_host() -> None:
    assert set(hooks()) == {"ruff-check", "ruff-format", "claims"}
    for hook in hooks().values():
        assert command(hook)
    assert "http" not in (PROJECT / ".pre-commit-config.yaml").read_text()


@pytest.mark.parametrize("name", ["ruff-check", "ruff-format"])
def test_the_style_hooks_see_what_lint_sees(name: str, tmp_path: Path) -> None:
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    for source, code in (("x = 1\n", 0), ("import os,sys\nx = ( 1)\n", 1)):
        (tmp_path / "some.py").write_text(source)
        done = subprocess.run(command(hooks()[name], "some.py"), cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code, done.stdout


def test_the_claims_hook_reads_every_registry() -> None:
    hook = hooks()["claims"]
    assert [path for path in CLAIMS if not re.search(hook["files"], path)] == []
    done = subprocess.run(command(hook, *CLAIMS), cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == CLAIMS
    assert not re.search(hook["files"], "bench/error_rates/defects.toml")


def test_the_claims_hook_names_a_mistake_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "studies/some").mkdir(parents=True)
    paths = ["studies/some/claims.toml", "studies/none/claims.toml"]
    (tmp_path / paths[0]).write_text('[[claim]]\nid = "one"\nwhere = "p. 1"\nkind = "valeu"\n')
    variables = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(
        command(hooks()["claims"], *paths), cwd=tmp_path, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    wrong, missing = done.stderr.splitlines()
    assert wrong.startswith(f"{paths[0]}:1: claim 'one' lacks 'statement'")
    assert missing.startswith(f"{paths[1]}: no such file")


def test_other_repositories_get_the_same_hook() -> None:
    (theirs,) = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())
    ours = hooks()["claims"]
    assert theirs["entry"].split()[1:] == ours["entry"].split()[1:]
    assert (theirs["language"], theirs["id"]) == ("python", "repro-claims")
    there = ["claims.toml", "src/mine/claims.toml", *CLAIMS]
    assert [path for path in there if not re.search(theirs["files"], path)] == []
    assert not re.search(theirs["files"], "src/disclaims.toml")


def climbs(source: str) -> bool:
    """Say whether a file computes a folder above its own: from `__file__` by `parents`, or by `parent` twice."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("parents", "parent"):
            names = {one.id for one in ast.walk(node.value) if isinstance(one, ast.Name)}
            twice = any(isinstance(one, ast.Attribute) and one.attr == "parent" for one in ast.walk(node.value))
            if "__file__" in names and (node.attr == "parents" or twice):
                return True
    return False


def test_one_place_of_the_tests_says_where_the_project_lies() -> None:
    """A test that is moved to another folder must not look for the project beside it."""
    found = {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("tests/**/*.py") if climbs(path.read_text())}
    assert found == {"tests/sources.py"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ROOT = Path(__file__).resolve().parents[2]", True),
        ("PAGE = Path(__file__).parents[1] / 'docs'", True),
        ("ROOT = Path(__file__).resolve().parent.parent", True),
        ("FOUND = Path(__file__).parent.glob('*')", False),
        ("FOLDER = Path(profiles.__file__).parent", False),
        ("SCRIPT = 'Path(__file__).parents[1]'", False),
    ],
)
def test_climbing_is_seen_in_each_form(source: str, said: bool) -> None:
    assert climbs(source) == said
