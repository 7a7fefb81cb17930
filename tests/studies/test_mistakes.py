"""Each smoke golden passes with the committed code and fails with each of the mistakes that are easily made.

A study's mistakes are the table MISTAKES in tests/studies/NAME/mistakes.py.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from repro.errors import PASS
from repro.golden import findings
from tests.studies.goldens import Mistake, check_cell

FOUND = sorted(path.parent.name for path in Path(__file__).parent.glob("*/mistakes.py"))
MISTAKES = [
    (study, mistake)
    for study in FOUND
    for mistake in importlib.import_module(f"tests.studies.{study}.mistakes").MISTAKES
]


@pytest.mark.parametrize(
    ("study", "runs"), dict.fromkeys((study, mistake.runs) for study, mistake in MISTAKES), ids=str
)
def test_what_is_made_anew_passes(study: str, runs: tuple[str, ...]) -> None:
    result = check_cell(study, *runs)
    assert result.exit_code == PASS, findings.render(result)


@pytest.mark.parametrize(
    ("study", "mistake"), MISTAKES, ids=[f"{study}-{mistake.plant.__name__}" for study, mistake in MISTAKES]
)
def test_a_planted_mistake_does_not_pass(study: str, mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake.plant(monkeypatch)
    mistake.forget()
    try:
        result = check_cell(study, *mistake.runs)
    finally:
        monkeypatch.undo()
        mistake.forget()
    assert result.exit_code == mistake.exit_code, findings.render(result)
