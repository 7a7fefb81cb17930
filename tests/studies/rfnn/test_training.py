"""The training loop: protocol, gradients, randomness, evaluation and what happens when the loss is no number."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.optim import SGD

from repro.errors import UsageError
from repro.study import Outcome
from studies.common import training as common_training
from studies.common.randomness import stream
from studies.common.training import epoch_order
from studies.rfnn import training
from studies.rfnn.model.layers import batch_statistics
from studies.rfnn.model.network import AS_PUBLISHED, RFNN, ControlCNN, Switches, TwoBlocks, initialise
from studies.rfnn.training import (
    Images,
    Optimiser,
    double_pil,
    epoch_masks,
    evaluate,
    learning_rates,
    momentum,
    resident,
    train,
    update,
)


def toy(count: int = 40, size: int = 8) -> Images:
    """Two easy classes: a bar across or down."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 40, (count, size, size), dtype=np.uint8)
    labels = np.arange(count) % 2
    images[labels == 0, 3, :] = 255
    images[labels == 1, :, 3] = 255
    return Images(torch.tensor(images), torch.tensor(labels), peak=255, size=size)


def fit(
    seed: int = 1, switches: Switches = AS_PUBLISHED, *, network: TwoBlocks | None = None, **options: float
) -> Outcome:
    made = network or ControlCNN(3, 3, image_size=8)
    initialise(made, seed, switches.gain)
    settings = {"epochs": 2, "batch": 10, "learning_rate": 0.01, **options}
    return train(made, toy(), toy(20), switches=switches, seed=seed, **settings)  # type: ignore[arg-type]


class TestSchedule:
    def test_the_listing_trains_9_10_and_1_epochs(self) -> None:
        assert learning_rates(20, 1e-3, "listing") == pytest.approx((1e-3,) * 9 + (1e-4,) * 10 + (1e-5,))

    def test_the_listing_decays_thrice_in_30_epochs(self) -> None:
        rates = learning_rates(30, 1e-3, "listing")
        assert rates == pytest.approx((1e-3,) * 9 + (1e-4,) * 10 + (1e-5,) * 10 + (1e-6,))

    def test_the_text_trains_10_epochs_at_each_rate(self) -> None:
        assert learning_rates(30, 1e-3, "text") == pytest.approx((1e-3,) * 10 + (1e-4,) * 10 + (1e-5,) * 10)

    def test_readings_differ(self) -> None:
        assert learning_rates(20, 1e-3, "text") != learning_rates(20, 1e-3, "listing")

    def test_momentum_is_tied_to_the_rate_or_fixed(self) -> None:
        assert [momentum(rate, "tied") for rate in (1e-3, 1e-4, 1e-5)] == pytest.approx([0.99, 0.999, 0.9999])
        assert [momentum(rate, "fixed") for rate in (1e-3, 1e-5)] == [0.99, 0.99]

    def test_a_rate_without_a_momentum_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"got lr 0\.2"):
            momentum(0.2, "tied")


def displacements(switches: Switches, epochs: int = 20) -> list[float]:
    """Walk with a unit gradient, 120 updates an epoch, and return the way of each epoch."""
    network = torch.nn.Linear(1, 1, bias=False).double()
    torch.nn.init.zeros_(network.weight)
    optimiser = Optimiser(network, switches)
    network.weight.grad = torch.ones_like(network.weight)
    ways, before = [], 0.0
    for rate in learning_rates(epochs, 1e-3, switches.schedule):
        sgd = optimiser.epoch(rate)
        for _ in range(120):
            sgd.step()
        now = float(network.weight.detach())
        ways.append(before - now)
        before = now
    return ways


class TestOptimiser:
    def test_velocity_starts_anew_each_epoch(self) -> None:
        ways = displacements(Switches())
        assert [ways[0], ways[8], ways[9], ways[18], ways[19]] == pytest.approx(
            [5.133, 5.133, 0.709, 0.709, 0.0735], rel=1e-3
        )

    def test_a_velocity_that_persists_is_told_apart(self) -> None:
        ways = displacements(Switches(optimiser_state="persistent", schedule="text"))
        assert ways[9] == pytest.approx(12.0, rel=1e-3)
        assert ways[10] == pytest.approx(1.84, rel=1e-2)
        assert ways[19] == pytest.approx(8.55, rel=1e-2)
        assert ways[1] != pytest.approx(displacements(Switches())[1], rel=0.1)

    def test_updates_are_nesterovs(self) -> None:
        """v <- mu v + g; p <- p - lr (g + mu v): PyTorch's form of the look-ahead."""
        network = torch.nn.Linear(3, 1, bias=False).double()
        weight = network.weight.detach().clone()
        sgd = Optimiser(network, Switches()).epoch(0.01)
        velocity = torch.zeros_like(weight)
        for step in range(5):
            gradient = torch.full_like(weight, step + 1.0)
            network.weight.grad = gradient.clone()
            sgd.step()
            velocity = 0.9 * velocity + gradient
            weight = weight - 0.01 * (gradient + 0.9 * velocity)
        torch.testing.assert_close(network.weight.detach(), weight)


