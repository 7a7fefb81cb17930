"""Momentum and Adam: torch's are the forms with the power and the rate outside; the slides' Adam is neither."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from repro.errors import UsageError
from studies.dagnets.measured import moments
from studies.dagnets.measured.moments import adam, adam_figures, momentum, torch_momentum, valley_figures

RATES = st.floats(0.001, 0.2)


@given(RATES, st.floats(-3, 3))
def test_torch_adam_is_the_form_with_the_power(rate: float, start: float) -> None:
    ours, torchs = (adam(form, torch.sin, [start, 1.0], rate, 20) for form in ("corrected", "torch"))
    assert torch.allclose(torch.tensor(ours), torch.tensor(torchs), rtol=1e-9, atol=1e-12)


@given(RATES, st.floats(0, 0.95))
def test_torch_momentum_is_the_slides(rate: float, gamma: float) -> None:
    ours, torchs = (one(torch.sin, [1.0, -2.0], rate, gamma, 20) for one in (momentum, torch_momentum))
    assert torch.allclose(torch.tensor(ours), torch.tensor(torchs), rtol=1e-9, atol=1e-12)


def test_without_momentum_it_is_plain_descent() -> None:
    path = momentum(lambda w: 2 * w, [1.0], 0.1, 0.0, 3)
    assert [point[0] for point in path] == pytest.approx([1, 0.8, 0.64, 0.512])


def test_the_slides_adam_differs_from_the_second_step_on() -> None:
    slide, right = adam_figures("slide"), adam_figures("torch")
    assert right == adam_figures("corrected")
    assert slide["w_1"] == right["w_1"]
    assert all(slide[name] != right[name] for name in ("w_2", "w_5", "w_50"))
    assert (slide["w_50"], right["w_50"]) == (-7.78778, -4.0)


def test_adam_without_its_power_moves_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the row "corrected", which a golden holds exactly, becomes the slides'."""
    source = moments.adam
    monkeypatch.setattr(moments, "adam", lambda _form, *rest: source("slide", *rest))
    assert adam_figures("corrected") != {"w_1": 0.9, "w_2": 0.8, "w_5": 0.5, "w_50": -4.0}


@pytest.mark.parametrize("gamma", [-0.1, 1.0])
def test_momentum_that_never_settles_is_refused(gamma: float) -> None:
    with pytest.raises(UsageError, match=r"gamma in \[0, 1\)"):
        momentum(torch.sin, [1.0], 0.1, gamma, 1)


def test_momentum_damps_in_a_narrow_valley_and_not_in_a_wider_one() -> None:
    """Across, plain descent multiplies by 1 - eta * curvature, momentum in the long run by the root of gamma."""
    ways = {(rule, steep): valley_figures(rule, steep)["way_across"] for rule in moments.RULES for steep in (30, 38)}
    assert ways["momentum", 38] < 0.3 * ways["sgd", 38]
    assert ways["momentum", 30] == pytest.approx(ways["sgd", 30], rel=0.01)
