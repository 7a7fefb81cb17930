"""The engine of this machine, the images, and how to run something inside."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from repro.machine import image, recipes
from repro.machine.engine import Engine, Image, Place, choose, command
from tests.sources import PROJECT


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that `nox -s reproduce-...` would take."""
    found, said = choose()
    if found is None:
        pytest.skip(said)
    return found


@pytest.fixture(scope="session")
def small(engine: Engine) -> tuple[Engine, Image]:
    """The image of the small lock, and the engine with the settings that start it."""
    return image.ensure(engine, recipes.recipe(PROJECT, "small"))


@pytest.fixture(scope="session")
def full(engine: Engine) -> tuple[Engine, Image]:
    """The image that studies run in here."""
    return image.chosen(engine, PROJECT)


@pytest.fixture(scope="session")
def without_cuda(engine: Engine) -> tuple[Engine, Image]:
    """The image of the lock without CUDA, held to its pinned tree hash."""
    try:
        return image.ensure(engine, recipes.recipe(PROJECT, "cpu"))
    except image.LackingError as error:
        pytest.skip(f"{error}; PIP_EXTRA_INDEX_URL or PIP_FIND_LINKS names one that has")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The project, with results of its own; pytest's folders are open to their owner alone, so these are elsewhere."""
    data = PROJECT.parent / "shared" / "data"
    folder = PROJECT / "results" / f"test-{os.getpid()}"
    yield Place(PROJECT, folder, data if data.is_dir() else None)
    shutil.rmtree(folder)


def run(on: tuple[Engine, Image], place: Place, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command inside and return what it printed."""
    engine, built = on
    place.prepare()
    line = command(engine, built, arguments, place)
    return subprocess.run(line, env=engine.variables(), capture_output=True, text=True, check=False)


def answer(on: tuple[Engine, Image], place: Place, script: str) -> Any:
    """Run a Python script inside and return the JSON it printed."""
    done = run(on, place, ["python", "-c", script])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def docker(full: tuple[Engine, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Image]]:
    """Docker's client on podman's socket: the other command line, on the same store of images."""
    podman, built = full
    if podman.name != "podman" or shutil.which("docker") is None:
        pytest.skip("needs podman and docker's client")
    socket = tmp_path_factory.mktemp("docker") / "podman.sock"
    line = ["podman", "system", "service", "--time", "0", f"unix://{socket}"]
    with subprocess.Popen(line, env=podman.variables(), stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 20
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            yield Engine("docker", "client", {"DOCKER_HOST": f"unix://{socket}"}), built
        finally:
            server.terminate()
