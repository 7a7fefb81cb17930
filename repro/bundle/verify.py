"""The verb that reads a bundle without trusting it: every hash, the log, and the check made again, all offline."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow.compute as pc

from repro import registry
from repro.audit import blessed
from repro.bundle import again, attest, facts, forms, signature
from repro.bundle.bounds import bounded, weigh
from repro.bundle.facts import Facts, Tables, Trusted
from repro.bundle.pack import CHECK, ENVIRONMENTS, IMPORTED, RERUNS, RESULTS, about, inputs_of, members
from repro.errors import INTEGRITY, IntegrityError, ReproError, UsageError
from repro.golden import log, stored
from repro.golden.check import check
from repro.golden.findings import as_json
from repro.machine.terminal import counted
from repro.outside import imported
from repro.outside.imported import NOTHING, Imports
from repro.runs import provenance, table
from repro.runs.plan import refuse_foreign_seeds
from repro.stats import alike


def trusted(path: Path | None) -> Trusted:
    """Return the log that a bundle is to be held to, or compared with where nobody asked. Raise UsageError for none."""
    if path is None:
        here = log.path_of(registry.root())
        return Trusted(here.read_bytes() if here.is_file() else b"", asked=False)
    if not path.is_file():
        raise UsageError(f"{path}: no such file; name the golden/{log.NAME} of the project that the bundle is of")
    content = path.read_bytes()
    if not log.parse(content, str(path)):
        raise UsageError(f"{path}: holds no blessing; name the golden/{log.NAME} of the project that the bundle is of")
    return Trusted(content, asked=True)


def believed(files: attest.Files, signers: Path | None, ours: Trusted) -> Facts:
    """Return what a bundle holds, in words. Raise ReproError for the first thing that is not as it says."""
    if attest.STATEMENT not in files or attest.CRATE not in files:
        raise IntegrityError(f"no bundle: it holds no {attest.STATEMENT} or no {attest.CRATE}")
    weigh(files)
    attest.check_statement(files)
    signed = who_signed(files, signers)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, content in files.items():
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        try:
            found = read(root, files)
            held_log(root, ours)
            checked = held(root, files, found)
            said = facts.of(root, files, found, ours)
            return said | {"check": checked, "signature": signed}
        except ReproError as error:
            raise IntegrityError(str(error).replace(f"{root}/", "")) from error
        except MemoryError:
            raise  # no fault of one file; the process that has the bound says so
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
    golden = log.blessed(root, study, profile)
    table.validate(golden.rows, path)
    for name, some in ((RESULTS, results), (RERUNS, reruns), (path.relative_to(root).as_posix(), golden.rows)):
        if some is not None:
            forms.hold_commits(some, name)
            refuse_foreign_seeds(some, Path(name))
    forms.hold_environments(table.environments(results), RESULTS)
    forms.hold_log(log.read(log.path_of(root)))
    imports = held_imports(root, study, profile) if IMPORTED in files else NOTHING
    return Tables(results, reruns, golden, study, profile, imports)


def held_imports(root: Path, study: str, profile: str) -> Imports:
    """Return the imported rows of a bundle, which are to be of its study and profile."""
    found = imported.read(bounded(root / IMPORTED))
    if {(row.study, row.profile) for row in found.rows} != {(study, profile)}:
        raise IntegrityError(f"{IMPORTED}: wanted rows of {study}/{profile} alone")
    for row in found.rows:
        fault = forms.fault_of(row._asdict(), forms.IMPORTED_ROW)
        if fault:
            raise IntegrityError(
                f"{IMPORTED}: '{fault}' of run {row.run[:40]!r} is not what stands there in such a row"
            )
    return found


def held_log(root: Path, ours: Trusted) -> None:
    """Raise IntegrityError where a log was asked for and does not hold every line of the bundle's."""
    if ours.asked and not ours.content.startswith(log.path_of(root).read_bytes()):
        raise IntegrityError(f"golden/{log.NAME}: has lines that the log given does not have, and does not vouch for")


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
    names = [part.relative_to(root).as_posix() for part in (stored.bands_path(path), stored.twin_path(path))]
    again.hold_bands(found.golden, names[0])
    again.hold_twin(found.golden, files[names[1]], names[1])
    verdicts = blessed.path_of(root)
    if verdicts.exists():
        bounded(verdicts)
        blessed.held(root)
    result = check(found.results, found.golden.rows, found.golden.bands, reruns=found.reruns, held=True)
    if result.exit_code == INTEGRITY:
        raise IntegrityError(f"{path}: {result.findings[0].text}")
    made = as_json(result)
    outcome = counted(made["counts"])
    said = attest.load(files[CHECK], CHECK)
    if not alike(said, made):
        raise IntegrityError(f"{CHECK}: not what these rows and bands come to (made again: {outcome})")
    predicate = attest.load(files[attest.STATEMENT], attest.STATEMENT)["predicate"]
    if predicate["result"] != attest.result_of(made):
        raise IntegrityError(f"{attest.STATEMENT}: says {predicate['result']}, the check comes to {outcome}")
    again.hold_statement(files, made, inputs_of(files, found.study, found.profile))
    again.hold_crate(files, about(found.results, made, files, found.imports))
    return f"{predicate['result']}, made again: {outcome}"
