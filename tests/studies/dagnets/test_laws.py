"""The laws hold, and each way to break one is seen."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from studies.common.drawn import distance, drawn
from studies.dagnets.cases import LAWS
from studies.dagnets.measured import confidence, laws, moments
from studies.dagnets.measured.laws import COMPUTED, law_figures


def test_the_declared_laws_are_those_computed() -> None:
    assert set(LAWS) == set(COMPUTED)
    assert len(LAWS) == len(set(LAWS))


@pytest.mark.parametrize("law", LAWS)
def test_a_law_holds(law: str) -> None:
    assert law_figures(law) == {"apart": 0.0}


@pytest.mark.parametrize("law", LAWS)
def test_a_law_that_is_broken_a_little_is_seen(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, wanted = COMPUTED[law]()
    monkeypatch.setitem(COMPUTED, law, lambda: (found + 1e-9 * wanted.abs().max(), wanted))
    assert law_figures(law)["apart"] == pytest.approx(1e-9, rel=1e-3)


def test_planted_mistakes_move_laws(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = moments.momentum
    monkeypatch.setattr(
        moments, "momentum", lambda gradient, start, rate, _gamma, steps: plain(gradient, start, rate, 0, steps)
    )
    assert law_figures("momentum_of_torch")["apart"] > 0.01
    assert law_figures("momentum_along_a_constant_slope")["apart"] > 0.01
    monkeypatch.setattr(F, "max_pool1d", lambda x, size: x[..., ::size])
    assert law_figures("pooling_of_permuted_cells")["apart"] > 0.01


@given(st.integers(1, 6), st.integers(1, 12), st.integers(1, 3), st.integers(1, 3))
def test_convolution_and_pooling_have_the_stated_sizes(kernel: int, side: int, stride: int, dilation: int) -> None:
    """Sections 4.4 and 4.5: (W - w + 1), with w = 1 + (k - 1) d; floor(W / k) for pooling."""
    reach = 1 + (kernel - 1) * dilation
    if reach <= side:
        found = F.conv1d(torch.zeros(1, 1, side), torch.zeros(1, 1, kernel), stride=stride, dilation=dilation)
        assert found.shape[-1] == (side - reach) // stride + 1
    if kernel <= side:
        assert F.max_pool1d(torch.zeros(1, 1, side), kernel).shape[-1] == side // kernel


class TestDrawn:
    def test_a_name_has_its_own_numbers_every_time(self) -> None:
        assert torch.equal(drawn("a", 5), drawn("a", 5))
        assert not torch.equal(drawn("a", 5), drawn("b", 5))
        assert drawn("a", 1000).abs().max() <= 1

    def test_distance_is_relative_and_nothing_below_rounding(self) -> None:
        one = torch.tensor([1000.0, 2.0], dtype=torch.float64)
        assert distance(one + 10, one) == 0.01
        assert distance(one * (1 + 1e-14), one) == 0


class TestConfidence:
    def test_squared_error_punishes_what_is_too_right(self) -> None:
        square, entropy = (confidence.confidence_figures(loss) for loss in ("mean_square", "cross_entropy"))
        assert square["lowest_at"] == 1
        assert square["loss_at_10"] > square["loss_at_1"]
        assert entropy["lowest_at"] == 10
        assert entropy["loss_at_10"] < entropy["loss_at_1"]

    @given(st.floats(-20, 20), st.floats(-20, 20))
    def test_losses_are_those_of_torch(self, right: float, other: float) -> None:
        scores = torch.tensor([[right, other]], dtype=torch.float64)
        wanted = F.cross_entropy(scores, torch.tensor([0])).item()
        assert confidence.loss_of("cross_entropy", right, other) == pytest.approx(wanted, abs=1e-9)
        square = F.mse_loss(scores, torch.tensor([[1.0, 0.0]], dtype=torch.float64)).item()
        assert confidence.loss_of("mean_square", right, other) == pytest.approx(square, abs=1e-9)


def test_the_walk_meets_each_node_once() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * x
    assert sorted(laws._nodes((y + y).sum().grad_fn)) == [
        "AccumulateGrad",
        "AddBackward0",
        "MulBackward0",
        "SumBackward0",
    ]
