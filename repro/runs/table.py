"""The one results schema: a row is one metric of one run. Parquet in and out; what is wrong with a file is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from repro.errors import IntegrityError, NothingSelectedError
from repro.machine.files import replacing

SCHEMA_VERSION = 1
KEY = ("study", "profile", "experiment", "case", "metric", "replicate")
STATUSES = ("ok", "nonfinite", "failed")
MACHINE = ("machine", "cpu", "isa", "threads", "device", "gpu")  # facts of an environment that can move a number,
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
    ]
)


def build(rows: Sequence[Mapping[str, Any]], environments: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Return the rows as a table that carries the records of the environments they name."""
    return with_environments(pa.Table.from_pylist([dict(row) for row in rows], schema=SCHEMA), environments)


def environments(table: pa.Table) -> dict[str, dict[str, Any]]:
    """Return the provenance records a table carries, by environment id."""
    found: dict[str, dict[str, Any]] = json.loads((table.schema.metadata or {}).get(b"repro.environments", b"{}"))
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
    metadata = {
        **(table.schema.metadata or {}),
        b"repro.schema": str(SCHEMA_VERSION).encode(),
        b"repro.environments": json.dumps(records, sort_keys=True).encode(),
    }
    return table.replace_schema_metadata(metadata)


def concatenate(tables: Sequence[pa.Table]) -> pa.Table:
    """Return all rows of several tables, with the environments of each."""
    records = {name: record for table in tables for name, record in environments(table).items()}
    return with_environments(pa.concat_tables([table.replace_schema_metadata(None) for table in tables]), records)


def write(path: Path, table: pa.Table) -> None:
    """Write the rows in the order of their key, atomically and durably: a reader sees the old file or the new one."""
    validate(table, path)
    write_file(path, table.sort_by([(name, "ascending") for name in KEY]))


def write_file(path: Path, table: pa.Table) -> None:
    """Replace a Parquet file, synced to the disk before it takes its name."""
    with replacing(path, durable=True) as stream:
        pq.write_table(table, stream, compression="zstd")


def read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a results table, or some of its columns, and refuse a file that is not one (exit 6).

    The whole schema is compared even when only some columns are read; keys and values are checked when all are.
    """
    table = read_file(path, columns)
    version = (table.schema.metadata or {}).get(b"repro.schema", b"").decode()
    if version != str(SCHEMA_VERSION):
        raise IntegrityError(
            f"{path}: schema version '{version}', wanted {SCHEMA_VERSION}; "
            "it was not written by this version of repro: run the study again or convert the table"
        )
    if columns is None:
        validate(table, path)
    return table


def read_file(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet file whose columns are exactly the results schema's."""
    if not path.exists():
        raise NothingSelectedError(f"{path}: no such table; `repro run` makes one, `repro status` lists what exists")
    with opened(path, "Parquet table", "restore it or run again") as file:
        check_schema(file.schema_arrow, path)
        return file.read(columns=None if columns is None else list(columns))


@contextmanager
def opened(path: Path, what: str, remedy: str = "restore it") -> Iterator[pq.ParquetFile]:
    """Open a Parquet file. Raise IntegrityError where it, or what is read of it within, is no `what`."""
    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise IntegrityError(f"{path}: not a readable {what} ({reason}); {remedy}") from error


def check_schema(schema: pa.Schema, path: Path | str, wanted: pa.Schema = SCHEMA) -> None:
    """Refuse a schema with a missing, unknown, reordered or retyped column."""
    got = {field.name: field.type for field in schema}
    want = {field.name: field.type for field in wanted}
    missing = [name for name in want if name not in got]
    unknown = [name for name in got if name not in want]
    retyped = [
        f"{name} is {got[name]}, wanted {want[name]}" for name in want if name in got and got[name] != want[name]
    ]
    faults = [f"missing column {name}" for name in missing] + [f"unknown column {name}" for name in unknown] + retyped
    if not faults and list(got) != list(want):
        faults = ["columns in another order"]
    if faults:
        raise IntegrityError(f"{path}: {'; '.join(faults)}; restore the table or run the study again")


def validate(table: pa.Table, path: Path | str) -> None:
    """Refuse a table with a wrong schema, a null where none may be, a duplicate key, or a number that is none.

    Plain Python on purpose: pyarrow's own kernels load pandas where it is installed, which costs a check its start-up.
    """
    check_schema(table.schema, path)
    for field in SCHEMA:
        if not field.nullable and table[field.name].null_count:
            raise IntegrityError(f"{path}: column {field.name} has {table[field.name].null_count} empty entries")
    status = table["status"]
    unknown = sorted(set(status.to_pylist()) - set(STATUSES))
    if unknown:
        raise IntegrityError(f"{path}: unknown status {', '.join(unknown)} (known: {', '.join(STATUSES)})")
    pairs = list(zip(status.to_pylist(), table["value"].to_pylist(), strict=True))
    wild = sum(said == "ok" and (value is None or not math.isfinite(value)) for said, value in pairs)
    if wild:
        raise IntegrityError(f"{path}: {wild} rows say ok and hold no finite value")
    if any(said != "ok" and value is not None for said, value in pairs):
        raise IntegrityError(f"{path}: a row that is not ok holds a value; a failure is never a number")
    duplicates = table.num_rows - len(set(zip(*(table[name].to_pylist() for name in KEY), strict=True)))
    if duplicates:
        raise IntegrityError(f"{path}: {duplicates} duplicate rows (same {', '.join(KEY)}); `repro merge` joins tables")
