"""Which runs would decide which claims: what is planned, and what `run --undecided` makes of it."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from repro.audit import undecided
from repro.audit.undecided import Need, options_of
from repro.runs.planned import PlannedRun
from tests.repro.conftest import Cli, write_study

STUDY = """
from dataclasses import dataclass
from random import Random

from repro.study import Profile, Study

study = Study("scores", paper=Profile(None, replicates=1, faithful=True), smoke=Profile(None, cannot_answer="all"))


@dataclass(frozen=True)
class Method:
    method: str


@study.experiment((Method("ours"), Method("base")), metrics=("score",))
def trained(case, run):
    '''Score of a method.'''
    return {"score": {"ours": 92.0, "base": 90.0}[case.method] + Random(run.seed).gauss(0, 0.1)}


@study.experiment((Method("ours"),), metrics=("score",))
def slow(case, run):
    '''Score of a method, slowly.'''
    return {"score": 92.0 + Random(run.seed).gauss(0, 0.1)}
"""
ROWS = {
    "ours": 'rows = { experiment = "trained", metric = "score", method = "ours" }',
    "better": """rows = {
    experiment = "trained", metric = "score", above = { method = "ours" }, below = { method = "base" } }""".replace(
        "\n    ", " "
    ),
    "slow": 'rows = { experiment = "slow", metric = "score", method = "ours" }',
}


def claim(name: str) -> str:
    kind, judge, published = ("order", "order", "ours > base") if name == "better" else ("value", "interval", "92.0")
    return (
        f'[[claim]]\nid = "{name}"\nwhere = "table 1"\nkind = "{kind}"\nstatement = "It is so."\n'
        f'published = "{published}"\nmargin = 0.5\njudge = "{judge}"\n{ROWS[name]}\n'
    )


@pytest.fixture
def scores(project: Path) -> Path:
    write_study(project, "scores", STUDY)
    (project / "studies/scores/claims.toml").write_text("\n".join(map(claim, ROWS)))
    return project


def planned(cli: Cli) -> list[dict[str, object]]:
    done = cli("plan", "scores", "--undecided", "--json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_each_claim_stands_beside_the_runs_that_would_decide_it(scores: Path, cli: Cli) -> None:
    found = planned(cli)
    shares = {tuple(need["claims"]): need["runs"] for need in found}  # type: ignore[arg-type]
    assert shares == {("scores/ours",): 5, ("scores/better",): 5, ("scores/slow",): 5}  # of ten, five are ours'
    assert all(need["cpu_seconds"] is None for need in found)
    assert "claims wait for 15 runs" in cli("plan", "--undecided").stdout


def test_what_costs_less_a_claim_comes_first(scores: Path, cli: Cli) -> None:
    assert cli("run", "scores", "--profile", "paper").returncode == 0
    found = planned(cli)
    assert sum(int(str(need["runs"])) for need in found) == 3 * 4  # one of each case is there
    rates = {str(need["claims"]): float(str(need["claims_an_hour"])) for need in found}
    apart = {name: rate for name, rate in rates.items() if "better" not in name}
    assert len(apart) == 2
    assert list(apart.values()) == sorted(apart.values(), reverse=True)
    assert list(rates).index("['scores/ours']") < list(rates).index("['scores/better']")


def test_what_another_experiment_took_is_no_estimate(scores: Path, cli: Cli) -> None:
    assert cli("run", "scores", "--profile", "paper", "--experiment", "trained").returncode == 0
    known = {str(need["claims"]): need["cpu_seconds"] is not None for need in planned(cli)}
    assert known == {"['scores/ours']": True, "['scores/better']": True, "['scores/slow']": False}


def test_of_what_nobody_timed_most_claims_a_run_come_first() -> None:
    def need(claims: int, runs: int, seconds: float | None = None, lacking: tuple[str, ...] = ()) -> Need:
        made = tuple(PlannedRun("trained", "{}", 0, number, number, 0.0) for number in range(runs))
        return Need("scores", "paper", ("scores/ours",) * claims, (), made, seconds, lacking)

    grid, cell, slow, absent = need(6, 250), need(1, 5), need(1, 5, 1e6), need(6, 1, 1.0, ("cifar10",))
    assert sorted([absent, grid, cell, slow], key=undecided._place) == [slow, cell, grid, absent]


def test_making_them_decides(scores: Path, cli: Cli) -> None:
    done = cli("run", "scores", "--undecided")
    assert done.returncode == 0, done.stderr
    assert "for scores/ours" in done.stderr
    assert planned(cli) == []
    verdicts = {one["id"]: one["verdict"] for one in json.loads(cli("audit", "scores", "--json").stdout)}
    assert verdicts == {"ours": "reproduced", "better": "reproduced", "slow": "reproduced"}
    again = cli("run", "--undecided")
    assert again.returncode == 0
    assert "0 claims" in cli("plan", "--undecided").stdout


def test_options_that_choose_runs_otherwise_are_refused(scores: Path, cli: Cli) -> None:
    for wrong in (["--replicates", "3"], ["--where", "method=ours"], ["--experiment", "slow"], ["--fresh", "1"]):
        done = cli("run", "scores", "--undecided", *wrong)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert wrong[0] in done.stderr


def test_a_study_is_named_where_none_is_undecided(scores: Path, cli: Cli) -> None:
    for name in ("plan", "run"):
        done: subprocess.CompletedProcess[str] = cli(name)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "--undecided" in done.stderr


def test_a_run_that_was_cut_off_says_what_it_would_cost(tmp_path: Path) -> None:
    head = {"run": "r", "sha256": "", "seconds": 30.0, "of": ["trained", "{}"], "share": 0.25}
    (tmp_path / "one.checkpoint").write_bytes(json.dumps(head).encode() + b"\nstate")
    assert undecided._begun(tmp_path, {}) == {("trained", "{}"): 120.0}
    assert undecided._begun(tmp_path, {("trained", "{}"): 7.0}) == {}


def test_a_command_is_read_as_the_command_line_reads_it() -> None:
    study, options = options_of("s --profile p --experiment a --experiment b --where 'x=1 2' --replicates 1")
    assert study == "s"
    assert options == {"profile": ["p"], "experiment": ["a", "b"], "where": ["x=1 2"], "replicates": ["1"]}


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x80\x02", b"[]\n", b'{"of": ["trained", "{}"], "sec',
        b'{"of": ["trained"], "seconds": 1, "share": 0.5}\n',
        b'{"of": ["trained", "{}"], "seconds": 1, "share": null}\n',
        b'{"of": ["trained", "{}"], "seconds": 1, "share": 0}\n',
    ],
)  # fmt: skip
def test_a_damaged_state_of_a_run_says_nothing_of_its_cost(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.checkpoint").write_bytes(content)
    assert undecided._begun(tmp_path, {}) == {}


ODD = """
from dataclasses import dataclass
from random import Random

