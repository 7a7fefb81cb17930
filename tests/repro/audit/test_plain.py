"""What is kept comes back as it was, or is not kept."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from repro.audit import made_of, plain
from repro.audit.claims import Claim
from repro.audit.verdicts import Judgement

SAID = Judgement("inconclusive", "so", n=3, p=0.1 + 0.2, ours=(1.0, 0.5, 1.5))


@pytest.mark.parametrize("value", [SAID, [1, 2.5, "a", None, True], {"a": (1, ["b"])}, Decimal("1.10"), float("inf")])
def test_a_value_comes_back(value: Any) -> None:
    found = plain.again(json.loads(json.dumps(plain.written(value))))
    assert (found, type(found)) == (value, type(value))


def test_what_a_table_is_read_by_comes_back() -> None:
    claim = Claim("toy", "it", "table 1", "mean-and-deviation", "S.", ("2.0 ± 1.0",), 7, judge="made_of", compute="a.b")
    said = made_of.decide_made_of(claim, [1.0, 2.0, 3.0])
    assert isinstance(said.basis, made_of.Entry)
    assert plain.again(plain.written(said)) == said


@pytest.mark.parametrize("value", [None, object(), {1}, float("nan"), Judgement("inconclusive", "so", basis={1, 2})])
def test_a_value_that_would_not_is_not_written(value: Any) -> None:
    assert plain.written(value) is None


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen"])
def test_a_class_of_others_is_never_made(name: str) -> None:
    with pytest.raises(ValueError, match="none of the harness's classes"):
        plain.again({plain.NAME: name, "of": {}})
