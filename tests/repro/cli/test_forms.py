"""The forms that other tools read hold this run's answer, or that there is none, and never an earlier run's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.repro.cli.test_judging import CLAIM
from tests.repro.conftest import PROJECT, RESULTS, Cli, commit, toy_source, write_study
from tests.repro.support.forked import command

FORMS = ("--junit-xml", "results/check.xml", "--sarif", "results/check.sarif", "--markdown", "results/check.md")
CHECK = ("check", "montecarlo", "-q", *FORMS)
AUDIT = ("audit", "montecarlo", "-q", *FORMS)


def tamper(folder: Path) -> None:
    path = folder / "golden/montecarlo/smoke.md"
    path.write_text(path.read_text().replace("first golden", "another"))


def lose_results(folder: Path) -> None:
    (folder / RESULTS).unlink()


def break_declaration(folder: Path) -> None:
    write_study(folder, "montecarlo", "1 +")


def break_mark(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.repro]\npath = 3\n")


def break_claims(folder: Path) -> None:
    (folder / "studies/montecarlo/claims.toml").write_text(CLAIM.replace("where", "were"))


def tamper_verdicts(folder: Path) -> None:
    path = folder / "golden/audit.md"
    path.write_text(path.read_text().replace("Reason: first", "Reason: another"))


def told(folder: Path) -> tuple[str, list[dict[str, object]], str]:
    """Return the message of the one error of the JUnit report, SARIF's results, and the Markdown."""
    (suite,) = ElementTree.parse(folder / "results/check.xml").getroot()
    assert [suite.get(name) for name in ("tests", "failures", "skipped", "errors")] == ["1", "0", "0", "1"]
    assert suite[0].get("name") == "no answer"
    (run,) = json.loads((folder / "results/check.sarif").read_text())["runs"]
    return str(suite[0][0].get("message")), run["results"], (folder / "results/check.md").read_text()


Spoil = Callable[[Path], None]


def ends_without_answer(folder: Path, cli: Cli, verb: tuple[str, ...], spoil: Spoil, code: int, uri: str) -> None:
    assert cli(*verb).returncode == 0
    before = (folder / "results/check.md").read_text()
    spoil(folder)
    done = cli(*verb)
    assert done.returncode == code
    message, results, text = told(folder)
    said = done.stderr.splitlines()[-1].removeprefix(f"repro {verb[0]}: ")
    assert message == f"no answer: {said}"
    assert text != before
    assert f"FAIL: no answer, exit code {code}\n\n> no answer: {said}" in text
    assert [one["level"] for one in results] == ["error"]
    assert f'"uri": "{uri}"' in json.dumps(results)


@pytest.mark.parametrize(("spoil", "code"), [(tamper, 6), (lose_results, 5), (break_declaration, 2), (break_mark, 2)])
def test_a_check_that_ends_without_an_answer_says_so(blessed: Path, cli: Cli, spoil: Spoil, code: int) -> None:
    """The files of the last run that passed stayed, and a job that ended red showed them."""
    ends_without_answer(blessed, cli, CHECK, spoil, code, "golden/montecarlo/smoke.md")


@pytest.mark.parametrize(("spoil", "code"), [(break_claims, 2), (tamper_verdicts, 6)])
def test_an_audit_that_ends_without_an_answer_says_so(project: Path, cli: Cli, spoil: Spoil, code: int) -> None:
    (project / "studies/montecarlo/claims.toml").write_text(CLAIM)
    commit(project)
    assert cli("audit", "montecarlo", "--bless", "first").returncode == 0
    ends_without_answer(project, cli, AUDIT, spoil, code, "golden/audit.md")


def test_a_study_that_is_none_and_a_folder_that_is_none(blessed: Path, cli: Cli) -> None:
    assert cli("check", "montecalro", *FORMS).returncode == 2
    assert "no study 'montecalro'" in told(blessed)[0]
    assert cli(*CHECK, "--root", "gone").returncode == 2
    assert "--root gone: no such folder" in told(blessed)[0]


