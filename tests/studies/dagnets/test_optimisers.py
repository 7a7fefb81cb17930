"""Laws of torch's optimisers, trainings on drawn vectors, and where the timing listing puts its results."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from repro.errors import UsageError
from studies.dagnets import study
from studies.dagnets.cases.libraries import OPTIMISER_LAWS
from studies.dagnets.measured import devices, moments, optimisers, updates
from studies.dagnets.measured.optimisers import by_constructor, descent_figures, group_figures, law_figures, vectors


def test_the_declared_laws_are_those_computed() -> None:
    assert set(OPTIMISER_LAWS) == set(optimisers.COMPUTED)


@pytest.mark.parametrize("law", OPTIMISER_LAWS)
def test_a_law_holds(law: str) -> None:
    assert law_figures(law)["apart"] == (8.36e-9 if law == "adam_by_coordinate" else 0)


def with_momentum(slope: Any, start: Any, rate: float, _gamma: float, steps: int) -> list[list[float]]:
    """Return the path of a momentum that is not the one asked for."""
    return moments.momentum(slope, start, rate, 0.5, steps)


@pytest.mark.parametrize(
    ("law", "place", "attribute", "planted"),
    [
        ("descent_by_hand", updates, "step_by_hand", lambda _: None),
        ("momentum_of_nothing", moments, "torch_momentum", with_momentum),
        ("adam_with_its_power", moments, "BETA_2", 0.99),
        ("adam_with_its_power", moments, "EPSILON", 1e-3),
    ],
)
def test_a_planted_mistake_breaks_a_law(
    law: str, place: Any, attribute: str, planted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, attribute, planted)
    assert law_figures(law)["apart"] > 1e-4


def test_adam_that_is_not_by_coordinate_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: one scale for both coordinates, the largest slope's."""
    adam = moments.adam

    def together(form: Any, gradient: Any, *given: Any) -> list[list[float]]:
        return adam(form, lambda w: gradient(w).max() * torch.ones_like(w), *given)

    monkeypatch.setattr(moments, "adam", together)
    assert law_figures("adam_by_coordinate")["apart"] > 1e-2


def test_each_group_has_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [group_figures(rate)["moved"] for rate in optimisers.RATES] == [-0.25, -0.5]
    with pytest.raises(UsageError, match=r"wanted one of the rates 0\.25, 0\.5, got 1"):
        group_figures(1)
    sgd = torch.optim.SGD
    monkeypatch.setattr(torch.optim, "SGD", lambda groups, lr: sgd([one["params"][0] for one in groups], lr))
    assert [group_figures(rate)["moved"] for rate in optimisers.RATES] == [-0.25, -0.25]


class TestDescents:
    @pytest.mark.parametrize(
        ("listing", "count"), [("full_batch", 3), ("update_outside", 3), ("optim", 9), ("adam", 9)]
    )
    def test_the_loss_falls(self, listing: str, count: int) -> None:
        found = descent_figures(listing)
        assert found["updates"] == count
        assert found["loss_after"] < found["loss_before"] == 2.44581

    def test_the_constructor_of_sgd_is_the_listing(self) -> None:
        x, labels = vectors(optimisers.SAMPLES)
        (one, count), (other, wanted) = by_constructor(torch.optim.SGD, x, labels), updates.trained("optim", x, labels)
        assert count == wanted
        assert torch.equal(updates.flat_values(one), updates.flat_values(other))

    def test_an_optimiser_that_does_not_step_leaves_the_loss(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.optim.Adam, "step", lambda _: None)
        found = descent_figures("adam")
        assert found["loss_after"] == found["loss_before"]

    def test_every_declared_listing_is_another_training(self) -> None:
        cases = study.experiments["drawn_descents"].cases
        assert len({descent_figures(case.listing)["loss_after"] for case in cases}) == len(cases) == 4


class TestDevices:
    def test_the_loop_allocates_on_the_cpu(self) -> None:
        found = {
            case.branch: devices.branch_figures(case.branch) for case in study.experiments["timing_branches"].cases
        }
        assert found == {"batch": {"beside_input": 1, "on_cpu": 0}, "loop": {"beside_input": 0, "on_cpu": 1}}

    def test_a_loop_that_allocates_beside_its_input_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(devices.BRANCHES, "loop", lambda x, w: x.new_empty(x.size(0), w.size(0)))
        assert devices.branch_figures("loop") == {"beside_input": 1, "on_cpu": 0}
