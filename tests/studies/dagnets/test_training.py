"""The training listing, what it is shown and what it reports; the update listings; the data of the figures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repro.errors import UsageError
from repro.study import Run
from studies.common.datasets import DIGITS
from studies.common.images import enlarged
from studies.common.training import Labelled, batches
from studies.dagnets import filters, speed, train, updates
from studies.dagnets.cases import Fit
from studies.dagnets.networks import lenet_like
from studies.dagnets.train import fit, moments_of, normalised_by


class Toy:
    """Stands for a data set: noise with labels that the place of a bright square tells."""

    name, peak = "toy", 255

    def __init__(self, train: int = 60, test: int = 20) -> None:
        draw = np.random.default_rng(0)
        self.arrays: dict[str, Any] = {}
        for part, count in (("train", train), ("test", test)):
            labels = np.arange(count) % 10
            images = draw.integers(0, 60, (count, 28, 28))
            for image, label in zip(images, labels, strict=True):
                image[5 * (label // 5) + 6 : 5 * (label // 5) + 10, 5 * (label % 5) + 1 : 5 * (label % 5) + 5] = 255
            self.arrays[f"{part}_images"], self.arrays[f"{part}_labels"] = (
                images.astype(np.uint8),
                labels.astype(np.uint8),
            )

    def load(self) -> dict[str, Any]:
        return self.arrays


def run_of(data: Any, seed: int = 1) -> Run:
    return Run("dagnets", "e", "smoke", "{}", 0, seed, None, data)


class TestInputs:
    def test_they_are_those_of_the_listing(self) -> None:
        """One mean and one deviation of all training pixels, as floats."""
        images = torch.tensor(Toy().arrays["train_images"])
        x = images.view(-1, 1, 28, 28).float()
        assert torch.allclose(normalised_by(images)(images), (x - x.mean()) / x.std(), atol=1e-5)
        assert moments_of(images) == pytest.approx((float(x.double().mean()), float(x.double().std())))

    def test_batches_come_in_order_and_the_last_is_partial(self) -> None:
        images = torch.arange(25, dtype=torch.uint8).view(25, 1, 1)
        data = Labelled(images, torch.arange(25))
        found = list(batches(data, lambda one: one, torch.arange(25), 10))
        assert [len(labels) for _, labels in found] == [10, 10, 5]
        assert torch.equal(torch.cat([labels for _, labels in found]), torch.arange(25))
        turned = torch.cat([labels for _, labels in batches(data, lambda one: one, torch.arange(24, -1, -1), 10)])
        assert torch.equal(turned, torch.arange(24, -1, -1))

    def test_digits_are_enlarged_to_the_range_of_a_byte_and_mnist_is_left_alone(self) -> None:
        small = torch.tensor([[[0, 16], [16, 16]]], dtype=torch.uint8)
        large = enlarged(small, 16, 28)
        assert large.shape == (1, 28, 28)
        assert large.dtype == torch.uint8
        assert (int(large[0, 0, 0]), int(large[0, -1, -1])) == (0, 255)
        same = torch.zeros(2, 28, 28, dtype=torch.uint8)
        assert enlarged(same, 255, 28) is same


class TestFit:
    def test_it_learns_and_reports_the_last_epoch(self) -> None:
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=12, batch=10, learning_rate=0.05))
        assert found.status == "ok"
        assert (found.n_test, found.epochs) == (20, 12)
        assert found.values["train_loss"] < 0.5 < found.curves["train_loss"][0]
        assert found.values["error"] == found.curves["error"][-1]
        assert found.values["log10_loss"] == pytest.approx(math.log10(found.values["loss"]))
        assert found.values["best_loss_epoch"] == 1 + int(np.argmin(found.curves["loss"]))
        assert found.values["test_log10_median"] <= found.values["test_log10_p90"]

    def test_seed_decides_and_so_does_the_order(self) -> None:
        plan = Fit(epochs=1, batch=10)
        one, again, other = (fit(lenet_like(), run_of(Toy(), seed), plan).values for seed in (1, 1, 2))
        assert one == again
        assert one != other
        assert one != fit(lenet_like(), run_of(Toy()), Fit(epochs=1, batch=10, shuffled=True)).values

    def test_the_rate_falls_after_the_given_epoch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rates: list[float] = []

        def train_epoch(_: nn.Module, optimiser: torch.optim.Optimizer, __: Any) -> tuple[None, float]:
            rates.append(optimiser.param_groups[0]["lr"])
            return None, 1.0

        monkeypatch.setattr(train, "train_epoch", train_epoch)
        fit(lenet_like(), run_of(Toy()), Fit(epochs=4, reduced_after=2))
        fit(lenet_like(), run_of(Toy()), Fit(epochs=2))
        assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.1, 0.1])

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=1, batch=30, learning_rate=math.inf))
        assert (found.status, found.detail) == ("nonfinite", "loss not finite at update 2 of epoch 1")

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_an_evaluation_that_is_not_finite_ends_the_run(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        followed = train.followed
        monkeypatch.setattr(train, "followed", lambda *given: followed(*given) | {f"{part}_loss": math.nan})
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=2, batch=30))
        assert (found.status, found.values) == ("nonfinite", {})
        assert found.detail == f"{part} loss not finite after epoch 1"

    def test_nothing_to_do_is_refused(self) -> None:
        with pytest.raises(UsageError, match="an epoch and an image a batch or more, got Fit"):
            fit(lenet_like(), run_of(Toy()), Fit(epochs=0))
        with pytest.raises(UsageError, match=r"or more, got Fit\(epochs=1, batch=0,"):
            fit(lenet_like(), run_of(Toy()), Fit(epochs=1, batch=0))

    def test_normalisation_left_out_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted: raw grey levels at this rate leave the real numbers or learn nothing."""
        monkeypatch.setattr(train, "moments_of", lambda _: (0.0, 1.0))
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=2, batch=10))
        assert found.status == "nonfinite" or found.values["log10_train_loss"] > 0.3

    def test_wrong_labels_are_seen(self) -> None:
        """Planted: three labels of 60 are wrong; the network has to learn them by heart."""
        plan, toy = Fit(epochs=15, batch=10, learning_rate=0.05), Toy()
        right = fit(lenet_like(), run_of(toy), plan).values["log10_train_loss"]
        toy.arrays["train_labels"][:3] = toy.arrays["train_labels"][3:6]
        assert fit(lenet_like(), run_of(toy), plan).values["log10_train_loss"] > right + 0.3


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
    assert train.size_figures(run_of(Toy())) == {
        "train_images": 60, "test_images": 20, "channels": 1, "height": 28, "width": 28, "classes": 10,
    }  # fmt: skip
