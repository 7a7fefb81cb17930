"""Blessing: what is written, what is refused, what a reviewer is shown."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from repro import stats
from repro.data import DataSet
from repro.errors import CannotCompareError, IntegrityError, NothingSelectedError, UsageError
from repro.golden import bless as blessing
from repro.golden import rule
from repro.golden.bands import BANDS_SCHEMA, as_bands
from repro.golden.bless import bless, rederive
from repro.golden.check import check
from repro.golden.derive import derive_bands
from repro.golden.rule import ALPHA
from repro.golden.stored import bands_path, load, metadata, twin_path
from repro.runs import table
from repro.runs.rows import digest
from repro.study import Study
from tests.repro.support.synthetic import Row, build, diverge, invented, rows_of, with_profile, write

REASON = "ten seeds of the invented protocol"
TEN = range(10)


@pytest.fixture
def study() -> Study:
    return invented()


def blessed(tmp_path: Path, study: Study, rows: list[Row], **options: object) -> blessing.Blessing:
    results = write(tmp_path / "results.parquet", rows)
    given = {"reason": REASON, **options}
    return bless(results, tmp_path / "golden/invented/smoke.parquet", study, "smoke", **given)  # type: ignore[arg-type]


def edited(study: Study, edit: Callable[[Row], None], replicates: range = TEN) -> list[Row]:
    rows = rows_of(study, replicates)
    for row in rows:
        edit(row)
    return rows


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "golden").rglob("*") if path.is_file())


def test_three_files_are_written_that_pass_their_own_check(tmp_path: Path, study: Study) -> None:
    done = blessed(tmp_path, study, rows_of(study, TEN))
    assert files(tmp_path) == ["smoke.bands.parquet", "smoke.md", "smoke.parquet"]
    golden = load(done.path)
    more = build(
        [*rows_of(study, TEN), *(row for row in rows_of(study, range(20, 21)) if row["experiment"] == "noisy")]
    )
    assert check(more, golden.rows, golden.bands).exit_code == 0
    rederive(done.path, study)
    record = metadata(golden.rows)
    assert record["reason"] == REASON
    assert record["commit"] == "c" * 40
    assert record["minimum_seeds"] == 10
    assert record["alpha"] == ALPHA
    assert metadata(golden.bands)["rows_digest"] == digest(golden.rows)
    assert golden.bands.schema.equals(BANDS_SCHEMA)
    assert "wrote" in done.text
    assert "first golden" in done.text


def test_a_band_is_what_its_rows_give(study: Study) -> None:
    rows = build(rows_of(study, TEN))
    bands = as_bands(derive_bands(rows, study, minimum_seeds=10))
    assert derive_bands(rows, study, minimum_seeds=10).equals(
        pa.Table.from_pylist([vars(b) for b in bands], BANDS_SCHEMA)
    )
    line = next(band for band in bands if band.metric == "accuracy" and band.case == '{"x":1}')
    chosen = [row for row in rows_of(study, TEN) if row["metric"] == "accuracy" and row["case"] == '{"x":1}']
    values = np.array([row["value"] for row in chosen])
    assert line.mean == pytest.approx(values.mean(), rel=1e-14)
    assert line.sd == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert line.quantum == 0.1
    assert line.s == pytest.approx(math.sqrt(values.var(ddof=1) + 0.01 / 12), rel=1e-12)  # too few rows to shrink
    assert line.suspect == pytest.approx(stats.t_critical(rule.SUSPECT, 9.0) * math.sqrt(1.1))
    level = rule.sidak(rule.ALPHA_ROWS, 8)
    assert line.confirm == pytest.approx(rule.confirm_limit(level, 9.0, 10))
    assert line.high == pytest.approx(line.mean + line.suspect * line.s)
    assert line.detectable == pytest.approx(line.s * rule.detectable(level, 9.0, 10))


def test_many_rows_are_shrunken(study: Study) -> None:
    many = invented(cases=30)
    bands = [band for band in as_bands(derive_bands(build(rows_of(many, TEN)), many, minimum_seeds=10)) if band.s]
    loss = [band for band in bands if band.metric == "loss"]
    assert np.std([band.s for band in loss]) < 0.5 * np.std([band.sd for band in loss])
    assert all(band.df is not None and band.df > 15 for band in loss)


def test_diverged_runs_enter_no_mean(study: Study) -> None:
    rows = edited(study, lambda row: diverge(row) if row["case"] == '{"x":1}' and row["replicate"] == 3 else None)
    bands = as_bands(derive_bands(build(rows), study, minimum_seeds=10))
    line = next(band for band in bands if band.case == '{"x":1}' and band.metric == "loss")
    assert (line.kind, line.n0, line.k0, line.df) == ("band", 10, 1, 8.0)
    gone = edited(study, lambda row: diverge(row) if row["case"] == '{"x":1}' else None)
    lines = [band for band in as_bands(derive_bands(build(gone), study, minimum_seeds=10)) if band.case == '{"x":1}']
    assert [(line.metric, line.kind, line.mean) for line in lines] == [
        ("accuracy", "diverges", None),
        ("loss", "diverges", None),
        ("seconds", "recorded", None),
    ]


def test_a_golden_whose_last_seeds_are_other_is_refused(tmp_path: Path, study: Study) -> None:
    """As if the code had changed while the golden's seeds were made."""

    def later(row: Row) -> None:
        if row["metric"] == "loss" and row["case"] == '{"x":1}' and row["replicate"] >= 3:
            row["value"] += 5.0

    with pytest.raises(CannotCompareError, match="shake-down: 1 rows of the last 7 replicates deviate") as caught:
        blessed(tmp_path, study, edited(study, later))
    assert 'first noisy {"x":1} loss' in str(caught.value)
    assert files(tmp_path) == []
    done = blessed(tmp_path, study, edited(study, later), provisional=True)
    assert "shake-down: the last 7 replicates against the others, 11 rows agree, 1 deviate" in done.text


