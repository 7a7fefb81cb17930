"""Which log a bundle's golden is held to: this project's, one that is named, or none, and that is said."""

import json
from pathlib import Path

import pytest

from repro.bundle.attest import sha256
from repro.bundle.pack import archive
from repro.cli.main import main
from repro.golden import log
from tests.repro.support.bundles import LOG, Files, refusal

pytestmark = pytest.mark.usefixtures("within")


def longer(content: bytes, what: str) -> bytes:
    """The log with one more blessing."""
    *_, last = content.splitlines()
    entry = {**json.loads(last), "what": what, "number": content.count(b"\n") + 1, "previous": sha256(last)}
    return content + log.written(entry) + b"\n"


def told(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What is said of the golden of a bundle that is believed."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(archive(files))
    assert main(["verify", str(path), "--json", *options]) == 0
    said: str = json.loads(capsys.readouterr().out)["golden"]
    return said


def named(tmp_path: Path, content: bytes) -> tuple[str, str]:
    (tmp_path / "named.jsonl").write_bytes(content)
    return "--log", str(tmp_path / "named.jsonl")


def test_without_a_log_that_is_said(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "; there is no log here to hold it to (--log FILE)" in told(packed, tmp_path, capsys)


def test_the_log_here_is_compared_and_decides_nothing(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = tmp_path / LOG
    here.parent.mkdir()
    for content, said in (
        (packed[LOG], "its log is this project's"),
        (packed[LOG].splitlines(keepends=True)[0], "its log goes on where this project's ends"),
        (longer(packed[LOG], "other/smoke"), "its log is this project's"),
        (longer(packed[LOG], "invented/smoke"), "this project's, which has blessed invented/smoke again since"),
        (packed[LOG].splitlines(keepends=True)[0].replace(b"first", b"other"), "its log is not this project's"),
    ):
        here.write_bytes(content)
        assert told(packed, tmp_path, capsys).endswith(f"; {said}" if said.startswith("its") else said)


def test_a_log_that_is_named_must_hold_the_bundles(
    packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for content in (packed[LOG], longer(packed[LOG], "other/smoke")):
        assert told(packed, tmp_path, capsys, *named(tmp_path, content)).endswith("; its log is the one given")
    since = told(packed, tmp_path, capsys, *named(tmp_path, longer(packed[LOG], "invented/smoke")))
    assert since.endswith("; its log is the one given, which has blessed invented/smoke again since")
    first = packed[LOG].splitlines(keepends=True)[0]
    for content in (first, longer(first, "audit")):
        said = refusal(packed, tmp_path, capsys, *named(tmp_path, content))
        assert "golden/log.jsonl: has lines that the log given does not have, and does not vouch for" in said


@pytest.mark.parametrize(("content", "code"), [(None, 2), (b"", 2), (b"no log\n", 6), (b"{}", 6)])
def test_a_log_that_is_named_must_be_one(
    content: bytes | None, code: int, packed: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.zip").write_bytes(archive(packed))
    options = ("--log", str(tmp_path / "absent")) if content is None else named(tmp_path, content)
    assert main(["verify", str(tmp_path / "b.zip"), *options]) == code
    said = capsys.readouterr().err
    assert said.startswith(f"repro verify: {options[1]}:")
    assert "refused" not in said  # it is no fault of the bundle
