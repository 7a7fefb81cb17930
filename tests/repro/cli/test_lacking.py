"""`repro doctor` ends with what each profile lacks on this machine, and the one command that mends it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.repro.conftest import Cli, write_study

NEEDY = '''
"""A study that lacks things."""
from dataclasses import dataclass
from repro.data import DataSet, pinned_by_files
from repro.study import Metric, Outcome, Profile, Study

FILES = {"toy/a.bin": "00" * 32, "toy/b.bin": "11" * 32}
OTHER = {"else/c.bin": "22" * 32}


def download(folder):
    raise OSError("no network")


def read(folder):
    return {}


HELD = DataSet("held", "By hand", pinned_by_files(FILES), read, FILES)
FETCHED = DataSet("fetched", "Fetched", pinned_by_files(OTHER), read, OTHER, download)
MADE = DataSet("made", "Made of the fetched", "33" * 32, read, OTHER, download, generated=True)


@dataclass(frozen=True)
class Case:
    name: str = "one"


study = Study(
    "needy",
    title="Needy",
    smoke=Profile(settings=None, golden_seeds=2, cannot_answer="anything"),
    held=Profile(settings=None, data=HELD, golden_seeds=2, cannot_answer="anything"),
    made=Profile(settings=None, data=MADE, golden_seeds=2, cannot_answer="anything"),
    both=Profile(settings=None, data=FETCHED, golden_seeds=2, cannot_answer="anything", device="cuda"),
)


@study.experiment(cases=[Case()], metrics=[Metric("value", "1", "higher")])
def trained(case, run):
    """Train."""
    IMPORTS
    return Outcome({"value": 1.0})
'''
PROGRAM = "#!/bin/sh\necho 'NVIDIA H200, 580.1'\n"


def needy(project: Path, imports: str = "pass") -> None:
    write_study(project, "needy", NEEDY.replace("IMPORTS", imports))


def profiles(cli: Cli, **variables: str) -> dict[tuple[str, str], tuple[list[str], str]]:
    """Return what each profile lacks, and what mends it; no nvidia-smi and no data lie about unless said so."""
    hidden = {"PATH": "/nowhere", "REPRO_DATA_DIR": "", "XDG_CACHE_HOME": "/nowhere"}
    done = cli("doctor", "--json", env={**os.environ, **hidden, **variables})
    assert done.returncode == 0, done.stderr
    said: list[dict[str, Any]] = json.loads(done.stdout)["profiles"]
    return {(one["study"], one["profile"]): (one["missing"], one["command"]) for one in said}


def test_nothing_is_missing_where_nothing_is_asked_for(project: Path, cli: Cli) -> None:
    found = profiles(cli)
    assert found
    assert set(map(str, found.values())) == {str(([], ""))}
    assert [line.split() for line in cli("doctor").stdout.splitlines()][-1] == [*list(found)[-1], "nothing"]


def test_data_and_device_are_said_with_what_mends_them(project: Path, cli: Cli) -> None:
    needy(project)
    found = profiles(cli)
    assert found["needy", "smoke"] == ([], "")
    assert found["needy", "held"] == (["data held (FOLDER/toy/a.bin)"], "export REPRO_DATA_DIR=FOLDER")
    assert found["needy", "made"] == (["data fetched (absent)"], "repro data fetched")  # which the other is made of
    assert found["needy", "both"] == (
        ["data fetched (absent)", "an NVIDIA GPU"],
        "repro data fetched && repro run needy --profile both --device cpu",
    )
    (line,) = [line for line in cli("doctor").stdout.splitlines() if line.startswith("needy") and " held " in line]
    assert line.split("  ")[-1].strip() == "export REPRO_DATA_DIR=FOLDER"
    assert "data held (FOLDER/toy/a.bin)" in line


def test_a_gpu_that_is_there_is_not_missing(project: Path, cli: Cli, tmp_path: Path) -> None:
    needy(project)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(PROGRAM)
    (programs / "nvidia-smi").chmod(0o755)
    found = profiles(cli, PATH=f"{programs}:/bin:/usr/bin")
    assert found["needy", "both"] == (["data fetched (absent)"], "repro data fetched")


def test_altered_data_are_removed_from_the_cache_or_named(project: Path, cli: Cli, tmp_path: Path) -> None:
    needy(project)
    for folder in (tmp_path / "cache" / "repro" / "else", tmp_path / "data" / "else"):
        folder.mkdir(parents=True)
        (folder / "c.bin").write_text("changed")
    altered = ["data fetched (altered)", "an NVIDIA GPU"]
    rest = " && repro run needy --profile both --device cpu"
    cached = profiles(cli, XDG_CACHE_HOME=str(tmp_path / "cache"))["needy", "both"]
    assert cached == (altered, f"repro data fetched --remove{rest}")
    given = profiles(cli, REPRO_DATA_DIR=str(tmp_path / "data"))["needy", "both"]
    assert given == (altered, f"repro data fetched{rest}")


@pytest.mark.parametrize(
    ("imports", "missing", "command"),
    [
        ("import nothing_so.deep", ["package nothing_so"], "nothing_so"),
        ("import nothing_so, other_so", ["packages nothing_so other_so"], "nothing_so other_so"),
        ("try:\n        import nothing_so\n    except ImportError:\n        pass", [], ""),
        ("import json, numpy", [], ""),
    ],
)
def test_packages_that_are_not_installed_are_named(
    project: Path, cli: Cli, imports: str, missing: list[str], command: str
) -> None:
    needy(project, imports)
    assert profiles(cli)["needy", "smoke"] == (missing, f"python -m pip install {command}" if command else "")


def test_the_project_s_own_lock_is_what_mends(project: Path, cli: Cli) -> None:
    needy(project, "import nothing_so")
    lock = project / "containers" / "lock" / "universal.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text("")
    wanted = "python -m pip install --require-hashes -r containers/lock/universal.txt"
    assert profiles(cli)["needy", "smoke"] == (["package nothing_so"], wanted)
