"""What counts as a run: of golden and store together, of the code that is here, of seeds that are some."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from repro.audit import admitted, document, evidence
from repro.audit.claims import Claim
from repro.audit.verdicts import Judgement
from repro.errors import IntegrityError
from repro.golden import stored
from repro.golden.bless import bless
from repro.runs import store, table
from repro.runs.plan import Identity
from repro.seeds import derive_seed
from repro.study import Profile, Study, case_json
from tests.repro.support.synthetic import Point

CASE = case_json(Point(0))
WIDE = ("interval", ["98.5"], 5.0)
Row = dict[str, Any]


def probe() -> Study:
    """A faithful study with one experiment and one metric."""
    study = Study("probe", smoke=Profile(None, faithful=True, golden_seeds=5))

    @study.experiment([Point(0), Point(1)], metrics=("m",))
    def train(case: Point, run: Any) -> dict[str, float]:
        """Train."""
        return {"m": 0.0}

    return study


def row(replicate: int, value: float | None, **changed: Any) -> Row:
    """Return a row of a run by the code that is here, "now"; without a value it diverged."""
    return {
        "study": "probe", "experiment": "train", "case": CASE, "profile": "smoke", "replicate": replicate,
        "seed": derive_seed("probe", "train", CASE, replicate), "metric": "m", "unit": "1", "value": value,
        "curve": None, "status": "nonfinite" if value is None else "ok", "detail": "", "n_test": None, "epochs": None,
        "wall_seconds": 1.0, "device": "cpu", "settings": "null", "data": "", "code": "now", "environment": "here",
        "commit": "c" * 40, "finished": datetime(2024, 1, 1, tzinfo=UTC),
    } | changed  # fmt: skip


def drawn(replicates: range, **changed: Any) -> list[Row]:
    """Return rows near 98.5, other ones for each replicate."""
    return [row(number, 98.5 + 0.05 * math.sin(number + 1), **changed) for number in replicates]


class Project:
    """A folder with a store and a golden of the probe study."""

    def __init__(self, root: Path) -> None:
        self.root, self.study = root, probe()

    def keep(self, rows: list[Row]) -> None:
        table.write(store.results_path("probe", "smoke"), table.build(rows, {"here": {}}))

    def bless(self, rows: list[Row]) -> None:
        other = [{**one, "case": case_json(Point(1))} for one in rows]
        for one in other:
            one["seed"] = derive_seed("probe", "train", one["case"], one["replicate"])
            one["value"] += 0.001
        path = self.root / "blessed.parquet"
        table.write(path, table.build([*rows, *other], {"here": {}}))
        bless(path, stored.path_of(self.root, "probe", "smoke"), self.study, "smoke", reason="a", root=self.root)

    def says(self, judge: str, published: list[str], margin: float | None = None, runs: int | None = None) -> Judgement:
        """Return what is said of a claim that rests on the probe's rows."""
        asked = {"experiment": "train", "metric": "m", "x": 0}
        claim = Claim("probe", "it", "1", "value", "S.", tuple(published), 7, judge=judge, rows=asked, margin=margin,
                      runs=runs)  # fmt: skip
        return document.judge(self.study, claim)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = Project(tmp_path)
    monkeypatch.setattr("repro.registry.root", lambda: tmp_path)
    monkeypatch.setattr(store, "root", lambda: tmp_path)
    monkeypatch.setattr("repro.registry.load", lambda _name: made.study)
    data = {("train", case_json(Point(x))): "" for x in (0, 1)}
    wanted = Identity("null", data, {"train": "now"}, {"train": {"m": "1"}})
    monkeypatch.setattr(admitted, "identity", lambda _study, _profile: wanted)
    return made


def test_runs_of_the_code_that_is_here_are_evidence(project: Project) -> None:
    project.keep(drawn(range(5)))
    found = project.says(*WIDE)
    assert (found.verdict, found.n) == ("reproduced", 5)


@pytest.mark.parametrize("other", [{"code": "before"}, {"settings": "{}"}, {"data": "other"}])
def test_runs_of_other_code_settings_or_data_are_none_and_the_command_is_named(project: Project, other: Row) -> None:
    project.keep(drawn(range(5), **other))
    found = project.says(*WIDE)
    assert (found.verdict, found.n, found.more) == ("inconclusive", 0, 5)
    assert found.evidence == (
        "5 runs left out, of other code, settings, data or units than are here; run again: "
        "`repro run probe --profile smoke --experiment train --where x=0`"
    )