from repro.study import Profile, Study

study = Study("scores", paper=Profile(None, replicates=1, faithful=True), smoke=Profile(None, cannot_answer="all"))


@dataclass(frozen=True)
class Method:
    method: str
    bias: bool
    layers: tuple[int, ...]
    rate: float


@study.experiment(
    (Method("k=3, l1", True, (16, 32), 1e-5), Method("k=3, l1", False, (16,), 2 ** 0.5)), metrics=("score",)
)
def trained(case, run):
    '''Score of a method.'''
    return {"score": 92.0 + Random(run.seed).gauss(0, 0.1)}
"""


@pytest.mark.parametrize(
    "fields", ['method = "k=3, l1", bias = true', "layers = [16, 32]", "rate = 1e-5", "rate = 1.4142135623730951"]
)
def test_cases_of_any_value_are_planned_and_their_command_runs(fields: str, project: Path, cli: Cli) -> None:
    write_study(project, "scores", ODD)
    rows = f'rows = {{ experiment = "trained", metric = "score", {fields} }}'
    (project / "studies/scores/claims.toml").write_text(claim("ours").replace(ROWS["ours"], rows))
    (need,) = planned(cli)
    assert need["runs"] == 5
    (command,) = need["commands"]  # type: ignore[misc]
    assert cli(*shlex.split(command)[1:]).returncode == 0
    assert planned(cli) == []
    assert cli("audit", "scores").returncode == 0


def test_of_several_faithful_profiles_the_first_with_enough_runs_answers_and_is_named(scores: Path, cli: Cli) -> None:
    source = STUDY.replace("smoke=Profile", "long=Profile(None, replicates=1, faithful=True), smoke=Profile")
    write_study(scores, "scores", source)

    def said() -> list[str]:
        found = json.loads(cli("audit", "scores", "--claim", "ours", "--json").stdout)
        return [found[0]["verdict"], found[0]["evidence"].rpartition("; ")[2]]

    assert cli("run", "scores", "--profile", "long", "--replicates", "5", "-q").returncode == 0
    assert said() == ["reproduced", "runs of profile long"]
    assert cli("run", "scores", "--profile", "paper", "--replicates", "1", "-q").returncode == 0
    assert said() == ["reproduced", "runs of profile long"]
    assert cli("run", "scores", "--profile", "paper", "--replicates", "6", "-q").returncode == 0
    assert said() == ["reproduced", "runs of profile paper"]
