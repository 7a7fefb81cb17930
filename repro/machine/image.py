"""Build the pinned image, or find it built, and say what it is: id, digest, tree hash.

The standard library is enough: nox imports this module.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from repro.errors import InfrastructureError, IntegrityError
from repro.machine import cache, sets, treehash
from repro.machine.engine import CHOICE, START, Engine, Image, first_line, settled
from repro.machine.recipes import NEEDS, Recipe, bases, recipe
from repro.machine.wheels import gathered

MIRROR = "REPRO_DEBIAN_MIRROR"
CERTIFICATES = ("REPRO_CA_BUNDLE", "PIP_CERT", "SSL_CERT_FILE")  # ours, pip's and OpenSSL's
EXCLUDED = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*")
# What the base is made in, and nothing of the caller's shell beside it: Debian's packages run programs while they are
# installed, and what those write may follow any variable. Byte code is what the packages compile, held to its source by
# hashes; Python adds none as it imports, which would carry the times of files.
SURROUNDINGS = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONDONTWRITEBYTECODE": "1",
}
PROXIES = ("http_proxy", "https_proxy", "no_proxy")  # how apt finds the network; what it fetches is signed
UMASK = 0o022
SWAYS = ("BUILDAH_", "SOURCE_DATE_EPOCH")  # variables that would give a build another format or time
FAULTS = ("THESE PACKAGES DO NOT MATCH THE HASHES", "ERROR:", "Error:", "error:", "E: ")


class LackingError(InfrastructureError):
    """No package index at hand has the build of torch that a lock asks for."""


def chosen(engine: Engine, root: Path, *, gpu: bool = False) -> tuple[Engine, Image]:
    """Return the image of the set that REPRO_TORCH and the machine mean, say which, and the engine as `ensure` does.

    `gpu` says that a run in it is to use a GPU. Where nobody named a set, the goldens' image stays once it is there and
    the other is not; where the first set's torch cannot be had the next is taken.
    """
    order, why = sets.images(gpu=gpu)
    recipes = [recipe(root, one.name) for one in order]
    if sets.choice() == "auto" and built(engine, recipes[-1]) and not built(engine, recipes[0]):
        order, recipes, why = order[-1:], recipes[-1:], "its image is there"
    for one, wanted in zip(order, recipes, strict=True):
        say(f"{one.what}, as {why} ({sets.CHOICE}={sets.choice()})")
        try:
            return ensure(engine, wanted)
        except LackingError as error:
            if one is order[-1]:
                raise
            why = f"{why} and {error}"
    raise AssertionError  # the last one was returned, or its error raised


def built(engine: Engine, wanted: Recipe) -> bool:
    """Say whether an image of this recipe is in the engine's store."""
    return any(exists(engine, wanted.name(base)) for base in bases(wanted))


def ensure(engine: Engine, wanted: Recipe) -> tuple[Engine, Image]:
    """Return the image, built if need be, and the engine with the settings under which it starts it.

    Raise InfrastructureError where it cannot be built, and IntegrityError where what was built is not what is pinned.
    """
    allowed = bases(wanted)
    for base in allowed:
        if exists(engine, wanted.name(base)):
            ready = settled(engine, wanted.name(base), wanted.root)
            return ready, identify(ready, wanted, base)
    announce(engine, wanted)
    base, reference = obtain_base(engine, wanted, allowed)
    ready = settled(engine, reference, wanted.root)
    build(ready, wanted, base, reference)
    return ready, identify(ready, wanted, base)


def say(text: str) -> None:
    """Tell the user, on standard error."""
    print(f"image: {text}", file=sys.stderr, flush=True)


def announce(engine: Engine, wanted: Recipe) -> None:
    """Say what is about to be built and what it costs; refuse where the disk is too small for it."""
    need, size, fetched, time = NEEDS[wanted.lock]
    say(
        f"building once, with {engine}: the base and the lock '{wanted.lock}', {size} on disk, {fetched} to fetch, "
        f"about {time}; {CHOICE}=none runs without a container"
    )
    store = store_folder(engine)
    free = shutil.disk_usage(store).free / 1e9 if store else need
    if free < need:
        raise InfrastructureError(
            f"the build needs {need} GB of free disk for a while, there are {free:.1f}; free some, or set {CHOICE}=none"
        )


