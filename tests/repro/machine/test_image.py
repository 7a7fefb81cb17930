"""What decides an image, which base it gets, and each refusal as one line: shown with programs in place of engines."""

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.machine import image, recipes
from repro.machine.engine import Engine
from repro.machine.image import ensure, examine, hold_base, mismatch, moves
from repro.machine.recipes import Recipe, recipe
from tests.repro.machine.conftest import MISMATCH, PODMAN, TREE, refused
from tests.sources import PROJECT


def pin_tree(wanted: Recipe, tree: str) -> Recipe:
    return Recipe(wanted.root, wanted.lock, {**wanted.pins, "trees": {"python": {"small": tree}}})


def test_the_image_is_built_once(store: Path, wanted: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    _, first = ensure(PODMAN, wanted)
    assert "building once, with podman 4.3.1" in capsys.readouterr().err
    _, second = ensure(PODMAN, wanted)
    assert first == second
    assert (first.name, first.tree) == (wanted.name("python"), TREE)
    assert (first.id, first.digest) == (f"{1:064d}", f"sha256:{2:064d}")
    builds = (store / "builds.log").read_text().splitlines()
    assert len(builds) == 1
    assert f"--build-arg BASE={wanted.pins['bases']['python']['reference']} --build-arg LOCK=small" in builds[0]
    assert f"--timestamp {wanted.epoch}" in builds[0]
    assert "--secret" not in builds[0]


def test_what_it_costs_is_said_before_and_the_way_without(
    store: Path, wanted: Recipe, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(PODMAN, wanted)
    said = capsys.readouterr().err
    for words in ("0.3 GB on disk", "30 MB to fetch", "about a minute", "REPRO_ENGINE=none runs without"):
        assert words in said


def test_anything_that_goes_in_is_another_image(wanted: Recipe) -> None:
    names = {wanted.name("python"), wanted.name("debian"), Recipe(wanted.root, "cuda", wanted.pins).name("python")}
    for path in (wanted.containerfile, wanted.lock_file, wanted.packages):
        path.write_text(path.read_text() + "\n")
        names.add(wanted.name("python"))
    names.add(Recipe(wanted.root, "small", {**wanted.pins, "source_date_epoch": 1}).name("python"))
    assert len(names) == 7


def test_certificates_go_in_as_a_secret(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", str(wanted.containerfile))
    ensure(PODMAN, wanted)
    assert f"--secret id=ca,src={wanted.containerfile}" in (store / "builds.log").read_text()


def test_without_a_registry_and_without_debians_tool_there_is_no_base(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_PULL", "1")
    text = refused(InfrastructureError, wanted)
    assert "python: cannot be pulled by its digest: Error: pinging container registry: no route to host" in text
    assert "debian: made from Debian's packages by mmdebstrap, which is not installed" in text


def test_a_base_that_cannot_be_had_is_said_once(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIL_PULL", "1")
    refused(InfrastructureError, wanted)
    assert [line for line in capsys.readouterr().err.splitlines() if "image: base" in line] == [
        "image: base python: cannot be pulled by its digest: Error: pinging container registry: no route to host; "
        "trying the next"
    ]


def test_a_named_base_is_the_only_one_tried(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_BASE", "debian")
    assert "python" not in refused(InfrastructureError, wanted).partition("(")[2].partition(":")[0]
    monkeypatch.setenv("REPRO_BASE", "alpine")
    assert refused(UsageError, wanted) == "REPRO_BASE=alpine: no such base; set one of auto, python, debian"


def test_too_small_a_disk_is_said_before_anything_is_built(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(store)._replace(free=287_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert refused(InfrastructureError, wanted).startswith(
        "the build needs 1 GB of free disk for a while, there are 0.3"
    )
    assert not (store / "builds.log").exists()


def test_a_package_with_another_hash_is_named(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL_BUILD", f"Collecting x\n{MISMATCH.format('x==1')}")
    text = refused(IntegrityError, wanted)
    assert text.startswith("image: a package is not the one whose hash small.txt holds: x==1 from a:; restore the lock")


def test_another_failure_is_told_by_its_line(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL_BUILD", "STEP 1\nError: no space left on device\nbye")
    assert refused(InfrastructureError, wanted) == "image: podman build ended with 1: Error: no space left on device"


def test_the_tree_hash_is_held_to_the_pinned_one(store: Path, wanted: Recipe) -> None:
    ensure(PODMAN, pin_tree(wanted, TREE))
    text = refused(IntegrityError, pin_tree(wanted, "4e" * 32))
    assert f"its tree hash is {TREE}, images.toml says {'4e' * 32} for base 'python' with lock 'small'" in text


def test_an_unpinned_tree_is_said(store: Path, wanted: Recipe, capsys: pytest.CaptureFixture[str]) -> None:
    ensure(PODMAN, wanted)
    assert f"pins no tree hash of base 'python' with lock 'small'; this one has {TREE}" in capsys.readouterr().err


def test_a_tree_is_hashed_once_and_a_failure_is_not_kept(
    store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL_HASH", "1")
    assert "could not be hashed" in refused(InfrastructureError, wanted)
    monkeypatch.delenv("FAIL_HASH")
    assert examine(PODMAN, wanted.name("python")).tree == TREE
    monkeypatch.setenv("TREE", "5f" * 32)
    assert examine(PODMAN, wanted.name("python")).tree == TREE


def test_an_image_that_is_not_there(store: Path) -> None:
    with pytest.raises(
        InfrastructureError, match=r"no image localhost/gone \(Error: localhost/gone: image not known\)"
    ):
        examine(PODMAN, "localhost/gone")


def test_an_unknown_lock_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no lock 'cudda' for an image \(there are: cuda, cpu, small\)"):
        recipe(PROJECT, "cudda")


# The base's pins


def test_moved_packages_are_listed() -> None:
    assert moves("a=1\nb=1\nc=1\n", "a=1\nb=2\nd=1\n") == ["b 1 -> 2", "c 1 -> absent", "d absent -> 1"]
    assert moves("a=1\n", "a=1\n") == []


def test_a_base_is_held_to_its_packages_and_its_archive(tmp_path: Path) -> None:
    archive = tmp_path / "rootfs.tar"
    archive.write_bytes(b"tar")
    pins = {"rootfs": hashlib.sha256(b"tar").hexdigest()}
    hold_base(pins, archive, "a=1\n", "a=1\n")
    with pytest.raises(IntegrityError, match=r"base: 1 packages are not those of .*packages\.txt: a 1 -> 2; where"):
        hold_base(pins, archive, "a=2\n", "a=1\n")
    archive.write_bytes(b"other")
    with pytest.raises(IntegrityError, match="base: the pinned packages made an archive with SHA-256"):
        hold_base(pins, archive, "a=1\n", "a=1\n")


# Writes an archive and its list, and where SEEN stands all that it could see of who called it.
MMDEBSTRAP = """#!/bin/sh
for part; do case "$part" in */rootfs.tar) archive="$part";; esac; done
printf tar > "$archive"
echo a=1 > "${archive%/*}/packages.txt"
{ umask; /usr/bin/env; } | /usr/bin/sort > SEEN
"""

SHELLS = {
    "nothing": {},
    "another": {
        "LC_ALL": "tr_TR.UTF-8",
        "LANG": "tr_TR.UTF-8",
        "TZ": "Pacific/Auckland",
        "HOME": "/elsewhere",
        "SOURCE_DATE_EPOCH": "1",
        "DEB_BUILD_OPTIONS": "nocheck",
        "PYTHONHASHSEED": "5",
        "PYTHONPYCACHEPREFIX": "/elsewhere",
    },
    "without byte code": {"PYTHONDONTWRITEBYTECODE": "1", "APT_CONFIG": "/elsewhere", "TAR_OPTIONS": "--sort=none"},
}


@pytest.fixture
def local(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe whose local base is what the stand-in for mmdebstrap makes."""
    (store.parent / "bin" / "mmdebstrap").write_text(MMDEBSTRAP.replace("SEEN", str(store / "seen")))
    (store.parent / "bin" / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("REPRO_DEBIAN_MIRROR", "http://mirror.example/debian")
    wanted.packages.write_text("a=1\n")
    debian = {**wanted.pins["bases"]["debian"], "rootfs": hashlib.sha256(b"tar").hexdigest()}
    python = wanted.pins["bases"]["python"]
    return Recipe(wanted.root, "small", {**wanted.pins, "bases": {"python": python, "debian": debian}})


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o000], ids=oct)
@pytest.mark.parametrize("shell", SHELLS)
def test_the_base_is_made_in_one_environment_whatever_the_shell_is(
    local: Recipe, store: Path, monkeypatch: pytest.MonkeyPatch, shell: str, umask: int
) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "STORE", "REPRO_DEBIAN_MIRROR")}
    monkeypatch.setattr(os, "environ", {**kept, **SHELLS[shell]})
    before = os.umask(umask)
    try:
        image.made(PODMAN, local, "debian")
    finally:
        os.umask(before)
    seen = [line for line in (store / "seen").read_text().splitlines() if not line.startswith(("_=", "PWD="))]
    assert seen == [
        "0022",
        "HOME=/root",
        "LC_ALL=C.UTF-8",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONDONTWRITEBYTECODE=1",
        f"SOURCE_DATE_EPOCH={local.epoch}",
        f"TMPDIR={tempfile.gettempdir()}",
        "TZ=UTC",
    ]


def test_a_proxy_is_how_the_network_is_found(local: Recipe, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    image.made(PODMAN, local, "debian")
    assert "https_proxy=http://proxy.example" in (store / "seen").read_text().splitlines()


def test_a_base_that_is_not_the_pinned_one_is_none(store: Path, local: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL_PULL", "1")
    ensure(PODMAN, local)
    (store.parent / "bin" / "mmdebstrap").write_text(
        MMDEBSTRAP.replace("printf tar", "printf other").replace("SEEN", "/dev/null")
    )
    for path in store.iterdir():
        path.unlink()
    text = refused(InfrastructureError, local)
    assert "debian: base: the pinned packages made an archive with SHA-256" in text
    local.packages.write_text("a=2\n")
    assert "debian: base: 1 packages are not those of containers/base/packages.txt: a 2 -> 1" in refused(
        InfrastructureError, local
    )


def test_the_mirror_is_asked_of_the_user_then_of_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfrastructureError, match="apt knows no mirror of bookworm; set REPRO_DEBIAN_MIRROR"):
        image.debian_mirror("bookworm")
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho http://mirror.example/debian/\n")
    (tmp_path / "apt-get").chmod(0o755)
    assert image.debian_mirror("bookworm") == "http://mirror.example/debian/"
    monkeypatch.setenv("REPRO_DEBIAN_MIRROR", "http://other.example/debian")
    assert image.debian_mirror("bookworm") == "http://other.example/debian"


def test_pips_mismatch_is_found_among_its_lines() -> None:
    said = [
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM",
        "  numpy==2.4.6 from http://x (from -r y):",
        "Expected",
    ]
    assert mismatch(said) == "numpy==2.4.6 from http://x (from -r y):"


def test_docker_builds_with_buildkit_and_without_time_stamps(wanted: Recipe) -> None:
    docker = Engine("docker", "20.10.24")
    assert image.building(docker, wanted) == ["docker", "build"]
    assert image.build_variables(docker)["DOCKER_BUILDKIT"] == "1"
    assert "DOCKER_BUILDKIT" not in image.build_variables(PODMAN)


@pytest.mark.parametrize("engine", [PODMAN, Engine("docker", "20.10.24")], ids=str)
def test_no_variable_gives_a_build_another_format_or_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUILDAH_FORMAT", "BUILDAH_ISOLATION", "SOURCE_DATE_EPOCH", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "1")
    found = image.build_variables(engine)
    assert "XDG_RUNTIME_DIR" in found
    assert not [name for name in found if name.startswith(("BUILDAH_", "SOURCE_DATE_EPOCH"))]


@pytest.mark.parametrize("umask", [0o022, 0o077], ids=oct)
def test_a_build_runs_under_one_umask(
    store: Path, wanted: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    program = store.parent / "bin" / "podman"
    program.write_text(program.read_text().replace("build) ", f"build) umask > {tmp_path}/umask; "))
    before = os.umask(umask)
    try:
        ensure(PODMAN, wanted)
    finally:
        os.umask(before)
    assert (tmp_path / "umask").read_text() == "0022\n"


def test_the_committed_pins_are_whole() -> None:
    pins = recipe(PROJECT).pins
    assert "@sha256:" in pins["bases"]["python"]["reference"]
    assert len(bytes.fromhex(pins["bases"]["debian"]["rootfs"])) == 32
    assert pins["bases"]["python"]["reference"] in (PROJECT / "containers" / "Containerfile").read_text()
    for trees in pins["trees"].values():
        assert all(lock in recipes.NEEDS and len(bytes.fromhex(tree)) == 32 for lock, tree in trees.items())
    json.dumps(pins, default=str)
