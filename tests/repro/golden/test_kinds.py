"""Kinds of machines: an experiment's golden rows are of one, and each run is held to these by the machine it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from repro.golden import rule, together
from repro.golden.bands import as_bands
from repro.golden.check import check
from repro.golden.findings import CheckResult
from repro.golden.judge import levels
from repro.golden.stored import Golden
from repro.golden.weigh import Weighed
from repro.runs import table
from tests.repro.support.checking import GOLDEN, STUDY, checked, first, fresh, texts
from tests.repro.support.synthetic import Row, build, golden_of

LOSS = next(band for band in as_bands(GOLDEN.bands) if band.metric == "loss" and band.case == '{"x":0}')
SECOND = levels(as_bands(GOLDEN.bands)).confirming(LOSS, 1, LOSS.confirming)
AFTER = range(21, 25)
TWO = golden_of(STUDY, edit=lambda row: row.update(environment="here" if row["experiment"] == "noisy" else "there"))


def moved(by: float, replicates: range = range(20, 21), environment: str = "here") -> list[Row]:
    """Fresh runs of a machine whose first row lies `by` standard deviations above the golden's mean."""

    def edit(row: Row) -> None:
        row["environment"] = environment
        if first(row):
            row["value"] = LOSS.mean + by * LOSS.s  # type: ignore[operator]

    return fresh(edit, replicates)


def away(by: float) -> float:
    """Return how far a run is that is `by` beyond what is not suspicious."""
    assert LOSS.suspect
    return LOSS.suspect + by


class TestAGoldenOfTwoKinds:
    """`noisy` was blessed on one machine, `exact` on another, and new runs are all made on the second."""

    @pytest.mark.parametrize("experiments", [None, ["noisy"]])
    def test_a_row_has_the_same_margin_whatever_is_selected(self, experiments: list[str] | None) -> None:
        near, far = (
            checked(moved(away(by), environment="there"), TWO, experiments=experiments)
            for by in (0.1, rule.MARGIN + 0.1)
        )
        assert (near.counts["suspicious"], far.counts["suspicious"]) == (0, 1)

    def test_the_note_names_the_experiments_that_it_is_about(self) -> None:
        result = checked(moved(0.0, environment="there"), TWO)
        text = "environment there is another kind of machine than the golden's (here): each row may differ by 0.25 sd"
        assert [note[: len(text) + 7] for note in result.notes] == [f"noisy: {text}"]
        (note,) = checked(moved(0.0, environment="there"), TWO, experiments=["noisy"]).notes
        assert note.startswith(text)

    def test_a_row_of_its_own_kind_has_none(self) -> None:
        rows = [{**row, "environment": "here" if row["experiment"] == "noisy" else "there"} for row in moved(away(0.1))]
        result = checked(rows, TWO)
        assert (result.counts["suspicious"], result.notes) == (1, ())


@pytest.mark.parametrize("experiments", [None, ["noisy"]])
def test_what_an_older_record_leaves_open_is_read_alike_whatever_is_selected(experiments: list[str] | None) -> None:
    """The golden of `noisy` does not say how torch chose its kernels; that of `exact`, alike otherwise, does."""
    records: Mapping[str, Mapping[str, Any]] = {
        "here": {"cpu": "x"},
        "there": {"cpu": "x", "torch": {"capability": "AVX2"}},
        "new": {"cpu": "x", "torch": {"capability": "AVX512"}},
    }
    held = Golden(table.with_environments(TWO.rows, records), TWO.bands)
    results = table.with_environments(build(moved(away(0.1), environment="new")), records)
    result = check(results, held.rows, held.bands, experiments=experiments)
    assert result.counts["suspicious"] == 0
    assert any("environment new is another kind of machine" in note for note in result.notes)


def confirmed(new: str, again: str, beyond: float) -> CheckResult:
    """The check of a row far away, and of four more by machines of their own, `beyond` the second limit by so much."""
    more = build(moved(SECOND + beyond, AFTER, again))
    return checked(moved(away(rule.MARGIN + 0.1), environment=new), reruns=more)


@pytest.mark.parametrize("new", ["here", "there"])
def test_runs_that_confirm_have_the_margin_of_their_own_machine(new: str) -> None:
    """The machine of the first run says nothing of theirs."""
    assert confirmed(new, "here", 0.05).exit_code == 1
    assert confirmed(new, "there", 0.05).exit_code == 0
    assert "and not all of 4 more runs are" in texts(confirmed(new, "there", 0.05), 0)
    assert confirmed(new, "there", rule.MARGIN + 0.05).exit_code == 1


def test_runs_that_confirm_on_another_machine_are_said_to_be() -> None:
    assert confirmed("here", "here", 0.0).notes == ()
    assert confirmed("here", "there", 0.0).notes == (
        "environment there, of runs that confirm, is another kind of machine than the golden's (here): these may "
        "differ by 0.25 sd more",
    )
    (note,) = confirmed("there", "there", 0.0).notes
    assert note.endswith("each row may differ by 0.25 sd more, and nothing can be replayed")


@pytest.mark.parametrize(("foreign", "text"), [(False, "and again"), (True, "once, and not again")])
def test_a_table_that_is_run_again_has_it_too(foreign: bool, text: str) -> None:
    assert LOSS.mean is not None
    assert LOSS.s is not None
    values, again = (LOSS.mean + LOSS.s,), (LOSS.mean + 0.6 * LOSS.s,)
    rows = [Weighed(LOSS, values, again=again, foreign_again=foreign)] * 20
    finding, _ = together.judge_group(("noisy", "loss"), rows, 1, confirm=True)
    assert text in finding.text
