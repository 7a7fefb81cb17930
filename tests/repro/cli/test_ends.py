"""How verbs end: in one line and a code of their own, whatever a study, a file, a disk or a reader of ours does."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repro.cli import ends
from repro.errors import InfrastructureError, IntegrityError
from repro.machine import files, terminal
from repro.show import exports, tabular
from repro.show.exports import Item
from repro.study import Figure
from tests.repro.conftest import Cli, toy_source, write_study
from tests.repro.support.forked import command

EVIL = "a\n::error::b\x1b[2J\u202e\ud800\ufffe\x07"


class TestTheLastResort:
    """An error that nobody caught is no verdict."""

    @staticmethod
    def ended(error: BaseException, capsys: pytest.CaptureFixture[str], **options: bool) -> tuple[int, str]:
        def act() -> int:
            raise error

        code = ends.end("check", act, **options)
        return code, capsys.readouterr().err

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ValueError("odd\nand long"), 70),
            (RecursionError("deep"), 70),
            (BrokenPipeError("of a worker"), 70),
            (SystemExit(0), 2),
            (MemoryError(), 7),
            (OSError(28, "No space left on device", "results/x"), 7),
            (PermissionError(13, "Permission denied", "results/x"), 7),
            (OSError(30, "Read-only file system", "results"), 7),
            (IntegrityError("x: torn"), 6),
            (KeyboardInterrupt(), 130),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_ends_in_one_line(self, error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
        found, said = self.ended(error, capsys)
        assert found == code
        assert said.startswith("repro check: ")
        assert len(said.splitlines()) == 1

    def test_says_where(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "tests/repro/cli/test_ends.py:" in self.ended(ValueError("odd"), capsys)[1]

    def test_shows_more_when_asked(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert "Traceback" in self.ended(ValueError("odd"), capsys, debug=True)[1]


def test_a_signal_that_a_study_catches_ends_the_verb_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> int:
        with contextlib.suppress(BaseException):  # as some study's code has it
            signal.raise_signal(signal.SIGTERM)
        return 0

    assert ends.end("audit", act) == 143
    assert "ended by SIGTERM" in capsys.readouterr().err


def test_a_machine_that_reads_json_gets_the_error_too(project: Path, cli: Cli) -> None:
    done = cli("check", "montecalro", "--json")
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (2, 2)
    assert json.loads(done.stdout)["error"] in done.stderr
    assert cli("check", "montecalro").stdout == ""


class TestStudiesThatEndTheProgram:
    """`sys.exit` in a study is its error: 2 where the module is imported, and never the code it asks for."""

    @pytest.mark.parametrize(
        "first", ["import sys; sys.exit()", "import sys; sys.exit(1)", "1 / 0", "import nothing_so"]
    )
    def test_at_import(self, project: Path, cli: Cli, first: str) -> None:
        write_study(project, "odd", f"{first}\n" + toy_source())
        done = cli("check", "odd")
        assert done.returncode == 2
        assert "studies/odd/__init__.py: cannot be imported: " in done.stderr
        assert "(studies/odd/__init__.py:1)" in done.stderr
        assert len(done.stderr.splitlines()) == 1

    def test_in_a_figure(self, project: Path, cli: Cli) -> None:
        figure = "\n@study.figure\ndef gone(rows):\n    '''Gone.'''\n    raise SystemExit(0)\n"
        write_study(project, "montecarlo", toy_source() + figure)
        done = cli("figures", "montecarlo", "gone")
        assert (done.returncode, done.stdout) == (2, "")
        assert "figure 'gone' of study 'montecarlo': SystemExit: 0" in done.stderr


@pytest.mark.parametrize("verb", ["list", "status", "data", "doctor"])
def test_one_broken_study_is_named_and_stops_no_other(project: Path, cli: Cli, verb: str) -> None:
    write_study(project, "broken", "import nothing_so\n")
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
    done = cli(verb, "--json")
    assert done.returncode == 2
    assert "studies/broken/__init__.py: cannot be imported" in done.stderr
    said = json.loads(done.stdout)
    if verb in ("list", "status"):
        assert [one["study"] for one in said] == ["montecarlo"]


def test_one_broken_table_is_named_and_stops_no_other(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
    (project / "results/montecarlo/paper.parquet").write_bytes(b"PAR1")
    done = cli("status")
    assert done.returncode == 6
    assert "paper.parquet: not a readable Parquet table" in done.stderr
    assert "`mv FILE FILE.broken`" in done.stderr
    assert "smoke.parquet" in done.stdout


class TestStandardOutput:
    """What a study prints is no answer, and who does not listen changes no code."""

    LOUD = "import os\nprint('device: cpu')\nos.system('echo from a child')\nos.write(1, b'raw')\n"

    def test_a_print_of_a_study_does_not_spoil_json(self, project: Path, cli: Cli) -> None:
        loud = toy_source().replace("    draw = random", "    print('in a run')\n    draw = random")
        write_study(project, "montecarlo", self.LOUD + loud)
        for verb in (["list"], ["show", "montecarlo"], ["run", "montecarlo", "--replicates", "1", "-q"]):
            done = cli(*verb, "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)
            assert "device: cpu" in done.stderr

    def differing(self, project: Path, cli: Cli) -> list[str]:
        for name, replicates in (("a", "0-9"), ("b", "10-19")):
            made = cli("run", "montecarlo", "--replicates", replicates, "-q", "--results", f"{name}.parquet")
            assert made.returncode == 0
        return command("diff", "a.parquet", "b.parquet", "-v", "--json")

    def test_a_reader_that_leaves_changes_no_code(self, project: Path, cli: Cli) -> None:
        line = self.differing(project, cli)
        with subprocess.Popen(line, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == 1
        for closing, code in ((">&-", 1), (">/dev/full", 1)):
            done = subprocess.run(
                ["sh", "-c", f'"$@" {closing}', "sh", *line], cwd=project, capture_output=True, text=True, check=False
            )
            assert done.returncode == code
            assert "Traceback" not in done.stderr

    def test_an_answer_that_cannot_be_written_is_no_pass(self, project: Path) -> None:
        for closing, code in ((">&-", 0), (">/dev/full", 7)):
            done = subprocess.run(
                ["sh", "-c", f'"$@" {closing}', "sh", *command("list")],
                cwd=project, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == code, done.stderr

    def test_exports_are_written_though_nobody_reads(self, blessed: Path) -> None:
        line = command("check", "montecarlo", "--no-confirm", "--junit-xml", "c.xml")
        done = subprocess.run(
            ["sh", "-c", '"$@" >&-', "sh", *line], cwd=blessed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert ElementTree.parse(blessed / "c.xml").getroot().tag == "testsuites"


class TestWhereNothingCanBeWritten:
    """No room and no permission are the machine's: one line, 7."""

    def test_results(self, project: Path, cli: Cli) -> None:
        for place in ("/proc/x.parquet", "studies/montecarlo/__init__.py/x.parquet"):
            done = cli("run", "montecarlo", "--results", place, "-q")
            assert done.returncode == 7, done.stderr
            assert len(done.stderr.splitlines()) == 1
            assert "cannot be written" in done.stderr

    def test_a_full_disk_keeps_what_was_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = tmp_path / "kept"
        path.write_text("before")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with (
            pytest.raises(InfrastructureError, match="kept: cannot be written"),
            files.refused(path),
            files.replacing(path, durable=True) as stream,
        ):
            stream.write(b"after")
        assert [one.read_text() for one in tmp_path.iterdir()] == ["before"]


