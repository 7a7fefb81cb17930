"""`repro check` makes the runs it wants: fresh seeds that confirm, the golden's seeds again, a run a second time."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pyarrow.compute as pc
import pytest

from repro.golden import confirm
from repro.golden.stored import Golden
from repro.runs import table
from tests.repro.conftest import RESULTS, Cli, commit, toy_source, write_study
from tests.repro.support.checking import STUDY
from tests.repro.support.forked import command
from tests.repro.support.synthetic import golden_of

RERUNS = "results/montecarlo/reruns/smoke.parquet"


def alter(folder: Path, by: float) -> None:
    """Change one number of the results."""
    found = table.read(folder / RESULTS)
    rows = found.to_pylist()
    next(row for row in rows if row["metric"] == "pi")["value"] += by
    table.write(folder / RESULTS, table.build(rows, table.environments(found)))


def mend(folder: Path, old: str, new: str) -> None:
    write_study(folder, "montecarlo", toy_source().replace(old, new))


def test_an_altered_number_is_given_away_by_its_own_seed(blessed: Path, cli: Cli) -> None:
    alter(blessed, -1.0)
    done = cli("check", "montecarlo")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "suspicious cases: 1; 5 more runs will tell (--no-confirm: none)" in done.stderr
    assert "does not repeat: replicate 10 has" in done.stdout
    assert table.read(blessed / RERUNS).num_rows == 5 * 2
    again = cli("check", "montecarlo")
    assert (again.returncode, again.stdout) == (1, done.stdout)
    assert "suspicious" not in again.stderr  # the runs are kept


def test_a_quick_look_runs_nothing_and_fails_on_no_seed(blessed: Path, cli: Cli) -> None:
    alter(blessed, -1.0)
    done = cli("check", "montecarlo", "--no-confirm")
    assert done.returncode == 0
    assert "suspicious" in done.stdout
    assert not (blessed / RERUNS).exists()


def test_a_mistake_in_the_code_is_confirmed(blessed: Path, cli: Cli) -> None:
    mend(blessed, "2 * dimensions * inside", "1.5 * dimensions * inside")
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    done = cli("check", "montecarlo")
    assert done.returncode == 1
    assert "and so are 4 more runs" in done.stdout


def test_results_of_other_code_are_set_aside_and_made_again(blessed: Path, cli: Cli) -> None:
    """A changed code is seen where its results were never made anew, and no pass rests on the old ones."""
    mend(blessed, "2 * dimensions * inside", "1.5 * dimensions * inside")
    done = cli("check", "montecarlo")
    assert done.returncode == 1, done.stdout + done.stderr
    aside = "set aside in results/montecarlo/smoke.aside-1"
    assert f"6 runs are of other code, settings, data or units than are here: {aside}" in done.stderr
    assert "and so are 4 more runs" in done.stdout
    assert table.read(blessed / "results/montecarlo/smoke.aside-1.parquet").num_rows == 6 * 2


def test_a_unit_that_is_declared_anew_is_judged_alike_by_old_rows_and_by_new(blessed: Path, cli: Cli) -> None:
    """No hash holds it: rows of another unit are outdated, and the golden's is to be blessed anew."""
    mend(blessed, 'Metric("pi")', 'Metric("pi", "rad")')
    assert json.loads(cli("status", "--json").stdout)[0]["outdated"] == 6
    refused = cli("check", "montecarlo", "--no-confirm")
    assert (refused.returncode, "6 runs are of other code, settings, data or units" in refused.stderr) == (3, True)
    old = cli("check", "montecarlo")
    assert old.returncode == 3, old.stdout + old.stderr
    assert "6 made again" in old.stderr
    assert "unit 'rad', golden '1'" in old.stdout
    (blessed / RESULTS).unlink()
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    assert cli("check", "montecarlo").stdout == old.stdout


# A run of 500 points, the last ones by name, ends its check by a signal while the file `cut` is there, which is no part
# of the code; it waits until the one before is kept.
ENDING = toy_source().replace(
    "    draw = random",
    "    import os, pathlib, signal, time\n    if points.count == 500 and pathlib.Path('cut').exists():\n"
    "        time.sleep(1)\n        os.kill(os.getppid(), signal.SIGTERM)\n        time.sleep(60)\n    draw = random",
)


