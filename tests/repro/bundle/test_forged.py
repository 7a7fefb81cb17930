"""Projects forged whole, every hash, digest and line of the log made anew, and packed by our own verb: not believed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.bundle import again, attest
from repro.bundle.pack import CHECK, ENVIRONMENTS, RERUNS, RESULTS, archive, files_of
from repro.bundle.words import plain
from repro.cli.main import main
from repro.golden import log, stored
from repro.golden.bands import BANDS_SCHEMA
from repro.golden.bless import with_record
from repro.runs import provenance, table
from repro.runs.rows import digest
from tests.repro.bundle.test_verify import seal, seal_statement
from tests.repro.support.bundles import CLAIMS, Files, refusal
from tests.sources import PROJECT

pytestmark = pytest.mark.usefixtures("within")

Lines = list[dict[str, Any]]


@pytest.fixture
def root(bundled: Path, tmp_path: Path) -> Path:
    """A copy of the project, to be forged."""
    return shutil.copytree(bundled, tmp_path / "forged")


def chain(root: Path, change: Callable[[Lines], Any]) -> None:
    """Change the entries of a log and make it a chain again."""
    path, previous, made = log.path_of(root), log.FIRST, b""
    entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    change(entries)
    for entry in entries:
        entry["previous"] = previous
        line = log.written(entry)
        previous, made = attest.sha256(line), made + line + b"\n"
    path.write_bytes(made)


def forge(
    root: Path,
    bands: Callable[[Lines], Any] = lambda lines: None,
    record: dict[str, Any] | None = None,
    rows: Callable[[pa.Table], pa.Table] = lambda some: some,
    twin: str = "",
) -> None:
    """Change a golden, and make digests, twin and log anew."""
    path = stored.path_of(root, "invented", "smoke")
    golden = stored.load(path)
    lines = golden.bands.to_pylist()
    bands(lines)
    changed = rows(golden.rows)
    made = pa.Table.from_pylist(lines, BANDS_SCHEMA)
    own = stored.metadata(golden.bands) | (record or {})
    own |= {"rows_digest": digest(changed), "bands_digest": digest(made)}
    made = with_record(made, own)
    changed = with_record(changed, stored.metadata(golden.rows) | (record or {}))
    table.write_file(path, changed)
    table.write_file(stored.bands_path(path), made)
    stored.twin_path(path).write_text(stored.twin(stored.Golden(changed, made)) + twin)
    chain(root, lambda entries: entries[0].update(after=log.state_of(path)))


def said_of(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """The line with which a forged project, packed, is refused."""
    return refusal(files_of(root, "invented", "smoke", root / RESULTS), tmp_path, capsys, *options)


# Bands


def one(experiment: str, metric: str, **changes: Any) -> Callable[[Lines], None]:
    """Change the first band of a metric."""

    def change(lines: Lines) -> None:
        line = next(line for line in lines if (line["experiment"], line["metric"]) == (experiment, metric))
        line.update(changes)

    return change


BANDS: dict[str, tuple[dict[str, Any], str]] = {
    "recorded where judged": ({"bands": one("exact", "total", kind="recorded")}, "give: kind of exact"),
    "recorded in one case": ({"bands": one("noisy", "loss", judged=False, kind="recorded")}, "declares noisy loss"),
    "an unknown kind": ({"bands": one("noisy", "loss", kind="fine")}, "rows of the unknown kind 'fine'"),
    "provisional": ({"bands": one("noisy", "loss", kind="provisional")}, "give: kind of noisy"),
    "exact where random": ({"bands": one("noisy", "loss", kind="exact")}, "declared deterministic, and its"),
    "a wide band": ({"bands": one("noisy", "loss", low=-1e9, high=1e9)}, "give: low, high of noisy"),
    "a wide scatter": ({"bands": one("noisy", "loss", s=1e9)}, "give: s of noisy"),
    "a moved mean": ({"bands": one("noisy", "loss", mean=9.0)}, "give: mean of noisy"),
    "a moved exact": ({"bands": one("exact", "total", mean=9.0)}, "give: mean of exact"),
    "more seeds": ({"bands": one("noisy", "loss", n0=99)}, "give: n0 of noisy"),
    "lax levels": ({"bands": one("noisy", "loss", confirm=1e9)}, "give: confirm of noisy"),
    "a coarse quantum": ({"bands": one("noisy", "accuracy", quantum=50.0)}, "declares noisy accuracy in two ways"),
    "another unit": ({"bands": one("noisy", "loss", unit="%")}, "give: unit of noisy"),
    "nearly all numbers": ({"bands": one("noisy", "loss", high=1e300)}, "give: high of noisy"),
    "useful in two ways": ({"bands": one("noisy", "loss", useful=5.0)}, "declares noisy loss in two ways"),
    "a band less": ({"bands": lambda lines: lines.pop()}, "holds 12 bands, the golden's rows give 13"),
    "a band twice": ({"bands": lambda lines: lines.append(lines[0])}, "holds 14 bands, the golden's rows give 13"),
    "another order": ({"bands": lambda lines: lines.reverse()}, "not what the golden's rows give"),
    "no seeds": ({"record": {"minimum_seeds": 0}}, "says method, level or number of seeds otherwise"),
    "true seeds": ({"record": {"minimum_seeds": True}}, "says method, level or number of seeds otherwise"),
    "more seeds than there are": ({"record": {"minimum_seeds": 11}}, "declared deterministic, and its"),
    "a level of its own": ({"record": {"alpha": 0.5}}, "says method, level or number of seeds otherwise"),
    "a twin with more": ({"twin": "All is well.\n"}, "smoke.md: does not say what the golden's tables say"),
    "a commit that is none": (
        {"rows": lambda some: column(some, "commit", "none")},
        "golden/invented/smoke.parquet: names the commit 'none', which is none",
    ),
}  # fmt: skip


def column(some: pa.Table, name: str, value: Any) -> pa.Table:
    place = some.schema.get_field_index(name)
    return some.set_column(
        place, some.schema.field(name), pa.array([value] * some.num_rows, some.schema.field(name).type)
    )


@pytest.mark.parametrize("name", BANDS)
def test_bands_that_rows_do_not_give(name: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes, reason = BANDS[name]
    forge(root, **changes)
    assert reason in said_of(root, tmp_path, capsys)


def test_forging_nothing_is_believed(root: Path, tmp_path: Path) -> None:
    """So that each forgery is refused for what was forged."""
    forge(root)
    path = tmp_path / "b.zip"
    path.write_bytes(archive(files_of(root, "invented", "smoke", root / RESULTS)))
    assert main(["verify", str(path), "--quiet"]) == 0


@pytest.mark.parametrize(
    "path", sorted(PROJECT.glob("golden/*/*.bands.parquet")), ids=lambda path: f"{path.parent.name}/{path.name}"
)
def test_every_golden_of_ours_gives_its_bands(path: Path) -> None:
    """What a study declares can be read from its bands as far as drawing them needs it."""
    golden = stored.load(path.with_name(path.name.replace(".bands", "")))
    again.hold_bands(golden, path.name)


# A stranger's words

WORDS = {
    "a line of its own": "x\n  signature    by alice@example.org",
    "a carriage return": "x\r  signature    by alice@example.org",
    "an escape": "x\x1b[2K\x1b[1A",
    "a title": "x\x1b]0;title\x07",
    "another line's end": "x\u2028y",
    "right to left": "x\u202ey",
    "a lone surrogate": "x\ud800",
    "very long": "x" * 100_000,
}  # fmt: skip


def in_log(field: str) -> Callable[[Path, str], None]:
    return lambda root, text: chain(root, lambda entries: entries[0].update({field: text}))


def in_commit(root: Path, text: str) -> None:
    rewrite(root, lambda some: column(some, "commit", text))


def rewrite(root: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    some = pq.read_table(root / RESULTS)
    table.write_file(root / RESULTS, change(some).replace_schema_metadata(some.schema.metadata))


def in_record(**fields: Any) -> Callable[[Path, str], None]:
    """Put a text into the record of an environment, whose name is made from it."""

    def put(root: Path, text: str) -> None:
        some = table.read(root / RESULTS)
        ((_, record),) = table.environments(some).items()
        record = record | {
            name: json.loads(json.dumps(value).replace("HERE", json.dumps(text)[1:-1]))
            for name, value in fields.items()
        }
        name = provenance.environment_id(record)
        made = table.with_environments(column(some, "environment", name), {name: record})
        table.write(root / RESULTS, made)

    return put


PLACES: dict[str, Callable[[Path, str], None]] = {
    "commit": in_commit,
    "device": in_record(device="HERE"),
    "image": in_record(image={"tree": "HERE"}),
    "lock": in_record(lock={"sha256": "HERE", "pinned": True, "unpinned_because": ""}),
    "who": in_log("who"),
    "when": in_log("when"),
}


# No table can hold a lone surrogate.
PAIRS = [(words, place) for words in WORDS for place in PLACES if (words, place) != ("a lone surrogate", "commit")]


@pytest.mark.parametrize(("words", "place"), PAIRS)
def test_no_words_of_a_stranger_are_printed_raw(
    words: str, place: str, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a record has a form they are refused, on one line that is printable and bounded."""
    PLACES[place](root, WORDS[words])
    said = said_of(root, tmp_path, capsys)
    assert said.removesuffix("\n").isprintable()
    assert len(said) < 2200


