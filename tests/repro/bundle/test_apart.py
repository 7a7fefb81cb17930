"""What a bundle may cost: bytes, rows, memory and seconds, each with a line that says so and exit 6."""

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.bundle import apart, attest, bounds, signature
from repro.bundle.pack import CHECK, ENVIRONMENTS, RERUNS, RESULTS, archive, files_of
from repro.cli.main import main
from repro.errors import InfrastructureError, IntegrityError, UsageError
from repro.runs import table
from tests.repro.bundle.test_verify import seal
from tests.repro.support.bundles import CLAIMS, Files, refusal
from tests.sources import PROJECT

GIB = 2**30


def peak_of(files: Files, tmp_path: Path) -> tuple[int, str, int]:
    """Verify a bundle by the command: its exit code, what it said, and the most bytes of memory of any process."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files))
    code = (
        "import pathlib, re, resource, sys; from repro.cli.main import main; code = main(['verify', sys.argv[1]]);"
        # Its own peak by the kernel's mark of this program: a process begins with the peak of the one that started it.
        "own = int(re.search(r'VmHWM:\\s+(\\d+)', pathlib.Path('/proc/self/status').read_text())[1]);"
        "print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)); sys.exit(code)"
    )
    home = str(PROJECT)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": home},
    )
    *_, peak = done.stdout.splitlines()
    return done.returncode, done.stderr, int(peak) * 1024


def many(name: str, rows: int) -> Callable[[Files], None]:
    """The same row, very often."""

    def edit(files: Files) -> None:
        some = pq.read_table(pa.BufferReader(files[RESULTS]))
        sink = pa.BufferOutputStream()
        pq.write_table(some.take(pa.array([0] * rows)), sink, compression="zstd")
        files[name] = sink.getvalue().to_pybytes()

    return edit


def long_texts(length: int, rows: int, *, plain: bool) -> Callable[[Files], None]:
    """One long text in many rows, stored once where the file may use a dictionary."""

    def edit(files: Files) -> None:
        some = pq.read_table(pa.BufferReader(files[RESULTS])).take(pa.array([0] * rows))
        place = some.schema.get_field_index("detail")
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * length]))
        made = some.set_column(
            place,
            pa.field("detail", pa.string() if plain else texts.type, nullable=False),
            texts.cast(pa.string()) if plain else texts,
        )
        sink = pa.BufferOutputStream()
        # The kind of a column is not kept: a reader takes it for plain text.
        with pq.ParquetWriter(sink, made.schema, compression="zstd", store_schema=False) as writer:
            writer.write_table(made)
            writer.add_key_value_metadata({key.decode(): value.decode() for key, value in some.schema.metadata.items()})
        files[RESULTS] = sink.getvalue().to_pybytes()

    return edit


def lists(name: str, count: int) -> Callable[[Files], None]:
    return lambda files: files.update({name: b"[" + b"[]," * count + b"[]]"})


def footer(size: int) -> Callable[[Files], None]:
    """A record of environments of many empty lists."""

    def edit(files: Files) -> None:
        some = pq.read_table(pa.BufferReader(files[RESULTS]))
        said = b'{"a": [' + b"[]," * (size // 3) + b"[]]}"
        sink = pa.BufferOutputStream()
        pq.write_table(some.replace_schema_metadata({**some.schema.metadata, b"repro.environments": said}), sink)
        files[RESULTS] = sink.getvalue().to_pybytes()

    return edit


HEAVY: dict[str, tuple[Callable[[Files], None], str]] = {
    "equal rows": (many(RESULTS, 300_000), "results.parquet: has 300000 rows, wanted 200000 at most"),
    "equal rows in another table": (many(RERUNS, 300_000), "reruns.parquet: has 300000 rows, wanted 200000 at most"),
    "a long text": (long_texts(70_000_000, 1, plain=True), "results.parquet: column detail unpacks to more than"),
    "a long text, often": (long_texts(1_000_000, 1_500, plain=False), "results.parquet: not a readable Parquet"),
    "a large check": (lists(CHECK, 2_000_000), "check.json: has more than 5000000 bytes"),
    "large environments": (lists(ENVIRONMENTS, 2_000_000), "environments.json: has more than 5000000 bytes"),
    "a large crate": (lists(attest.CRATE, 2_000_000), "ro-crate-metadata.json: has more than 5000000 bytes"),
    "a large statement": (lists(attest.STATEMENT, 2_000_000), "statement.json: has more than 5000000 bytes"),
    "a large signature": (lists(attest.SIGNATURE, 4_000), "statement.json.sig: has more than 10000 bytes"),
    "large claims": (lambda files: files.update({CLAIMS: b"#" * 5_000_001}), "claims.toml: has more than 5000000"),
    "a large footer": (footer(6_000_000), "results.parquet: its footer has more than 5000000 bytes"),
    "a check of lists": (lists(CHECK, 200_000), "check.json: not what these rows and bands come to"),
}  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
@pytest.mark.parametrize("name", HEAVY)
def test_nothing_takes_a_gibibyte(name: str, packed: Files, tmp_path: Path) -> None:
    """Archives of a few kB that took gigabytes, or minutes, to refuse."""
    change, reason = HEAVY[name]
    files = dict(packed)
    change(files)
    if name not in ("a large statement", "a large signature"):
        resealed(files, packed)
    code, said, peak = peak_of(files, tmp_path)
    assert (code, said.count("\n")) == (6, 1), said
    assert reason in said
    assert peak < GIB


def resealed(files: Files, packed: Files) -> None:
    """Make the statement anew for these files, whatever the other files say."""
    changed = {**files, CHECK: packed[CHECK], attest.CRATE: packed[attest.CRATE]}
    seal(changed)
    for name in (attest.CRATE, attest.STATEMENT):
        files[name] = changed[name] if files[name] == packed[name] else files[name]
    said = json.loads(files[attest.STATEMENT])
    for subject in said["subject"]:
        subject["digest"] = {"sha256": attest.sha256(files[subject["name"]])}
    files[attest.STATEMENT] = attest.dump(said)


# The guards themselves, on harmless inputs


def test_what_takes_too_long_is_ended(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "SECONDS", 0.001)
    assert "takes more than 0.001 s to read" in refusal(packed, tmp_path, capsys)
    assert not list(tmp_path.glob("tmp*"))


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate memory", "/tmp/x")])
def test_what_asks_for_more_memory_than_there_is(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(path: Path) -> Files:
        raise error

    monkeypatch.setattr("repro.bundle.unpack.contents", ask)
    with pytest.raises(IntegrityError, match="refused: takes more than 1073741824 bytes of memory to read"):
        apart.told(*apart.read(tmp_path / "b.zip", None, None))


@pytest.mark.parametrize(("said", "complaint", "code", "kind", "text"), [
    ("", "Traceback\nModuleNotFoundError: x\n", 1, InfrastructureError, "did not start (ModuleNotFoundError: x)"),
    ("", "", -9, InfrastructureError, "did not start (exit -9)"),
    ("ready\n", "", -11, IntegrityError, "refused: reading it ended the process that read it (signal 11)"),
    ("ready\n", "Traceback\n", 1, IntegrityError, "refused: reading it ended the process that read it (exit 1)"),
    ('ready\n[{"a"', "", -6, IntegrityError, "(signal 6)"),
    ('ready\n[null, "why", 6]\n', "", 0, IntegrityError, "why"),
    ('ready\n[null, "why", 2]\n', "", 0, UsageError, "why"),
    ('ready\n[null, "why", 1]\n', "", 0, IntegrityError, "why"),
])  # fmt: skip
def test_whatever_the_other_process_does_is_said(
    said: str, complaint: str, code: int, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind) as caught:
        apart.understood(Path("b.zip"), said, complaint, code)
    assert text in str(caught.value)


def test_modules_in_the_current_folder_are_left_alone(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive is often unpacked, or read, in a folder of downloads."""
    for name in ("json", "secrets", "resource"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('mine')\n")
    monkeypatch.chdir(tmp_path)
    Path("bundle.zip").write_bytes(archive(packed))
    assert main(["verify", "bundle.zip", "--quiet"]) == 0


@pytest.mark.usefixtures("within")
def test_ssh_keygen_is_not_waited_for(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (tmp_path / "signers").write_text("")
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(signature, "PATIENCE_SECONDS", 0.1)
    files = {**packed, attest.SIGNATURE: b"some"}
    said = refusal(files, tmp_path, capsys, "--signers", str(tmp_path / "signers"))
    assert "the signature could not be read in 0.1 s" in said


@pytest.mark.parametrize(("content", "deep"), [
    (b"[" * 40 + b"]" * 40, False), (b"[" * 41 + b"]" * 41, True), (b"[]" * 1000, False), (b'{"a":' * 41, True),
    (b'["' + b"[" * 100 + b'"]', False), (b'["\\"' + b"[" * 100 + b'"]', False), (b'["\\\\"' + b"[" * 100, True),
    (b'"' + b"[" * 100, False), (b"[" * 30 + b"]" * 30 + b"[" * 30, False),
])  # fmt: skip
def test_depth(content: bytes, deep: bool) -> None:
    if deep:
        with pytest.raises(IntegrityError, match="a: is more than 40 levels deep"):
            bounds.refuse_depth(content, "a")
    else:
        bounds.refuse_depth(content, "a")


def test_what_could_not_be_verified_is_not_packed(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "TEXT_BYTES", 10)
    with pytest.raises(UsageError, match=r"too large to be verified: .*: has more than 10 bytes; bundle fewer runs"):
        files_of(bundled, "invented", "smoke", bundled / RESULTS)
    monkeypatch.undo()
    monkeypatch.setattr(bounds, "ROWS", table.read(bundled / RESULTS).num_rows - 1)
    with pytest.raises(UsageError, match=r"too large to be verified: .* has 13 rows, wanted 12 at most"):
        files_of(bundled, "invented", "smoke", bundled / RESULTS)
