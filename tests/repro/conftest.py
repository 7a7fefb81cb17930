"""A small project with the toy study of docs/adding-a-study.md, and the command line inside it."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.bundle import pack
from tests.repro.support import bundles, forked
from tests.sources import PROJECT

Cli = Callable[..., subprocess.CompletedProcess[str]]


def toy_source() -> str:
    """Return the study of docs/adding-a-study.md."""
    text = (PROJECT / "docs/adding-a-study.md").read_text()
    found = re.search(r"```python\n(.*?)```", text, re.S)
    assert found, "docs/adding-a-study.md shows no study"
    return found[1]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder that holds the toy study `montecarlo` and nothing else."""
    write_study(tmp_path, "montecarlo", toy_source())
    return tmp_path


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a blessed golden, blessed verdicts, and the results of one more replicate."""
    return bundles.make_project(tmp_path_factory.mktemp("bundled"))


@pytest.fixture(scope="session")
def packed(bundled: Path) -> bundles.Files:
    """The files of a bundle of these results."""
    return pack.files_of(bundled, "invented", "smoke", bundled / pack.RESULTS)


def write_study(folder: Path, name: str, source: str) -> None:
    """Write a study's declaration below a project folder."""
    (folder / "studies" / name).mkdir(parents=True, exist_ok=True)
    (folder / "studies" / name / "__init__.py").write_text(source)


@pytest.fixture
def committed(project: Path) -> Path:
    """The same project under git, everything committed, so that its results can be blessed."""
    make_committed(project)
    return project


def make_committed(folder: Path) -> None:
    """Make a folder a project with the toy study, everything committed."""
    write_study(folder, "montecarlo", toy_source())
    (folder / ".gitignore").write_text("/results/\n__pycache__/\n")
    commit(folder)


def commit(project: Path) -> None:
    """Commit all files of a project folder."""
    who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"]
    for arguments in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "state"]):
        subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True)


@pytest.fixture
def cli(project: Path) -> Cli:
    """Run `repro` in the project folder and return the finished process."""

    def call(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return forked.repro(arguments, project, **options)

    return call


RESULTS = "results/montecarlo/smoke.parquet"
BLESS = ("bless", "montecarlo", "--reason", "first golden")


@pytest.fixture(scope="session")
def blessed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project with a golden of ten seeds and one fresh replicate in its store, made once."""
    folder = tmp_path_factory.mktemp("blessed")
    make_committed(folder)
    for arguments in (("run", "montecarlo", "--replicates", "10", "-q"), BLESS):
        forked.repro(arguments, folder).check_returncode()
    (folder / RESULTS).unlink()
    forked.repro(("run", "montecarlo", "--fresh", "1", "-q"), folder).check_returncode()
    return folder


@pytest.fixture
def blessed(blessed_once: Path, project: Path) -> Path:
    """A copy of that project, for a test to change."""
    return shutil.copytree(blessed_once, project, dirs_exist_ok=True)
