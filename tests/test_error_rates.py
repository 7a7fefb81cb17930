"""The measurement of error rates: every planted mistake is one, and other rules are as described."""

from __future__ import annotations

import ast
import csv
import json
import math
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bench.error_rates import __main__ as driver
from bench.error_rates import baselines, clean, documents, elsewhere, measuring, page, planting, prints, worlds
from bench.error_rates.catalogue import DEFECTS, Defect
from repro import registry
from repro.cli.main import parser
from repro.errors import UsageError
from repro.golden import rule
from repro.runs import table
from repro.study import case_json
from tests.sources import PROJECT


def test_there_are_enough_and_in_every_study() -> None:
    assert len(DEFECTS) >= 40
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)
    assert {defect.study for defect in DEFECTS} == set(registry.names())


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_mistake_is_one_change_of_code(defect: Defect) -> None:
    text = (PROJECT / defect.path).read_text("utf-8")
    assert text.count(defect.old) == 1
    planted = ast.parse(text.replace(defect.old, defect.new))
    assert ast.dump(planted) != ast.dump(ast.parse(text))
    assert all((PROJECT / test).exists() for test in defect.tests)
    arguments = parser().parse_args(["run", defect.study, *defect.cases])
    study = registry.load(defect.study)
    assert set(arguments.experiment) <= {experiment.name for experiment, _ in study.select("smoke")}
    assert any(case_json(case) for _, case in study.select("smoke"))


def test_a_mistake_whose_text_is_not_there_is_not_planted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    defect = Defect("n", "w", "rfnn", "a.py", "x = 1", "x = 2", (), ())
    with pytest.raises(UsageError, match=r"a\.py: defect 'n' wants its text once, found 2"):
        planting.plant(defect, tmp_path)


GOLDEN = np.array([[90.0, 91.0, 92.0, 93.0, 94.0, 95.0]] * 2)


AGREES = {"verdict": "agrees", "text": "", "case": ""}