def test_a_steady_golden_is_shaken_and_few_seeds_are_not(tmp_path: Path, study: Study) -> None:
    assert (
        "shake-down: the last 7 replicates against the others, 12 rows agree"
        in blessed(tmp_path, study, rows_of(study, TEN)).text
    )
    few = with_profile(invented(), golden_seeds=5)
    done = blessed(tmp_path / "few", few, rows_of(few, range(5)))
    assert "no shake-down: it takes 10 replicates" in done.text


def test_fewer_than_ten_seeds_are_warned_of(tmp_path: Path) -> None:
    for seeds in (9, 10):
        study = with_profile(invented(), golden_seeds=seeds)
        done = blessed(tmp_path / str(seeds), study, rows_of(study, range(seeds)))
        assert ("few seeds: 8 bands rest on fewer than 10 (least: 9); about one false alarm" in done.text) == (
            seeds < 10
        )


def test_rows_of_two_kinds_of_machines_make_no_golden(tmp_path: Path, study: Study) -> None:
    """A row is held to the scatter of one kind; the other kind is compared with a margin, never mixed in."""
    rows = edited(study, lambda row: row.update(environment="there" if row["replicate"] > 4 else "here"))
    path = tmp_path / "results.parquet"
    for cpu, refused in (("one", False), ("other", True)):
        records = {"here": {"cpu": "one", "image": "a"}, "there": {"cpu": cpu, "image": "b"}}
        table.write(path, table.build(rows, records))
        given = (path, tmp_path / cpu / "golden/invented/smoke.parquet", study, "smoke")
        if refused:
            with pytest.raises(CannotCompareError, match="noisy: rows of 2 kinds of machines; bless those of one"):
                bless(*given, reason=REASON)
        else:
            assert bless(*given, reason=REASON).written


