"""Two stages: what is suspicious is run again, and what then counts; tables as a whole; power; other machines."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from repro.golden import bands, judge, together
from repro.golden.findings import render
from repro.golden.stored import Golden
from repro.golden.weigh import Weighed
from tests.repro.support.checking import GOLDEN, STUDY, checked, first, fresh, lower, settled, texts
from tests.repro.support.synthetic import Row, build, diverge, golden_of, invented, rows_of


def test_values_that_stay_away_deviate_in_both_directions() -> None:
    for shift in (-8.0, 8.0):

        def move(row: Row, shift: float = shift) -> None:
            if first(row):
                row["value"] += shift

        result = settled(fresh(move), move)
        assert result.exit_code == 1
        assert ("too high" if shift > 0 else "too low") in texts(result, 1)
        assert "and so are 4 more runs" in texts(result, 1)


def test_what_is_suspicious_decides_nothing_before_it_is_run_again() -> None:
    result = checked(fresh(lower))
    assert result.exit_code == 0
    assert result.counts["suspicious"] == 1
    assert "4 more runs would tell" in texts(result, 0)
    assert result.wanted == tuple(("noisy", '{"x":0}', replicate) for replicate in (21, 22, 23, 24))
    assert checked(fresh(lower), confirm=False).wanted == ()
    assert checked(fresh(lower), confirm=False).exit_code == 0


def test_one_unlucky_seed_is_no_deviation() -> None:
    result = settled(fresh(lower))
    assert result.exit_code == 0, render(result)
    assert result.counts["suspicious"] == 0
    assert "and not all of 4 more runs are" in texts(result, 0)


@pytest.mark.parametrize("held", [True, False])
def test_a_replay_is_held_to_the_golden_also_where_the_results_hold_its_rows(held: bool) -> None:
    """By another version of a package, or other code: the results' row of that seed is the golden's own."""
    replay = [{**row, "code": "new code"} for row in rows_of(STUDY, range(1))]
    results = [*(rows_of(STUDY, range(10)) if held else []), *(row for row in fresh() if row["experiment"] == "noisy")]
    results += [] if held else [row for row in rows_of(STUDY, range(1)) if row["experiment"] != "noisy"]
    assert checked(results, reruns=build(replay)).exit_code == 0
    next(row for row in replay if first(row))["value"] += 1e-9
    result = checked(results, reruns=build(replay))
    assert result.exit_code == 1
    assert "the same seed gives something else: replicate 0 has" in texts(result, 1)


def test_a_fresh_run_that_another_code_repeats_otherwise_is_called_changed() -> None:
    again = [{**row, "code": "new code", "value": row["value"] + 1e-9} for row in fresh() if first(row)]
    result = checked(fresh(), reruns=build(again))
    assert result.exit_code == 1
    assert "the results" in texts(result, 1)


def test_further_runs_by_other_code_confirm_nothing() -> None:
    again = [{**row, "code": "older"} for row in fresh(lower, range(21, 25))]
    assert checked(fresh(lower), reruns=build(again)).counts["suspicious"] == 1


def test_four_of_four_confirm_and_three_do_not() -> None:
    for bad, code in ((3, 0), (4, 1)):
        again = fresh(lambda row, bad=bad: lower(row) if row["replicate"] < 21 + bad else None, range(21, 25))
        assert checked(fresh(lower), reruns=build(again)).exit_code == code


def test_a_golden_of_few_seeds_takes_six_of_six() -> None:
    few = golden_of(invented(golden_seeds=5), range(5))
    wanted = checked(fresh(lower), few).wanted
    assert [replicate for _, case, replicate in wanted if case == '{"x":0}'] == [21, 22, 23, 24, 25, 26]
    assert "6 more runs would tell" in texts(checked(fresh(lower), few), 0)
    assert checked(fresh(lower), few, reruns=build(fresh(lower, range(21, 26)))).counts["suspicious"] >= 1
    for bad, code in ((5, 0), (6, 1)):
        again = fresh(lambda row, bad=bad: lower(row) if row["replicate"] < 21 + bad else None, range(21, 27))
        assert checked(fresh(lower), few, reruns=build(again)).exit_code == code


def test_the_margin_of_a_share_is_not_that_of_another_grid() -> None:
    band = next(line for line in bands.as_bands(GOLDEN.bands) if line.metric == "accuracy")
    narrow = dataclasses.replace(band, s=0.02)
    for quantum, allowed in ((band.quantum, 1.0), (0.05, 0.25)):
        evidence = Weighed(dataclasses.replace(narrow, quantum=quantum), foreign=True)
        assert together.allowed(evidence) == pytest.approx(allowed)


def test_the_same_seed_by_other_code_is_called_changed() -> None:
    noisy = [row for row in fresh() if row["experiment"] == "noisy"]
    rows = [*({**row, "code": "new code"} for row in rows_of(STUDY, range(3))), *noisy]
    assert checked(rows).exit_code == 0
    row = next(row for row in rows if first(row))
    row["value"] += 1e-9
    result = checked(rows)
    assert result.exit_code == 1
    assert result.counts["changed"] == 1
    assert "the same seed gives something else: replicate 0 has" in texts(result, 1)
    assert texts(result, 1).endswith("by other code; 2 replayed bit for bit")


def test_what_has_changed_is_still_confirmed() -> None:
    """A replay tells that the row changed; fresh seeds tell whether it got worse as well."""
    replay = [{**row, "code": "new code"} for row in rows_of(STUDY, range(1))]
    next(row for row in replay if first(row))["value"] -= 8.0
    result = checked(fresh(lower), reruns=build(replay))
    assert result.counts["changed"] == 1
    assert {run[2] for run in result.wanted} == {21, 22, 23, 24}
    result = checked(fresh(lower), reruns=build(replay + fresh(lower, range(21, 25))))
    assert result.counts["deviates"] == 1
    assert "and so are 4 more runs" in texts(result, 1)


def test_a_replay_beside_fresh_seeds_is_called_changed() -> None:
    """What `repro check --replay` makes: a golden seed, run by the code of the results."""
    replay = [{**row, "code": "new code"} for row in rows_of(STUDY, range(1))]
    result = checked(fresh(), reruns=build(replay))
    assert result.exit_code == 0, render(result)
    assert "1 replayed bit for bit" in texts(result, 0)
    next(row for row in replay if first(row))["value"] += 1e-9
    assert checked(fresh(), reruns=build(replay)).counts["changed"] == 1


def test_a_result_that_its_own_seed_does_not_repeat_deviates() -> None:
    """A number altered in the table: fresh seeds agree with the golden, and the seed itself gives it away."""

    def alter(row: Row) -> None:
        if first(row) and row["replicate"] == 22:
            row["value"] -= 7.0

    altered = fresh(alter, range(20, 25))
    assert ("noisy", '{"x":0}', 22) in checked(altered, here=["here"]).wanted
    assert settled(altered).exit_code == 0
    result = settled(altered, here="here")
    assert result.exit_code == 1
    assert "does not repeat: replicate 22 has" in texts(result, 1)


def test_what_is_recorded_need_not_repeat() -> None:
    """The run that a suspicious row is given again takes another time, and nobody judges times."""
    rows = fresh(lower)
    repeated = [{**row, "value": row["value"] + 1.0} if row["metric"] == "seconds" else dict(row) for row in rows]
    result = checked(rows, reruns=build(repeated + fresh(replicates=range(21, 25))))
    assert result.exit_code == 0, render(result)
    assert "does not repeat" not in texts(result, 0)


def test_limits_of_several_new_runs_are_nearer() -> None:
    band = next(line for line in bands.as_bands(GOLDEN.bands) if line.kind == "band")
    tests = judge.levels([band])
    assert tests.suspect(band, 1) == band.suspect
    assert tests.suspect(band, 3) < band.suspect
    assert tests.confirming(band, 1, 4) == band.confirm


WIDE = invented(cases=30)
WIDE_GOLDEN = golden_of(WIDE)


def wide(edit: Callable[[Row], None], replicate: int) -> list[Row]:
    rows = [row for row in rows_of(WIDE, range(replicate, replicate + 1)) if row["experiment"] == "noisy"]
    for row in rows:
        row["code"] = "new code"
        edit(row)
    return rows


def everywhere(by: float, times: float = 1.0) -> Callable[[Row], None]:
    def edit(row: Row) -> None:
        if row["metric"] == "loss":
            centre = 90.0 + json.loads(row["case"])["x"]
            row["value"] = centre + times * (row["value"] - centre) + by

    return edit


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (everywhere(0.6), "all moved up together"),
        (everywhere(-0.6), "all moved down together"),
        (everywhere(0.0, 2.5), "all scatter more"),
    ],
)
def test_what_moves_a_whole_table_is_seen_and_confirmed(edit: Callable[[Row], None], text: str) -> None:
    options = {"experiments": ("noisy",)}
    result = checked(wide(edit, 20), WIDE_GOLDEN, **options)
    cases = {(experiment, case) for experiment, case, _ in result.wanted}
    assert len(cases) == 30
    again = [row for replicate in (21, 22, 23, 24) for row in wide(edit, replicate)]
    result = checked(wide(edit, 20), WIDE_GOLDEN, reruns=build(again), **options)
    assert result.exit_code == 1, render(result)
    assert text in texts(result, 1)
    calm = [row for replicate in (21, 22, 23, 24) for row in wide(lambda row: None, replicate)]
    result = checked(wide(edit, 20), WIDE_GOLDEN, reruns=build(calm), **options)
    assert result.exit_code == 0, render(result)
    assert f"{text} once, and not again" in texts(result, 0)
    assert checked(wide(edit, 20), WIDE_GOLDEN, confirm=False, **options).exit_code == 1


def test_another_kind_of_machine_gets_a_margin() -> None:
    def nearly(row: Row) -> None:
        if first(row):
            band = next(line for line in bands.as_bands(GOLDEN.bands) if line.cell == (*row_cell(row), "loss"))
            row["value"] = band.mean + (band.suspect + 0.1) * band.s

    rows = fresh(nearly)
    assert checked(rows).counts["suspicious"] == 1
    result = checked([{**row, "environment": "elsewhere"} for row in rows])
    assert result.counts["suspicious"] == 0
    assert "another kind of machine" in result.notes[0]


def row_cell(row: Row) -> tuple[str, str]:
    return row["experiment"], row["case"]


def test_a_row_that_cannot_see_what_is_useful_is_underpowered() -> None:
    def declared(useful: float) -> Golden:
        study = invented()
        metrics = tuple(dataclasses.replace(metric, useful=useful) for metric in study.experiments["noisy"].metrics)
        study.experiments["noisy"] = dataclasses.replace(study.experiments["noisy"], metrics=metrics)
        return golden_of(study)

    blind = checked(fresh(), declared(0.1))
    assert (blind.exit_code, blind.exit_code_with_power()) == (0, 4)
    assert blind.counts["underpowered"] == 8
    assert "a change of 0.1 nats can go unseen" in texts(blind, 0)
    keen = checked(fresh(), declared(100.0))
    assert (keen.exit_code_with_power(), keen.counts["underpowered"]) == (0, 0)
    worse = settled(fresh(lower), lower, declared(0.1))
    assert worse.exit_code_with_power() == 1


def test_a_lone_diverged_seed_among_three_is_listed_and_passes() -> None:
    def lose(row: Row) -> None:
        if row["case"] == '{"x":0}' and row["experiment"] == "noisy" and row["replicate"] == 20:
            diverge(row)

    result = checked(fresh(lose, range(20, 23)))
    assert result.exit_code == 0, render(result)
    assert "1 of 3 runs diverged (golden: 0 of 10); 4 more runs would tell" in texts(result, 0)
    result = settled(fresh(lose, range(20, 23)))
    assert result.exit_code == 0, render(result)
    assert "1 of 7 runs diverged (golden: 0 of 10)" in texts(result, 0)


def lose_first(row: Row) -> None:
    if first(row):
        diverge(row)


def test_a_lone_diverged_run_is_run_again_and_is_no_deviation() -> None:
    assert checked(fresh(lose_first)).counts["suspicious"] == 1
    result = settled(fresh(lose_first))
    assert result.exit_code == 0, render(result)
    assert "1 of 5 runs diverged (golden: 0 of 10)" in texts(result, 0)
    result = checked(fresh(lose_first), confirm=False)
    assert result.exit_code == 0
    assert result.counts["suspicious"] == 1


def test_a_cell_that_keeps_diverging_deviates() -> None:
    result = settled(fresh(lose_first), lose_first)
    assert result.exit_code == 1
    assert "5 of 5 runs diverged (golden: 0 of 10)" in texts(result, 1)
