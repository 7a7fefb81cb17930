"""The sets of locked packages, which of them a machine is to have, and which of them an installation is of.

The standard library is enough: nox imports this module.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from repro.errors import IntegrityError, UsageError

FOLDER = Path("containers", "lock")
CHOICE = "REPRO_TORCH"
CHOICES = ("auto", "cpu", "cuda")
STAMP = "installed.txt"  # written at the end of an installation, beside the packages: what was installed
PATIENCE_SECONDS = 20
# What the sets but the goldens' are for: the Pythons, and the platforms as Python names them and as uv does.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = {
    ("linux", "x86_64"): "x86_64-manylinux_2_28",
    ("linux", "aarch64"): "aarch64-manylinux_2_28",
    ("darwin", "arm64"): "aarch64-apple-darwin",
    ("win32", "AMD64"): "x86_64-pc-windows-msvc",
}
ENTRY = re.compile(r"(?m)^([a-z0-9-]+)==([^\s;\\]+).*\n(?:    .*\n)*")  # a pin of a lock, with its hashes
CUDA = re.compile(r"(nvidia|cuda)-.*|triton")  # what torch asks for beside itself where it is built for CUDA
# What pip and uv say where an index has no such build, and where it has another file of the same name.
ABSENT = (
    "No matching distribution found for torch",
    "have no matching distributions available for your environment:\n    torch\n",  # pip, where constraints name torch
    "there is no version of torch",
    "no wheels with a matching",
)
MISMATCH = ("DO NOT MATCH THE HASHES", "Hash mismatch for")
MISMATCHED = re.compile(r"DO NOT MATCH THE HASHES(?s:.*?)\n\s+torch==|Hash mismatch for `?torch==")  # pip, uv
# Those of them that the CUDA build of torch does not load where there is no GPU. All others are linked to the library
# that `import torch` loads, and cannot be left out.
NOT_LOADED = ("cuda-bindings", "cuda-pathfinder", "cuda-toolkit", "nvidia-cusolver", "nvidia-nvtx", "triton")


@dataclass(frozen=True)
class Packages:
    """A set of packages: its locks, the first of which names it, and what it is in words.

    `fetched` and `disk` are megabytes, measured on Linux x86-64 with Python 3.11, 0 where nobody measured.
    """

    name: str
    locks: tuple[str, ...]
    what: str
    fetched: int = 0
    disk: int = 0

    @property
    def files(self) -> tuple[Path, ...]:
        """Return its locks, below the project's folder."""
        return tuple(FOLDER / name for name in self.locks)

    @property
    def sizes(self) -> str:
        """Return what it costs, in words; empty where that was not measured."""
        here = (sys.platform, platform.machine()) == ("linux", "x86_64")
        return f"{_giga(self.fetched)} to fetch, {_giga(self.disk)} on disk" if self.disk and here else ""


def _giga(mega: int) -> str:
    return f"{mega / 1000:.1f} GB"


GOLDENS = Packages("cuda", ("cuda.txt", "tools.txt"), "the goldens' lock, with CUDA", 2964, 5282)
UNIVERSAL = Packages("universal", ("universal.txt", "universal-tools.txt"), "the universal set", 2964, 5282)
CPU = Packages("cpu", ("cpu.txt", "universal-tools.txt"), "the set without CUDA", 425, 1442)
TRIMMED = Packages(
    "trimmed",
    ("trimmed.txt", "universal-tools.txt"),
    "the set with torch's build for CUDA, less what that does not load without a GPU",
    2557,
    4328,
)
RANGES = Packages("ranges", (), "pyproject.toml's ranges")
ALL = (GOLDENS, UNIVERSAL, CPU, TRIMMED, RANGES)


def choice() -> str:
    """Return what REPRO_TORCH says. Raise UsageError for a word that it does not know."""
    word = os.environ.get(CHOICE) or "auto"
    if word not in CHOICES:
        raise UsageError(f"{CHOICE}={word}: no such build of torch; set one of {', '.join(CHOICES)}")
    return word


def supported(version: str) -> bool:
    """Say whether a lock is for this platform with a Python of a version, as "3.12"."""
    return version in PYTHONS and (sys.platform, platform.machine()) in PLATFORMS


def candidates(version: str, *, goldens: bool) -> tuple[tuple[Packages, ...], str]:
    """Return the sets to try here, the first that can be had is meant, and why, in words.

    `goldens` says that the goldens' lock is for this machine. Raise UsageError where REPRO_TORCH asks for what no lock
    has.
    """
    word = choice()
    whole = GOLDENS if goldens else UNIVERSAL
    if not goldens and not supported(version):
        return _only(RANGES, word, "no lock is for this Python and platform")
    if sys.platform != "linux":
        return _only(whole, "auto" if word == "cpu" else word, "torch has no build with CUDA for this system")
    cuda, why = _with_cuda(word)
    return ((whole,) if cuda else (CPU, TRIMMED)), why


