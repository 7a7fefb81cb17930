"""A name that is not known is refused with those that are."""

import pytest

from repro.errors import UsageError
from studies.common.choosing import check_known


def test_an_unknown_name_is_one_line_with_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        check_known("a network", "activation", "rleu", {"relu": 1, "tanh": 2})
    assert str(caught.value) == "a network: unknown activation 'rleu'; choose one of relu, tanh"


def test_a_known_name_passes() -> None:
    check_known("a network", "activation", "tanh", iter(["relu", "tanh"]))