def test_an_edited_golden_does_not_verify(tmp_path: Path, study: Study) -> None:
    done = blessed(tmp_path, study, rows_of(study, TEN))
    twin = twin_path(done.path)
    twin.write_text(twin.read_text().replace("| exact |", "| band |"))
    with pytest.raises(IntegrityError, match="not what the golden's tables say"):
        rederive(done.path, study)
    blessed(tmp_path, study, rows_of(study, TEN))
    rows = rows_of(study, TEN)
    rows[0]["detail"] = "edited"
    write(done.path, rows)
    with pytest.raises(IntegrityError, match="not the rows that were blessed"):
        rederive(done.path, study)
    lines = blessed(tmp_path, study, rows_of(study, TEN)).golden.bands
    wider = lines.to_pylist()
    wider[1]["low"] -= 1.0
    table.write_file(bands_path(done.path), pa.Table.from_pylist(wider, schema=lines.schema))
    with pytest.raises(IntegrityError, match="not what the golden's rows give: low of noisy"):
        rederive(done.path, study)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_no_reason_no_golden(tmp_path: Path, study: Study, reason: str) -> None:
    with pytest.raises(UsageError, match="reason is empty"):
        blessed(tmp_path, study, rows_of(study, TEN), reason=reason)


def spoil(column: str, value: object) -> Callable[[Row], None]:
    def edit(row: Row) -> None:
        if row["case"] == '{"x":2}' and row["replicate"] == 4:
            row[column] = value

    return edit


def constant(row: Row) -> None:
    if row["experiment"] == "noisy" and row["metric"] != "seconds":
        row |= {"value": 90.5, "curve": [1.0]}


def fail(row: Row) -> None:
    if row["case"] == '{"x":2}' and row["replicate"] == 4:
        row |= {"status": "failed", "value": None, "detail": "killed"}


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (spoil("commit", "c" * 40 + "+dirty"), "uncommitted changes"),
        (spoil("commit", f"{'c' * 40}+dirty; mylib {'d' * 40}"), "uncommitted changes"),
        (spoil("commit", f"{'c' * 40}; mylib no commit"), "some rows name no commit"),
        (spoil("commit", ""), "name no commit"),
        (spoil("code", "other"), "2 different values of code"),
        (spoil("settings", "{}"), "2 different values of settings"),
        (spoil("data", ""), "2 different values of data"),
        (spoil("n_test", 7), "n_test differs"),
        (spoil("unit", "furlong"), "are not declared"),
        (fail, "3 rows failed"),
        (constant, "SEED_IGNORED: noisy"),
    ],
)
def test_rows_that_hold_nothing_to_account_are_refused(
    tmp_path: Path, study: Study, edit: Callable[[Row], None], text: str
) -> None:
    with pytest.raises(CannotCompareError, match=text.replace("+", r"\+")) as caught:
        blessed(tmp_path, study, edited(study, edit))
    assert caught.value.exit_code == 3
    assert not (tmp_path / "golden").exists()


def test_cases_may_use_data_of_their_own_and_those_of_one_set_must_agree(tmp_path: Path, study: Study) -> None:
    sets = [DataSet(name, name, content=name * 64, read=lambda folder: {}) for name in "ab"]
    with_profile(study, data=lambda case: sets[case.x % 2])
    own = {f'{{"x":{x}}}': "ab"[x % 2] * 64 for x in range(4)}
    rows = edited(study, lambda row: row.update(data=own[row["case"]]))
    done = blessed(tmp_path, study, rows)
    assert {band.case: band.data for band in as_bands(done.golden.bands)} == own
    with pytest.raises(CannotCompareError, match="noisy: 2 different values of data"):
        blessed(tmp_path, study, [row | ({"data": "c" * 64} if row["case"] == '{"x":2}' else {}) for row in rows])


