"""Contents by name: what differs has another, and what cannot be followed has none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from repro.runs import unchanged


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a package that no other test imports."""
    package = tmp_path / "studies"
    package.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "studies", raising=False)
    (package / "a").mkdir()
    (package / "a" / "__init__.py").write_text("")
    (package / "a" / "one.py").write_text("from studies.a import two\n")
    (package / "a" / "two.py").write_text("X = 1\n")
    return package / "a"


def code(name: str = "studies.a.one") -> str:
    return unchanged.Now({}).of(f"code:{name}")


def test_code_is_all_that_it_reaches(here: Path) -> None:
    before = code()
    assert before == code() != ""
    (here / "two.py").write_text("X = 2\n")
    assert code() != before


def test_the_package_around_a_module_runs_before_it(here: Path) -> None:
    before = code("studies.a.two")
    (here / "__init__.py").write_text("import sys\n")
    assert code("studies.a.two") != before


@pytest.mark.parametrize(
    "text", ["exec('X = 1')\n", "import importlib\n\nX = importlib.import_module(name)\n", "def (:\n"]
)
def test_code_that_no_reading_follows_has_no_content(text: str, here: Path) -> None:
    (here / "two.py").write_text(text)
    assert code() == ""


def test_a_module_that_is_not_there_has_no_content(here: Path) -> None:
    assert code("studies.a.three") == code("studies.nothing") == ""


def test_a_walk_is_taken_over_only_while_its_files_and_folders_are_the_same(here: Path) -> None:
    first = unchanged.Now({})
    first.of("code:studies.a.one")
    later = unchanged.Now({})
    later.learn(first.walks)
    assert set(later.walks) == {"studies.a.one"}
    (here / "three.py").write_text("")  # could stand before something
    later = unchanged.Now({})
    later.learn(first.walks)
    assert later.walks == {}


def test_results_and_reports_are_no_part_of_the_project(here: Path) -> None:
    before = unchanged.folder(str(Path.cwd()))
    Path("results").mkdir()
    Path("report.html").write_text("")
    assert unchanged.folder(str(Path.cwd())) == before
    Path("further.py").write_text("")
    assert unchanged.folder(str(Path.cwd())) != before


def test_a_file_that_is_none_and_an_empty_one_differ(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    names = {unchanged.file(str(tmp_path / name)) for name in ("none", "empty")} | {unchanged.file(str(tmp_path))}
    assert len(names) == 3
    assert unchanged.file(str(tmp_path / "none" / "below")) == unchanged.file(str(tmp_path / "none")) == ""


def test_variables_count_but_for_those_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    before = unchanged.environment()
    for name in ("TERM", "SHLVL", "PWD", "_"):
        monkeypatch.setenv(name, "another")
    assert unchanged.environment() == before
    for name in ("MKL_CBWR", "MY_N", "_MINE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "4")
            assert unchanged.environment() != before


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert unchanged.file(str(tmp_path / "pipe")) == "no file"


def test_a_listing_knows_all_names_and_a_folder_those_of_code(tmp_path: Path) -> None:
    before = unchanged.listing(str(tmp_path)), unchanged.folder(str(tmp_path))
    (tmp_path / "new.csv").write_text("")
    assert unchanged.listing(str(tmp_path)) != before[0]
    assert unchanged.folder(str(tmp_path)) == before[1]
    (tmp_path / "new.py").write_text("")
    assert unchanged.folder(str(tmp_path)) != before[1]


def test_a_project_that_is_an_environment_too_is_not_covered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert str(tmp_path) not in unchanged.covered()


def test_what_cannot_be_read_has_a_content_that_says_so(tmp_path: Path) -> None:
    """Who reads it raises; a loop of links was an error of the look at it, which nobody foresaw."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert unchanged.file(str(tmp_path / "loop")) == unchanged.folder(str(tmp_path / "loop")) != ""
    assert unchanged.file(str(tmp_path / "nothing")) == unchanged.folder(str(tmp_path / "nothing")) == ""
