"""A request means exactly the runs it names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro import api
from repro.data import DataSet
from repro.errors import NothingSelectedError, UsageError
from repro.runs import table
from repro.runs.plan import Identity, PlannedRun, estimate, identity, planned_runs, replicate_range, strangers
from repro.runs.runner import outdated, pending
from repro.runs.store import Store
from repro.runs.wanted import field_filter
from repro.seeds import derive_seed
from repro.study import Profile, Study, grid
from tests.repro.support import stores


@dataclass(frozen=True)
class Pair:
    reading: str
    first: float
    bias: bool


STUDY = Study(
    "toy",
    smoke=Profile(None, cannot_answer="x", experiments={"one": {"reading": ("a",)}}),
    paper=Profile(None, faithful=True),
)


@STUDY.experiment(grid(Pair, reading=("a", "b"), first=(0.5, 2**-0.5, 1.0, 2**0.5), bias=(True, False)), metrics=["x"])
def one(pair, run):
    """One."""


@STUDY.experiment(
    grid(Pair, reading=("a",), first=(3.0, 1.0, 2.0), bias=(True,)), metrics=["x"], cost=lambda pair: pair.first
)
def two(pair, run):
    """Two."""


def count(profile: str = "paper", **request) -> int:
    return len(planned_runs(STUDY, profile, replicates=request.pop("replicates", range(1)), **request))


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([], 16),
        (["reading=a"], 8),
        (["first=0.5"], 4),
        (["first=1"], 4),  # and not 1.414
        (["first=0.707"], 4),
        (["first=0.707,1"], 8),
        (["first=1.4142135623730951"], 4),
        (["bias=true", "first=0.5"], 2),
        (["first=5e-1"], 4),
        (["first=1e0"], 4),
    ],
)
def test_where_narrows_the_cases(where: list[str], expected: int) -> None:
    assert count(experiments=["one"], where=where) == expected


def test_a_profile_filters_its_experiments() -> None:
    assert count("smoke") == 8
    assert count("paper", replicates=range(2, 5)) == 3 * (16 + 3)


def test_runs_go_by_replicate_and_then_by_cost() -> None:
    runs = planned_runs(STUDY, "paper", replicates=range(2), experiments=["two"])
    assert [(run.replicate, run.cost) for run in runs] == [(r, c) for r in (0, 1) for c in (1.0, 2.0, 3.0)]
    assert all(run.seed == derive_seed("toy", run.experiment, run.case, run.replicate) for run in runs)


@pytest.mark.parametrize("where", ["first=9", "reading=A"])
def test_a_request_that_matches_nothing_is_an_error(where: str) -> None:
    with pytest.raises(NothingSelectedError, match=f"--where {where}: the field .* has no such value"):
        count(where=[where])


def test_a_field_that_no_case_has_is_answered_with_the_nearest() -> None:
    with pytest.raises(NothingSelectedError, match="has a field 'frist'; did you mean 'first'"):
        count(where=["frist=0.5"])


class TestTextsWithCommas:
    """A comma lies between two values of a filter, but in double quotes, as in CSV."""

    STUDY = Study("words", paper=Profile(None, faithful=True))
    STUDY.experiment([Pair(text, 1.0, True) for text in ("a", "b", "a,b", 'say "a"')], metrics=["x"])(one)

    @pytest.mark.parametrize(
        ("where", "expected"),
        [("a,b", ["a", "b"]), ('"a,b"', ["a,b"]), ('"a,b",a', ["a", "a,b"]), ('say "a"', ['say "a"'])],
    )
    def test_is_chosen_in_quotes(self, where: str, expected: list[str]) -> None:
        found = planned_runs(self.STUDY, "paper", replicates=[0], where=[f"reading={where}"])
        assert [self.STUDY.experiments["one"].cases[run.case_index].reading for run in found] == expected

    @pytest.mark.parametrize("value", ["a", "a,b", 'say "a"'])
    def test_from_python_needs_none(self, value: str) -> None:
        (found,) = api.planned(self.STUDY, "paper", where={"reading": value})
        assert self.STUDY.experiments["one"].cases[found.case_index].reading == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-5, "1e-5"), (1e-5, "0.00001"), (1e22, "1e22"), (3, "3.0"), (10**30, "1" + "0" * 30), ((), "[]"), ((), "()"),
     ((1, "a"), '"[1, ""a""]"'), (None, "null"), (True, "true")],
)  # fmt: skip
def test_a_value_is_named_as_it_is_written_or_printed(value: object, text: str) -> None:
    assert field_filter([f"k={text}"])({"k": value})
    assert not field_filter([f"k={text}"])({"k": 2})


@pytest.mark.parametrize("where", ["first", "first=", "=1", "first=a\nb", "first=" + "1" * 200_000])
def test_a_malformed_filter_is_a_usage_error(where: str) -> None:
    with pytest.raises(UsageError, match="field=value"):
        count(where=[where])


def test_an_unknown_experiment_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'two'"):
        count(experiments=["tow"])


@pytest.mark.parametrize(("text", "expected"), [("3", [0, 1, 2]), ("10-12", [10, 11, 12]), ("4-4", [4])])
def test_replicates_are_a_number_or_a_range(text: str, expected: list[int]) -> None:
    assert list(replicate_range(text)) == expected


@pytest.mark.parametrize(
    "text", ["0", "5-4", "a", "-3", "1-", "", "²", "1-²", "\uff11", "1" * 5000, "0-1000000", "9" * 9]
)
def test_other_replicates_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--replicates"):
        replicate_range(text)


@pytest.mark.parametrize(("text", "said"), [("0", "makes no run; wanted 1 or more"), ("5-4", "ends before it begins")])
def test_a_range_of_none_says_why(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"^--replicates {text}: {said}"):
        replicate_range(text)


def test_the_estimate_uses_the_nearest_earlier_runs() -> None:
    def planned(experiment: str, case: str) -> PlannedRun:
        return PlannedRun(experiment, case, 0, 0, 0, 0.0)

    seconds = {("one", "a"): 2.0, ("one", "b"): 4.0, ("one", "c"): 9.0}
    assert estimate([planned("one", "a"), planned("one", "new"), planned("two", "a")], seconds) == 2.0 + 4.0 + 4.0
    assert estimate([planned("one", "a")], {}) is None


A, B = (DataSet(name, name, content=name * 64, read=lambda folder: {}) for name in "ab")


def identity_with(data: object):
    study = Study("toy", smoke=Profile(None, data, cannot_answer="x"))
    study.experiment(grid(Pair, reading=("a", "b"), first=(1.0,), bias=(True,)), metrics=["x"])(one)
    return identity(study, "smoke")


def test_a_run_is_held_to_the_content_of_its_own_data() -> None:
    cases = [run.case for run in planned_runs(STUDY, "paper", replicates=[0], where=["first=1", "bias=true"])][:2]
    mixed = identity_with(lambda pair: A if pair.reading == "a" else B)
    assert [mixed.of("one", case)[1] for case in cases] == ["a" * 64, "b" * 64]
    assert mixed.made("one", cases[0], mixed.of("one", cases[0]))
    assert not mixed.made("one", cases[0], mixed.of("one", cases[1]))
    assert identity_with(lambda pair: None).of("one", cases[0])[1] == identity_with(None).of("one", cases[0])[1] == ""


def test_nothing_here_makes_a_run_of_a_case_or_experiment_that_is_not_declared() -> None:
    single = identity_with(A)
    key = next(iter(single.data))
    assert single.made(*key, single.of(*key))
    assert not single.made("one", "{}", single.of(*key))
    assert not single.made("other", key[1], single.of(*key))
    assert not single.made(*key, (*single.of(*key)[:2], "other code"))


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ({}, set()),
        ({"unit": "%"}, {0}),
        ({"metric": "z", "unit": "%"}, set()),  # which no run makes: a check says that the golden has no such row
        ({"experiment": "f", "unit": "%"}, {0}),
    ],
    ids=["as declared", "another unit", "another metric", "another experiment"],
)
def test_runs_in_other_units_than_are_declared_are_outdated(
    tmp_path: Path, change: dict[str, Any], others: set[int]
) -> None:
    """The store's own runs and those of any table are held to the declaration alike; it is in no hash."""
    batches = [stores.run(replicate) for replicate in (0, 1)]
    batches[0][0] |= change
    wanted = Identity("null", {("e", "{}"): ""}, {"e": "c" * 64}, {"e": {"x": "1", "y": "1"}})
    found = strangers(table.build([row for rows in batches for row in rows], stores.HERE), wanted)
    assert {replicate for _, _, replicate in found} == others
    with Store.exclusive(tmp_path / "smoke.parquet") as store:
        store.append(batches, stores.HERE)
        assert store.runs.keys(outdated(store, wanted)) == found
        if "experiment" not in change:
            runs = [PlannedRun("e", "{}", 0, replicate, replicate, 0.0) for replicate in (0, 1)]
            assert {run.replicate for run in pending(store, runs, wanted)} == others