def test_missing_and_uneven_rows_are_refused(tmp_path: Path, study: Study) -> None:
    rows = rows_of(study, TEN)
    with pytest.raises(CannotCompareError, match="declared rows are missing"):
        blessed(tmp_path, study, [row for row in rows if row["case"] != '{"x":3}'])
    with pytest.raises(CannotCompareError, match="other replicates than others"):
        blessed(tmp_path, study, [row for row in rows if row["case"] != '{"x":3}' or row["replicate"] != 5])
    with pytest.raises(UsageError, match="wanted only invented/smoke"):
        blessed(tmp_path, study, [{**row, "profile": "lite"} for row in rows])
    with pytest.raises(UsageError, match="no profile 'big'"):
        bless(tmp_path / "results.parquet", tmp_path / "g.parquet", study, "big", reason=REASON)
    with pytest.raises(NothingSelectedError):
        blessed(tmp_path, study, [])


def test_a_continuous_metric_that_no_seed_moves_is_refused(tmp_path: Path, study: Study) -> None:
    def freeze(row: Row) -> None:
        if row["metric"] == "loss" and row["experiment"] == "noisy":
            row["value"] = 3.5

    with pytest.raises(CannotCompareError, match="no seed moves this continuous metric"):
        blessed(tmp_path, study, edited(study, freeze))


def with_step(step: float | None) -> Study:
    """The invented study, whose loss is an epoch."""
    study = invented()
    metrics = tuple(
        replace(metric, unit="epoch", step=step) if metric.name == "loss" else metric
        for metric in study.experiments["noisy"].metrics
    )
    study.experiments["noisy"] = replace(study.experiments["noisy"], metrics=metrics)
    return study


def epochs(study: Study, step: float = 1.0) -> list[Row]:
    """Rows whose epochs lie on a grid, and agree in the first case."""
    rows = edited(study, lambda row: None)
    for row in rows:
        if row["metric"] == "loss":
            row["value"] = step * (40 if row["case"] == '{"x":0}' else 40 + row["replicate"] % 3)
    return rows


def first_loss(row: Row) -> bool:
    return bool(row["metric"] == "loss" and row["case"] == '{"x":0}')


def test_epochs_that_agree_have_the_scatter_of_their_step(tmp_path: Path) -> None:
    with pytest.raises(CannotCompareError, match=r"no seed moves this.*declare its grid \(step=..., 1 for epochs\)"):
        blessed(tmp_path, with_step(None), epochs(with_step(None)))
    moving = [row for row in epochs(with_step(None)) if row["metric"] != "loss" or row["case"] != '{"x":0}']
    moving += [row | {"value": 40.0 + row["replicate"] % 2} for row in epochs(with_step(None)) if first_loss(row)]
    assert (
        "no step: noisy loss has whole numbers alone" in blessed(tmp_path, with_step(None), moving, dry_run=True).text
    )
    study = with_step(1.0)
    done = blessed(tmp_path, study, epochs(study))
    assert "no step" not in done.text
    lines = {band.case: band for band in as_bands(done.golden.bands) if band.metric == "loss"}
    agreeing, other = lines['{"x":0}'], lines['{"x":1}']
    assert (agreeing.kind, agreeing.sd, agreeing.quantum, agreeing.counted) == ("band", 0.0, 1.0, False)
    assert agreeing.s == pytest.approx(math.sqrt(1 / 12))
    assert other.sd is not None
    assert other.s == pytest.approx(math.sqrt(other.sd**2 + 1 / 12))
    rederive(done.path, study)


def test_values_beside_the_declared_grid_are_refused(tmp_path: Path) -> None:
    study = with_step(0.1)  # whose multiples floats round
    assert blessed(tmp_path, study, epochs(study, 0.1)).written
    off = epochs(study, 0.1)
    next(row for row in off if row["metric"] == "loss" and row["replicate"] == 3)["value"] += 0.05
    with pytest.raises(CannotCompareError) as caught:
        blessed(tmp_path / "off", study, off)
    assert 'noisy {"x":0} loss: 4.0 and 4.05 are no multiple of the declared step 0.1 apart; declare' in str(
        caught.value
    )
    assert not (tmp_path / "off/golden").exists()