def test_where_some_are_of_the_code_that_is_here_these_count_and_the_others_are_said(project: Project) -> None:
    project.keep([*drawn(range(5)), *drawn(range(5, 8), code="before")])
    found = project.says(*WIDE)
    assert (found.verdict, found.n) == ("reproduced", 5)
    assert found.evidence.endswith("; 3 runs left out, of other code, settings, data or units than are here")


@pytest.mark.parametrize("pairs", [5, 1])
def test_runs_of_an_ignored_seed_are_one_run(project: Project, pairs: int) -> None:
    """All alike, or one pair: one equal pair of continuous values proves it."""
    values = drawn(range(6))
    for number in range(1, pairs + 1):
        values[number]["value"] = values[0]["value"]
    project.keep(values)
    for judge, published in (("interval", ["98.5"]), ("threshold", ["> 90"])):
        found = project.says(judge, published, 5.0)
        assert (found.verdict, found.n, found.more) == ("inconclusive", 0, None)
        assert "the seed changes nothing" in found.evidence


@pytest.mark.parametrize(
    ("judge", "published", "margin", "runs"),
    [("interval", ["98.5"], 5.0, None), ("samples", ["98.5 ± 0.05"], 5.0, 5), ("threshold", ["> 90"], None, None),
     ("order", ["more"], 0.1, None)],
)  # fmt: skip
def test_survivors_reproduce_nothing(
    project: Project, judge: str, published: list[str], margin: float | None, runs: int | None
) -> None:
    project.keep(drawn(range(6)))
    assert project.says(judge, published, margin, runs).verdict == "reproduced"
    project.keep([*drawn(range(6)), *(row(number, None) for number in range(6, 10))])
    found = project.says(judge, published, margin, runs)
    assert (found.verdict, found.n, found.more) == ("inconclusive", 6, None)
    assert found.evidence.endswith("; 4 of 10 diverged")


def test_a_difference_that_survivors_show_stays_shown(project: Project) -> None:
    project.keep([*drawn(range(6)), row(6, None)])
    found = project.says("threshold", ["> 99"])
    assert found.verdict == "not reproduced"
    assert found.evidence.endswith("; 1 of 7 diverged")


def test_golden_and_newer_runs_count_together_and_each_run_once(project: Project) -> None:
    project.bless(drawn(range(5)))
    assert project.says(*WIDE).n == 5
    project.keep(drawn(range(3, 9)))
    assert project.says(*WIDE).n == 9


def test_new_runs_stand_in_for_an_outdated_golden(project: Project) -> None:
    project.bless(drawn(range(5), code="before"))
    assert project.says(*WIDE).verdict == "inconclusive"
    project.keep(drawn(range(5)))
    found = project.says(*WIDE)
    assert (found.verdict, found.n) == ("reproduced", 5)
    assert "left out" not in found.evidence


def test_two_values_of_one_run_are_no_choice(project: Project) -> None:
    project.bless(drawn(range(5)))
    project.keep([row(2, 97.0)])
    with pytest.raises(IntegrityError, match="replicate 2 has two values of m"):
        project.says(*WIDE)
    project.keep([row(2, 97.0, environment="there")])  # of another machine: the golden's word counts
    assert project.says(*WIDE).n == 5


def test_a_seed_that_is_not_the_run_s_is_refused(project: Project) -> None:
    project.keep([*drawn(range(5)), row(5, 98.51, seed=17)])
    with pytest.raises(IntegrityError, match="replicate 5 has the seed 17"):
        project.says(*WIDE)


def test_failed_runs_are_said_and_are_none(project: Project) -> None:
    project.keep([*drawn(range(5)), row(5, None, status="failed")])
    found = project.says(*WIDE)
    assert (found.verdict, found.n) == ("reproduced", 5)
    assert found.evidence.endswith("; 1 runs left out, failed")


def test_an_empty_epoch_of_a_curve_is_refused(project: Project) -> None:
    project.keep([row(0, 98.5, curve=[1.0, None])])
    with pytest.raises(IntegrityError, match="an epoch without a value"):
        project.says(*WIDE)