def store_folder(engine: Engine) -> Path | None:
    """Return the folder where an engine keeps its images, None where it is on another machine."""
    form = {"podman": "{{.Store.GraphRoot}}", "docker": "{{.DockerRootDir}}"}[engine.name]
    folder = Path(engine.call("info", "--format", form).stdout.strip() or "/nonexistent")
    return folder if folder.is_dir() else None


def exists(engine: Engine, name: str) -> bool:
    """Say whether an image of this name is in the engine's store."""
    return engine.call("image", "inspect", name).returncode == 0


# The base


def obtain_base(engine: Engine, wanted: Recipe, allowed: Sequence[str]) -> tuple[str, str]:
    """Return the name and reference of the first base that can be had as it is pinned, pulling or making it."""
    reasons = []
    for base in allowed:
        try:
            return base, (pulled if "reference" in wanted.pins["bases"][base] else made)(engine, wanted, base)
        except (InfrastructureError, IntegrityError) as error:
            reasons.append(f"{base}: {error}")
            if base != allowed[-1]:
                say(f"base {reasons[-1]}; trying the next")
    raise InfrastructureError(f"no base for the image ({'; '.join(reasons)})")


def pulled(engine: Engine, wanted: Recipe, base: str) -> str:
    """Fetch a base by its digest and return its reference. Raise InfrastructureError where that fails."""
    reference = str(wanted.pins["bases"][base]["reference"])
    if not exists(engine, reference):
        done = engine.call("pull", reference)
        if done.returncode:
            raise InfrastructureError(f"cannot be pulled by its digest: {fault(done.stderr.splitlines())}")
    return reference


def made(engine: Engine, wanted: Recipe, base: str) -> str:
    """Make the base from Debian's packages, and return the name it has in the store."""
    name = f"localhost/repro-base:{wanted.pins['bases'][base]['rootfs'][:16]}"
    if exists(engine, name):
        return name
    with tempfile.TemporaryDirectory() as folder:
        pack(wanted, base, Path(folder, "rootfs.tar"))
        Path(folder, "Containerfile").write_text("FROM scratch\nADD rootfs.tar /\n")
        build_line = [*building(engine, wanted), "--tag", name, "--file", f"{folder}/Containerfile", folder]
        said, code = streamed(build_line, build_variables(engine))
    if code:
        raise InfrastructureError(f"{engine} could not import the base: {fault(said)}")
    return name


def pack(wanted: Recipe, base: str, archive: Path) -> None:
    """Write the base's archive from Debian's packages, the same from any shell, and hold it to its pins."""
    pins, program = wanted.pins["bases"][base], shutil.which("mmdebstrap")
    if program is None:
        raise InfrastructureError("made from Debian's packages by mmdebstrap, which is not installed")
    listed = archive.with_name("packages.txt")
    line = bootstrap(pins, archive, listed, debian_mirror(pins["suite"]))
    said, code = streamed([program, *line[1:]], surroundings(wanted))
    if code:
        raise InfrastructureError(f"mmdebstrap ended with {code}: {fault(said)}")
    hold_base(pins, archive, listed.read_text("utf-8"), wanted.packages.read_text("utf-8"))
    listed.unlink()


def surroundings(wanted: Recipe) -> dict[str, str]:
    """Return the environment in which the base is made; of the caller's, where network and temporary folder are."""
    network = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    return {**SURROUNDINGS, **network, "TMPDIR": tempfile.gettempdir(), "SOURCE_DATE_EPOCH": wanted.epoch}


def debian_mirror(suite: str) -> str:
    """Return where this machine's apt gets a suite from, or what REPRO_DEBIAN_MIRROR says."""
    given = os.environ.get(MIRROR, "")
    if not given and shutil.which("apt-get"):
        targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", f"Codename: {suite}", "Identifier: Packages"]
        given = first_line(subprocess.run(targets, capture_output=True, text=True, check=False).stdout)
    if not given:
        raise InfrastructureError(f"this machine's apt knows no mirror of {suite}; set {MIRROR} to one")
    return given


