"""Runs are kept as they finish, whatever ends the process, and what was kept is never made again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from repro.runs import table
from repro.runs.store import Store
from repro.runs.worker import checked
from repro.study import Metric, Outcome
from tests.repro.conftest import RESULTS, Cli, toy_source, write_study
from tests.repro.support.forked import command
from tests.sources import PROJECT

WHAT_A_RUN_FOUND = [
    "experiment", "case", "replicate", "seed", "metric", "unit", "value", "curve", "status", "settings", "data", "code",
]  # fmt: skip


def found(path: Path) -> list[dict[str, object]]:
    return table.read(path).select(WHAT_A_RUN_FOUND).to_pylist()


def results(project: Path, profile: str = "smoke") -> Path:
    return project / f"results/montecarlo/{profile}.parquet"


SLOW = toy_source().replace("    draw = random", "    import time; time.sleep(0.15)\n    draw = random")


def test_a_run_makes_one_row_a_metric_and_again_makes_nothing(project: Path, cli: Cli) -> None:
    first = cli("run", "montecarlo")
    assert first.returncode == 0, first.stderr
    assert "18 runs made, 0 were there already" in first.stdout
    assert first.stderr.count("estimate count=") == 18  # no terminal: one line a finished run
    rows = table.read(results(project))
    assert rows.num_rows == 18 * 2
    assert set(rows["metric"].to_pylist()) == {"pi", "inside"}
    again = cli("run", "montecarlo")
    assert "0 runs made, 18 were there already" in again.stdout
    assert found(results(project)) == rows.select(WHAT_A_RUN_FOUND).to_pylist()


def test_runs_are_counted_by_what_is_left(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--where", "shape=sphere").returncode == 0
    counts = [line.split()[0] for line in cli("run", "montecarlo").stderr.splitlines() if line.startswith("[")]
    assert len(counts) < 18
    assert counts == [f"[{number}/{len(counts)}]" for number in range(1, len(counts) + 1)]


def test_results_depend_neither_on_jobs_nor_on_order(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo", "--jobs", "1", "--results", "one.parquet").returncode == 0
    assert (
        cli("run", "montecarlo", "--jobs", "3", "--where", "shape=sphere", "--results", "two.parquet").returncode == 0
    )
    assert cli("run", "montecarlo", "--jobs", "2", "--results", "two.parquet").returncode == 0
    assert found(project / "one.parquet") == found(project / "two.parquet")


UNEVEN = '''"""A study of one experiment, of whose cases some are over in a moment and others are not."""
import os
import time
from dataclasses import dataclass
from repro.study import Profile, Study

@dataclass(frozen=True)
class Case:
    seconds: float
    number: int

study = Study("montecarlo", smoke=Profile(None, replicates=1, cannot_answer="anything"))

@study.experiment(tuple(Case(0.4 * (number % 2), number) for number in range(13)), metrics=("process",))
def wait(case, run):
    """Who made it."""
    time.sleep(case.seconds)
    return {"process": float(os.getpid())}
'''


def test_runs_of_an_unknown_case_do_not_wait_behind_one_another(project: Path, cli: Cli) -> None:
    """The first case is over at once, for which its worker was given half of the others beforehand, all long ones."""
    write_study(project, "montecarlo", UNEVEN)
    assert cli("run", "montecarlo", "--jobs", "2").returncode == 0
    long = [row["value"] for row in table.read(project / RESULTS).to_pylist() if '"seconds":0.4' in row["case"]]
    made = Counter(long)
    assert made.total() == 6
    assert len(made) == 2
    assert min(made.values()) > 1, made


def test_killed_at_random_points_the_resumed_table_equals_the_uninterrupted_one(project: Path, cli: Cli) -> None:
    """`kill -9` loses at most the runs in flight, and no moment of it leaves a file that cannot be read."""
    write_study(project, "montecarlo", SLOW)
    assert cli("run", "montecarlo", "-q", "--results", "whole.parquet").returncode == 0
    chance, kept = random.Random(20), 0
    path = project / "killed.parquet"
    for _ in range(6):
        process = subprocess.Popen(
            command("run", "montecarlo", "-q", "--results", "killed.parquet"), cwd=project, stdout=subprocess.DEVNULL
        )
        time.sleep(chance.uniform(0.4, 1.1))
        process.send_signal(signal.SIGKILL)
        process.wait()
        if path.exists():
            now = table.read(path).num_rows
            assert now >= kept
            kept = now
    assert cli("run", "montecarlo", "-q", "--results", "killed.parquet").returncode == 0
    assert found(path) == found(project / "whole.parquet")


def test_workers_end_with_a_killed_parent(project: Path) -> None:
    mark = project / "alive"
    touch = f"pathlib.Path({str(mark)!r}).touch()"
    forever = f"    import pathlib, time\n    while True: {touch}; time.sleep(0.02)\n    draw = random"
    write_study(project, "montecarlo", toy_source().replace("    draw = random", forever))
    process = subprocess.Popen(command("run", "montecarlo", "-q", "--jobs", "1"), cwd=project)
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    time.sleep(0.5)
    mark.unlink(missing_ok=True)
    time.sleep(0.3)
    assert not mark.exists()


BUDGET = """
import sys; sys.path.insert(0, {project!r})
import repro
from repro import api
from repro.runs import runner

