"""Packages are called pinned where they were installed from the goldens' lock as it is now, and no others."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from repro.bundle import forms
from repro.machine import sets
from repro.runs import provenance
from repro.runs.provenance import collect


@pytest.fixture(autouse=True)
def no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in provenance.IMAGE_PARTS.values():
        monkeypatch.delenv(name, raising=False)


def lock(root: Path, text: str) -> None:
    path = root / provenance.LOCK
    path.parent.mkdir(parents=True)
    path.write_text(text)


def stamp(root: Path, monkeypatch: pytest.MonkeyPatch, one: sets.Packages = sets.GOLDENS) -> None:
    """Say that a set of a project, as its locks are now, is what was installed."""
    monkeypatch.setattr(sys, "prefix", str(root))
    (root / sets.STAMP).write_text(sets.stamp(root, one, provenance._place(root)))


def test_pinned_only_where_every_locked_version_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = f"numpy=={importlib.metadata.version('numpy')} \\\n    --hash=sha256:00\npytest=={pytest.__version__}\n"
    lock(tmp_path, right)
    stamp(tmp_path, monkeypatch)
    found = collect(root=tmp_path)[1]["lock"]
    assert (found["pinned"], found["unpinned_because"]) == (True, "")
    assert len(bytes.fromhex(found["sha256"])) == 32


def test_an_edited_lock_is_not_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(tmp_path, f"numpy=={importlib.metadata.version('numpy')}\n")
    stamp(tmp_path, monkeypatch)
    path = tmp_path / provenance.LOCK
    path.write_text(f"{path.read_text()}# edited after the installation\n")
    edited = "lock or pyproject.toml are not those that were installed"
    found = collect(root=tmp_path)[1]["lock"]
    assert (found["pinned"], found["unpinned_because"]) == (False, edited)
    (tmp_path / sets.STAMP).unlink()
    found = collect(root=tmp_path)[1]["lock"]
    assert found["unpinned_because"] == "nothing says that these packages were installed from containers/lock/cuda.txt"
    monkeypatch.setenv("REPRO_IMAGE", "a")  # which does not say what it is made of
    assert collect(root=tmp_path)[1]["lock"]["pinned"] is True


def test_an_image_is_of_the_lock_that_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = f"numpy=={importlib.metadata.version('numpy')}\n"
    lock(tmp_path, pins)
    cpu = tmp_path / sets.CPU.files[0]
    cpu.write_text(f"# without CUDA\n{pins}")
    monkeypatch.setenv("REPRO_IMAGE", "a")
    monkeypatch.setattr(provenance, "LOCK_OF_IMAGE", tmp_path / "lock.txt")

    def found() -> tuple[bool, str]:
        said = collect(root=tmp_path)[1]["lock"]
        assert forms.LOCK["unpinned_because"](said["unpinned_because"])
        return said["pinned"], said["unpinned_because"]

    (tmp_path / "lock.txt").write_text(pins)
    assert found() == (True, "")
    (tmp_path / "lock.txt").write_text(cpu.read_text())
    assert found() == (False, "installed from containers/lock/cpu.txt, where the goldens have containers/lock/cuda.txt")
    cpu.write_text("# edited since the image was made\n")
    assert found() == (False, "the image is made of another lock")


@pytest.mark.parametrize(
    ("one", "source"),
    [
        (sets.UNIVERSAL, "containers/lock/universal.txt"),
        (sets.CPU, "containers/lock/cpu.txt"),
        (sets.TRIMMED, "containers/lock/trimmed.txt"),
        (sets.RANGES, "pyproject.toml's ranges"),
    ],
)
def test_another_set_that_was_installed_on_purpose_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one: sets.Packages, source: str
) -> None:
    lock(tmp_path, f"numpy=={importlib.metadata.version('numpy')}\n")
    stamp(tmp_path, monkeypatch, one)
    found = collect(root=tmp_path)[1]["lock"]
    assert found["pinned"] is False
    assert found["unpinned_because"] == f"installed from {source}, where the goldens have containers/lock/cuda.txt"
    assert forms.LOCK["unpinned_because"](found["unpinned_because"])
    (tmp_path / "pyproject.toml").write_text("# edited after the installation\n")
    edited = "lock or pyproject.toml are not those that were installed"
    assert collect(root=tmp_path)[1]["lock"]["unpinned_because"] == edited


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("numpy==0.0.1 \\\n    --hash=sha256:00\n", r"numpy is locked at 0\.0\.1, \d.* installed"),
        ("no-such-package-zz==1.0\n", r"no-such-package-zz is locked at 1\.0, not installed"),
        ("# nothing\n", "the lock pins nothing"),
        (None, r"there is no containers/lock/cuda\.txt"),
    ],
)
def test_unpinned_names_the_first_reason(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        lock(tmp_path, text)
    found = collect(root=tmp_path)[1]["lock"]
    assert found["pinned"] is False
    assert re.fullmatch(reason, found["unpinned_because"])