def bootstrap(pins: Mapping[str, Any], archive: Path, listed: Path, mirror: str) -> list[str]:
    """Return the command that makes the base's archive and lists its packages; the mirror leaves no trace in it."""
    query = f"chroot \"$1\" dpkg-query --show --showformat '${{Package}}=${{Version}}\\n' > '{listed}'"
    line = [
        "mmdebstrap",
        "--quiet",
        "--variant=minbase",
        "--components=main",
        f"--include={','.join(pins['packages'])}",
    ]
    line += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    line += [f"--customize-hook={query}", '--customize-hook=rm "$1/etc/apt/sources.list"']
    return [*line, pins["suite"], str(archive), f"deb {mirror} {pins['suite']} main"]


def hold_base(pins: Mapping[str, Any], archive: Path, found: str, pinned: str) -> None:
    """Raise IntegrityError where a base's packages or its archive are not the pinned ones."""
    moved = moves(pinned, found)
    if moved:
        raise IntegrityError(
            f"base: {len(moved)} packages are not those of containers/base/packages.txt: {'; '.join(moved[:5])}"
            f"{'; ...' if len(moved) > 5 else ''}; where that is meant, pin the new list and the archive's SHA-256"
        )
    with archive.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != pins["rootfs"]:
        raise IntegrityError(
            f"base: the pinned packages made an archive with SHA-256 {digest}, images.toml says {pins['rootfs']}; "
            "look for another mmdebstrap, then pin it"
        )


