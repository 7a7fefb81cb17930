"""The one results schema: a row is one metric of one run. Parquet in and out; what is wrong with a file is refused."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from repro.errors import InfrastructureError, IntegrityError, NothingSelectedError, UsageError
from repro.machine.files import refused, regular, replacing, there
from repro.runs import before
from repro.runs.coded import Numbers, coded, numbered, numbers_of
from repro.runs.rows import ATTEMPTS, digest

SCHEMA_VERSION = 3
UNSEALED = "1"  # the version whose tables carry no digest of themselves
SEAL = b"repro.digest"
IMPORTED = b"repro.imported"  # metadata of a table of imported rows (`repro.outside.imported`), which is none of runs
IMPORTED_SUFFIX = ".imported.parquet"  # of such a table, beside that of a profile's runs
KEY = ("study", "profile", "experiment", "case", "metric", "replicate")
ONE_RUN = tuple(name for name in KEY if name != "metric")
STATUSES = ("ok", "nonfinite", "failed")
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999, as Python has them
Names = Sequence[str]  # of columns
# Of bytes that mean nothing.
DAMAGES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
MACHINE = ("machine", "cpu", "isa", "threads", "device", "gpu")  # facts of an environment that can move a number,
SET_ASIDE = "restore the file, or move it away (`mv FILE FILE.broken`) and run again"
NUMERICAL = ("torch", "torchvision", "numpy", "scipy", "scikit-learn")  # and the packages that can

SCHEMA = pa.schema(
    [
        pa.field("study", pa.string(), nullable=False),
        pa.field("experiment", pa.string(), nullable=False),
        pa.field("case", pa.string(), nullable=False),
        pa.field("profile", pa.string(), nullable=False),
        pa.field("replicate", pa.int32(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("curve", pa.list_(pa.float64())),
        pa.field("status", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("n_test", pa.int32()),
        pa.field("epochs", pa.int32()),
        pa.field("wall_seconds", pa.float64(), nullable=False),
        pa.field("device", pa.string(), nullable=False),
        pa.field("settings", pa.string(), nullable=False),
        pa.field("data", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("environment", pa.string(), nullable=False),
        pa.field("commit", pa.string(), nullable=False),
        pa.field("finished", pa.timestamp("us", tz="UTC"), nullable=False),
        before.FIELD,
    ]
)


def build(rows: Sequence[Mapping[str, Any]], environments: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Return the rows, made at the first attempt unless they say otherwise, with the records of their environments."""
    return with_environments(pa.Table.from_pylist([{ATTEMPTS: 1, **row} for row in rows], schema=SCHEMA), environments)


def environments(table: pa.Table) -> dict[str, dict[str, Any]]:
    """Return the provenance records a table carries, by environment id. Raise IntegrityError where they are none."""
    return records_of(table.schema, "table")


def records_of(schema: pa.Schema, where: Path | str) -> dict[str, dict[str, Any]]:
    """Return the provenance records that a schema carries. Raise IntegrityError where they are none."""
    found: dict[str, dict[str, Any]] = json_of(schema, b"repro.environments", where)
    for name, record in found.items():
        said = record if isinstance(record, dict) else {"packages": None}
        if not isinstance(said.get("packages", {}), dict) or not isinstance(said.get("torch") or {}, dict):
            raise IntegrityError(f"{where}: the record of environment '{name}' is no record of one; {SET_ASIDE}")
    return found


def json_of(schema: pa.Schema, name: bytes, where: Path | str) -> dict[str, Any]:
    """Return the record that a schema carries under a name, {} for none. Raise IntegrityError for what is no record."""
    try:
        found = json.loads((schema.metadata or {}).get(name, b"{}"))
    except (ValueError, RecursionError) as error:
        reason = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise IntegrityError(f"{where}: its metadata '{name.decode()}' are no JSON ({reason}); {SET_ASIDE}") from error
    if not isinstance(found, dict):
        raise IntegrityError(f"{where}: its metadata '{name.decode()}' are no record but {found!r:.40}; {SET_ASIDE}")
    return found


