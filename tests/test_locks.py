"""The locks: the universal set holds the versions of the goldens' lock, and resolves for every platform and Python.

What asks the package index runs by `nox -s locks`, which brings uv; elsewhere it is skipped.
"""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

import noxfile
from repro.machine import installing, sets
from tests.sources import PROJECT

PIN = re.compile(r"(?m)^([a-z0-9-]+)==([^\s;]+)(.*(?:\n    .*)*)")
NAMES = {
    "x86_64-manylinux_2_28": "Linux x86-64",
    "aarch64-manylinux_2_28": "Linux aarch64",
    "aarch64-apple-darwin": "macOS arm64",
    "x86_64-pc-windows-msvc": "Windows x86-64",
}
INTEL_MAC = "x86_64-apple-darwin"  # torch has no wheel for it
ALL = [path.name for path in sorted(noxfile.LOCK.glob("*.txt"))]
RUN, WHOLE = sets.UNIVERSAL.files[:1], sets.UNIVERSAL.files


def pins(text: str) -> dict[str, set[str]]:
    """Return the versions of each package that a lock pins; a fork by platform or Python pins several."""
    found: dict[str, set[str]] = {}
    for name, version, _ in PIN.findall(text):
        found.setdefault(name, set()).add(version)
    return found


def strangers(lock: str, pinned: str) -> dict[str, set[str]]:
    """Return what a lock pins at another version than the pinned one; a build for the CPU is of the same."""
    held = pins(pinned)
    lock = lock.replace("+cpu", "")
    return {name: versions for name, versions in pins(lock).items() if versions != held.get(name, versions)}


def unhashed(lock: str) -> list[str]:
    """Return the pins of a lock that stand without a hash."""
    return [name for name, _, rest in PIN.findall(lock) if "--hash=sha256:" not in rest]


def read(name: str) -> str:
    return (noxfile.LOCK / name).read_text()


@pytest.mark.parametrize("name", ALL)
def test_every_pin_has_a_hash(name: str) -> None:
    assert len(pins(read(name))) >= (1 if name == "torch-cpu.txt" else 2)
    assert unhashed(read(name)) == []


@pytest.mark.parametrize("name", sorted({*ALL} - {"cuda.txt"}))
def test_every_lock_has_the_versions_of_the_goldens(name: str) -> None:
    assert strangers(read(name), read("cuda.txt")) == {}


def test_a_pin_of_another_version_or_without_a_hash_is_seen() -> None:
    lock = read("universal.txt")
    (torch,) = pins(lock)["torch"]
    assert strangers(lock.replace(f"torch=={torch}", "torch==1.0"), read("cuda.txt")) == {"torch": {"1.0"}}
    assert unhashed("numpy==2.0 \\\n    --hash=sha256:00\ntorch==1.0 ; x == 'y'\n") == ["torch"]


def test_the_universal_set_has_all_that_is_declared() -> None:
    """As the environment is installed from it, and the project without looking anything up."""
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = declared["optional-dependencies"]
    run = {*declared["dependencies"], *extras["report"], *extras["bundle"], *extras["studies"]}
    for wanted, files in ((run, RUN), ({*run, *extras["tests"]}, WHOLE), ({*run, *extras["tests"]}, sets.CPU.files)):
        names = {re.split(r"[\[>=<~! ]", one)[0] for one in wanted} - {"repro-papers"}
        assert names - {name for path in files for name in pins((PROJECT / path).read_text())} == set()


# With the package index


@pytest.fixture(scope="module")
def uv() -> str:
    """The program uv, or skip: it is not among the locked packages."""
    program = os.environ.get("REPRO_UV")
    if not program:
        pytest.skip("asks the package index, with uv: `nox -s locks`")
    return program


def dry_run(uv: str, target: str, version: str, files: Sequence[Path], folder: Path) -> tuple[int, str]:
    """Return how many packages would be installed, all as wheels, and what uv said; -1 where one cannot be had.

    Hashes are looked at when something is installed, not here.
    """
    line = [uv, "pip", "install", "--dry-run", "--require-hashes", "--only-binary", ":all:", "--target", str(folder)]
    line += ["--python-platform", target, "--python-version", version]
    line += [word for path in files for word in ("-r", str(PROJECT / path))]
    variables = {**os.environ, **installing.certificates(), "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    done = subprocess.run(line, capture_output=True, text=True, env=variables, timeout=300, check=False)
    if done.returncode != 0 and re.search(r"(?i)dns error|failed to fetch|timed out|connect error", done.stderr):
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    count = re.search(r"Would install (\d+) packages?", done.stderr)
    return (int(count[1]) if count and done.returncode == 0 else -1), done.stderr


@pytest.mark.parametrize("target", sets.PLATFORMS.values())
def test_it_resolves_for_every_platform_and_python(uv: str, target: str, tmp_path: Path) -> None:
    found = []
    for version in sets.PYTHONS:
        count, said = dry_run(uv, target, version, RUN, tmp_path)
        assert count > 0, said
        whole, said = dry_run(uv, target, version, WHOLE, tmp_path)
        assert whole > count, said
        found.append(str(count))
    row = f"| {NAMES[target]} | {' | '.join(found)} |"
    assert row in (PROJECT / "docs/install.md").read_text(), f"docs/install.md wants the row {row}"


def test_what_does_not_resolve_is_seen(uv: str, tmp_path: Path) -> None:
    count, said = dry_run(uv, INTEL_MAC, "3.11", RUN, tmp_path)
    assert (count, "torch" in said) == (-1, True)
    lock = tmp_path / "wrong.txt"
    lock.write_text(f"numpy==0.0.0 --hash=sha256:{'00' * 32}\n")
    count, said = dry_run(uv, "x86_64-manylinux_2_28", "3.11", [lock], tmp_path)
    assert (count, "numpy==0.0.0" in said) == (-1, True)
