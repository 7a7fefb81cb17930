"""The log of blessings: who made what golden, why, and from what; each line holds the hash of the one before.

A golden counts only while it is what the newest line about it says, and the log only while its chain holds and it
continues the committed one. Lines are added at the end, never changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from repro.errors import IntegrityError, UsageError
from repro.golden import stored
from repro.golden.stored import Golden, bands_path, read_record, twin_path
from repro.machine import files, git
from repro.machine.reads import by_a_door
from repro.runs import table
from repro.runs.provenance import environment_id
from repro.runs.rows import digest

NAME = "log.jsonl"
FIELDS = ("number", "previous", "when", "who", "reason", "what", "commits", "images", "rows", "before", "after")
HASHED = re.compile("[0-9a-f]{16}")  # the name of an environment that was collected, made from its record
FIRST = "0" * 64  # what the first line names as the hash of the one before
RESTORE = "restore it from version control"
OR_BLESS = "or bless again if a bless was cut short"
VERDICTS = "audit"  # what the blessed verdicts are called here, as a golden is STUDY/PROFILE

Entry = dict[str, Any]
State = Mapping[str, str]  # the hashes of a golden's parts: rows, bands (not of the audit's verdicts) and twin


def path_of(root: Path) -> Path:
    """Return where the log lies below a project's root."""
    return root / "golden" / NAME


# Reading


def read(path: Path) -> list[Entry]:
    """Return the entries, oldest first, [] where there is no log. Raise IntegrityError where the chain is broken."""
    return parse(_bytes(path), str(path)) if files.there(path) else []


def _bytes(path: Path) -> bytes:
    return files.read(path, "log of blessings", RESTORE)


def parse(content: bytes, where: str) -> list[Entry]:
    """Return the entries of a log's bytes. Raise IntegrityError for the first line that cannot stand where it does."""
    entries: list[Entry] = []
    previous = FIRST
    *lines, rest = content.split(b"\n")
    if rest:
        raise IntegrityError(f"{where}:{len(lines) + 1}: the last line has no end; {RESTORE}")
    for number, line in enumerate(lines, 1):
        entry = entry_of(line)
        if entry is None:
            raise IntegrityError(f"{where}:{number}: no entry of this log, or not written as one; {RESTORE}")
        if entry["number"] != number or entry["previous"] != previous:
            raise IntegrityError(
                f"{where}:{number}: does not follow the line before it (one was changed, removed or moved); {RESTORE}"
            )
        entries.append(entry)
        previous = hashlib.sha256(line).hexdigest()
    return entries


def entry_of(line: bytes) -> Entry | None:
    """Return the entry that a line is, None where it is none or is written in another way than `written` would."""
    try:
        entry = json.loads(line)
        whole = isinstance(entry, dict) and set(entry) == set(FIELDS)
        return entry if whole and written(entry) == line else None
    except (ValueError, RecursionError):  # not JSON, not UTF-8, no number, nested without end
        return None


def written(entry: Entry) -> bytes:
    """Return the one line that an entry is written as, without its end."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def newest(entries: Sequence[Entry], what: str) -> Entry | None:
    """Return the newest entry about a golden, None where there is none."""
    return next((entry for entry in reversed(entries) if entry["what"] == what), None)


# What is held to it


def names_of(root: Path, *files: Path) -> tuple[str, ...]:
    """Return what blessed files follow from, by the names of `repro.runs.unchanged`: they, and the log.

    What is committed of the log counts too: a log must continue it.
    """
    names = (f"file:{os.path.abspath(path)}" for path in (*files, path_of(root)))
    return (*names, f"committed:{path_of(root).relative_to(root).as_posix()}")


def parts(root: Path, study: str, profile: str) -> tuple[Path, ...]:
    """Return the files of a golden."""
    path = stored.path_of(root, study, profile)
    return path, bands_path(path), twin_path(path)


def hold(root: Path, what: str, now: State) -> None:
    """Raise IntegrityError unless the log is whole, continues the committed one, and its newest entry says `now`."""
    path = path_of(root)
    entries = read(path)
    held_to_commit(root, path)
    entry = newest(entries, what)
    if entry is None:
        verb = "audit --bless" if what == VERDICTS else "bless"
        raise IntegrityError(f"{path}: no blessing of {what}; restore the log, or bless again with `repro {verb}`")
    wrong = [part for part in sorted({*entry["after"], *now}) if entry["after"].get(part) != now.get(part)]
    if wrong:
        raise IntegrityError(
            f"golden of {what}: its {', '.join(wrong)} are not what was blessed in line {entry['number']} of {path}; "
            f"restore golden/ from version control, {OR_BLESS}"
        )


def held_to_commit(root: Path, path: Path) -> None:
    """Raise IntegrityError where the log does not begin with what is committed of it; without git nothing is said."""
    content = _bytes(path) if files.there(path) else b""
    if not content.startswith(_committed(root).encode()):
        raise IntegrityError(f"{path}: does not continue the committed log (lines at its end were dropped); {RESTORE}")


def _committed(root: Path) -> str:
    return git.committed(root, path_of(root).relative_to(root).as_posix())


def refuse_gone(root: Path, study: str, profile: str) -> None:
    """Raise IntegrityError where rows or bands of a golden that was whole are gone: the log names it, or a commit does.

    One of which nothing is left is retired where a commit took it out: HEAD has none of its files, and the log keeps
    its lines. Half of one is left by a first bless that was cut short, too: nobody knows of it, and it can be blessed.
    """
    path = stored.path_of(root, study, profile)
    half = stored.missing_half(path)
    if half is None and path.exists():
        return
    held_to_commit(root, path_of(root))
    line = line_of(root, study, profile)
    names = [one.relative_to(root).as_posix() for one in parts(root, study, profile)]
    if (half and line) or git.is_committed(root, *names):
        what = "missing half of a golden, which was" if half else "no such golden, and one was"
        raise IntegrityError(f"{half or path}: {what} blessed before; {RESTORE}")
    if line and line > _committed(root).count("\n") and git.is_committed(root, "."):
        raise IntegrityError(
            f"{path}: no such golden, and line {line} of the log, which is not committed, blessed one; set golden/ "
            "back to what is committed, and bless again"
        )


def line_of(root: Path, study: str, profile: str) -> int | None:
    """Return the number of the newest line about a golden, None where none was blessed."""
    entry = newest(read(path_of(root)), f"{study}/{profile}")
    return int(entry["number"]) if entry else None


def there(root: Path, study: str, profile: str) -> bool:
    """Say whether a profile has a golden. Raise IntegrityError where it is gone."""
    with by_a_door(*names_of(root, *parts(root, study, profile))):
        refuse_gone(root, study, profile)
        return stored.path_of(root, study, profile).exists()


def state_of(golden: Path) -> dict[str, str]:
    """Return the hashes of a golden as its bands record them, which the check of the rows holds to what is there."""
    record = read_record(bands_path(golden))
    found = {part: str(record.get(f"{part}_digest", "")) for part in ("rows", "bands")}
    return {**found, "twin": hash_of(twin_path(golden))}


def verdicts_state(golden: Path, verdicts: Any) -> dict[str, str]:
    """Return the hashes of the blessed verdicts, a table, and of their twin."""
    return {"rows": digest(verdicts), "twin": hash_of(twin_path(golden))}


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, an empty text where there is none."""
    return hashlib.sha256(files.read(path, "golden's part", RESTORE)).hexdigest() if files.there(path) else ""


