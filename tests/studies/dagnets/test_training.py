"""The training listing: what it is shown and what it reports."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repro.errors import UsageError
from studies.common.images import enlarged
from studies.common.training import Labelled, batches
from studies.dagnets import training
from studies.dagnets.cases import Fit
from studies.dagnets.model.networks import lenet_like
from studies.dagnets.training import fit, moments_of, normalised_by
from tests.studies.dagnets.toys import Toy, run_of


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

        monkeypatch.setattr(training, "train_epoch", train_epoch)
        fit(lenet_like(), run_of(Toy()), Fit(epochs=4, reduced_after=2))
        fit(lenet_like(), run_of(Toy()), Fit(epochs=2))
        assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.1, 0.1])

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=1, batch=30, learning_rate=math.inf))
        assert (found.status, found.detail) == ("nonfinite", "loss not finite at update 2 of epoch 1")

    @pytest.mark.parametrize("part", ["train", "test"])
    def test_an_evaluation_that_is_not_finite_ends_the_run(self, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
        followed = training.followed
        monkeypatch.setattr(training, "followed", lambda *given: followed(*given) | {f"{part}_loss": math.nan})
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
        monkeypatch.setattr(training, "moments_of", lambda _: (0.0, 1.0))
        found = fit(lenet_like(), run_of(Toy()), Fit(epochs=2, batch=10))
        assert found.status == "nonfinite" or found.values["log10_train_loss"] > 0.3

    def test_wrong_labels_are_seen(self) -> None:
        """Planted: three labels of 60 are wrong; the network has to learn them by heart."""
        plan, toy = Fit(epochs=15, batch=10, learning_rate=0.05), Toy()
        right = fit(lenet_like(), run_of(toy), plan).values["log10_train_loss"]
        toy.arrays["train_labels"][:3] = toy.arrays["train_labels"][3:6]
        assert fit(lenet_like(), run_of(toy), plan).values["log10_train_loss"] > right + 0.3