def images(*, gpu: bool = False) -> tuple[tuple[Packages, ...], str]:
    """Return the sets that an image here may hold, the first that can be had is meant, and why, in words.

    `gpu` says that a run in it is to use a GPU. Raise UsageError where REPRO_TORCH asks for a set that has none.
    """
    word = choice()
    if gpu and word == "cpu":
        raise UsageError(f"{CHOICE}=cpu: the run is to use a GPU; unset it, or add --device cpu")
    cuda, why = (True, "the run is to use a GPU") if gpu and word == "auto" else _with_cuda(word)
    return ((GOLDENS,) if cuda else (CPU, GOLDENS)), why


def _with_cuda(word: str) -> tuple[bool, str]:
    if word == "auto":
        there = device()
        return there, f"there is {'an' if there else 'no'} NVIDIA device"
    return word == "cuda", "it was asked for"


def lack(said: str) -> str:
    """Return why torch's build for the CPU cannot be had, by what an installer said; empty where that says nothing."""
    if any(word in said for word in ABSENT):
        return "the package index has no build of torch for the CPU"
    if MISMATCHED.search(said):
        return "the package index's build of torch for the CPU is not the one that was pinned"
    return ""


def _only(one: Packages, word: str, why: str) -> tuple[tuple[Packages, ...], str]:
    if word != "auto":
        raise UsageError(f"{CHOICE}={word}: {why}; unset it")
    return (one,), why


def device() -> bool:
    """Say whether there is an NVIDIA device, by its driver's program or by its file; one that hangs is there."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return any(Path("/dev").glob("nvidia[0-9]*"))
    try:
        done = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode == 0 and "GPU" in done.stdout


# What is installed


def state(root: Path, one: Packages, place: str = "") -> str:
    """Return what decides whether an installed set is still the right one: its locks, pyproject.toml and the folder.

    `place` is the project's folder by the name it was installed from, `root` without.
    """
    kind = "True" if one is GOLDENS else one.name  # as it was before sets had names
    digest = hashlib.sha256(f"{place or root}\0{kind}".encode())
    for name in (*one.files, Path("pyproject.toml")):
        digest.update((root / name).read_bytes() if (root / name).is_file() else b"")
    return digest.hexdigest()


def stamp(root: Path, one: Packages, place: str = "") -> str:
    """Return what is written beside packages that were installed."""
    return f"{state(root, one, place)} {one.name}\n"


def stamped(prefix: Path) -> tuple[str, str]:
    """Return the state and the name of the set that an environment was stamped with; two empty texts for none.

    An older stamp has no name, and is taken for the goldens'.
    """
    path = prefix / STAMP
    words = path.read_text("utf-8").split() if path.is_file() else []
    return (words[0] if words else "", words[1] if len(words) > 1 else GOLDENS.name if words else "")


def installed(root: Path, prefix: Path, place: str = "") -> Packages | None:
    """Return the set that an environment holds whole and as it is locked now, None for none of them."""
    found, _ = stamped(prefix)
    return next((one for one in ALL if found == state(root, one, place)), None)


# The locks that are made of another one


def derive(folder: Path) -> None:
    """Write the locks that are made of the universal one, in the folder of locks."""
    universal = (folder / "universal.txt").read_text("utf-8")
    made = {"cpu.txt": without_cuda(universal, (folder / "torch-cpu.txt").read_text("utf-8"))}
    for name, text in {**made, "trimmed.txt": trimmed(universal)}.items():
        (folder / name).write_text(text, "utf-8")


def without_cuda(universal: str, torch: str) -> str:
    """Return the universal lock without CUDA: on Linux `torch`, the pin of a build for the CPU, in place of torch's.

    It is the first, so that an installer of them all learns at once that an index lacks it. Raise IntegrityError where
    that pin is of another version.
    """
    pin = ENTRY.search(torch)
    held = {found[1]: found for found in ENTRY.finditer(universal)}
    version = held["torch"][2]
    if pin is None or pin[2] != f"{version}+cpu":
        raise IntegrityError(
            f"torch-cpu.txt: pins torch {pin[2] if pin else 'not at all'}, universal.txt {version}; "
            f"put {version}+cpu and its hashes there"
        )
    elsewhere = held["torch"][0].replace(" \\\n", " ; sys_platform != 'linux' \\\n", 1)
    rest = ENTRY.sub(lambda found: "" if found[1] == "torch" or CUDA.fullmatch(found[1]) else found[0], universal)
    return _headed(pin[0] + elsewhere + rest, "torch-cpu.txt, and universal.txt without CUDA")


def trimmed(universal: str) -> str:
    """Return the universal lock without what torch does not load where there is no GPU; to be had with --no-deps."""
    return _headed(
        ENTRY.sub(lambda found: "" if found[1] in NOT_LOADED else found[0], universal),
        f"universal.txt without {', '.join(NOT_LOADED)}; install it with --no-deps",
    )


def _headed(lock: str, of: str) -> str:
    body = "".join(line for line in lock.splitlines(keepends=True) if not line.startswith("#"))
    return f"# Made by `nox -s relock`, of {of}.\n{body}"