@pytest.mark.parametrize(
    ("said", "code", "caught"),
    [
        ({"findings": [AGREES], "notes": []}, 0, {"replay": False, "integrity": False}),
        ({"findings": [AGREES | {"verdict": "changed"}], "notes": []}, 1, {"replay": True, "integrity": False}),
        ({"findings": [AGREES], "notes": ["nothing replayed: the golden is of another"]}, 0, {"integrity": False}),
        ({"error": "a run made to confirm failed", "exit_code": 7}, 7, {"replay": False, "integrity": True}),
    ],
)
def test_a_check_without_a_verdict_or_a_replay_is_counted_as_what_it_is(
    said: dict[str, Any], code: int, caught: dict[str, bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last ended the measurement, the one before it was counted as a replay that saw nothing."""
    done = subprocess.CompletedProcess([], code, json.dumps(said), f"repro check: {said.get('error', '')}")
    monkeypatch.setattr(planting, "call", lambda *_: (done, 1.0))
    golden = SimpleNamespace(rows=())
    monkeypatch.setattr(planting, "stored", SimpleNamespace(path_of=lambda *_: "", load=lambda _: golden))
    monkeypatch.setattr(planting, "table", SimpleNamespace(read=lambda _: ()))
    monkeypatch.setattr(planting, "values_of", lambda *_: [])
    found = planting.Found("one")
    planting.try_check(found, tmp_path, "rfnn", ())
    assert {layer: found.caught.get(layer) for layer in ("replay", "integrity")} == {"replay": None} | caught


@pytest.mark.parametrize(
    ("rule", "agreeing", "failing"),
    [
        ("pytest-regressions (one stored run)", 90.0, 90.01),
        ("tolerance by hand, 0.5 %", 92.9, 93.1),
        ("tolerance by hand, 5 %", 97.0, 97.2),
        ("mean ± 3 sd", 98.1, 98.2),
        ("MLPerf's reference points", 99.0, 88.0),
        ("CORE-Bench's interval", 97.6, 97.8),
    ],
)
def test_other_rules_fail_where_they_say(rule: str, agreeing: float, failing: float) -> None:
    other = 90.0 if "stored" in rule else 92.5  # what the first row has to be to agree
    found = [
        baselines.alarms(baselines.RULES[rule], GOLDEN, np.array([[other], [value]])) for value in (agreeing, failing)
    ]
    assert found == [False, True]


def test_a_nan_fails_every_rule_but_one() -> None:
    new = np.array([[math.nan], [90.0]])
    failing = {name for name, rule in baselines.RULES.items() if baselines.alarms(rule, GOLDEN, new)}
    assert failing == set(baselines.RULES)
    stored = GOLDEN.copy()
    stored[0, 0] = math.nan
    assert not baselines.alarms(baselines.RULES["pytest-regressions (one stored run)"], stored, new)


def test_clean_checks_are_counted_by_rule_and_study_and_bounded() -> None:
    one, none = ({"exit": 0, "reruns": count, "at": "a"} for count in (4, 0))
    odd = {"exit": 1, "reruns": 8, "at": "b", "odd": [["train", "{}", "x", "too high"]]}
    text = page.clean_checks({"clean": {"t/5 rfnn 0": one, "t/5 rfnn 1": odd, "t/5 rbf 0": none, "t/4 rbf 0": none}})
    for line in ("| t/5 | rfnn | 2 | 1 | 6.0 |", "| t/5 | rbf | 1 | 0 | 0.0 |", "| t/5 | all | 3 | 1 | 4.0 |"):
        assert line in text
    assert "By t/5, with 1 alarms in 3 checks the rate is below 86.5 % with" in text
    assert "Of the alarms, the check of rfnn ended with 1: train `{}`, x, too high." in text
    assert "By t/4, with 0 alarms in 1 checks the rate is below 95.0 % with" in text
    assert page.clean_checks({"clean": {}}) == "None was made yet."
    many = page.clean_checks({"clean": {f"t/5 rfnn {number}": one for number in range(299)}})
    assert "0 alarms in 299 checks the rate is below 1.0 % with a confidence of 95 %" in many


def test_clean_checks_go_on_where_they_were_and_start_anew_for_another_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def checked(study: str, number: int, _: object) -> dict[str, int]:
        made.append(f"{study} {number}")
        return {"exit": 0, "reruns": 0}

    monkeypatch.setattr(measuring, "KEPT", tmp_path)
    monkeypatch.setattr(clean, "made_again", lambda *_: None)
    monkeypatch.setattr(clean, "checked", checked)
    found = clean.clean(3, {}, "a", studies=("rbf", "rfnn"))
    assert made == ["rbf 0", "rbf 1", "rfnn 0"]
    (tmp_path / "clean.jsonl").unlink()  # another machine, which has what was committed
    found = clean.clean(4, found, "b", studies=("rbf", "rfnn"))
    assert made[3:] == ["rfnn 1"]
    assert sorted(one["at"] for one in found.values()) == ["a", "a", "a", "b"]  # other code since, and the same rule
    assert clean.clean(9, found, "b", seconds=-1.0, studies=("rbf", "rfnn")) == found
    monkeypatch.setattr(clean, "METHOD", "another/1")
    both = clean.clean(1, found, "c", studies=("rbf",))
    assert made[4:] == ["rbf 0"]
    assert both.items() > found.items()


def test_a_clean_check_takes_no_seed_of_a_golden() -> None:
    for path in (PROJECT / "golden").glob("*/smoke.parquet"):
        assert max(table.read(path, ["replicate"])["replicate"].to_pylist()) < clean.FIRST, path


def test_a_measurement_hangs_on_code_and_not_on_what_is_said_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "ROOT", tmp_path)

    def identity(text: str) -> str:
        (tmp_path / "a.py").write_text(text)
        measuring.content.cache_clear()
        return measuring.identity("a.py")

    first = identity('"""Says."""\nx = 1\n')
    assert identity('"""Says more."""\nx = 1  # one\n') == first
    assert identity('"""Says."""\nx = 2\n') != first


# Worlds that seeds of others led to


def worlds_golden(name: str, n0: int, rows: int = 400) -> worlds.Table:
    return worlds.made(worlds.WORLDS[name], np.random.default_rng(1), rows, n0, 1)


def test_variances_over_magnitudes_tell_next_to_nothing_of_one_another() -> None:
    for name, low, high in (("magnitudes", 0.0, 1.0), ("unequal", 2.0, 10.0)):
        golden = worlds_golden(name, 10).golden
        prior, _ = rule.fit_prior(golden.var(axis=1, ddof=1) + worlds.QUANTUM**2 / 12, np.full(len(golden), 9.0))
        assert low < prior < high


def test_goldens_on_a_coarse_grid_agree_and_need_their_step() -> None:
    table = worlds_golden("coarse", 5, rows=12)  # too few rows for a prior, which lends a scatter
    assert (np.ptp(table.golden, axis=1) == 0.0).any()
    assert not worlds.check(table).refused
    assert worlds.check(replace(table, quantum=np.zeros(12))).refused


def test_equal_modes_leave_a_golden_of_five_in_one_of_them() -> None:
    table = worlds_golden("equal-modes", 5, rows=10)
    tables = [worlds.made(worlds.WORLDS["equal-modes"], np.random.default_rng(n), 10, 5, 1) for n in range(100)]
    assert table.golden.shape == (10, 5)
    in_one = np.mean([(one.golden.std(axis=1) < 2.0 * worlds.SD).mean() for one in tables])
    assert 0.02 < in_one < 0.12  # 2 / 2**5 of all, but for the rows that scatter much


# Seeds of others

LINES = [
    ("y/tabular-dl-tabr", f"p{row}", metric, str(counted), "", " ".join(str(base * row + n) for n in range(16)))
    for row in range(1, 13)
    for metric, counted, base in (("test_correct", 10_000, 100), ("best_epoch", "", 1000))
] + [
    ("y/tabular-dl-tabr", "still", "best_epoch", "", "", " ".join(["7"] * 16)),
    ("y/tabular-dl-tabr", "mixed", "best_epoch", "", "2 configs", " ".join(map(str, range(16)))),
    ("m/logging", "a#b", "epochs_to_converge", "", "", "0.9 0.95 0.85 0.95 0.9"),
]


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of real data with a few made-up rows."""
    path = tmp_path / "real-seeds" / "seeds.csv"
    path.parent.mkdir()
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("repository", "path", "metric", "n_counted", "note", "values"), *LINES])
    monkeypatch.setenv("REPRO_DATA_DIR", str(tmp_path))
    elsewhere.banks.cache_clear()
    yield tmp_path
    elsewhere.banks.cache_clear()


