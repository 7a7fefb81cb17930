"""Run a command of the project in a container: no network, nothing writable but the results, no rights.

Podman and docker are driven through one builder of arguments. The standard library is enough: nox imports this module.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from repro.errors import InfrastructureError, UsageError

ENGINES = ("podman", "docker")
CHOICE = "REPRO_ENGINE"
CHOICES = ("auto", *ENGINES, "none")
FORMATS = {"podman": "{{.Version.Version}}", "docker": "{{.ServerVersion}}"}
PATIENCE_SECONDS = 20
RESTRICTED_HOST = Path("containers", "engine", "containers.conf")
USER_INSIDE = 10001  # what root runs as inside; the image's own user
PROJECT, RESULTS, DATA, CACHE = "/repo", "/repo/results", "/data", "/cache"
MEMORY, PROCESSES = "12g", 2048
START = ("run", "--rm", "--pull", "never", "--network", "none")
PROBED = 7
PROBE = ("sh", "-c", f"exit {PROBED}")
SELINUX = Path("/sys/fs/selinux/enforce")


@dataclass(frozen=True)
class Engine:
    """A container engine that answers; `environment` is what its commands need beside the user's own."""

    name: str
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def call(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of the engine's commands, `text` on its standard input, and return what it printed."""
        command = [self.name, *arguments]
        return subprocess.run(command, input=text, capture_output=True, text=True, env=self.variables(), check=False)

    def variables(self) -> dict[str, str]:
        """Return the environment variables of the engine's commands."""
        return {**os.environ, **self.environment}


@dataclass(frozen=True)
class Image:
    """A built image: what it is called, its id and digest in this engine's store, and the hash of what it holds."""

    name: str
    id: str
    digest: str
    tree: str

    def variables(self) -> dict[str, str]:
        """Return how a run inside learns what it runs in; `repro.provenance` reads them."""
        named = {"REPRO_IMAGE": self.name, "REPRO_IMAGE_ID": self.id, "REPRO_IMAGE_TREE": self.tree}
        return {**named, **({"REPRO_IMAGE_DIGEST": self.digest} if self.digest else {})}


def named() -> bool:
    """Say whether REPRO_ENGINE asks for an engine by its name, which nothing replaces."""
    return (os.environ.get(CHOICE) or "auto") not in ("auto", "none")


def without(reason: str) -> str:
    """Return the sentence that says why a run goes on without a container."""
    return f"{' '.join(reason.split())}: running in the locked environment of this machine"


def choose(wanted: str | None = None) -> tuple[Engine | None, str]:
    """Return the engine to use, None for none, and the sentence that says which way it went.

    `wanted` is one of CHOICES, by default what REPRO_ENGINE says. Raise UsageError for another word and
    InfrastructureError for a named engine that does not answer: what was asked for is never replaced.
    """
    word = (os.environ.get(CHOICE) or "auto") if wanted is None else wanted
    if word not in CHOICES:
        raise UsageError(f"{CHOICE}={word}: no such engine; set one of {', '.join(CHOICES)}")
    if word == "none":
        return None, without(f"no container, because {CHOICE}=none")
    reasons = []
    for name in ENGINES if word == "auto" else (word,):
        version, reason = probe(name)
        if version:
            return Engine(name, version), f"running in a container by {name} {version} ({CHOICE}={word})"
        reasons.append(f"{name}: {reason}")
    if word != "auto":
        raise InfrastructureError(f"{CHOICE}={word}: {reasons[0]}; start it, or set {CHOICE}=none to run without")
    return None, without(f"no container engine answers ({'; '.join(reasons)})")


def probe(name: str) -> tuple[str, str]:
    """Return (version, "") of an engine that answers `info`, ("", why) of one that does not."""
    if shutil.which(name) is None:
        return "", "not installed"
    command = [name, "info", "--format", FORMATS[name]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "", f"`{name} info` gave no answer in {PATIENCE_SECONDS} s"
    version = done.stdout.strip()
    if done.returncode == 0 and version:
        return version, ""
    return "", first_line(done.stderr) or f"`{name} info` ended with {done.returncode}"


def first_line(text: str) -> str:
    """Return the first line that says something, shortened."""
    return next((line.strip()[:200] for line in text.splitlines() if line.strip()), "")


def settled(engine: Engine, image: str, root: Path) -> Engine:
    """Return the engine with the settings under which this host starts containers of an image.

    Podman alone needs any: where its plain start fails it is tried with containers/engine/containers.conf. Raise
    InfrastructureError where nothing starts, and where a failure inside would read as success: docker's client on the
    socket of podman 4.3 ends with 0 whatever happened.
    """
    plain = engine.call(*START, image, *PROBE)
    if plain.returncode == PROBED:
        return engine
    if plain.returncode == 0:
        raise InfrastructureError(f"{engine} loses the exit codes of its containers; set {CHOICE} to another engine")
    if engine.name == "podman":
        settings = {"CONTAINERS_CONF": os.fspath((root / RESTRICTED_HOST).resolve())}
        restricted = Engine(engine.name, engine.version, settings)
        if restricted.call(*START, image, *PROBE).returncode == PROBED:
            return restricted
    raise InfrastructureError(
        f"{engine} answers and starts no container ({first_line(plain.stderr)}); mend it, or set {CHOICE}=none"
    )


def isolation(engine: Engine) -> list[str]:
    """Return the options that take away network, rights and a writable root, and set limits."""
    memory = os.environ.get("REPRO_MEMORY", MEMORY)
    options = ["--read-only", "--tmpfs", "/tmp:rw,exec,mode=1777,size=2g", "--shm-size", "1g"]
    options += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    options += ["--memory", memory, "--pids-limit", str(PROCESSES)]
    # A labelled host would keep the mounts from being read, and relabelling would change the user's files.
    options += ["--security-opt", "label=disable"] if SELINUX.exists() else []
    user, group = (os.getuid(), os.getgid()) if os.getuid() else (USER_INSIDE, USER_INSIDE)
    if engine.name == "podman" and os.getuid():
        options += ["--userns", "keep-id"]
    return [*options, "--user", f"{user}:{group}"]


def gpu_options(engine: Engine) -> list[str]:
    """Return how an engine hands the NVIDIA GPUs in: podman by a CDI device, docker by its own option."""
    return ["--device", "nvidia.com/gpu=all"] if engine.name == "podman" else ["--gpus", "all"]


@dataclass(frozen=True)
class Place:
    """The folders of this machine that a container sees: project and data read-only, results and cache writable."""

    project: Path
    results: Path
    data: Path | None = None
    cache: Path | None = None

    def options(self) -> list[str]:
        """Return the mounts, and the variables that tell where inside they are."""
        mounts = [f"{self.project}:{PROJECT}:ro", f"{self.results}:{RESULTS}:rw"]
        variables = {"PYTHONPATH": PROJECT, "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"}
        if self.data:
            mounts, variables = [*mounts, f"{self.data}:{DATA}:ro"], {**variables, "REPRO_DATA_DIR": DATA}
        if self.cache:
            mounts, variables = [*mounts, f"{self.cache}:{CACHE}/repro:rw"], {**variables, "XDG_CACHE_HOME": CACHE}
        options = [part for mount in mounts for part in ("--volume", mount)]
        return [*options, *as_options(variables)]

    def prepare(self) -> None:
        """Make the writable folders, and give them to the user inside where root starts the container.

        Raise InfrastructureError where that user could not read the project.
        """
        for folder in (self.results, self.cache):
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
        if os.getuid():
            return
        closed = [path for path in (self.project, self.data) if path and path.stat().st_mode & 0o005 != 0o005]
        if closed:
            raise InfrastructureError(
                f"{closed[0]}: closed to others, and root's containers run as user {USER_INSIDE}; "
                f"`chmod o+rx` it, or set {CHOICE}=none"
            )
        for folder in (self.results, self.cache):
            for path in [folder, *folder.rglob("*")] if folder else []:
                os.chown(path, USER_INSIDE, USER_INSIDE, follow_symlinks=False)


def as_options(variables: Mapping[str, str]) -> list[str]:
    """Return the options that set variables inside, in the order of their names."""
    return [part for name in sorted(variables) for part in ("--env", f"{name}={variables[name]}")]


def command(
    engine: Engine,
    image: Image,
    arguments: Sequence[str],
    place: Place,
    *,
    gpu: bool = False,
    variables: Mapping[str, str] | None = None,
) -> list[str]:
    """Return the command line that runs `arguments` inside, isolated; nothing is started or fetched."""
    line = [engine.name, *START, *isolation(engine), *(gpu_options(engine) if gpu else [])]
    said = {**image.variables(), "REPRO_ENGINE_USED": str(engine), **(variables or {})}
    return [*line, *place.options(), *as_options(said), "--workdir", PROJECT, image.name, *arguments]


def assert_cuda(engine: Engine, image: Image, place: Place) -> None:
    """Raise InfrastructureError unless torch finds a CUDA device inside; the options alone prove nothing."""
    script = "import sys, torch; sys.exit(not torch.cuda.is_available())"
    line = command(engine, image, ["python", "-c", script], place, gpu=True)
    done = subprocess.run(line, env=engine.variables(), capture_output=True, text=True, check=False)
    if done.returncode:
        said = first_line(done.stderr)
        raise InfrastructureError(
            f"no CUDA device inside the container{f' ({said})' if said else ''}; set up the NVIDIA container toolkit, "
            "or add --device cpu, which is recorded and slow"
        )
