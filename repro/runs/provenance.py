"""What ran: an allow-list of facts about code and machine; no host name, user, path or other environment variable."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from repro import __distribution__, __version__
from repro.data import DataSet
from repro.errors import InfrastructureError, UsageError
from repro.machine import sets
from repro.registry import root as project_root

PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pyarrow", "scikit-learn")
LOCK = sets.GOLDENS.files[0]
LOCK_OF_IMAGE = Path("/opt/lock.txt")  # in an image, what it was made of: the recipe puts it there
ISA_FLAGS = ("amx_tile", "avx2", "avx512_bf16", "avx512f", "bf16", "fma", "neon", "sve")
ISA_ALIASES = {"asimd": "neon"}  # Linux's name of NEON on 64-bit Arm
GPU_QUERY = ("--query-gpu=name,driver_version", "--format=csv,noheader")
NO_GPU = (6, 9, 12)  # nvidia-smi(1), return values: nothing found, no driver loaded, no NVML library
PATIENCE_SECONDS = 30
COMMIT = 12  # digits of it in a record
# An image or an engine's name, with a tag, a version or a digest; nothing that could carry "user:password@host".
PLAIN_NAME = re.compile(r"(?!.*://)[\w.+/ :-]{1,200}(@sha256:[0-9a-f]{64})?", re.ASCII)
IMAGE_PARTS = {"name": "REPRO_IMAGE"} | {part: f"REPRO_IMAGE_{part.upper()}" for part in ("id", "digest", "tree")}
TORCH = "torch"  # of a record: what torch said when a run ended
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def collect(
    data: Sequence[DataSet] = (),
    *,
    device: str = "cpu",
    threads: int = 1,
    root: Path | None = None,
    used: Sequence[str] = (),
    unfollowed: Sequence[str] = (),
) -> tuple[str, dict[str, Any]]:
    """Return (environment id, record); `threads` is the number a process may use.

    The id is 16 hex digits of the SHA-256 of the record's canonical JSON. `root` is the project folder, where the
    lock is; `used` names installed packages to record beside the usual ones, `unfollowed` what of the code its hash
    does not cover. Raise UsageError when a variable that names image or engine holds no plain name.
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
        "packages": packages({*PACKAGES, *used}),
        "lock": _lock_state(root or project_root()),
        "image": _image(),
        "engine": _plain("REPRO_ENGINE_USED"),
        "data": {one.name: one.content for one in data},
        **({"unfollowed": [*unfollowed]} if unfollowed else {}),
    }
    return environment_id(record), record


def torch_facts() -> dict[str, Any] | None:
    """Return what torch computes with in this process as it is now, None where torch is not imported."""
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "backends"):  # not imported, or the import failed half-way
        return None
    cudnn = torch.backends.cudnn
    return {
        "capability": torch.backends.cpu.get_cpu_capability(),  # ATEN_CPU_CAPABILITY lowers it
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cudnn_benchmark": cudnn.benchmark,
        "cudnn_deterministic": cudnn.deterministic,
        "cudnn_tf32": cudnn.allow_tf32,
        "matmul_precision": torch.get_float32_matmul_precision(),
    }


