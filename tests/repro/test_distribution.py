"""What is installed from the package index: the harness, whole, and nothing else of this repository."""

from __future__ import annotations

import email
import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from repro import __distribution__, __version__
from repro.errors import InfrastructureError
from repro.machine import extras
from tests.sources import PROJECT

DECLARED: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel('..'); build_meta.build_sdist('..')"
LEFT_OUT = ("studies", "tests", "bench", "golden", "docs", "containers", "results")
STUDIES_ALONE = {"torch", "torchvision", "scikit-learn"}  # what a study asks for, and no verb of the harness


def is_ours(path: Path) -> bool:
    """Say whether a file is part of the project, and not made by Python, an editor or a system."""
    return path.is_file() and path.suffix not in (".pyc", ".orig", ".swp") and path.name != ".DS_Store"


def harness() -> set[str]:
    """Return the files of repro/, as a wheel names them."""
    return {path.relative_to(PROJECT).as_posix() for path in (PROJECT / "repro").rglob("*") if is_ours(path)}


def strangers(names: Collection[str]) -> list[str]:
    """Return the files of a distribution that are not the harness's, nor what describes it."""
    own = re.compile(r"repro/|repro_papers-[^/]*\.dist-info/|repro_papers\.egg-info/|(LICENSE|PKG-INFO|setup\.cfg)$")
    own_too = re.compile(r"(MANIFEST\.in|README\.md|pyproject\.toml)$")
    return [name for name in names if not own.match(name) and not own_too.match(name)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions from a copy of the tree, studies, tests and all, with the environment's setuptools."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "copy"
    copy.mkdir()
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CITATION.cff", "noxfile.py"):
        shutil.copy(PROJECT / name, copy)
    for name in ("repro", *LEFT_OUT[:3], "docs"):
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    """The wheel, opened."""
    (path,) = built.glob("*.whl")
    assert path.name == f"repro_papers-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_harness_whole_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name for name in names if ".dist-info/" not in name} == harness()
    assert strangers(names) == []


def test_the_source_distribution_holds_the_harness_whole_and_nothing_else(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [member.name.partition("/")[2] for member in archive if member.isfile()]
    assert harness() <= set(names)
    assert strangers(names) == []


@pytest.mark.parametrize("name", [*LEFT_OUT, "noxfile.py", "other/repro/api.py"])
def test_a_stranger_is_seen(name: str) -> None:
    assert strangers([f"{name}/x.py", "repro/api.py", "repro_papers-0.1.0.dist-info/RECORD"]) == [f"{name}/x.py"]


def test_the_wheel_says_what_it_is_and_what_it_needs(wheel: zipfile.ZipFile) -> None:
    folder = f"repro_papers-{__version__}.dist-info"
    about = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
    assert (about["Name"], about["Version"]) == (__distribution__, __version__)
    needed = [text for text in about.get_all("Requires-Dist") if "extra ==" not in text]
    assert {re.split(r"[>=<!~ ]", text)[0] for text in needed} == {
        "numpy",
        "scipy",
        "pyarrow",
        "pyyaml",
        "tqdm",
        "argcomplete",
    }
    points = wheel.read(f"{folder}/entry_points.txt").decode()
    assert "[console_scripts]\nrepro = repro.cli.main:run" in points
    assert "[pytest11]\nrepro = repro.pytest_plugin" in points
    assert wheel.read(f"{folder}/top_level.txt").decode().split() == ["repro"]


def test_only_studies_ask_for_torch() -> None:
    assert DECLARED["name"] == __distribution__
    optional = DECLARED["optional-dependencies"]
    asked = {name: {re.split(r"[>=\[]", text)[0] for text in texts} for name, texts in optional.items()}
    assert asked["studies"] == STUDIES_ALONE
    others = [
        {re.split(r"[>=]", text)[0] for text in DECLARED["dependencies"]},
        asked["report"],
        asked["bundle"],
        asked["dask"],
    ]
    assert STUDIES_ALONE & set.union(*others) == set()


def test_the_extras_that_verbs_ask_for_are_those_declared() -> None:
    optional = DECLARED["optional-dependencies"]
    for extra, modules in extras.EXTRAS.items():
        names = [re.split("[>=]", text)[0].replace("-", "_") for text in optional[extra]]
        assert sorted(names) == sorted(modules)
        extras.require(extra)  # the environment of the tests lacks none


@pytest.mark.parametrize("extra", extras.EXTRAS)
def test_a_missing_extra_is_said_in_one_line(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = extras.EXTRAS[extra][0]
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == lacking else found(name))
    with pytest.raises(InfrastructureError) as refused:
        extras.require(extra)
    assert str(refused.value).startswith(f"{lacking} not installed")
    assert f"`python -m pip install '{__distribution__}[{extra}]'`" in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (["report"], "report"),
        (["bundle", "montecarlo"], "bundle"),
        (["verify", "results/x.zip"], "bundle"),
        (["run", "montecarlo", "--fresh", "2", "--engine", "dask"], "dask"),
    ],
)
def test_a_verb_without_its_extra_stops_before_it_does_anything(
    arguments: list[str], extra: str, blessed: Path
) -> None:
    done = without(extras.EXTRAS[extra], blessed, arguments)
    assert done.returncode == 7
    (line,) = done.stderr.splitlines()
    assert f"[{extra}]" in line
    assert not list(blessed.rglob("*.html"))
    assert not list(blessed.rglob("*.zip"))


@pytest.mark.parametrize("arguments", [["list"], ["doctor"], ["run", "montecarlo", "--fresh", "1"], ["status"]])
def test_the_harness_needs_no_package_of_a_study(arguments: list[str], blessed: Path) -> None:
    done = without(("torch", "torchvision", "sklearn", "matplotlib", "jinja2"), blessed, arguments)
    assert done.returncode == 0, done.stderr


def without(modules: Collection[str], folder: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a verb where some packages are not installed, as far as Python can see."""
    script = (
        f"import sys; sys.path.insert(0, {str(PROJECT)!r}); lacking = {set(modules)!r}\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in lacking: raise ModuleNotFoundError(name, name=name)\n"
        "import importlib.util; real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *rest: None if name in lacking else real(name, *rest)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from repro.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    line = [sys.executable, "-c", script, *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_windows_is_told_that_it_is_none_of_ours() -> None:
    line = "import sys; sys.platform = 'win32'; import repro"
    done = subprocess.run([sys.executable, "-c", line], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("ImportError: repro holds its tables by POSIX locks")
    assert "WSL 2" in done.stderr
