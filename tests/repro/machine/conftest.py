"""A program in place of podman, and the recipe of the small lock, in folders that a test may change."""

import shutil
from pathlib import Path

import pytest

from repro.errors import ReproError
from repro.machine import image, recipes, sets, wheels
from repro.machine.engine import Engine
from repro.machine.recipes import Recipe
from tests.sources import PROJECT

TREE = "3d" * 32
PODMAN = Engine("podman", "4.3.1")

MISMATCH = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    {} from a:\n"

# Keeps the names of built images in a folder; FAIL_* say what it is to fail at, TREE what a tree hashes to.
ENGINE = """#!/bin/sh
store="$STORE"
key() { echo "$1" | /usr/bin/tr '/:@' '___'; }
case "$1" in
info) echo "$store";;
pull) [ -z "$FAIL_PULL" ] || { echo "Error: pinging container registry: no route to host" >&2; exit 125; }
      : > "$store/$(key "$2")";;
image) [ -e "$store/$(key "$3")" ] || { echo "Error: $3: image not known" >&2; exit 125; }
       printf '[{"Id": "sha256:%064d", "Digest": "sha256:%064d", "RepoDigests": []}]' 1 2;;
build) echo "$@" >> "$store/builds.log"
       for part; do context="$part"; done
       for part; do case "$part" in id=pip,*) /bin/cat "${part##*src=}" > "$store/pip.conf";; esac; done
       (cd "$context" && /usr/bin/find . -type f) > "$store/context"
       case "$*" in *"LOCK=$FAIL_LOCK"*) [ -z "$FAIL_BUILD" ] || { echo "$FAIL_BUILD"; exit 1; };; esac
       while [ "$1" != --tag ]; do shift; done; : > "$store/$(key "$2")";;
run) case "$*" in *"exit 7"*) exit 7;; esac
     [ -z "$FAIL_HASH" ] || exit 1; /bin/cat >/dev/null; echo "$TREE";;
esac
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stand-in engine called podman, which is all of PATH."""
    programs, store = tmp_path / "bin", tmp_path / "store"
    programs.mkdir()
    store.mkdir()
    (programs / "podman").write_text(ENGINE)
    (programs / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("STORE", str(store))
    monkeypatch.setenv("TREE", TREE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    outer = (recipes.BASE_CHOICE, sets.CHOICE, *image.CERTIFICATES, *wheels.INDEXES.values(), *wheels.TRUSTED.values())
    for name in (*outer, "FAIL_PULL", "FAIL_BUILD", "FAIL_LOCK", "FAIL_HASH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sets, "device", lambda: False)
    return store


@pytest.fixture
def wanted(tmp_path: Path) -> Recipe:
    """The project's own recipe of the small lock, in a folder of its own, with no tree hash pinned."""
    shutil.copytree(PROJECT / "containers", tmp_path / "project" / "containers")
    pins = tmp_path / "project" / "containers" / "images.toml"
    pins.write_text(pins.read_text().partition("[trees")[0])
    return recipes.recipe(tmp_path / "project", "small")


def refused(kind: type[ReproError], wanted: Recipe) -> str:
    with pytest.raises(kind) as caught:
        image.ensure(PODMAN, wanted)
    assert "\n" not in str(caught.value)
    return str(caught.value)
