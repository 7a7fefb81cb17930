"""Which way a nox session goes where no image can be had: shown with a program that stands in for podman."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest

import noxfile
from repro.cli.reproducing import first_look
from repro.machine import sets

TREE = "3d" * 32
FIRST = noxfile.STUDIES[0]

# Answers `info`; where REACHED is set it also pulls, builds, starts and hashes.
PODMAN = f"""#!/bin/sh
[ "$1" != info ] || {{ echo 4.3.1; exit 0; }}
[ -n "$REACHED" ] || {{ echo "nothing can be reached" >&2; exit 125; }}
case "$1" in
image) printf '[{{"Id": "sha256:%064d", "Digest": "sha256:%064d", "RepoDigests": []}}]' 1 2;;
run) case "$*" in *"exit 7"*) exit 7;; esac; /bin/cat > /dev/null; echo {TREE};;
esac
"""


class EndedError(Exception):
    """Stand in for what nox raises when a session is ended."""


class Session:
    """Stand in for nox's session: keep what it says and the commands that it is to run."""

    def __init__(self, *posargs: str) -> None:
        self.posargs = list(posargs)
        self.env_dir = Path(".nox", "reproduce")
        self.said: list[str] = []
        self.ran: list[tuple[str, ...]] = []
        self.environments: list[dict[str, str]] = []
        self.venv_backend = "virtualenv"

    def log(self, text: str) -> None:
        self.said.append(text)

    def error(self, text: str) -> NoReturn:
        raise EndedError(text)

    def run(self, *line: str, env: dict[str, str] | None = None, **options: Any) -> None:
        self.ran.append(line)
        self.environments.append(env or {})

    run_install = run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose recipe a test may change, on a machine that has a stand-in for podman and nothing else."""
    programs, project = tmp_path / "bin", tmp_path / "project"
    programs.mkdir()
    (programs / "podman").write_text(PODMAN)
    (programs / "podman").chmod(0o755)
    shutil.copytree(noxfile.ROOT / "containers", project / "containers")
    project.chmod(0o755)
    monkeypatch.setattr(noxfile, "ROOT", project)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sets, "device", lambda: False)
    for name in ("REPRO_ENGINE", "REPRO_BASE", sets.CHOICE, "REPRO_DATA_DIR", "REACHED", "CONTAINERS_CONF"):
        monkeypatch.delenv(name, raising=False)
    return project


def reproduced(*posargs: str) -> Session:
    session = Session(*posargs)
    noxfile.reproduce(session, FIRST)  # type: ignore[arg-type]
    return session


def test_an_image_that_can_be_had_is_used(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REACHED", "1")
    session = reproduced()
    assert session.said[1] == "running in a container by podman 4.3.1 (REPRO_ENGINE=auto)"
    assert [line[:2] for line in session.ran] == [("podman", "run")] * 4


@pytest.mark.parametrize(
    ("word", "arguments", "lock"),
    [("auto", (), "cpu"), ("cpu", (), "cpu"), ("cuda", (), "cuda"), ("auto", ("--device", "cuda"), "cuda")],
)
def test_a_run_is_in_the_image_of_the_set_that_is_meant(
    project: Path, monkeypatch: pytest.MonkeyPatch, word: str, arguments: tuple[str, ...], lock: str
) -> None:
    monkeypatch.setenv("REACHED", "1")
    monkeypatch.setenv(sets.CHOICE, word)
    session = reproduced(*arguments)
    images = {name for line in session.ran for name in line if name.startswith("localhost/")}
    assert [name.partition(":")[0] for name in images] == [f"localhost/repro-{lock}"]
    assert session.said[2].startswith(f"image localhost/repro-{lock}:python-")


def test_a_gpu_is_not_to_be_had_in_an_image_without_cuda(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REACHED", "1")
    monkeypatch.setenv(sets.CHOICE, "cpu")
    with pytest.raises(EndedError, match="REPRO_TORCH=cpu: the run is to use a GPU"):
        reproduced("--device", "cuda")


@pytest.mark.parametrize(
    ("arguments", "found"), [((), ["cpu"]), (("cuda",), ["cuda"]), (("small", "cpu"), ["small", "cpu"])]
)
def test_the_image_that_is_meant_is_built_or_those_that_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], found: list[str]
) -> None:
    monkeypatch.setenv("REACHED", "1")
    session = Session(*arguments)
    noxfile.build_image(session)  # type: ignore[arg-type]
    named = [text for text in session.said if text.startswith("image localhost/repro-")]
    assert [text.partition("repro-")[2].partition(":")[0] for text in named] == found


def test_the_first_line_says_what_will_be_done(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an engine is asked, which can take a while."""
    monkeypatch.setenv("REPRO_ENGINE", "none")
    monkeypatch.setattr(noxfile.container, "choose", lambda: (None, "chosen"))
    first, second, *_ = reproduced("--fresh", "2").said
    assert first.startswith(f"{FIRST}, profile smoke, on cpu: ")
    assert first.endswith(f" cases, fresh seeds: 2; then a comparison with golden/{FIRST}/smoke.md")
    assert second == "chosen"