def test_a_function_of_a_study_need_not_ask(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.keep(drawn(range(5), code="before"))

    def own() -> Any:
        return evidence.values("probe", "smoke", "train", "m", Point(0)).values[0]

    monkeypatch.setattr(evidence, "function_of", lambda _study, _name: own)
    found = document.judge(project.study, Claim("probe", "it", "1", "value", "S.", ("1",), 7, judge="printed",
                                                compute="claims.own"))  # fmt: skip
    assert found.verdict == "inconclusive"
    assert "run again: `repro run probe" in found.evidence


CLAIMS = """[[claim]]
id = "{0}"
where = "1"
kind = "value"
statement = "It is {0}."
published = "3"
judge = "printed"
compute = "claims.{0}"
"""
BODIES = """
import sys
from repro.errors import IntegrityError
def good(): return 3
def other(): return 4
def broken(): return 1 / 0
def leaving(): sys.exit()
def damaged(): raise IntegrityError("a file is damaged")
"""


@pytest.fixture
def mixed(project: Path, cli: Callable[..., Any]) -> Callable[..., Any]:
    """The toy study with claims of which some cannot be judged."""
    names = ("good", "broken", "leaving", "damaged", "other")
    (project / "studies/montecarlo/claims.toml").write_text("\n".join(CLAIMS.format(name) for name in names))
    (project / "studies/montecarlo/claims.py").write_text(BODIES)
    return cli


class TestErrors:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        from tests.repro.conftest import toy_source, write_study

        write_study(tmp_path, "montecarlo", toy_source())
        return tmp_path

    def test_a_claim_that_cannot_be_judged_stops_no_other(self, mixed: Callable[..., Any], tmp_path: Path) -> None:
        forms = ("--junit-xml", "a.xml", "--sarif", "a.sarif", "--markdown", "a.md")
        done = mixed("audit", "--json", *forms)
        assert done.returncode == 6  # the highest: two of 2, one of 6
        found = {one["id"]: (one["verdict"], one["exit_code"], one["evidence"]) for one in json.loads(done.stdout)}
        assert found["good"][:2] == ("reproduced", 0)
        assert found["other"][:2] == ("erratum", 0)
        assert [found[name][:2] for name in ("broken", "leaving", "damaged")] == [("error", c) for c in (2, 2, 6)]
        assert "ZeroDivisionError: division by zero (studies/montecarlo/claims.py:6)" in found["broken"][2]
        assert "a file is damaged" in found["damaged"][2]
        assert "repro audit: 3 of 5 claims could not be judged, first " in done.stderr
        written = (tmp_path / "a.xml").read_text()
        # An erratum is no fault of an audit that is not --strict, and fails nothing here either.
        assert 'tests="5" failures="0" skipped="1" errors="3"' in written
        assert written.count('<error type="error"') == 3
        assert (tmp_path / "a.sarif").read_text().count('"ruleId": "error"') == 3
        assert (tmp_path / "a.md").read_text().count("| error |") == 3

    def test_the_table_says_so_and_nothing_is_blessed(self, mixed: Callable[..., Any], tmp_path: Path) -> None:
        done = mixed("audit")
        assert done.returncode == 6
        assert done.stdout.count("error: ") == 3
        done = mixed("audit", "--bless", "all of it")
        assert done.returncode == 2
        assert "3 claims could not be judged" in done.stderr
        assert not (tmp_path / "golden" / "audit.parquet").exists()

    def test_a_report_has_the_error_and_its_code(self, mixed: Callable[..., Any], tmp_path: Path) -> None:
        assert mixed("report", "--without-figures").returncode == 6
        assert 'data-verdict="error"' in (tmp_path / "report.html").read_text()

    def test_a_verdict_that_is_missing_for_an_error_is_not_gone(
        self, mixed: Callable[..., Any], tmp_path: Path
    ) -> None:
        claims = tmp_path / "studies/montecarlo/claims.toml"
        both = claims.read_text()
        claims.write_text("\n".join(CLAIMS.format(name) for name in ("good", "other")))
        first = mixed("audit")
        assert (first.returncode, "no verdicts are blessed yet" in first.stderr + first.stdout) == (0, True)
        assert mixed("audit", "--bless", "first").returncode == 0
        claims.write_text(both)
        assert "gone" not in mixed("audit").stderr
        (tmp_path / "golden" / "audit.parquet").unlink()
        done = mixed("audit")
        assert (done.returncode, "verdicts were blessed" in done.stderr) == (6, True)


def test_rows_are_told_apart_without_pandas() -> None:
    """A value or an array that pyarrow makes imports pandas where it is installed: a third of a second."""
    code = (
        "import sys; from repro import registry; from repro.audit import admitted; name = registry.names()[0]; "
        "study = registry.load(name); of = [admitted.of(study, 'smoke', one).rows for one in study.experiments]; "
        "print(any(of), *sorted({'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]
