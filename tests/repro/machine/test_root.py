"""The project's folder is the one that is named or marked, else the nearest with a study; never a stray one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from repro import registry
from repro.errors import UsageError
from repro.machine import root as roots
from tests.repro.conftest import RESULTS, Cli, toy_source, write_study
from tests.repro.support.forked import command

MARKED = '[tool.repro]\n\n[project.entry-points."repro.studies"]\nmontecarlo = "pies:study"\n'


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder far below an empty one, as the working directory."""
    folder = tmp_path / "home" / "papers" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv(roots.VARIABLE, raising=False)
    return folder


@pytest.fixture
def home(deep: Path) -> Path:
    """Return the folder two above the working directory."""
    return deep.parents[1]


def found() -> Path:
    return roots.find().folder.resolve()


def test_without_any_sign_it_is_the_current_folder(deep: Path) -> None:
    assert found() == deep
    assert "nothing there or above it" in roots.find().because


def test_the_nearest_folder_with_a_study_is_found_from_below(deep: Path, home: Path) -> None:
    write_study(home, "montecarlo", toy_source())
    assert found() == home
    write_study(deep.parent, "montecarlo", toy_source())
    assert found() == deep.parent
    assert registry.root() == Path("..")
    assert "nearest folder that holds a study" in roots.find().because


@pytest.mark.parametrize("name", [None, "common", "pilot"])
def test_a_stray_folder_of_that_name_is_not_taken(name: str | None, deep: Path, home: Path) -> None:
    """Whose `~/studies` holds something else keeps it: nothing of ours is written there."""
    (home / "studies").mkdir()
    if name:
        write_study(home, name, "import repro\n" if name == "common" else '"""Patients and visits."""\n')
    assert found() == deep


def test_what_lies_above_a_repository_is_no_part_of_it(deep: Path, home: Path) -> None:
    write_study(home, "montecarlo", toy_source())
    (deep.parent / ".git").mkdir()
    assert found() == deep


def test_a_mark_comes_before_what_is_near(deep: Path, home: Path) -> None:
    write_study(deep.parent, "montecarlo", toy_source())
    (home / "pyproject.toml").write_text("[tool.repro]\n")
    assert found() == home
    assert roots.find().because == "its pyproject.toml has [tool.repro]"


@pytest.mark.parametrize("text", ["", "[project]\nname = 'repro'\n", "not TOML", "[tool.ruff]\n"])
def test_a_project_of_another_kind_marks_nothing(text: str, deep: Path, home: Path) -> None:
    (home / "pyproject.toml").write_text(text)
    assert found() == deep


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.repro]\nstudies = 'papers'\n", "[tool.repro] has 'studies'; it may hold `path`"),
        ("[tool.repro]\npath = '../elsewhere'\n", "[tool.repro] has path = '../elsewhere'"),
        ("[tool.repro]\npath = 3\n", "[tool.repro] has path = 3"),
        ("[tool.repro]\npath\n", "pyproject.toml: not readable as TOML"),
    ],
)
def test_a_mark_that_cannot_be_read_is_said(text: str, said: str, deep: Path, home: Path) -> None:
    (home / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError) as raised:
        roots.find()
    assert said in str(raised.value)


def test_a_mark_that_changed_is_read_again(deep: Path, home: Path) -> None:
    (home / "pyproject.toml").write_text("[tool.repro]\n")
    assert found() == home
    (home / "pyproject.toml").write_text("[tool.ruff]\n")
    assert found() == deep


def test_a_pipe_in_a_file_s_place_is_not_opened(deep: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opens one for reading waits for a writer."""
    (home / "studies" / "one").mkdir(parents=True)
    os.mkfifo(home / "studies" / "one" / "__init__.py")
    os.mkfifo(home / "pyproject.toml")

    def waits(path: Path) -> bytes:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(Path, "read_bytes", waits)
    assert found() == deep


def test_the_variable_comes_before_all(deep: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (deep / "pyproject.toml").write_text("[tool.repro]\n")
    monkeypatch.setenv(roots.VARIABLE, "../..")
    assert found() == home
    monkeypatch.setenv(roots.VARIABLE, "")
    assert found() == deep


def test_a_folder_named_for_a_while_is_forgotten(deep: Path, home: Path) -> None:
    with roots.named(str(home)):
        assert found() == home
    assert found() == deep
    with roots.named(None):
        assert found() == deep


@pytest.mark.parametrize("path", [".", "src"])
def test_a_marked_project_s_own_study_is_found_without_an_installation(path: str, tmp_path: Path) -> None:
    package = tmp_path / path / "pies"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(toy_source())
    (tmp_path / "pyproject.toml").write_text(MARKED.replace("[tool.repro]", f"[tool.repro]\npath = '{path}'"))
    (tmp_path / "below").mkdir()
    line = command("run", "montecarlo", "--replicates", "1", "-q")
    subprocess.run(line, cwd=tmp_path / "below", capture_output=True, check=True)
    assert (tmp_path / RESULTS).is_file()


@pytest.mark.parametrize("place", ["before", "after", "variable"])
def test_every_way_to_name_it_reaches_workers_and_stores(
    place: str, committed: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    verb = ["run", "montecarlo", "--replicates", "1", "-q"]
    named = [roots.OPTION, str(committed)]
    lines = {"before": [*named, *verb], "after": [*verb, *named], "variable": verb}
    if place == "variable":
        monkeypatch.setenv(roots.VARIABLE, str(committed))
    subprocess.run(command(*lines[place]), cwd=elsewhere, capture_output=True, check=True)
    assert (committed / RESULTS).is_file()
    assert not [*elsewhere.iterdir()]


def test_doctor_says_which_it_is_and_why(cli: Cli, project: Path) -> None:
    said = json.loads(cli("doctor", "--json").stdout)["root"]
    assert said == {"folder": str(project), "because": "it is the nearest folder that holds a study below studies/"}
    assert "--root or REPRO_ROOT names it" in cli("doctor", "--root", str(project)).stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["list", "--root", "gone"], "repro list: --root gone: no such folder"),
        (["--root=gone", "check", "montecarlo"], "repro check: --root gone: no such folder"),
        (["--root"], "repro: argument --root: expected one argument"),
    ],
)
def test_a_root_that_is_none_is_one_line(line: list[str], said: str, cli: Cli) -> None:
    done = cli(*line)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_a_marked_root_without_a_study_is_named_as_such(project: Path, cli: Cli) -> None:
    shutil.rmtree(project / "studies")
    (project / "pyproject.toml").write_text("[tool.repro]\n")
    done = cli("list")
    assert done.returncode == 5
    assert (
        f"{project}, the root (its pyproject.toml has [tool.repro]), holds no studies/NAME/__init__.py" in done.stderr
    )


def test_the_disk_is_asked_once_of_each_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it said holds as long as it is asked once, and no longer."""
    for name in ("one", "other"):
        (tmp_path / name / "studies" / "toy").mkdir(parents=True)
        (tmp_path / name / "studies" / "toy" / "__init__.py").touch()
    monkeypatch.delenv(roots.VARIABLE, raising=False)
    asked: list[str] = []
    look = roots._look
    monkeypatch.setattr(roots, "_look", lambda named, here: asked.append(here) or look(named, here))
    monkeypatch.chdir(tmp_path / "one")
    with roots.looked_for_once():
        assert [roots.find().folder.resolve().name for _ in range(3)] == ["one"] * 3
        monkeypatch.chdir(tmp_path / "other")
        assert [roots.find().folder.resolve().name for _ in range(2)] == ["other"] * 2
        assert len(asked) == 2
    roots.find()
    assert len(asked) == 3