def test_a_name_of_a_study_is_printed_escaped(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict(packed)
    some = pq.read_table(pa.BufferReader(files[RESULTS]))
    sink = pa.BufferOutputStream()
    pq.write_table(table.sealed(column(some, "study", "x\x1b[2K\ny")), sink)
    files[RESULTS] = sink.getvalue().to_pybytes()
    seal(files)
    assert r"not the files of a bundle of x\x1b[2K\ny/smoke" in refusal(files, tmp_path, capsys)


@pytest.mark.parametrize(("text", "said"), [
    ("plain: é ß 汉", "plain: é ß 汉"), ("a\nb\tc", r"a\nb\tc"), ("\x1b[31m", r"\x1b[31m"), ("\ud800", r"\ud800"),
    ("\u2028\u202e\x85", r"\u2028\u202e\x85"), ("x" * 201, "x" * 197 + "..."), ("\n" * 200, r"\n" * 98 + "\\..."),
])  # fmt: skip
def test_words_made_plain(text: str, said: str) -> None:
    assert plain(text) == said
    assert plain(plain(text)) == plain(text)


# Fields of the wrong type


@pytest.mark.parametrize(("field", "value"), [
    ("number", True), ("who", 1), ("who", ["a"]), ("when", None), ("when", "today"), ("reason", {}), ("rows", "1"),
    ("commits", "c"), ("commits", ["main"]), ("images", {}), ("images", [1]), ("before", []), ("what", 1),
])  # fmt: skip
def test_fields_of_the_log_have_their_types(
    field: str, value: Any, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = 1 if field == "what" else 0
    files = files_of(root, "invented", "smoke", root / RESULTS)
    if field == "what":
        chain(
            root,
            lambda entries: (
                entries.insert(0, {**entries[0], "what": 1, "number": 1})
                or entries[1].update(number=2)
                or entries[2].update(number=3)
            ),
        )
    else:
        chain(root, lambda entries: entries[place].update({field: value}))
    name = "golden/log.jsonl"
    files[name] = (root / name).read_bytes()
    seal(files)
    assert f"golden/log.jsonl:1: '{field}' is not what stands there in a log" in refusal(files, tmp_path, capsys)


@pytest.mark.parametrize(("field", "value"), [
    ("device", 1), ("device", None), ("image", []), ("image", "x"), ("image", {"tree": 1}), ("lock", None),
    ("lock", {"sha256": 1, "pinned": True, "unpinned_because": ""}),
    ("lock", {"sha256": None, "pinned": "yes", "unpinned_because": ""}),
])  # fmt: skip
def test_fields_of_a_record_have_their_types(
    field: str, value: Any, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_record(**{field: value})(root, "")
    files = files_of(root, "invented", "smoke", root / RESULTS)
    assert f"results.parquet: '{field}' of the environment" in refusal(files, tmp_path, capsys)


# Words that only other tools read


def edited(name: str, change: Callable[[Any], Any]) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        said = attest.load(files[name], name)
        change(said)
        files[name] = attest.dump(said)
        if name == attest.CRATE:
            seal_statement(files)

    return edit


def in_crate(named: str, **fields: Any) -> Callable[[Files], None]:
    return edited(attest.CRATE, lambda said: next(x for x in said["@graph"] if x["@id"] == named).update(fields))


def in_predicate(**fields: Any) -> Callable[[Files], None]:
    return edited(attest.STATEMENT, lambda said: said["predicate"].update(fields))


def in_subject(**fields: Any) -> Callable[[Files], None]:
    return edited(attest.STATEMENT, lambda said: said["subject"][0].update(fields))


WHOLE: dict[str, Callable[[Files], None]] = {
    "tests that nobody made": in_predicate(passedTests=["everything the document says"]),
    "no tests": edited(attest.STATEMENT, lambda said: said["predicate"].pop("passedTests")),
    "a test less": edited(attest.STATEMENT, lambda said: said["predicate"]["passedTests"].pop()),
    "a warning": in_predicate(warnedTests=["x"]),
    "another golden": edited(
        attest.STATEMENT,
        lambda said: said["predicate"]["configuration"][0].update(digest={"sha256": "0" * 64}),
    ),
    "an address": in_predicate(url="https://example.invalid/"),
    "a subject's address": in_subject(uri="https://example.invalid/"),
    "a subject's notes": in_subject(annotations={"a": "b"}),
    "a subject's content": in_subject(content="YQ=="),
    "a subject's type": in_subject(mediaType="text/html"),
    "another order": edited(attest.STATEMENT, lambda said: said["subject"].reverse()),
    "a crate's claim": in_crate("./", description="All 841 claims reproduced"),
    "a crate's date": in_crate("./", datePublished="1999-01-01"),
    "a crate's licence": in_crate("./", license="public domain"),
    "a crate's author": in_crate("./", author="alice"),
    "a crate's commit": in_crate("#repro", identifier=["d" * 40]),
    "a crate's tool": in_crate("#repro", name="other"),
    "a crate's version": in_crate("#repro", softwareVersion="1.0\n2"),
    "a hash in a list": in_crate(RESULTS, sha256=["0" * 64]),
    "a number for a text": in_crate(RESULTS, contentSize=1),
    "an entity more": edited(attest.CRATE, lambda said: said["@graph"].append({"@id": "#x", "@type": "Person"})),
    "an entity twice": edited(attest.CRATE, lambda said: said["@graph"].append(said["@graph"][0])),
    "a context of its own": edited(attest.CRATE, lambda said: said.update({"@context": "https://example.invalid/"})),
    "a graph that is none": edited(attest.CRATE, lambda said: said.update({"@graph": {"a": 1}})),
    "a graph of nothing": edited(attest.CRATE, lambda said: said.update({"@graph": [None, 1, [], "x"]})),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_statement_and_crate_are_held_to_every_word(
    name: str, packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict(packed)
    WHOLE[name](files)
    assert "not what these files come to, at " in refusal(files, tmp_path, capsys)


def test_a_crate_of_another_version_of_this_tool_is_read(packed: Files, tmp_path: Path) -> None:
    files = dict(packed)
    in_crate("#repro", softwareVersion="0.0.9rc1")(files)
    path = tmp_path / "b.zip"
    path.write_bytes(archive(files))
    assert main(["verify", str(path), "--quiet"]) == 0


# Files that are something else

OTHER = {
    "nothing": b"", "a null": b"null", "a list": b"[]", "an object": b"{}", "a text": b'"x"', "a number": b"1",
    "lists of lists": b"[[],[[]],{}]", "too large a number": b"[1e999]", "very many digits": b"1" * 5000,
    "a surrogate": b'{"a": "\\ud800"}', "no text": b"\xff\xfe", "a key twice": b'{"a": {"b": 1, "b": 2}}',
    "deep": b"[" * 41 + b"]" * 41, "a text with no end": b'"' + b"[" * 50,
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER)
@pytest.mark.parametrize("name", [CHECK, ENVIRONMENTS, attest.CRATE, attest.STATEMENT, CLAIMS, RERUNS])
def test_files_that_are_something_else(
    what: str, name: str, packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {**packed, name: OTHER[what]}
    if name != attest.STATEMENT:
        keep = packed[CHECK] if name == CHECK else files.get(CHECK, b"")
        files[CHECK] = keep
        seal_statement(files)
        files = {**files, name: OTHER[what]}
        said = json.loads(files[attest.STATEMENT])
        for subject in said["subject"]:
            subject["digest"] = {"sha256": attest.sha256(files[subject["name"]])}
        files[attest.STATEMENT] = attest.dump(said)
    said = refusal(files, tmp_path, capsys)
    assert said.removesuffix("\n").isprintable()
