"""Which engine is used, and the one command line that isolates: shown with programs that stand in for the engines."""

import itertools
import os
import shlex
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, ReproError, UsageError
from repro.machine import engine as module
from repro.machine.engine import (
    RESTRICTED_HOST,
    USER_INSIDE,
    Engine,
    Image,
    Place,
    assert_cuda,
    choose,
    command,
    settled,
)
from tests.sources import PROJECT

IMAGE = Image("localhost/repro-cuda:debian-0a", "1b" * 32, f"sha256:{'2c' * 32}", "3d" * 32)
PODMAN, DOCKER = Engine("podman", "4.3.1"), Engine("docker", "20.10.24")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("REPRO_ENGINE", "CONTAINERS_CONF"):
        monkeypatch.delenv(name, raising=False)
    return folder


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def refusal(kind: type[ReproError], wanted: str | None = None) -> str:
    with pytest.raises(kind) as caught:
        choose(wanted)
    return str(caught.value)


def test_auto_takes_the_first_modulethat_answers_and_says_so(programs: Path) -> None:
    program(programs, "podman", "echo no; exit 1")
    program(programs, "docker", "echo 20.10.24")
    assert choose() == (DOCKER, "running in a container by docker 20.10.24 (REPRO_ENGINE=auto)")
    program(programs, "podman", "echo 4.3.1")
    assert choose()[0] == PODMAN
    assert choose("docker")[0] == DOCKER


