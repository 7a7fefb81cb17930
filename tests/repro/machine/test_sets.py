"""Which set of packages a machine is to have, by what it is known again, and the locks made of the universal one."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest

import noxfile
from repro.errors import IntegrityError, UsageError
from repro.machine import sets
from repro.machine.sets import CPU, GOLDENS, RANGES, TRIMMED, UNIVERSAL, Packages


def lock(name: str) -> str:
    return (noxfile.LOCK / name).read_text()


def pins(text: str) -> dict[str, set[str]]:
    """Return the versions that a lock pins, by package."""
    found: dict[str, set[str]] = {}
    for name, version in sets.ENTRY.findall(text):
        found.setdefault(name, set()).add(version)
    return found


@pytest.fixture
def linux(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Linux on x86-64, with no device and no wish."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(sets, "device", lambda: False)
    monkeypatch.delenv(sets.CHOICE, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("word", "device", "goldens", "found"),
    [
        ("auto", False, True, (CPU, TRIMMED)),
        ("", False, False, (CPU, TRIMMED)),
        ("auto", True, True, (GOLDENS,)),
        ("auto", True, False, (UNIVERSAL,)),
        ("cpu", True, True, (CPU, TRIMMED)),
        ("cuda", False, True, (GOLDENS,)),
        ("cuda", False, False, (UNIVERSAL,)),
    ],
)
def test_the_build_of_torch_follows_from_the_wish_and_the_device(
    linux: pytest.MonkeyPatch, word: str, device: bool, goldens: bool, found: tuple[Packages, ...]
) -> None:
    linux.setenv(sets.CHOICE, word)
    linux.setattr(sets, "device", lambda: device)
    assert sets.candidates("3.12", goldens=goldens)[0] == found


@pytest.mark.parametrize(
    ("system", "machine", "version", "found"),
    [
        ("linux", "aarch64", "3.11", (CPU, TRIMMED)),
        ("darwin", "arm64", "3.14", (UNIVERSAL,)),
        ("win32", "AMD64", "3.13", (UNIVERSAL,)),
        ("darwin", "x86_64", "3.12", (RANGES,)),
        ("linux", "x86_64", "3.15", (RANGES,)),
    ],
)
def test_what_is_installed_follows_from_platform_and_python(
    linux: pytest.MonkeyPatch, system: str, machine: str, version: str, found: tuple[Packages, ...]
) -> None:
    linux.setattr(sys, "platform", system)
    linux.setattr(platform, "machine", lambda: machine)
    assert sets.candidates(version, goldens=False)[0] == found


@pytest.mark.parametrize(
    ("word", "system", "version", "said"),
    [
        ("gpu", "linux", "3.11", "REPRO_TORCH=gpu: no such build of torch; set one of auto, cpu, cuda"),
        ("cuda", "darwin", "3.11", "REPRO_TORCH=cuda: torch has no build with CUDA for this system; unset it"),
        ("cpu", "linux", "3.15", "REPRO_TORCH=cpu: no lock is for this Python and platform; unset it"),
    ],
)
def test_a_wish_that_no_lock_has_is_refused(
    linux: pytest.MonkeyPatch, word: str, system: str, version: str, said: str
) -> None:
    linux.setenv(sets.CHOICE, word)
    linux.setattr(sys, "platform", system)
    linux.setattr(platform, "machine", lambda: "arm64" if system == "darwin" else "x86_64")
    with pytest.raises(UsageError) as caught:
        sets.candidates(version, goldens=False)
    assert str(caught.value) == said


def test_the_cpu_is_enough_to_ask_for_where_torch_has_no_other_build(linux: pytest.MonkeyPatch) -> None:
    linux.setenv(sets.CHOICE, "cpu")
    linux.setattr(sys, "platform", "darwin")
    linux.setattr(platform, "machine", lambda: "arm64")
    assert sets.candidates("3.12", goldens=False)[0] == (UNIVERSAL,)


@pytest.mark.parametrize(
    ("body", "there"),
    [
        ("echo 'GPU 0: NVIDIA H200 (UUID: GPU-0)'", True),
        ("echo 'No devices were found'", False),
        ("echo 'GPU'; exit 9", False),
        ("exec /bin/sleep 5", True),
    ],
)
def test_a_device_is_what_the_drivers_program_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, there: bool
) -> None:
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{body}\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sets, "PATIENCE_SECONDS", 0.5 if "sleep" in body else 20)
    assert sets.device() is there


@pytest.mark.parametrize(
    ("word", "device", "gpu", "found", "why"),
    [
        ("auto", False, False, (CPU, GOLDENS), "there is no NVIDIA device"),
        ("", False, False, (CPU, GOLDENS), "there is no NVIDIA device"),
        ("auto", True, False, (GOLDENS,), "there is an NVIDIA device"),
        ("auto", False, True, (GOLDENS,), "the run is to use a GPU"),
        ("cpu", True, False, (CPU, GOLDENS), "it was asked for"),
        ("cuda", False, False, (GOLDENS,), "it was asked for"),
        ("cuda", False, True, (GOLDENS,), "it was asked for"),
    ],
)
@pytest.mark.parametrize("system", ["linux", "darwin"])
def test_the_image_follows_from_the_wish_the_device_and_the_run(
    linux: pytest.MonkeyPatch,
    system: str,
    word: str,
    device: bool,
    gpu: bool,
    found: tuple[Packages, ...],
    why: str,
) -> None:
    linux.setattr(sys, "platform", system)  # an image is Linux's on any
    linux.setenv(sets.CHOICE, word)
    linux.setattr(sets, "device", lambda: device)
    assert sets.images(gpu=gpu) == (found, why)


def test_an_image_without_cuda_is_not_for_a_gpu(linux: pytest.MonkeyPatch) -> None:
    linux.setenv(sets.CHOICE, "cpu")
    with pytest.raises(UsageError, match="REPRO_TORCH=cpu: the run is to use a GPU; unset it, or add --device cpu"):
        sets.images(gpu=True)


def test_sizes_are_said_where_they_were_measured(linux: pytest.MonkeyPatch) -> None:
    assert CPU.sizes == "0.4 GB to fetch, 1.4 GB on disk"
    assert RANGES.sizes == ""
    linux.setattr(platform, "machine", lambda: "aarch64")
    assert CPU.sizes == ""


# What is installed


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the locks of this one."""
    shutil.copytree(noxfile.LOCK, tmp_path / "project" / sets.FOLDER)
    (tmp_path / "project" / "pyproject.toml").write_text("[project]\n")
    return tmp_path / "project"


