"""The two trainers: what they show the network, which checkpoint they keep, when they stop."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from repro.errors import IntegrityError, UsageError
from repro.study import Run
from studies.common import training
from studies.common.training import Labelled, evaluate, resident, train_epoch
from studies.sesn.data import augmentation
from studies.sesn.measured.shown import shown_figures
from studies.sesn.model import mnist as networks
from studies.sesn.training import mnist, stl10
from studies.sesn.training.mnist import batches, normalised, train_scaled_mnist
from tests.studies.sesn.copies import copies


@dataclass(frozen=True)
class Recipe:
    """Settings of either trainer."""

    epochs: int = 2
    batch: int = 16
    learning_rate: float = 0.01
    steps: tuple[int, ...] = (1,)
    widen: int = 1
    classes: int = 10


@dataclass(frozen=True)
class Settings:
    mnist: Recipe = Recipe()
    stl10: Recipe = Recipe(learning_rate=0.1)


class Toy:
    """Stands for a data set: noise with labels that the brightness tells."""

    name = "toy"

    def __init__(self, counts: dict[str, int], shape: tuple[int, ...]) -> None:
        draw = np.random.default_rng(0)
        self.arrays: dict[str, Any] = {}
        for part, count in counts.items():
            labels = np.arange(count) % 10
            noise = draw.integers(0, 20, (count, *shape))
            self.arrays[f"{part}_images"] = (noise + 20 * labels.reshape(-1, *[1] * len(shape))).astype(np.uint8)
            self.arrays[f"{part}_labels"] = labels.astype(np.uint8)

    def load(self) -> dict[str, Any]:
        return self.arrays


def run_of(data: Any, settings: Settings = Settings(), seed: int = 1) -> Run:
    return Run("sesn", "e", "smoke", "{}", 0, seed, settings, data)


def digits(train: int = 40) -> Toy:
    return Toy({"train": train, "val": 20, "test": 30}, (28, 28))


def labelled(toy: Toy, part: str) -> Labelled:
    return Labelled(torch.tensor(toy.arrays[f"{part}_images"]), torch.tensor(toy.arrays[f"{part}_labels"]).long())


class TestResident:
    def test_no_data_is_refused(self) -> None:
        with pytest.raises(UsageError, match="names no data"):
            resident(run_of(None), "train", classes=10)

    @pytest.mark.parametrize("label", [10, 255])
    def test_a_label_out_of_range_is_named(self, label: int) -> None:
        toy = digits()
        toy.arrays["val_labels"][3] = label
        with pytest.raises(IntegrityError, match=rf"val_labels have to lie in 0 to 9, got \[.*{label}"):
            resident(run_of(toy), "train", "val", classes=10)


class TestInputs:
    def test_they_are_those_of_grayscale_to_tensor_and_normalize(self) -> None:
        """The released pipeline goes through three equal channels and back, which changes no grey level."""
        images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
        grey = torch.from_numpy(images[0]).to(torch.float32).div(255)
        expected = (grey - torch.tensor(0.0607)) / torch.tensor(0.2161)
        assert torch.equal(normalised(torch.from_numpy(images))[0, 0], expected)

    def test_every_image_comes_once_and_the_last_batch_is_partial(self) -> None:
        train = labelled(digits(), "train")
        found = list(batches(train, low=1, batch=16, seed=0, epoch=1))
        assert [len(labels) for _, labels in found] == [16, 16, 8]
        shown = torch.cat([x.mean((1, 2, 3)) for x, _ in found]).sort().values
        assert torch.allclose(shown, normalised(train.images).mean((1, 2, 3)).sort().values)

    def test_epochs_have_orders_and_scales_of_their_own(self) -> None:
        train = labelled(digits(), "train")
        one, again, two = (next(batches(train, low=0.5, batch=16, seed=0, epoch=epoch))[0] for epoch in (1, 1, 2))
        assert torch.equal(one, again)
        assert not torch.equal(one, two)

    def test_only_training_images_are_augmented(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[int] = []
        scale = augmentation.augment
        monkeypatch.setattr(
            augmentation, "augment", lambda images, factors: seen.append(len(images)) or scale(images, factors)
        )
        train_scaled_mnist("cnn_small", 0.5, run_of(digits()))
        assert sum(seen) == 2 * 40
        seen.clear()
        train_scaled_mnist("cnn_small", 1.0, run_of(digits()))
        assert seen == []


class Constant(nn.Module):
    """Says the same for every image."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


