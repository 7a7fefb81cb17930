"""The image is the pinned one or none: built twice it is the same, and each moved pin stops the build with one line."""

import hashlib
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError, ReproError
from repro.machine import image, recipes
from repro.machine.engine import Engine, Image
from repro.machine.recipes import Recipe
from tests.sources import PROJECT

pytestmark = pytest.mark.container

CHECKED_BY_HASH = 0b11  # and by no time


@pytest.fixture
def wanted(tmp_path: Path) -> Recipe:
    """The recipe of the small lock, in a folder that a test may change."""
    shutil.copytree(PROJECT / "containers", tmp_path / "containers")
    return recipes.recipe(tmp_path, "small")


def base_of(engine: Engine, wanted: Recipe) -> tuple[str, str]:
    return image.obtain_base(engine, wanted, recipes.bases(wanted))


def refused(kind: type[ReproError], engine: Engine, wanted: Recipe, reference: str | None = None) -> str:
    base, found = base_of(engine, wanted)
    with pytest.raises(kind) as caught:
        image.build(engine, wanted, base, reference or found, again=True, name="localhost/repro-test:refused")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_built_twice_it_is_the_same(small: tuple[Engine, Image], wanted: Recipe) -> None:
    engine, built = small
    base, reference = base_of(engine, wanted)
    name = image.build(engine, wanted, base, reference, again=True, name="localhost/repro-test:again")
    again = image.examine(engine, name)
    assert again.tree == built.tree
    if engine.name == "podman":
        assert (again.id, again.digest) == (built.id, built.digest)


def test_a_checkout_closed_to_others_gives_the_same_image(small: tuple[Engine, Image], wanted: Recipe) -> None:
    engine, built = small
    for path in wanted.root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    base, reference = base_of(engine, wanted)
    before = os.umask(0o077)
    try:
        name = image.build(engine, wanted, base, reference, again=True, name="localhost/repro-test:closed")
    finally:
        os.umask(before)
    again = image.examine(engine, name)
    assert again.tree == built.tree
    if engine.name == "podman":
        assert (again.id, again.digest) == (built.id, built.digest)


@pytest.mark.parametrize(
    ("umask", "shell"),
    [
        (0o022, {}),
        (
            0o077,
            {
                "LC_ALL": "tr_TR.UTF-8",
                "TZ": "Pacific/Auckland",
                "HOME": "/nonexistent",
                "PYTHONHASHSEED": "5",
                "SOURCE_DATE_EPOCH": "1",
            },
        ),
    ],
    ids=["a shell without variables", "another user's"],
)
def test_the_base_is_the_pinned_one_from_any_shell(
    wanted: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, shell: dict[str, str]
) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap")
    kept = {name: os.environ[name] for name in ("PATH", image.MIRROR, *image.PROXIES) if name in os.environ}
    monkeypatch.setattr(os, "environ", {**kept, **shell})
    before = os.umask(umask)
    try:
        image.pack(wanted, "debian", tmp_path / "rootfs.tar")  # which holds it to its pins
    finally:
        os.umask(before)
    archive = tmp_path / "rootfs.tar"
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == wanted.pins["bases"]["debian"]["rootfs"]
    assert set(byte_code(archive)) == {CHECKED_BY_HASH}


def byte_code(archive: Path) -> Iterator[int]:
    """Yield how each file of byte code says that it is held to its source (PEP 552)."""
    with tarfile.open(archive) as tree:
        for member in tree:
            if member.name.endswith(".pyc"):
                file = tree.extractfile(member)
                assert file is not None
                yield int.from_bytes(file.read(8)[4:], "little")


def test_another_recipe_is_another_image(small: tuple[Engine, Image], wanted: Recipe) -> None:
    engine, built = small
    planted = "USER 0\nRUN echo planted > /opt/planted\n"
    wanted.containerfile.write_text(wanted.containerfile.read_text() + planted)
    base, reference = base_of(engine, wanted)
    name = image.build(engine, wanted, base, reference, name="localhost/repro-test:other")
    assert image.examine(engine, name).tree != built.tree


def test_a_changed_hash_in_the_lock_stops_the_build(small: tuple[Engine, Image], wanted: Recipe) -> None:
    text = wanted.lock_file.read_text()
    start = text.index("pluggy==")
    wanted.lock_file.write_text(text[:start] + re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", text[start:]))
    said = refused(IntegrityError, small[0], wanted)
    assert said.startswith("image: a package is not the one whose hash small.txt holds: pluggy==")


def test_a_wrong_digest_stops_the_build(small: tuple[Engine, Image], wanted: Recipe) -> None:
    said = refused(InfrastructureError, small[0], wanted, f"localhost/repro-base@sha256:{'0' * 64}")
    assert said.startswith("image: ")
    assert "0000" in said


def test_a_moved_package_of_the_base_stops_the_build(small: tuple[Engine, Image], wanted: Recipe) -> None:
    if shutil.which("mmdebstrap") is None:
        pytest.skip("needs mmdebstrap")
    wanted.packages.write_text(wanted.packages.read_text().replace("bash=", "bash=0"))
    fresh = {**wanted.pins["bases"]["debian"], "rootfs": "0" * 64}  # so that no base is found made
    moved = Recipe(wanted.root, "small", {**wanted.pins, "bases": {"debian": fresh}})
    with pytest.raises(IntegrityError, match=r"base: 1 packages are not those of .*packages\.txt: bash 0\S+ -> \d"):
        image.made(small[0], moved, "debian")
