"""Training: what is held out, which checkpoint is kept, what is measured of it, when a run stops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repro.errors import IntegrityError, UsageError
from repro.study import Run
from studies.common.training import Labelled, batches, epoch_order, evaluate
from studies.rbf.cases import Choice, Recipe, Training
from studies.rbf.measured import trained
from studies.rbf.measured.trained import first_good, train_network
from studies.rbf.training import fitting
from studies.rbf.training.fitting import build, features_of, fit, held_out, optimiser_of, parts_of, restored

RECIPE = Recipe("momentum", 1e-2)
SETTINGS = Training(epochs=3, choice_epochs=2, batch=16, channels=(4, 4))


class Toy:
    """Stands for a data set: noise with a bright row that tells the label; values to 16."""

    name = "toy"
    peak = 16

    def __init__(self, train: int = 120, test: int = 30) -> None:
        draw = np.random.default_rng(0)
        self.arrays: dict[str, Any] = {}
        for part, count in (("train", train), ("test", test)):
            labels = np.arange(count) % 10
            images = draw.integers(0, 4, (count, 8, 8))
            images[np.arange(count), labels % 8, :] += 8 + labels[:, None] // 8 * 4
            self.arrays[f"{part}_images"] = images.astype(np.uint8)
            self.arrays[f"{part}_labels"] = labels.astype(np.uint8)

    def load(self) -> dict[str, Any]:
        return self.arrays


def run_of(data: Any = None, seed: int = 1, settings: Training = SETTINGS) -> Run:
    return Run("rbf", "e", "smoke", "{}", 0, seed, settings, data or Toy())


class TestParts:
    def test_every_sixth_training_image_is_held_out(self) -> None:
        whole = Labelled(torch.arange(20).reshape(20, 1, 1), torch.arange(20))
        kept, val = held_out(whole)
        assert val.labels_N.tolist() == [0, 6, 12, 18]
        assert kept.labels_N.tolist() == [n for n in range(20) if n % 6]
        assert torch.equal(kept.images.flatten(), kept.labels_N)

    def test_no_image_is_in_two_parts(self) -> None:
        toy = Toy()
        parts = parts_of(run_of(toy))
        assert [len(part) for part in (parts.train, parts.val, parts.test)] == [100, 20, 30]
        seen = torch.cat([parts.train.images, parts.val.images]).flatten(1)
        assert len(seen.unique(dim=0)) == len(np.unique(toy.arrays["train_images"].reshape(120, -1), axis=0))

    def test_pixels_are_divided_by_the_peak(self) -> None:
        parts = parts_of(run_of())
        x_BCHW = parts.inputs(parts.train.images[:5])
        assert x_BCHW.shape == (5, 1, 8, 8)
        assert torch.equal(x_BCHW[:, 0] * 16, parts.train.images[:5].float())

    def test_every_image_comes_once_in_an_order_of_the_epoch(self) -> None:
        parts = parts_of(run_of())
        one, again, two = (
            list(batches(parts.train, parts.inputs, epoch_order(len(parts.train), 0, epoch), 16)) for epoch in (1, 1, 2)
        )
        assert [len(labels) for _, labels in one] == [16] * 6 + [4]
        assert all(torch.equal(a, b) for (a, _), (b, _) in zip(one, again, strict=True))
        assert not torch.equal(one[0][0], two[0][0])
        shown = torch.cat([x for x, _ in one]).sum((1, 2, 3)).sort().values
        assert torch.equal(shown, parts.inputs(parts.train.images).sum((1, 2, 3)).sort().values)


class TestOptimiser:
    @pytest.mark.parametrize(
        ("recipe", "kind", "momentum"),
        [
            (Recipe("sgd", 1e-4), torch.optim.SGD, 0.0),
            (Recipe("momentum", 1e-2), torch.optim.SGD, 0.9),
            (Recipe("adam", 1e-3), torch.optim.Adam, None),
        ],
    )
    def test_it_is_the_one_named(self, recipe: Recipe, kind: type, momentum: float | None) -> None:
        group = optimiser_of(build(run_of(), Choice(), parts_of(run_of())), recipe).param_groups[0]
        assert (group["lr"], group.get("momentum")) == (recipe.rate, momentum)

    def test_an_unknown_one_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"unknown optimiser 'lbfgs'; choose one of sgd, momentum, adam"):
            optimiser_of(nn.Linear(1, 1), Recipe("lbfgs", 1))  # type: ignore[arg-type]


class TestStart:
    def test_centres_can_lie_on_training_images(self) -> None:
        run = run_of(Toy(train=180))
        parts = parts_of(run)
        network = build(run, Choice(start="features"), parts)
        assert len(network.rbf.w_KD.unique(dim=0)) == 100
        assert torch.equal(network.rbf.sigma_K, network.rbf.sigma_K[:1].expand(100))
        fresh = build(run, Choice(), parts)
        assert not torch.equal(network.rbf.w_KD, fresh.rbf.w_KD)
        for name in ("norm1.running_mean", "norm1.running_var", "norm2.num_batches_tracked", "conv1.weight"):
            assert torch.equal(network.state_dict()[name], fresh.state_dict()[name])

    def test_too_few_images_for_the_centres_are_refused(self) -> None:
        run = run_of(Toy(train=60))
        with pytest.raises(UsageError, match=r"wanted points \(100, 2\) for its centres, got \(50, 2\)"):
            build(run, Choice(start="features"), parts_of(run))


class TestCheckpoint:
    def test_the_first_of_the_best_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found = iter([(50.0, 2.0), (30.0, 1.5), (30.0, 1.0), (40.0, 0.5)])
        monkeypatch.setattr(fitting, "evaluate", lambda *_: next(found))
        parts = parts_of(run_of())
        fitted = fit(build(run_of(), Choice(), parts), parts, RECIPE, epochs=4, batch=16, seed=0)
        assert not isinstance(fitted, str)
        assert (fitted.epoch, fitted.error, fitted.loss) == (2, 30.0, 1.5)
        assert fitted.curves["validation_error"] == [50.0, 30.0, 30.0, 40.0]

    def test_it_repeats_its_validation_error_and_loss(self) -> None:
        run = run_of()
        parts = parts_of(run)
        fitted = fit(build(run, Choice(), parts), parts, RECIPE, epochs=3, batch=16, seed=1)
        assert not isinstance(fitted, str)
        network = restored(build(run, Choice(), parts), fitted, parts)
        assert evaluate(network, parts.val, parts.inputs) == (fitted.error, fitted.loss)

    def test_a_state_that_is_not_saved_whole_is_seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def without_statistics(network: nn.Module, target: Any) -> None:
            torch.save(network.state_dict() | {"norm1.running_mean": torch.zeros(4)}, target)

        monkeypatch.setattr(fitting.checkpoints, "save", without_statistics)
        with pytest.raises(IntegrityError, match="something of the network's state is not saved"):
            train_network(run_of(), RECIPE, Choice(), epochs=3)

    def test_it_is_what_is_tested(self, monkeypatch: pytest.MonkeyPatch) -> None:
        outcome = train_network(run_of(), RECIPE, Choice(), epochs=6)
        tested: list[nn.Module] = []
        measured = trained.tested

        def note(network: nn.Module, parts: Any) -> dict[str, float]:
            tested.append(network)
            return measured(network, parts)

        monkeypatch.setattr(trained, "tested", note)
        assert train_network(run_of(), RECIPE, Choice(), epochs=6) == outcome
        short = int(outcome.values["best_epoch"])
        train_network(run_of(), RECIPE, Choice(), epochs=short)
        for one, other in zip(tested[0].parameters(), tested[1].parameters(), strict=True):
            assert torch.equal(one, other)


class TestOutcome:
    def test_it_learns(self) -> None:
        outcome = train_network(run_of(Toy(train=480)), Recipe("adam", 1e-2), Choice(), epochs=20)
        assert outcome.values["error"] < 30
        assert outcome.values["reached_90"] == (min(outcome.curves["validation_error"]) < 10)
        assert outcome.values["neighbour_error"] < 50
        assert outcome.values["log10_loss"] == math.log10(outcome.values["loss"])
        assert 0 < outcome.values["smallest_width"] <= outcome.values["largest_width"]
        assert (outcome.n_test, outcome.epochs) == (30, 20)

    def test_seed_decides(self) -> None:
        one, again, other = (train_network(run_of(seed=seed), RECIPE, Choice(), epochs=2) for seed in (1, 1, 2))
        assert one == again
        assert one.values != other.values

    @pytest.mark.parametrize(
        ("errors", "first"), [([50.0, 9.9, 12.0, 5.0], 2), ([10.0, 10.0], 3), ([1.0], 1), ([90.0] * 4, 5)]
    )
    def test_90_percent_has_to_be_passed(self, errors: list[float], first: int) -> None:
        assert first_good(errors) == first

    def test_the_advised_rate_moves_little(self) -> None:
        """Planted below: were 1e-4 taken for 1e-2, the widths would move."""
        widths = {
            rate: train_network(run_of(), Recipe("sgd", rate), Choice(), epochs=3).values["largest_width"]
            for rate in (1e-4, 1e-1)
        }
        assert abs(widths[1e-4] - 1) < 1e-3 < abs(widths[1e-1] - 1)

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        outcome = train_network(run_of(), Recipe("sgd", math.inf), Choice(), epochs=2)
        assert (outcome.status, outcome.values) == ("nonfinite", {})
        assert outcome.detail == "loss not finite at update 2 of epoch 1"

    def test_statistics_that_are_not_finite_end_the_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (fitting, trained):
            monkeypatch.setattr(module, "evaluate", lambda *_: (0.0, math.nan))
        monkeypatch.setattr(trained, "restored", lambda network, *_: network)
        outcome = train_network(run_of(), RECIPE, Choice(), epochs=2)
        assert outcome.detail == "test loss not finite, epoch 1"

    def test_no_epoch_is_refused(self) -> None:
        with pytest.raises(UsageError, match="at least one epoch and one image a batch, got 0 and 16"):
            train_network(run_of(), RECIPE, Choice(), epochs=0)

    def test_features_are_taken_in_evaluation(self) -> None:
        parts = parts_of(run_of())
        network = build(run_of(), Choice(), parts).train()
        found = features_of(network, parts.test, parts.inputs)
        assert found.shape == (30, 2)
        assert torch.equal(found[:5], network.eval().features(parts.inputs(parts.test.images))[:5])
