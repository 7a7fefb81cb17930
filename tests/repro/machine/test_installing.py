"""An environment is installed from a set that can be had, and goes on where it was cut off; a stand-in plays pip."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError
from repro.machine import cache, growth, installing, sets
from repro.machine.installing import Installation, install

HASH = " \\\n    --hash=sha256:00\n"
LOCKS = {
    "cuda.txt": "torch==2.0{0}nvidia-x==1{0}numpy==1{0}",
    "cpu.txt": "torch==2.0 ; sys_platform != 'linux'{0}torch==2.0+cpu ; sys_platform == 'linux'{0}numpy==1{0}",
    "trimmed.txt": "torch==2.0{0}nvidia-x==1{0}numpy==1{0}",
    "tools.txt": "numpy==1{0}pytest==8{0}",
    "universal-tools.txt": "numpy==1{0}pytest==8{0}",
}
# Stands for an environment's Python, with a pip that writes what pip writes; the file `mode` says how it fares.
PYTHON = f"""#!{sys.executable} -S
import pathlib, re, sys, time
folder = pathlib.Path(__file__).resolve().parents[1]
if sys.argv[1] == "-c":
    sys.exit(print("3.11"))
site = folder / "lib" / "python3.11" / "site-packages"
site.mkdir(parents=True, exist_ok=True)
said = (folder.parent / "mode").read_text().split()
calls = (folder.parent / "calls").open("a")
if "-e" in sys.argv:
    sys.exit(print("project", file=calls))
pins = pathlib.Path(sys.argv[sys.argv.index("-r") + 1]).read_text()
if "+cpu" in pins and said[0] in ("absent", "mismatch", "offline"):
    sys.exit({{
        "absent": "ERROR: No matching distribution found for torch==2.0+cpu",
        "mismatch": "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE FILE.\\n    torch==2.0+cpu from a",
        "offline": "ERROR: the connection was cut",
    }}[said[0]])
for name, version, marker in re.findall(r"(?m)^([a-z-]+)==([^ ;]+)(.*)$", pins):
    if "!=" in marker:
        continue
    print(name, version, file=calls, flush=True)
    record = site / f"{{name.replace('-', '_')}}-{{version}}.dist-info"
    record.mkdir()
    (site / f"{{name}}.py").write_text("x = 1")
    if said == ["halt", name]:
        (site / f"{{name}}.py").write_text("x =")
        (record / "RECORD").write_text(f"{{name}}.py,,5\\n")
        (folder.parent / "halted").touch()
        time.sleep(60)
    (record / "RECORD").write_text(f"{{name}}.py,,5\\n{{record.name}}/RECORD,,\\n")
