"""Every row of the study's plan is answered beside what the notebook says, in words made of rows."""

from __future__ import annotations

import re

import pytest

from repro.errors import NothingSelectedError
from studies.common.found import Found
from studies.filters2d import study
from studies.filters2d.statements import STATEMENTS
from studies.filters2d.wording import law, words
from tests.studies.goldens import smoke


def test_rows_1_to_26_are_there() -> None:
    found = {int(number) for one in STATEMENTS for number in re.findall(r"F(\d+)", one.number)}
    assert found == set(range(1, 27))


def test_every_statement_is_answered_by_the_golden_and_names_its_experiments() -> None:
    rows = Found(smoke("filters2d").rows.to_pylist())
    for one in STATEMENTS:
        assert set(one.experiments) <= set(study.experiments)
        assert "{" not in one.happens(rows), one.says


def test_words_are_those_of_the_rows() -> None:
    def row(distance: float) -> dict[str, object]:
        case = '{"law":"gaussian_superposition"}'
        return {
            "experiment": "laws_stated",
            "metric": "apart",
            "case": case,
            "status": "ok",
            "replicate": 0,
            "value": distance,
        }

    sentence = words("it {law}", law=law("gaussian_superposition"))
    assert sentence(Found([row(0.0)])) == "it holds, to 1e-12 in float64"
    assert sentence(Found([row(0.25)])) == "it does not hold: the sides differ by 0.25 times"
    with pytest.raises(NothingSelectedError):
        sentence(Found([]))
