"""Means and the like, of the training and measured rooms, against plain references in float64.

Most are recorded and not judged, so that no golden row sees a mean of batch means where the last batch is smaller.
"""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from studies.common import shown, training
from studies.common.training import Labelled
from studies.dagnets import training as listing
from studies.dagnets.measured import speed
from studies.filters2d.cases import Plan, Smoother, Topology
from studies.filters2d.data import signals
from studies.filters2d.measured import blobs, outlines, sequences, transforms
from studies.filters2d.training import search
from studies.rbf.measured import neighbours, trained
from studies.rbf.training import fitting
from studies.rfnn import training as thesis
from studies.rfnn.measured import start
from studies.sesn.measured import averages, realisations
from studies.sesn.published.results import BlogRun

NEAR = 2e-5  # relative: sums of a few hundred values in float32
CLASSES, FEATURES = 4, 3
COUNTS = st.sampled_from((1, 99, 100, 101, 199, 201, 250)) | st.integers(1, 260)  # about the size of a batch, 100
SEEDS = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
few = settings(max_examples=8, deadline=None)


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def classifier(seed: int) -> nn.Linear:
    """Return a linear classifier whose losses differ by far from image to image."""
    layer = nn.Linear(FEATURES, CLASSES)
    layer.load_state_dict({"weight": drawn(seed, CLASSES, FEATURES), "bias": drawn(seed + 1, CLASSES)})
    return layer


def labelled(count: int, seed: int) -> Labelled:
    draw = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, FEATURES), generator=draw, dtype=torch.uint8)
    return Labelled(images, torch.randint(0, CLASSES, (count,), generator=draw))


def inputs(images: Tensor) -> Tensor:
    return images.float() / 64


def reference(network: nn.Linear, data: Labelled) -> tuple[np.ndarray, np.ndarray]:
    """Return for each image whether it is taken for another class, and its cross entropy, in float64."""
    weight, bias = (one.detach().double().numpy() for one in (network.weight, network.bias))
    logits = data.images.double().numpy() / 64 @ weight.T + bias
    top = logits.max(axis=1)
    right = logits[np.arange(len(logits)), data.labels_N.numpy()]
    losses = top + np.log(np.exp(logits - top[:, None]).sum(axis=1)) - right
    return logits.argmax(axis=1) != data.labels_N.numpy(), losses


def near(value: float) -> Any:
    return pytest.approx(value, rel=NEAR, abs=1e-6)


class TestShared:
    """studies/common: an error is of all images, a loss the mean of all images' losses."""

    @quick
    @given(COUNTS, SEEDS)
    def test_evaluation(self, count: int, seed: int) -> None:
        network, data = classifier(seed), labelled(count, seed)
        wrong, losses = reference(network, data)
        error, loss = training.evaluate(network, data, inputs)
        assert error == 100 * int(wrong.sum()) / count
        assert loss == near(losses.mean())

    @quick
    @given(COUNTS, st.integers(9, 120), SEEDS, st.sampled_from((0.0, 0.1)))
    def test_loss_of_an_epoch(self, count: int, batch: int, seed: int, rate: float) -> None:
        network, data = classifier(seed), labelled(count, seed)
        other, losses = copy.deepcopy(network), []
        for first in range(0, count, batch):
            part = Labelled(data.images[first : first + batch], data.labels_N[first : first + batch])
            losses += reference(other, part)[1].tolist()
            other.zero_grad()
            F.cross_entropy(other(inputs(part.images)), part.labels_N).backward()
            for parameter in other.parameters():
                parameter.data.sub_(rate * parameter.grad)
        optimiser = torch.optim.SGD(network.parameters(), lr=rate)
        visited = training.batches(data, inputs, torch.arange(count), batch)
        bad, loss = training.train_epoch(network, optimiser, visited)
        assert bad is None
        assert loss == pytest.approx(np.mean(losses), rel=1e-4)

    @quick
    @given(COUNTS, SEEDS)
    def test_answers(self, count: int, seed: int) -> None:
        network, x = nn.BatchNorm1d(2), 3 * drawn(seed, count, 2) + 1
        assert torch.allclose(training.answers(network, x), x, atol=1e-4)
        if count % 100 == 1:  # a batch of one has no statistics
            return
        found = training.answers(network, x, batch_statistics=True).double()
        parts = [part.double() for part in torch.split(x, 100)]
        wanted = [(part - part.mean(0)) / (part.var(0, correction=0) + network.eps).sqrt() for part in parts]
        assert torch.allclose(found, torch.cat(wanted), atol=1e-3)

    @quick
    @given(st.lists(st.sampled_from((1.0, 2.0, math.inf, math.nan)), max_size=90), st.sampled_from((1, 40)))
    def test_the_first_that_is_not_finite(self, losses: list[float], every: int) -> None:
        wanted = next((number for number, loss in enumerate(losses, 1) if not math.isfinite(loss)), None)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(training.CHECK_EVERY, "cpu", every)
            assert training.first_nonfinite(map(torch.tensor, losses), torch.device("cpu")) == wanted

    @quick
    @given(COUNTS, SEEDS)
    def test_what_is_shown(self, count: int, seed: int) -> None:
        data = labelled(count, seed)
        x = data.images.double().numpy() / 64
        found = shown.shown_figures(data, inputs)
        places = 1 + np.sin(0.7 * np.arange(FEATURES)) / 2
        sums, order = x @ places / FEATURES, 1 + np.sin(0.3 * np.arange(count)) / 2
        wanted = {"mean": x.mean(), "mean_square": (x**2).mean()}
        wanted |= {"by_label": (data.labels_N.numpy() * sums).mean(), "by_place": (order * sums).mean()}
        assert found == {"images": count} | {name: pytest.approx(value, abs=1e-5) for name, value in wanted.items()}