class Clock:
    now = 0.0
    monotonic = staticmethod(lambda: Clock.now)

def finished(*_):
    Clock.now += 300.0

api.time = runner.time = Clock
for budget in (1002.0, None):
    summary = (made := repro.run("montecarlo", jobs=1, time_budget=budget, progress=finished)).summary
    print(summary.already_done, summary.finished, summary.left, made.exit_code)
"""


def test_the_time_budget_ends_a_run_cleanly_and_it_resumes(project: Path) -> None:
    """By a clock that goes 300 s forward with each finished run: after four of them the budget is used up."""
    code = BUDGET.format(project=str(PROJECT))
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.stdout.split("\n") == ["0 4 14 7", "4 14 0 0", ""], done.stderr


def test_what_is_left_is_said(project: Path, cli: Cli) -> None:
    stopped = cli("run", "montecarlo", "--time-budget", "1")  # less than what is kept to end the workers
    assert stopped.returncode == 7
    assert "18 runs are left: the time budget ended; the same command goes on from here" in stopped.stderr
    assert cli("run", "montecarlo").returncode == 0


def test_a_second_process_on_one_store_is_told_so(project: Path, cli: Cli) -> None:
    with Store.exclusive(results(project)):
        refused = cli("run", "montecarlo")
    assert refused.returncode == 7
    assert "another command is writing this store" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "interrupted; finished runs are kept"),
        (signal.SIGTERM, 143, "ended by SIGTERM; finished runs are kept"),
        (signal.SIGHUP, 129, "ended by SIGHUP; finished runs are kept"),
    ],
)
def test_interruption_keeps_what_is_finished(project: Path, number: signal.Signals, code: int, words: str) -> None:
    write_study(project, "montecarlo", SLOW)
    process = subprocess.Popen(
        command("run", "montecarlo", "--jobs", "1"),
        cwd=project,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell's background job, and what it starts, ignores Ctrl-C unless told otherwise.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stderr is not None
    while "[3/18]" not in (line := process.stderr.readline()):
        assert line, "ended before its third run"
    # Ctrl-C reaches all processes of a terminal; a supervisor asks the one that it started.
    (os.killpg if number == signal.SIGINT else os.kill)(process.pid, number)
    talk = process.stderr.read()
    assert process.wait(timeout=20) == code
    assert words in talk
    assert "Traceback" not in talk
    assert table.read(results(project)).num_rows >= 3 * 2


def test_changed_code_sets_the_old_runs_aside_and_makes_new_ones(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo").returncode == 0
    before = found(results(project))
    write_study(project, "montecarlo", toy_source().replace("<= 1 for", "< 1 for"))
    changed = cli("run", "montecarlo")
    assert "18 runs made, 0 were there already" in changed.stdout
    aside = results(project).with_name("smoke.aside-1.parquet")
    assert "set aside in results/montecarlo/smoke.aside-1.parquet" in changed.stderr
    assert found(aside) == before
    assert {row["code"] for row in found(results(project))}.isdisjoint({row["code"] for row in before})


def test_a_comment_makes_nothing_new(project: Path, cli: Cli) -> None:
    assert cli("run", "montecarlo").returncode == 0
    write_study(project, "montecarlo", "# why\n" + toy_source())
    assert "0 runs made, 18 were there already" in cli("run", "montecarlo").stdout


def test_a_failing_run_is_recorded_as_failed_and_made_again(project: Path, cli: Cli) -> None:
    broken = toy_source().replace(
        "    draw = random", "    if points.count == 500:\n        raise ValueError('no luck')\n    draw = random"
    )
    write_study(project, "montecarlo", broken)
    failed = cli("run", "montecarlo", "--replicates", "1")
    assert failed.returncode == 7
    assert "ValueError: no luck (__init__.py:" in failed.stderr
    rows = table.read(results(project)).to_pylist()
    assert {row["value"] for row in rows if row["status"] == "failed"} == {None}
    assert sum(row["status"] == "failed" for row in rows) == 2 * 2
    write_study(project, "montecarlo", toy_source())
    assert cli("run", "montecarlo", "--replicates", "1").returncode == 0
    assert {row["status"] for row in table.read(results(project)).to_pylist()} == {"ok"}


def test_a_process_that_dies_is_an_infrastructure_error(project: Path, cli: Cli) -> None:
    write_study(
        project,
        "montecarlo",
        toy_source().replace("    draw = random", "    import os; os._exit(9)\n    draw = random"),
    )
    dead = cli("run", "montecarlo")
    assert dead.returncode == 7
    assert "ended without a word" in dead.stderr


def test_cuda_without_a_gpu_is_an_infrastructure_error(project: Path, cli: Cli) -> None:
    empty = dict(os.environ, PATH="/nowhere")
    refused = cli("run", "montecarlo", "--device", "cuda", env=empty)
    assert refused.returncode == 7
    assert "runs on a CUDA device and this machine shows none" in refused.stderr


class TestWhatAnExperimentMayReturn:
    """The harness checks the declared metrics: exactly these, and finite, or the run is not ok."""

    @staticmethod
    def report(returned: object):
        from types import SimpleNamespace

        return checked(SimpleNamespace(metrics=(Metric("pi"), Metric("inside"))), returned)

    def test_all_metrics(self) -> None:
        assert self.report({"pi": 3, "inside": 2}).values == {"pi": 3.0, "inside": 2.0}

    @pytest.mark.parametrize("returned", [{"pi": 3.0}, {"pi": 3.0, "inside": 1.0, "more": 1.0}, {}])
    def test_other_metrics_fail(self, returned: dict[str, float]) -> None:
        report = self.report(returned)
        assert (report.status, report.values) == ("failed", None)

    @pytest.mark.parametrize("returned", [None, 0.5, [1.0, 2.0], np.arange(30.0)])
    def test_what_is_no_mapping_is_said(self, returned: object) -> None:
        """An experiment without its `return` was a TypeError of ours, with our line."""
        report = self.report(returned)
        assert (report.status, report.values) == ("failed", None)
        head, _, tail = report.detail.partition(", wanted a ")
        assert head == f"returned {' '.join(f'{returned!r:.60}'.split())}"
        assert tail == "mapping of metrics to numbers"

    def test_names_that_are_no_texts_are_other_metrics(self) -> None:
        """Python orders no text beside a number."""
        report = self.report({0: 3.0, "pi": 3.0, "inside": 1.0})
        assert report.detail == "returned metrics [0, 'inside', 'pi'], declared ['inside', 'pi']"
        report = self.report(Outcome({"pi": 3.0, "inside": 1.0}, curves={0: [1.0], "more": [1.0]}))
        assert report.detail == "curves for undeclared metrics: 0, more"

    @pytest.mark.parametrize("curves", [None, {"pi": 3.0}, {"pi": ["a"]}])
    def test_what_is_no_curve_is_said(self, curves: object) -> None:
        report = self.report(Outcome({"pi": 3.0, "inside": 1.0}, curves=curves))
        assert report.detail == f"returned the curves {curves!r}, wanted a list of numbers a metric"

    @pytest.mark.parametrize("status", ["OK", "failed", "", None, []])
    def test_an_unknown_status_is_no_divergence(self, status: object) -> None:
        """A study that says "failed" (out of memory, say) was counted among the runs that left the real numbers."""
        report = self.report(Outcome({"pi": 3.0, "inside": 1.0}, status=status, detail="out of memory"))
        assert (report.status, report.values) == ("failed", None)
        assert "wanted ok or nonfinite, with the detail out of memory" in report.detail

    @pytest.mark.parametrize("n_test", [None, 0])
    def test_a_share_of_unknown_items_fails_at_the_first_run(self, n_test: int | None) -> None:
        """It was told by bless alone, when all the runs had been made."""
        from types import SimpleNamespace

        counted = SimpleNamespace(metrics=(Metric("error", "%", counted=True),))
        report = checked(counted, Outcome({"error": 3.0}, n_test=n_test))
        assert (report.status, report.values) == ("failed", None)
        assert "error is a share of counted items and n_test, how many, is" in report.detail
        assert checked(counted, Outcome({"error": 3.0}, n_test=100)).status == "ok"
        assert checked(counted, Outcome({}, status="nonfinite")).status == "nonfinite"

    @pytest.mark.parametrize(
        ("value", "n_test", "status"),
        [(106.39, 100, "failed"), (-1.0, 100, "failed"), (97.55, 100, "failed"), (0.985, 1000, "failed"),
         (98.93000030517578, 10_000, "ok"), (0.0, 7, "ok"), (100.0, 7, "ok"), (100 * 5 / 7, 7, "ok")],
    )  # fmt: skip
    def test_a_counted_share_is_one(self, value: float, n_test: int, status: str) -> None:
        """106.39 of 100 items was kept, and a fraction's band was a hundred times too wide to see anything."""
        from types import SimpleNamespace

        counted = SimpleNamespace(metrics=(Metric("error", "%", counted=True),))
        report = checked(counted, Outcome({"error": value}, n_test=n_test))
        assert report.status == status
        assert (f"{value!r}, which is no share of {n_test} items" in report.detail) == (status == "failed")

    @pytest.mark.parametrize("wild", [float("nan"), float("inf"), -float("inf")])
    def test_a_value_that_is_no_number_is_never_kept(self, wild: float) -> None:
        report = self.report({"pi": wild, "inside": 1.0})
        assert (report.status, report.values) == ("nonfinite", None)
        assert "pi is" in report.detail

    def test_a_nonfinite_outcome_keeps_the_finite_part_of_its_curves(self) -> None:
        outcome = Outcome({}, status="nonfinite", detail="update 3", curves={"pi": [3.0, float("nan"), 3.1]})
        report = self.report(outcome)
        assert (report.status, report.values, report.curves) == ("nonfinite", None, {"pi": [3.0]})

    def test_curves_of_unknown_metrics_fail(self) -> None:
        assert self.report(Outcome({"pi": 3.0, "inside": 1.0}, curves={"e": [1.0]})).status == "failed"


