"""Run, bless, check: what a maintainer does, and every way in which a check must not pass."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from repro.runs import table
from repro.runs.table import build, read, write
from tests.repro.conftest import BLESS, RESULTS, Cli, commit, toy_source, write_study
from tests.sources import PROJECT
from tests.test_docs import commands


def test_the_toy_study_is_short_and_its_page_tells_the_truth(committed: Path, cli: Cli) -> None:
    assert len(toy_source().splitlines()) < 40
    shown = [*commands((PROJECT / "docs/adding-a-study.md").read_text())]
    assert [arguments[0] for arguments in shown] == ["show", "run", "bless", "run", "check"]
    for arguments in shown:
        done = cli(*arguments)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)


def test_a_fresh_replicate_passes_and_says_so(blessed: Path, cli: Cli) -> None:
    done = cli("check", "montecarlo")
    assert done.returncode == 0, done.stdout
    assert "PASS" in done.stdout
    found = json.loads(cli("check", "montecarlo", "--json").stdout)
    assert found["exit_code"] == 0
    twin = (blessed / "golden/montecarlo/smoke.md").read_text()
    assert "Reason: first golden" in twin
    assert re.search(r"\| count=500 shape=disc \| pi \|", twin)


def test_the_golden_is_no_evidence_for_itself(blessed: Path, cli: Cli) -> None:
    assert cli("check", "montecarlo", "--results", "golden/montecarlo/smoke.parquet").returncode == 5


Planted = Callable[[list[dict[str, object]]], list[dict[str, object]]]


def first_pi(rows: list[dict[str, object]], **changed: object) -> list[dict[str, object]]:
    place = next(index for index, row in enumerate(rows) if row["metric"] == "pi")
    rows[place] = {**rows[place], **{name: make(rows[place]) for name, make in changed.items()}}  # type: ignore[operator]
    return rows


@pytest.mark.parametrize(
    ("planted", "code", "said"),
    [
        (lambda rows: first_pi(rows, value=lambda row: row["value"] - 1.0), 1, "too low"),
        (lambda rows: first_pi(rows, value=lambda row: row["value"] + 1.0), 1, "too high"),
        (lambda rows: rows[1:], 3, "missing"),
        (lambda rows: first_pi(rows, metric=lambda row: "pie"), 3, "pie"),
        (lambda rows: first_pi(rows, status=lambda row: "failed", value=lambda row: None), 3, "failed"),
    ],
)
def test_what_must_not_pass_does_not(blessed: Path, cli: Cli, planted: Planted, code: int, said: str) -> None:
    changed = build(planted(read(blessed / RESULTS).to_pylist()), {})
    write(blessed / RESULTS, changed)
    done = cli("check", "montecarlo")
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout


def test_a_run_in_another_unit_than_is_declared_is_never_judged(blessed: Path, cli: Cli) -> None:
    """No run that is made here has such rows: it is as one of other code is."""
    rows = first_pi(read(blessed / RESULTS).to_pylist(), unit=lambda row: "%")
    write(blessed / RESULTS, build(rows, {}))
    for options in (("--no-confirm",), ("--results", RESULTS)):
        done = cli("check", "montecarlo", *options)
        assert (done.returncode, done.stdout) == (3, "")
        assert "1 runs are of other code, settings, data or units than are here" in done.stderr
    assert cli(*BLESS).returncode == 3
    done = cli("check", "montecarlo")
    assert (done.returncode, "aside-1.parquet, 1 made again" in done.stderr) == (0, True)


def test_rows_of_other_settings_are_not_judged(blessed: Path, cli: Cli) -> None:
    changed = build([{**row, "settings": "{}"} for row in read(blessed / RESULTS).to_pylist()], {})
    write(blessed / "other.parquet", changed)
    done = cli("check", "montecarlo", "--results", "other.parquet")
    assert (done.returncode, done.stdout) == (3, "")
    assert "6 runs are of other code, settings, data or units than are here" in done.stderr


@pytest.mark.parametrize(
    "planted",
    [
        lambda table: table.rename_columns(["accuracy" if name == "value" else name for name in table.column_names]),
        lambda table: pa.concat_tables([table, table]),
    ],
    ids=["renamed column", "duplicated rows"],
)
def test_a_broken_table_is_an_integrity_error(blessed: Path, cli: Cli, planted) -> None:
    pq.write_table(planted(read(blessed / RESULTS)), blessed / RESULTS)
    done = cli("check", "montecarlo")
    assert done.returncode == 6
    assert len(done.stderr.splitlines()) == 1


def test_a_golden_touched_by_hand_is_an_integrity_error(blessed: Path, cli: Cli) -> None:
    path = blessed / "golden/montecarlo/smoke.parquet"
    golden = pq.read_table(path)
    value = golden["value"].to_pylist()
    value[0] += 0.5
    place = golden.column_names.index("value")
    pq.write_table(golden.set_column(place, golden.schema.field("value"), pa.array(value, pa.float64())), path)
    assert cli("check", "montecarlo").returncode == 6


def test_a_seed_ignored_is_an_error_in_check_and_bless(blessed: Path, cli: Cli) -> None:
    write_study(blessed, "montecarlo", toy_source().replace("random.Random(run.seed)", "random.Random(1)"))
    commit(blessed)
    for refused in (cli("run", "montecarlo", "--replicates", "10", "-q"), cli(*BLESS)):
        assert refused.returncode == 3
        assert "SEED_IGNORED" in refused.stdout + refused.stderr
    checked = cli("check", "montecarlo")
    assert checked.returncode == 1  # the golden's own seeds give something else, which is more than cannot compare
    assert "SEED_IGNORED" in checked.stdout
    assert "the same seed gives something else" in checked.stdout


def test_a_planted_mistake_in_the_study_is_a_deviation(blessed: Path, cli: Cli) -> None:
    write_study(blessed, "montecarlo", toy_source().replace("2 * dimensions * inside", "1.5 * dimensions * inside"))
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    assert cli("check", "montecarlo").returncode == 1


GOLDEN = Path("golden/montecarlo/smoke.parquet")


def test_a_new_golden_may_keep_runs_of_the_one_before(blessed: Path, cli: Cli) -> None:
    """Of older code, and said to be so; a run that is another than the golden's is of no code that is here."""
    write_study(blessed, "montecarlo", toy_source().replace("2 * dimensions * inside", "1.5 * dimensions * inside"))
    commit(blessed)
    again = ("bless", "montecarlo", "--reason", "bands drawn again", "--results")
    done = cli(*again, str(GOLDEN))
    assert done.returncode == 0, done.stderr
    assert re.search(r"kept +60 runs of older code, as the golden of before holds them", done.stdout)
    commit(blessed)
    changed = build(first_pi(read(blessed / GOLDEN).to_pylist(), value=lambda row: row["value"] + 0.1), {})
    write(blessed / "other.parquet", changed)
    done = cli(*again, "other.parquet")
    assert done.returncode == 3
    assert "1 runs are of other code" in done.stderr


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (["--replicates", "3"], "3 seeds, wanted 10"),
        (["--replicates", "10", "--where", "shape=disc"], "declared rows are missing"),
    ],
)
def test_too_little_is_not_blessed(committed: Path, cli: Cli, prepare: list[str], said: str) -> None:
    assert cli("run", "montecarlo", "-q", *prepare).returncode == 0
    refused = cli(*BLESS)
    assert refused.returncode == 3
    assert said in refused.stderr
    assert not (committed / "golden").exists()


