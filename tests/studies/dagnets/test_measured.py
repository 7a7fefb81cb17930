"""What the update listings, the kernels, the comparisons of speed and the data come to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from repro.errors import UsageError
from studies.common.datasets import DIGITS
from studies.dagnets.measured import filters, shown, speed, updates
from tests.studies.dagnets.toys import Toy, run_of


class TestUpdates:
    def test_the_manual_listing_is_torchs_sgd(self) -> None:
        found = {name: updates.listing_figures(name, run_of(DIGITS)) for name in ("manual", "optim", "update_outside")}
        assert found["manual"]["from_optim"] == 0
        assert found["manual"]["loss"] == found["optim"]["loss"]
        assert found["update_outside"]["updates"] == updates.EPOCHS
        assert found["update_outside"]["loss"] > found["optim"]["loss"] + 0.1

    def test_a_rate_that_is_a_little_off_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def step(network: nn.Module) -> None:
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.sub_(1.000001 * updates.RATE * parameter.grad)

        monkeypatch.setattr(updates, "step_by_hand", step)
        assert updates.listing_figures("manual", run_of(DIGITS))["from_optim"] > 0

    @pytest.mark.parametrize(("batch", "ratio"), [(60, 1), (30, 2), (20, 3), (10, 6)])
    def test_accumulated_means_are_too_large_by_the_number_of_batches(self, batch: int, ratio: float) -> None:
        found = updates.accumulation_figures(batch, run_of(DIGITS))
        assert found == {"ratio_mean": ratio, "off_mean": 0, "ratio_sum": 1, "off_sum": 0}

    def test_no_data_is_refused(self) -> None:
        for compute in (lambda run: updates.images(run, 1), lambda run: filters.images(run, 28)):
            with pytest.raises(UsageError, match="names no data"):
                compute(run_of(None))


class TestFilters:
    def test_kernels_do_what_they_are_for(self) -> None:
        image = torch.tensor(Toy().arrays["train_images"][0])
        found = filters.answers(image)
        assert torch.equal(found["identity"], image[1:-1, 1:-1].double())
        assert float(filters.answers(torch.full((5, 5), 7))["laplacian"].abs().max()) == 0
        slope = torch.arange(6).repeat(6, 1)
        assert set(filters.answers(slope)["across"].flatten().tolist()) == {6.0}
        assert set(filters.answers(slope)["down"].flatten().tolist()) == {0.0}

    def test_figures_are_exact_sums(self) -> None:
        found = filters.kernel_figures("box", run_of(DIGITS))
        assert found["kernel_sum"] == 9
        assert found["sum"] == round(found["sum"])

    def test_pooling_changes_less_under_a_shift(self) -> None:
        found = filters.shift_figures(1, run_of(DIGITS))
        assert (found["raw"], found["pooled"]) == (0.194438, 0.160906)


class TestSpeed:
    @pytest.mark.parametrize("what", ["batch", "dense"])
    def test_both_ways_answer_alike_and_the_ratio_lies_in_its_range(self, what: Any) -> None:
        found = speed.speed_figures(what, 20, 3, "cpu")
        assert found["equal"] == 1
        assert found["lowest"] <= found["ratio"] <= found["highest"]

    def test_another_answer_is_seen(self) -> None:
        found = speed.measure(lambda: torch.ones(3), lambda: 1.001 * torch.ones(3), 1, "cpu")
        assert found["equal"] == 0


def test_sizes_of_the_data() -> None:
    assert shown.size_figures(run_of(Toy())) == {
        "train_images": 60, "test_images": 20, "channels": 1, "height": 28, "width": 28, "classes": 10,
    }  # fmt: skip
