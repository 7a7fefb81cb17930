"""Where the build of an image finds packages: what goes in of the user's settings and wheels, and how."""

from pathlib import Path

import pytest

from repro.errors import InfrastructureError
from repro.machine import sets
from repro.machine.image import ensure
from repro.machine.recipes import Recipe
from tests.repro.machine.conftest import PODMAN, refused
from tests.sources import PROJECT


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """A folder of wheels, two of which the small lock pins, and what else may lie there."""
    folder = tmp_path / "a wheelhouse"
    folder.mkdir()
    pins = dict(sets.ENTRY.findall((PROJECT / sets.FOLDER / "small.txt").read_text()))
    numpy, pluggy = pins["numpy"], pins["pluggy"]
    for name in (f"numpy-{numpy}-cp311-any.whl", f"Pluggy-{pluggy}-py3-none-any.whl", "numpy-0.1-cp311-any.whl"):
        (folder / name).write_text(name)
    for name in ("other-1.0-py3-none-any.whl", "wheel.whl", f"numpy-{numpy}.tar.gz"):
        (folder / name).touch()
    return folder


def test_wheels_that_the_lock_pins_go_in_and_no_others(
    store: Path, wanted: Recipe, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", f"https://a.example/links {wheelhouse.as_uri()} /nonexistent")
    ensure(PODMAN, wanted)
    names = sorted((store / "context").read_text().split())
    assert [name.partition("-")[0] for name in names] == ["./small.txt", "./wheels/Pluggy", "./wheels/numpy"]
    told = "[global]\nfind-links = https://a.example/links /run/context/wheels\n"
    assert (store / "pip.conf").read_text() == told
    assert "/run/context " in wanted.containerfile.read_text()


def test_addresses_of_indexes_go_in_as_a_secret(store: Path, wanted: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@a.example/simple")
    monkeypatch.setenv(
        "PIP_EXTRA_INDEX_URL", "https://b.example/simple\nfile:///c/simple /d/simple http://e.example:80/"
    )
    monkeypatch.setenv("PIP_TRUSTED_HOST", "e.example:80")
    ensure(PODMAN, wanted)
    assert (store / "pip.conf").read_text().splitlines() == [
        "[global]",
        "index-url = https://user:hunter2@a.example/simple",
        "extra-index-url = https://b.example/simple http://e.example:80/",
        "trusted-host = e.example:80",
    ]
    assert (store / "context").read_text() == "./small.txt\n"
    assert "hunter2" not in (store / "builds.log").read_text()


def test_without_settings_pip_has_its_own(store: Path, wanted: Recipe) -> None:
    ensure(PODMAN, wanted)
    assert not (store / "pip.conf").exists()
    assert (store / "context").read_text() == "./small.txt\n"


def test_a_wheel_that_cannot_be_copied_is_one_line(
    store: Path, wanted: Recipe, wheelhouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = next(wheelhouse.glob("Pluggy-*"))
    wheel.unlink()
    wheel.symlink_to("nowhere")
    monkeypatch.chdir(wheelhouse.parent)
    (wheelhouse.parent / "wheels").symlink_to(wheelhouse)
    monkeypatch.setenv("PIP_FIND_LINKS", "wheels")
    text = refused(InfrastructureError, wanted)
    assert "cannot be copied for the build (No such file or directory); free some room, or mend PIP_FIND_LINKS" in text
