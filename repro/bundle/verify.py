"""The verb that reads a bundle without trusting it: every hash, the log, and the check made again, all offline."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from repro import registry
from repro.audit import blessed, claims
from repro.audit.judges import JUDGES
from repro.bundle import attest, signature
from repro.bundle.pack import CHECK, ENVIRONMENTS, PINS, RERUNS, RESULTS, members
from repro.errors import INTEGRITY, IntegrityError, ReproError
from repro.golden import log, stored
from repro.golden.check import check
from repro.golden.findings import as_json
from repro.machine.terminal import counted
from repro.runs import provenance, table
from repro.stats import alike

TABLE_VALUES = 20_000_000  # of one column of a table: a small file can unfold to any number

Facts = dict[str, Any]


@dataclass(frozen=True)
class Tables:
    """What a bundle's verified files say."""

    results: pa.Table
    reruns: pa.Table | None
    golden: stored.Golden
    study: str
    profile: str


def believed(files: attest.Files, signers: Path | None) -> Facts:
    """Return what a bundle holds, in words. Raise ReproError for the first thing that is not as it says."""
    if attest.STATEMENT not in files or attest.CRATE not in files:
        raise IntegrityError(f"no bundle: it holds no {attest.STATEMENT} or no {attest.CRATE}")
    attest.check_statement(files)
    signed = who_signed(files, signers)
    attest.check_crate(files)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        try:
            found = read(root, files)
            checked = held(root, files, found)
            return {**facts_of(root, files, found), "check": checked, "signature": signed}
        except ReproError as error:
            raise IntegrityError(str(error).replace(f"{root}/", "")) from error
        except Exception as error:  # whatever a stranger's file makes a reader do
            raise IntegrityError(f"cannot be read ({attest.brief(error)})") from error


def who_signed(files: attest.Files, signers: Path | None) -> str:
    """Say who signed. Raise IntegrityError where a list of signers is given and nobody of it did."""
    sealed = files.get(attest.SIGNATURE)
    if signers is None:
        return "there, not looked at (--signers FILE)" if sealed else "none: anybody could have made this bundle"
    if sealed is None:
        raise IntegrityError("not signed, and only signers in a list were to be believed")
    return f"by {signature.signer(files[attest.STATEMENT], sealed, signers)}"


# What the files say


def read(root: Path, files: attest.Files) -> Tables:
    """Return the tables of a bundle whose files are these and no others."""
    if RESULTS not in files:
        raise IntegrityError(f"holds no {RESULTS}")
    results = table.read(bounded(root / RESULTS))
    owners = set(zip(results["study"].to_pylist(), results["profile"].to_pylist(), strict=True))
    if len(owners) != 1:
        raise IntegrityError(f"{RESULTS}: wanted rows of one study and profile, got {len(owners)}")
    ((study, profile),) = owners
    must, may = members(study, profile)
    missing, strange = sorted(must - set(files)), sorted(set(files) - must - may)
    if missing or strange:
        lines = [f"{name} is missing" for name in missing] + [f"{name} does not belong here" for name in strange]
        raise IntegrityError(f"not the files of a bundle of {study}/{profile}: {'; '.join(lines)}")
    path = stored.path_of(root, study, profile)
    for half in (path, stored.bands_path(path)):
        bounded(half)
    reruns = table.read(bounded(root / RERUNS)) if RERUNS in files else None
    return Tables(results, reruns, log.blessed(root, study, profile), study, profile)


def bounded(path: Path) -> Path:
    """Return the path of a table that does not unfold beyond all bounds."""
    with table.opened(path, "Parquet table") as file:
        shape = file.metadata
    groups = [shape.row_group(group) for group in range(shape.num_row_groups)]
    values = [sum(group.column(place).num_values for group in groups) for place in range(shape.num_columns)]
    if max([shape.num_rows, *values]) > TABLE_VALUES:
        raise IntegrityError(f"{path}: unfolds to more than {TABLE_VALUES} values a column")
    return path


