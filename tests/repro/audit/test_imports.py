"""Imported runs answer a claim where no run of ours is there, are never mixed with ours, and are always said."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repro import registry
from repro.audit import admitted, blessed, changes, document, imports
from repro.audit.claims import Claim
from repro.audit.document import Audited
from repro.audit.verdicts import Judgement
from repro.outside import imported
from repro.outside.imported import ImportedRow, Imports, Reading
from repro.runs import unchanged
from repro.runs.rows import Row
from repro.show import exports
from repro.show.about import About
from repro.show.report import page
from repro.show.telling import tally
from repro.show.verdicts import render
from repro.study import Metric, Profile, Study, case_json
from tests.repro.support.evidence import row

NOW = datetime(2026, 11, 29, tzinfo=UTC)


@dataclass(frozen=True)
class Case:
    """The cases of the toy study."""

    method: str


CLAIM = Claim("toy", "it", "1", "value", "Ours has 93.1.", ("93.1",), 7, unit="%", judge="interval", margin=0.5,
              rows={"experiment": "train", "metric": "accuracy", "method": "ours"})  # fmt: skip
ORDER = replace(
    CLAIM, id="better", published=("ours is better",), judge="order", margin=0.1, unit="points",
    rows={"experiment": "train", "metric": "accuracy", "above": {"method": "ours"}, "below": {"method": "base"}},
)  # fmt: skip
VALUES = (93.0, 93.1, 93.2, 93.05, 93.15)
FIXED = replace(CLAIM, id="fixed", judge="printed", rows={"experiment": "sized", "metric": "accuracy"})


def toy() -> Study:
    study = Study("toy", paper=Profile(None, faithful=True))

    @study.experiment([Case("ours"), Case("base")], metrics=(Metric("accuracy", "%"),))
    def train(case: Case, run: Any) -> dict[str, float]:
        """Train."""
        return {}

    @study.experiment([Case("ours")], metrics=(Metric("accuracy", "%"),), deterministic=True)
    def sized(case: Case, run: Any) -> dict[str, float]:
        """Measure what no seed moves."""
        return {}

    return study


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Row]:
    """Stand in for the runs of ours that are evidence, in a project with a file of somebody's runs."""
    held: list[Row] = []
    monkeypatch.setattr(registry, "root", lambda: tmp_path)
    (tmp_path / "runs.csv").write_text("theirs")
    imports.forget()
    monkeypatch.setattr(
        admitted,
        "of",
        lambda _study, _profile, name: admitted.Admitted([one for one in held if one.experiment == name]),
    )
    return held


def bring(*values: float | None, method: str = "ours", experiment: str = "train", **changed: Any) -> None:
    """Import rows, one for each value; None diverged."""
    path = imported.path_of("toy", "paper")
    digest = unchanged.file(str(registry.root() / "runs.csv"))
    reading = Reading("repro import runs.csv --study toy", {"runs.csv": digest})
    made = [
        ImportedRow(
            "toy", "paper", experiment, case_json(Case(method)), "accuracy", "%", value,
            "nonfinite" if value is None else "ok", "", str(seed), f"row {seed}", "mlflow", "3.1", "val_acc",
            "runs.csv", digest, "", 0.0, reading.name, NOW,
        )._replace(**changed)
        for seed, value in enumerate(values)
    ]  # fmt: skip
    before = imported.read_if_there(path)
    imported.write(path, Imports((*before.rows, *made), {**before.readings, reading.name: reading}))
    imports.forget()


def of_ours(*values: float, method: str = "ours") -> list[Row]:
    return [row("train", "accuracy", case_json(Case(method)), place, value) for place, value in enumerate(values)]


def judged(claim: Claim = CLAIM) -> Judgement:
    return document.judge(toy(), claim)


