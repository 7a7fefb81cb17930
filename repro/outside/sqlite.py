"""Databases of SQLite that other tools keep, read without a trace: never written to, nothing left beside them."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from repro.errors import InfrastructureError, IntegrityError
from repro.outside import search

MAGIC = b"SQLite format 3\x00"
SUFFIXES = (".db", ".sqlite", ".sqlite3", ".db3")
BESIDE = ("-wal", "-journal")  # files that hold what is not in the database yet, or not any more
HEADER = 100  # bytes of a database that say how it is laid out
JOURNAL_AT, WAL = 18, 2  # the byte that says how a database keeps what is not in it yet, and a write-ahead log's
WAIT = 2.0  # seconds for whoever is writing
AGAIN = "copy it again while nobody writes to it"

Row = Sequence[Any]


def databases(path: Path, tables: frozenset[str]) -> list[Path]:
    """Return a file, or the files of a folder, that are databases with some tables; those that are damaged, too."""
    if path.is_file():
        return [path] if _has(path, tables) else []
    return [one for one in search.inside(path) if one.suffix in SUFFIXES and one.is_file() and _has(one, tables)]


def _has(path: Path, tables: frozenset[str]) -> bool:
    """Say whether a file is a database with some tables, as the text of its schema has them."""
    head = search.head(path)
    if not head.startswith(MAGIC):
        return False
    try:
        with opened(path) as database:
            return tables <= {name for (name,) in select(database, path, "SELECT name FROM sqlite_master")}
    except (IntegrityError, InfrastructureError):  # it is read, and that says what is wrong with it
        return all(f"CREATE TABLE {name} ".encode() in head.replace(b'"', b"") for name in tables)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database to read it. Raise IntegrityError where it is none, InfrastructureError where it is locked.

    Where something beside it belongs to it, as while a tool runs or after one broke off, a copy of all is read: SQLite
    would write to the file to put it right.
    """
    beside = [one for one in (path.with_name(path.name + end) for end in BESIDE) if one.is_file()]
    with contextlib.ExitStack() as stack:
        try:
            if beside:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                for one in (path, *beside):
                    shutil.copyfile(one, folder / one.name)
                how = f"file:{quote(str(folder / path.name))}"
            else:
                _hold_whole(path)
                # A write-ahead log that is not there is not made: nobody has the database open.
                how = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if _logs_ahead(path) else ''}"
            database = stack.enter_context(contextlib.closing(sqlite3.connect(how, uri=True, timeout=WAIT)))
        except OSError as error:
            raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error
        except sqlite3.Error as error:
            raise InfrastructureError(f"{path}: cannot be opened ({error}); {AGAIN}") from error
        yield database


def _hold_whole(path: Path) -> None:
    """Raise IntegrityError for a database that is shorter than it says: SQLite reads zeros for half a page at its end.

    The places of its header: https://www.sqlite.org/fileformat2.html#the_database_header.
    """
    head = search.head(path)
    if len(head) < HEADER or not head.startswith(MAGIC):
        return  # nothing that SQLite would open
    size, pages, changed, counted_at = (
        int.from_bytes(head[one:end]) for one, end in ((16, 18), (28, 32), (24, 28), (92, 96))
    )
    page = 1 << 16 if size == 1 else size
    wanted = page * pages if pages and changed == counted_at else page
    found = path.stat().st_size
    if found < wanted or found % max(page, 1):
        raise IntegrityError(f"{path}: the database is cut short ({found} bytes of {wanted}); {AGAIN}")


def _logs_ahead(path: Path) -> bool:
    """Say whether a database is of the kind that keeps a write-ahead log."""
    return search.head(path)[JOURNAL_AT : JOURNAL_AT + 1] == bytes([WAL])


def select(database: sqlite3.Connection, path: Path, query: str, remedy: str = AGAIN) -> list[Row]:
    """Return the rows of a query. Raise IntegrityError where the database cannot answer it, with what helps."""
    try:
        return database.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise InfrastructureError(f"{path}: the database is locked; wait until nobody writes to it") from error
        raise IntegrityError(f"{path}: the database is not as expected ({error}); {remedy}") from error
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the second of a message about a text that is none
        raise IntegrityError(f"{path}: the database is damaged ({error}); {AGAIN}") from error