"""


@pytest.fixture
def into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A project with small locks and an empty environment of it, on a machine without a device."""
    root, folder = tmp_path / "project", tmp_path / "env"
    (root / sets.FOLDER).mkdir(parents=True)
    (root / "pyproject.toml").write_text("[project]\n")
    for name, text in LOCKS.items():
        (root / sets.FOLDER / name).write_text(text.format(HASH))
    made(folder)
    mode(tmp_path, "well")
    monkeypatch.setattr(sets, "device", lambda: False)
    monkeypatch.setattr(sets, "supported", lambda version: True)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(installing, "make", lambda into, reason: made(into.folder))
    monkeypatch.delenv(sets.CHOICE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Installation(folder, root, "virtualenv", sys.executable, "3.11")


def made(folder: Path) -> None:
    """Put an empty environment, with the stand-in, in a folder's into."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").write_text(PYTHON)
    (folder / "bin" / "python").chmod(0o755)


def mode(tmp_path: Path, text: str) -> None:
    (tmp_path / "mode").write_text(text)


def calls(tmp_path: Path) -> list[str]:
    """Return what the stand-in was asked for since the last call of this."""
    path = tmp_path / "calls"
    found = path.read_text().splitlines() if path.exists() else []
    path.write_text("")
    return found


ALL_CPU = ["torch 2.0+cpu", "numpy 1", "pytest 8", "project"]


def test_the_set_without_cuda_is_taken_where_there_is_no_device(
    into: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(into, goldens=True) is sets.CPU
    assert calls(tmp_path) == ALL_CPU
    assert sets.installed(into.root, into.folder) is sets.CPU
    first, *_, last = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "environment: installing the set without CUDA, as there is no NVIDIA device (REPRO_TORCH=auto)"
    )
    assert last.startswith("environment: installed the set without CUDA in ")
    assert install(into, goldens=True) is sets.CPU
    assert calls(tmp_path) == []


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("absent", "the package index has no build of torch for the CPU"),
        ("mismatch", "the package index's build of torch for the CPU is not the one that was pinned"),
    ],
)
def test_where_that_cannot_be_had_what_is_not_loaded_is_left_out(
    into: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str], fate: str, reason: str
) -> None:
    mode(tmp_path, fate)
    assert install(into, goldens=True) is sets.TRIMMED
    assert calls(tmp_path) == ["torch 2.0", "nvidia-x 1", "numpy 1", "pytest 8", "project"]
    assert f"as there is no NVIDIA device and {reason} (REPRO_TORCH=auto)" in capsys.readouterr().err
    assert install(into, goldens=True) is sets.TRIMMED


def test_a_network_that_fails_is_no_reason_to_take_another_set(into: Installation, tmp_path: Path) -> None:
    mode(tmp_path, "offline")
    with pytest.raises(
        InfrastructureError, match=r"torch: the installer ended with 1: ERROR: the connection was cut; "
    ):
        install(into, goldens=True)
    assert sets.installed(into.root, into.folder) is None
    mode(tmp_path, "well")
    assert install(into, goldens=True) is sets.CPU


def test_a_file_that_is_not_the_locked_one_ends_it(
    into: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mode(tmp_path, "mismatch")
    monkeypatch.setattr(sets, "candidates", lambda version, goldens: ((sets.CPU,), "of the test"))
    with pytest.raises(IntegrityError, match="torch: a file is not the one whose hash the lock holds"):
        install(into, goldens=True)


def test_an_environment_with_cuda_stays_unless_another_is_named(
    into: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sets.CHOICE, "cuda")
    assert install(into, goldens=True) is sets.GOLDENS
    calls(tmp_path)
    monkeypatch.setenv(sets.CHOICE, "auto")
    assert install(into, goldens=True) is sets.GOLDENS
    assert calls(tmp_path) == []
    (into.root / "pyproject.toml").write_text("[project]\nversion = '2'\n")
    assert install(into, goldens=True) is sets.GOLDENS
    assert calls(tmp_path) == ["project"]
    monkeypatch.setenv(sets.CHOICE, "cpu")
    assert install(into, goldens=True) is sets.CPU
    assert calls(tmp_path) == ALL_CPU  # in an environment that was made anew
    assert "nvidia_x-1.dist-info" not in [record.name for record in installing.records(into.folder)]


def test_a_device_that_came_later_brings_cuda(into: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    assert install(into, goldens=True) is sets.CPU
    monkeypatch.setattr(sets, "device", lambda: True)
    assert install(into, goldens=True) is sets.GOLDENS


def test_an_edited_pin_is_installed_again(into: Installation, tmp_path: Path) -> None:
    install(into, goldens=True)
    calls(tmp_path)
    path = into.root / sets.FOLDER / "cpu.txt"
    path.write_text(path.read_text().replace("numpy==1", "numpy==2"))
    tools = path.with_name("universal-tools.txt")
    tools.write_text(tools.read_text().replace("numpy==1", "numpy==2"))
    install(into, goldens=True)
    assert calls(tmp_path) == ["numpy 2", "project"]


# What was cut off

RUN = """
import sys
from pathlib import Path
from repro.machine import growth, installing, sets
sets.device = lambda: False
growth.EVERY_SECONDS = 0.05
installing.make = lambda into, reason: sys.exit("made anew")
folder, root = map(Path, sys.argv[1:])
into = installing.Installation(folder, root, "virtualenv", sys.executable, "3.11")
installing.main.__globals__["Installation"] = lambda *_: into
sys.exit(installing.main([str(folder), "--goldens"]))
"""


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [("torch", signal.SIGINT, 130), ("numpy", signal.SIGINT, 130), ("numpy", signal.SIGTERM, 143)],
)
def test_what_was_cut_off_goes_on(
    into: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, number: signal.Signals, code: int
) -> None:
    mode(tmp_path, f"halt {name}")
    line = [sys.executable, "-c", RUN, str(into.folder), str(into.root)]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / "halted").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)  # to it alone: what it started has to end with it
    said = process.communicate()[1]
    assert process.returncode == code, said
    assert ("environment: cut off; the same command goes on from here" in said) is (number is signal.SIGINT)
    assert sets.installed(into.root, into.folder) is None
    before = calls(tmp_path)
    mode(tmp_path, "well")
    assert install(into, goldens=True) is sets.CPU
    assert "environment: going on with the set without CUDA" in capsys.readouterr().err
    again = calls(tmp_path)
    assert before[-1] == again[0]  # what was half there, and nothing that was whole
    assert sorted({*before, *again}) == sorted(ALL_CPU)
    assert len(before) + len(again) == len(ALL_CPU) + 1
    assert list(installing.broken(into.folder)) == []


def test_a_set_that_was_begun_is_gone_on_with(into: Installation, tmp_path: Path) -> None:
    """Those before it could not be had; and an environment that is to hold another set is made anew."""
    mode(tmp_path, "absent")
    install(into, goldens=True)
    calls(tmp_path)
    (into.folder / installing.UNFINISHED).write_text("trimmed\n")
    mode(tmp_path, "well")
    assert install(into, goldens=True) is sets.TRIMMED
    assert calls(tmp_path) == ["project"]


@pytest.mark.parametrize(
    ("python", "reason"),
    [
        (None, "it has no Python"),
        ("#!/bin/sh\nexit 1\n", "its Python does not start"),
        ("#!/bin/sh\necho 3.10\n", "it holds Python 3.10, and 3.11 is wanted"),
    ],
)
def test_an_environment_without_its_python_is_made_anew(
    into: Installation, monkeypatch: pytest.MonkeyPatch, python: str | None, reason: str
) -> None:
    """As one is whose making was cut off."""
    into.python.unlink()
    if python:
        into.python.write_text(python)
        into.python.chmod(0o755)
    reasons = []
    monkeypatch.setattr(installing, "make", lambda into, reason: reasons.append(reason) or made(into.folder))
    assert install(into, goldens=True) is sets.CPU
    assert reasons == [reason]


def test_an_installation_that_lost_its_python_is_made_anew(into: Installation, tmp_path: Path) -> None:
    install(into, goldens=True)
    calls(tmp_path)
    into.python.unlink()
    assert install(into, goldens=True) is sets.CPU
    assert calls(tmp_path) == ALL_CPU


def test_an_environment_is_made_of_the_python_that_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("virtualenv", reason="the environments are made by it, or by uv")
    version = "{}.{}".format(*sys.version_info)
    into = Installation(tmp_path / "env", tmp_path, "virtualenv", sys.executable, version)
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "left over").touch()
    installing.make(into, "of the test")
    assert installing.unfit(into) == ""
    assert not (tmp_path / "env" / "left over").exists()
    assert capsys.readouterr().err == "environment: making env anew: of the test\n"
    nowhere = Installation(tmp_path / "env", tmp_path, "virtualenv", "python-of-nobody", version)
    with pytest.raises(InfrastructureError, match=r"env: cannot be made \(.*python-of-nobody"):
        installing.make(nowhere, "of the test")


@pytest.mark.parametrize("damage", ["no list", "gone", "cut"])
def test_a_package_that_is_not_whole_is_seen(tmp_path: Path, damage: str) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in ("whole", "half"):
        (site / f"{name}-1.dist-info").mkdir(parents=True)
        (site / f"{name}.py").write_text("x = 1")
        (site / f"{name}-1.dist-info" / "RECORD").write_text(f'{name}.py,sha256=x,5\n"{name}-1.dist-info/RECORD",,\n')
    assert list(installing.broken(tmp_path)) == []
    if damage == "no list":
        (site / "half-1.dist-info" / "RECORD").unlink()
    elif damage == "gone":
        (site / "half.py").unlink()
    else:
        (site / "half.py").write_text("x =")
    assert [record.name for record in installing.broken(tmp_path)] == ["half-1.dist-info"]


def test_a_second_installation_says_that_it_waits(
    into: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    holder = "import sys, time; from repro.machine import cache; from pathlib import Path\n"
    holder += "with cache.alone(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    line = [sys.executable, "-c", holder, str(into.folder)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert cache.busy(into.folder)
        process.communicate()
    assert not cache.busy(into.folder)
    install(into, goldens=True)
    assert "waiting" not in capsys.readouterr().err
    monkeypatch.setattr(cache, "busy", lambda path: True)
    install(into, goldens=True)
    assert capsys.readouterr().err == "environment: another installation goes on here; waiting for its end\n"


# How long it takes


def test_the_last_installation_says_how_long_the_next_one_takes(
    into: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert installing.costs(sets.CPU) == f": {sets.CPU.sizes}"
    installing.keep_rate(sets.CPU, 100.0)
    assert installing.costs(sets.GOLDENS) == (
        f": {sets.GOLDENS.sizes}, about {100 * sets.GOLDENS.disk / sets.CPU.disk:.0f} s by the last installation here"
    )
    assert installing.costs(sets.RANGES) == ""
    kept = (cache.folder() or Path()) / installing.RATE
    for text in ("", "[]", "{}", json.dumps({"megabytes_a_second": None})):
        kept.write_text(text)
        assert installing.kept_rate() == 0.0


def test_only_a_whole_installation_is_timed(
    into: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (into.folder / installing.UNFINISHED).write_text("cpu\n")
    install(into, goldens=True)
    rate = installing.kept_rate()
    assert rate > 0
    (into.root / "pyproject.toml").write_text("# edited\n")
    install(into, goldens=True)
    assert installing.kept_rate() == rate


def test_uv_is_called_with_the_same_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into = Installation(tmp_path / "env", tmp_path, "uv", sys.executable, "3.11")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    with pytest.raises(InfrastructureError, match="nox uses uv, which is not on PATH"):
        installing.uv()
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)
    assert into.line == [str(tmp_path / "uv"), "pip", "install", "--python", str(into.python)]
    assert into.variables()["UV_SYSTEM_CERTS"] == os.environ.get("UV_SYSTEM_CERTS", "1")


def test_what_commands_import_is_compiled_whatever_the_shell_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "env" / "bin" / "python").chmod(0o755)
    (tmp_path / "there.py").write_text("import beside\n")
    (tmp_path / "beside.py").write_text("")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(installing, "IMPORTED", ("there", "nowhere.at.all"))
    into = Installation(tmp_path / "env", tmp_path, "virtualenv", sys.executable, "3.11")
    with growth.Growth(into.folder, 0, tmp_path / "log") as shown:
        installing.warm(into, shown)
        assert {path.name.partition(".")[0] for path in tmp_path.glob("__pycache__/*")} == {"there", "beside"}
        (tmp_path / "beside.py").write_text("raise OSError('libnone.so: cannot be opened')")
        with pytest.raises(InfrastructureError, match=r"cannot be imported: .*libnone\.so"):
            installing.warm(into, shown)


def test_costs_are_said_of_a_new_environment_that_holds_a_package_of_the_set(
    into: Installation, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (into.folder / "lib" / "python3.11" / "site-packages" / "pytest-8.dist-info").mkdir(parents=True)
    install(into, goldens=True)
    assert "0.4 GB to fetch, 1.4 GB on disk" in capfd.readouterr().err
