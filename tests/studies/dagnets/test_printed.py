"""What is printed against what comes out: the comparison itself, and every item."""

from __future__ import annotations

import inspect
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from studies.dagnets.measured.printed import autograd
from studies.dagnets.measured.printed.comparison import TOPICS, agreement, compared, recomputed, written_like
from studies.dagnets.published.items import PUBLISHED, Published, published_named

DIFFERING = {  # what the slides print and torch does not, or arithmetic does not
    "first_derivative_name": "MulBackward0",
    "target_error": "no error",
    "dense_memory": "155Gb",
    "score_format": "12.260000",
    "googlenet_ratio": "9 times",
    "block": "74k",
    "flops": "3.7e+09",
}


class TestComparison:
    """A number agrees within half a unit of its last printed digit; whole numbers without a unit agree exactly."""

    @pytest.mark.parametrize(
        ("published", "right", "wrong"),
        [
            ("2.5141", 2.51409, 2.51416),
            ("-0.0500", -0.05004, -0.05006),
            ("3.87e+10", 3.8654705664e10, 3.859e10),
            ("2.0612e-09", 2.06115e-9, 2.06126e-9),
            ("1e-8", 1.4e-8, 1.6e-8),
            ("73k", 73_400, 73_856),
            ("1.2m", 1_180_160, 1_149_999),
            ("150Gb", 150.4e9, 154.6e9),
            ("12 times", 11.6, 9.2),
            ("1,333,200", 1_333_200, 1_333_201),
            ("2.", 2, 2.0001),
            ("0", 0, 0.4),
        ],
    )
    def test_half_a_unit_decides(self, published: str, right: float, wrong: float) -> None:
        assert compared(published, float(right)).equal
        assert not compared(published, float(wrong)).equal

    def test_texts_are_compared_as_they_stand_or_as_beginnings(self) -> None:
        assert compared("torch.Size([4])", "torch.Size([4])").equal
        assert not compared("torch.Size([4])", "torch.Size([4, 1])").equal
        assert compared("RuntimeError: one…", "RuntimeError: one of them").equal
        assert not compared("RuntimeError: one…", "ValueError: one of them").equal
        assert compared("-0.000000", "-0.000000").equal
        assert not compared("-0.000000", "0.000000").equal

    @given(st.floats(-1e6, 1e6, allow_nan=False), st.integers(1, 6))
    def test_a_number_agrees_with_its_own_print(self, value: float, decimals: int) -> None:
        assert compared(f"{value:.{decimals}f}", value).equal
        assert not compared(f"{value:.{decimals}f}", value + 1.01 * 10**-decimals).equal

    def test_computed_numbers_are_written_like_the_printed_ones(self) -> None:
        pairs = [("832", 51264.0, "51,264"), ("2.", 9.0, "9."), ("73k", 73_856.0, "74k"), ("1e-8", 1e-8, "1e-08")]
        pairs += [("2.5141", 2.0, "2.0000"), ("7", 7.5, "7.5")]
        assert [written_like(text, value) for text, value, _ in pairs] == [wanted for *_, wanted in pairs]

    def test_what_is_no_number_is_refused(self) -> None:
        with pytest.raises(UsageError, match="wanted digits"):
            compared("about 3", 3.0)

    def test_a_part_that_only_one_side_has_never_agrees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        item = published_named("autograd", "one_element_tuple")
        assert [part.equal for part in recomputed(replace(item, parts=("1", "2")))] == [True, False]
        monkeypatch.setattr(autograd, "one_element_tuple", lambda: [1.0, 2.0])
        assert agreement(item) == {"parts": 2.0, "equal": 1.0}


@pytest.mark.parametrize("item", PUBLISHED, ids=lambda item: f"{item.topic}-{item.name}")
def test_every_item_comes_out_as_printed_or_as_known(item: Published) -> None:
    differing = [part.computed for part in recomputed(item) if not part.equal]
    assert (differing[:1] or None) == ([DIFFERING[item.name]] if item.name in DIFFERING else None)
    assert item.note or not differing


def test_items_and_functions_match() -> None:
    """A function of a topic's module that no item names would be a value that nobody compares."""
    for topic, module in TOPICS.items():
        items = {item.name for item in PUBLISHED if item.topic == topic}
        public = {
            name
            for name, value in vars(module).items()
            if inspect.isfunction(value)
            and value.__module__ == module.__name__
            and not inspect.signature(value).parameters
        }
        assert items <= public
        assert {name for name in public - items if not name.startswith("_")} <= {"table"}
    assert len({(item.topic, item.name) for item in PUBLISHED}) == len(PUBLISHED)


def test_an_altered_print_is_found() -> None:
    item = published_named("losses", "softmax")
    assert agreement(item) == {"parts": 12.0, "equal": 12.0}
    altered = replace(item, parts=("2.0613e-09", *item.parts[1:]))
    assert agreement(altered) == {"parts": 12.0, "equal": 11.0}


def test_an_unknown_item_is_named() -> None:
    with pytest.raises(UsageError, match=r"no 'sofmax' in topic 'losses'; choose one of one_hot"):
        published_named("losses", "sofmax")


def test_other_errors_than_those_of_torch_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        autograd.raised(lambda: 1 / 0)
