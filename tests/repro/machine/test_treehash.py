"""The tree hash follows everything an image holds, and nothing that an engine adds."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.machine import treehash
from repro.machine.treehash import entries, mounted, tree_hash

NOTHING: frozenset[str] = frozenset()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "run").write_text("echo 1\n")
    (tmp_path / "bin.d").mkdir()
    (tmp_path / "bin.d" / "__pycache__").mkdir()
    (tmp_path / "bin.d" / "__pycache__" / "a.pyc").write_bytes(b"\x00")
    (tmp_path / "link").symlink_to("bin/run")
    (tmp_path / "to-folder").symlink_to("bin")
    return tmp_path


def test_every_path_is_there_once_and_links_are_not_followed(tree: Path) -> None:
    assert list(entries(str(tree), NOTHING)) == [
        *("/bin", "/bin.d", "/link", "/to-folder"),
        *("/bin/run", "/bin.d/__pycache__", "/bin.d/__pycache__/a.pyc"),
    ]


def rename(tree: Path) -> None:
    (tree / "bin" / "run").rename(tree / "bin" / "ran")


def relink(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("bin/ran")


def link_becomes_file(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").write_text("bin/run")


CHANGES: list[Callable[[Path], object]] = [
    lambda tree: (tree / "bin" / "run").write_text("echo 2\n"),
    lambda tree: (tree / "bin" / "run").chmod(0o700),
    lambda tree: (tree / "bin").chmod(0o700),
    lambda tree: (tree / "bin" / "new").write_text(""),
    lambda tree: (tree / "new").mkdir(),
    lambda tree: (tree / "bin.d" / "__pycache__" / "a.pyc").write_bytes(b"\x01"),
    rename,
    relink,
    link_becomes_file,
]


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_another_hash(tree: Path, change: Callable[[Path], object]) -> None:
    before = tree_hash(str(tree), NOTHING)
    change(tree)
    assert tree_hash(str(tree), NOTHING) != before


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="only root gives files away")
def test_another_owner_is_another_hash(tree: Path) -> None:
    before = tree_hash(str(tree), NOTHING)
    os.chown(tree / "bin" / "run", 1, 1)
    assert tree_hash(str(tree), NOTHING) != before


def test_times_do_not_count(tree: Path) -> None:
    before = tree_hash(str(tree), NOTHING)
    os.utime(tree / "bin" / "run", (1, 1))
    assert tree_hash(f"{tree}/", NOTHING) == before
    assert re.fullmatch(r"[0-9a-f]{64}", before)


def test_what_is_left_out_can_hold_anything(tree: Path) -> None:
    left_out = frozenset(["/bin"])
    before = tree_hash(str(tree), left_out)
    (tree / "bin" / "run").write_text("other")
    assert tree_hash(str(tree), left_out) == before
    (tree / "bin.d" / "other").write_text("")
    assert tree_hash(str(tree), left_out) != before


def test_a_folder_that_cannot_be_read_is_an_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError):
        tree_hash(str(tree), NOTHING)


def test_mount_points_are_read_from_the_kernels_table() -> None:
    table = (
        "21 1 0:20 / / rw - overlay overlay rw\n"
        "22 21 0:21 / /proc rw - proc proc rw\n"
        "23 21 0:22 /x /a\\040place ro - ext4 /dev/sda1 rw\n"
    )
    assert mounted(table) == {"/proc", "/a place"}


def test_it_needs_nothing_but_python() -> None:
    line = [sys.executable, "-I", "-S", "-c", Path(treehash.__file__).read_text().partition("if __name__")[0]]
    assert subprocess.run(line, capture_output=True, check=False).returncode == 0