def test_uncommitted_code_is_not_blessed(committed: Path, cli: Cli) -> None:
    (committed / "studies/montecarlo/more.py").write_text("MORE = 1\n")
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    refused = cli(*BLESS)
    assert refused.returncode == 3
    assert "uncommitted changes" in refused.stderr


@pytest.mark.parametrize("some", [(), ("--where", "shape=disc")], ids=["every case", "some cases"])
def test_provisional_is_visible_and_never_a_pass(committed: Path, cli: Cli, some: tuple[str, ...]) -> None:
    assert cli("run", "montecarlo", "--replicates", "3", "-q", *some).returncode == 0
    assert cli(*BLESS, "--provisional").returncode == 0
    assert "provisional" in (committed / "golden/montecarlo/smoke.md").read_text()
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    assert cli("check", "montecarlo").returncode == 3


def test_a_dry_run_blesses_nothing(committed: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    assert "would write" in cli(*BLESS, "-n").stdout
    assert not (committed / "golden").exists()


def test_diff_names_what_changed(blessed: Path, cli: Cli) -> None:
    rows = first_pi(read(blessed / RESULTS).to_pylist(), value=lambda row: row["value"] + 0.5)
    write(blessed / "other.parquet", build(rows, {}))
    same, other = cli("diff", RESULTS, RESULTS), cli("diff", RESULTS, "other.parquet")
    assert (same.returncode, other.returncode) == (0, 1)
    assert "1 changed" in other.stdout
    assert cli("diff", RESULTS, "other.parquet", "--absolute", "0.6").returncode == 0


def test_a_diff_of_what_is_judged_leaves_out_what_is_only_recorded(blessed: Path, cli: Cli) -> None:
    rows = read(blessed / RESULTS).to_pylist()
    place = next(index for index, row in enumerate(rows) if row["metric"] == "inside")
    rows[place] = {**rows[place], "value": rows[place]["value"] + 1.0}
    write(blessed / "other.parquet", build(rows, {}))
    assert cli("diff", RESULTS, "other.parquet").returncode == 1
    judged = cli("diff", RESULTS, "other.parquet", "--judged")
    assert judged.returncode == 0, judged.stdout
    assert judged.stdout.endswith("EQUAL: 6 rows, 0 removed, 0 added, 0 changed\n")
    write(blessed / "other.parquet", build(first_pi(rows, value=lambda row: row["value"] + 0.5), {}))
    assert "1 changed" in cli("diff", RESULTS, "other.parquet", "--judged").stdout
    write(blessed / "other.parquet", build([{**row, "study": "elsewhere"} for row in rows], {}))
    strange = cli("diff", "other.parquet", "other.parquet", "--judged")
    assert (strange.returncode, strange.stdout) == (2, "")
    assert "no study 'elsewhere'" in strange.stderr


def test_one_number_can_be_checked_alone(blessed: Path, cli: Cli) -> None:
    one = ("--where", "shape=disc", "--where", "count=500", "--results", "one.parquet")
    assert cli("run", "montecarlo", "--fresh", "1", "-q", *one).returncode == 0
    assert cli("check", "montecarlo", *one).returncode == 0
    assert cli("check", "montecarlo", "--results", "one.parquet").returncode == 3  # the other cases are missing
    nothing = cli("check", "montecarlo", "--results", "one.parquet", "--where", "shape=cube")
    assert nothing.returncode == 5


def test_rows_of_an_experiment_that_is_renamed_say_nothing_of_the_new_one(blessed: Path, cli: Cli) -> None:
    """They counted as current, so that a check of them passed whatever had become of the code."""
    write_study(blessed, "montecarlo", toy_source().replace("def estimate", "def guess").replace("<= 1", "<= 0.5"))
    commit(blessed)
    for verb in (("check", "montecarlo", "--no-confirm"), ("bundle", "montecarlo", "--out", "b.zip"), BLESS):
        done = cli(*verb)
        assert done.returncode == 3, (verb, done.stdout, done.stderr)
        assert "of other code, settings, data or units than are here" in done.stderr
    assert re.search(r"smoke +6 +6 +0 +0 +6 ", cli("status").stdout)
    assert cli("check", "montecarlo").returncode == 5  # nothing is left, and it says what to do
    assert cli("run", "montecarlo", "--fresh", "1", "-q").returncode == 0
    assert cli("check", "montecarlo").returncode == 3


def test_a_case_that_is_taken_out_leaves_the_way_to_a_new_golden(committed: Path, cli: Cli) -> None:
    runs = ("run", "montecarlo", "--replicates", "10", "-q")
    assert cli(*runs).returncode == 0
    assert cli(*BLESS).returncode == 0
    write_study(committed, "montecarlo", toy_source().replace("(500, 1000, 2000)", "(500, 1000)"))
    commit(committed)
    refused = cli(*BLESS)
    assert refused.returncode == 3
    assert (
        "`repro run montecarlo --profile smoke --results results/montecarlo/smoke.parquet` sets them" in refused.stderr
    )
    assert cli(*runs).returncode == 0
    assert cli(*BLESS).returncode == 0
    assert '"count":2000' not in "".join(table.read(committed / "golden/montecarlo/smoke.parquet")["case"].to_pylist())


def test_runs_before_a_commit_are_made_again_after_it(committed: Path, cli: Cli) -> None:
    (committed / "notes.txt").write_text("not committed yet")
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    assert "uncommitted changes" in cli(*BLESS).stderr
    commit(committed)
    again = cli("run", "montecarlo", "--replicates", "10")
    assert "before a commit, were set aside" in again.stderr
    assert "60 runs made, 0 were there already" in again.stdout
    assert cli(*BLESS).returncode == 0


def test_a_refused_bless_says_which_command_makes_the_runs_that_it_wants(project: Path, cli: Cli) -> None:
    """Rows from before `git init`, too few of them: each step is the one that was said, and the last one blesses."""
    assert cli("run", "montecarlo", "--replicates", "3", "-q").returncode == 0
    step = "`repro run montecarlo --profile smoke --results results/montecarlo/smoke.parquet --replicates 0-9`"
    first = cli(*BLESS)
    assert first.returncode == 3
    assert f"nothing was written; `git init` and commit, then {step} makes the runs again" in first.stderr
    commit(project)
    second = cli(*BLESS).stderr
    assert f"nothing was written; {step} makes the runs again" in second
    assert cli(*step.strip("`").split()[1:], "-q").returncode == 0
    (project / "notes.txt").write_text("mine")
    third = cli(*BLESS).stderr
    assert "not committed: notes.txt; nothing was written; commit or undo that" in third
    (project / "notes.txt").unlink()
    assert cli(*BLESS).returncode == 0


def test_too_few_seeds_are_answered_by_the_command_that_makes_more(committed: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--replicates", "4-5", "-q").returncode == 0
    said = cli(*BLESS).stderr
    assert "2 seeds, wanted 10 (or bless as provisional); nothing was written; `repro run montecarlo" in said
    assert "--replicates 4-13` makes those that are missing" in said


def test_results_make_no_tree_dirty_and_a_bless_names_what_does(project: Path, cli: Cli) -> None:
    commit(project)  # nothing is ignored: results and byte code are new to git
    assert cli("run", "montecarlo", "--replicates", "10", "-q").returncode == 0
    (project / "studies/montecarlo/more.py").write_text("MORE = 1\n")
    refused = cli(*BLESS)
    assert refused.returncode == 3
    assert "not committed: studies/montecarlo/more.py; nothing was written" in refused.stderr
    (project / "studies/montecarlo/more.py").unlink()
    assert cli(*BLESS).returncode == 0
    assert cli(*BLESS, "-n").returncode == 0  # the golden itself is no code


def test_a_golden_that_is_not_committed_yet_makes_no_run_dirty(committed: Path, cli: Cli) -> None:
    """The page says bless, then run --fresh; a bundle of such rows said that nobody can run them again."""
    for line in (("run", "montecarlo", "--replicates", "10", "-q"), BLESS, ("run", "montecarlo", "--fresh", "1", "-q")):
        assert cli(*line).returncode == 0
    (found,) = set(table.read(committed / RESULTS)["commit"].to_pylist())
    assert "dirty" not in found
    assert "nobody can run that again" not in cli("bundle", "montecarlo", "--out", "b.zip").stderr


def test_runs_before_the_first_commit_are_made_again_after_it(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--replicates", "1", "-q").returncode == 0
    assert "lies in no repository" in cli(*BLESS).stderr
    commit(project)
    assert "6 runs made, 0 were there already" in cli("run", "montecarlo", "--replicates", "1").stdout


def test_quiet_prints_one_line(blessed: Path, cli: Cli) -> None:
    assert len(cli("check", "montecarlo", "-q").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "verb",
    [
        ["check", "--no-confirm"],
        ["run", "--fresh", "1", "-q"],
        ["bless", "--reason", "r"],
        ["bundle", "--out", "b.zip"],
    ],
    ids=lambda verb: verb[0],
)
def test_a_seed_that_is_not_its_replicates_own_is_no_result(blessed: Path, cli: Cli, verb: list[str]) -> None:
    """One flipped bit of a seed is another run's, which nobody can make again by its replicate."""
    rows = table.read(blessed / RESULTS)
    seeds = [rows["seed"][0].as_py() ^ 1, *rows["seed"].to_pylist()[1:]]
    place = rows.column_names.index("seed")
    altered = rows.set_column(place, rows.schema.field(place), pa.array(seeds, rows.schema.field(place).type))
    table.write_file(blessed / "altered.parquet", altered)
    done = cli(verb[0], "montecarlo", "--results", "altered.parquet", *verb[1:])
    assert done.returncode == 6, done.stderr
    assert "which is not the one that these give" in done.stderr
    assert not (blessed / "b.zip").exists()