class TestEvidence:
    """Which runs a claim is judged by."""

    def test_imported_runs_answer_where_ours_are_none_and_say_so(self, ours: list[Row]) -> None:
        bring(*VALUES)
        said = judged()
        assert said.verdict == "reproduced"
        assert said.evidence.startswith("imported, not run by us: 93.1 ")
        assert said.evidence.endswith("; 5 runs from runs.csv (mlflow 3.1)")
        assert [(one.tool, one.file, one.runs) for one in said.imported] == [("mlflow 3.1", "runs.csv", 5)]
        assert said.word == "reproduced (imported)"

    def test_ours_alone_count_where_there_are_some(self, ours: list[Row]) -> None:
        bring(*VALUES)
        ours += of_ours(88.0, 88.1, 88.2, 88.05, 88.15)
        said = judged()
        assert (said.verdict, said.imported, said.n) == ("not reproduced", (), 5)
        assert said.evidence.endswith("; 5 imported runs left out, since runs of ours are there")
        ours[1:] = []
        assert judged().evidence.startswith("1 runs, at least 5 are needed; 5 imported runs left out")

    def test_runs_of_ours_that_do_not_count_are_to_be_made_again_and_not_replaced(
        self, ours: list[Row], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bring(*VALUES)
        old = admitted.Admitted((), "repro run toy", outdated={case_json(Case("ours")): 5})
        monkeypatch.setattr(admitted, "of", lambda *_: old)
        said = judged()
        assert (said.verdict, said.imported) == ("inconclusive", ())
        assert said.evidence.startswith("5 runs left out, of other code")
        assert said.evidence.endswith("5 imported runs left out, since runs of ours are there")

    def test_an_order_is_paired_by_seed(self, ours: list[Row]) -> None:
        bring(*VALUES)
        bring(91.0, 91.1, None, 91.05, 91.15, 70.0, method="base")
        said = judged(ORDER)
        assert said.evidence.startswith("imported, not run by us: 4 runs, at least 5 are needed; 1 of 5 diverged")
        assert "1 seeds that one of the two cases lacks left out" in said.evidence

    def test_seeds_that_nobody_knows_pair_nothing(self, ours: list[Row]) -> None:
        bring(*VALUES, seed=None)
        bring(*VALUES, method="base")
        assert "runs without a seed cannot be paired" in judged(ORDER).evidence
        assert judged().verdict == "reproduced"

    def test_ours_are_never_held_against_imported_ones(self, ours: list[Row]) -> None:
        bring(*VALUES)
        bring(90.0, 90.1, 90.2, 90.05, 90.1, method="base")
        assert judged(ORDER).word == "reproduced (imported)"
        ours += of_ours(*VALUES)
        said = judged(ORDER)
        assert (said.verdict, said.imported) == ("inconclusive", ())
        assert "`repro run toy --profile paper --experiment train --where method=base`" in said.evidence
        assert said.evidence.endswith("10 imported runs left out, since runs of ours are there")

    def test_half_an_order_is_none(self, ours: list[Row]) -> None:
        bring(*VALUES)
        said = judged(ORDER)
        assert said.verdict == "inconclusive"
        assert said.evidence.endswith("5 imported runs left out, since one of the two cases has none")

    def test_a_changed_file_sets_its_rows_aside(self, ours: list[Row]) -> None:
        bring(*VALUES)
        (registry.root() / "runs.csv").write_text("edited")
        imports.forget()
        said = judged()
        assert (said.verdict, said.imported) == ("inconclusive", ())
        assert said.evidence == (
            "5 imported runs left out, runs.csv has changed since: `repro import runs.csv --study toy`"
        )

    @pytest.mark.parametrize("judge", ["interval", "threshold", "samples"])
    def test_failed_and_unfinished_runs_are_no_numbers_and_their_survivors_reproduce_nothing(
        self, ours: list[Row], judge: str
    ) -> None:
        """An infrastructure that kills a run and a network that explodes look alike in a log."""
        published = {"interval": "93.1", "threshold": "> 92", "samples": "93.1 ± 0.08"}[judge]
        claim = replace(CLAIM, judge=judge, published=(published,), runs=5, spread="sd")
        bring(*VALUES)
        assert judged(claim).verdict == "reproduced"
        bring(None, None, status="failed", file="b", detail="OOM")
        bring(None, status="unfinished", file="c")
        said = judged(claim)
        assert (said.verdict, said.n) == ("inconclusive", 5)
        lost = "3 of 8 left no value; 2 failed: OOM; 1 unfinished: no reason is given"
        assert f"; {lost}; 8 runs from b, c and 1 more files (mlflow 3.1)" in said.evidence

    def test_a_difference_that_survivors_show_stays_shown(self, ours: list[Row]) -> None:
        bring(*(value - 9 for value in VALUES))
        bring(None, None, status="failed", file="b")
        assert judged().verdict == "not reproduced"

    def test_where_all_runs_failed_none_is_judged(self, ours: list[Row]) -> None:
        bring(None, None, status="failed", detail="OOM")
        assert (judged().verdict, judged().n) == ("inconclusive", 0)
        assert "0 runs, at least 5 are needed; 2 of 2 left no value; 2 failed: OOM" in judged().evidence

    def test_a_pair_of_which_one_failed_is_no_difference_and_survivors_show_no_order(self, ours: list[Row]) -> None:
        bring(*VALUES, 93.0, 93.2)
        bring(91.0, 91.1, 91.2, 91.05, 91.15, 91.1, method="base")
        assert judged(ORDER).verdict == "reproduced"  # of the six seeds that both have
        bring(None, method="base", status="failed", seed="6", detail="OOM", file="b")
        said = judged(ORDER)
        assert (said.verdict, said.n) == ("inconclusive", 6)
        assert "; 1 of 7 left no value; 1 failed: OOM; 14 runs" in said.evidence

    def test_a_figure_that_no_seed_moves_is_none_where_a_run_of_it_failed(self, ours: list[Row]) -> None:
        bring(93.1, experiment="sized")
        bring(None, experiment="sized", status="failed", file="b", detail="killed")
        assert (judged(FIXED).verdict, judged(FIXED).more) == ("inconclusive", None)
        assert judged(FIXED).evidence == "1 of 2 runs left no value; 1 failed: killed"

    def test_a_metric_whose_unit_was_changed_since_is_asked_for_again(self, ours: list[Row]) -> None:
        bring(*VALUES, unit="1")
        assert "left out, read in '1', and the metric is in '%'" in judged().evidence

    def test_what_no_seed_moves_may_be_imported_too(self, ours: list[Row]) -> None:
        bring(93.1, experiment="sized")
        assert judged(FIXED).word == "reproduced (imported)"
        assert judged(FIXED).evidence == "imported, not run by us: 93.1; 1 runs from runs.csv (mlflow 3.1)"

    def test_survivors_reproduce_nothing(self, ours: list[Row]) -> None:
        bring(*VALUES, None)
        assert judged().verdict == "inconclusive"
        assert "1 of 6 diverged" in judged().evidence

    def test_a_damaged_table_is_the_claim_s_error(self, ours: list[Row]) -> None:
        bring(*VALUES)
        imported.path_of("toy", "paper").write_bytes(b"PAR1")
        imports.forget()
        said = document.judged(toy(), CLAIM)
        assert (said.verdict, said.code) == ("error", 6)


class TestTelling:
    """Wherever a verdict is told, counted or blessed, that it rests on imported runs is said."""

    @pytest.fixture
    def audited(self, ours: list[Row]) -> list[Audited]:
        bring(*VALUES)
        computed = replace(CLAIM, id="own", judge="shown", rows={}, compute="claims.own")
        return [Audited(CLAIM, judged(), 0.0), Audited(computed, Judgement("reproduced", "so it is"), 0.0)]

    def test_a_count_is_of_ours_and_imported_ones_stand_apart(self, audited: list[Audited]) -> None:
        found = tally((one.claim, one.judgement.word) for one in audited)
        assert (found.by["reproduced"], found.imported, found.distinct) == (1, 1, 2)
        text = render(audited, whole=False, verdicts=[])
        assert "reproduced (imported)" in text
        assert text.splitlines()[-1].split()[:2] == ["toy", "2"]
        assert "imported  judged" in text
        assert "imported" not in render(audited[1:], whole=False, verdicts=[])

    def test_it_is_blessed_as_a_word_of_its_own(self, audited: list[Audited], tmp_path: Path) -> None:
        records = [one.record for one in audited]
        assert [one["verdict"] for one in changes.kept_of(records)] == ["reproduced (imported)", "reproduced"]
        made = blessed.assemble(tmp_path / "none", records, studies=["toy"], about={"reason": "so", "when": "now"})
        assert made["verdict"].to_pylist() == ["reproduced (imported)", "reproduced"]
        held = changes.kept_of([{**one, "imported": []} for one in records])
        (change,) = changes.changes(held, records, studies=["toy"], whole=True)
        assert change.line == "changed  toy it: was reproduced, is reproduced (imported)"

    def test_every_form_says_it(self, audited: list[Audited]) -> None:
        records = [one.record for one in audited]
        assert json.loads(json.dumps(records))[0]["imported"][0]["file"] == "runs.csv"
        assert records[1]["imported"] == []
        items = exports.of_claims(records)
        first, second = ElementTree.fromstring(exports.junit(items)).iter("testcase")
        assert "imported, not run by us" in first.findtext("system-out", "")
        assert second.find("system-out") is None
        found = json.loads(exports.sarif("repro audit", items))["runs"][0]["results"]
        assert [one["level"] for one in found] == ["note"]
        assert "imported, not run by us" in found[0]["message"]["text"]
        assert "reproduced (imported)" in exports.markdown(records)
        assert "1 reproduced (imported)" in exports.codecheck_text("T", {}, records)

    def test_the_report_says_it_and_counts_it_apart(self, audited: list[Audited]) -> None:
        from repro.audit.claims import Source

        text = page(audited, {}, About("", {"toy": Source("T")}))
        assert '<span class="verdict reproduced">reproduced</span> <span class="quiet">imported, not run by us' in text
        assert 'aria-label="1 claims: imported, not run by us, toy"' in text
        assert "5 runs by mlflow 3.1, runs.csv, SHA-256" in text
        assert "imported" not in page(audited[1:], {}, About("", {"toy": Source("T")}))