class TestUpdate:
    """Micro-batches give the whole batch's gradient, hence its update (float64)."""

    @pytest.mark.parametrize("layout", ["as_listed", "as_described"])
    def test_micro_batches_add_up_to_the_batch(self, layout: str) -> None:
        switches = Switches(layout=layout)  # type: ignore[arg-type]
        x = torch.rand(23, 1, 8, 8, dtype=torch.float64, generator=stream(0, "x"))
        labels = torch.arange(23) % 10
        keep = torch.rand(23, 128, generator=stream(0, "keep")) < 0.5
        results = []
        for micro_batch in (23, 5):
            network = RFNN(1, 0.5, switches, image_size=8).double()
            initialise(network, 0, "uniform")
            loss = update(network, Optimiser(network, switches).epoch(0.01), x, labels, keep, micro_batch)
            results.append([float(loss), *network.state_dict().values()])
        whole = RFNN(1, 0.5, switches, image_size=8).double()
        initialise(whole, 0, "uniform")
        for layer in (whole.first, whole.second):
            layer.fast = False  # type: ignore[assignment]
        sgd = SGD(whole.parameters(), lr=0.01, momentum=0.9, nesterov=True)
        expected = F.nll_loss(whole(x, batch_statistics(whole.batchnorm, x), keep), labels)
        expected.backward()
        sgd.step()
        for result in results:
            torch.testing.assert_close(result, [float(expected.detach()), *whole.state_dict().values()])

    def test_statistics_of_the_part_would_give_another_gradient(self) -> None:
        x = torch.rand(8, 1, 8, 8, dtype=torch.float64) * torch.arange(1, 9).view(8, 1, 1, 1)
        network = ControlCNN(3, 3, image_size=8).double()
        gradients = []
        for statistics in (batch_statistics(network.batchnorm, x), batch_statistics(network.batchnorm, x[:4])):
            loss = F.nll_loss(network(x[:4], statistics), torch.arange(4))
            gradients.append(torch.autograd.grad(loss, network.second.weight)[0])  # type: ignore[arg-type]
        assert not torch.allclose(*gradients, rtol=1e-2)


class TestRandomness:
    def test_same_seed_same_bits(self) -> None:
        assert fit(seed=3) == fit(seed=3)

    def test_other_seed_other_bits(self) -> None:
        assert fit(seed=3).curves["loss"] != fit(seed=4).curves["loss"]

    def test_order_is_a_permutation_new_each_epoch(self) -> None:
        one, two = epoch_order(50, 1, 1), epoch_order(50, 1, 2)
        assert sorted(one.tolist()) == list(range(50))
        assert torch.equal(one, epoch_order(50, 1, 1))
        assert not torch.equal(one, two)
        assert not torch.equal(one, epoch_order(50, 2, 1))

    def test_masks_keep_half(self) -> None:
        masks = epoch_masks(500, 1, 1)
        assert masks.shape == (500, 128)
        assert abs(float(masks.float().mean()) - 0.5) < 0.01
        assert not torch.equal(masks, epoch_masks(500, 1, 2))
        assert not torch.equal(masks, epoch_masks(500, 2, 1))


@pytest.mark.parametrize(
    ("changed", "options"),
    [({"schedule": "text"}, {"epochs": 10}), ({"optimiser_state": "persistent"}, {}), ({"momentum": "fixed"}, {}),
     ({"gain": "ones"}, {})],
    ids=str,
)  # fmt: skip
def test_each_switch_of_the_training_changes_the_result(changed: dict[str, str], options: dict[str, int]) -> None:
    other = dataclasses.replace(Switches(), **changed)  # type: ignore[arg-type]
    assert fit(**options).curves["loss"] != fit(switches=other, **options).curves["loss"]


class TestOutcome:
    def test_a_learnable_set_is_learned(self) -> None:
        outcome = fit(epochs=4)
        assert outcome.status == "ok"
        assert outcome.values["accuracy"] == 100
        assert (outcome.n_test, outcome.epochs) == (20, 4)

    def test_values_are_the_ends_of_the_curves(self) -> None:
        outcome = fit(epochs=3)
        accuracies, losses = outcome.curves["accuracy"], outcome.curves["loss"]
        assert len(accuracies) == len(losses) == 3
        assert outcome.values == {
            "accuracy": accuracies[-1],
            "loss": losses[-1],
            "log10_loss": math.log10(losses[-1]),
            "best_accuracy": max(accuracies),
            "best_epoch": accuracies.index(max(accuracies)) + 1,
        }

    def test_a_loss_that_is_no_number_ends_the_run_without_values(self) -> None:
        network = ControlCNN(3, 3, image_size=8)
        calls = 0

        def poison(module: torch.nn.Module, args: object, output: torch.Tensor) -> torch.Tensor:
            nonlocal calls
            calls += 1
            return output * float("nan") if calls == 3 else output

        network.output.register_forward_hook(poison)
        outcome = fit(network=network)
        assert (outcome.status, outcome.detail) == ("nonfinite", "loss not finite at update 3 of epoch 1")
        assert not outcome.values
        assert not outcome.curves

    def test_parameters_lost_in_the_last_update_are_noticed(self) -> None:
        network = ControlCNN(3, 3, image_size=8)
        network.output.weight.register_hook(lambda gradient: gradient * float("inf"))
        outcome = fit(network=network, batch=40)
        assert (outcome.status, outcome.detail) == ("nonfinite", "test loss not finite after epoch 1")

    def test_scales_of_a_half_diverge(self) -> None:
        outcome = fit(switches=Switches(gain="ones"), network=RFNN(0.5, 0.5, image_size=8), epochs=3)
        assert outcome.status == "nonfinite"
        assert outcome.detail.startswith("loss not finite at update ")