def test_a_client_without_a_server_is_no_engine(programs: Path) -> None:
    program(programs, "docker", "echo; echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    engine, said = choose()
    assert engine is None
    assert "podman: not installed; docker: Cannot connect to the Docker daemon" in said
    assert "locked environment" in said


@pytest.mark.parametrize("script", ["echo; exit 0", "echo 4.3.1; exit 1"])
def test_an_moduleanswers_with_success_and_a_version(programs: Path, script: str) -> None:
    program(programs, "podman", script)
    assert choose()[0] is None


def test_an_modulethat_was_asked_for_is_never_replaced(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "podman", "echo 4.3.1")
    monkeypatch.setenv("REPRO_ENGINE", "docker")
    text = refusal(InfrastructureError)
    assert text == "REPRO_ENGINE=docker: docker: not installed; start it, or set REPRO_ENGINE=none to run without"


def test_none_is_none_though_an_moduleanswers(programs: Path) -> None:
    program(programs, "podman", "echo 4.3.1")
    engine, said = choose("none")
    assert (engine, "because REPRO_ENGINE=none" in said) == (None, True)


def test_another_word_is_refused(programs: Path) -> None:
    text = refusal(UsageError, "podmann")
    assert text == "REPRO_ENGINE=podmann: no such engine; set one of auto, podman, docker, none"


def test_a_silent_moduleis_given_up(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs, "podman", "exec /bin/sleep 5")
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    assert "no answer in 0.2 s" in choose()[1]


# Settings of the host


def test_a_plain_start_keeps_the_users_settings(programs: Path, tmp_path: Path) -> None:
    program(programs, "podman", "exit 7")
    assert settled(PODMAN, "image", tmp_path) == PODMAN


def test_restricted_settings_come_after_a_plain_start_failed(programs: Path, tmp_path: Path) -> None:
    program(programs, "podman", '[ -z "$CONTAINERS_CONF" ] || exit 7; exit 125')
    found = settled(PODMAN, "image", tmp_path)
    assert found.environment == {"CONTAINERS_CONF": str(tmp_path / "containers" / "engine" / "containers.conf")}
    assert PROJECT.joinpath(RESTRICTED_HOST).is_file()


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_an_modulethat_starts_nothing_is_an_error(programs: Path, tmp_path: Path, name: str) -> None:
    program(programs, name, "echo 'setrlimit: not permitted' >&2; exit 126")
    with pytest.raises(InfrastructureError, match=r"answers and starts no container \(setrlimit: not permitted\)"):
        settled(Engine(name, "1"), "image", tmp_path)


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_an_modulethat_turns_failures_into_success_is_refused(programs: Path, tmp_path: Path, name: str) -> None:
    program(programs, name, "exit 0")
    with pytest.raises(InfrastructureError, match=f"{name} 1 loses the exit codes of its containers"):
        settled(Engine(name, "1"), "image", tmp_path)


# The command line


@pytest.fixture
def place(tmp_path: Path) -> Place:
    for name in ("project", "data"):
        (tmp_path / name).mkdir(mode=0o755)
    return Place(tmp_path / "project", tmp_path / "results", tmp_path / "data", tmp_path / "cache")


def options(line: list[str]) -> list[tuple[str, str]]:
    return list(itertools.pairwise(line))


@pytest.mark.parametrize("engine", [PODMAN, DOCKER], ids=str)
def test_what_isolates_is_in_every_command_line(engine: Engine, place: Place) -> None:
    line = command(engine, IMAGE, ["python", "-m", "repro", "list"], place)
    assert line[:3] == [engine.name, "run", "--rm"]
    assert line[-5:] == [IMAGE.name, "python", "-m", "repro", "list"]
    assert "--read-only" in line
    for pair in [
        *[("--pull", "never"), ("--network", "none"), ("--cap-drop", "ALL"), ("--security-opt", "no-new-privileges")],
        *[("--memory", "12g"), ("--pids-limit", "2048"), ("--workdir", "/repo")],
        *[("--volume", f"{place.project}:/repo:ro"), ("--volume", f"{place.results}:/repo/results:rw")],
        *[("--volume", f"{place.data}:/data:ro"), ("--volume", f"{place.cache}:/cache/repro:rw")],
        *[("--env", "REPRO_DATA_DIR=/data"), ("--env", f"REPRO_ENGINE_USED={engine}")],
        *[("--env", f"REPRO_IMAGE={IMAGE.name}"), ("--env", f"REPRO_IMAGE_TREE={IMAGE.tree}")],
        *[("--env", f"REPRO_IMAGE_ID={IMAGE.id}"), ("--env", f"REPRO_IMAGE_DIGEST={IMAGE.digest}")],
    ]:
        assert pair in options(line), pair
    assert not any("privileged" in part and part != "no-new-privileges" for part in line)
    assert sum(part.endswith(":rw") for part in line) == 2


def test_the_two_engines_differ_where_they_must_only(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    one, other = (command(engine, IMAGE, ["true"], place, gpu=True) for engine in (PODMAN, DOCKER))
    assert [pair for pair in zip(one, other, strict=True) if pair[0] != pair[1]] == [
        ("podman", "docker"),
        ("--device", "--gpus"),
        ("nvidia.com/gpu=all", "all"),
        ("REPRO_ENGINE_USED=podman 4.3.1", "REPRO_ENGINE_USED=docker 20.10.24"),
    ]


def test_no_gpu_is_handed_in_unasked(place: Place) -> None:
    assert not {"--device", "--gpus"} & set(command(PODMAN, IMAGE, ["true"], place))


def test_root_runs_as_another_user_and_a_user_as_himself(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert ("--user", "10001:10001") in options(command(PODMAN, IMAGE, ["true"], place))
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)
    for engine, mapped in ((PODMAN, True), (DOCKER, False)):
        line = command(engine, IMAGE, ["true"], place)
        assert ("--user", "1000:1001") in options(line)
        assert (("--userns", "keep-id") in options(line)) == mapped


def test_a_labelled_host_gets_its_option(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "SELINUX", tmp_path / "absent")
    assert "label=disable" not in command(PODMAN, IMAGE, ["true"], place)
    monkeypatch.setattr(module, "SELINUX", tmp_path)
    assert "label=disable" in command(PODMAN, IMAGE, ["true"], place)


def test_nothing_of_the_users_environment_is_handed_in(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_TOKEN", "hunter2")
    assert "hunter2" not in shlex.join(command(PODMAN, IMAGE, ["true"], place, variables={"REPRO_COMMIT": "0a"}))


def test_data_and_cache_are_mounted_where_there_are_any(tmp_path: Path) -> None:
    line = command(PODMAN, IMAGE, ["true"], Place(tmp_path, tmp_path / "results"))
    assert line.count("--volume") == 2
    assert not any(part.startswith(("REPRO_DATA_DIR", "XDG_CACHE_HOME")) for part in line)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives folders away")
def test_root_gives_the_writable_folders_away(place: Place) -> None:
    place.results.joinpath("study").mkdir(parents=True)
    place.prepare()
    for folder in (place.results, place.results / "study", place.cache):
        assert folder is not None
        assert folder.stat().st_uid == USER_INSIDE
    assert place.project.stat().st_uid == 0


def test_a_closed_project_is_refused_for_root(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.project.chmod(0o700)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    with pytest.raises(InfrastructureError, match=r"project: closed to others, and root's containers run as"):
        place.prepare()


def test_cuda_is_asked_for_inside(programs: Path, place: Place) -> None:
    program(programs, "podman", 'case "$*" in *nvidia.com/gpu=all*is_available*) exit 0;; esac; exit 3')
    assert_cuda(PODMAN, IMAGE, place)
    program(programs, "podman", "exit 1")
    with pytest.raises(InfrastructureError, match=r"no CUDA device inside the container; set up the NVIDIA"):
        assert_cuda(PODMAN, IMAGE, place)
    program(programs, "podman", "echo 'Error: unresolvable CDI devices nvidia.com/gpu=all' >&2; exit 125")
    with pytest.raises(InfrastructureError, match=r"inside the container \(Error: unresolvable CDI devices"):
        assert_cuda(PODMAN, IMAGE, place)
