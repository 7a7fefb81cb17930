"""Back-propagation by hand against autograd: the transposed form is right, the printed one is not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from studies.dagnets.measured import detached
from studies.dagnets.measured.dag import NAMES, backward_figures, by_autograd, by_hand, forward


@given(st.integers(0, 2**32))
def test_the_transposed_form_is_the_gradient(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((5, 5), (5, 5), (5,))
    nodes = forward(*(torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes))
    right, hand = by_autograd(nodes), by_hand(nodes, "transposed")
    assert all(torch.allclose(hand[name], right[name], rtol=1e-9, atol=1e-12) for name in NAMES)


def test_the_literal_form_is_wrong_everywhere() -> None:
    assert backward_figures("transposed") == dict.fromkeys(NAMES, 0.0)
    assert min(backward_figures("literal").values()) > 0.5


def test_a_weight_used_twice_has_two_terms() -> None:
    figures = backward_figures("one_term")
    assert {name for name, apart in figures.items() if apart} == {"w1"}


def test_a_forgotten_path_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: x0 reaches x2 on its own too."""
    monkeypatch.setattr(torch, "eye", lambda *size, **kind: torch.zeros(*size, *size, **kind))
    figures = backward_figures("transposed")
    assert {name for name, apart in figures.items() if apart} == {"x0"}


class TestDetachedPair:
    def test_the_step_size_decides_what_is_printed(self) -> None:
        coupled, apart = (detached.window_figures(detach=detach) for detach in (False, True))
        assert coupled == {"lowest": 0.022, "unbroken_to": 0.312, "highest": 0.312, "count": 291}
        assert apart["lowest"] == 0.065

    def test_beyond_it_only_the_sign_of_zero_differs(self) -> None:
        rates = torch.tensor([rate for rate in detached.RATES if rate > 0.278])
        a, b = detached.descend(rates, detach=True)
        assert {f"{value:.6f}" for value in a.tolist()} == {"1.000000"}
        assert {f"{value:.6f}" for value in b.tolist()} <= {"0.000000", "-0.000000"}

    def test_without_detaching_large_steps_diverge(self) -> None:
        assert detached.pair_figures(0.34, detach=False)["a"] > 1

    def test_a_single_step_size_ends_where_it_ends_among_others(self) -> None:
        many = detached.descend(torch.tensor(detached.RATES), detach=True)
        one = detached.descend(torch.tensor(detached.RATES[99:100]), detach=True)
        assert [value[99] for value in many] == [value[0] for value in one]

    def test_detaching_by_mistake_is_found(self) -> None:
        a, _ = detached.descend(torch.tensor([0.1]), detach=True)
        assert f"{a.item():.6f}" != detached.PRINTED[False][0]