class Blocks(nn.Module):
    """Stands for the thesis' network: a linear classifier behind a batch norm that changes nothing."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.batchnorm, self.layer = nn.BatchNorm2d(1), classifier(seed)

    def forward(self, x_BCHW: Tensor, *_: Any) -> Tensor:
        return F.log_softmax(self.layer(x_BCHW.flatten(1) * (255 / 64)), dim=1)


class TestThesis:
    """studies/rfnn."""

    @quick
    @given(COUNTS, SEEDS)
    def test_evaluation(self, count: int, seed: int) -> None:
        network, data = Blocks(seed), labelled(count, seed)
        wrong, losses = reference(network.layer, data)
        square = thesis.Images(data.images.unsqueeze(1), data.labels_N, 255, FEATURES)
        accuracy, loss = thesis.evaluate(network, square)  # type: ignore[arg-type]
        assert (accuracy, loss) == (100 * int((~wrong).sum()) / count, near(losses.mean()))

    @quick
    @given(st.integers(2, 60), st.integers(1, 70), SEEDS)
    def test_loss_and_gradient_of_an_update(self, count: int, micro_batch: int, seed: int) -> None:
        network, data = Blocks(seed), labelled(count, seed)
        _, losses = reference(network.layer, data)
        x, whole = data.images.float().reshape(count, 1, 1, FEATURES) / 255, copy.deepcopy(network)
        F.nll_loss(whole(x), data.labels_N).backward()
        sgd = torch.optim.SGD(network.parameters(), lr=0.0)
        keep = torch.ones(count, 1, dtype=torch.bool)
        loss = thesis.update(network, sgd, x, data.labels_N, keep, micro_batch)  # type: ignore[arg-type]
        assert float(loss) == near(losses.mean())
        assert torch.allclose(network.layer.weight.grad, whole.layer.weight.grad, atol=1e-5)

    @few
    @given(SEEDS, st.integers(2, 6))
    def test_the_largest_curvature_and_the_norm(self, seed: int, size: int) -> None:
        turned, _ = torch.linalg.qr(drawn(seed, size, size).double())
        matrix = turned @ torch.diag(torch.tensor([9.0, *[1.0] * (size - 1)], dtype=torch.float64)) @ turned.T
        point = drawn(seed, size).double().requires_grad_()
        draw = torch.Generator().manual_seed(seed)
        found = start.top_eigenvalue(lambda: point @ matrix @ point / 2, [point], draw, iterations=20)
        assert found == pytest.approx(np.linalg.eigvalsh(matrix.numpy()).max(), rel=1e-6)
        parts = [drawn(seed, 3), drawn(seed, 2, 2)]
        assert start.norm(parts) == near(np.linalg.norm(np.concatenate([one.numpy().ravel() for one in parts])))


class TestExercise:
    """studies/rbf."""

    @quick
    @given(st.integers(1, 40), st.sampled_from((1, 7, 499, 501)), SEEDS)
    def test_error_of_neighbours(self, points: int, queries: int, seed: int) -> None:
        known, asked = drawn(seed, points, 2).double(), drawn(seed + 1, queries, 2).double()
        mine, theirs = (
            torch.randint(0, CLASSES, (n,), generator=torch.Generator().manual_seed(n)) for n in (points, queries)
        )
        wrong = 0
        for query, label in zip(asked.numpy(), theirs.numpy(), strict=True):
            nearest = np.argsort(((known.numpy() - query) ** 2).sum(axis=1))[:5]
            wrong += np.bincount(mine.numpy()[nearest], minlength=CLASSES).argmax() != label
        assert neighbours.neighbour_error(known, mine, asked, theirs) == 100 * wrong / queries

    @quick
    @given(st.integers(1, 30), st.integers(3, 60), SEEDS)
    def test_share_inside(self, points: int, cloud: int, seed: int) -> None:
        some, many = drawn(seed, points, 2).double().numpy(), drawn(seed + 1, cloud, 2).double().numpy()
        angles = [2 * math.pi * number / 360 for number in range(360)]
        ways = [np.array([math.cos(angle), math.sin(angle)]) for angle in angles]
        inside = [all(point @ way <= (many @ way).max() for way in ways) for point in some]
        found = neighbours.share_inside(torch.from_numpy(some), torch.from_numpy(many))
        assert found == pytest.approx(100 * np.mean(inside))

    @quick
    @given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
    def test_how_training_went(self, errors: list[float]) -> None:
        epochs, best = len(errors), int(np.argmin(errors))
        curves = {"train_loss": [1.0 / (n + 1) for n in range(epochs)], "validation_error": errors}
        found = trained.trained(fitting.Fitted(b"", best + 1, errors[best], 1.0, curves), epochs)
        good = [number for number, error in enumerate(errors, 1) if error < 10]
        assert found == {
            "train_loss": 1 / epochs,
            "validation_error": min(errors),
            "best_epoch": best + 1,
            "reached_90": bool(good),
            "epochs_to_90": good[0] if good else epochs + 1,
        }


class TestSlides:
    """studies/dagnets."""

    @quick
    @given(COUNTS, COUNTS, SEEDS)
    def test_what_is_followed(self, train: int, test: int, seed: int) -> None:
        network, parts = classifier(seed), {"train": labelled(train, seed), "test": labelled(test, seed + 1)}
        found = listing.followed(network, *parts.values(), inputs)
        for name, data in parts.items():
            wrong, losses = reference(network, data)
            assert found[f"{name}_error"] == 100 * int(wrong.sum()) / len(data)
            assert found[f"{name}_loss"] == near(losses.mean())
            for short, share in (("median", 0.5), ("p90", 0.9)):
                wanted = math.log10(max(np.quantile(losses, share), listing.FLOOR))
                assert found[f"{name}_log10_{short}"] == pytest.approx(wanted, abs=1e-2)

    @quick
    @given(st.lists(st.integers(0, 255), min_size=2, max_size=300))
    def test_moments_of_pixels(self, pixels: list[int]) -> None:
        found = listing.moments_of(torch.tensor(pixels, dtype=torch.uint8))
        assert found == pytest.approx((np.mean(pixels), np.std(pixels, ddof=1)), rel=1e-9)

    @quick
    @given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0.1, 9)), min_size=2, max_size=9))
    def test_times_over_one_another(self, seconds: list[tuple[float, float]]) -> None:
        each = iter([one for pair in seconds for one in pair])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(speed, "_timed", lambda *_: (next(each), torch.ones(2)))
            found = speed.measure(lambda: torch.ones(2), lambda: torch.ones(2), len(seconds) - 1, "cpu")
        ratios = [slow / fast for slow, fast in seconds[1:]]
        wanted = {"ratio": np.median(ratios), "lowest": min(ratios), "highest": max(ratios), "equal": 1}
        assert found == pytest.approx(wanted)


class TestNotebook:
    """studies/filters2d."""

    @quick
    @given(COUNTS, SEEDS)
    def test_squared_error(self, count: int, seed: int) -> None:
        network, x = classifier(seed), drawn(seed, count, FEATURES)
        targets = drawn(seed + 1, count, CLASSES)
        weight, bias = (one.detach().double() for one in (network.weight, network.bias))
        wanted = float(((x.double() @ weight.T + bias - targets.double()) ** 2).mean())
        assert search.squared_error(network, Labelled(x, targets)) == near(wanted)

    @quick
    @given(COUNTS, SEEDS)
    def test_share_taken_for_another_class(self, count: int, seed: int) -> None:
        network, data = classifier(seed), labelled(count, seed)
        wrong, _ = reference(network, data)
        shown_data = Labelled(inputs(data.images), data.labels_N)
        assert outlines.error(network, shown_data, batch_statistics=False) == pytest.approx(100 * wrong.mean())

    @quick
    @given(st.integers(3, 50), SEEDS)
    def test_correlation(self, count: int, seed: int) -> None:
        one, other = drawn(seed, count), drawn(seed + 1, count)
        wanted = np.corrcoef(one.double().numpy(), other.double().numpy())[0, 1]
        assert transforms.correlation(one, other) == pytest.approx(wanted, abs=1e-9)

    @few
    @given(SEEDS, st.sampled_from(("boundary", "shape")))
    def test_blobs(self, seed: int, wanted: Any) -> None:
        run: Any = type("Run", (), {"seed": seed % 1000, "device": "cpu"})()
        plan, case = Plan(2, 5, 32, search.Search((1e-3,), 1, 1, 1)), Topology(wanted, "convolutional")
        problem = blobs.topology_problem(case, plan, run)
        x, t = (one.double().numpy() for one in (problem.test.images, problem.test.labels_N))
        whole, edges = (one.numpy() for one in blobs.clean(plan, 5, "test", run.seed))
        truth = (edges if wanted == "boundary" else whole) > 0.5
        found = blobs.topology_values(nn.Identity(), problem, case, plan, run)
        assert found["mse"] == found["batch_mse"] == near(((x - t) ** 2).mean())
        assert found["variance"] == near(t.var())
        assert found["explained"] == pytest.approx(100 * (1 - ((x - t) ** 2).mean() / t.var()), rel=1e-3)
        assert found["overlap"] == near(100 * ((x > 0.5) & truth).sum() / ((x > 0.5) | truth).sum())
        assert found["filled"] == near(100 * truth.mean())

    @few
    @given(SEEDS)
    def test_median(self, seed: int) -> None:
        run: Any = type("Run", (), {"seed": seed % 1000, "device": "cpu"})()
        x = torch.rand((7, 1, 8, 8), generator=torch.Generator().manual_seed(seed))
        problem = search.Problem(*[Labelled(part, signals.median(part)) for part in (x[:4], x[4:])], nn.Identity)
        found = transforms.median_values(nn.Identity(), problem, run)
        t, box = problem.test.labels_N.double(), signals.box_mean(problem.test.images).double()
        mse, off = float(((x[4:].double() - t) ** 2).mean()), float(((box - t) ** 2).mean())
        dots = transforms.dotted(64, run.seed).double()
        assert found["mse"] == found["identity_mse"] == near(mse)
        assert (found["box_mse"], found["dots_mean"]) == (near(off), near(float(dots.mean())))
        assert found["log10_over_box"] == pytest.approx(math.log10(mse / off), abs=1e-4)
        assert found["log10_ratio"] == pytest.approx(math.log10(mse / found["linear_mse"]), abs=1e-4)
        assert found["dots_at"] == near(1)

    @few
    @given(SEEDS)
    def test_pulses(self, seed: int) -> None:
        run: Any = type("Run", (), {"seed": seed % 1000, "device": "cpu"})()
        run.settings = type("S", (), {"smoother": Plan(3, 9, 40, search.Search((1e-3,), 1, 1, 1))})()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sequences, "trained", lambda problem, *_, more, **__: (problem, more))
            problem, more = sequences.run_smoother(Smoother("fir"), run)
        found = more(type("Found", (), {"network": nn.Identity()})())
        x, t = (one.double().numpy() for one in (problem.test.images, problem.test.labels_N))
        mse = ((x - t) ** 2).mean()
        assert (found["mse"], found["log10_mse"]) == (near(mse), pytest.approx(math.log10(mse), abs=1e-5))
        assert found["explained"] == pytest.approx(100 * (1 - mse / t.var()), rel=1e-3)


class TestBlog:
    """studies/sesn."""

    @quick
    @given(st.lists(st.integers(0, 50_000), min_size=2, max_size=12))
    def test_mean_and_deviation_of_published_runs(self, right: list[int]) -> None:
        runs = [BlogRun("scalar_28", 1.0, 0, Fraction(one, 50_000), 1, True) for one in right]
        errors = [100 - one / 500 for one in right]
        assert float(averages.mean(runs)) == pytest.approx(np.mean(errors))
        for ddof in (0, 1):
            assert averages.deviation(runs, ddof=ddof) == pytest.approx(np.std(errors, ddof=ddof), abs=1e-9)

    @quick
    @given(st.lists(st.integers(0, 255), min_size=1, max_size=300))
    def test_moments_of_pixels(self, pixels: list[int]) -> None:
        found = realisations.pixel_moments(np.array(pixels, dtype=np.uint8))
        values = np.array(pixels) / 255
        assert found == pytest.approx((values.mean(), values.std()), abs=1e-12)