def test_every_set_is_known_by_its_stamp(project: Path, tmp_path: Path) -> None:
    assert sets.installed(project, tmp_path) is None
    assert sets.stamped(tmp_path) == ("", "")
    for one in sets.ALL:
        (tmp_path / sets.STAMP).write_text(sets.stamp(project, one))
        assert sets.installed(project, tmp_path) is one
        assert sets.stamped(tmp_path)[1] == one.name
    assert len({sets.state(project, one) for one in sets.ALL}) == len(sets.ALL)


@pytest.mark.parametrize("name", ["pyproject.toml", "containers/lock/cpu.txt", "containers/lock/universal-tools.txt"])
def test_a_set_whose_files_were_edited_is_not_what_was_installed(project: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / sets.STAMP).write_text(sets.stamp(project, CPU))
    with (project / name).open("a") as file:
        file.write("# edited\n")
    assert sets.installed(project, tmp_path) is None
    assert sets.stamped(tmp_path)[1] == "cpu"


def test_a_stamp_without_a_name_is_the_goldens(project: Path, tmp_path: Path) -> None:
    (tmp_path / sets.STAMP).write_text(sets.state(project, GOLDENS))
    assert sets.installed(project, tmp_path) is GOLDENS
    assert sets.stamped(tmp_path)[1] == "cuda"


# The locks that are made of the universal one


def test_the_derived_locks_are_those_of_the_universal_one(project: Path) -> None:
    sets.derive(project / sets.FOLDER)
    for name in ("cpu.txt", "trimmed.txt"):
        assert (project / sets.FOLDER / name).read_text() == lock(name), f"{name}: run `nox -s relock`"


def test_the_set_without_cuda_has_all_else() -> None:
    universal, cpu = pins(lock("universal.txt")), pins(lock("cpu.txt"))
    (torch,) = universal.pop("torch")
    assert cpu.pop("torch") == {torch, f"{torch}+cpu"}
    gone = set(universal) - set(cpu)
    assert cpu == {name: versions for name, versions in universal.items() if name not in gone}
    assert gone == {name for name in universal if name.startswith(("nvidia-", "cuda-"))} | {"triton"}
    assert f"torch=={torch} ; sys_platform != 'linux' \\\n" in lock("cpu.txt")
    assert f"torch=={torch}+cpu ; sys_platform == 'linux' \\\n" in lock("cpu.txt")
    assert [name for name, _ in sets.ENTRY.findall(lock("cpu.txt"))][:3] == ["torch", "torch", next(iter(universal))]


def test_the_trimmed_set_lacks_what_is_not_loaded_and_no_more() -> None:
    universal, less = pins(lock("universal.txt")), pins(lock("trimmed.txt"))
    assert set(universal) - set(less) == set(sets.NOT_LOADED)
    assert less == {name: versions for name, versions in universal.items() if name not in sets.NOT_LOADED}


@pytest.mark.parametrize("pin", ["torch==1.0+cpu \\\n    --hash=sha256:00\n", "numpy==1.0\n"])
def test_a_pin_of_another_torch_is_refused(pin: str) -> None:
    with pytest.raises(IntegrityError, match=r"torch-cpu\.txt: pins .*\+cpu and its hashes there"):
        sets.without_cuda(lock("universal.txt"), pin)


def test_an_absent_torch_is_known_where_constraints_name_it_too() -> None:
    """Pip then tells of a conflict, and only beside it of what it did not find."""
    said = (
        "ERROR: Cannot install torch==2.13.0+cpu because these package versions have conflicting dependencies.\n"
        "Additionally, some packages have no matching distributions available for your environment:\n"
        "    torch\n"
    )
    assert sets.lack(said) == "the package index has no build of torch for the CPU"
    assert not sets.lack(said.replace("    torch\n", "    numpy\n"))


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If\n    {} from file:///x.whl:\n",
        "error: Failed to download `{0}`\n  Caused by: Hash mismatch for `{0}`\n",
    ],
    ids=["pip", "uv"],
)
def test_another_package_with_another_hash_is_no_lack_of_torch(said: str) -> None:
    assert "not the one that was pinned" in sets.lack(said.format("torch==2.13.0+cpu"))
    assert not sets.lack(said.format("numpy==2.4.0"))
