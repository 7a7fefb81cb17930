"""The search over learning rates, and the best linear answers that its results are held against."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from repro.checkpoint import Checkpoint
from repro.errors import UsageError
from repro.study import Run
from studies.common.randomness import stream
from studies.common.training import Labelled, answers
from studies.filters2d import model
from studies.filters2d.cases import Search
from studies.filters2d.measured.transforms import kernel_of
from studies.filters2d.training import search as searching
from studies.filters2d.training.least_squares import best_convolution
from studies.filters2d.training.search import Candidate, Problem, search, squared_error, trained, visited

PLAN = Search((1e-3, 1e-2, 1e-1, 1.0), 40, 400, 10)
RUN = Run("filters2d", "e", "smoke", "{}", 0, 1, None, None)


def images(count: int = 60, channels: int = 1, side: int = 8) -> Tensor:
    return torch.rand((count, channels, side, side), generator=stream(0, "images"))


def blurred(channels: int = 1) -> Problem:
    """Ask for the mean over 3 x 3 pixels, which a 3 x 3 convolution can give exactly."""
    x = images(channels=channels)
    sets = [Labelled(part, F.avg_pool2d(part, 3, 1, 1)) for part in (x[:40], x[40:])]
    return Problem(*sets, make=lambda: nn.Conv2d(channels, channels, 3, padding=1))


class TestSearch:
    def test_the_worse_half_goes_after_one_and_three_segments(self, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[tuple[float, int]] = []
        train = searching._train
        monkeypatch.setattr(
            searching, "_train", lambda one, *rest: (seen.append((one.rate, rest[2])), train(one, *rest))
        )
        found = search(blurred(), PLAN, optimiser="sgd", seed=1)
        by_segment = [len([rate for rate, segment in seen if segment == number]) for number in range(10)]
        assert by_segment == [4, 2, 2, 1, 1, 1, 1, 1, 1, 1]
        assert len(found.losses) == 10

    def test_it_finds_the_rate_that_learns(self) -> None:
        found = search(blurred(), PLAN, optimiser="sgd", seed=1)
        assert found.rate in (0.1, 1.0)
        assert found.losses[-1] < found.losses[0] / 10

    def test_of_several_that_are_left_the_one_with_the_lowest_loss_is_kept(self) -> None:
        short = replace(PLAN, rates=(1e-3, 1e-2, 1e-1), samples=PLAN.trial)  # one segment: two of three are left
        found = search(blurred(), short, optimiser="sgd", seed=1)
        alone = [search(blurred(), replace(short, rates=(rate,)), optimiser="sgd", seed=1) for rate in short.rates]
        assert found.losses[-1] == min(one.losses[-1] for one in alone)

    def test_a_rate_that_leaves_the_real_numbers_is_dropped(self) -> None:
        found = search(blurred(), replace(PLAN, rates=(1e30, 1e-1)), optimiser="sgd", seed=1)
        assert (found.rate, found.failed) == (0.1, "")

    def test_all_rates_lost_is_no_result(self) -> None:
        plan = replace(PLAN, rates=(1e30, 1e35))
        found = trained(blurred(), plan, RUN, optimiser="sgd", more=lambda _: {})
        assert (found.status, found.values) == ("nonfinite", {})
        assert found.detail.startswith("loss not finite in segment 1 at rate")

    def test_an_error_that_is_not_finite_is_no_result(self) -> None:
        found = trained(blurred(), PLAN, RUN, optimiser="sgd", more=lambda _: {"mse": math.nan})
        assert (found.status, found.values) == ("nonfinite", {})
        assert found.detail.startswith("mse not finite on the test images")

    def test_seed_decides(self) -> None:
        one, again, other = (search(blurred(), PLAN, optimiser="adam", seed=seed).losses for seed in (1, 1, 2))
        assert one == again
        assert one != other

    def test_test_images_choose_nothing(self) -> None:
        problem = blurred()
        spoilt = replace(problem, test=Labelled(problem.test.images, -problem.test.labels_N))
        one, other = (search(each, PLAN, optimiser="sgd", seed=1) for each in (problem, spoilt))
        assert one.losses == other.losses

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"rates": ()}, "wanted rates"),
            ({"trial": 5}, "a trial of at least one batch"),
            ({"samples": 30}, "as many samples"),
        ],
    )
    def test_a_plan_that_trains_nothing_is_refused(self, change: dict[str, Any], words: str) -> None:
        with pytest.raises(UsageError, match=words):
            search(blurred(), replace(PLAN, **change), optimiser="sgd", seed=1)

    def test_an_unknown_optimiser_is_refused(self) -> None:
        with pytest.raises(UsageError, match="unknown optimiser 'lion'; choose sgd or adam"):
            search(blurred(), PLAN, optimiser="lion", seed=1)

    def test_images_of_another_kind_are_refused_with_both_shapes(self) -> None:
        problem = blurred()
        wrong = replace(problem, make=lambda: nn.Conv2d(3, 1, 3, padding=1))
        with pytest.raises(
            UsageError, match=r"does not take these images, inputs \(40, 1, 8, 8\).*3 channels"
        ) as raised:
            search(wrong, PLAN, optimiser="sgd", seed=1)
        assert "\n" not in str(raised.value)
        with pytest.raises(UsageError, match=r"answers \(N, 2, 8, 8\), got inputs .* targets \(40, 1, 8, 8\)"):
            search(replace(problem, make=lambda: nn.Conv2d(1, 2, 3, padding=1)), PLAN, optimiser="sgd", seed=1)
        short = Labelled(problem.train.images, problem.train.labels_N[:3])
        with pytest.raises(UsageError, match="a target for each input"):
            search(replace(problem, train=short), PLAN, optimiser="sgd", seed=1)


class TestTakenUp:
    """With four rates, one of which fails."""

    PLAN = replace(PLAN, rates=(1e-3, 1e30, 1e-2, 1e-1))

    def found(self, checkpoint: Checkpoint | None = None) -> Candidate:
        run = replace(RUN, checkpoint=checkpoint)
        return search(
            blurred(),
            self.PLAN,
            optimiser="adam",
            seed=1,
            watch=lambda one: float(next(one.parameters()).detach().sum()),
            run=run,
        )

    @pytest.mark.parametrize("after", [1, 2, 3, 4, 5, 9, 12])
    def test_after_any_segment_of_any_network(
        self, after: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        whole, train, count = self.found(), searching._train, 0

        def cut(*given: Any) -> None:
            nonlocal count
            count += 1
            if count > after:
                raise KeyboardInterrupt
            train(*given)

        with monkeypatch.context() as patch:
            patch.setattr(searching, "_train", cut)
            with pytest.raises(KeyboardInterrupt):
                self.found(Checkpoint(tmp_path / "c", "run", every_s=0.0))
        again = self.found(Checkpoint(tmp_path / "c", "run", every_s=0.0))
        assert (again.rate, again.losses, again.watched) == (whole.rate, whole.losses, whole.watched)
        for one, other in zip(again.network.parameters(), whole.network.parameters(), strict=True):
            assert torch.equal(one, other)

    def test_a_turn_is_planned_for_each_network_that_is_left(self) -> None:
        assert searching.places_of(self.PLAN) == [4, 2, 2, 1, 1, 1, 1, 1, 1, 1]
        assert searching.places_of(replace(PLAN, rates=(0.1,) * 5, samples=160)) == [5, 3, 3, 2]


class TestOrder:
    def test_every_image_comes_once_an_epoch_across_segments(self) -> None:
        whole = torch.cat([visited(7, 3, start, 5) for start in range(0, 35, 5)])
        assert [sorted(epoch.tolist()) for epoch in whole.split(7)] == [list(range(7))] * 5
        assert not torch.equal(whole[:7], whole[7:14])


def test_a_learned_kernel_is_read_where_its_network_is() -> None:
    network = model.filter_layer("full", 16).to("meta")
    assert kernel_of(network).device.type == "meta"
    assert all(one.device.type == "meta" for one in network.parameters())


class TestModes:
    def network(self) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2))

    def test_batch_statistics_change_the_answer_and_not_the_network(self) -> None:
        network, x = self.network(), images()
        before = {name: value.clone() for name, value in network.state_dict().items()}
        batch, running = answers(network, x, batch_statistics=True), answers(network, x)
        assert not torch.allclose(batch, running)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert float(batch.mean()) == pytest.approx(0, abs=1e-5)

    def test_the_error_is_that_of_the_mode(self) -> None:
        network, x = self.network(), images()
        data = Labelled(x, answers(network, x))
        assert squared_error(network, data) == 0
        assert squared_error(network, data, batch_statistics=True) > 0.01


class TestLeastSquares:
    def test_a_convolution_is_recovered(self) -> None:
        layer = nn.Conv2d(2, 3, 5, padding=2).requires_grad_(False)
        x = images(channels=2, side=12)
        found = best_convolution(x, layer(x), 5)
        assert torch.allclose(found.weight, layer.weight, atol=1e-5)
        assert torch.allclose(found.bias, layer.bias, atol=1e-5)

    def test_no_other_kernel_is_better(self) -> None:
        x = images(side=10)
        targets = x.sqrt()
        best = best_convolution(x, targets, 3)
        least = float(F.mse_loss(best(x), targets))
        for number in range(9):
            worse = nn.Conv2d(1, 1, 3, padding=1).requires_grad_(False)
            worse.load_state_dict(best.state_dict())
            worse.weight.view(-1)[number] += 0.01
            assert float(F.mse_loss(worse(x), targets)) > least

    def test_shapes_that_do_not_belong_together_are_refused(self) -> None:
        with pytest.raises(UsageError, match=r"got \(60, 1, 8, 8\), \(60, 1, 6, 6\) and 3"):
            best_convolution(images(), images(side=6), 3)
        with pytest.raises(UsageError, match="an odd kernel"):
            best_convolution(images(), images(), 4)