class TestEvaluate:
    def test_it_counts_errors_and_takes_the_mean_loss(self) -> None:
        test = labelled(digits(), "test")
        error, loss = evaluate(Constant([1.0] + [0.0] * 9), test, normalised)
        assert error == 90
        right = math.log(math.e + 9)
        assert loss == pytest.approx(0.1 * (right - 1) + 0.9 * right)

    def test_it_leaves_the_running_statistics_alone(self) -> None:
        network = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))
        network.train()
        before = network[0].running_mean.clone()
        evaluate(network, labelled(digits(), "test"), normalised)
        assert torch.equal(network[0].running_mean, before)


class TestTrainEpoch:
    def test_the_mean_loss_weighs_a_partial_batch_by_its_images(self) -> None:
        network = Constant([0.0] * 10)
        optimiser = torch.optim.SGD(network.parameters(), lr=0.0)
        x = torch.zeros(5, 1, 1, 1)
        visited = [(x, torch.zeros(5).long()), (x[:1], torch.zeros(1).long())]
        bad, loss = train_epoch(network, optimiser, visited)
        assert bad is None
        assert loss == pytest.approx(math.log(10), rel=1e-6)

    def test_the_first_loss_that_is_not_finite_ends_it(self) -> None:
        network = Constant([0.0] * 10)
        optimiser = torch.optim.SGD(network.parameters(), lr=math.inf)
        x, labels = torch.zeros(5, 1, 1, 1), torch.zeros(5).long()
        consumed: list[int] = []

        def visited() -> Iterator[tuple[Tensor, Tensor]]:
            for number in range(1, 6):
                consumed.append(number)
                yield x, labels

        bad, _ = train_epoch(network, optimiser, visited())
        assert bad == 2
        assert consumed == [1, 2]


class TestScaledMnist:
    def test_the_first_of_the_best_checkpoints_is_kept(self, monkeypatch: pytest.MonkeyPatch) -> None:
        errors = iter([50.0, 30.0, 30.0, 40.0])
        monkeypatch.setattr(mnist, "evaluate", lambda *_: (next(errors), 1.0))
        network = networks.build("cnn_small")
        train = labelled(digits(), "train")
        found = mnist.fit(network, train, train, settings=Recipe(epochs=4), low=1, run=run_of(digits()))
        assert (found.epoch, found.error) == (2, 30.0)
        assert found.curves["validation_error"] == [50.0, 30.0, 30.0, 40.0]
        assert not torch.equal(found.checkpoint["output.weight"], network.state_dict()["output.weight"])

    def test_the_checkpoint_is_what_is_tested(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Planted below: testing the last epoch's network gives another error."""
        outcome = train_scaled_mnist("cnn_small", 1.0, run_of(digits(80), Settings(Recipe(epochs=4, steps=()))))
        monkeypatch.setattr(nn.Module, "load_state_dict", lambda *_: None)
        last = train_scaled_mnist("cnn_small", 1.0, run_of(digits(80), Settings(Recipe(epochs=4, steps=()))))
        assert outcome.curves == last.curves
        assert (outcome.values["best_epoch"] == 4) == (outcome.values["loss"] == last.values["loss"])

    def test_the_rate_falls_after_the_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rates: list[float] = []

        def train_epoch(_: nn.Module, optimiser: torch.optim.Optimizer, visited: Any) -> tuple[None, float]:
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            return None, 1.0

        monkeypatch.setattr(mnist, "train_epoch", train_epoch)
        train_scaled_mnist("cnn_small", 1.0, run_of(digits(), Settings(Recipe(epochs=5, steps=(2, 4)))))
        assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001])

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        outcome = train_scaled_mnist("cnn_small", 1.0, run_of(digits(), Settings(Recipe(learning_rate=math.inf))))
        assert (outcome.status, outcome.values) == ("nonfinite", {})
        assert outcome.detail == "loss not finite at update 2 of epoch 1"

    def test_no_epoch_is_refused(self) -> None:
        with pytest.raises(UsageError, match="at least one epoch, got 0"):
            train_scaled_mnist("cnn_small", 1.0, run_of(digits(), Settings(Recipe(epochs=0))))

    def test_seed_decides(self) -> None:
        one, again, other = (train_scaled_mnist("cnn_small", 0.5, run_of(digits(), seed=seed)) for seed in (1, 1, 2))
        assert one == again
        assert one.values != other.values


