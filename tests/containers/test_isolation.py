"""A run inside has no network, no rights, and nothing to write on but the results."""

import subprocess

import pytest

from repro.errors import InfrastructureError
from repro.machine.engine import Engine, Image, Place, settled
from tests.containers.conftest import answer, run
from tests.sources import PROJECT

pytestmark = pytest.mark.container

LOOK = """
import json, os, pathlib, socket

def attempt(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__ + ": " + os.strerror(error.errno)
    return "done"

def write(path):
    pathlib.Path(path).write_text("x")

status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "connect": attempt(lambda: socket.create_connection(("192.0.2.1", 80), timeout=5)),
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "root": attempt(lambda: write("/planted")),
    "lock": attempt(lambda: write("/opt/lock.txt")),
    "project": attempt(lambda: write("/repo/planted")),
    "results": attempt(lambda: write("/repo/results/kept")),
    "tmp": attempt(lambda: write("/tmp/scratch")),
    "uid": [os.getuid(), os.geteuid(), os.getgid()],
    "become_root": attempt(lambda: os.setuid(0)),
    "capabilities": {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
    "no_new_privileges": int(status["NoNewPrivs"]),
    "seccomp": int(status["Seccomp"]),
}))
"""

LIMITS = """
import json, pathlib
names = (("memory.max", "pids.max"), ("memory/memory.limit_in_bytes", "pids/pids.max"))
root = pathlib.Path("/sys/fs/cgroup")
found = next(pair for pair in names if (root / pair[0]).exists())
print(json.dumps([(root / name).read_text().strip() for name in found]))
"""


@pytest.fixture(params=["small", "docker"])
def inside(request: pytest.FixtureRequest) -> tuple[Engine, Image]:
    """The engine's own command line, and docker's."""
    found: tuple[Engine, Image] = request.getfixturevalue(request.param)
    return found


def test_network_root_rights_and_writing_are_absent(inside: tuple[Engine, Image], place: Place) -> None:
    seen = answer(inside, place, LOOK)
    assert seen["connect"] == "OSError: Network is unreachable"
    assert seen["interfaces"] == ["lo"]
    for name in ("root", "lock", "project"):
        assert seen[name] == "OSError: Read-only file system", name
    assert (seen["results"], seen["tmp"]) == ("done", "done")
    assert (place.results / "kept").read_text() == "x"
    assert 0 not in seen["uid"]
    assert seen["become_root"] == "PermissionError: Operation not permitted"
    assert set(seen["capabilities"].values()) == {0}
    assert seen["no_new_privileges"] == 1
    assert seen["seccomp"] == 2


def test_memory_and_processes_are_limited(
    inside: tuple[Engine, Image], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_MEMORY", "512m")
    memory, processes = answer(inside, place, LIMITS)
    assert (int(memory), int(processes)) == (512 << 20, 2048)


def test_the_exit_code_inside_is_the_exit_code_or_the_engine_is_refused(
    inside: tuple[Engine, Image], place: Place
) -> None:
    engine, built = inside
    if run(inside, place, ["python", "-c", "raise SystemExit(5)"]).returncode != 5:
        assert engine.name == "docker"  # on podman's socket
        with pytest.raises(InfrastructureError, match="loses the exit codes of its containers"):
            settled(engine, built.name, PROJECT)


def test_the_look_inside_sees_what_is_there(small: tuple[Engine, Image]) -> None:
    engine, built = small
    line = [engine.name, "run", "--rm", "--user", "0:0", "--tmpfs", "/repo/results", built.name, "python", "-c", LOOK]
    done = subprocess.run(line, env=engine.variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for sign in ('"root": "done"', '"become_root": "done"', '"uid": [0, 0, 0]', '"no_new_privileges": 0'):
        assert sign in done.stdout, sign
    assert '"interfaces": ["lo"]' not in done.stdout