# Blessed rows: the one door to them


def blessed(root: Path, study: str, profile: str) -> Golden:
    """Return a profile's golden, surely the one that was blessed: every reader of golden rows comes through here.

    Rows, bands and twin have the hashes that the newest line of the log names; what the files say of themselves is what
    the twin says; each environment's record is the one that its name was made from. Raise CannotCompareError where
    there is no golden, IntegrityError where it is not what was blessed, or gone.
    """
    with by_a_door(*names_of(root, *parts(root, study, profile))):
        return _blessed(root, study, profile)


def _blessed(root: Path, study: str, profile: str) -> Golden:
    path = stored.path_of(root, study, profile)
    refuse_gone(root, study, profile)
    golden = stored.load(path)
    rows, bands = table.digest_as_read(golden.rows), table.digest_as_read(golden.bands)
    hold(root, f"{study}/{profile}", {"rows": rows, "bands": bands, "twin": hash_of(twin_path(path))})
    record, own = stored.metadata(golden.rows), stored.metadata(golden.bands)
    kept = {name: record.get(name) for name in ("method", "alpha", "minimum_seeds")}
    # The hashes above are of columns and of the twin: metadata is held to the twin, which repeats it in words.
    told = own == {"rows_digest": rows, "bands_digest": bands, **kept}
    if not told or not stored.repeats(twin_path(path), golden):
        raise IntegrityError(f"{path}: what it says of itself is not what was blessed; {RESTORE}, {OR_BLESS}")
    records = table.environments(golden.rows)
    for name in dict.fromkeys(golden.rows["environment"].to_pylist()):
        if HASHED.fullmatch(name) and environment_id(records.get(name, {})) != name:
            raise IntegrityError(f"{path}: the record of environment {name} is not the one that was blessed; {RESTORE}")
    return golden


# Writing


@contextmanager
def adding(root: Path) -> Iterator[list[Entry]]:
    """Hold the log alone, waiting for another blessing to end, and yield its entries; it must be whole."""
    path = path_of(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        entries = read(path)
        held_to_commit(root, path)
        yield entries


def add(root: Path, entries: Sequence[Entry], about: Mapping[str, Any], *, before: State | None, after: State) -> Entry:
    """Append an entry, to be called within `adding`; it is on disk when this returns.

    `about` holds when, who, reason, what, commits, images and rows.
    """
    previous = hashlib.sha256(written(entries[-1])).hexdigest() if entries else FIRST
    chain = {"number": len(entries) + 1, "previous": previous}
    entry = {**about, **chain, "before": dict(before) if before else None, "after": dict(after)}
    assert set(entry) == set(FIELDS)
    with path_of(root).open("ab") as file:
        file.write(written(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def who(root: Path) -> str:
    """Return whom git would name as the author, "Name <mail>". Raise UsageError where it knows nobody."""
    found = git.committer(root)
    if not found:
        raise UsageError("git knows nobody to enter in the log; set user.name and user.email with `git config`")
    return found


def images_of(records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the tree hashes of the images that environments name, sorted; [] for rows made outside of containers."""
    images = (record.get("image") for record in records.values())
    return sorted({image["tree"] for image in images if isinstance(image, Mapping) and image.get("tree")})
