"""Where what a report says comes from: documents, the commit of this code, runs with their dates and machines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from repro import registry
from repro.audit import claims
from repro.audit.claims import Source
from repro.errors import IntegrityError
from repro.golden import log
from repro.machine import git
from repro.outside import imported
from repro.runs import pieces, store, table

if TYPE_CHECKING:
    import pyarrow as pa

WHOLE = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")  # a commit, of which so many digits are shown
PLACES = 5  # files of imported runs that are named
NUMERICAL = ("numpy", "scipy", "torch")  # packages that the results hang on


@dataclass(frozen=True)
class Batch:
    """A table of runs that verdicts or figures may rest on, ours or `imported` ones, whose `machines` are their files.

    A table that cannot be read has `fault` and no more.
    """

    study: str
    profile: str
    golden: bool  # blessed rows, else those of the store
    runs: int = 0
    commits: tuple[str, ...] = ()
    first: str = ""  # day on which the first run ended, and the last
    last: str = ""
    machines: tuple[str, ...] = ()
    fault: str = ""
    imported: bool = False


@dataclass(frozen=True)
class About:
    """What a report is told beside verdicts and figures."""

    commit: str  # of the code that judged: 40 hexadecimal digits, "+dirty" after them where files differ, or ""
    sources: Mapping[str, Source]  # of each study's document; the title is never empty
    batches: Sequence[Batch] = ()
    rates: str = ""  # the page of measured error rates, "" where there is none


def about(studies: Sequence[str]) -> About:
    """Return what the report of these studies is told. Raise IntegrityError where a golden is not what was blessed."""
    root = registry.root()
    rates = root / "docs" / "error-rates.md"
    return About(
        git.commit(root),
        {name: source(name) for name in studies},
        [batch for name in studies for batch in batches(root, name)],
        rates.read_text("utf-8") if rates.exists() else "",
    )


def source(study: str) -> Source:
    """Return title and link of a study's document, as its claims have them, else the study's own title."""
    said = claims.source_of(claims.claims_file(study))
    return Source(said.title or registry.load(study).title or study, said.link)


def batches(root: Path, study: str) -> list[Batch]:
    """Return the tables of a study's runs that there are: goldens, stores and imports, profile by profile."""
    found = []
    for profile in registry.load(study).profiles:
        if log.there(root, study, profile):
            rows = log.blessed(root, study, profile).rows
            found.append(batch(study, profile, rows, table.environments(rows), golden=True))
        path = store.results_path(study, profile)
        if pieces.there(path):
            try:
                rows = pieces.read(path)
            except IntegrityError as error:  # an error of each claim that asks for it, and no reason to tell nothing
                found.append(Batch(study, profile, golden=False, fault=str(error)))
            else:
                found.append(batch(study, profile, rows, table.environments(rows), golden=False))
        found += brought(study, profile)
    return found


def brought(study: str, profile: str) -> list[Batch]:
    """Return what was imported for a study's profile, as one batch; none where nothing was."""
    try:
        imports = imported.read_if_there(imported.path_of(study, profile))
    except IntegrityError as error:
        return [Batch(study, profile, golden=False, imported=True, fault=str(error))]
    if not imports.rows:
        return []
    days = sorted(f"{row.imported:%Y-%m-%d}" for row in imports.rows)
    places = sorted({f"{row.file}, by {row.by}" for row in imports.rows})
    more = [f"{len(places) - PLACES} more files"] if len(places) > PLACES else []
    runs = imported.said_of(imports.rows)["runs"]
    return [
        Batch(
            study, profile, golden=False, imported=True, runs=runs, first=days[0], last=days[-1],
            machines=(*places[:PLACES], *more),
        )
    ]  # fmt: skip


def batch(study: str, profile: str, rows: pa.Table, records: Mapping[str, Mapping[str, Any]], *, golden: bool) -> Batch:
    """Return what rows say of their making: how many runs, by which commits, when and on which machines."""
    columns = [rows[name].to_pylist() for name in ("experiment", "case", "replicate")]
    ends = sorted(end for end in rows["finished"].unique().to_pylist() if end is not None)
    used = rows["environment"].unique().to_pylist()
    return Batch(
        study,
        profile,
        golden,
        runs=len(set(zip(*columns, strict=True))),
        commits=tuple(sorted(short(one) for one in rows["commit"].unique().to_pylist() if one)),
        first=f"{ends[0]:%Y-%m-%d}" if ends else "",
        last=f"{ends[-1]:%Y-%m-%d}" if ends else "",
        machines=tuple(sorted({machine(records.get(name, {})) for name in used})),
    )


def short(commit: str) -> str:
    """Return a commit, or several, as they are shown: the first digits of each."""
    return WHOLE.sub(r"\1", commit)


def machine(record: Mapping[str, Any]) -> str:
    """Return an environment's record in one line: Python, system, processor, device, packages, container."""
    if not record:
        return "no record of the environment"
    gpus = [str(gpu.get("name", "")) for gpu in record.get("gpu") or [] if isinstance(gpu, dict)]
    threads = record.get("threads")
    parts = [
        f"{record.get('python', '')} on {record.get('system', '')} {record.get('machine', '')}".strip(),
        *(gpus if record.get("device") == "cuda" else [str(record.get("cpu", ""))]),
        f"{threads} thread{'' if threads == 1 else 's'}" if threads else "",
        *(f"{name} {version}" for name, version in record.get("packages", {}).items() if name in NUMERICAL and version),
        "in a container" if record.get("image") else "",
    ]
    return ", ".join(part for part in parts if part)
