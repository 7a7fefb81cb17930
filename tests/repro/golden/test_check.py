"""The golden check: what passes, and every planted mistake with its exit code."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from repro.errors import CannotCompareError, IntegrityError, NothingSelectedError
from repro.golden import bands
from repro.golden.bless import with_record
from repro.golden.bless import write as write_golden
from repro.golden.check import check
from repro.golden.findings import as_json, render
from repro.golden.stored import bands_path, load, metadata, path_of
from repro.runs import table
from repro.runs.ignored import seed_ignored
from repro.runs.rows import digest
from tests.repro.support.checking import FRESH, GOLDEN, STUDY, checked, first, fresh, lower, settled, texts
from tests.repro.support.synthetic import Row, build, diverge, golden_of, rows_of


def test_fresh_seeds_of_unchanged_code_pass() -> None:
    for replicates in (FRESH, range(20, 23)):
        result = checked(fresh(replicates=replicates))
        assert result.exit_code == 0, render(result)
        assert result.counts["agrees"] == 13


def test_a_golden_is_no_evidence_for_itself() -> None:
    with pytest.raises(NothingSelectedError, match="no fresh seed"):
        check(GOLDEN.rows, GOLDEN.rows, GOLDEN.bands)
    result = checked([*GOLDEN.rows.to_pylist(), *(row for row in fresh() if row["experiment"] == "noisy")])
    assert result.exit_code == 0, render(result)
    assert "10 of the golden's own" in texts(result, 0)
    assert "replayed" not in texts(result, 0)
    later = [{**row, "finished": row["finished"] + timedelta(seconds=1)} for row in GOLDEN.rows.to_pylist()]
    again = checked([*later, *(row for row in fresh() if row["experiment"] == "noisy")])
    assert "10 replayed bit for bit" in texts(again, 0)


def test_a_replay_beside_the_goldens_own_rows_is_counted() -> None:
    """As after `repro bless`, whose rows the store still holds: nothing said that the golden seed was made again."""
    kept = [*GOLDEN.rows.to_pylist(), *(row for row in fresh() if row["experiment"] == "noisy")]
    replay = [row for row in GOLDEN.rows.to_pylist() if row["replicate"] == 0 and row["experiment"] == "noisy"]
    assert "replayed" not in texts(checked(kept, reruns=build(replay)), 0)  # they are the rows that were blessed
    later = [{**row, "finished": row["finished"] + timedelta(seconds=1)} for row in replay]
    result = checked(kept, reruns=build(later))
    assert result.exit_code == 0, render(result)
    assert "10 of the golden's own; 1 replayed bit for bit" in texts(result, 0)
    made = [{**row, "finished": row["finished"] + timedelta(seconds=2)} for row in GOLDEN.rows.to_pylist()]
    twice = checked([*made, *(row for row in kept if row["replicate"] not in range(10))], reruns=build(later))
    assert "10 replayed bit for bit" in texts(twice, 0)
    next(row for row in later if first(row))["value"] += 1e-9
    altered = checked(kept, reruns=build(later))
    assert (altered.exit_code, altered.counts["deviates"]) == (1, 1)


def test_one_accuracy_lowered_by_five_points_deviates() -> None:
    rows = rows_of(STUDY, range(10))
    next(row for row in rows if first(row, "accuracy"))["value"] -= 5.0
    result = checked(rows)
    assert result.exit_code == 1
    assert "same seed, same code, same environment, another value" in texts(result, 1)
    assert result.counts["deviates"] == 1
    assert result.findings[0].metric == "accuracy"


@pytest.mark.parametrize("change", ["value", "curve", "status"])
def test_a_replay_is_held_to_every_bit(change: str) -> None:
    rows = rows_of(STUDY, range(3))
    row = next(row for row in rows if first(row))
    if change == "value":
        row["value"] = math.nextafter(row["value"], math.inf)
    elif change == "curve":
        row["curve"] = [row["curve"][0] + 1e-12, row["curve"][1]]
    else:
        diverge(row)
    assert checked(rows).exit_code == 1


def test_a_replay_in_another_environment_need_not_be_equal_to_the_bit() -> None:
    rows = rows_of(STUDY, range(3))
    for row in rows:
        row["environment"] = "elsewhere"
        if first(row):
            row["value"] = math.nextafter(row["value"], math.inf)
    result = checked(rows)
    assert result.exit_code == 0, render(result)
    assert "environment elsewhere is another kind of machine than the golden's" in result.notes[0]


def test_recorded_metrics_may_move_but_not_vanish() -> None:
    assert checked(fresh(lambda row: row.update(value=7e3) if first(row, "seconds") else None)).exit_code == 0
    result = checked([row for row in fresh() if not first(row, "seconds")])
    assert result.exit_code == 3
    assert "missing" in texts(result, 3)


def test_exact_rows_are_held_to_every_bit() -> None:
    for value in (math.nextafter(1.25, 2.0), -1.25):
        result = checked(fresh(lambda row, value=value: row.update(value=value) if row["metric"] == "total" else None))
        assert result.exit_code == 1
    result = checked(fresh(lambda row: diverge(row) if row["metric"] == "total" else None))
    assert result.exit_code == 1


def test_an_exact_zero_keeps_its_sign() -> None:
    def zero(value: float) -> Callable[[Row], None]:
        return lambda row: row.update(value=value) if row["metric"] == "total" else None

    held = golden_of(STUDY, edit=zero(-0.0))
    for value, code in ((-0.0, 0), (0.0, 1)):
        result = check(build(fresh(zero(value))), held.rows, held.bands)
        assert result.exit_code == code, render(result)


def set_first(**changes: object) -> Callable[[Row], None]:
    return lambda row: row.update(changes) if first(row) else None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"unit": "bits"}, "unit 'bits', golden 'nats'"),
        ({"settings": '{"epochs":1}'}, "settings"),
        ({"data": "e" * 64}, "data 'eeeeeeeeeeee'"),
        ({"n_test": 999}, "n_test 999, golden None"),
        ({"status": "failed", "value": None}, "1 runs failed"),
        ({"metric": "lost"}, "missing"),
        ({"metric": "lost"}, "unknown"),
        ({"case": '{"x":7}'}, "unknown"),
        ({"profile": "lite"}, "1 rows are not of study 'invented', profile 'smoke'"),
        ({"study": "other"}, "1 rows are not of study"),
    ],
)
def test_what_does_not_fit_cannot_be_compared(changes: dict[str, object], text: str) -> None:
    result = checked(fresh(set_first(**changes)))
    assert result.exit_code == 3
    assert text in texts(result, 3)


def test_a_replicate_without_one_of_its_metrics_cannot_be_compared() -> None:
    rows = [row for row in fresh(replicates=range(20, 22)) if not (first(row) and row["replicate"] == 21)]
    result = checked(rows)
    assert result.exit_code == 3
    assert "no row for replicate 21" in texts(result, 3)


@pytest.mark.parametrize(
    "changes", [{"value": math.nan}, {"value": math.inf}, {"value": None}, {"status": "nonfinite"}, {"status": "fine"}]
)
def test_a_number_that_is_none_is_corrupt(changes: dict[str, object]) -> None:
    assert checked(fresh(set_first(**changes))).exit_code == 6


def test_duplicate_keys_and_seeds_are_corrupt() -> None:
    rows = fresh()
    assert checked([*rows, dict(rows[0])]).exit_code == 6
    again = [{**row, "replicate": 21} for row in rows]
    result = checked(rows + again)
    assert result.exit_code == 6
    assert "stands twice" in texts(result, 6)


def test_another_schema_is_corrupt() -> None:
    good = build(fresh())
    for bad in (
        good.drop_columns(["unit"]),
        good.append_column("extra", pa.nulls(good.num_rows, pa.int8())),
        good.rename_columns([name if name != "unit" else "units" for name in good.column_names]),
        good.set_column(4, "replicate", good["replicate"].cast(pa.int64())),
    ):
        assert check(bad, GOLDEN.rows, GOLDEN.bands).exit_code == 6


def test_altered_goldens_are_corrupt() -> None:
    results = build(fresh())
    rows = GOLDEN.rows.to_pylist()
    rows[5]["value"] += 1e-9
    altered = build(rows).replace_schema_metadata(GOLDEN.rows.schema.metadata)
    assert check(results, altered, GOLDEN.bands).exit_code == 6
    lines = GOLDEN.bands.to_pylist()
    lines[1]["low"] -= 1.0
    wider = pa.Table.from_pylist(lines, schema=GOLDEN.bands.schema)
    assert check(results, GOLDEN.rows, wider).exit_code == 6
    assert check(results, GOLDEN.rows.slice(0, 0), GOLDEN.bands).exit_code == 6
    assert check(results, GOLDEN.rows, GOLDEN.bands.drop_columns(["unit"])).exit_code == 6


def test_nothing_selected_is_no_pass() -> None:
    with pytest.raises(NothingSelectedError) as caught:
        checked([])
    assert caught.value.exit_code == 5
    for wanted in ((), ("nosy",), ("noisy", "nosy")):
        with pytest.raises(NothingSelectedError):
            checked(fresh(), experiments=wanted)


def test_a_selection_restricts_both_sides() -> None:
    half = [row for row in fresh() if row["experiment"] == "noisy"]
    assert checked(half).exit_code == 3
    assert checked(half, experiments=("noisy",)).exit_code == 0
    broken = fresh(lambda row: row.update(value=9.0) if row["metric"] == "total" else None)
    assert checked(broken, experiments=("noisy",)).exit_code == 0
    assert checked(broken, experiments=("exact",)).exit_code == 1


def test_a_cell_that_stops_diverging_deviates() -> None:
    def mostly(row: Row) -> None:
        if first(row) and row["replicate"] > 1:
            diverge(row)

    shaky = golden_of(STUDY, range(20), mostly)
    result = checked(fresh(replicates=range(30, 50)), shaky)
    assert "0 of 20 runs diverged (golden: 18 of 20)" in texts(result, 1)


def test_where_every_golden_run_diverged_only_divergence_agrees() -> None:
    never = golden_of(STUDY, edit=lambda row: diverge(row) if first(row) else None)
    assert checked(fresh(lambda row: diverge(row) if first(row) else None), never).exit_code == 0
    result = checked(fresh(), never)
    assert result.exit_code == 3
    assert "finished where every golden run diverged" in texts(result, 3)


def test_provisional_rows_never_pass() -> None:
    few = golden_of(STUDY, range(4))
    result = check(few.rows, few.rows, few.bands)
    assert result.exit_code == 3
    assert "provisional: blessed on 4 seeds" in texts(result, 3)


def test_integrity_outweighs_deviation_outweighs_comparability_and_all_are_listed() -> None:
    def spoil(row: Row) -> None:
        if first(row, "accuracy"):
            row["value"] -= 9.0
        if first(row):
            row["unit"] = "bits"

    rows = fresh(spoil)
    result = settled(rows, spoil)
    assert result.exit_code == 1
    assert result.counts["deviates"] == 1
    assert result.counts["cannot compare"] > 0
    assert checked([row for row in rows if row["metric"] != "loss"] + [dict(rows[0])]).exit_code == 6
    ranks = [(6, 1, 3, 0).index(finding.code) for finding in result.findings]
    assert ranks == sorted(ranks)


def copied(replicates: range, shift: int) -> list[Row]:
    """Rows that claim other seeds and hold what the replicates before them found."""
    return [{**row, "seed": row["seed"] + 7 * shift, "replicate": row["replicate"] + shift, "code": "new"}
            for row in rows_of(STUDY, replicates)]  # fmt: skip


def test_new_seeds_that_repeat_the_golden_cannot_be_compared() -> None:
    rows = copied(range(3), 50)
    result = checked(rows)
    assert result.exit_code == 3
    assert texts(result, 3).startswith("SEED_IGNORED")
    for row in rows:  # every run is new but those of one case, which are enough
        row["value"] += 0.0 if row["case"] == '{"x":0}' else 0.1
    assert texts(checked(rows), 3).startswith("SEED_IGNORED: new seeds repeat golden runs to the bit")
    for row in rows:
        row["value"] += 0.01
    assert "SEED_IGNORED" not in texts(checked(rows), 3)


def test_new_seeds_that_all_find_the_same_cannot_be_compared() -> None:
    one = fresh()
    rows = one + [{**row, "replicate": 21, "seed": row["seed"] + 1} for row in one if row["experiment"] == "noisy"]
    result = checked(rows)
    assert result.exit_code == 3
    assert "SEED_IGNORED: runs of one case are equal to the bit" in texts(result, 3)
    assert seed_ignored(build(rows)) == ("noisy",)
    assert seed_ignored(build(rows), deterministic=("noisy",)) == ()


def test_one_pair_of_equal_runs_with_a_continuous_value_is_enough() -> None:
    """Seeds reused in part: the runs of all cases but one differ, and a third replicate is new in all of them."""
    one = [row for row in fresh() if row["experiment"] == "noisy"]
    again = [{**row, "replicate": 21, "seed": row["seed"] + 1, "value": row["value"] + 1e-9} for row in one]
    third = [{**row, "replicate": 22, "seed": row["seed"] + 2, "value": row["value"] + 2e-9} for row in one]
    assert seed_ignored(build(one + again + third)) == ()
    for row, first_row in zip(again, one, strict=True):
        if row["case"] == '{"x":0}':
            row["value"] = first_row["value"]
    assert seed_ignored(build(one + again + third)) == ("noisy",)


def test_equal_shares_may_be_chance() -> None:
    one = [row for row in fresh() if row["experiment"] == "noisy"]
    again = [{**row, "replicate": 21, "seed": row["seed"] + 1} for row in one]
    assert seed_ignored(build(one)) == ()
    coarse = [row for row in one + again if first(row, "accuracy")]
    assert seed_ignored(build(coarse)) == ()
    undeclared = [{**row, "n_test": None, "value": 100 * 917 / 1000} for row in coarse]
    assert seed_ignored(build(undeclared)) == ()
    assert seed_ignored(build([{**row, "value": 91.2345678901} for row in undeclared])) == ("noisy",)


def test_replays_alone_are_no_pass() -> None:
    """A table that holds golden runs and no other says nothing of other seeds (exit 5)."""
    with pytest.raises(NothingSelectedError, match="no fresh seed: every run repeats a golden one"):
        checked(rows_of(STUDY, range(3)))
    one_case = [row for row in fresh() if row["case"] == '{"x":0}']
    others = [row for row in rows_of(STUDY, range(1)) if row["case"] != '{"x":0}']
    result = checked([*one_case, *others])
    assert "no fresh seed" in {finding.text.rpartition("; ")[2] for finding in result.findings}
    assert result.exit_code_with_power() == 4


def test_rendering_puts_the_worst_first_and_sums_up() -> None:
    result = settled(fresh(lower), lower)
    lines = render(result, limit=3).splitlines()
    assert "deviates" in lines[1]
    assert "x=0" in lines[1]
    assert lines[-2] == "... and 10 more"
    assert lines[-1] == "FAIL: 12 agrees, 1 deviates"
    parsed = json.loads(json.dumps(as_json(result), allow_nan=False))
    assert parsed["exit_code"] == 1
    assert len(parsed["findings"]) == 13
    assert parsed["findings"][0]["verdict"] == "deviates"


def test_the_digest_is_of_values_and_not_of_their_storage() -> None:
    rows = GOLDEN.rows
    chunked = pa.concat_tables([rows.slice(0, 7), rows.slice(7)])
    assert digest(chunked) == digest(rows)
    assert digest(rows.slice(1)) != digest(rows)
    later = datetime(2025, 1, 1, tzinfo=UTC)
    for name, other in (("curve", [1.0]), ("value", 1.0), ("n_test", 5), ("detail", "x"), ("finished", later)):
        changed = rows.to_pylist()
        changed[3][name] = other
        assert digest(build(changed)) != digest(rows), name


def test_a_golden_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = path_of(tmp_path, "invented", "smoke")
    with pytest.raises(CannotCompareError, match="no such golden"):
        load(path)
    write_golden(path, GOLDEN)
    again = load(path)
    assert check(build(fresh()), again.rows, again.bands).exit_code == 0
    bands_path(path).write_bytes(b"PAR1")
    with pytest.raises(IntegrityError, match="not a readable bands table"):
        load(path)
    bands_path(path).unlink()
    with pytest.raises(IntegrityError, match="missing half"):
        load(path)


def test_bands_of_another_rule_are_no_bands(tmp_path: Path) -> None:
    path = path_of(tmp_path, "invented", "smoke")
    write_golden(path, GOLDEN)
    record = {**metadata(GOLDEN.bands), "method": "shrunken-t/2"}
    older = GOLDEN.bands.drop_columns(["suspect", "confirm"])
    table.write_file(bands_path(path), with_record(older, record))
    with pytest.raises(
        IntegrityError, match="drawn by the rule 'shrunken-t/2', this version's is 'two-stage-t/5'; bless"
    ):
        load(path)


def test_the_check_imports_nothing_heavy() -> None:
    code = "import sys, repro.golden; print(*sorted({'scipy', 'pandas', 'torch', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_invented_study_is_what_these_tests_think() -> None:
    kinds = [line.kind for line in bands.as_bands(GOLDEN.bands)]
    assert sorted(set(kinds)) == ["band", "exact", "recorded"]
    assert kinds.count("band") == 8