def test_what_a_check_that_was_cut_off_did_not_make_again_is_made_by_the_next(blessed: Path, cli: Cli) -> None:
    """No pass rests on the few that were made, and none of these is made twice."""
    write_study(blessed, "montecarlo", ENDING)
    (blessed / "cut").touch()
    before = table.read(blessed / RESULTS)
    assert cli("check", "montecarlo", "--jobs", "1").returncode == 143
    found = table.read(blessed / RESULTS)
    made = found.filter(pc.not_equal(found["code"], before["code"][0]))
    assert 0 < made.num_rows < found.num_rows == before.num_rows
    left = (before.num_rows - made.num_rows) // 2
    refused = cli("check", "montecarlo", "--no-confirm")
    assert refused.returncode == 3
    assert f"{left} runs are of other code" in refused.stderr
    (blessed / "cut").unlink()
    done = cli("check", "montecarlo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"smoke.aside-2.parquet, {left} made again" in done.stderr
    after = table.read(blessed / RESULTS)
    assert after.num_rows == before.num_rows
    assert before["code"][0] not in set(after["code"])
    assert set(made["finished"].to_pylist()) <= set(after["finished"].to_pylist())


def test_a_run_that_is_lost_with_its_process_is_made_again_by_the_next_check(blessed: Path, cli: Cli) -> None:
    dying = ENDING.replace("os.kill(os.getppid(), signal.SIGTERM)", "os._exit(9)")
    write_study(blessed, "montecarlo", dying)
    (blessed / "cut").touch()
    for _ in range(2):
        done = cli("check", "montecarlo", "--jobs", "2")
        assert done.returncode == 7, done.stdout + done.stderr
        assert "2 runs were lost as they were made again (estimate" in done.stderr
    (blessed / "cut").unlink()
    assert cli("check", "montecarlo").returncode == 0


@pytest.mark.parametrize("confirming", [False, True])
def test_a_run_that_fails_fails_again_where_nothing_is_mended(blessed: Path, cli: Cli, confirming: bool) -> None:
    """One state has one exit code: a failed run cannot be compared, and one that is to confirm is made again."""
    which = "run.replicate == 10" if confirming else "run.replicate > 10"
    mend(blessed, "2 * dimensions * inside", f"(1.5 if {which} else 1 / 0) * dimensions * inside")
    if confirming:
        assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    first, second = (cli("check", "montecarlo", "--markdown", "out.md") for _ in range(2))
    assert first.returncode == second.returncode == (7 if confirming else 3)
    assert first.stdout == second.stdout
    text = "a run made to confirm failed (estimate" if confirming else "6 runs made again failed, first estimate"
    assert text in first.stderr
    assert "ZeroDivisionError" in first.stderr
    assert ("a run made to confirm failed" in second.stderr) is confirming
    assert confirming or "12 cannot compare" in (blessed / "out.md").read_text()


def test_results_of_other_code_are_refused_where_nothing_may_run(blessed: Path, cli: Cli) -> None:
    (blessed / RESULTS).rename(blessed / "mine.parquet")
    assert cli("check", "montecarlo", "--results", "mine.parquet").returncode == 0
    mend(blessed, "2 * dimensions * inside", "1.5 * dimensions * inside")
    for options in (["--results", "mine.parquet"], ["--results", "mine.parquet", "--no-confirm"]):
        done = cli("check", "montecarlo", *options)
        assert (done.returncode, done.stdout) == (3, "")
        assert "mine.parquet: 6 runs are of other code, settings, data or units than are here (first" in done.stderr
    assert cli("bless", "montecarlo", "--results", "mine.parquet", "--reason", "old").returncode == 3


def test_a_seed_that_is_not_the_rows_own_is_refused(blessed: Path, cli: Cli) -> None:
    found = table.read(blessed / RESULTS)
    rows = found.to_pylist()
    for row in rows:
        row["seed"] += row["case"] == rows[0]["case"]
    table.write(blessed / RESULTS, table.build(rows, table.environments(found)))
    done = cli("check", "montecarlo")
    assert done.returncode == 6
    assert "which is not the one that these give" in done.stderr
    assert cli("bless", "montecarlo", "--reason", "other seeds").returncode == 6


def test_golden_seeds_alone_are_no_pass(blessed: Path, cli: Cli) -> None:
    (blessed / RESULTS).unlink()
    assert cli("run", "montecarlo", "--replicates", "3", "-q").returncode == 0
    done = cli("check", "montecarlo")
    assert (done.returncode, done.stdout) == (5, "")
    assert "no fresh seed" in done.stderr


def test_a_filter_loses_no_golden_case_that_is_not_declared_any_more(blessed: Path, cli: Cli) -> None:
    mend(blessed, "count=(500, 1000, 2000)", "count=(500, 1000)")
    (blessed / RESULTS).unlink()
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    done = cli("check", "montecarlo", "--where", "shape=disc")
    assert done.returncode == 3
    assert "missing: the golden has this row, the results do not" in done.stdout


def test_quiet_keeps_the_rows_that_failed(blessed: Path, cli: Cli) -> None:
    mend(blessed, "2 * dimensions * inside", "1.5 * dimensions * inside")
    done = cli("check", "montecarlo", "-q")
    assert done.returncode == 1
    assert "and so are 4 more runs" in done.stdout


def test_a_replay_sees_what_no_band_can(blessed: Path, cli: Cli) -> None:
    done = cli("check", "montecarlo", "--replay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 replayed bit for bit" in cli("check", "montecarlo", "-v").stdout
    mend(blessed, "2 * dimensions * inside", "(2 + 1e-12) * dimensions * inside")
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    assert cli("check", "montecarlo").returncode == 0
    done = cli("check", "montecarlo", "--replay")
    assert done.returncode == 1
    assert "the same seed gives something else: replicate 0 has" in done.stdout
    assert "6 changed" in done.stdout


def test_a_replay_that_could_not_happen_is_refused(blessed: Path, cli: Cli) -> None:
    done = cli("check", "montecarlo", "--replay", "--no-confirm")
    assert (done.returncode, done.stdout) == (2, "")
    assert "leave out one" in done.stderr


def test_a_golden_that_does_not_say_how_torch_chose_its_kernels_is_replayed() -> None:
    """It was blessed before records said so, and is of this kind of machine in everything that it says."""
    record = {"cpu": "one", "machine": "x86_64"}
    held = golden_of(STUDY)
    rows = table.with_environments(held.rows, {"here": record})
    golden = Golden(rows, held.bands)
    for capability in ("AVX2", "AVX512"):
        now = {**record, "torch": {"capability": capability}}
        assert len(confirm.replays(STUDY, "smoke", golden, rows, now)) == 4
    assert confirm.replays(STUDY, "smoke", golden, rows, {**record, "cpu": "another"}) == []


def test_what_is_not_portable_is_not_replayed(blessed: Path, cli: Cli) -> None:
    mend(blessed, "2 * dimensions * inside", "(2 + 1e-12) * dimensions * inside")
    source = (blessed / "studies/montecarlo/__init__.py").read_text()
    write_study(blessed, "montecarlo", source.replace("metrics=[Metric(", "portable=False,\n    metrics=[Metric(", 1))
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    done = cli("check", "montecarlo", "--replay")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: nothing replayed: the golden is of another kind" in done.stdout
    assert "changed" not in done.stdout


def test_a_run_that_fails_confirms_nothing(blessed: Path, cli: Cli) -> None:
    mend(blessed, "2 * dimensions * inside", "(1.5 if run.replicate == 10 else 1 / 0) * dimensions * inside")
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    done = cli("check", "montecarlo")
    assert done.returncode == 7
    assert "a run made to confirm failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr


def test_power_can_be_required(blessed: Path, cli: Cli) -> None:
    """The toy declares nothing useful; one that wants to see a thousandth is told that it cannot."""
    assert cli("check", "montecarlo", "--require-power").returncode == 0
    mend(blessed, 'Metric("pi")', 'Metric("pi", useful=0.001)')
    commit(blessed)
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    assert cli("bless", "montecarlo", "--reason", "a thousandth matters").returncode == 0
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    done = cli("check", "montecarlo", "--require-power")
    assert done.returncode == 4
    assert "a change of 0.001 1 can go unseen" in done.stdout
    assert "6 underpowered" in done.stdout
    assert cli("check", "montecarlo").returncode == 0


def test_every_form_says_the_same(blessed: Path, cli: Cli) -> None:
    mend(blessed, "2 * dimensions * inside", "1.5 * dimensions * inside")
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    forms = ("--junit-xml", "out/c.xml", "--sarif", "out/c.sarif", "--markdown", "out/c.md")
    done = cli("check", "montecarlo", "--json", *forms)
    found = json.loads(done.stdout)
    assert done.returncode == found["exit_code"] == 1
    suite = ElementTree.parse(blessed / "out/c.xml").getroot()[0]
    assert suite.get("name") == "montecarlo/smoke"
    assert int(suite.get("failures", 0)) == found["counts"]["deviates"]
    sarif = json.loads((blessed / "out/c.sarif").read_text())["runs"][0]
    assert len(sarif["results"]) == found["counts"]["deviates"]
    assert {one["level"] for one in sarif["results"]} == {"error"}
    place = sarif["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "golden/montecarlo/smoke.md"
    text = (blessed / "out/c.md").read_text()
    assert text.startswith("### montecarlo/smoke: FAIL: ")
    assert text.count("| deviates |") == found["counts"]["deviates"]
    done = cli("check", "montecarlo", "--sarif", "out/one", "--markdown", "out/../out/one")
    assert done.returncode == 2
    assert "out/one: named for two forms; give each a file of its own" in done.stderr
    assert not (blessed / "out/one").exists()


def test_places_are_said_from_the_root(blessed: Path) -> None:
    """Whoever reads the file, or GitHub, is there and not where the check was asked."""
    alter(blessed, -1.0)
    folder = blessed / "studies"
    line = command("check", "montecarlo", "--no-confirm", "--sarif", "c.sarif")
    variables = {**os.environ, "GITHUB_ACTIONS": "true"}
    done = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert "::warning file=golden/montecarlo/smoke.md,line=" in done.stdout
    assert '"uri": "golden/montecarlo/smoke.md"' in (folder / "c.sarif").read_text()


def test_places_are_said_from_the_repository_s_top(blessed: Path, tmp_path: Path) -> None:
    """Which is where GitHub looks from: it knows of no project below it."""
    repository = tmp_path / "repository"
    shutil.copytree(blessed, repository / "papers", ignore=shutil.ignore_patterns("repository", ".git"))
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    alter(repository / "papers", -1.0)
    variables = {**os.environ, "GITHUB_ACTIONS": "true"}
    for folder, more in ((repository, ["--root", "papers"]), (repository / "papers", [])):
        line = command("check", "montecarlo", "--no-confirm", "--sarif", "c.sarif", *more)
        line += [] if not more else ["--results", f"papers/{RESULTS}"]
        done = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert "::warning file=papers/golden/montecarlo/smoke.md,line=" in done.stdout, done.stderr
        assert '"uri": "papers/golden/montecarlo/smoke.md"' in (folder / "c.sarif").read_text()


def test_annotations_are_for_github_alone(blessed: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(blessed, -1.0)
    assert "::warning" not in cli("check", "montecarlo", "--no-confirm").stdout
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    lines = cli("check", "montecarlo", "--no-confirm").stdout.splitlines()
    found = [line for line in lines if line.startswith("::")]
    assert len(found) == 1
    twin = (blessed / "golden/montecarlo/smoke.md").read_text().splitlines()
    (line,) = [number for number, text in enumerate(twin, 1) if text.startswith("| count=1000 shape=disc | pi |")]
    assert found[0].startswith(
        f"::warning file=golden/montecarlo/smoke.md,line={line},title=montecarlo/smoke%3A suspicious::"
    )
    assert "::" not in found[0][2:].partition("::")[2]
