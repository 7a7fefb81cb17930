"""Between two outcomes: which runs changed, and what was not the same then."""

from __future__ import annotations

import pytest

from repro.golden.outcomes import Dated
from repro.golden.steps import Step, steps
from tests.repro.support.repeats import dated, run

BEFORE = dated("2026-01-05T06:00:00Z", run("a"), run("b"))
WHEN = "2026-01-12T06:00:00Z"
TORCH = {"packages.torch": ("2.1",)}
FILE = {"studies/some/model.py": "f2"}


def only(*outcomes: Dated) -> Step:
    (found,) = steps(outcomes)
    return found


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (dated(WHEN, run("a"), run("b")), ""),
        (dated(WHEN, run("a", bits="2"), run("b")), "1 of 2 runs by nothing that is recorded"),
        (dated(WHEN, run("a", bits="2"), run("b"), facts=TORCH), "1 of 2 runs by packages.torch 2.0 -> 2.1"),
        (dated(WHEN, run("a", bits="2"), run("b"), facts={"threads": ("2",)}), "1 of 2 runs by threads 1 -> 2"),
        (dated(WHEN, run("a"), run("b"), facts=TORCH), "no bit changed, though packages.torch 2.0 -> 2.1"),
        (
            dated(WHEN, run("a", bits="2", code="n"), run("b"), files=FILE),
            "1 of 2 runs by code of some/smoke/a: studies/some/model.py f1 -> f2",
        ),
        (
            dated(WHEN, run("a", bits="2", data="n"), run("b", bits="2", data="n")),
            "2 of 2 runs by data of some/smoke/a, some/smoke/b: d -> n",
        ),
        (dated(WHEN, run("a", bits="2", settings="n")), "1 of 1 runs by settings of some/smoke/a: s -> n"),
        (
            dated(WHEN, run("a", bits="2", code="n"), run("b", code="n"), facts=TORCH, files=FILE),
            "1 of 2 runs by one or more of: packages.torch 2.0 -> 2.1; "
            "code of some/smoke/a: studies/some/model.py f1 -> f2",
        ),
        (dated(WHEN, run("a"), run("b", code="n")), "no bit changed, though code of some/smoke/b: fingerprint c -> n"),
    ],
)
def test_what_changed_is_named_by_what_differs(after: Dated, text: str) -> None:
    assert only(BEFORE, after).text == text


def test_what_moves_no_number_by_itself_is_no_cause() -> None:
    facts = {"lock.sha256": ("cd",), "packages.repro": ("0.2.0",), "engine": ("podman",)}
    step = only(BEFORE, dated(WHEN, run("a", bits="2"), facts=facts))
    assert step.causes == ()
    assert [one.of for one in step.unexplained] == ["some/smoke/a"]


def test_a_run_is_unexplained_by_what_another_run_alone_has() -> None:
    step = only(BEFORE, dated(WHEN, run("a", bits="2", code="n"), run("b", bits="2")))
    assert [one.of for one in step.unexplained] == ["some/smoke/b"]
    assert only(BEFORE, dated(WHEN, run("a", bits="2"), facts=TORCH)).unexplained == ()


def test_each_run_is_held_to_the_last_time_that_has_it() -> None:
    middle = dated("2026-01-06T06:00:00Z", run("a"), facts=TORCH)
    last = dated(WHEN, run("a", bits="2"), run("b", bits="2"), facts=TORCH)
    found = steps([BEFORE, middle, last])
    assert [(one.number, one.before[8:10], one.text) for one in found] == [
        (1, "05", "no bit changed, though packages.torch 2.0 -> 2.1"),
        (2, "05", "1 of 1 runs by packages.torch 2.0 -> 2.1"),
        (2, "06", "1 of 1 runs by nothing that is recorded"),
    ]


def test_outcomes_without_a_run_in_common_have_no_step() -> None:
    assert steps([BEFORE, dated(WHEN, run("c"))]) == []
    assert steps([BEFORE]) == []