@pytest.mark.usefixtures("seeds")
def test_rows_of_others_have_the_step_that_a_study_would_declare() -> None:
    (epochs,) = elsewhere.banks("best epoch or iteration, step 1").values()
    assert (len(epochs), epochs[0].quantum) == (12, 1.0)  # neither what no seed moves nor what has two configurations
    (shares,) = elsewhere.banks("test accuracy, tabular").values()
    assert (shares[0].quantum, shares[0].values[1]) == (0.01, 1.01)
    (mlperf,) = elsewhere.banks("MLPerf epochs to converge, with their steps").values()
    assert mlperf[0].quantum == pytest.approx(0.05)


@pytest.mark.usefixtures("seeds")
def test_a_run_of_others_has_one_role_and_a_row_its_own_runs() -> None:
    families = ("test accuracy, tabular", "best epoch or iteration, step 1")
    table = elsewhere.made(np.random.default_rng(1), families, 5, 3, rows=10)
    assert table is not None
    runs = np.concatenate([table.golden, table.new, table.again], axis=1)
    assert [part.shape[1] for part in (table.golden, table.new, table.again)] == [5, 3, 6]
    assert all(len(set(row)) == 14 for row in runs.tolist())
    assert (np.ptp(runs, axis=1) < 20).all()
    assert table.metric.tolist() == [0] * 10 + [1] * 10
    assert set(table.quantum[:10]) == {0.01}
    assert (
        elsewhere.made(np.random.default_rng(1), families, 10, 3, rows=10) is None
    )  # of seventeen runs sixteen are there
    moved = elsewhere.made(np.random.default_rng(1), families, 5, 3, rows=10, shift=50.0)
    assert moved is not None
    assert (np.abs(moved.new - table.new) > 1e-6).all(axis=1).sum() == 1
    assert (moved.golden == table.golden).all()


def test_seeds_that_are_not_here_are_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REPRO_DATA_DIR", str(tmp_path))
    assert measuring.others(10, 10) is None
    assert "no real-seeds/seeds.csv in the folder of real data: not measured again" in capsys.readouterr().err
    assert page.others({"elsewhere": {}}).startswith("Not measured yet")


def test_what_was_measured_of_others_is_kept_and_shown(seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "KEPT", seeds)
    monkeypatch.setattr(elsewhere, "KINDS", {"of one": (("best epoch or iteration, step 1",), 100)})
    found = measuring.others(4, 2)
    assert found is not None
    assert {size: one["tables"] for size, one in found["of one"].items()} == {
        "5 1 0": 4, "5 3 0": 4, "10 1 0": 4, "5 1 3": 2, "5 1 5": 2, "10 1 3": 2, "10 1 5": 2,
    }  # fmt: skip
    monkeypatch.setattr(elsewhere, "block", lambda *_: 1 / 0)
    assert measuring.others(4, 2) == found
    text = page.others({"elsewhere": {**found, "none": {"5 1 0": {"tables": 0, "any": 0}}}})
    assert "| golden | 5 seeds, 1 new | 5 seeds, 3 new | 10 seeds, 1 new | 5 seeds, 1 new: 3 sd found |" in text
    assert "none" not in text


@pytest.mark.parametrize("world", documents.WORLDS)
def test_simulated_documents_are_counted_by_every_rule(world: str) -> None:
    counts = documents.block(world, 3, 1)
    assert counts["true"] + counts["false"] == 3 * documents.CLAIMS
    for name in documents.RULES:
        assert counts[name]["accused"] <= 3
        assert counts[name]["found"] <= counts["false"]
        assert counts[name]["reproduced"] <= counts["true"]
    assert counts["within rounding"]["accused"] == 3  # orders on the edge are on the wrong side half of the time