class TestTextsOfOthers:
    """Nothing that a terminal, a runner, XML or a spreadsheet obeys leaves us as it came."""

    def test_one_escape(self) -> None:
        assert terminal.escape(EVIL) == r"a\n::error::b\x1b[2J\u202e\ud800\ufffe\x07"
        assert terminal.escape("β ± 0.5 µm, naïve") == "β ± 0.5 µm, naïve"

    def test_a_table_and_a_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        terminal.answer(terminal.columns(["::x"], [[EVIL], ["::error::b"]]))
        terminal.say("::error::b\n::error::c")
        out, err = capsys.readouterr()
        assert len(out.splitlines()) == 3
        assert len(err.splitlines()) == 1
        assert not any(line.lstrip().startswith("::") for line in (out + err).splitlines())
        assert "\x1b" not in out + err

    def test_exports(self) -> None:
        record = {
            "verdict": "erratum", "evidence": EVIL, "statement": EVIL, "published": [EVIL], "study": "s", "id": "i",
            "line": 1, "where": EVIL,
        }  # fmt: skip
        items: list[Item] = exports.of_claims([record])
        ElementTree.fromstring(exports.junit(items).partition("\n")[2])
        exports.sarif("repro audit", items).encode("utf-8")
        assert all("\\u001b" not in text for text in (exports.sarif("repro audit", items),))
        assert all("\n" not in line and "\x1b" not in line for line in exports.github(items))
        assert len(exports.markdown([record]).splitlines()) == 5

    def test_latex_and_csv(self) -> None:
        made = Figure(["[a]", "=b"], [["[0, 1]", "=HYPERLINK(1)"], ["-1.5e3", "@SUM(1)"], [-2.0, "-1+2"]])
        assert not any(line.lstrip().startswith("[") for line in tabular.latex_table(made).splitlines())
        assert r"{[}0, 1] & =HYPERLINK(1) \\" in tabular.latex_table(made)
        assert tabular.csv_table(made).splitlines() == [
            "[a],'=b", "\"[0, 1]\",'=HYPERLINK(1)", "-1.5e3,'@SUM(1)", "-2.0,'-1+2",
        ]  # fmt: skip

    def test_a_declaration_that_holds_them_is_refused(self, project: Path, cli: Cli) -> None:
        write_study(project, "montecarlo", toy_source().replace('"pi"', '"p\\ni"'))
        done = cli("show", "montecarlo")
        assert done.returncode == 2
        assert r"has 'p\ni' in what it declares" in done.stderr