@pytest.mark.parametrize("every", [1, 3, 40])
def test_looking_seldom_finds_the_same_update(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(common_training.CHECK_EVERY, "cpu", every)
    network = ControlCNN(3, 3, image_size=8)
    losses = iter([1.0, 2.0, float("nan"), float("nan")])
    monkeypatch.setattr(training, "update", lambda *_: torch.tensor(next(losses)))
    sgd = Optimiser(network, Switches()).epoch(0.01)
    assert training.train_epoch(network, sgd, toy(), seed=0, epoch=1, batch=10, micro_batch=10) == 3


def test_evaluation_counts_every_image_once() -> None:
    network = ControlCNN(3, 3, image_size=8)
    initialise(network, 0, "ones")
    images = toy(230)
    accuracy, loss = evaluate(network, images)
    with torch.no_grad():
        log_probability = network(images.inputs(slice(None)))
    assert accuracy == 100 * int((log_probability.argmax(1) == images.labels_N).sum()) / 230
    assert loss == pytest.approx(float(F.nll_loss(log_probability, images.labels_N)))


class TestImages:
    def test_pixels_are_torchvisions(self) -> None:
        to_tensor = pytest.importorskip("torchvision.transforms").ToTensor()
        images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
        made = Images(torch.tensor(images), torch.zeros(20), peak=255, size=28).inputs(torch.arange(20))
        assert torch.equal(made, torch.stack([to_tensor(image) for image in images]))

    def test_the_peak_becomes_one(self) -> None:
        made = Images(torch.full((1, 8, 8), 16, dtype=torch.uint8), torch.zeros(1), peak=16, size=16)
        assert torch.equal(made.inputs(slice(None)), torch.ones(1, 1, 16, 16))

    def test_doubling_is_pils(self) -> None:
        image = pytest.importorskip("PIL.Image")
        pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 7), dtype=np.uint8)
        wanted = [np.asarray(image.fromarray(one).resize((14, 14), image.Resampling.BILINEAR)) for one in pixels]
        assert np.array_equal(double_pil(torch.tensor(pixels)).numpy(), np.stack(wanted))

    def test_readings_of_upscaling_differ_as_the_study_notes_say(self) -> None:
        """Corners aligned or not: far apart. PIL: within the two roundings to 8 bits of the latter."""
        pixels = torch.randint(0, 256, (10, 28, 28), dtype=torch.uint8, generator=stream(0, "pixels"))
        plain = Images(pixels, torch.zeros(10), peak=255, size=28, upsample="bilinear").inputs(slice(None))
        corners = Images(pixels, torch.zeros(10), peak=255, size=28, upsample="bilinear_corners").inputs(slice(None))
        pil = Images(double_pil(pixels), torch.zeros(10), peak=255, size=28, upsample="pil").inputs(slice(None))
        assert plain.shape == corners.shape == pil.shape == (10, 1, 56, 56)
        assert float((plain - corners).abs().max()) > 0.1
        assert 0 < float((plain - pil).abs().max()) <= 1.01 / 255

    def test_resident_sets_are_those_of_the_arrays(self) -> None:
        arrays = {
            "train_images": np.ones((3, 8, 8), np.uint8),
            "train_labels": np.array([1, 2, 3], np.uint8),
            "test_images": np.zeros((2, 8, 8), np.uint8),
            "test_labels": np.array([4, 5], np.uint8),
        }
        train_set, test_set = resident(arrays, peak=16, size=8, switches=Switches(upsample="pil"))
        assert train_set.labels_N.tolist() == [1, 2, 3]
        assert test_set.labels_N.tolist() == [4, 5]
        assert train_set.inputs(slice(None)).shape == (3, 1, 16, 16)
        with pytest.raises(UsageError, match="needs 16x16 images, got 8"):
            resident(arrays, peak=16, size=16, switches=Switches(upsample="pil"))


def test_reproducible_restores_the_threads() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with training.reproducible():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
