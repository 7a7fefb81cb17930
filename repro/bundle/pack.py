"""The verb that packs a run as evidence: one archive with the results, what they were held to and what came out."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro import __version__
from repro.audit import blessed, claims
from repro.audit.verdicts import NOT_OURS
from repro.bundle import attest
from repro.bundle.bounds import bounded, weigh
from repro.errors import INTEGRITY, CannotCompareError, IntegrityError, NothingSelectedError, UsageError
from repro.golden import log, stored
from repro.golden.check import check
from repro.golden.confirm import refuse_old_runs
from repro.golden.findings import as_json
from repro.machine.terminal import counted
from repro.outside import imported
from repro.outside.imported import Imports
from repro.runs import pieces, table
from repro.runs.plan import identity, refuse_foreign_seeds, strangers
from repro.runs.store import reruns_path
from repro.study import Study

RESULTS, RERUNS, ENVIRONMENTS, CHECK = "results.parquet", "reruns.parquet", "environments.json", "check.json"
IMPORTED = "imported.parquet"  # rows that were not run by us, where there are some beside the results
LICENCE = "LICENSE"
PINS = ("containers/lock/cuda.txt", "containers/images.toml")
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file, since the archive of one run is to be one sequence of bytes


def members(study: str, profile: str) -> tuple[set[str], set[str]]:
    """Return the names of the files that a bundle must hold, and of those that it may hold beside them."""
    paths = golden_paths(Path(), study, profile)
    must = {RESULTS, ENVIRONMENTS, CHECK, attest.STATEMENT, attest.CRATE, *map(Path.as_posix, paths)}
    verdicts = blessed.path_of(Path())
    may = {claims.path_of(Path(), study), verdicts, stored.twin_path(verdicts)}
    return must, {attest.SIGNATURE, RERUNS, IMPORTED, LICENCE, "CITATION.cff", *PINS, *map(Path.as_posix, may)}


def golden_paths(root: Path, study: str, profile: str) -> tuple[Path, Path, Path, Path]:
    """Return where rows, bands and twin of a golden and the log of blessings lie."""
    path = stored.path_of(root, study, profile)
    return path, stored.bands_path(path), stored.twin_path(path), log.path_of(root)


def inputs_of(files: attest.Files, study: str, profile: str) -> list[str]:
    """Return which of a bundle's files its results are held to, and what they were installed from."""
    return [name for name in (*map(Path.as_posix, golden_paths(Path(), study, profile)), *PINS) if name in files]


def current_rows(study: Study, profile: str, results: Path) -> pa.Table:
    """Return results that are fit to be packed. A bundle's rows speak of the code beside it, under seeds of their own.

    Raise CannotCompareError where other code, settings, data or units than are here made them, or what was run again,
    and IntegrityError for a seed that is not its run's.
    """
    wanted, rows = identity(study, profile), pieces.read(results)
    again = reruns_path(results)
    for path, some in ((results, rows), *([(again, pieces.read(again))] if pieces.there(again) else [])):
        refuse_foreign_seeds(some, path)
        old = strangers(some, wanted)
        if old:
            refuse_old_runs(old, path, study.name, profile)
    return rows


def files_of(root: Path, study: str, profile: str, results: Path) -> dict[str, bytes]:
    """Return the files of a bundle by name, the statement left out: copies, and what they come to.

    What a check ran again belongs to it. Raise NothingSelectedError without results or golden,
    IntegrityError for a golden that the log does not hold.
    """
    path = stored.path_of(root, study, profile)
    if not log.there(root, study, profile):
        raise NothingSelectedError(
            f"{path}: no such golden to hold the results to; bless one, or bundle another profile"
        )
    held, rows = log.blessed(root, study, profile), pieces.read(results)
    owners = set(zip(rows["study"].to_pylist(), rows["profile"].to_pylist(), strict=True))
    if owners != {(study, profile)}:
        names = ", ".join(f"{one}/{other}" for one, other in sorted(owners)) or "nothing"
        raise UsageError(f"{results}: holds rows of {names}; wanted {study}/{profile} alone")
    blessed.held(root)  # verdicts travel with the run, so they have to be the blessed ones too
    again = reruns_path(results)
    reruns = pieces.read(again) if pieces.there(again) else None
    result = check(rows, held.rows, held.bands, reruns=reruns, held=True)
    if result.exit_code == INTEGRITY:
        raise IntegrityError(f"{results}: no evidence: {result.findings[0].text}")
    checked = as_json(result)
    must, may = members(study, profile)
    files = {name: (root / name).read_bytes() for name in sorted(must | may) if (root / name).is_file()}
    files[RESULTS] = pieces.content(results, rows)
    if reruns is not None:
        files[RERUNS] = pieces.content(again, reruns)
    brought = imported_rows(imported.beside(results))
    if brought.rows:
        files[IMPORTED] = imported.beside(results).read_bytes()
    files[ENVIRONMENTS] = attest.dump(table.environments(rows))
    files[CHECK] = attest.dump(checked)
    files[attest.CRATE] = attest.crate(files, {**about(rows, checked, files, brought), "version": __version__})
    files[attest.STATEMENT] = attest.statement(files, checked, inputs_of(files, study, profile))
    try:
        weigh(files)
        _bound_tables({name: files[name] for name in (RESULTS, IMPORTED) if name in files})
    except IntegrityError as error:
        raise UsageError(f"too large to be verified: {error}; bundle fewer runs") from error
    return files


def _bound_tables(tables: Mapping[str, bytes]) -> None:
    """Refuse tables that no reader would take, as a reader does: from files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in tables.items():
            path = Path(folder, name)
            path.write_bytes(content)
            try:
                bounded(path)
            except IntegrityError as error:
                raise IntegrityError(str(error).replace(f"{path}", name)) from error


def imported_rows(path: Path) -> Imports:
    """Return imported rows that are fit to be packed, nothing where there are none.

    Raise CannotCompareError where a file that they were read from has changed since: they are evidence of nothing then.
    """
    found = imported.read_if_there(path)
    for name, why in found.outdated().items():
        raise CannotCompareError(f"{path}: {why} since it was read: `{found.readings[name].command}`, or remove it")
    return found


def about(rows: pa.Table, checked: dict[str, Any], files: attest.Files, brought: Imports) -> dict[str, Any]:
    """Return what the crate says of the run, and of imported rows beside it."""
    first = rows.slice(0, 1).to_pylist()[0]
    name = f"{first['study']}/{first['profile']}"
    return {
        "name": f"Results of {name}",
        "description": f"{rows.num_rows} rows of {name}, held to the blessed rows: {counted(checked['counts'])}."
        + said_of_imports(brought),
        "published": pc.max(rows["finished"]).as_py().isoformat(),
        "licence": LICENCE if LICENCE in files else "",
        "commits": sorted(pc.unique(rows["commit"]).to_pylist()),
        "images": log.images_of(table.environments(rows)),
        "inputs": inputs_of(files, first["study"], first["profile"]),
    }


def said_of_imports(brought: Imports) -> str:
    """Say which imported rows a bundle holds, nothing where it holds none."""
    tools = Counter(row.by for row in brought.rows)
    said = ", ".join(f"{number} by {tool}" for tool, number in sorted(tools.items()))
    return f" Beside them {len(brought.rows)} rows {NOT_OURS}: {said}." if brought.rows else ""


def archive(files: attest.Files) -> bytes:
    """Return files as a zip archive: the same bytes for the same files, and nothing that `repro.unpack` refuses."""
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # a plain file, as Unix has it
            target.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
    return made.getvalue()
