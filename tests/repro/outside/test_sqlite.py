"""Databases of other tools are read without a trace, with what stands beside them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro.errors import InfrastructureError, IntegrityError
from repro.outside import sqlite

QUERY = "SELECT value FROM numbers ORDER BY value"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a ?#%.db"
    connection = sqlite3.connect(found)
    connection.execute("CREATE TABLE numbers (value)")
    connection.execute("INSERT INTO numbers VALUES (1)")
    connection.commit()
    connection.close()
    return found


def numbers(path: Path) -> list[int]:
    with sqlite.opened(path) as database:
        return [value for (value,) in sqlite.select(database, path, QUERY)]


def contents(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


@contextlib.contextmanager
def writing(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Open a database as a tool does that is at work."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    yield connection
    connection.close()


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_reading_leaves_everything_as_it_was(path: Path, mode: str) -> None:
    with writing(path, mode):
        pass
    before = contents(path.parent)
    assert numbers(path) == [1]
    assert contents(path.parent) == before


def test_what_is_in_the_log_only_is_read_and_the_log_stays(path: Path) -> None:
    with writing(path, "wal") as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("INSERT INTO numbers VALUES (2)")
        before = contents(path.parent)
        assert numbers(path) == [1, 2]
        assert contents(path.parent) == before


def test_a_change_that_broke_off_is_not_read_and_its_journal_stays(path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    with writing(path, "delete") as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO numbers VALUES (?)", [("x" * 4000,) for _ in range(50)])
        connection.execute("PRAGMA cache_spill = 1")
        for one in path.parent.glob(f"{path.name}*"):
            (broken / one.name).write_bytes(one.read_bytes())
        connection.execute("ROLLBACK")
    copy = broken / path.name
    before = contents(broken)
    assert f"{path.name}-journal" in before
    assert numbers(copy) == [1]
    assert contents(broken) == before


def test_a_locked_database_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "WAIT", 0.0)
    with writing(path, "delete") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InfrastructureError, match="the database is locked; wait until nobody writes to it"):
            numbers(path)


def test_half_a_page_too_short_is_said_since_sqlite_reads_zeros_there(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in range(2, 5000)])
    connection.commit()
    connection.close()
    content = path.read_bytes()
    for missing in (1, 100, 4095, 4096, 8000):
        path.write_bytes(content[:-missing])
        with pytest.raises(IntegrityError, match=f"cut short .{len(content) - missing} bytes of {len(content)}"):
            numbers(path)
    path.write_bytes(content)
    assert len(numbers(path)) == 4999


@pytest.mark.parametrize("content", [b"", b"no database", sqlite.MAGIC + b"\xff" * 2000])
def test_what_is_no_database_is_one_line(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"the database is (damaged|not as expected|cut short)"):
        numbers(path)


def test_a_file_that_may_not_be_read_is_one_line(path: Path) -> None:
    if os.getuid() == 0:
        pytest.skip("root may read everything")
    path.chmod(0)
    with pytest.raises(InfrastructureError, match="cannot be read"):
        numbers(path)
