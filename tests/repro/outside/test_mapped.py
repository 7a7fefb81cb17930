"""Which declared case and metric a tool's run is about, and what is said where it is about none."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from repro.errors import UsageError
from repro.outside import mapped
from repro.outside.logged import LoggedRun, Value
from repro.outside.mapped import Target
from repro.study import Metric, Profile, Study, case_json


@dataclass(frozen=True)
class Case:
    """The cases of the toy study."""

    method: str
    rate: float
    wide: bool = False


CASES = (Case("ours", 0.1), Case("ours", 0.2), Case("base", 0.1))


def toy() -> Study:
    study = Study("toy", paper=Profile(None, faithful=True))

    @study.experiment(CASES, metrics=(Metric("accuracy", "%"), Metric("loss", "nats")))
    def train(case: Case, run: Any) -> dict[str, float]:
        """Train."""
        return {}

    return study


def target(**changed: Any) -> Target:
    given: dict[str, Any] = {"metrics": {}, "said": {}, "names": {}, "units": {}, **changed}
    return mapped.target(toy(), "paper", "", **given)


def run(**fields: Value) -> LoggedRun:
    return LoggedRun("run-1", Path("logs/a"), fields, {})


class TestCases:
    """A run is of the one declared case that has what its fields say."""

    def test_fields_of_one_name_map_by_themselves(self) -> None:
        assert mapped.case_of(target(), run(method="base", rate=0.1, seed=3)) == case_json(CASES[2])

    def test_a_field_of_which_one_value_is_declared_need_not_be_there(self) -> None:
        assert '"wide":false' in mapped.case_of(target(), run(method="base", rate=0.1))

    def test_others_are_asked_for_by_name(self) -> None:
        chosen = target(names={"method": "model.name"}, said={"rate": "0.2"})
        assert mapped.case_of(chosen, run(**{"model.name": "ours"})) == case_json(CASES[1])
        with pytest.raises(UsageError, match=r"nothing says which 'method' run 'run-1' has .*--map method=THEIRS"):
            mapped.case_of(target(), run(**{"model.name": "ours"}, rate=0.1))

    def test_what_is_said_of_every_run_may_not_contradict_a_run(self) -> None:
        chosen = target(said={"method": "ours"})
        with pytest.raises(UsageError, match="--case method=ours: run 'run-1' of logs/a has method=base"):
            mapped.case_of(chosen, run(method="base", rate=0.1))
        with pytest.raises(UsageError, match=r"by --where$"):
            mapped.case_of(target(said={"method": "theirs"}), run(rate=0.1))
        assert mapped.case_of(chosen, run(method="our-model-v2", rate=0.1)) == case_json(CASES[0])  # their own word

    @pytest.mark.parametrize("rate", [0.1, "0.1", "1e-1", 0.10000000149011612])
    def test_numbers_are_compared_as_such_texts_and_single_precision_included(self, rate: Value) -> None:
        assert mapped.case_of(target(), run(method="ours", rate=rate)) == case_json(CASES[0])

    def test_a_case_that_is_not_declared_is_refused_with_the_nearest(self) -> None:
        said = r"or say which of ours it names: --where method=our --case method=OURS$"
        with pytest.raises(UsageError, match=rf"method=our, .* did you mean 'ours'\?.*{said}"):
            mapped.case_of(target(), run(method="our", rate=0.1))
        with pytest.raises(UsageError, match="no declared case of 'train' has all"):
            mapped.case_of(target(), run(method="base", rate=0.2))

    @pytest.mark.parametrize(
        ("ours", "theirs", "same"),
        [
            (True, "True", True), (True, 1, False), (3, "3.0", True), (3, "3x", False), (None, "None", True),
            ("1", 1, True), (100_000_000, 100_000_001, False), (None, 0, False),
        ],
    )  # fmt: skip
    def test_what_is_the_same_value(self, ours: Any, theirs: Value, same: bool) -> None:
        assert mapped.alike(ours, theirs) is same


class TestMetrics:
    """Metrics of one name map by themselves; percent and fraction convert, and nothing else."""

    def test_those_asked_for_or_those_of_one_name(self) -> None:
        assert mapped.metrics_of(target(), ["loss", "val_acc"]) == {"loss": "loss"}
        assert mapped.metrics_of(target(metrics={"accuracy": "val_acc"}), ["loss", "val_acc"]) == {
            "accuracy": "val_acc"
        }
        with pytest.raises(UsageError, match="no run has a metric 'val_ac'; did you mean 'val_acc'"):
            mapped.metrics_of(target(metrics={"accuracy": "val_ac"}), ["val_acc"])
        with pytest.raises(UsageError, match="--metric OURS=THEIRS"):
            mapped.metrics_of(target(), ["val_acc"])

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"metrics": {"acuracy": "x"}}, "no metric 'acuracy'; did you mean 'accuracy'"),
            ({"said": {"methd": "x"}}, "no case field 'methd'; did you mean 'method'"),
            ({"names": {"seed": "x"}}, "--map seed=...: experiment 'train' has no case field 'seed'"),
            ({"units": {"x": "%"}}, "--unit x=...: experiment 'train' has no metric 'x'"),
        ],
    )
    def test_what_is_not_declared_is_refused(self, changed: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=words.replace(".", r"\.")):
            target(**changed)

    def test_units_convert_or_are_refused(self) -> None:
        accuracy, loss = toy().experiments["train"].metrics
        assert mapped.factor(target(units={"accuracy": "1"}), accuracy, "acc", [0.9]) == Decimal(100)
        assert mapped.factor(target(units={"accuracy": "%"}), accuracy, "acc", [0.9]) == 1
        assert mapped.factor(target(), accuracy, "acc", [93.0, float("nan")]) == 1
        with pytest.raises(UsageError, match="converts into no 'bits'"):
            mapped.factor(target(units={"loss": "bits"}), loss, "loss", [0.9])
        assert mapped.factor(target(units={"accuracy": "fraction"}), accuracy, "acc", [0.9]) == Decimal(100)
        assert mapped.factor(target(units={"accuracy": "1"}), Metric("accuracy", "percent"), "acc", [0.9]) == Decimal(
            100
        )

    def test_a_share_without_a_unit_is_asked_whether_values_are_percent(self) -> None:
        """A study's accuracy is a fraction, a log's in percent, and an audit accused the document of a hundredfold."""
        accuracy, values = Metric("accuracy", "1"), [82.2, 83.1, float("nan")]
        with pytest.raises(UsageError, match=r"is no percentage and 'acc' is 82\.2 to 83\.1; say --unit accuracy=% if"):
            mapped.factor(target(), accuracy, "acc", values)
        assert mapped.factor(target(units={"accuracy": "%"}), accuracy, "acc", values) == Decimal("0.01")
        assert mapped.factor(target(units={"accuracy": "1"}), accuracy, "acc", values) == 1
        with pytest.raises(UsageError, match=r"'acc' is 0 to 83\.1; say --unit accuracy=%"):
            mapped.factor(target(), accuracy, "acc", [0.0, *values])  # of a run that learned nothing
        assert mapped.factor(target(), accuracy, "acc", [0.82, 1.0, 0.0]) == 1
        assert mapped.factor(target(), Metric("loss", "nats"), "loss", values) == 1
        assert mapped.factor(target(), Metric("steps", "1"), "steps", values) == 1

    def test_a_share_of_counted_items_is_no_more_than_all_of_them(self) -> None:
        counted = Metric("accuracy", "%", counted=True)
        with pytest.raises(
            UsageError, match=r"'acc' is up to 83\.1, and as a share of counted items it would be 8310 %"
        ):
            mapped.factor(target(units={"accuracy": "1"}), counted, "acc", [82.2, 83.1])
        assert mapped.factor(target(units={"accuracy": "1"}), counted, "acc", [0.82, 1.0]) == 100

    def test_percent_that_may_be_fractions_are_asked_for(self) -> None:
        accuracy = toy().experiments["train"].metrics[0]
        with pytest.raises(UsageError, match=r"nowhere above 0\.93; say --unit accuracy=1 if these are fractions"):
            mapped.factor(target(), accuracy, "acc", [0.9, 0.93])