def with_torch(record: Mapping[str, Any], facts: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Return (environment id, record) with what torch said when a run ended; a record without it stays as it was."""
    whole = {**record, TORCH: dict(facts)} if facts else dict(record)
    return environment_id(whole), whole


@functools.cache
def needs_torch(package: str) -> bool:
    """Say whether an installed package is torch or asks for it."""
    needed = importlib.metadata.requires(package) or [] if _version(package) else []
    return package == TORCH or any(re.match(r"torch\b(?!-)", one) for one in needed)


def same_but_torch(records: Mapping[str, Mapping[str, Any]], record: Mapping[str, Any]) -> frozenset[str]:
    """Return the environments whose records say what `record` does, whatever torch said in each run."""
    wanted = environment_id({name: value for name, value in record.items() if name != TORCH})
    rest = {name: {key: value for key, value in one.items() if key != TORCH} for name, one in records.items()}
    return frozenset(name for name, one in rest.items() if environment_id(one) == wanted)


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


def packages(names: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of installed packages, None for what is none, and that of the harness.

    With the commit where one was installed from a repository: its version says little.
    """
    known = {name: _version(name) for name in sorted(names)}
    return {**{name: one and f"{one}{_commit(name)}" for name, one in known.items()}, "repro": __version__}


def _commit(package: str) -> str:
    """Return the commit of a repository that an installed package is from, empty for any other."""
    source = json.loads(importlib.metadata.distribution(package).read_text("direct_url.json") or "{}")
    commit = source.get("vcs_info", {}).get("commit_id", "")
    return f" at {commit[:COMMIT]}" if commit else ""


def other_packages(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return in words the packages that each of some records has in another version than is here; [] if one has none.

    One that was not there is left out: what runs did without it does not hang on it.
    """
    found = []
    for record in records:
        then = {name: version for name, version in record.get("packages", {}).items() if version and name != "repro"}
        now = packages(then)
        found.append([f"{name} {then[name]}, here {now[name]}" for name in then if then[name] != now[name]])
    return list(dict.fromkeys(text for one in found for text in one)) if all(found) else []


def _lock_state(root: Path) -> dict[str, Any]:
    """Return the lock's SHA-256, and whether it, and every pin of it, is what is installed; else why not."""
    path = root / LOCK
    if not path.is_file():
        return {"sha256": None, "pinned": False, "unpinned_because": f"there is no {LOCK.as_posix()}"}
    content = path.read_bytes()
    reason = _other_set(root) or _first_mismatch(content.decode("utf-8")) or _other_installation(root)
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


def _other_set(root: Path) -> str:
    """Say which set is here, whole, in place of the goldens' lock; an empty text for that or for none."""
    one = sets.installed(root, Path(sys.prefix), _place(root)) if _image() is None else _set_of_image(root)
    if one is None or one is sets.GOLDENS:
        return ""
    source = one.files[0].as_posix() if one.files else one.what
    return f"installed from {source}, where the goldens have {LOCK.as_posix()}"


def _set_of_image(root: Path) -> sets.Packages | None:
    """Return the set that the image is made of as it is locked now, None for none of them."""
    if not LOCK_OF_IMAGE.is_file():
        return None
    made_of = LOCK_OF_IMAGE.read_bytes()
    locks = ((one, root / one.files[0]) for one in sets.ALL if one.files)
    return next((one for one, path in locks if path.is_file() and path.read_bytes() == made_of), None)


def _other_installation(root: Path) -> str:
    """Say why these packages were not installed from the lock as it is now, an empty text where they were.

    An image holds the lock that it is made of, and where it does not it is taken at its word; any other installation is
    what its stamp says.
    """
    if _image() is not None:
        same = not LOCK_OF_IMAGE.is_file() or _set_of_image(root) is sets.GOLDENS
        return "" if same else "the image is made of another lock"
    if sets.installed(root, Path(sys.prefix), _place(root)) is sets.GOLDENS:
        return ""
    if not any(sets.stamped(Path(sys.prefix))):
        return f"nothing says that these packages were installed from {LOCK.as_posix()}"
    return "lock or pyproject.toml are not those that were installed"


def _place(root: Path) -> str:
    """Return the project's folder as it was named when the harness was installed from it."""
    said = _direct_url()
    return unquote(urlsplit(said).path) if said else str(root.resolve())


def _direct_url() -> str:
    """Return the address of the folder that the harness was installed from, empty where it was from none."""
    try:
        said = importlib.metadata.distribution(__distribution__).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return ""
    found = json.loads(said or "{}")
    return str(found["url"]) if "dir_info" in found else ""


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


def processor() -> list[str]:
    """Return the processor's model and those of its instruction sets that results may depend on."""
    return [_cpu_model(), *_isa_flags()]


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
