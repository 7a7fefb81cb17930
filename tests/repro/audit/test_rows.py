"""What rows say of a claim: in the claim's unit, of one case or of two held against each other."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from repro import registry
from repro.audit import admitted, document, evidence, settled, units
from repro.audit.claims import Claim
from repro.audit.verdicts import Missing, MissingError, Runs
from repro.errors import UsageError
from repro.runs import shares
from repro.runs.rows import Row
from repro.study import Metric, Profile, Study, case_json
from tests.repro.support.evidence import row


@dataclass(frozen=True)
class Case:
    """The cases of the toy study."""

    method: str


METRICS = (Metric("accuracy"), Metric("error", "%"), Metric("time", "ms"))
CLAIM = Claim("toy", "it", "1", "value", "S.", ("98.5 ± 0.1",), 7, unit="%", runs=9, judge="samples", margin=0.2,
              rows={"experiment": "train", "metric": "accuracy", "method": "ours"})  # fmt: skip
PAIR: dict[str, Any] = {
    "experiment": "train", "metric": "error", "above": {"method": "baseline"}, "below": {"method": "ours"},
}  # fmt: skip
ORDER = replace(CLAIM, published=("ours errs less",), judge="order", rows=PAIR, runs=None)


def toy() -> Study:
    study = Study("toy", paper=Profile(None, faithful=True))

    @study.experiment([Case("ours"), Case("baseline")], metrics=METRICS)
    def train(case: Case, run: Any) -> dict[str, float]:
        """Train."""
        return {}

    @study.experiment([Case("ours")], metrics=METRICS)
    def tuned(case: Case, run: Any) -> dict[str, float]:
        """Train with other settings."""
        return {}

    return study


def rows_of(metric: str, *values: float | None, method: str = "ours", experiment: str = "train") -> list[Row]:
    """Return a row for each value by replicate, None for one that diverged."""
    return [
        row(
            experiment,
            metric,
            case_json(Case(method)),
            number,
            value,
            status="ok" if value is not None else "nonfinite",
        )
        for number, value in enumerate(values)
    ]


class TestUnits:
    """Percent and fraction convert, and units that do not are an error."""

    def judged(self, judge: str, published: str, **changed: Any) -> str:
        return document.judge(toy(), replace(CLAIM, judge=judge, published=(published,), **changed)).verdict

    def test_a_fraction_is_judged_in_percent(self, there: list[Row]) -> None:
        there += rows_of("accuracy", 0.985, 0.9851, 0.9849, 0.985, 0.985)
        assert self.judged("threshold", "< 50") == "not reproduced"
        assert self.judged("samples", "98.5 ± 0.1", spread="sd") == "reproduced"
        assert self.judged("interval", "98.50") == "reproduced"

    def test_percent_are_judged_as_a_fraction(self, there: list[Row]) -> None:
        there += rows_of("error", 1.5, 1.51, 1.49, 1.5, 1.5)
        rows = {**CLAIM.rows, "metric": "error"}
        assert self.judged("interval", "0.0150", unit="1", margin=0.002, rows=rows) == "reproduced"
        some = replace(CLAIM, judge="made_of", published=("0.015 ± 0.001",), unit="1", rows=rows)
        found = evidence.values_from_rows(toy(), some)
        assert found == [0.015, 0.0151, 0.0149, 0.015, 0.015]

    @pytest.mark.parametrize(("judge", "published"), [("printed", "98.5"), ("bound", "> 90"), ("count", "98")])
    @pytest.mark.parametrize("runs", [1, 5])
    def test_a_judge_that_knows_of_no_runs_is_given_none(
        self, judge: str, published: str, runs: int, there: list[Row]
    ) -> None:
        """One seed decided, and what it contradicted was called wrong by arithmetic, whatever is run."""
        there += rows_of("accuracy", *[0.98, 0.99, 0.97, 0.985, 0.984][:runs])
        with pytest.raises(UsageError, match=f"'train' draws random numbers, and the judge '{judge}' knows of no runs"):
            self.judged(judge, published)

    def test_a_metric_that_no_seed_moves_is_one_run_whatever_else_moves(self, there: list[Row]) -> None:
        """A time beside it differs from run to run, so that the runs as wholes are not equal."""
        there += rows_of("accuracy", *[0.9850123] * 6) + rows_of("time", 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
        said = document.judge(toy(), replace(CLAIM, judge="interval", published=("98.5",)))
        assert said.verdict == "inconclusive"
        assert "no seed moves accuracy: all 6 runs found 0.985012, so that they are one run" in said.evidence
        there[:] = rows_of("accuracy", *[0.985] * 6)  # 197 of 200 items: seeds may well have that in common
        assert self.judged("interval", "98.5") == "reproduced"

    def test_units_that_differ_are_an_error(self, there: list[Row]) -> None:
        there += rows_of("time", 1.0, 2.0, 3.0, 4.0, 5.0)
        with pytest.raises(UsageError, match=r"claims.toml:7: .* the claim is in 's' and metric 'time' in 'ms'"):
            self.judged("threshold", "< 50", unit="s", rows={**CLAIM.rows, "metric": "time"})

    def test_percent_that_a_claim_does_not_call_so_is_no_verdict(self, there: list[Row]) -> None:
        there += rows_of("error", 98.5, 98.6, 98.4, 98.5, 98.5)
        for published in ("98.5", "98.5 ± 0.1"):
            with pytest.raises(UsageError, match="without a unit and 'error' is in %; write unit = \"%\""):
                self.judged("interval", published, unit="1", rows={**CLAIM.rows, "metric": "error"})

    def test_half_a_percent_or_a_half_is_for_the_claim_to_say(self, there: list[Row]) -> None:
        there += rows_of("error", 0.5, 0.5, 0.5, 0.5, 0.5)
        rows = {**CLAIM.rows, "metric": "error"}
        with pytest.raises(UsageError, match='write unit = "%" if the claim is, too, or unit = "1" for fractions'):
            self.judged("interval", "0.5", unit="", rows=rows)
        assert self.judged("interval", "0.50", unit="%", rows=rows) == "reproduced"
        assert self.judged("interval", "0.0050", unit="1", margin=0.002, rows=rows) == "reproduced"

    @pytest.mark.parametrize(
        ("claimed", "measured", "times"),
        [
            ("%", "%", 1),
            ("points", "%", 1),
            ("%", "1", 100),
            ("points", "1", 100),
            ("times", "1", 1),
            ("1", "log10", 1),
            ("", "log10", 1),
            ("", "1", 1),
            ("1", "%", Decimal("0.01")),
        ],
    )
    def test_what_agrees(self, claimed: str, measured: str, times: Decimal | int) -> None:
        assert units.factor(replace(CLAIM, unit=claimed, published=("0.5",)), Metric("m", measured)) == times

    def test_no_bits_are_added(self) -> None:
        assert shares.converted(0.07, Decimal(100)) == 7.0
        assert 0.07 * 100 != 7.0


class TestTwoCases:
    """An order of two cases needs no code: the differences of the replicates that both have."""

    def test_it_is_paired_by_replicate(self, there: list[Row]) -> None:
        there += rows_of("error", 2.0, 3.0, 4.0, 5.0, 6.0, method="baseline") + rows_of(
            "error", 1.5, 2.4, 3.6, 4.5, 5.4
        )
        found = evidence.values_from_rows(toy(), ORDER)
        assert found.values == pytest.approx((0.5, 0.6, 0.4, 0.5, 0.6))
        assert document.judge(toy(), ORDER).verdict == "reproduced"
        turned = replace(ORDER, rows={**PAIR, "above": PAIR["below"], "below": PAIR["above"]})
        assert document.judge(toy(), turned).verdict == "not reproduced"

    def test_replicates_go_by_their_number_and_not_by_their_place(self, there: list[Row]) -> None:
        here = [one for one in rows_of("error", *range(10)) if one.replicate >= 3]
        there += rows_of("error", *range(10, 30, 2), method="baseline") + here
        assert evidence.values_from_rows(toy(), ORDER).values == tuple(float(10 + number) for number in range(3, 10))

    def test_only_replicates_that_both_have_count_and_the_rest_is_said(self, there: list[Row]) -> None:
        there += rows_of("error", 2.0, None, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, method="baseline")
        there += rows_of("error", 1.5, 2.4, 3.6, None, 5.4, 6.4, 7.6)
        found = evidence.values_from_rows(toy(), ORDER)
        assert found.values == pytest.approx((0.5, 0.4, 0.6, 0.6, 0.4))
        assert (found.diverged, found.besides) == (2, "1 replicates that one of the two cases lacks left out")
        said = document.judge(toy(), ORDER)
        assert said.verdict == "inconclusive"
        assert said.evidence.endswith("2 of 7 diverged; 1 replicates that one of the two cases lacks left out")

    def test_one_that_diverged_is_counted_where_the_other_case_has_none(self, there: list[Row]) -> None:
        there += rows_of("error", 2.0, 3.0, 4.0, 5.0, 6.0, None, None, 9.0, method="baseline")
        there += rows_of("error", 1.5, 2.4, 3.6, 4.5, 5.4)
        said = document.judge(toy(), ORDER)
        assert said.verdict == "inconclusive"
        assert said.evidence.endswith("2 of 7 diverged; 1 replicates that one of the two cases lacks left out")

    def test_two_experiments_may_be_compared(self, there: list[Row]) -> None:
        there += rows_of("error", 2.0, 3.0, 4.0) + rows_of("error", 1.0, 1.5, 2.0, experiment="tuned")
        rows = {**PAIR, "above": {"method": "ours"}, "below": {"method": "ours", "experiment": "tuned"}}
        assert evidence.values_from_rows(toy(), replace(ORDER, rows=rows)) == Runs((1.0, 1.5, 2.0))

    def test_a_difference_is_judged_by_the_other_judges_of_runs_too(self, there: list[Row]) -> None:
        there += rows_of("error", 2.0, 3.0, 4.0, 5.0, 6.0, method="baseline") + rows_of(
            "error", 1.5, 2.4, 3.6, 4.5, 5.4
        )
        gain = replace(ORDER, judge="threshold", published=("> 0.4",), unit="points")
        assert document.judge(toy(), gain).verdict == "reproduced"

    @pytest.mark.parametrize("one", [rows_of("error", 1.0, 2.0), []])
    def test_without_runs_of_both_the_commands_are_named(self, there: list[Row], one: list[Row]) -> None:
        there += one
        found = evidence.values_from_rows(toy(), ORDER)
        assert isinstance(found, Missing)
        for method in ("ours", "baseline"):
            assert f"`repro run toy --profile paper --experiment train --where method={method}`" in found.what

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"rows": {key: PAIR[key] for key in ("experiment", "metric", "above")}}, "wants two tables of fields"),
            ({"rows": {**PAIR, "below": "ours"}}, "wants two tables of fields"),
            ({"rows": {**PAIR, "below": {"method": "theirs"}}}, "0 cases of 'train'"),
            ({"judge": "printed", "published": ("0.5",)}, "are runs, for one of the judges interval, samples, order"),
        ],
    )
    def test_what_is_no_pair_is_an_error(self, there: list[Row], changed: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            document.judge(toy(), replace(ORDER, **changed))


class TestExact:
    """What no seed moves is one number, of any profile in which no stand-in's data and no other settings enter."""

    @pytest.fixture
    def study(self, monkeypatch: pytest.MonkeyPatch) -> Study:
        stand_in = SimpleNamespace(stands_in_for="whole")
        small = Profile(None, lambda case: stand_in if case.method == "shown" else None)
        study = Study("toy", smoke=small, paper=Profile(None, faithful=True))

        @study.experiment([Case("ours"), Case("shown")], metrics=METRICS, deterministic=True)
        def counted(case: Case, run: Any) -> dict[str, float]:
            """Count."""
            return {}

        @study.experiment([Case("ours")], metrics=METRICS)
        def train(case: Case, run: Any) -> dict[str, float]:
            """Train."""
            return {}

        monkeypatch.setattr(evidence, "_study", lambda _: study)
        return study

    def test_it_is_asked_of_any_profile_and_has_no_unit_but_its_own(self, study: Study, there: list[Row]) -> None:
        there += [
            *rows_of("accuracy", 0.5, 0.5, experiment="counted"),
            *rows_of("time", 3.0, experiment="counted"),
        ]
        assert evidence.exact("toy", "counted", "time", "accuracy", method="ours") == [3.0, 0.5]

    def test_without_a_run_the_claim_is_inconclusive(self, study: Study, there: list[Row]) -> None:
        with pytest.raises(MissingError, match="--profile paper --experiment counted --where method=ours"):
            evidence.exact("toy", "counted", "time", method="ours")

    def test_rows_of_a_stand_in_are_none(self, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(registry, "root", lambda: tmp_path)
        held = [
            one for method in ("ours", "shown") for one in rows_of("time", 3.0, method=method, experiment="counted")
        ]
        monkeypatch.setattr(
            admitted, "of", lambda _study, profile, _name: admitted.Admitted(held if profile == "smoke" else [])
        )
        assert evidence.exact("toy", "counted", "time", method="ours") == [3.0]
        with pytest.raises(MissingError):
            evidence.exact("toy", "counted", "time", method="shown")

    @pytest.mark.parametrize(
        ("line", "there"),
        [
            ("10.0 * run.settings.scale", False),
            ("10.0 * helper(run)", False),
            ("10.0 * getattr(run, 'settings').scale", False),
            ("10.0 * {'smoke': 1, 'paper': 3}[run.profile]", False),
            ("10.0 * trained(case, run)['x']", False),
            ("10.0 * matched(run)", False),
            ("10.0 * placed(run)", False),
            ("10.0 * dataclasses.astuple(run)[6][0]", False),
            ("10.0 * len(run.device)", True),
            ("10.0 * other(run)", True),
        ],
    )
    def test_rows_of_other_settings_are_none_where_these_may_enter(
        self, line: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The smoke profile said of itself that it answers nothing, and a true claim was called an erratum by it."""
        declared = (
            "import dataclasses\nfrom dataclasses import dataclass\nfrom repro.study import Profile, Run, Study\n"
            "@dataclass(frozen=True)\nclass Scale:\n    scale: int\n"
            "@dataclass(frozen=True)\nclass Case:\n    name: str\n"
            "def helper(run):\n    return run.settings.scale\ndef other(run):\n    return run.seed\n"
            "study = Study('fixed', smoke=Profile(Scale(1), cannot_answer='x'),\n"
            "              paper=Profile(Scale(3), faithful=True))\n"
            "@study.experiment((Case('a'),), metrics=('x',), deterministic=True)\ndef fixed(case, run):\n"
            f"    return {{'x': {line}}}\n"
            "@study.experiment((Case('a'),), metrics=('x',))\ndef trained(case, run):\n"
            "    return {'x': run.settings.scale}\n"
        )
        for name, pattern in (("matched", "Run(settings=Scale(scale=s))"), ("placed", "Scale(s)")):
            declared += f"def {name}(run):\n    match run:\n        case {pattern}:\n            return s\n" * (
                name in line
            )
        if "helper" not in line:
            declared = declared.replace("def helper(run):\n    return run.settings.scale\n", "")
        (tmp_path / "declares.py").write_text(declared)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "declares", raising=False)
        study = importlib.import_module("declares").study
        fixed, trained = study.experiments["fixed"], study.experiments["trained"]
        assert settled.profiles_for(study, fixed, fixed.cases[0], measured=False) == ["paper", *["smoke"] * there]
        assert settled.profiles_for(study, fixed, fixed.cases[0], measured=True) == ["paper"]
        assert settled.profiles_for(study, trained, fixed.cases[0], measured=False) == ["paper"]

    def test_several_values_are_an_error(self, study: Study, there: list[Row]) -> None:
        there += rows_of("time", 1.0, 2.0, experiment="counted")
        with pytest.raises(UsageError, match="time of the deterministic experiment 'counted' has 2 values"):
            evidence.exact("toy", "counted", "time", method="ours")

    @pytest.mark.parametrize(
        ("experiment", "metric", "method", "words"),
        [
            ("train", "time", "ours", "experiment 'train' draws random numbers; ask for `values` of it"),
            ("count", "time", "ours", "no experiment 'count'; did you mean 'counted'"),
            ("counted", "tim", "ours", "has no metric 'tim'; did you mean 'time'"),
            ("counted", "time", "theirs", "0 cases of 'counted'"),
        ],
    )
    def test_what_is_none_is_refused(
        self, study: Study, there: list[Row], experiment: str, metric: str, method: str, words: str
    ) -> None:
        with pytest.raises(UsageError, match=words):
            evidence.exact("toy", experiment, metric, method=method)
