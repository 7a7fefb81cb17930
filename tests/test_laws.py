"""The table of accusations by the law of the runs: what it is made of, and that the page has it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.error_rates import laws
from tests.sources import PROJECT


def test_the_page_of_statistics_has_a_row_for_each_law() -> None:
    text = (PROJECT / "docs/statistics.md").read_text()
    named = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert [name for name in named if name in laws.LAWS] == [*laws.LAWS]


def test_laws_have_one_mean_and_one_deviation() -> None:
    for law in laws.LAWS.values():
        values = law(np.random.default_rng(1), 200_000)
        assert (values.mean(), values.std()) == pytest.approx((0.0, 1.0), abs=0.02)


def test_true_claims_are_accused_more_often_where_runs_are_skewed() -> None:
    found = {name: laws.shares(laws.LAWS[name], 60) for name in ("normal", "exponential")}
    assert found["normal"][2] < 0.2 < found["exponential"][2]
    assert found["normal"] == laws.shares(laws.LAWS["normal"], 60)
    assert found["normal"] != laws.shares(laws.LAWS["normal"], 60, seed=1)
