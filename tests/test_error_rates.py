"""The measurement of error rates: every planted mistake is one, and other rules are as described."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from bench.error_rates import baselines, clean, measuring, page, planting
from bench.error_rates.catalogue import DEFECTS, Defect
from repro import registry
from repro.cli.main import parser
from repro.errors import UsageError
from repro.study import case_json

ROOT = Path(__file__).resolve().parents[1]


def test_there_are_enough_and_in_every_study() -> None:
    assert len(DEFECTS) >= 40
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)
    assert {defect.study for defect in DEFECTS} == set(registry.names())


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_mistake_is_one_change_of_code(defect: Defect) -> None:
    text = (ROOT / defect.path).read_text("utf-8")
    assert text.count(defect.old) == 1
    planted = ast.parse(text.replace(defect.old, defect.new))
    assert ast.dump(planted) != ast.dump(ast.parse(text))
    assert all((ROOT / test).exists() for test in defect.tests)
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


def test_clean_checks_are_counted_by_study_and_bounded() -> None:
    one = {"exit": 0, "reruns": 4}
    measured = {"clean": {"rfnn 0": one, "rfnn 1": {"exit": 1, "reruns": 8}, "rbf 0": {"exit": 0, "reruns": 0}}}
    text = page.clean_checks(measured)
    for line in ("| rfnn | 2 | 1 | 6.0 |", "| rbf | 1 | 0 | 0.0 |", "| all | 3 | 1 | 4.0 |"):
        assert line in text
    assert "below 86.5 % with" in text
    assert page.clean_checks({"clean": {}}) == "None was made yet."
    many = page.clean_checks({"clean": {f"rfnn {number}": one for number in range(299)}})
    assert "0 alarms in 299 checks the rate is below 1.0 % with a confidence of 95 %" in many


def test_clean_checks_go_on_where_they_were_and_start_anew_for_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def checked(study: str, number: int, _: object) -> dict[str, int]:
        made.append(f"{study} {number}")
        return {"exit": 0, "reruns": 0}

    monkeypatch.setattr(measuring, "KEPT", tmp_path)
    monkeypatch.setattr(clean, "made_again", lambda *_: None)
    monkeypatch.setattr(clean, "checked", checked)
    found = clean.clean(3, {}, studies=("rbf", "rfnn"))
    assert made == ["rbf 0", "rbf 1", "rfnn 0"]
    (tmp_path / "clean.jsonl").unlink()  # another machine, which has what was committed
    found = clean.clean(4, found, studies=("rbf", "rfnn"))
    assert made[3:] == ["rfnn 1"]
    assert len(found) == 4
    older = {name: {**one, "code": "older"} for name, one in found.items()}
    assert len(clean.clean(1, older, studies=("rbf",))) == 1
    assert made[4:] == ["rbf 0"]
    assert clean.clean(9, found, seconds=-1.0, studies=("rbf", "rfnn")) == found


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