def test_one_cell_is_judged_before_the_others_are_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPRO_ENGINE", "none")
    _, *ran = reproduced().ran
    verbs = [line[3] for line in ran]
    cell = first_look(FIRST, "smoke")
    assert verbs == ["run", "check", "run", "check"]
    assert [line[-len(cell) - 1 : -1] for line in ran[:2]] == [tuple(cell)] * 2
    assert [line[-1] for line in ran[:2]] == ["--quiet", "--no-confirm"]
    assert not any("--where" in line for line in ran[2:])


def test_nothing_is_judged_early_where_something_was_asked_for_or_is_there(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_ENGINE", "none")
    assert [line[3] for line in reproduced("--fresh", "2").ran[1:]] == ["run", "check"]
    (project / "results" / FIRST).mkdir(parents=True)
    (project / "results" / FIRST / "smoke.parquet").touch()
    assert [line[3] for line in reproduced().ran[1:]] == ["run", "check"]


@pytest.mark.parametrize(("python", "flag"), [("python3.11", ("--goldens",)), (None, ())])
def test_the_environment_is_installed_by_the_harness(
    project: Path, monkeypatch: pytest.MonkeyPatch, python: str | None, flag: tuple[str, ...]
) -> None:
    monkeypatch.setattr(noxfile, "PYTHON", python)
    session = Session()
    noxfile.environment(session)  # type: ignore[arg-type]
    (line,) = session.ran
    module = ("-m", "repro.machine.installing", str(project / ".nox" / "reproduce"))
    rest = ("--backend", "virtualenv", "--interpreter", python or sys.executable)
    assert line == (sys.executable, *module, *rest, *flag)


@pytest.mark.parametrize("word", ["auto", ""])
def test_without_an_image_the_session_says_why_and_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("REPRO_ENGINE", word)
    session = reproduced()
    _, said, _ = session.said
    assert "\n" not in said
    for words in (
        "no container by podman 4.3.1 (no base for the image (python: cannot be pulled by its digest: nothing can be",
        "debian: made from Debian's packages by mmdebstrap, which is not installed",
        "): running in the locked environment of this machine",
    ):
        assert words in said
    assert [line[1:4] for line in session.ran] == [
        ("-m", "nox", "--session"),
        *[("-m", "repro", verb) for verb in ("run", "check") * 2],
    ]
    assert [found.get("REPRO_ENGINE_USED") for found in session.environments] == [None, *["none"] * 4]


def test_a_project_that_a_container_cannot_read_is_run_without_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REACHED", "1")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    project.chmod(0o700)
    _, said, _ = reproduced().said
    assert "closed to others" in said
    assert said.endswith(": running in the locked environment of this machine")


def test_an_image_that_is_not_the_pinned_one_is_an_end(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REACHED", "1")
    with (project / "containers" / "images.toml").open("a") as file:
        file.write(f'[trees.python]\ncpu = "{"4e" * 32}"\n')
    with pytest.raises(EndedError, match=f"its tree hash is {TREE}, images.toml says {'4e' * 32}"):
        reproduced()


@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("podman", 7, "no base for the image (python: cannot be pulled by its digest: nothing can be reached"),
        ("docker", 7, "REPRO_ENGINE=docker: docker: not installed"),
        ("podmann", 2, "REPRO_ENGINE=podmann: no such engine"),
    ],
)
@pytest.mark.parametrize("name", [f"reproduce-{FIRST}", "image"])
def test_what_was_named_ends_with_its_own_code(
    project: Path, tmp_path: Path, word: str, code: int, said: str, name: str
) -> None:
    line = [sys.executable, "-m", "nox", "--noxfile", str(Path(noxfile.__file__)), "--envdir", str(tmp_path / "nox")]
    variables = {**os.environ, "REPRO_ENGINE": word}
    done = subprocess.run([*line, "-s", name], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "locked environment" not in done.stderr
