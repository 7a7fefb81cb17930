"""What an audit's verdicts are beside the blessed ones: which changed, came and went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repro.audit.verdicts import ERROR, worded

Records = Sequence[Mapping[str, Any]]
GONE = "gone"


@dataclass(frozen=True, order=True)
class VerdictChange:
    """What is not as it was blessed: a claim that "changed", is "new" or "gone", and in words how."""

    kind: str
    study: str
    claim: str
    said: str

    @property
    def line(self) -> str:
        """Return the change as a line that names its claim."""
        return f"{self.kind:<9}{self.study} {self.claim}: {self.said}"

    @property
    def words(self) -> str:
        """Return the change as it is said beside its claim."""
        return f"{self.kind}: {self.said}"


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


def changes(
    before: Sequence[Mapping[str, str]], records: Records, *, studies: Sequence[str], whole: bool
) -> list[VerdictChange]:
    """Return each verdict that is not the one `before`, and each claim that came or went.

    Only the `studies` are compared; claims that went are looked for only in a `whole` audit. One that could not be
    judged has no verdict to compare.
    """
    blessed = {(row["study"], row["id"]): row for row in before if row["study"] in studies}
    now = {(row["study"], row["id"]): row for row in kept_of(records) if row["study"] in studies}
    found = []
    for (study, name), row in now.items():
        if row["verdict"] == ERROR:
            continue
        then = blessed.get((study, name))
        if then is None:
            said = f"{row['verdict']}; bless it to hold later audits to it"
            found.append(VerdictChange("new", study, name, said))
        elif then["verdict"] != row["verdict"]:
            found.append(VerdictChange("changed", study, name, f"was {then['verdict']}, is {row['verdict']}"))
        elif then["published"] != row["published"]:
            said = f"was published as {then['published']}, is {row['published']}"
            found.append(VerdictChange("changed", study, name, said))
    if whole:
        gone = blessed.keys() - now
        found += [VerdictChange(GONE, study, name, f"was {blessed[study, name]['verdict']}") for study, name in gone]
    return sorted(found)