def moves(pinned: str, found: str) -> list[str]:
    """Return how one list of `name=version` lines differs from another, a text for each package."""
    old, new = (dict(line.split("=", 1) for line in text.split()) for text in (pinned, found))
    return [
        f"{name} {old.get(name, 'absent')} -> {new.get(name, 'absent')}"
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


# The build


def building(engine: Engine, wanted: Recipe) -> list[str]:
    """Return the beginning of a build command; podman's stamps everything with one time, docker's cannot."""
    return [engine.name, "build", *(["--timestamp", wanted.epoch] if engine.name == "podman" else [])]


def build_variables(engine: Engine) -> dict[str, str]:
    """Return the environment of a build: the engine's, which finds its store and its registries by it.

    What would change the image is left out; docker mounts secrets with BuildKit only.
    """
    kept = {name: value for name, value in engine.variables().items() if not name.startswith(SWAYS)}
    return {**kept, **({"DOCKER_BUILDKIT": "1"} if engine.name == "docker" else {})}


def build(
    engine: Engine, wanted: Recipe, base: str, reference: str, *, again: bool = False, name: str | None = None
) -> str:
    """Build the image from a base and return its name; `again` leaves no layer of an earlier build in it.

    Raise LackingError where torch's build for the CPU cannot be had, another InfrastructureError with the one line that
    says why, and IntegrityError where a package is not the locked one.
    """
    name = name or wanted.name(base)
    line = building(engine, wanted)
    certificates = next((path for path in map(os.environ.get, CERTIFICATES) if path and Path(path).is_file()), None)
    line += ["--secret", f"id=ca,src={certificates}"] if certificates else []
    line += ["--build-arg", f"BASE={reference}", "--build-arg", f"LOCK={wanted.lock}"]
    line += [*(["--no-cache"] if again else []), "--tag", name, "--file", str(wanted.containerfile)]
    with tempfile.TemporaryDirectory() as room:
        context, settings = Path(room, "context"), Path(room, "pip.conf")
        settings.write_text(gathered(wanted, context), "utf-8")
        line += ["--secret", f"id=pip,src={settings}"] if settings.stat().st_size else []
        said, code = streamed([*line, str(context)], build_variables(engine))
    if not code:
        return name
    mismatched = mismatch(said) if any(FAULTS[0] in text for text in said) else ""
    reason = sets.lack("\n".join(said)) if wanted.lock == sets.CPU.name else ""
    if reason and (not mismatched or mismatched.startswith("torch==")):
        raise LackingError(reason)
    if mismatched:
        raise IntegrityError(
            f"image: a package is not the one whose hash {wanted.lock_file.name} holds: {mismatched}; "
            "restore the lock, or make it again with `nox -s relock`"
        )
    raise InfrastructureError(f"image: {engine.name} build ended with {code}: {fault(said)}")


def streamed(line: Sequence[str], variables: Mapping[str, str]) -> tuple[list[str], int]:
    """Run a command, show its output on standard error as it comes, and return its lines and its exit code."""
    with subprocess.Popen(
        line,
        env=dict(variables),
        umask=UMASK,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None  # asked for above
        said = []
        for text in process.stdout:
            said.append(text.rstrip())
            print(f"  {said[-1]}", file=sys.stderr, flush=True)
    return said, process.returncode


def fault(said: Sequence[str]) -> str:
    """Return the line that says what went wrong, by the words such lines begin with; else the last one."""
    found = [text for text in said if any(word in text for word in FAULTS)]
    return first_line("\n".join(found)) or first_line("\n".join(reversed(said))) or "it said nothing"


def mismatch(said: Sequence[str]) -> str:
    """Return the requirement after pip's sentence about hashes that do not match."""
    start = next(number for number, text in enumerate(said) if FAULTS[0] in text)
    return first_line("\n".join(text for text in said[start + 1 :] if "==" in text or "from http" in text))


# What it is


def identify(engine: Engine, wanted: Recipe, base: str) -> Image:
    """Return what the image is, and hold its tree hash to the pinned one where there is one."""
    found = examine(engine, wanted.name(base))
    pinned = wanted.pins.get("trees", {}).get(base, {}).get(wanted.lock)
    if pinned is None:
        say(f"images.toml pins no tree hash of base '{base}' with lock '{wanted.lock}'; this one has {found.tree}")
    elif pinned != found.tree:
        raise IntegrityError(
            f"image {found.name}: its tree hash is {found.tree}, images.toml says {pinned} for base '{base}' with lock "
            f"'{wanted.lock}'; where lock or recipe were changed on purpose pin the new one, otherwise remove the image"
        )
    return found


def examine(engine: Engine, name: str) -> Image:
    """Return what an image is; its tree is hashed once for each image id and kept in the user's cache."""
    done = engine.call("image", "inspect", name)
    if done.returncode:
        raise InfrastructureError(
            f"{engine.name}: no image {name} ({first_line(done.stderr)}); `nox -s image` builds it"
        )
    facts = json.loads(done.stdout)[0]
    digests = [text.partition("@")[2] for text in facts.get("RepoDigests") or []]
    image = Image(name, facts["Id"].removeprefix("sha256:"), str(facts.get("Digest") or next(iter(digests), "")), "")
    with kept_tree(image.id) as kept:
        if not kept.is_file():
            kept.write_text(hashed(engine, name), "ascii")
        return dataclasses.replace(image, tree=kept.read_text("ascii"))


@contextmanager
def kept_tree(image_id: str) -> Iterator[Path]:
    """Yield the file that keeps the tree hash of an image; without a cache it is gone afterwards."""
    by = hashlib.sha256(Path(treehash.__file__).read_bytes()).hexdigest()[:8]  # another rule is another hash
    folder = cache.folder()
    if folder is not None and cache.can_write(folder / "images"):
        yield folder / "images" / f"{image_id}-{by}.txt"
    else:
        with tempfile.TemporaryDirectory() as passing:
            yield Path(passing, "tree.txt")


def hashed(engine: Engine, name: str) -> str:
    """Return the tree hash of an image, computed by its own Python as its root, which may read everything."""
    script = Path(treehash.__file__).read_text("utf-8")
    line = [*START, "--interactive", "--read-only", "--user", "0:0", name, "python3", "-"]
    done = engine.call(*line, text=script)
    found = done.stdout.strip()
    if done.returncode or len(found) != 64:
        raise InfrastructureError(
            f"{engine}: the tree of {name} could not be hashed: {fault(done.stderr.splitlines())}"
        )
    return found
