"""Rows that no band can be derived from."""

from __future__ import annotations

from typing import Any

import pytest

from repro.errors import CannotCompareError
from tests.repro.support.synthetic import golden_of, invented


@pytest.mark.parametrize("value", [106.4, 0.985, -0.1])
def test_what_is_no_share_of_the_items_is_refused(value: float) -> None:
    """A fraction's band was a hundred times too wide, and 106.39 of 100 items was blessed."""

    def edit(row: dict[str, Any]) -> None:
        if (row["metric"], row["replicate"]) == ("accuracy", 3):
            row["value"] = value

    with pytest.raises(CannotCompareError, match=f'noisy {{"x":0}} accuracy: {value} is no share of 1000 items'):
        golden_of(invented(cases=1), edit=edit)
