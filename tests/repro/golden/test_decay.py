"""Which blessed runs are made again: faithful ones first, then the cheapest, as many as fit into a study's part."""

from __future__ import annotations

import pytest

from repro.errors import InfrastructureError
from repro.golden.decay import Evidence, chosen


def evidence(study: str, experiment: str, seconds: float, *, faithful: bool = False, rank: int = 0) -> Evidence:
    return Evidence(study, "paper" if faithful else "smoke", (experiment, f"{rank}", 0), seconds, faithful, rank)


CHEAP = evidence("one", "cheap", 1.0)
DEARER = evidence("one", "cheap", 2.0, rank=1)
LONG = evidence("one", "long", 8.0)
FAITHFUL = evidence("one", "true", 9.0, faithful=True)
OTHER = evidence("two", "other", 10.0)
ALL = [LONG, DEARER, OTHER, CHEAP, FAITHFUL]


@pytest.mark.parametrize(
    ("budget", "cases", "fresh", "expected"),
    [
        (1000, 1, 0, [FAITHFUL, CHEAP, LONG, OTHER]),
        (1000, 2, 0, [FAITHFUL, CHEAP, LONG, OTHER, DEARER]),
        (40, 2, 0, [FAITHFUL, CHEAP, OTHER]),
        (36, 2, 0, [FAITHFUL]),
        (35, 2, 0, [CHEAP, DEARER]),
        (40, 2, 1, [CHEAP, DEARER]),
        (36, 2, 8, [CHEAP]),
    ],
)
def test_faithful_runs_come_first_and_each_study_has_its_part(
    budget: float, cases: int, fresh: int, expected: list[Evidence]
) -> None:
    taken = chosen(ALL, cases=cases, fresh=fresh, budget_s=budget)
    assert sorted(taken, key=ALL.index) == sorted(expected, key=ALL.index)
    assert taken == sorted(taken, key=lambda one: not one.faithful)


def test_a_budget_without_room_names_one_that_has_some() -> None:
    with pytest.raises(InfrastructureError, match="give 4 s or more"):
        chosen(ALL, cases=1, fresh=0, budget_s=3.9)
    assert chosen(ALL, cases=1, fresh=0, budget_s=4.0) == [CHEAP]
