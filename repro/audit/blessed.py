"""The verdicts that were blessed: what an audit is held to, so that no verdict changes unseen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from repro.audit.changes import Records, kept_of
from repro.audit.verdicts import ERROR
from repro.errors import IntegrityError, UsageError
from repro.golden import log
from repro.golden.stored import twin_path
from repro.machine import git
from repro.machine.reads import by_a_door
from repro.machine.terminal import markdown
from repro.runs import table

SCHEMA = pa.schema([(name, pa.string()) for name in ("study", "id", "published", "verdict")])
RECORD = b"repro.audit"  # metadata: reason, when, commit of the last bless


def path_of(root: Path) -> Path:
    """Return where the blessed verdicts lie below a project's root; their twin as text lies beside them."""
    return root / "golden" / "audit.parquet"


def read(path: Path) -> list[dict[str, str]]:
    """Return the blessed verdicts, [] where there are none yet. Raise IntegrityError for a file that is none."""
    rows: list[dict[str, str]] = table_of(path).to_pylist() if path.exists() else []
    return rows


def table_of(path: Path) -> pa.Table:
    """Return the table of blessed verdicts. Raise IntegrityError for a file that is none."""
    with table.opened(path, "table of verdicts") as file:
        table.check_schema(file.schema_arrow, path, SCHEMA)
        verdicts = file.read()
        table.hold_seal(verdicts, path)
        return verdicts


def held(root: Path) -> list[dict[str, str]]:
    """Return the blessed verdicts, surely those: every reader of them comes through here; [] where there are none yet.

    Raise IntegrityError where table or twin are not what the log names, or gone, or what the table says of itself is
    not what was blessed.
    """
    path = path_of(root)
    with by_a_door(*log.names_of(root, path, twin_path(path))):
        return _held(root, path)


def _held(root: Path, path: Path) -> list[dict[str, str]]:
    if not path.exists():
        log.held_to_commit(root, log.path_of(root))
        if log.newest(log.read(log.path_of(root)), "audit"):
            raise IntegrityError(f"{path}: no such file, and verdicts were blessed; {log.RESTORE}")
        return []
    verdicts = table_of(path)
    log.hold(root, "audit", log.verdicts_state(path, verdicts))
    try:
        told = twin_path(path).read_text("utf-8") == twin(verdicts)
    except (KeyError, TypeError, ValueError):  # of metadata that are no record of a bless
        told = False
    if not told:
        raise IntegrityError(f"{path}: what it says of itself is not what was blessed; {log.RESTORE}, {log.OR_BLESS}")
    rows: list[dict[str, str]] = verdicts.to_pylist()
    return rows


def assemble(path: Path, records: Records, *, studies: Sequence[str], about: Mapping[str, str]) -> pa.Table:
    """Return the table to bless: these studies' verdicts anew, those of other studies as they were."""
    kept = [row for row in read(path) if row["study"] not in studies]
    rows = sorted([*kept, *kept_of(records)], key=lambda row: (row["study"], row["id"]))
    return pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata({RECORD: json.dumps(dict(about)).encode()})


def twin(verdicts: pa.Table) -> str:
    """Return the verdicts as text, so that a reviewer sees what a bless changes."""
    about = json.loads((verdicts.schema.metadata or {})[RECORD])
    head = ["# Blessed verdicts", "", f"Reason: {about['reason']}", "", f"Blessed {about['when']}.", ""]
    rows = [(row["study"], row["id"], row["verdict"]) for row in verdicts.to_pylist()]
    return "\n".join([*head, *markdown(("study", "claim", "verdict"), rows), ""])


def bless_audit(root: Path, records: Records, *, reason: str, studies: Sequence[str]) -> str:
    """Make the verdicts of these studies the blessed ones, write table, twin and log, and return what was done."""
    if not reason.strip():
        raise UsageError("bless: the reason is empty; say why these verdicts are right, it is kept with them")
    failed = [record for record in records if record["verdict"] == ERROR]
    if failed:
        first = f"{failed[0]['study']} {failed[0]['id']}: {failed[0].get('evidence', '')}"
        raise UsageError(f"bless: {len(failed)} claims could not be judged ({first}); mend them first, nothing written")
    path = path_of(root)
    about = {"reason": reason.strip(), "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    entry = {**about, "who": log.who(root), "what": "audit", "images": [], "commits": [git.commit(root)]}
    with log.adding(root) as entries:
        before = log.verdicts_state(path, table_of(path)) if path.exists() else None
        if not path.exists() or any(row["study"] not in studies for row in read(path)):
            held(root)  # what is kept of other studies is blessed once more: it must be what was blessed before
        verdicts = assemble(path, records, studies=studies, about=about)
        table.write_file(path, verdicts)
        twin_path(path).write_text(twin(verdicts), "utf-8")
        entry |= {"rows": verdicts.num_rows}
        log.add(root, entries, entry, before=before, after=log.verdicts_state(path, verdicts))
    return f"wrote {path}: {verdicts.num_rows} verdicts"