def test_a_deterministic_experiment_must_repeat_itself(tmp_path: Path, study: Study) -> None:
    rows = rows_of(study, TEN)
    total = next(row for row in rows if row["metric"] == "total")
    again = {**total, "replicate": 1, "seed": 77}
    assert blessed(tmp_path, study, [*rows, again]).golden.bands.num_rows == 13
    with pytest.raises(CannotCompareError, match="declared deterministic"):
        blessed(tmp_path, study, [*rows, {**again, "value": 1.5}])


def test_too_few_seeds_are_provisional_only_on_request(tmp_path: Path, study: Study) -> None:
    rows = rows_of(study, range(4))
    with pytest.raises(CannotCompareError, match="noisy: 4 seeds, wanted 10"):
        blessed(tmp_path, study, rows)
    golden = blessed(tmp_path, study, rows, provisional=True).golden
    assert {band.kind for band in as_bands(golden.bands)} == {"provisional", "exact", "recorded"}
    assert "| provisional |" in (tmp_path / "golden/invented/smoke.md").read_text()
    assert check(golden.rows, golden.rows, golden.bands).exit_code == 3
    few = with_profile(study, golden_seeds=4)
    assert {band.kind for band in as_bands(blessed(tmp_path, few, rows).golden.bands)} == {"band", "exact", "recorded"}


def test_a_dry_run_shows_and_writes_nothing(tmp_path: Path, study: Study) -> None:
    done = blessed(tmp_path, study, rows_of(study, TEN), dry_run=True)
    assert "would write" in done.text
    assert not (tmp_path / "golden").exists()


def test_what_changes_is_shown(tmp_path: Path, study: Study) -> None:
    blessed(tmp_path, study, rows_of(study, TEN))
    shaken = "shake-down: the last 7 replicates against the others, 12 rows agree"
    same = blessed(tmp_path, study, rows_of(study, TEN))
    assert same.changes == (shaken,)

    def shift(row: Row) -> None:
        if row["case"] == '{"x":1}' and row["metric"] == "loss":
            row["value"] += 2.0
        if row["experiment"] == "exact":
            row["environment"] = "there"

    moved = blessed(tmp_path, study, edited(study, shift), dry_run=True)
    assert [line.split()[0] for line in moved.changes] == ["shake-down:", "mixed", "mean"]
    assert "loss" in moved.changes[2]
    assert "sd), n 10 -> 10" in moved.changes[2]
    fewer = blessed(tmp_path, study, rows_of(study, TEN), experiments=("noisy",))
    assert fewer.changes == (shaken, 'removed  exact {"x":0} total')
    back = blessed(tmp_path, study, rows_of(study, TEN))
    assert back.changes == (shaken, 'added    exact {"x":0} total')


def test_a_golden_of_another_rule_is_blessed_again(tmp_path: Path, study: Study) -> None:
    done = blessed(tmp_path, study, rows_of(study, TEN))
    older = done.golden.bands.drop_columns(["suspect", "confirm"])
    record = {**metadata(done.golden.bands), "method": "shrunken-t/2"}
    table.write_file(bands_path(done.path), blessing.with_record(older, record))
    again = blessed(tmp_path, study, rows_of(study, TEN))
    assert again.changes[1].startswith("rule     shrunken-t/2 -> two-stage-t/5")
    assert load(again.path).bands.equals(done.golden.bands)


def test_the_twin_is_readable(tmp_path: Path, study: Study) -> None:
    blessed(tmp_path, study, rows_of(study, TEN))
    text = (tmp_path / "golden/invented/smoke.md").read_text()
    assert f"Reason: {REASON}" in text
    assert "| x=1 | accuracy | % | band | 10 | 0 |" in text
    assert text.count("\n## ") == 2
    assert json.dumps(text)
