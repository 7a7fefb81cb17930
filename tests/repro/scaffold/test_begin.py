"""A new study: its name and folder are refused in words, nothing is overwritten, and its files are in order."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from repro import __distribution__
from repro.audit.claims import load
from repro.audit.judges import JUDGES
from repro.cli.main import main, parser
from repro.errors import UsageError
from repro.golden.log import written
from repro.scaffold import begin as scaffold
from tests.sources import PROJECT
from tests.test_docs import commands


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def study(here: Path) -> Path:
    """Return the folder of a new study."""
    scaffold.begin("my_paper", Path("my_paper"))
    return here / "my_paper"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my-paper", "'my-paper' names no study; did you mean 'my_paper'? (small letters"),
        ("My Paper (2)", "did you mean 'my_paper_2'?"),
        ("3d", "'3d' names no study (small letters"),
        ("é", "names no study"),
        ("../up", "did you mean 'up'?"),
        ("", "'' names no study"),
        ("lambda", "a word of Python's own"),
        ("match", "a word of Python's own"),
        ("random", "a module of Python's library"),
        ("numpy", "'numpy' is an installed package, which the study would hide"),
        ("repro", "'repro' is an installed package"),
        ("tests", "a folder beside a study's package"),
    ],
)
def test_a_name_that_cannot_be_a_study_s_is_refused(name: str, said: str, here: Path) -> None:
    with pytest.raises(UsageError) as raised:
        scaffold.begin(name, Path("new"))
    assert said in str(raised.value)
    assert not [*here.iterdir()]


def test_the_name_of_a_study_that_is_there_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    with pytest.raises(UsageError, match="there is a study 'montecarlo' already, in studies/montecarlo"):
        scaffold.begin("montecarlo", Path("new"))


def with_a_file(folder: Path) -> None:
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (with_a_file, "is there and holds 'notes.txt'; nothing is overwritten"),
        (lambda folder: folder.write_text("mine"), "is there and is no folder"),
        (lambda folder: folder.symlink_to("nowhere"), "is there and is no folder"),
    ],
)
def test_what_is_there_is_never_overwritten(before: Callable[[Path], None], said: str, here: Path) -> None:
    before(here / "my_paper")
    state = sorted(os.walk(here))
    with pytest.raises(UsageError, match=re.escape(said)):
        scaffold.begin("my_paper", Path("my_paper"))
    assert sorted(os.walk(here)) == state


@pytest.mark.parametrize("holds", [[], [".git"]])
def test_a_folder_that_is_empty_or_a_new_repository_is_filled(holds: list[str], here: Path) -> None:
    for name in holds:
        (here / name).mkdir()
    scaffold.begin("my_paper", Path("."))
    assert {one.name for one in here.iterdir()} >= {*holds, "my_paper", "pyproject.toml", ".gitignore"}


def test_a_disk_that_refuses_leaves_nothing(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    assert main(["new", "my_paper", "-q"]) == 7
    assert not [*here.iterdir()]


def test_a_name_that_no_disk_holds_is_one_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "x" * 300, "-q"]) == 7
    assert main(["new", "my_paper", "--path", "x" * 300, "-q"]) == 7
    assert capsys.readouterr().err.count("cannot be written (File name too long)") == 2
    assert not [*here.iterdir()]


def test_the_verb_says_what_it_made(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "my_paper", "--path", "papers/mine"]) == 0
    said = capsys.readouterr()
    assert said.out == f"made papers/mine: {len(scaffold.FILES)} files\n"
    assert "repro audit my_paper" in said.err
    assert main(["new", "other", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["study"] == "other"
    assert all((here / path).is_file() for path in made["files"])


def test_no_placeholder_is_left_and_every_template_is_used(study: Path) -> None:
    assert sorted(one.name for one in scaffold.TEMPLATES.iterdir()) == sorted(
        f"{template}.template" for template in scaffold.FILES.values()
    )
    for one in study.rglob("*"):
        if one.is_file():
            text = one.read_text()
            assert "@@" not in text, one
            assert text.endswith("\n"), one
            assert not re.search(r"[ \t]$", text, re.M), one


def test_its_project_is_what_packaging_reads(study: Path) -> None:
    found = tomllib.loads((study / "pyproject.toml").read_text())
    assert found["project"]["entry-points"]["repro.studies"] == {"my_paper": "my_paper:study"}
    assert found["project"]["dependencies"][0].startswith(f"{__distribution__}[")
    assert found["tool"]["repro"] == {}


COMMON = {"printed", "count", "samples", "order", "bound", "threshold", "made_of", "protocol", "granularity", ""}


def test_there_is_a_claim_of_each_common_kind(study: Path) -> None:
    claims = load(study / "my_paper" / "claims.toml", "my_paper", JUDGES)
    assert {one.judge for one in claims} == COMMON
    assert {one.kind for one in claims} >= {"formula", "count", "mean-and-deviation", "order", "bound", "qualitative"}
    assert [one.reason for one in claims if not one.judge] == ["opinion"]
    assert all(one.digest for one in claims)


def test_its_ci_files_and_its_readme_give_commands_that_exist(study: Path) -> None:
    steps = yaml.safe_load((study / ".github/workflows/check.yml").read_text())["jobs"]["check"]["steps"]
    lines = [step["run"] for step in steps if "run" in step]
    assert lines == yaml.safe_load((study / ".gitlab-ci.yml").read_text())["check"]["script"]
    told = [*commands((study / "README.md").read_text())]
    told += [line.split()[1:] for line in lines if line.startswith("repro ")]
    assert len(told) > 12
    for arguments in told:
        assert parser().parse_args(arguments).verb == arguments[0]


@pytest.mark.parametrize(
    ("there", "checked"),
    [
        ([], False),
        (["golden/audit.parquet", "golden/log.jsonl: audit"], False),
        (["golden/my_paper/smoke.parquet"], True),
        (["golden/log.jsonl: my_paper/smoke"], True),
        (["golden/log.jsonl: my_paper_too/smoke"], False),
    ],
)
def test_its_ci_checks_a_golden_that_is_gone(study: Path, tmp_path: Path, there: list[str], checked: bool) -> None:
    """A folder that was removed with its golden in it was a check that nobody missed."""
    lines = yaml.safe_load((study / ".gitlab-ci.yml").read_text())["check"]["script"]
    (step,) = [line for line in lines if "repro check" in line]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/repro").write_text('#!/bin/sh\necho "asked: $*"\n')
    (tmp_path / "bin/repro").chmod(0o755)
    for path, _, what in (one.partition(": ") for one in there):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(written({"what": what, "when": ""}) + b"\n")
    paths = {**os.environ, "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-ec", step], cwd=tmp_path, env=paths, capture_output=True, text=True, check=True)
    says = "asked: check my_paper --replay" if checked else "my_paper has no golden yet, so nothing is checked"
    assert done.stdout == f"{says}\n"


def test_a_wheel_of_it_holds_its_claims_and_offers_the_study(study: Path) -> None:
    """Built by the back end that its pyproject.toml names, as pip does where there is a network."""
    script = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"
    line = [sys.executable, "-c", script, str(study.parent)]
    built = subprocess.run(line, cwd=study, capture_output=True, text=True, check=True).stdout.split()[-1]
    with zipfile.ZipFile(study.parent / built) as wheel:
        held = set(wheel.namelist())
        (points,) = (wheel.read(name).decode() for name in held if name.endswith("entry_points.txt"))
    rooms = {name.replace("NAME", "my_paper") for name in scaffold.FILES if name.startswith("NAME/")}
    assert {name for name in held if ".dist-info/" not in name} == rooms
    assert points == "[repro.studies]\nmy_paper = my_paper:study\n"


def test_the_templates_are_shipped_with_the_harness() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    kept = [one.name for one in scaffold.TEMPLATES.iterdir()]
    assert [name for name in kept if not any(fnmatch.fnmatch(name, one) for one in patterns)] == []
