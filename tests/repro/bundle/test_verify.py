"""Bundles that were changed are not believed, however well they were sealed again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.bundle import attest
from repro.bundle.pack import CHECK, ENVIRONMENTS, RESULTS, archive, inputs_of
from repro.cli.main import main
from repro.runs import table
from tests.repro.support.bundles import BANDS, CLAIMS, GOLDEN, LOG, Files, refusal

pytestmark = pytest.mark.usefixtures("within")

# What is not believed: changed and not sealed again


def changed_statement(change: Callable[[dict[str, Any]], Any]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        said = attest.load(files[attest.STATEMENT], "s")
        change(said)
        files[attest.STATEMENT] = attest.dump(said)

    return edit


def bare(files: Files) -> Files:
    """What the statement speaks of."""
    return {name: content for name, content in files.items() if name != attest.STATEMENT}


def seal_statement(files: Files) -> None:
    """Make the statement anew, as a forger would."""
    check = json.loads(files[CHECK]) if CHECK in files else {}
    check = {"findings": [], "exit_code": 0, "counts": {}, **check}
    files[attest.STATEMENT] = attest.statement(bare(files), check, inputs_of(files, "invented", "smoke"))


def seal(files: Files) -> None:
    """Make crate and statement anew."""
    plain = {name: content for name, content in bare(files).items() if name != attest.CRATE}
    said = attest.load(files[attest.CRATE], "c")
    graph = {one["@id"]: one for one in said["@graph"]}
    told = {
        "name": graph["./"]["name"], "description": graph["./"]["description"], "licence": "LICENSE",
        "published": graph["./"]["datePublished"], "commits": graph["#repro"]["identifier"], "images": [],
        "version": "0.1.0", "inputs": inputs_of(files, "invented", "smoke"),
    }  # fmt: skip
    files[attest.CRATE] = attest.crate({RESULTS: b"", CHECK: b"", **plain}, told)
    seal_statement(files)


def replace(name: str, content: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({name: content})


def changed_crate(change: Callable[[dict[str, Any]], Any]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        said = attest.load(files[attest.CRATE], "c")
        change({one["@id"]: one for one in said["@graph"]})
        files[attest.CRATE] = attest.dump(said)
        seal_statement(files)

    return edit


UNSEALED: dict[str, tuple[Callable[[Files], Any], str]] = {
    "a changed file": (replace("LICENSE", b"mine"), "LICENSE: is not the file that the statement speaks of"),
    "changed results": (replace(RESULTS, b"PAR1"), "results.parquet: is not the file"),
    "a file more": (replace("more.txt", b""), "statement.json: does not speak of each file once: more.txt"),
    "a file less": (lambda files: files.pop("LICENSE"), "does not speak of each file once: LICENSE"),
    "no statement": (lambda files: files.pop(attest.STATEMENT), "no bundle: it holds no statement.json"),
    "no crate": (lambda files: files.pop(attest.CRATE), "no bundle"),
    "some other archive": (lambda files: [files.clear(), files.update(a=b"")], "no bundle"),
    "a statement that is no JSON": (replace(attest.STATEMENT, b"{"), "statement.json: not readable as JSON"),
    "a statement that is no text": (replace(attest.STATEMENT, b"\xff"), "statement.json: not readable as JSON"),
    "a statement of nothing": (replace(attest.STATEMENT, b"[]"), "no valid in-toto statement"),
    "a key twice": (replace(attest.STATEMENT, b'{"a": 1, "a": 2}'), "a key stands twice"),
    "a deep statement": (replace(attest.STATEMENT, b"[" * 100_000), "is more than 40 levels deep"),
    "a field more": (changed_statement(lambda said: said.update(more=1)), "no valid in-toto statement"),
    "another type": (changed_statement(lambda said: said.update(_type="x")), "Wrong statement type"),
    "another predicate": (changed_statement(lambda said: said.update(predicateType="x")), "is about 'x'"),
    "no predicate": (changed_statement(lambda said: said.pop("predicate")), "Predicate object required"),
    "an odd predicate": (changed_statement(lambda said: said["predicate"].update(result=[1])), "no valid in-toto"),
    "no subject": (changed_statement(lambda said: said.update(subject=[])), "At least one subject"),
    "a subject twice": (
        changed_statement(lambda said: said["subject"].append(said["subject"][0])),
        "does not speak of each file once: LICENSE",
    ),
    "a weak hash": (
        changed_statement(lambda said: said["subject"][0].update(digest={"md5": "0"})),
        "its SHA-256 differs",
    ),
    "no hash": (changed_statement(lambda said: said["subject"][0].update(digest={})), "At least one digest"),
}


@pytest.mark.parametrize("name", UNSEALED)
def test_changed_bundles_are_refused(
    name: str, packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, reason = UNSEALED[name]
    files = dict(packed)
    change(files)
    assert reason in refusal(files, tmp_path, capsys)


# What is not believed: changed, and every hash made anew


def rewritten(name: str, change: Callable[[pa.Table], pa.Table]) -> Callable[[Files], None]:
    """Change a table, its metadata as it was."""

    def edit(files: Files) -> None:
        some = pq.read_table(pa.BufferReader(files[name]))
        sink = pa.BufferOutputStream()
        pq.write_table(table.sealed(change(some).replace_schema_metadata(some.schema.metadata)), sink)
        files[name] = sink.getvalue().to_pybytes()

    return edit


def better(some: pa.Table, column: str = "value", by: float = 1.0) -> pa.Table:
    """The table with the first number of a column moved."""
    values = some[column].to_pylist()
    place = next(number for number, value in enumerate(values) if value is not None)
    values[place] += by
    field = some.schema.get_field_index(column)
    return some.set_column(field, some.schema.field(column), pa.array(values, some.schema.field(column).type))


def set_all(some: pa.Table, column: str, value: Any) -> pa.Table:
    field = some.schema.get_field_index(column)
    return some.set_column(field, some.schema.field(column), pa.array([value] * some.num_rows, pa.string()))


def edited_json(name: str, change: Callable[[Any], Any]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        said = attest.load(files[name], name)
        change(said)
        files[name] = attest.dump(said)

    return edit


def records_edited(files: Files) -> None:
    """A record changed in both places that hold it."""
    some = pq.read_table(pa.BufferReader(files[RESULTS]))
    records = table.environments(some)
    for record in records.values():
        record["device"] = "cuda"
    sink = pa.BufferOutputStream()
    pq.write_table(table.sealed(table.with_environments(some, records)), sink)
    files[RESULTS], files[ENVIRONMENTS] = sink.getvalue().to_pybytes(), attest.dump(records)


def unfolding(files: Files) -> None:
    """A table of a few bytes with very many rows."""
    sink = pa.BufferOutputStream()
    rows = pa.table({"value": pa.array(np.zeros(200_001))})
    pq.write_table(rows, sink, compression="zstd")
    files[RESULTS] = sink.getvalue().to_pybytes()
    assert len(files[RESULTS]) < 100_000


def first_line_only(files: Files) -> None:
    files[LOG] = files[LOG].splitlines(keepends=True)[0]


SEALED: dict[str, tuple[Callable[[Files], Any], str]] = {
    "a file that has no place": (replace("setup.py", b""), "setup.py does not belong here"),
    "another study's golden": (replace("golden/other/smoke.md", b""), "golden/other/smoke.md does not belong here"),
    "no results": (lambda files: files.pop(RESULTS), "holds no results.parquet"),
    "no golden": (lambda files: files.pop(GOLDEN), f"{GOLDEN} is missing"),
    "no log": (lambda files: files.pop(LOG), f"{LOG} is missing"),
    "no check": (lambda files: files.pop(CHECK), f"{CHECK} is missing"),
    "a better result": (rewritten(RESULTS, lambda some: better(some, by=9.0)), "check.json: not what these rows and"),
    "results that are no table": (replace(RESULTS, b"PAR1"), "results.parquet: not a readable Parquet table"),
    "no rows": (rewritten(RESULTS, lambda some: some.slice(0, 0)), "wanted rows of one study and profile, got 0"),
    "two profiles": (
        rewritten(RESULTS, lambda some: pa.concat_tables([some, set_all(some, "profile", "lite")])),
        "wanted rows of one study and profile, got 2",
    ),
    "a study that leaves its folder": (
        rewritten(RESULTS, lambda some: set_all(some, "study", "../../x")),
        "not the files of a bundle of ../../x/smoke",
    ),
    "a row twice": (rewritten(RESULTS, lambda some: pa.concat_tables([some, some])), "13 duplicate rows"),
    "a column less": (rewritten(RESULTS, lambda some: some.drop_columns(["seed"])), "missing column seed"),
    "a table that unfolds": (unfolding, "results.parquet: has 200001 rows, wanted 200000 at most"),
    "a seed of another run": (
        rewritten(RESULTS, lambda some: better(some, "seed", 1)),
        'results.parquet: exact {"x":0} replicate 0 has the seed',
    ),
    "replicates that nobody made": (
        rewritten(RESULTS, lambda some: better(some, "replicate", 10**6)),
        "replicate 1000000 has the seed",
    ),
    "an environment without record": (
        rewritten(RESULTS, lambda some: set_all(some, "environment", "0" * 16)),
        "names the environment 0000000000000000, of which there is no record",
    ),
    "an edited record": (records_edited, "is not the one that its name was made from"),
    "records of another run": (replace(ENVIRONMENTS, b"{}"), "not the records that results.parquet carries"),
    "a better check": (edited_json(CHECK, lambda said: said["findings"].pop()), "check.json: not what these rows"),
    "a check that hides a word": (
        edited_json(CHECK, lambda said: said["findings"][0].update(text="fine")),
        "check.json: not what these rows",
    ),
    "a check that is no number": (
        replace(CHECK, b'{"findings": [], "exit_code": 0, "x": NaN}'),
        "check.json: not readable as JSON (ValueError: NaN is no number)",
    ),
    "golden rows moved": (rewritten(GOLDEN, better), "its rows are not what was blessed in line 1"),
    "bands made wider": (
        rewritten(BANDS, lambda some: better(some, "high")),
        "its bands are not what was blessed in line 1",
    ),
    "another twin": (replace("golden/invented/smoke.md", b"other"), "its twin are not what was blessed in line 1"),
    "a log that stops early": (first_line_only, "no blessing of audit"),
    "an edited log": (
        lambda files: files.update({LOG: files[LOG].replace(b'"first"', b'"other"', 1)}),
        "log.jsonl:2: does not follow the line before it",
    ),
    "better verdicts": (
        rewritten("golden/audit.parquet", lambda some: set_all(some, "verdict", "reproduced")),
        "golden of audit: its rows are not what was blessed in line 2",
    ),
    "claims that are none": (replace(CLAIMS, b"[[claim]]\n"), f"{CLAIMS}"),
    "a crate that is no JSON": (replace(attest.CRATE, b"{"), "ro-crate-metadata.json: not readable as JSON"),
}
CRATES: dict[str, tuple[Callable[[Files], Any], str]] = {
    "a crate with another hash": (
        changed_crate(lambda graph: graph["LICENSE"].update(sha256="0" * 64)),
        "ro-crate-metadata.json: not what these files come to, at @graph.LICENSE.sha256",
    ),
    "a crate without a file": (
        changed_crate(lambda graph: graph["./"]["hasPart"].remove({"@id": RESULTS})),
        "not what these files come to, at @graph../.hasPart",
    ),
    "a crate without root": (changed_crate(lambda graph: graph["./"].pop("@id")), "not what these files come to"),
    "a crate that is nothing": (
        lambda files: [files.update({attest.CRATE: b"{}"}), seal_statement(files)],
        "ro-crate-metadata.json: not what these files come to, at @context",
    ),
    "a statement that lies": (
        changed_statement(lambda said: said["predicate"].update(result="FAILED")),
        "says FAILED, the check comes to 13 agrees",
    ),
}


@pytest.mark.parametrize("name", [*SEALED, *CRATES])
def test_forged_bundles_are_refused(
    name: str, packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict(packed)
    change, reason = (SEALED | CRATES)[name]
    change(files)
    if name == "a crate that is no JSON":
        seal_statement(files)
    elif name in SEALED:
        seal(files)
    assert reason in refusal(files, tmp_path, capsys)


def test_sealing_again_alone_changes_nothing(packed: Files, tmp_path: Path) -> None:
    """So that each forgery above is refused for what was forged."""
    files = dict(packed)
    seal(files)
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files))
    assert main(["verify", str(path), "--quiet"]) == 0
