"""Bundles: what is packed is believed anywhere, and a signature names who packed it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from repro import registry
from repro.bundle import attest, pack
from repro.bundle.pack import RESULTS, archive, files_of
from repro.cli.main import main
from repro.errors import IntegrityError, NothingSelectedError, UsageError
from repro.runs import table
from repro.runs.plan import identity
from repro.runs.store import reruns_path
from repro.seeds import derive_seed
from tests.repro.support.bundles import BANDS, GOLDEN, LOG, Files, refusal, with_record
from tests.repro.support.synthetic import invented, rows_of, write
from tests.sources import PROJECT

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen, of OpenSSH's client")


# What is packed is believed


def test_round_trip(packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(packed))
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert f"{path}: whole" in said
    assert "invented/smoke: 13 rows of 5 runs" in said
    assert "the lock in here" in said
    assert "PASSED, made again: 13 agrees" in said
    assert "anybody could have made this bundle" in said
    assert "1; blessed verdicts: 1 not testable" in said
    assert "its log is not this project's" in said
    assert (
        "drawn again from 121 golden rows: 8 band, 1 exact, 4 recorded; that these are not judged is its word" in said
    )
    assert main(["verify", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"] == "PASSED, made again: 13 agrees"


def test_a_run_gives_one_sequence_of_bytes(bundled: Path, packed: Files) -> None:
    assert archive(files_of(bundled, "invented", "smoke", bundled / RESULTS)) == archive(packed)


def test_it_is_believed_in_another_folder_by_another_process(packed: Files, tmp_path: Path) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(packed))
    command = [sys.executable, "-m", "repro", "verify", path.name]
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env={"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [found.name for found in tmp_path.iterdir()] == ["bundle.zip"]


def test_a_failed_check_is_packed_as_one(bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(invented(), range(10, 11))
    next(row for row in rows if row["metric"] == "total")["value"] += 1.0
    table.write(tmp_path / "r.parquet", with_record(rows))
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")))
    assert main(["verify", str(path)]) == 0
    assert "FAILED, made again: 12 agrees, 1 deviates" in capsys.readouterr().out


def test_what_was_run_again_is_packed_too(bundled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A suspicious row is not settled, and with the runs that settle it is."""
    rows = rows_of(invented(), range(10, 11))
    rows[1]["value"] -= 50.0
    table.write(tmp_path / "r.parquet", with_record(rows))
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")))
    assert main(["verify", str(path)]) == 0
    assert "WARNED, made again: 12 agrees, 1 suspicious" in capsys.readouterr().out
    table.write(reruns_path(tmp_path / "r.parquet"), with_record(rows_of(invented(), range(11, 15))))
    path.write_bytes(archive(files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")))
    assert main(["verify", str(path)]) == 0
    assert "PASSED, made again: 13 agrees" in capsys.readouterr().out


def test_what_the_statement_says(packed: Files) -> None:
    said = attest.load(packed[attest.STATEMENT], "s")
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["predicate"]["result"] == "PASSED"
    assert len(said["predicate"]["passedTests"]) == 13
    inputs = {one["name"] for one in said["predicate"]["configuration"]}
    assert inputs == {GOLDEN, BANDS, "golden/invented/smoke.md", LOG, "containers/lock/cuda.txt"}


def test_what_the_crate_says(packed: Files) -> None:
    said = attest.load(packed[attest.CRATE], "c")
    graph = {one["@id"]: one for one in said["@graph"]}
    assert said["@context"].startswith("https://w3id.org/ro/crate/")
    assert {one["@id"] for one in graph["./"]["hasPart"]} == set(packed) - {attest.CRATE}
    assert graph["./"]["license"] == {"@id": "LICENSE"}
    assert graph["./"]["datePublished"] == "2024-01-01T00:00:00+00:00"
    assert graph["#run"]["result"] == [{"@id": RESULTS}, {"@id": "check.json"}]
    assert graph[RESULTS]["sha256"] == attest.sha256(packed[RESULTS])


def fresh_rows(tmp_path: Path) -> Path:
    """One more replicate of rfnn: the first golden one, moved in its last digits, of the code that is here."""
    held = table.read(PROJECT / "golden" / "rfnn" / "smoke.parquet")
    wanted = identity(registry.load("rfnn"), "smoke")
    whole = held.to_pylist()
    rows = [row for row in whole if row["replicate"] == whole[0]["replicate"]]
    for row in rows:
        row["replicate"] = 1000
        row["seed"] = derive_seed("rfnn", row["experiment"], row["case"], 1000)
        row["settings"], row["data"], row["code"] = wanted.of(row["experiment"], row["case"])
        row["value"] = row["value"] and row["value"] * (1 + 1e-9 * (row["n_test"] is None))
    table.write(tmp_path / "fresh.parquet", table.build(rows, table.environments(held)))
    return tmp_path / "fresh.parquet"


def test_the_verb_packs_and_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, out = fresh_rows(tmp_path), tmp_path / "new" / "evidence.zip"
    assert main(["bundle", "rfnn", "--results", str(results), "--out", str(out)]) == 0
    assert f"wrote {out}: 16 files" in capsys.readouterr().out
    assert main(["verify", str(out)]) == 0
    assert "its log is this project's" in capsys.readouterr().out


def test_uncommitted_changes_are_said(bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{**row, "commit": "c" * 40 + "+dirty"} for row in rows_of(invented(), range(10, 11))]
    table.write(tmp_path / "r.parquet", with_record(rows))
    assert b"+dirty" in files_of(bundled, "invented", "smoke", tmp_path / "r.parquet")[attest.CRATE]


# What cannot be packed


@pytest.mark.parametrize("again", [False, True])
def test_rows_of_other_code_are_not_packed(again: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor where they are what a check ran again."""
    results, out = fresh_rows(tmp_path), tmp_path / "b.zip"
    held = table.read(results)
    rows = [{**row, "code": "before"} for row in held.to_pylist()]
    stale = reruns_path(results) if again else results
    table.write(stale, table.build(rows, table.environments(held)))
    assert main(["bundle", "rfnn", "--results", str(results), "--out", str(out)]) == 3
    said = capsys.readouterr().err
    assert f"{stale}: 50 runs are of other code, settings, data or units than are here" in said
    assert "repro run rfnn --profile smoke" in said
    assert not out.exists()


def test_without_a_golden_there_is_nothing_to_hold_results_to(bundled: Path) -> None:
    with pytest.raises(NothingSelectedError, match="no such golden"):
        files_of(bundled, "invented", "lite", bundled / RESULTS)


def test_results_of_another_profile_are_not_packed(bundled: Path, tmp_path: Path) -> None:
    rows = [{**row, "profile": "lite"} for row in rows_of(invented(), range(10, 11))]
    with pytest.raises(UsageError, match="holds rows of invented/lite; wanted invented/smoke alone"):
        files_of(bundled, "invented", "smoke", write(tmp_path / "r.parquet", rows))


def test_a_golden_that_the_log_does_not_hold_is_not_packed(bundled: Path, tmp_path: Path) -> None:
    root = shutil.copytree(bundled, tmp_path / "copy")
    (root / "golden/invented/smoke.md").write_text("other")
    with pytest.raises(IntegrityError, match="its twin are not what was blessed"):
        files_of(root, "invented", "smoke", root / RESULTS)


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    results = fresh_rows(tmp_path)
    assert main(["bundle", "rfnn", "--results", str(results), "--out", str(tmp_path / "file" / "b.zip")]) == 7
    assert "cannot be written (File exists)" in capsys.readouterr().err


# Signatures


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder with two keys, and a list that names the first."""
    for name in ("ours", "theirs"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(command, check=True)
        public = " ".join((tmp_path / f"{name}.pub").read_text().split()[:2])
        (tmp_path / f"{name}.signers").write_text(f"{name}@example.invalid {public}\n")
    return tmp_path


def signed(files: Files, key: Path) -> Files:
    from repro.bundle.signature import sign

    return {**files, attest.SIGNATURE: sign(files[attest.STATEMENT], key)}


@needs_ssh
def test_a_signature_names_its_signer(packed: Files, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = keys / "bundle.zip"
    path.write_bytes(archive(signed(packed, keys / "ours")))
    assert main(["verify", str(path), "--signers", str(keys / "ours.signers")]) == 0
    assert "signature    by ours@example.invalid" in capsys.readouterr().out
    assert main(["verify", str(path)]) == 0
    assert "there, not looked at (--signers FILE)" in capsys.readouterr().out


@needs_ssh
@pytest.mark.parametrize("principals", ["!theirs@example.invalid,ours@example.invalid", "first@x,ours@example.invalid"])
def test_a_signer_listed_beside_others(
    principals: str, packed: Files, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    public = (keys / "ours.signers").read_text().partition(" ")[2]
    (keys / "list").write_text(f"{principals} {public}")
    path = keys / "bundle.zip"
    path.write_bytes(archive(signed(packed, keys / "ours")))
    assert main(["verify", str(path), "--signers", str(keys / "list")]) == 0
    assert f"by {principals.split(',')[principals.startswith('!')]}" in capsys.readouterr().out


@needs_ssh
def test_signatures_that_prove_nothing(packed: Files, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trusted = ("--signers", str(keys / "ours.signers"))
    assert "not signed" in refusal(packed, keys, capsys, *trusted)
    assert "by nobody in" in refusal(signed(packed, keys / "theirs"), keys, capsys, *trusted)
    other = {**packed, attest.STATEMENT: packed[attest.STATEMENT] + b"\n"}
    moved = {**packed, attest.SIGNATURE: signed(other, keys / "ours")[attest.SIGNATURE]}
    assert "the signature is not of this statement" in refusal(moved, keys, capsys, *trusted)
    broken = {**packed, attest.SIGNATURE: b"none"}
    assert "by nobody in" in refusal(broken, keys, capsys, *trusted)


@needs_ssh
def test_a_signature_made_for_something_else_is_none(
    packed: Files, keys: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("repro.bundle.signature.NAMESPACE", "git")
        files = signed(packed, keys / "ours")
    assert "the signature is not of this" in refusal(files, keys, capsys, "--signers", str(keys / "ours.signers"))


@needs_ssh
def test_keys_that_cannot_sign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = ("bundle", "rfnn", "--results", str(fresh_rows(tmp_path)), "--out", str(tmp_path / "b.zip"))
    assert main([*results, "--key", str(tmp_path / "absent")]) == 2
    assert "no such key" in capsys.readouterr().err
    (tmp_path / "key").write_text("no key")
    assert main([*results, "--key", str(tmp_path / "key")]) == 2
    assert "does not sign" in capsys.readouterr().err
    assert not (tmp_path / "b.zip").exists()


def test_without_ssh_keygen_nothing_is_said_to_be_signed(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive({**packed, attest.SIGNATURE: b"some"}))
    monkeypatch.setenv("PATH", "")
    (tmp_path / "signers").write_text("")
    assert main(["verify", str(path), "--signers", str(tmp_path / "signers")]) == 7
    assert "ssh-keygen: not found" in capsys.readouterr().err
    assert main(["verify", str(path), "--signers", str(tmp_path / "absent")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_what_may_be_in_a_bundle_is_what_is_put_there(packed: Files) -> None:
    must, may = pack.members("invented", "smoke")
    assert must <= set(packed) <= must | may