def test_what_a_kill_ends_leaves_no_answer_of_before(blessed: Path, cli: Cli) -> None:
    assert cli(*CHECK).returncode == 0
    slow = toy_source().replace('    return {"pi"', '    __import__("time").sleep(60)\n    return {"pi"')
    write_study(blessed, "montecarlo", slow)
    with subprocess.Popen(command(*CHECK), cwd=blessed, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while (blessed / "results/check.md").exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    assert [path.name for path in (blessed / "results").glob("check.*")] == []


def test_a_file_that_cannot_be_made_anew_ends_a_check_before_it_begins(blessed: Path, cli: Cli) -> None:
    (blessed / "results/check.md/inside").mkdir(parents=True)
    done = cli(*CHECK)
    assert done.returncode == 7
    assert "results/check.md: cannot be written (Is a directory)" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_certificate_of_no_document_is_refused_before_anything_is_judged(project: Path, cli: Cli) -> None:
    (project / "studies/montecarlo/claims.toml").write_text(CLAIM)
    done = cli("audit", "--codecheck", "figures", *FORMS)
    assert (done.returncode, done.stdout) == (2, "")
    assert told(project)[0].startswith("no answer: --codecheck: a certificate is of one document")


def test_the_steps_of_other_repositories_begin_with_nothing_of_an_earlier_job() -> None:
    """Where results/ is cached, a run that fails would leave them to the summary, which is made always."""
    for name in ("action.yml", "templates/check.yml"):
        text = (PROJECT / name).read_text()
        removed = text.index("rm -f results/check.md results/check.xml")
        assert removed < text.index("python -m pip install") < text.index("repro check ")


def test_every_form_of_an_audit_says_what_makes_it_red(project: Path, cli: Cli) -> None:
    claims = project / "studies/montecarlo/claims.toml"
    other = CLAIM.replace('"a"', '"b"')
    claims.write_text("\n".join([CLAIM, other]))
    commit(project)
    assert cli("audit", "montecarlo", "--bless", "first").returncode == 0
    claims.write_text("\n".join([CLAIM.replace("> 3", "> 4"), CLAIM.replace('"a"', '"c"')]))
    done = cli("audit", "montecarlo", "--json", *FORMS)
    assert done.returncode == 1
    changed, new = "changed: was published as > 3, is > 4", "new: not testable; bless it to hold later audits to it"
    assert [(one["id"], one["change"]) for one in json.loads(done.stdout)] == [("a", changed), ("c", new)]
    junit, sarif, text = ((project / f"results/check.{form}").read_text() for form in ("xml", "sarif", "md"))
    assert 'tests="3" failures="3" skipped="0" errors="0"' in junit
    assert sarif.count('"level": "error"') == 3
    assert text.startswith("### FAIL: 3 claims\n\n- montecarlo a: changed: was published as ")
    for form in (junit, sarif, text):
        for said in (changed, new, "gone: was not testable"):
            assert said.replace(">", "&gt;") in form or said in form


def test_rows_that_see_too_little_fail_in_every_form_where_power_is_required(blessed: Path, cli: Cli) -> None:
    write_study(blessed, "montecarlo", toy_source().replace('Metric("pi")', 'Metric("pi", useful=0.001)'))
    commit(blessed)
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    assert cli("bless", "montecarlo", "--reason", "a thousandth matters").returncode == 0
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    for options, code, failures, word in (((), 0, 0, "PASS"), (("--require-power",), 4, 6, "FAIL")):
        done = cli(*CHECK, *options)
        assert done.returncode == code
        assert f"{word}: 6 agrees, 6 underpowered" in done.stdout
        assert f'tests="12" failures="{failures}"' in (blessed / "results/check.xml").read_text()
        assert (blessed / "results/check.sarif").read_text().count('"ruleId": "underpowered"') == failures
        text = (blessed / "results/check.md").read_text()
        assert text.startswith(f"### montecarlo/smoke: {word}: 6 agrees, 6 underpowered")
        assert text.count("| underpowered |") == failures
