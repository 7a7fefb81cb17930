"""What an audit's verdicts are beside the blessed ones: which changed, came and went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from repro.audit.verdicts import ERROR, worded

Records = Sequence[Mapping[str, Any]]


def kept_of(records: Records) -> list[dict[str, str]]:
    """Return what is kept of an audit's records, by study and id."""
    rows = [
        {
            "study": one["study"], "id": one["id"], "published": "; ".join(one["published"]),
            "verdict": worded(one["verdict"], one.get("imported")),
        }
        for one in records
    ]  # fmt: skip
    return sorted(rows, key=lambda row: (row["study"], row["id"]))


def changes(before: Sequence[Mapping[str, str]], records: Records, *, studies: Sequence[str], whole: bool) -> list[str]:
    """Return a line for each verdict that is not the one `before`, and for each claim that came or went.

    Only the `studies` are compared; claims that went are looked for only in a `whole` audit. One that could not be
    judged has no verdict to compare.
    """
    blessed = {(row["study"], row["id"]): row for row in before if row["study"] in studies}
    now = {(row["study"], row["id"]): row for row in kept_of(records) if row["study"] in studies}
    lines = []
    for (study, name), row in now.items():
        if row["verdict"] == ERROR:
            continue
        then = blessed.get((study, name))
        if then is None:
            lines.append(f"new      {study} {name}: {row['verdict']}; bless it to hold later audits to it")
        elif then["verdict"] != row["verdict"]:
            lines.append(f"changed  {study} {name}: was {then['verdict']}, is {row['verdict']}")
        elif then["published"] != row["published"]:
            lines.append(f"changed  {study} {name}: was published as {then['published']}, is {row['published']}")
    if whole:
        lines += [
            f"gone     {study} {name}: was {blessed[study, name]['verdict']}" for study, name in blessed.keys() - now
        ]
    return sorted(lines)