def test_what_is_behind_the_sign_is_what_a_document_of_a_world_prints() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    sd = math.sqrt(5 / 3)
    wanted = {"sd": sd, "se": sd / 2, "2sd": 2 * sd, "ci95": 3.182446 * sd / 2}
    for spread, value in wanted.items():
        world = documents.World("", spread)
        assert documents.spread_of(world, values) == pytest.approx(value, rel=1e-6)


def test_the_page_tells_of_judges_what_was_measured() -> None:
    assert page.judges({"documents": {}}) == page.judges_beside({"documents": {}}) == "Not measured yet."
    counts = {"documents": 100, "true": 1500, "false": 500}
    counts |= {rule: {"accused": 3, "found": 250, "reproduced": 300} for rule in documents.RULES}
    text = page.judges({"documents": {"sd": counts}})
    assert "| standard deviations | 3.00 % (0.62 to 8.52) | 50.0 % | 20.0 % |" in text
    assert "| standard deviations | 3 %, 50.0 % |" in page.judges_beside({"documents": {"sd": counts}})


# Prints made of their own runs


def test_true_prints_are_not_accused_and_changed_means_are_seen() -> None:
    found = prints.counted(40)
    assert found["whole"]["all"]["tables"] == 40
    assert found["whole"]["all"]["accused"] == 0
    assert found["whole"]["all"]["readable"] == 40
    cells = [one for name, one in found["cells"].items() if name in prints.FINER]
    assert sum(one["mean: erratum"] for one in cells) >= 0.95 * sum(one["cells"] for one in cells)
    assert found == prints.counted(40)
    assert found != prints.counted(40, seed=1)


def test_what_was_measured_of_prints_is_shown() -> None:
    one = {"cells": 200, "true: inconclusive": 20, "mean: erratum": 190, "samples, true: reproduced": 2}
    whole = {"tables": 20, "accused": 0, "readable": 20, "alone": 18}
    text = page.made_of({"prints": {"cells": {"in full": one, "1 digit finer": {}}, "whole": {"all": whole}}})
    assert "| in full | 200 | 0.00 % (0.00 to 1.83) | 10 % | 95.00 % (91.00 to 97.58) | 0 % | 0 % | 1 % | 0 % |" in text
    assert "1 digit finer" not in text
    assert "Of 20 tables 0 had a cell accused" in text
    assert page.made_of({}) == "Not measured yet."


def test_tables_keep_their_order_whatever_the_order_of_what_was_kept() -> None:
    kept = {"b": {"n": 1}, "c": {"n": 3}, "a": {"n": 2}, "empty": {}}
    assert page.in_order(kept, ("a", "b", "empty", "absent")) == [("a", {"n": 2}), ("b", {"n": 1})]
    worlds_of = json.loads((PROJECT / "bench/error_rates/measured.json").read_text("utf-8"))["documents"]
    back = dict(reversed(worlds_of.items()))
    assert page.judges({"documents": worlds_of}) == page.judges({"documents": back})


def test_each_part_says_which_commit_it_is_of() -> None:
    mistakes = {"leak": {"at": "a" * 40}, "crop": {"at": "a" * 40}, "width": {}}
    text = page.commits({"worlds": {"false": {}}, "at": {"worlds": "b" * 40 + "+dirty"}, "defects": mistakes})
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    every = len(DEFECTS)
    assert lines == [
        ["simulated worlds", "`bbbbbbbb`, dirty"],
        [f"planted mistakes, 1 of {every}", page.EARLIER],
        [f"planted mistakes, 2 of {every}", "`aaaaaaaa`"],
    ]


def test_no_mistake_is_begun_when_the_time_is_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(measuring, "KEPT", tmp_path)
    monkeypatch.setattr(planting, "tried", lambda defect: planting.Found(defect.name))
    some = DEFECTS[:3]
    assert measuring.plant(some, seconds=-1.0) == {}
    assert [*measuring.plant(some)] == [defect.name for defect in some]


def test_mistakes_that_were_not_tried_again_keep_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (defect.name for defect in DEFECTS[:3])
    asked: list[str] = []

    def planted(defects: Sequence[Defect], _seconds: float) -> dict[str, Any]:
        asked.extend(defect.name for defect in defects)
        return {third: {"values": []}, first: {"values": []}}

    before = {first: {"old": 1, "at": "b" * 40}, second: {"old": 1}}
    monkeypatch.setattr(driver, "known", lambda: {"defects": before})
    monkeypatch.setattr(driver, "commit", lambda: "c" * 40)
    monkeypatch.setattr(measuring, "plant", planted)
    found = driver.tried(60.0)
    assert (asked[0], asked[-2:]) == (third, [second, first])
    assert found[second] == {"old": 1}
    assert found[first] == found[third] == {"rules": {}, "at": "c" * 40}