def strata(*tables: pa.Table, here: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return, for each environment of tables, what of it can move a number: equal texts are one kind of machine.

    An environment without a record is a kind of its own. What a record does not say is taken to be as the first record
    that is alike otherwise says it, so that the golden's table comes first. `here` is a further record, without a name.
    """
    records: dict[str, Mapping[str, Any]] = {}
    for table in tables:
        own = environments(table)
        records.update({name: own.get(name, {}) for name in sorted(set(table["environment"].to_pylist()))})
    records |= {} if here is None else {"": here}
    known: dict[str, str] = {}
    for record in records.values():
        if record and _capability(record):
            known.setdefault(stratum(record), _capability(record))
    found = {}
    for name, record in records.items():
        kind = stratum(record) if record else name
        found[name] = f"{kind} {_capability(record) or known[kind]}" if record and kind in known else kind
    return found


def _capability(record: Mapping[str, Any]) -> str:
    """Return the instructions that torch chose its CPU kernels by, empty where a record does not say."""
    return str((record.get("torch") or {}).get("capability", ""))


def stratum(record: Mapping[str, Any]) -> str:
    """Return what of an environment's record can move a number, but for what torch said in the run."""
    packages = {key: value for key, value in record.get("packages", {}).items() if key in NUMERICAL}
    return json.dumps({"packages": packages, **{key: record.get(key) for key in MACHINE}}, sort_keys=True)


def with_environments(table: pa.Table, records: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Return the table with these provenance records, other metadata kept."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **metadata_of(records)})


def metadata_of(records: Mapping[str, Mapping[str, Any]]) -> dict[bytes, bytes]:
    """Return what a table of this version says of itself, with these provenance records."""
    return {
        b"repro.schema": str(SCHEMA_VERSION).encode(),
        b"repro.environments": json.dumps(records, sort_keys=True).encode(),
    }


def concatenate(tables: Sequence[pa.Table]) -> pa.Table:
    """Return all rows of several tables, with the environments of each."""
    records = {name: record for table in tables for name, record in environments(table).items()}
    return with_environments(pa.concat_tables([table.replace_schema_metadata(None) for table in tables]), records)


def write(path: Path, table: pa.Table) -> None:
    """Write the rows in the order of their key, atomically and durably: a reader sees the old file or the new one."""
    validate(table, path)
    metadata = {**(table.schema.metadata or {}), b"repro.schema": str(SCHEMA_VERSION).encode()}
    order = pc.sort_indices(table, [(name, "ascending") for name in KEY])  # `sort_by` takes threads and their memory
    write_file(path, table.take(order).replace_schema_metadata(metadata))


def write_file(path: Path, table: pa.Table) -> None:
    """Replace a Parquet file, synced to the disk before it takes its name; it carries digests and page checksums."""
    with refused(path), replacing(path, durable=True) as stream:
        pq.write_table(sealed(table), stream, compression="zstd", write_page_checksum=True)


def content(table: pa.Table) -> bytes:
    """Return the file that `write` would write, its rows as they are."""
    stream = pa.BufferOutputStream()
    metadata = {**(table.schema.metadata or {}), b"repro.schema": str(SCHEMA_VERSION).encode()}
    pq.write_table(
        sealed(table.replace_schema_metadata(metadata)), stream, compression="zstd", write_page_checksum=True
    )
    return bytes(stream.getvalue().to_pybytes())


def sealed(some: pa.Table) -> pa.Table:
    """Return a table that carries the digests of its rows and of what it says of itself."""
    metadata = some.schema.metadata or {}
    return some.replace_schema_metadata({**metadata, SEAL: seal_of(metadata, digest(some))})


def seal_of(metadata: Mapping[bytes, bytes], of_rows: str) -> bytes:
    """Return the digests that a table of these metadata carries, given that of its rows."""
    return json.dumps({"rows": of_rows, "about": _about(metadata)}).encode()


def hold_seal(found: pa.Table, path: Path | str, *, whole: bool = True) -> None:
    """Raise IntegrityError unless a table is as it was written; of some columns, `whole` false, what it says is asked.

    Page checksums, which are asked wherever a page is read, hold the bytes; this holds what they were decoded to.
    """
    hold_said(found.schema, path, (lambda: digest(found)) if whole else None)


def hold_said(schema: pa.Schema, path: Path | str, of_rows: Callable[[], str] | None) -> None:
    """Raise IntegrityError unless what a table says of itself, and the digest of its rows if asked, are as sealed."""
    metadata = schema.metadata or {}
    version = metadata.get(b"repro.schema", UNSEALED.encode()).decode("utf-8", "replace")
    said = json_of(schema, SEAL, path)
    if not said and version == UNSEALED:
        return
    if not said:
        raise IntegrityError(f"{path}: carries no digest of its rows; another program wrote it; {SET_ASIDE}")
    made = {"what it says of itself is": ("about", _about(metadata))}
    if of_rows:
        made["its rows are"] = ("rows", of_rows())
    for what, (part, value) in made.items():
        if said.get(part) != value:
            raise IntegrityError(f"{path}: {what} not what was written, by its own digest; {SET_ASIDE}")


def digest_as_read(found: pa.Table) -> str:
    """Return the digest of a table that was just read, and so held to its seal; one without a seal is summed up now."""
    said = json_of(found.schema, SEAL, "table")
    return str(said["rows"]) if said else digest(found)


def _about(metadata: Mapping[bytes, bytes]) -> str:
    """Return the SHA-256 of what a table says of itself."""
    own = sorted((key, value) for key, value in metadata.items() if key != SEAL)
    return hashlib.sha256(repr([one for one in own if one[0].startswith(b"repro.")]).encode()).hexdigest()


def read(path: Path, columns: Names | None = None, texts: Names = (), *, held: bool = False) -> pa.Table:
    """Read a results table, or some of its columns, and refuse a file that is not one (exit 6).

    The whole schema is compared even when only some columns are read; keys and values are checked when all are. `texts`
    names columns that come as dictionaries. Of some columns, the digest of all rows is asked where they are `held`.
    """
    table = read_file(path, columns, texts, held=held)
    if columns is None:
        validate(table, path)
    return table


def read_file(path: Path, columns: Names | None = None, texts: Names = (), *, held: bool = False) -> pa.Table:
    """Read a Parquet file whose columns are exactly the results schema's, and whose texts and times are some.

    What another writer calls nullable is so no more: whether a null is there is for `validate` to say.
    """
    if not there(path):
        beside = path.with_suffix(IMPORTED_SUFFIX)
        also = f" ({beside.name} holds imported rows, which are no runs of ours)" if there(beside) else ""
        raise NothingSelectedError(
            f"{path}: no such table{also}; `repro run` makes one, `repro status` lists what exists"
        )
    with opened(path, "Parquet table", SET_ASIDE, texts) as file:
        hold_form(file.schema_arrow, path)
        some = None if columns is None or held else list(columns)
        found = file.read(columns=some)
        hold_values(found)
        hold_seal(found, path, whole=some is None)
        found = before.with_attempts(found, [name for name in SCHEMA.names if columns is None or name in columns])
        if texts:
            return found
        schema = pa.schema([SCHEMA.field(name) for name in found.column_names], found.schema.metadata)
        return found if found.schema == schema else pa.Table.from_arrays(found.columns, schema=schema)


def hold_form(schema: pa.Schema, path: Path) -> None:
    """Refuse a schema that is not that of results of a known version, or whose environments are none."""
    refuse_imported(schema, path)
    check_schema(schema, path, before.without_attempts(SCHEMA) if before.version(schema) in before.VERSIONS else SCHEMA)
    _check_version(schema, path)
    records_of(schema, path)


def hold_values(found: pa.Table) -> None:
    """Raise ValueError for texts that are not UTF-8, lists that lie nowhere, times that are none of a calendar's."""
    found.validate(full=True)
    if "finished" in found.column_names and found.num_rows:
        _check_times(found["finished"])


def refuse_imported(schema: pa.Schema, path: Path) -> None:
    """Raise UsageError for a table of imported rows: nothing that asks for runs reads it."""
    if IMPORTED in (schema.metadata or {}):
        raise UsageError(
            f"{path}: holds imported rows, which were not run by us: they are evidence of claims (`repro audit`), and "
            "are not checked, blessed, merged or compared; name a table that `repro run` made"
        )


def _check_version(schema: pa.Schema, path: Path) -> None:
    """Raise IntegrityError for a table of a version that is not known here, or of none."""
    version = before.version(schema)
    if version not in (str(SCHEMA_VERSION), *before.VERSIONS):
        raise IntegrityError(
            f"{path}: schema version '{version}', wanted {SCHEMA_VERSION}; "
            f"it was not written by this version of repro; {SET_ASIDE}"
        )


def _check_times(times: pa.ChunkedArray) -> None:
    """Raise ValueError for a time that is none of a calendar's."""
    whole = numbers_of(times.cast(pa.int64()).drop_null())
    if len(whole) and not FIRST_US <= whole.min() <= whole.max() <= LAST_US:
        raise ValueError(f"a time {whole.min()} to {whole.max()} microseconds after 1970")


@contextmanager
def opened(
    path: Path, what: str, remedy: str = "restore it", dictionaries: Sequence[str] = ()
) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, of some columns those that are there as dictionaries.

    Raise IntegrityError where what is read of it is no `what`.
    """
    regular(path, what, remedy)
    with damage(path, what, remedy):
        of = [name for name in pq.read_schema(path).names if name in dictionaries] if dictionaries else []
        with pq.ParquetFile(path, read_dictionary=of, page_checksum_verification=True) as file:
            yield file


@contextmanager
def damage(path: Path, what: str, remedy: str = "restore it") -> Iterator[None]:
    """Raise IntegrityError where what is read of a file is no `what`."""
    try:
        yield
    except PermissionError as error:
        raise InfrastructureError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from error
    except (pa.ArrowException, OSError, *DAMAGES) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"{path}: not a readable {what} ({reason}); {remedy}") from error


def check_schema(schema: pa.Schema, path: Path | str, wanted: pa.Schema = SCHEMA) -> None:
    """Refuse a schema with a missing, unknown, reordered or retyped column."""
    got = {field.name: plain(field.type) for field in schema}
    want = {field.name: field.type for field in wanted}
    missing = [name for name in want if name not in got]
    unknown = [name for name in got if name not in want]
    retyped = [
        f"{name} is {got[name]}, wanted {want[name]}" for name in want if name in got and got[name] != want[name]
    ]
    faults = [f"missing column {name}" for name in missing] + [f"unknown column {name}" for name in unknown] + retyped
    faults += [f"column {name} stands {count} times" for name, count in Counter(schema.names).items() if count > 1]
    if not faults and list(got) != list(want):
        faults = ["columns in another order"]
    if faults:
        raise IntegrityError(f"{path}: {'; '.join(faults)}; {SET_ASIDE}")


def plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of a column that may have been read as a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def validate(table: pa.Table, path: Path | str) -> None:
    """Refuse a table with a wrong schema, a null where none may be, a duplicate key, or a number that is none."""
    check_schema(table.schema, path)
    hold_rows(table, path)
    refuse_twice(table, path)


def hold_rows(table: pa.Table, path: Path | str) -> None:
    """Refuse rows with a null where none may be, an unknown status, or a number that is none."""
    refuse_gaps(table, path)
    status = coded(table["status"])
    unknown = sorted(set(status.values) - set(STATUSES))
    if unknown:
        raise IntegrityError(f"{path}: unknown status {', '.join(unknown)} (known: {', '.join(STATUSES)}); {SET_ASIDE}")
    if numbers_of(table[ATTEMPTS]).min(initial=1) < 1:
        raise IntegrityError(f"{path}: a row that was made at no attempt (attempts below 1); {SET_ASIDE}")
    ok = status.codes == (status.values.index("ok") if "ok" in status.values else -1)
    there = numbers_of(table["value"].is_valid().cast(pa.uint8())).astype(bool)
    finite = np.zeros(table.num_rows, bool)
    finite[there] = np.isfinite(numbers_of(table["value"].drop_null()))
    wild = int((ok & ~finite).sum())
    if wild:
        raise IntegrityError(f"{path}: {wild} rows say ok and hold no finite value; {SET_ASIDE}")
    if (~ok & there).any():
        raise IntegrityError(f"{path}: a row that is not ok holds a value; a failure is never a number; {SET_ASIDE}")


def refuse_twice(table: pa.Table, path: Path | str) -> None:
    """Refuse rows of the same key."""
    duplicates = table.num_rows - int(keyed(table, KEY).max(initial=-1)) - 1
    if duplicates:
        raise IntegrityError(f"{path}: {duplicates} duplicate rows (same {', '.join(KEY)}); `repro merge` joins tables")


def refuse_gaps(table: pa.Table, path: Path | str) -> None:
    """Refuse a table with a null in a column that may have none."""
    for name in table.column_names:
        gaps = 0 if SCHEMA.field(name).nullable else table[name].null_count
        if gaps:
            raise IntegrityError(f"{path}: column {name} has {gaps} empty entries; {SET_ASIDE}")


def keyed(table: pa.Table, names: Sequence[str]) -> Numbers:
    """Return a number for each row that rows share which are equal in these columns, from 0 on."""
    texts = (pa.types.is_string, pa.types.is_dictionary)
    columns = [table[name] for name in names]
    return numbered(
        [coded(one).codes if any(is_one(one.type) for is_one in texts) else numbers_of(one) for one in columns]
    )