def test_plan_tells_what_is_done_and_what_the_rest_costs(project: Path, cli: Cli) -> None:
    before = json.loads(cli("plan", "montecarlo", "--json").stdout)
    assert before["experiments"][0]["runs"] == 18
    assert before["cpu_seconds"] is None
    assert cli("run", "montecarlo", "--replicates", "2").returncode == 0
    after = json.loads(cli("plan", "montecarlo", "--json").stdout)
    assert after["experiments"][0]["done"] == 12
    seconds = table.read(results(project)).filter(pc.field("metric") == "pi")["wall_seconds"].to_pylist()
    assert 0 < after["cpu_seconds"] < sum(seconds) + 6 * max(seconds)
    assert not results(project, "paper").exists()


def test_a_dry_run_changes_nothing(project: Path, cli: Cli) -> None:
    assert "18 of 18 runs to make" in cli("run", "montecarlo", "-n").stdout
    assert not (project / "results").exists()


@pytest.mark.parametrize(
    ("module", "without"),
    [("repro.runs.worker", {"numpy", "pyarrow", "asyncio"}), ("repro.runs.runner", {"asyncio", "distributed"})],
)
def test_a_process_imports_what_it_needs(module: str, without: set[str]) -> None:
    """A worker of a small study spent most of its start on tables that it never sees."""
    code = f"import sys, {module}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert module in said.split()
    assert not without & set(said.split())