def held(root: Path, files: attest.Files, found: Tables) -> str:
    """Hold a bundle's records to its tables, the golden to the log, and make the check again; return its outcome."""
    records = table.environments(found.results)
    if attest.load(files[ENVIRONMENTS], ENVIRONMENTS) != records:
        raise IntegrityError(f"{ENVIRONMENTS}: not the records that {RESULTS} carries")
    for name in pc.unique(found.results["environment"]).to_pylist():
        if name not in records:
            raise IntegrityError(f"{RESULTS}: names the environment {name}, of which there is no record")
    for name, record in records.items():
        if provenance.environment_id(record) != name:
            raise IntegrityError(f"{ENVIRONMENTS}: the record of {name} is not the one that its name was made from")
    path = stored.path_of(root, found.study, found.profile)
    verdicts = blessed.path_of(root)
    if verdicts.exists():
        bounded(verdicts)
        blessed.held(root)
    result = check(found.results, found.golden.rows, found.golden.bands, reruns=found.reruns, held=True)
    if result.exit_code == INTEGRITY:
        raise IntegrityError(f"{path}: {result.findings[0].text}")
    again = as_json(result)
    outcome = counted(again["counts"])
    said = attest.load(files[CHECK], CHECK)
    if not alike(said, again):
        raise IntegrityError(f"{CHECK}: not what these rows and bands come to (made again: {outcome})")
    predicate = attest.load(files[attest.STATEMENT], attest.STATEMENT)["predicate"]
    if predicate["result"] != attest.result_of(again):
        raise IntegrityError(f"{attest.STATEMENT}: says {predicate['result']}, the check comes to {outcome}")
    return f"{predicate['result']}, made again: {outcome}"


# What is said of it


def facts_of(root: Path, files: attest.Files, found: Tables) -> Facts:
    """Return what a reader wants to know of a bundle that holds together."""
    rows = found.results
    runs = set(zip(*(rows[name].to_pylist() for name in ("experiment", "case", "replicate")), strict=True))
    commits = ", ".join(sorted(pc.unique(rows["commit"]).to_pylist()))
    lines = {
        "run": f"{found.study}/{found.profile}: {rows.num_rows} rows of {len(runs)} runs, "
        f"the last of {pc.max(rows['finished']).as_py():%Y-%m-%d %H:%M} UTC, commit {commits or 'unknown'}",
        "environment": "; ".join(words_of(name, record, files) for name, record in table.environments(rows).items()),
        "golden": of_the_log(root, f"{found.study}/{found.profile}"),
    }
    path = claims.path_of(root, found.study)
    if path.exists():
        count = len(claims.load(path, found.study, JUDGES))
        verdicts = blessed.held(root)
        counts = Counter(row["verdict"] for row in verdicts if row["study"] == found.study)
        lines["claims"] = f"{count}; blessed verdicts: {counted(dict(counts.most_common())) or 'none'}"
    return lines


def words_of(name: str, record: Mapping[str, Any], files: attest.Files) -> str:
    """Return an environment in a few words, with whether its lock is the bundle's."""
    image, lock = record["image"], record["lock"]
    where = f"image {image['tree']}" if image else "no image"
    content = files.get(PINS[0])
    same = content is not None and attest.sha256(content) == lock["sha256"]
    pins = "the lock in here" if same and lock["pinned"] else "not pinned by the lock in here"
    return f"{name} ({record['device']}, {where}, {pins})"


def of_the_log(root: Path, what: str) -> str:
    """Say when and by whom a golden was blessed, and whether this project's log knows of it."""
    theirs, ours = log.path_of(root), log.path_of(registry.root())
    entry = log.newest(log.read(theirs), what)
    assert entry is not None  # `history.hold` has seen it
    said = f"blessed {entry['when']} by {entry['who']}"
    if not ours.exists():
        return said
    one, other = sorted((theirs.read_bytes(), ours.read_bytes()), key=len)
    return f"{said}; its log is {'' if other.startswith(one) else 'not '}this project's"
