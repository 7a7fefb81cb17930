"""Golden rows as tests of pytest: the judge's words, one check for all processes, no cost for those who do not ask."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repro.conftest import RESULTS
from tests.repro.support.planted import first_pi_lower, plant
from tests.sources import PROJECT

pytest_plugins = ["pytester"]
Run = Callable[..., pytest.RunResult]
ROWS = 12  # of the toy study's golden: three counts of points, two shapes, two metrics
COUNTING = """
import repro.api as api
real = api.check
def check(*arguments, **options):
    with open("checks.txt", "a") as file:
        file.write("one\\n")
    return real(*arguments, **options)
api.check = check
"""


@pytest.fixture
def run(pytester: pytest.Pytester, blessed_once: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest with the plugin, and with no other but those named, in a copy of the blessed toy project."""
    shutil.copytree(blessed_once, pytester.path, dirs_exist_ok=True)
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # the plugin may be installed, too
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def call(*arguments: str, plugins: tuple[str, ...] = ("repro.pytest_plugin",)) -> pytest.RunResult:
        named = [word for name in plugins for word in ("-p", name)]
        return pytester.runpytest_subprocess(*named, *arguments, timeout=120)

    return call


def test_each_golden_row_is_a_test_and_one_more_is_the_table(run: Run) -> None:
    done = run("--repro", "montecarlo", "-v")
    done.assert_outcomes(passed=ROWS + 1)
    done.stdout.fnmatch_lines(["golden/montecarlo/smoke::the table PASSED*", "*::estimate count=500 shape=disc pi *"])


def test_a_row_that_deviates_fails_in_the_judge_s_words(run: Run, pytester: pytest.Pytester) -> None:
    plant(pytester.path, first_pi_lower)
    done = run("--repro", "montecarlo", "--junit-xml", "found.xml")
    done.assert_outcomes(passed=ROWS, failed=1)
    text = str(done.stdout)
    done.stdout.fnmatch_lines(["deviates: *too low*", "*golden runs 10, *band *value *sees *"])
    assert "`repro check montecarlo` shows it beside all rows" in text
    assert "Traceback" not in text
    assert "pytest_plugin.py" not in text
    assert 'name="repro_verdict" value="agrees"' in (pytester.path / "found.xml").read_text()


def test_a_row_that_cannot_be_compared_is_an_error(run: Run, pytester: pytest.Pytester) -> None:
    plant(pytester.path, lambda rows: rows[1:])
    done = run("--repro", "montecarlo")
    done.assert_outcomes(passed=ROWS, errors=1)
    done.stdout.fnmatch_lines(["cannot compare: missing: the golden has this row, the results do not"])


def test_a_row_that_the_golden_does_not_know_is_the_table_s(run: Run, pytester: pytest.Pytester) -> None:
    def renamed(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        rows[0]["metric"] = "pie"
        return rows

    plant(pytester.path, renamed)
    done = run("--repro", "montecarlo", "-k", "table")
    done.assert_outcomes(errors=1, deselected=ROWS)
    done.stdout.fnmatch_lines(["cannot compare: unknown: the golden has no such row"])


def test_without_results_each_row_is_an_error_of_one_line(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / RESULTS).unlink()
    done = run("--repro", "montecarlo")
    done.assert_outcomes(errors=ROWS + 1)
    done.stdout.fnmatch_lines(["*smoke.parquet: no such table*(exit code 5)"])


def test_fresh_runs_can_be_made_before(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / RESULTS).unlink()
    run("--repro", "montecarlo", "--repro-fresh", "1").assert_outcomes(passed=ROWS + 1)
    assert (pytester.path / RESULTS).exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--repro", "montecalro"], "no study 'montecalro'; did you mean 'montecarlo'?"),
        (["--repro", "montecarlo", "--repro-profile", "smok"], "no profile 'smok'; did you mean 'smoke'?"),
        (["--repro", "montecarlo", "--repro-profile", "paper"], "paper.parquet: no such table"),
    ],
)
def test_what_cannot_be_asked_ends_in_one_line(run: Run, arguments: list[str], said: str) -> None:
    done = run(*arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = str(done.stderr).strip().splitlines()
    assert line.startswith("ERROR: --repro ")
    assert said in line


def test_an_underpowered_row_passes_and_is_counted_apart(run: Run, pytester: pytest.Pytester) -> None:
    """A row that could have missed what the study wants seen is no failure, and no plain pass either."""
    path = pytester.path / "conftest.py"
    path.write_text(
        COUNTING
        + "import dataclasses\n"
        + "def weak(*arguments, **options):\n"
        + "    found = check(*arguments, **options)\n"
        + "    first, *others = found.findings\n"
        + "    weaker = dataclasses.replace(first, word='underpowered', text='a change of 9 can go unseen')\n"
        + "    return dataclasses.replace(found, findings=(*others, weaker))\n"
        + "api.check = weak\n"
    )
    done = run("--repro", "montecarlo", "-v")
    assert done.ret == 0
    said = "*shape=sphere pi: underpowered: a change of 9 can go unseen"
    done.stdout.fnmatch_lines(["* UNDERPOWERED *", said, f"*{ROWS} passed, 1 underpowered*"])


def test_processes_share_one_check_and_collect_the_same(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(COUNTING)
    pytester.makepyfile(test_own='def test_own(repro_golden):\n    assert repro_golden("montecarlo").exit_code == 0\n')
    plugins = ("repro.pytest_plugin", "xdist")
    done = run("--repro", "montecarlo", "-n", "2", plugins=plugins)
    done.assert_outcomes(passed=ROWS + 2)
    assert (pytester.path / "checks.txt").read_text() == "one\n"


def test_rows_are_chosen_as_tests_are(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own="def test_own():\n    pass\n")
    run("--repro", "montecarlo", "-m", "repro").assert_outcomes(passed=ROWS + 1, deselected=1)
    run("--repro", "montecarlo", "-k", "sphere and pi").assert_outcomes(passed=3, deselected=ROWS - 1)
    pytester.makeconftest(COUNTING)
    run("--repro", "montecarlo", "-k", "own").assert_outcomes(passed=1, deselected=ROWS + 1)
    assert not (pytester.path / "checks.txt").exists(), "a check that nobody wanted was made"


def test_the_fixture_returns_a_check_and_fails_in_its_words(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own="""
        def test_pass(repro_golden):
            assert repro_golden("montecarlo").counts["agrees"] == 12

        def test_unknown(repro_golden):
            repro_golden("montecalro")
        """
    )
    done = run()
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(["no study 'montecalro'; did you mean 'montecarlo'? (studies: montecarlo) (exit code 2)"])
    plant(pytester.path, first_pi_lower)
    done = run("-k", "test_pass")
    done.assert_outcomes(failed=1, deselected=1)
    done.stdout.fnmatch_lines(["montecarlo/smoke: FAIL: *", "*too low*"])


def test_it_costs_nothing_when_nobody_asks(tmp_path: Path) -> None:
    """Of the harness the plugin alone is imported, and nothing that pytest would not have."""
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    script = (
        f"import json, sys; sys.path.insert(0, {str(PROJECT)!r}); import pytest; "
        "code = pytest.main(sys.argv[1:]); assert code == 0; print(json.dumps(sorted(sys.modules)))"
    )
    found = []
    for plugin in (["-p", "repro.pytest_plugin"], []):
        line = [sys.executable, "-c", script, "-q", "-p", "no:cacheprovider", *plugin, str(tmp_path)]
        variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(line, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
        found.append(set(json.loads(done.stdout.splitlines()[-1])))
    assert found[0] - found[1] == {"repro", "repro.pytest_plugin"}
