"""What ran: an allow-list of facts about code and machine; no host name, user, path or other environment variable."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from repro import __version__
from repro.data import DataSet
from repro.errors import InfrastructureError, UsageError
from repro.registry import root as project_root

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pyarrow", "scikit-learn")
LOCK = Path("containers", "lock", "cuda.txt")
ISA_FLAGS = ("amx_tile", "avx2", "avx512_bf16", "avx512f", "bf16", "fma", "neon", "sve")
ISA_ALIASES = {"asimd": "neon"}  # Linux's name of NEON on 64-bit Arm
GPU_QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
NO_GPU = (6, 9, 12)  # nvidia-smi(1), return values: nothing found, no driver loaded, no NVML library
PATIENCE_SECONDS = 30
# An image or an engine's name, with a tag, a version or a digest; nothing that could carry "user:password@host".
PLAIN_NAME = re.compile(r"(?!.*://)[\w.+/ :-]{1,200}(@sha256:[0-9a-f]{64})?", re.ASCII)
IMAGE_PARTS = {"name": "REPRO_IMAGE"} | {part: f"REPRO_IMAGE_{part.upper()}" for part in ("id", "digest", "tree")}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def collect(
    data: Sequence[DataSet] = (), *, device: str = "cpu", threads: int = 1, root: Path | None = None
) -> tuple[str, dict[str, Any]]:
    """Return (environment id, record); `threads` is the number a process may use.

    The id is 16 hex digits of the SHA-256 of the record's canonical JSON. `root` is the project folder, where the
    lock is. Raise UsageError when a variable that names image or engine holds no plain name.
    """
    record = {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "isa": _isa_flags(),
        "threads": threads,
        "device": device,
        "gpu": _gpus(),
        "packages": {**{name: _version(name) for name in PACKAGES}, "repro": __version__},
        "lock": _lock_state(root or project_root()),
        "image": _image(),
        "engine": _plain("REPRO_ENGINE_USED"),
        "data": {one.name: one.content for one in data},
    }
    return environment_id(record), record


def environment_id(record: Mapping[str, Any]) -> str:
    """Return the 16 hex digits that stand for a record.

    The engine is left out, and so are an image's name, id and digest, which are the engine's: what it holds counts.
    """
    image = record.get("image")
    counted = {**record, "engine": None, "image": image["tree"] if isinstance(image, Mapping) else image}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _lock_state(root: Path) -> dict[str, Any]:
    """Return the lock's SHA-256, and whether every pin of it is what is installed; else the first that is not."""
    path = root / LOCK
    if not path.is_file():
        return {"sha256": None, "pinned": False, "unpinned_because": f"there is no {LOCK.as_posix()}"}
    content = path.read_bytes()
    reason = _first_mismatch(content.decode("utf-8"))
    return {"sha256": hashlib.sha256(content).hexdigest(), "pinned": not reason, "unpinned_because": reason}


def _first_mismatch(lock: str) -> str:
    pins = PIN.findall(lock)
    if not pins:
        return "the lock pins nothing"
    for name, locked in pins:
        installed = _version(name)
        if installed != locked:
            return f"{name} is locked at {locked}, {installed or 'not'} installed"
    return ""


def _image() -> dict[str, str | None] | None:
    """Return what the image is that this process runs in, None outside of one."""
    found = {part: _plain(variable) for part, variable in IMAGE_PARTS.items()}
    return found if any(found.values()) else None


def _plain(variable: str) -> str | None:
    value = os.environ.get(variable)
    if value and not PLAIN_NAME.fullmatch(value):
        raise UsageError(
            f"{variable}: expected an image's or engine's plain name, got {len(value)} characters with others in it "
            "(not shown, lest it be a secret); unset it or set a name without credentials"
        )
    return value or None


def _cpu_facts() -> dict[str, str]:
    """Return the first processor's facts as Linux lists them; empty on other systems."""
    path = Path("/proc/cpuinfo")
    first = path.read_text("utf-8").partition("\n\n")[0] if path.is_file() else ""
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cpu_model() -> str:
    if platform.system() == "Darwin":
        query = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()
    return _cpu_facts().get("model name") or platform.processor() or platform.machine()


def _isa_flags() -> list[str]:
    facts = _cpu_facts()
    words = f"{facts.get('flags', '')} {facts.get('Features', '')}".split()
    return sorted({ISA_ALIASES.get(word, word) for word in words} & set(ISA_FLAGS))


def _gpus() -> list[dict[str, str]]:
    """Return name and driver of each GPU; none where nvidia-smi is absent or finds no GPU, driver or library.

    Raise InfrastructureError when nvidia-smi fails in any other way.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, *GPU_QUERY]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise InfrastructureError(f"nvidia-smi: no answer in {PATIENCE_SECONDS} s; look at the GPU's driver") from error
    if done.returncode in NO_GPU:
        return []
    if done.returncode != 0:
        said = textwrap.shorten(done.stdout + done.stderr, 160)
        raise InfrastructureError(f"nvidia-smi: exit {done.returncode} ({said}); look at the GPU's driver")
    fields = (line.rpartition(",") for line in done.stdout.splitlines() if line.strip())
    return [{"name": name.strip(), "driver": driver.strip()} for name, _, driver in fields]