class TestShown:
    @pytest.mark.parametrize(("part", "low"), [("train", 1.0), ("test", 1.0), ("test", 0.5)])
    def test_what_is_not_augmented_is_shown_as_it_is(self, part: str, low: float) -> None:
        toy = digits()
        plain = normalised(torch.tensor(toy.arrays[f"{part}_images"])).double()
        figures = shown_figures(part, low, run_of(toy))
        assert figures["images"] == len(plain)
        assert figures["mean"] == pytest.approx(plain.mean().item(), rel=1e-12)
        assert figures["sd"] == pytest.approx(plain.std(correction=0).item(), rel=1e-12)

    def test_augmented_images_are_others(self) -> None:
        toy = digits()
        assert shown_figures("train", 0.5, run_of(toy)) != shown_figures("train", 1, run_of(toy))


class TestStl10:
    def toy(self) -> Toy:
        return Toy({"train": 20, "test": 10}, (3, 16, 16))

    def test_it_reports_the_last_epoch(self) -> None:
        outcome = stl10.train_stl10("wrn", run_of(self.toy()))
        assert outcome.status == "ok"
        assert outcome.values["train_loss"] == outcome.curves["train_loss"][-1]
        assert outcome.values["seconds_per_image"] > 0

    def test_seed_decides_all_but_the_time(self) -> None:
        def values(seed: int) -> dict[str, float]:
            outcome = stl10.train_stl10("wrn", run_of(self.toy(), seed=seed))
            return {name: value for name, value in outcome.values.items() if name != "seconds_per_image"}

        assert values(1) == values(1)
        assert values(1) != values(2)

    def test_a_loss_that_is_not_finite_ends_the_run(self) -> None:
        wild = replace(Settings(), stl10=Recipe(learning_rate=math.inf))
        outcome = stl10.train_stl10("wrn", run_of(self.toy(), wild))
        assert outcome.detail == "loss not finite at update 2 of epoch 1"

    def test_the_descent_is_the_paper_s(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without its weight decay only a replay saw it, which needs a machine of the golden's kind."""
        groups: list[dict[str, Any]] = []

        def train_epoch(_network: nn.Module, optimiser: torch.optim.Optimizer, _visited: object) -> tuple[None, float]:
            assert type(optimiser) is torch.optim.SGD
            groups.append({name: value for name, value in optimiser.param_groups[0].items() if name != "params"})
            optimiser.step()
            return None, 1.0

        monkeypatch.setattr(stl10, "train_epoch", train_epoch)
        settings = replace(Settings(), stl10=Recipe(epochs=3, learning_rate=0.1, steps=(1, 2)))
        stl10.train_stl10("wrn", run_of(self.toy(), settings))
        assert [one["lr"] for one in groups] == pytest.approx([0.1, 0.02, 0.004])
        for one in groups:
            found = (one["momentum"], one["nesterov"], one["dampening"], one["weight_decay"], one["maximize"])
            assert found == (0.9, True, 0, 5e-4, False)

    def test_training_images_are_cut_out_and_test_images_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shown: list[Tensor] = []
        monkeypatch.setattr(
            stl10, "evaluate", lambda network, data, inputs: shown.append(inputs(data.images)) or (0.0, 1.0)
        )
        toy = self.toy()
        recipe = stl10.recipe_for(torch.tensor(toy.arrays["train_images"]))
        stl10.train_stl10("wrn", run_of(toy))
        assert torch.equal(shown[0], stl10.prepare(torch.tensor(toy.arrays["test_images"]), recipe))
        x, _ = next(stl10.batches(labelled(toy, "train"), recipe, batch=20, seed=0, epoch=1))
        assert (x == 0).all(dim=1).any()

    def test_what_an_epoch_copies_to_the_device_does_not_hang_on_its_batches(self) -> None:
        toy = self.toy()
        recipe = stl10.recipe_for(torch.tensor(toy.arrays["train_images"]))
        here = labelled(toy, "train")
        there = Labelled(here.images.to("meta"), here.labels_N.to("meta"))

        def copied(batch: int) -> int:
            return copies(lambda: list(stl10.batches(there, recipe, batch=batch, seed=0, epoch=1)))

        copied(20)  # the colours of the recipe, once
        assert copied(20) == copied(5) == copied(2) > 0


def test_dropout_draws_from_the_generator_that_training_sets() -> None:
    network = networks.build("cnn_small")
    generator = torch.Generator()
    training.set_dropout(network, generator)
    assert network.dropout.generator is generator
