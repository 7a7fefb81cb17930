"""The verdicts that were blessed: what an audit is held to, so that no verdict changes unseen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repro import table
from repro.errors import IntegrityError, UsageError
from repro.verdicts import VERDICTS

SCHEMA = pa.schema([(name, pa.string()) for name in ("study", "id", "published", "verdict")])
BLOCK = ("<!-- verdicts -->", "<!-- /verdicts -->")  # a page's place for the counts of blessed verdicts
RECORD = b"repro.audit"  # metadata: reason, when, commit of the last bless

Records = Sequence[Mapping[str, Any]]


def path_of(root: Path) -> Path:
    """Return where the blessed verdicts lie below a project's root; their twin as text lies beside them."""
    return root / "golden" / "audit.parquet"


def rows_of(records: Records) -> list[dict[str, str]]:
    """Return what is kept of an audit's records, by study and id."""
    rows = [
        {"study": one["study"], "id": one["id"], "published": "; ".join(one["published"]), "verdict": one["verdict"]}
        for one in records
    ]
    return sorted(rows, key=lambda row: (row["study"], row["id"]))


def read(path: Path) -> list[dict[str, str]]:
    """Return the blessed verdicts, [] where there are none yet. Raise IntegrityError for a file that is none."""
    rows: list[dict[str, str]] = table_of(path).to_pylist() if path.exists() else []
    return rows


def table_of(path: Path) -> pa.Table:
    """Return the table of blessed verdicts. Raise IntegrityError for a file that is none."""
    try:
        with pq.ParquetFile(path) as file:
            table.check_schema(file.schema_arrow, path, SCHEMA)
            return file.read()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"{path}: not a readable table of verdicts ({reason}); restore it") from error


def changes(path: Path, records: Records, *, studies: Sequence[str], whole: bool) -> list[str]:
    """Return a line for each verdict that is not the blessed one, and for each claim that came or went.

    Only the `studies` are compared; claims that went are looked for only in a `whole` audit.
    """
    blessed = {(row["study"], row["id"]): row for row in read(path) if row["study"] in studies}
    now = {(row["study"], row["id"]): row for row in rows_of(records)}
    lines = []
    for (study, name), row in now.items():
        before = blessed.get((study, name))
        if before is None:
            lines.append(f"new      {study} {name}: {row['verdict']}; bless it to hold later audits to it")
        elif before["verdict"] != row["verdict"]:
            lines.append(f"changed  {study} {name}: was {before['verdict']}, is {row['verdict']}")
        elif before["published"] != row["published"]:
            lines.append(f"changed  {study} {name}: was published as {before['published']}, is {row['published']}")
    if whole:
        lines += [
            f"gone     {study} {name}: was {blessed[study, name]['verdict']}" for study, name in blessed.keys() - now
        ]
    return sorted(lines)


def assemble(path: Path, records: Records, *, studies: Sequence[str], about: Mapping[str, str]) -> pa.Table:
    """Return the table to bless: these studies' verdicts anew, those of other studies as they were."""
    kept = [row for row in read(path) if row["study"] not in studies]
    rows = sorted([*kept, *rows_of(records)], key=lambda row: (row["study"], row["id"]))
    return pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata({RECORD: json.dumps(dict(about)).encode()})


def twin(verdicts: pa.Table) -> str:
    """Return the verdicts as text, so that a reviewer sees what a bless changes."""
    about = json.loads((verdicts.schema.metadata or {})[RECORD])
    head = ["# Blessed verdicts", "", f"Reason: {about['reason']}", "", f"Blessed {about['when']}.", ""]
    rows = [f"| {row['study']} | {row['id']} | {row['verdict']} |" for row in verdicts.to_pylist()]
    return "\n".join([*head, "| study | claim | verdict |", "| --- | --- | --- |", *rows, ""])


def counts(path: Path) -> list[str]:
    """Return how many blessed claims each document has of each verdict, as the lines of a Markdown table."""
    rows = read(path)
    found = {
        study: Counter(row["verdict"] for row in rows if row["study"] == study)
        for study in sorted({row["study"] for row in rows})
    }
    lines = [("document", *VERDICTS, "claims"), ("---", *["--:"] * (len(VERDICTS) + 1))]
    lines += [
        (study, *(str(each[verdict]) for verdict in VERDICTS), str(each.total())) for study, each in found.items()
    ]
    total = sum(found.values(), Counter[str]())
    lines.append(("all", *(str(total[verdict]) for verdict in VERDICTS), str(total.total())))
    return [f"| {' | '.join(line)} |" for line in lines]


def with_counts(text: str, path: Path, page: str) -> str:
    """Return a page's text with its block of verdicts made anew. Raise UsageError for a page without exactly one."""
    start, end = BLOCK
    if text.count(start) != 1 or text.count(end) != 1 or text.index(end) < text.index(start):
        raise UsageError(
            f"{page}: wanted one block {start} ... {end}, each on a line of its own; write it where it belongs"
        )
    before, _, rest = text.partition(start)
    return before + start + "\n" + "\n".join(counts(path)) + "\n" + end + rest.partition(end)[2]
