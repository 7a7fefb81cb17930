"""What code reads is noticed, whichever way Python opens it, and looked at before it is read."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from repro.machine import reads


def look(name: str) -> str:
    path = Path(name.partition(":")[2])
    return path.read_text() if path.is_file() else ""


@pytest.fixture
def heard() -> reads.Reads:
    return reads.Reads(look, [sys.prefix, sys.base_prefix])


def by_number(path: Path) -> object:
    handle = os.open(path, os.O_RDONLY)
    os.close(handle)
    return None


@pytest.mark.parametrize(
    "read", [Path.read_text, lambda path: path.open("rb").close(), by_number, lambda path: path.open("r+").close()]
)
def test_a_file_that_is_opened_is_what_it_was_before(
    read: Callable[[Path], object], heard: reads.Reads, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with reads.recorded(heard):
        read(path)
        path.write_text("after")
    assert heard.opened == {f"file:{path}": "before"}


def test_a_file_that_is_not_there_is_noticed(heard: reads.Reads, tmp_path: Path) -> None:
    with reads.recorded(heard), pytest.raises(FileNotFoundError):
        (tmp_path / "a.txt").read_text()
    assert heard.opened == {f"file:{tmp_path / 'a.txt'}": ""}


@pytest.mark.parametrize("names", [os.listdir, lambda path: list(os.scandir(path)), lambda path: list(path.glob("*"))])
def test_a_folder_that_is_listed_is_noticed(
    names: Callable[[Path], object], heard: reads.Reads, tmp_path: Path
) -> None:
    with reads.recorded(heard):
        names(tmp_path)
    assert set(heard.opened) == {f"listing:{tmp_path}"}


def test_the_folder_that_is_worked_in_is_listed_without_a_name(
    heard: reads.Reads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # where imports look as well
    with reads.recorded(heard):
        os.listdir()
    assert set(heard.opened) == {f"listing:{tmp_path}"}


def test_writing_is_not_reading(heard: reads.Reads, tmp_path: Path) -> None:
    with reads.recorded(heard):
        (tmp_path / "b.txt").write_text("b")
    assert heard.opened == {}


@pytest.mark.parametrize("compiled", [False, True])
def test_code_that_is_imported_is_read_unless_it_was_followed(
    compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled code is that of its source."""
    names = [f"imported_{compiled}", f"followed_{compiled}"]
    for name in names:
        (tmp_path / f"{name}.py").write_text("HERE = 1\n")
        if compiled:
            py_compile.compile(str(tmp_path / f"{name}.py"))
    monkeypatch.syspath_prepend(tmp_path)
    heard = reads.Reads(look, [sys.prefix, sys.base_prefix], lambda path: path.endswith(f"followed_{compiled}.py"))
    with reads.recorded(heard):
        for name in names:
            __import__(name)
    assert set(heard.opened) == {f"file:{tmp_path / names[0]}.py"}


def test_what_one_thread_looks_at_hides_nothing_that_another_opens(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.txt" for number in range(16)]
    for path in paths:
        path.write_text("a")

    def slow(name: str) -> str:
        time.sleep(0.01)
        return look(name)

    heard = reads.Reads(slow, [sys.prefix, sys.base_prefix])
    with reads.recorded(heard), ThreadPoolExecutor(8) as pool:
        list(pool.map(Path.read_text, paths))
    assert set(heard.opened) == {f"file:{path}" for path in paths}


@pytest.mark.parametrize("event", ["os.fork", "sqlite3.connect", "os.system", "socket.connect"])
def test_what_nothing_is_heard_of_is_strange(event: str, heard: reads.Reads) -> None:
    with reads.recorded(heard):
        sys.audit(event)
    assert heard.strange == {event}


def test_processes_that_are_spawned_are_strange(heard: reads.Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in reads.SPAWNERS:
        monkeypatch.delitem(sys.modules, name, raising=False)
    heard = reads.Reads(look)
    assert not heard.spawned
    monkeypatch.setitem(sys.modules, min(reads.SPAWNERS), sys)
    assert heard.spawned


def test_another_program_is_strange_and_a_library_that_is_looked_up_is_not(heard: reads.Reads) -> None:
    with reads.recorded(heard):
        sys.audit("subprocess.Popen", "/sbin/ldconfig", ["ldconfig", "-p"], None, None)
        assert heard.strange == set()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert heard.strange == {"subprocess.Popen"}


def test_what_a_door_tells_of_is_not_noticed_twice(heard: reads.Reads, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    with reads.recorded(heard):
        with reads.by_a_door(f"file:{path}"):
            path.read_text()
        reads.about_to_open(tmp_path / "sought.txt")
    assert (set(heard.told), set(heard.opened)) == ({f"file:{path}"}, {f"file:{tmp_path / 'sought.txt'}"})


def test_nothing_is_noticed_before_or_after(heard: reads.Reads, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    with reads.recorded(heard):
        pass
    (tmp_path / "a.txt").read_text()
    reads.about_to_open(tmp_path / "a.txt")
    assert heard.opened == {}
