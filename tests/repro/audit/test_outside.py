"""A study in a package of its own is audited as those of the project are: its claims and functions lie beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import PROJECT

DECLARED = '''"""A study that lies elsewhere."""

from dataclasses import dataclass

from repro.study import Metric, Profile, Study


@dataclass(frozen=True)
class Case:
    size: int


study = Study("elsewhere", smoke=Profile(None, cannot_answer="Nothing."))


@study.experiment((Case(1),), metrics=(Metric("value", "1"),))
def measured(case, run):
    """Stand for an experiment."""
    return {"value": float(case.size)}
'''
CLAIMS = """
[[claim]]
id = "parts"
where = "page 1"
kind = "count"
statement = "There are so many parts."
published = "3"
judge = "count"
compute = "evidence.parts"
"""
FUNCTION = "def parts():\n    return 3\n"


@pytest.fixture(params=["package", "module"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder of installed packages, one of which offers a study: as a package, or as a module in one."""
    package = tmp_path / "installed" / "papers"
    package.mkdir(parents=True)
    name = {"package": "__init__", "module": "study"}[request.param]
    (package / "__init__.py").write_text("")
    (package / f"{name}.py").write_text(DECLARED)
    (package / "claims.toml").write_text(CLAIMS)
    (package / "evidence.py").write_text(FUNCTION)
    about = tmp_path / "installed" / "papers-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: papers\nVersion: 1.0\n")
    value = {"package": "papers:study", "module": "papers.study:study"}[request.param]
    (about / "entry_points.txt").write_text(f"[repro.studies]\nelsewhere = {value}\n")
    return tmp_path


def repro(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(folder / "installed"), str(PROJECT)))
    return subprocess.run(
        [sys.executable, "-m", "repro", *arguments], cwd=folder, env={**os.environ, "PYTHONPATH": paths},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_it_is_judged(elsewhere: Path) -> None:
    done = repro(elsewhere, "audit", "elsewhere", "--claim", "parts")
    assert (done.returncode, "reproduced" in done.stdout) == (0, True), done.stderr
    (elsewhere / "installed" / "papers" / "evidence.py").write_text(FUNCTION.replace("3", "4"))
    assert "erratum" in repro(elsewhere, "audit", "elsewhere", "--claim", "parts").stdout


def test_it_is_among_all(elsewhere: Path) -> None:
    done = repro(elsewhere, "audit")
    assert (done.returncode, "elsewhere" in done.stdout) == (0, True), done.stderr


def test_its_report_is_written(elsewhere: Path) -> None:
    about = '[document]\ntitle = "A paper that lies elsewhere"\n'
    (elsewhere / "installed" / "papers" / "claims.toml").write_text(about + CLAIMS)
    done = repro(elsewhere, "report", "elsewhere", "--out", "report.html")
    assert done.returncode == 0, done.stderr
    assert "A paper that lies elsewhere" in (elsewhere / "report.html").read_text()


def test_what_is_wrong_is_named_where_it_is(elsewhere: Path) -> None:
    package = elsewhere / "installed" / "papers"
    (package / "evidence.py").unlink()
    done = repro(elsewhere, "audit", "elsewhere")
    assert done.returncode == 2
    assert f"{package}/ has no module 'evidence'" in done.stderr
