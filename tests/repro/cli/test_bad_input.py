"""Goldens and results that cannot be judged as they are: each has an outcome of its own, and none is a pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from repro.errors import CannotCompareError, NothingSelectedError
from repro.golden import bless as blessing
from repro.golden import rule
from repro.golden.bands import as_bands
from repro.golden.bless import bless
from repro.golden.check import check
from repro.golden.derive import derive_bands
from repro.golden.findings import CheckResult, render
from repro.golden.stored import Golden
from repro.runs import table
from tests.repro.support.checking import GOLDEN, STUDY, first, fresh, texts
from tests.repro.support.synthetic import Row, build, diverge, golden_of, invented, rows_of, with_profile, write


def outcome(results: pa.Table, against: Golden) -> tuple[int, CheckResult]:
    result = check(results, against.rows, against.bands)
    return result.exit_code, result


def test_a_golden_of_one_seed_holds_nothing_to_account(tmp_path: Path) -> None:
    one = golden_of(STUDY, range(1))
    code, result = outcome(build(fresh()), one)
    assert code == 3
    assert "provisional: blessed on 1 seeds, too few for a band" in texts(result, 3)
    with pytest.raises(CannotCompareError, match="noisy: 1 seeds, wanted 10"):
        bless(write(tmp_path / "r.parquet", rows_of(STUDY, range(1))), tmp_path / "g", STUDY, "smoke", reason="r")


def test_two_seeds_asked_for_make_wide_bands_and_no_error() -> None:
    few = with_profile(invented(), golden_seeds=2)
    two = golden_of(few, range(2))
    bands = [band for band in as_bands(two.bands) if band.kind == "band"]
    assert {band.df for band in bands} == {1.0}
    assert all(band.detectable is not None and band.detectable > 10 * (band.s or 0.0) for band in bands)
    assert outcome(build(fresh()), two)[0] == 0


def test_no_scatter_is_refused_or_has_the_floor_of_counting(tmp_path: Path) -> None:
    def still(row: Row) -> None:
        if row["case"] == '{"x":0}' and row["metric"] == "accuracy":
            row["value"] = 90.0

    held = golden_of(STUDY, edit=still)
    band = next(band for band in as_bands(held.bands) if band.case == '{"x":0}' and band.metric == "accuracy")
    assert band.sd == 0.0
    assert band.s == pytest.approx(0.1 / 12**0.5)
    rows = rows_of(STUDY, range(10))
    for row in rows:
        if first(row):
            row["value"] = 90.0
    with pytest.raises(CannotCompareError, match="no seed moves this continuous metric"):
        bless(write(tmp_path / "r.parquet", rows), tmp_path / "g", STUDY, "smoke", reason="r")


def test_where_all_diverged_a_value_cannot_be_compared() -> None:
    never = golden_of(STUDY, edit=lambda row: diverge(row) if row["experiment"] == "noisy" else None)
    code, result = outcome(build(fresh()), never)
    assert code == 3
    assert "finished where every golden run diverged" in texts(result, 3)
    lost = fresh(lambda row: diverge(row) if row["experiment"] == "noisy" else None)
    assert outcome(build(lost), never)[0] == 0


def test_new_runs_that_all_diverge_are_no_pass() -> None:
    lost = fresh(lambda row: diverge(row) if row["experiment"] == "noisy" else None)
    result = check(build(lost), GOLDEN.rows, GOLDEN.bands)
    assert result.counts["suspicious"] == 8
    assert {run[2] for run in result.wanted} == {21, 22, 23, 24}
    again = [{**row, "replicate": number, "seed": row["seed"] + number} for row in lost for number in (21, 22, 23, 24)]
    result = check(build(lost), GOLDEN.rows, GOLDEN.bands, reruns=build(again))
    assert result.exit_code == 1, render(result)


def test_another_unit_is_named() -> None:
    code, result = outcome(build(fresh(lambda row: row.update(unit="share") if first(row) else None)), GOLDEN)
    assert code == 3
    assert "unit 'share', golden 'nats'" in texts(result, 3)


def test_results_of_several_machines_are_named_and_get_the_margin() -> None:
    rows = fresh(replicates=range(20, 22))
    for row in rows:
        if row["replicate"] == 21:
            row["environment"] = "elsewhere"
    result = check(build(rows), GOLDEN.rows, GOLDEN.bands)
    assert result.exit_code == 0
    assert result.notes == (
        "environment elsewhere is another kind of machine than the golden's (here): each row may differ by "
        f"{rule.MARGIN:g} sd more, and nothing can be replayed",
    )


def test_an_empty_family_has_no_bands_and_no_pass() -> None:
    empty = build([])
    assert derive_bands(empty, STUDY, minimum_seeds=10).num_rows == 0
    held = blessing.assemble(empty, STUDY, minimum_seeds=10, reason="r", now=blessing.datetime.now(blessing.UTC))
    code, result = outcome(build(fresh()), held)
    assert code == 6
    assert "golden: holds no rows" in texts(result, 6)
    with pytest.raises(NothingSelectedError, match="no rows of the golden's study and profile"):
        check(empty, GOLDEN.rows, GOLDEN.bands)


def only(some: pa.Table, experiment: str) -> pa.Table:
    kept = [row for row in some.to_pylist() if row["experiment"] == experiment]
    return table.build(kept, table.environments(some))


@pytest.mark.parametrize(("edit", "code"), [(lambda row: None, 0), (lambda row: row.update(value=9.0), 1)])
def test_a_golden_without_any_band_judges_what_it_has(edit: Callable[[Row], None], code: int) -> None:
    rows = only(GOLDEN.rows, "exact")
    held = blessing.assemble(rows, STUDY, minimum_seeds=10, reason="r", now=blessing.datetime.now(blessing.UTC))
    new = [row for row in fresh(edit) if row["experiment"] == "exact"]
    assert outcome(build(new), held)[0] == code
